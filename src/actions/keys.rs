//! The life of a KMS key: made, changed, switched on and off, given up and taken back.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::principals::{lasting, named};
use super::walk_tag;
use crate::aws::{Aws, kms, sts};
use crate::domain::policy::{self, default_key_policy, pretty};
use crate::domain::{AliasChange, Fault, Identity, KeyChange, KeySpec, Outcome};

/// Creates a key with the console's default policy unless another is given, an alias and rotation if they are wanted.
/// Once there is a key it is finished: a key cannot be deleted at once, and one without its alias is nobody's.
pub async fn new_key(aws: &Aws, spec: &KeySpec, cancel: &CancellationToken) -> Result<Outcome, Fault> {
    let text = match &spec.policy {
        Some(text) => {
            policy::parse(text)?;
            text.clone()
        }
        None => drafted(aws, &[], &[]).await?,
    };
    let spec = KeySpec {
        tags: walk_tag::tagged(&spec.tags),
        ..spec.clone()
    };
    if cancel.is_cancelled() {
        let cause = "cancelled: nothing was made";
        return Err(Fault::cancelled("create", "a KMS key", cause, ""));
    }
    let key_arn = kms::create_key(aws, &spec, &text).await?;
    let finished = async {
        if !spec.alias.is_empty() {
            kms::create_alias(aws, &with_prefix(&spec.alias), &key_arn).await?;
        }
        if spec.rotation {
            kms::set_rotation(aws, &key_arn, true).await?;
        }
        Ok(())
    };
    if let Err(fault) = finished.await {
        let fault: Fault = fault;
        return Err(Fault {
            cause: format!("{}; the key itself was created: {key_arn}", fault.cause),
            ..fault
        });
    }
    let alias = Some(with_prefix(&spec.alias)).filter(|_| !spec.alias.is_empty());
    Ok(Outcome::KeyCreated { key_arn, alias })
}

/// Writes the console's policy for these principals; sessions become their roles, and the caller administers if nobody
/// else does.
pub async fn draft_key_policy(aws: &Aws, administrators: &[String], users: &[String]) -> Result<Outcome, Fault> {
    let policy = drafted(aws, administrators, users).await?;
    Ok(Outcome::PolicyDrafted { policy })
}

async fn drafted(aws: &Aws, administrators: &[String], users: &[String]) -> Result<String, Fault> {
    let identity = sts::caller_identity(aws).await?;
    let (mut lasting_administrators, mut lasting_users) = (Vec::new(), Vec::new());
    for arn in administrators {
        lasting_administrators.push(named(aws, arn).await?);
    }
    for arn in users {
        lasting_users.push(named(aws, arn).await?);
    }
    if lasting_administrators.is_empty() {
        // Where the role behind a session cannot be looked up nobody but the account is named.
        lasting_administrators.extend(lasting(aws, &identity.arn).await?);
        if lasting_users.is_empty() {
            lasting_users.clone_from(&lasting_administrators);
        }
    }
    Ok(pretty(&default_key_policy(
        &identity,
        &lasting_administrators,
        &lasting_users,
    )))
}

/// Reads a key's policy.
pub async fn read_key_policy(aws: &Aws, key_arn: &str) -> Result<Outcome, Fault> {
    let policy = kms::key_policy(aws, key_arn).await?;
    Ok(Outcome::PolicyRead {
        key_arn: key_arn.to_owned(),
        policy,
    })
}

/// Replaces a key's policy, unless it is none or would lock the caller out; the previous one comes back.
pub async fn put_key_policy(aws: &Aws, key_arn: &str, text: &str, accept_lockout: bool) -> Result<Outcome, Fault> {
    let document = policy::parse(text)?;
    if !accept_lockout {
        let identity = sts::caller_identity(aws).await?;
        let principal = lasting(aws, &identity.arn).await?;
        if let Some(warning) = policy::lockout(&document, &identity, principal.as_deref()) {
            return Err(locked_out(key_arn, &identity, &warning));
        }
    }
    let previous = kms::key_policy(aws, key_arn).await?;
    kms::put_key_policy(aws, key_arn, text, accept_lockout).await?;
    Ok(Outcome::PolicyPut {
        key_arn: key_arn.to_owned(),
        previous,
    })
}

fn locked_out(key_arn: &str, identity: &Identity, warning: &str) -> Fault {
    let remedy = format!(
        "add a statement that allows kms:* to {} or to the account",
        identity.arn
    );
    let cause = format!("you would lock yourself out: {warning}");
    Fault::invalid("replace the policy of", key_arn, cause, remedy)
}

