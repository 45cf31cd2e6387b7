//! What went wrong, in the words a person needs: the act, the object, the cause and the remedy.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use way::{Door, WayOut};

mod way;

/// Why an act failed, as far as behaviour depends on it (backing off, asking to log in, …).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FaultKind {
    /// AWS refused the caller (`AccessDenied…`).
    Denied,
    /// No credentials could be found.
    NoCredentials,
    /// The credentials or the session have expired, or are not valid.
    Expired,
    /// AWS asked to slow down.
    Throttled,
    /// The object of the act does not exist.
    NotFound,
    /// It exists already, or somebody else changed it meanwhile.
    Conflict,
    /// AWS or we found the request itself wrong.
    Invalid,
    /// The bucket or key lives in another region.
    WrongRegion,
    /// The endpoint could not be reached.
    Unreachable,
    /// Something else than AWS answered.
    Foreign,
    /// No answer within the time allowed.
    Timeout,
    /// The person cancelled it.
    Cancelled,
    /// The session is read-only.
    ReadOnly,
    /// The KMS key's state forbids the act (disabled, pending deletion, …).
    KeyState,
    /// A token, its name or its metadata is not what was written.
    Integrity,
    /// A token does not open under a data key that was only found for it: it may be another's.
    OtherKey,
    /// A token has no metadata, and it may have been taken away. A person may open it all the same.
    Stripped,
    /// What was to be opened is no token.
    NoToken,
    /// A local file could not be read or written.
    Io,
    /// The disk is full.
    DiskFull,
    /// Wrong usage of the command line: exit status 2.
    Usage,
    /// AWS failed (5xx).
    Service,
    /// Anything else.
    Other,
}

/// One failure: `act object: cause; remedy`.
///
/// Texts may quote AWS or file names and are untrusted: whoever prints one removes control characters first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What kind of failure it is.
    pub kind: FaultKind,
    /// What was being done, as a verb: `list grants of`, `upload`.
    pub act: String,
    /// To what: a key ARN, an S3 URI, a path; may be empty.
    pub object: String,
    /// Why it failed: AWS's own words where there are any.
    pub cause: String,
    /// What to try, in words that hold everywhere; empty if nothing is known to help.
    pub remedy: String,
    /// What to try that every door has its own way for.
    pub ways: Vec<WayOut>,
    /// AWS's error name (`AccessDeniedException`), if it came from AWS.
    pub code: Option<String>,
    /// AWS's request id, if there was an answer.
    pub request_id: Option<String>,
}

impl Fault {
    /// A fault with neither AWS code nor request id.
    pub fn new(
        kind: FaultKind,
        act: impl Into<String>,
        object: impl Into<String>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            act: act.into(),
            object: object.into(),
            cause: cause.into(),
            remedy: remedy.into(),
            ways: Vec::new(),
            code: None,
            request_id: None,
        }
    }

    /// With one more way out.
    #[must_use]
    pub fn by(mut self, way: WayOut) -> Self {
        self.ways.push(way);
        self
    }

    /// What to try, as this door has it; empty if nothing is known to help.
    pub fn remedy_at(&self, door: Door) -> String {
        let words = Some(self.remedy.as_str()).filter(|words| !words.is_empty());
        let ways = self.ways.iter().map(|way| way.at(door));
        words.into_iter().chain(ways).collect::<Vec<_>>().join("; ")
    }

    /// All of it, as this door says it.
    pub fn at(&self, door: Door) -> String {
        let mut told = self.act.clone();
        if !self.object.is_empty() {
            told = format!("{told} {}", self.object);
        }
        format!("{told}: {}", self.why_at(door))
    }

    /// Cause and remedy, as this door says them: where act and object are said already.
    pub fn why_at(&self, door: Door) -> String {
        match self.remedy_at(door).as_str() {
            "" => self.cause.clone(),
            remedy => format!("{}; {remedy}", self.cause),
        }
    }

    /// Whether asking again later may help without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Throttled | FaultKind::Unreachable | FaultKind::Timeout | FaultKind::Service
        )
    }

    /// Whether AWS may have done it all the same: nobody heard an answer of its own.
    pub fn is_unheard(&self) -> bool {
        self.is_transient() || self.kind == FaultKind::Foreign
    }

    /// Whether what it broke off can go on later: it will pass, somebody will log in again, or what stood in between is gone.
    pub fn may_go_on(&self) -> bool {
        self.is_unheard() || matches!(self.kind, FaultKind::Expired | FaultKind::NoCredentials)
    }
}

macro_rules! of_kind {
    ($($name:ident: $kind:ident),+ $(,)?) => {
        impl Fault {
            $(
                #[doc = concat!("One of kind [`FaultKind::", stringify!($kind), "`], as [`Fault::new`] makes it.")]
                pub fn $name(
                    act: impl Into<String>,
                    object: impl fmt::Display,
                    cause: impl Into<String>,
                    remedy: impl Into<String>,
                ) -> Self {
                    Self::new(FaultKind::$kind, act, object.to_string(), cause, remedy)
                }
            )+
        }
    };
}

of_kind!(
    cancelled: Cancelled,
    conflict: Conflict,
    denied: Denied,
    integrity: Integrity,
    invalid: Invalid,
    io: Io,
    not_found: NotFound,
    other: Other,
    usage: Usage,
);

/// In the words of the command line; the dashboard says [`Fault::at`] its own door.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at(Door::CommandLine))
    }
}

impl std::error::Error for Fault {}
