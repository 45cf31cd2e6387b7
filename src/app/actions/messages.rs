//! Actions on what KMS itself encrypts: messages, and data keys.

use super::keys::on_key;
use super::{asks, fill, in_panes};
use crate::app::form::{Blank, Filled, TextKey};
use crate::app::pane::Pane;
use crate::app::state::action::Action;
use crate::app::state::target::Target;
use crate::domain::{Message, MessageRequest, Plaintext};

const CONTEXT: &str = "K=V, K=V";
const PLACE: &str = "s3://BUCKET/KEY or a path";
const WRITE_TO: &str = "a new file; empty shows it here";

pub(super) const ENCRYPT: Action = Action {
    label: "encrypt message",
    help: "Encrypt up to 4096 bytes by KMS itself",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let title = format!("Encrypt a message under {}", target.key_name(state));
        let mut form = Blank::about(target, title, "1 to 4096 bytes, by KMS itself.");
        let typed = form.text("Message", "", "or a file:");
        let file = form.text("File", "", "");
        let context = form.text("Context", "", "K=V, K=V; needed again to decrypt");
        let to = form.text("Write to", "", WRITE_TO);
        let target = target.clone();
        fill(form, move |filled| {
            asks(MessageRequest::Encrypt {
                key: target.named_key()?,
                message: message(&target, filled, typed, file)?,
                context: filled.pairs(context)?,
                to: filled.optional(to).map(|path| target.dir.join(path)),
            })
        })
    },
};

pub(super) const DECRYPT: Action = Action {
    label: "decrypt message",
    help: "Decrypt what KMS itself encrypted",
    changes: false,
    offered: on_key,
    begin: |_, target| {
        let note = "What KMS itself encrypted; wiped when closed.";
        let mut form = Blank::about(target, "Decrypt a message", note);
        let typed = form.text("Ciphertext", "", "base64, or a file:");
        let file = form.text("File", "", "");
        let context = form.text("Context", "", CONTEXT);
        let to = form.text("Write to", "", WRITE_TO);
        let target = target.clone();
        fill(form, move |filled| {
            asks(MessageRequest::Decrypt {
                message: message(&target, filled, typed, file)?,
                key: Some(target.named_key()?),
                context: filled.pairs(context)?,
                to: filled.optional(to).map(|path| target.dir.join(path)),
            })
        })
    },
};

pub(super) const NEW_DATA_KEY: Action = Action {
    label: "new data key",
    help: "Generate one, keep it encrypted where you say, forget the plaintext",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let shown = target
            .place
            .as_ref()
            .map(|(bucket, prefix)| format!("s3://{bucket}/{prefix}data-key"));
        let title = format!("New data key under {}", target.key_name(state));
        let note = "The plaintext data key is forgotten at once; the encrypted one is kept where you say.";
        let mut form = Blank::about(target, title, note);
        let to = form.text("Keep it at", shown.unwrap_or_default(), PLACE);
        let context = form.text("Context", "", CONTEXT);
        let target = target.clone();
        fill(form, move |filled| {
            asks(MessageRequest::NewDataKey {
                key: target.named_key()?,
                context: filled.pairs(context)?,
                to: place(&target, filled.required(to)?),
            })
        })
    },
};

pub(super) const OPEN_DATA_KEY: Action = Action {
    label: "open data key",
    help: "Which key wraps an encrypted data key; does it unwrap for me, for a role",
    changes: false,
    offered: |_, target| in_panes(target, &[Pane::Keys, Pane::Objects]),
    begin: |state, target| {
        let shown = match target.pane {
            Pane::Objects => {
                let (bucket, object) = target.place_of_object(state);
                format!("s3://{bucket}/{object}")
            }
            Pane::Keys | Pane::Grants | Pane::Jobs | Pane::Files => String::new(),
        };
        let note = "Which KMS key wraps it; does it unwrap for you, for a role.";
        let mut form = Blank::about(target, "Open an encrypted data key", note);
        let at = form.text("Data key at", shown, PLACE);
        let context = form.text("Context", "", CONTEXT);
        let role = form.optional_role("Role", &state.roles);
        let target = target.clone();
        fill(form, move |filled| {
            asks(MessageRequest::OpenDataKey {
                at: place(&target, filled.required(at)?),
                context: filled.pairs(context)?,
                role_arn: filled.optional_role(role),
            })
        })
    },
};

pub(super) const RE_WRAP: Action = Action {
    label: "re-wrap data key",
    help: "Wrap an encrypted data key under this key; its plaintext never leaves KMS",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let title = format!("Wrap a data key under {}", target.key_name(state));
        let mut form = Blank::about(target, title, "KMS does it: the plaintext data key never leaves KMS.");
        let at = form.text("Data key at", "", PLACE);
        let to = form.text("Keep it at", "", "a new place");
        let context = form.text("Context", "", CONTEXT);
        let target = target.clone();
        fill(form, move |filled| {
            asks(MessageRequest::ReEncryptDataKey {
                at: place(&target, filled.required(at)?),
                context: filled.pairs(context)?,
                key: target.named_key()?,
                to: place(&target, filled.required(to)?),
            })
        })
    },
};

/// What was typed, or a file; never both.
fn message(target: &Target, filled: &Filled<'_>, typed: TextKey, file: TextKey) -> Result<Message, String> {
    let label = filled.label(typed);
    match (filled.optional(typed), filled.optional(file)) {
        (Some(text), None) => Ok(Message::Text(Plaintext::from(text))),
        (None, Some(path)) => Ok(Message::File(target.dir.join(path))),
        (None, None) => Err(format!("{label} or File is missing")),
        (Some(_), Some(_)) => Err(format!("Either {label} or File")),
    }
}

/// An S3 URI as it is; a path from the folder shown.
fn place(target: &Target, at: String) -> String {
    if at.starts_with("s3://") {
        return at;
    }
    target.dir.join(at).to_string_lossy().into_owned()
}
