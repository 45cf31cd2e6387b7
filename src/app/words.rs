//! What is said of what is asked for, asked about, and come of it: who, what, which thing, what now.
//!
//! Every [`Request`] has its sentence in [`mod@asked`], every [`crate::domain::Outcome`] in [`mod@told`]; both are exhaustive, and
//! `tests/it/sentences.rs` keeps one of each in a snapshot to be read.

pub mod asked;
pub mod told;

mod proofs;

pub use asked::{question, title};
pub(super) use proofs::{proof_lines, step_lines, verdict_lines};
pub(crate) use told::older;
pub use told::{told, tone};

use super::command::Command;
use super::keymap::Keymap;
use super::overlay::{Confirm, Overlay, Then};
use super::pane::keys;
use super::pane::objects::info;
use super::state::State;
use super::text;
use crate::domain::policy::{PrincipalKind, principal_kind, role_name};
use crate::domain::{KmsKey, ObjectFormat, ObjectRow, Request};

/// What things are called here.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    keys: &'a [KmsKey],
    keymap: &'a Keymap,
    /// Those of the bucket that is looked at.
    objects: &'a [ObjectRow],
    /// Where there is room for one name only.
    brief: bool,
}

impl<'a> Names<'a> {
    /// By these keys of KMS, and these of the keyboard.
    pub fn new(keys: &'a [KmsKey], keymap: &'a Keymap) -> Self {
        Self {
            keys,
            keymap,
            objects: &[],
            brief: false,
        }
    }

    /// With what is known of these objects.
    #[must_use]
    pub fn and(self, objects: &'a [ObjectRow]) -> Self {
        Self { objects, ..self }
    }

    pub(super) fn of(state: &'a State) -> Self {
        Self::new(state.keys.rows(), &state.settings.keymap).and(state.objects.rows())
    }

    fn brief(self) -> Self {
        Self { brief: true, ..self }
    }

    fn listed(&self, named: &str) -> Option<&'a KmsKey> {
        self.keys.iter().find(|key| keys::is_meant(key, named))
    }

    /// A KMS key by its name and id, whatever names it.
    fn key(&self, named: &str) -> String {
        match self.listed(named) {
            Some(key) if key.aliases.is_empty() => format!("the key {}", key.id),
            Some(key) if self.brief => key.name().to_owned(),
            Some(key) => format!("the key {} ({})", key.name(), key.id),
            None => format!("the key {}", text::last_part(named)),
        }
    }

    /// Whether an object is an encrypted data key: by its name, or by what a look at it told.
    fn is_data_key(&self, object: &str) -> bool {
        let row = self.objects.iter().find(|row| row.key() == object);
        let told = row
            .and_then(info)
            .is_some_and(|info| info.format == ObjectFormat::KeyObject);
        told || object.starts_with(".strongroom/data-keys/")
    }

    /// Whom a grant is for.
    fn grantee(arn: &str) -> String {
        match principal_kind(arn) {
            PrincipalKind::Role => format!("the role {}", role_name(arn)),
            PrincipalKind::SessionOf(role) => format!("the role {role}"),
            PrincipalKind::User => format!("the user {}", text::last_part(arn)),
            PrincipalKind::Other => arn.to_owned(),
        }
    }

    /// The key of the keyboard that does it.
    fn press(&self, command: Command) -> String {
        self.keymap.key(command)
    }

    /// Objects of a bucket: by name as far as a person reads on.
    fn objects(&self, bucket: &str, objects: &[String]) -> String {
        const SHOWN: usize = 5;
        match objects {
            [only] => format!("s3://{bucket}/{only}"),
            several if self.brief => format!("{} of s3://{bucket}", text::count(several.len(), "object")),
            several => {
                let shown: Vec<&str> = several.iter().take(SHOWN).map(String::as_str).collect();
                let more = match several.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let count = text::count(several.len(), "object");
                format!("{count} of s3://{bucket}: {}{more}", shown.join(", "))
            }
        }
    }
}

/// `alias/x`, however it was typed.
fn alias(typed: &str) -> String {
    format!("alias/{}", typed.strip_prefix("alias/").unwrap_or(typed))
}

/// Asks about a request before it is made.
pub(super) fn ask(state: &mut State, request: Request) {
    let confirm = confirm(state, request);
    state.overlays.push(Overlay::Confirm(confirm));
}

/// The question about a request.
pub(super) fn confirm(state: &State, request: Request) -> Confirm {
    let (question, explanation) = question(&Names::of(state), &request);
    Confirm {
        question,
        explanation: vec![explanation],
        typed: None,
        then: Then::Start(Box::new(request), None),
    }
}
