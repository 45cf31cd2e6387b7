//! Requests about what KMS encrypts by itself: messages, and data keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::command::{self, CommandLine, Session};
use super::facts::{Facts, Touch};
use super::names::{Names, principal};
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

impl MessageRequest {
    pub(super) fn facts(&self, names: &Names<'_>) -> Facts {
        match self {
            Self::Encrypt { key, to, .. } => {
                let to_file = to.as_ref().map(|to| format!(" to {}", to.display()));
                let title = format!(
                    "encrypt a message under {}{}",
                    names.key(key),
                    to_file.unwrap_or_default()
                );
                Facts::change("encrypt a message under", key, title).touching(to.is_some().then_some(Touch::Files))
            }
            Self::Decrypt { key, to, .. } => {
                let under = key.as_ref().map(|key| format!(" under {}", names.key(key)));
                let to_file = to.as_ref().map(|to| format!(" to {}", to.display()));
                let (under, to_file) = (under.unwrap_or_default(), to_file.unwrap_or_default());
                Facts::reading("decrypt", "a message", format!("decrypt a message{under}{to_file}"))
                    .touching(to.is_some().then_some(Touch::Files))
            }
            Self::NewDataKey { key, to, .. } => {
                let title = format!("generate a data key under {}, its ciphertext to {to}", names.key(key));
                Facts::change("generate a data key under", key, title).touching([Touch::written(to)])
            }
            Self::OpenDataKey { at, role_arn, .. } => {
                let role = role_arn
                    .as_ref()
                    .map(|role| format!(", for yourself and {}", principal(role)));
                let title = format!("open the encrypted data key {at}{}", role.unwrap_or_default());
                Facts::reading("open the data key", at, title)
            }
            Self::ReEncryptDataKey { at, key, to, .. } => {
                let title = format!("wrap the encrypted data key {at} under {}, to {to}", names.key(key));
                Facts::change("wrap anew the data key", at, title).touching([Touch::written(to)])
            }
        }
    }

    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        let line = match self {
            Self::Encrypt {
                key, message, context, ..
            } => CommandLine::aws("kms encrypt")
                .with("--key-id", key)
                .with("--plaintext", file(message))
                .json("--encryption-context", context)
                .with("--query", "CiphertextBlob"),
            Self::Decrypt {
                message, key, context, ..
            } => CommandLine::aws("kms decrypt")
                .with("--ciphertext-blob", file(message))
                .optional("--key-id", key.as_ref())
                .json("--encryption-context", context)
                .with("--query", "Plaintext"),
            Self::NewDataKey { key, context, .. } => CommandLine::aws("kms generate-data-key-without-plaintext")
                .with("--key-id", key)
                .with("--key-spec", "AES_256")
                .json("--encryption-context", context)
                .with("--query", "CiphertextBlob"),
            Self::OpenDataKey { .. } => return Vec::new(),
            Self::ReEncryptDataKey { context, key, .. } => CommandLine::aws("kms re-encrypt")
                .with("--ciphertext-blob", "fileb://DATA_KEY")
                .with("--destination-key-id", key)
                .json("--source-encryption-context", context)
                .json("--destination-encryption-context", context)
                .with("--query", "CiphertextBlob"),
        };
        vec![line.with("--output", "text")]
    }
}

/// What a person typed is never put on a command line: it would stay in the shell's history.
fn file(message: &Message) -> String {
    match message {
        Message::File(path) => format!("fileb://{}", command::path(path)),
        Message::Text(_) => "fileb://MESSAGE".to_owned(),
    }
}
