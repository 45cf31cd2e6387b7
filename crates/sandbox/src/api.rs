//! An error as every service of the sandbox raises it; the protocol layers write it as JSON or XML.

/// `Code: message` with an HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// AWS's error name: `AccessDeniedException`, `NoSuchEntity`, …
    pub code: String,
    /// AWS's message, in its own wording where that is known.
    pub message: String,
    /// HTTP status; 400 for JSON services.
    pub status: u16,
}

impl ApiError {
    /// An error with HTTP status 400.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: 400,
        }
    }

    /// S3's word for a request that is wrong as a whole.
    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequest", message)
    }

    /// The word of S3 and others for a member that is wrong.
    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new("InvalidArgument", message)
    }

    /// S3's word for what it has and does not do.
    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new("NotImplemented", message).status(501)
    }

    /// An operation of a JSON service that the sandbox has not.
    pub(crate) fn unserved(service: &str, operation: &str) -> Self {
        let message = format!("the sandbox does not implement {service}:{operation}");
        Self::new("UnknownOperationException", message)
    }

    /// The same with another HTTP status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// What AWS's services say of a member that breaks a rule of their model. The value is left out where it is secret or long.
pub(crate) fn broken(value: Option<&str>, member: &str, rule: &str) -> String {
    let value = value.map_or_else(String::new, |value| format!(" '{value}'"));
    format!("1 validation error detected: Value{value} at '{member}' failed to satisfy constraint: Member must {rule}")
}

/// The same of a member that is not there; its path as the request has it.
pub(crate) fn absent(path: &str) -> String {
    let member = camel(path);
    format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    )
}

/// The bound that a number breaks, in the words of [`broken`]; services tell one at a time.
pub(crate) fn out_of_bounds(value: i64, member: &str, bounds: std::ops::RangeInclusive<i64>) -> Option<String> {
    let bound = match value {
        value if value < *bounds.start() => format!("have value greater than or equal to {}", bounds.start()),
        value if value > *bounds.end() => format!("have value less than or equal to {}", bounds.end()),
        _ => return None,
    };
    Some(broken(Some(&value.to_string()), member, &bound))
}

/// The same for a length, without the value.
pub(crate) fn bad_length(length: usize, member: &str, bounds: std::ops::RangeInclusive<usize>) -> Option<String> {
    let bound = match length {
        length if length < *bounds.start() => format!("have length greater than or equal to {}", bounds.start()),
        length if length > *bounds.end() => format!("have length less than or equal to {}", bounds.end()),
        _ => return None,
    };
    Some(broken(None, member, &bound))
}

/// A path as AWS's messages write it: its names with a small letter first.
pub(crate) fn camel(path: &str) -> String {
    let small = |name: &str| {
        let mut letters = name.chars();
        let first = letters.next().map(|first| first.to_ascii_lowercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    path.split('.').map(small).collect::<Vec<_>>().join(".")
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}