/// Gives a key one more alias.
pub async fn add_alias(aws: &Aws, alias: &str, key_arn: &str) -> Result<Outcome, Fault> {
    let alias = with_prefix(alias);
    kms::create_alias(aws, &alias, key_arn).await?;
    let change = AliasChange::Added(key_arn.to_owned());
    Ok(Outcome::AliasChanged { alias, change })
}

/// Lets an alias point to another key.
pub async fn move_alias(aws: &Aws, alias: &str, key_arn: &str) -> Result<Outcome, Fault> {
    let alias = with_prefix(alias);
    kms::update_alias(aws, &alias, key_arn).await?;
    let change = AliasChange::Moved(key_arn.to_owned());
    Ok(Outcome::AliasChanged { alias, change })
}

/// Deletes an alias; the key stays.
pub async fn delete_alias(aws: &Aws, alias: &str) -> Result<Outcome, Fault> {
    let alias = with_prefix(alias);
    kms::delete_alias(aws, &alias).await?;
    let change = AliasChange::Deleted;
    Ok(Outcome::AliasChanged { alias, change })
}

/// Sets tags, then removes others.
pub async fn tag_key(
    aws: &Aws,
    key_arn: &str,
    set: &BTreeMap<String, String>,
    remove: &[String],
) -> Result<Outcome, Fault> {
    if !set.is_empty() {
        kms::tag_key(aws, key_arn, set).await?;
    }
    if !remove.is_empty() {
        kms::untag_key(aws, key_arn, remove).await.map_err(|fault| {
            let done = if set.is_empty() {
                ""
            } else {
                "; what was to be set is set"
            };
            let cause = format!("{}{done}", fault.cause);
            Fault { cause, ..fault }
        })?;
    }
    let (set, removed) = (set.clone(), remove.to_vec());
    Ok(changed(key_arn, KeyChange::Tagged { set, removed }))
}

/// The tags of a key.
pub async fn key_tags(aws: &Aws, key_arn: &str) -> Result<BTreeMap<String, String>, Fault> {
    kms::key_tags(aws, key_arn).await
}

/// Lets AWS make new material every year, or no longer; what the old material encrypted still opens.
pub async fn set_rotation(aws: &Aws, key_arn: &str, on: bool) -> Result<Outcome, Fault> {
    kms::set_rotation(aws, key_arn, on).await?;
    let change = if on {
        KeyChange::RotationOn
    } else {
        KeyChange::RotationOff
    };
    Ok(changed(key_arn, change))
}

/// Changes what a key's owner says of it.
pub async fn set_description(aws: &Aws, key_arn: &str, description: &str) -> Result<Outcome, Fault> {
    kms::set_description(aws, key_arn, description).await?;
    Ok(changed(key_arn, KeyChange::Described(description.to_owned())))
}

/// Switches a key on.
pub async fn enable_key(aws: &Aws, key_arn: &str) -> Result<Outcome, Fault> {
    kms::enable_key(aws, key_arn).await?;
    Ok(changed(key_arn, KeyChange::Enabled))
}

/// Switches a key off: nothing under it opens until it is on again.
pub async fn disable_key(aws: &Aws, key_arn: &str) -> Result<Outcome, Fault> {
    kms::disable_key(aws, key_arn).await?;
    Ok(changed(key_arn, KeyChange::Disabled))
}

/// Schedules a key's deletion in 7 to 30 days; afterwards nothing under it ever opens again.
pub async fn schedule_key_deletion(aws: &Aws, key_arn: &str, days: i32) -> Result<Outcome, Fault> {
    if !(7..=30).contains(&days) {
        let cause = format!("{days} days are not allowed");
        let act = "schedule the deletion of";
        return Err(Fault::invalid(act, key_arn, cause, "give 7 to 30 days"));
    }
    kms::schedule_key_deletion(aws, key_arn, days).await?;
    Ok(changed(key_arn, KeyChange::DeletionScheduled { days }))
}

/// Takes a scheduled deletion back; the key is left disabled.
pub async fn cancel_key_deletion(aws: &Aws, key_arn: &str) -> Result<Outcome, Fault> {
    kms::cancel_key_deletion(aws, key_arn).await?;
    Ok(changed(key_arn, KeyChange::DeletionCancelled))
}

fn changed(key_arn: &str, change: KeyChange) -> Outcome {
    Outcome::KeyChanged {
        key_arn: key_arn.to_owned(),
        change,
    }
}

fn with_prefix(alias: &str) -> String {
    match alias.strip_prefix("alias/") {
        Some(_) => alias.to_owned(),
        None => format!("alias/{alias}"),
    }
}
