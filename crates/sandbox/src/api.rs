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

    /// The same with another HTTP status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}
