//! What can be wrong with a token, its key or its metadata.

use std::io;

/// Why an envelope could not be made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The plaintext data key has the wrong length.
    #[error("the data key has {actual} bytes, not 32")]
    DataKeyLength {
        /// Its length.
        actual: usize,
    },
    /// The body is not base64 of either alphabet.
    #[error("not a Fernet token: {what} at byte {offset}")]
    NotBase64 {
        /// What was found.
        what: &'static str,
        /// Where in the body: the first byte that is wrong, or the end where something is missing.
        offset: u64,
    },
    /// It is base64, but too short or not made of whole blocks.
    #[error("not a whole Fernet token: it was cut off or is something else")]
    Truncated,
    /// The first byte is not the version of the specification.
    #[error("not a Fernet token: version byte {0:#04x}")]
    Version(u8),
    /// The HMAC over the token does not hold.
    #[error("the token was changed, or this is not its data key")]
    Mac,
    /// The HMAC holds but the padding does not: only a wrong encryption half does that.
    #[error("the encryption half of the data key is not the token's")]
    Padding,
    /// A token that was verified is another one when it is read again.
    #[error("it was changed while it was read; nothing of the change was given out")]
    Changed,
    /// The binding MAC does not hold for this name, header and length.
    #[error("name, length or token do not belong together")]
    Unbound,
    /// It was written by a newer program: what it says cannot be told from here.
    #[error("what describes it is of version {version}: a newer strongroom wrote it")]
    Newer {
        /// The metadata's version.
        version: u64,
    },
    /// A metadata value is missing or means nothing.
    #[error("metadata `{name}` {problem}")]
    Metadata {
        /// The value's name, without `strongroom-`.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// S3 would not take so much metadata.
    #[error("its metadata would have {bytes} bytes, and S3 takes {limit}; long are {}", listed(.longest))]
    MetadataTooLong {
        /// Names and values together.
        bytes: usize,
        /// What S3 takes.
        limit: usize,
        /// The long values by name, the longest first.
        longest: Vec<(String, usize)>,
    },
    /// A manifest or bundle means nothing.
    #[error("{document}: {problem}")]
    Document {
        /// Which.
        document: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Reading the input failed.
    #[error("reading failed: {0}")]
    Read(#[source] io::Error),
    /// Writing the output failed.
    #[error("writing failed: {0}")]
    Write(#[source] io::Error),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
}

impl EnvelopeError {
    pub(super) fn document(document: &'static str, problem: String) -> Self {
        Self::Document { document, problem }
    }
}

fn listed(sizes: &[(String, usize)]) -> String {
    let each = sizes.iter().map(|(name, bytes)| format!("{name} {bytes}"));
    each.collect::<Vec<_>>().join(", ")
}
