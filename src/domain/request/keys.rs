//! Requests about KMS keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::command::{CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::{Names, alias};
use crate::domain::KeySpec;
use crate::domain::spec::WORKFLOW;
use crate::domain::who::WhoReport;

/// A request that is about a KMS key, its policy, its names.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyRequest {
    /// Switch a key on.
    Enable {
        /// The key's ARN.
        key_arn: String,
    },
    /// Switch a key off.
    Disable {
        /// The key's ARN.
        key_arn: String,
    },
    /// Schedule a key's deletion.
    ScheduleDeletion {
        /// The key's ARN.
        key_arn: String,
        /// 7 to 30.
        days: i32,
    },
    /// Cancel a key's scheduled deletion; the key is left disabled.
    CancelDeletion {
        /// The key's ARN.
        key_arn: String,
    },
    /// Create a KMS key, with everything chosen.
    New(Box<KeySpec>),
    /// Write the console's key policy for these principals, for the person to look at. Sessions become their roles; the
    /// caller is an administrator if nobody is named.
    DraftPolicy {
        /// ARNs of users, roles or sessions.
        administrators: Vec<String>,
        /// ARNs of users, roles or sessions.
        users: Vec<String>,
    },
    /// Read a key's policy, to be changed as it is now.
    ReadPolicy {
        /// The key's ARN.
        key_arn: String,
    },
    /// Replace a key's policy; the previous one comes back with the outcome.
    PutPolicy {
        /// The key's ARN.
        key_arn: String,
        /// The new policy, JSON.
        policy: String,
        /// Whether the person has agreed to lock themselves out.
        accept_lockout: bool,
    },
    /// Give a key one more alias.
    AddAlias {
        /// With or without `alias/`.
        alias: String,
        /// The key's ARN.
        key_arn: String,
    },
    /// Let an alias point to another key.
    MoveAlias {
        /// With or without `alias/`.
        alias: String,
        /// The ARN of the key it is to point to.
        key_arn: String,
    },
    /// Delete an alias; the key stays.
    DeleteAlias {
        /// With or without `alias/`.
        alias: String,
    },
    /// Set and remove tags of a key.
    Tag {
        /// The key's ARN.
        key_arn: String,
        /// Tags to set.
        set: BTreeMap<String, String>,
        /// Names of tags to remove.
        remove: Vec<String>,
    },
    /// Switch a key's yearly rotation.
    SetRotation {
        /// The key's ARN.
        key_arn: String,
        /// On or off.
        on: bool,
    },
    /// Change a key's description.
    Describe {
        /// The key's ARN.
        key_arn: String,
        /// May be empty.
        description: String,
    },
    /// Look for what depends on a key, before it is deleted.
    FindDependents {
        /// The key's ARN.
        key_arn: String,
        /// Look into no more buckets than this.
        most_buckets: usize,
        /// Look at no more objects than this, in all.
        most_objects: usize,
    },
    /// Keep with the evidence who can use a key, and who did.
    SaveWho {
        /// The key's ARN.
        key_arn: String,
        /// What was found out.
        report: Arc<WhoReport>,
    },
}

