//! An error as every service of the sandbox raises it; the protocol layers write it as JSON or XML. What their
//! answers have in common too.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::prelude::*;

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
pub(crate) fn out_of_bounds(value: i64, member: &str, bounds: RangeInclusive<i64>) -> Result<(), String> {
    let bound = match value {
        value if value < *bounds.start() => format!("have value greater than or equal to {}", bounds.start()),
        value if value > *bounds.end() => format!("have value less than or equal to {}", bounds.end()),
        _ => return Ok(()),
    };
    Err(broken(Some(&value.to_string()), member, &bound))
}

/// The same for a length, without the value.
pub(crate) fn bad_length(length: usize, member: &str, bounds: RangeInclusive<usize>) -> Result<(), String> {
    let bound = match length {
        length if length < *bounds.start() => format!("have length greater than or equal to {}", bounds.start()),
        length if length > *bounds.end() => format!("have length less than or equal to {}", bounds.end()),
        _ => return Ok(()),
    };
    Err(broken(None, member, &bound))
}

/// Refuses what is not to be done.
pub(crate) fn refuse_if<E>(is_wrong: bool, error: impl FnOnce() -> E) -> Result<(), E> {
    if is_wrong { Err(error()) } else { Ok(()) }
}

/// Whether a word is one of those of a text.
pub(crate) fn is_one_of(word: &str, words: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

/// A place in a list as the token that the next page is asked for with.
pub(crate) fn token_of(place: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place again; none of what is no token. Whether the place is there, who asks looks.
pub(crate) fn place_of(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

/// The texts of a list; an empty one is a text too.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten();
    texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// The texts of a map by their names.
pub(crate) fn map(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    let texts = entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    texts.collect()
}

/// A time as JSON has it: in seconds and their fractions.
pub(crate) fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// Adds a member to an answer that has it only where there is a value.
pub(crate) fn insert_some(answer: &mut Value, member: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        answer[member] = json!(value);
    }
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
