//! Requests about what KMS encrypts by itself: messages, and data keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::domain::Message;

/// A request that KMS itself encrypts, decrypts or wraps.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageRequest {
    /// Encrypt a message of 1 to 4096 bytes by KMS itself.
    Encrypt {
        /// The KMS key: id, ARN or alias.
        key: String,
        /// The message.
        message: Message,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// A new file for the ciphertext's raw bytes; none for the screen only.
        to: Option<PathBuf>,
    },
    /// Decrypt what KMS itself encrypted.
    Decrypt {
        /// The ciphertext: base64 text, or a file with either.
        message: Message,
        /// The KMS key that must have encrypted it, if it is to be checked.
        key: Option<String>,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// A new file for the plaintext, instead of the screen.
        to: Option<PathBuf>,
    },
    /// Generate a data key, keep C and forget D.
    NewDataKey {
        /// The KMS key: id, ARN or alias.
        key: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Where C goes: `s3://BUCKET/KEY` or a path; nothing there is replaced.
        to: String,
    },
    /// Ask of an encrypted data key: which KMS key, does it unwrap for me, for this role?
    OpenDataKey {
        /// Where C is: `s3://BUCKET/KEY` or a path.
        at: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// A role to ask for too.
        role_arn: Option<String>,
    },
    /// Wrap an encrypted data key under another KMS key; D never leaves KMS.
    ReEncryptDataKey {
        /// Where C is: `s3://BUCKET/KEY` or a path.
        at: String,
        /// Encryption context, which stays.
        context: BTreeMap<String, String>,
        /// The KMS key to wrap it under: id, ARN or alias.
        key: String,
        /// Where the new C goes; nothing there is replaced.
        to: String,
    },
}