impl KeyRequest {
    pub(super) fn facts(&self, names: &Names<'_>) -> Facts {
        match self {
            Self::New(spec) => {
                let title = match spec.alias.as_str() {
                    "" => format!("create a {} key without alias", spec.spec),
                    name => format!("create the {} key {}", spec.spec, alias(name)),
                };
                Facts::change("create", "a KMS key", title)
                    .finishing(
                        "If the key is made already it is finished, with its alias: a key cannot be deleted at once.",
                    )
                    .touching([Touch::Keys])
            }
            Self::DraftPolicy { .. } => Facts::reading("write", "a key policy", "draft the policy of the new key"),
            Self::ReadPolicy { key_arn } => Facts::reading(
                "read the policy of",
                key_arn,
                format!("read the policy of {}", names.key(key_arn)),
            ),
            Self::PutPolicy {
                key_arn,
                accept_lockout,
                ..
            } => {
                let title = format!("replace the policy of {}", names.key(key_arn));
                Facts::change("replace the policy of", key_arn, title)
                    .consequence("Who may use it and who administers it changes at once. `put policy back` undoes it.")
                    .touching([Touch::KeyPolicy(key_arn.clone())])
                    .asking(if *accept_lockout {
                        Ask::Type("lock me out".to_owned())
                    } else {
                        Ask::Yes
                    })
            }
            Self::AddAlias { alias: name, key_arn } => {
                let title = format!("add {} to {}", alias(name), names.key(key_arn));
                Facts::change("create", name, title).touching([Touch::Keys])
            }
            Self::MoveAlias { alias: name, key_arn } => {
                let from = match names.listed(&alias(name)) {
                    Some(key) if !names.brief => format!(" from {}", names.key(&key.arn)),
                    _ => String::new(),
                };
                let title = format!("move {}{from} to {}", alias(name), names.key(key_arn));
                Facts::change("move", name, title)
                    .consequence(
                        "Whoever uses the alias uses this key from then on; what was encrypted before still opens under \
                         the old one.",
                    )
                    .touching([Touch::Keys])
                    .asking(Ask::Yes)
            }
            Self::DeleteAlias { alias: name } => {
                let of = names
                    .listed(&alias(name))
                    .map(|key| format!(" of {}", names.key(&key.arn)));
                let title = format!("delete {}{}", alias(name), of.unwrap_or_default());
                Facts::change("delete", name, title)
                    .consequence("Whoever uses the alias finds nothing then; the key stays.")
                    .touching([Touch::Keys])
                    .asking(Ask::Yes)
            }
            Self::Tag { key_arn, set, remove } => {
                let set = set.iter().map(|(name, value)| format!("{name}={value}"));
                let remove = remove.iter().map(|name| format!("no {name}"));
                let tags: Vec<String> = set.chain(remove).collect();
                Facts::change(
                    "tag",
                    key_arn,
                    format!("tag {}: {}", names.key(key_arn), tags.join(", ")),
                )
            }
            Self::SetRotation { key_arn, on } => {
                let (word, consequence) = if *on {
                    (
                        "on",
                        "AWS makes new material every year; what the old encrypted still opens.",
                    )
                } else {
                    ("off", "The key keeps the material that it has.")
                };
                let title = format!("switch the yearly rotation of {} {word}", names.key(key_arn));
                Facts::change("switch the rotation of", key_arn, title)
                    .consequence(consequence)
                    .touching([Touch::KeyDetail(key_arn.clone())])
            }
            Self::Describe { key_arn, description } => {
                let title = match description.as_str() {
                    "" => format!("remove the description of {}", names.key(key_arn)),
                    description => format!("describe {} as `{description}`", names.key(key_arn)),
                };
                Facts::change("change the description of", key_arn, title).touching([Touch::KeyDetail(key_arn.clone())])
            }
            Self::Enable { key_arn } => Facts::change("enable", key_arn, format!("enable {}", names.key(key_arn)))
                .consequence("Whatever is under it opens again, for whoever may use it.")
                .touching(key(key_arn)),
            Self::Disable { key_arn } => Facts::change("disable", key_arn, format!("disable {}", names.key(key_arn)))
                .consequence(format!(
                    "Nothing under it opens until it is enabled again ({}).",
                    names.restore
                ))
                .touching(key(key_arn))
                .asking(Ask::Yes),
            Self::ScheduleDeletion { key_arn, days } => {
                let title = format!("delete {} in {days} days", names.key(key_arn));
                let consequence = format!(
                    "Until then nothing under it opens, and {} takes it back. After that nothing under it ever opens \
                     again.",
                    names.restore
                );
                Facts::change("schedule the deletion of", key_arn, title)
                    .consequence(consequence)
                    .touching(key(key_arn))
                    .asking(Ask::Type(names.word(key_arn)))
            }
            Self::CancelDeletion { key_arn } => {
                let title = format!("cancel the deletion of {}", names.key(key_arn));
                Facts::change("cancel the deletion of", key_arn, title)
                    .consequence(format!("It is left Disabled: {} once more enables it.", names.restore))
                    .touching(key(key_arn))
            }
            Self::FindDependents { key_arn, .. } => Facts::reading(
                "look for what depends on",
                key_arn,
                format!("look for what depends on {}", names.key(key_arn)),
            ),
            Self::SaveWho { key_arn, .. } => {
                let title = format!("keep who can use {} and who did with the evidence", names.key(key_arn));
                Facts::reading("keep who uses", key_arn, title)
            }
        }
    }

    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        let of_key = |call: &str, key_arn: &String| CommandLine::aws(call).with("--key-id", key_arn);
        let of_alias = |call: &str, name: &str| CommandLine::aws(call).with("--alias-name", alias(name));
        let one = match self {
            Self::New(spec) => return new_key(spec),
            Self::Tag { key_arn, set, remove } => {
                let set = (!set.is_empty()).then(|| {
                    let line = of_key("kms tag-resource", key_arn).words(["--tags"]);
                    line.words(set.iter().map(|(name, value)| tag(name, value)))
                });
                let remove = (!remove.is_empty()).then(|| {
                    of_key("kms untag-resource", key_arn)
                        .words(["--tag-keys"])
                        .words(remove)
                });
                return set.into_iter().chain(remove).collect();
            }
            Self::DraftPolicy { .. } | Self::FindDependents { .. } | Self::SaveWho { .. } => return Vec::new(),

            Self::ReadPolicy { key_arn } => of_key("kms get-key-policy", key_arn)
                .with("--policy-name", "default")
                .with("--output", "text"),
            Self::PutPolicy { key_arn, policy, .. } => of_key("kms put-key-policy", key_arn)
                .with("--policy-name", "default")
                .with("--policy", policy),
            Self::AddAlias { alias, key_arn } => of_alias("kms create-alias", alias).with("--target-key-id", key_arn),
            Self::MoveAlias { alias, key_arn } => of_alias("kms update-alias", alias).with("--target-key-id", key_arn),
            Self::DeleteAlias { alias } => of_alias("kms delete-alias", alias),
            Self::SetRotation { key_arn, on: true } => of_key("kms enable-key-rotation", key_arn),
            Self::SetRotation { key_arn, on: false } => of_key("kms disable-key-rotation", key_arn),
            Self::Describe { key_arn, description } => {
                of_key("kms update-key-description", key_arn).with("--description", description)
            }
            Self::Enable { key_arn } => of_key("kms enable-key", key_arn),
            Self::Disable { key_arn } => of_key("kms disable-key", key_arn),
            Self::ScheduleDeletion { key_arn, days } => {
                of_key("kms schedule-key-deletion", key_arn).with("--pending-window-in-days", days.to_string())
            }
            Self::CancelDeletion { key_arn } => of_key("kms cancel-key-deletion", key_arn),
        };
        vec![one]
    }
}

/// What a change of a key's state touches.
fn key(key_arn: &str) -> [Touch; 2] {
    [Touch::Keys, Touch::KeyDetail(key_arn.to_owned())]
}

fn tag(name: &str, value: &str) -> String {
    format!("TagKey={name},TagValue={value}")
}

/// What is known only once the key is made stands there by its name, in capitals.
fn new_key(spec: &KeySpec) -> Vec<CommandLine> {
    let tags = spec.tags.iter().map(|(name, value)| tag(name, value));
    let create = CommandLine::aws("kms create-key")
        .with("--description", &spec.description)
        .with("--key-spec", &spec.spec)
        .with("--key-usage", &spec.usage)
        .optional("--policy", spec.policy.as_ref())
        .words(["--tags"])
        .words(tags.chain([tag(WORKFLOW.0, WORKFLOW.1)]));
    let name = (!spec.alias.is_empty()).then(|| {
        let line = CommandLine::aws("kms create-alias").with("--alias-name", alias(&spec.alias));
        line.with("--target-key-id", "KEY_ID")
    });
    let rotate = spec
        .rotation
        .then(|| CommandLine::aws("kms enable-key-rotation --key-id KEY_ID"));
    [create].into_iter().chain(name).chain(rotate).collect()
}
