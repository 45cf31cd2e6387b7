//! What things are called where a request is asked for.

use crate::domain::policy::{PrincipalKind, principal_kind, role_name};
use crate::domain::words::{counted, last_part};
use crate::domain::{KmsKey, ObjectFormat, ObjectRow};

/// What things are called, by what is known of them.
#[derive(Debug, Clone, Default)]
pub struct Names<'a> {
    /// The keys that are listed.
    pub keys: &'a [KmsKey],
    /// The objects of the bucket that is looked at.
    pub objects: &'a [ObjectRow],
    /// What is pressed to take a key's disabling or deletion back.
    pub restore: String,
    /// Whether there is room for one name only.
    pub brief: bool,
}

impl<'a> Names<'a> {
    /// Where there is room for one name only.
    #[must_use]
    pub fn brief(self) -> Self {
        Self { brief: true, ..self }
    }

    /// The listed key that an id, ARN or alias means.
    pub(super) fn listed(&self, named: &str) -> Option<&'a KmsKey> {
        self.keys.iter().find(|key| key.is_meant(named))
    }

    /// A KMS key by its name and id, whatever names it.
    pub fn key(&self, named: &str) -> String {
        match self.listed(named) {
            Some(key) if key.aliases.is_empty() => format!("the key {}", key.id),
            Some(key) if self.brief => key.name().to_owned(),
            Some(key) => format!("the key {} ({})", key.name(), key.id),
            None => format!("the key {}", last_part(named)),
        }
    }

    /// What is typed to agree to something about a key: its alias, or the beginning of its id.
    pub(super) fn word(&self, key_arn: &str) -> String {
        word(self.listed(key_arn).map_or(last_part(key_arn), KmsKey::name))
    }

    /// Whether an object is an encrypted data key: by its name, or by what a look at it told.
    pub(super) fn is_data_key(&self, object: &str) -> bool {
        let row = self.objects.iter().find(|row| row.key() == object);
        let told = row
            .and_then(ObjectRow::info)
            .is_some_and(|info| info.format == ObjectFormat::KeyObject);
        told || object.starts_with(".strongroom/data-keys/") || object.contains("/.strongroom/data-keys/")
    }

    /// Objects of a bucket: by name as far as a person reads on.
    pub fn objects(&self, bucket: &str, objects: &[String]) -> String {
        const SHOWN: usize = 5;
        match objects {
            [only] => format!("s3://{bucket}/{only}"),
            several if self.brief => format!("{} of s3://{bucket}", counted(several.len(), "object")),
            several => {
                let shown: Vec<&str> = several.iter().take(SHOWN).map(String::as_str).collect();
                let more = match several.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let count = counted(several.len(), "object");
                format!("{count} of s3://{bucket}: {}{more}", shown.join(", "))
            }
        }
    }
}

/// Whom a grant is for.
pub fn principal(arn: &str) -> String {
    match principal_kind(arn) {
        PrincipalKind::Role => format!("the role {}", role_name(arn)),
        PrincipalKind::SessionOf(role) => format!("the role {role}"),
        PrincipalKind::User => format!("the user {}", last_part(arn)),
        PrincipalKind::Other => arn.to_owned(),
    }
}

/// What is typed to agree: the name, or the beginning of an id that nobody types.
pub fn word(name: &str) -> String {
    let is_id = name.len() >= 32 && name.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_id {
        name.chars().take(8).collect()
    } else {
        name.to_owned()
    }
}

/// `alias/x`, however it was typed.
pub(super) fn alias(typed: &str) -> String {
    format!("alias/{}", typed.strip_prefix("alias/").unwrap_or(typed))
}
