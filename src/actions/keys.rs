//! The life of a KMS key: made, switched on and off, given up and taken back.

use serde_json::{Value, json};

use crate::aws::{Aws, iam, kms, sts};
use crate::domain::{Fault, FaultKind, Identity, Outcome};

const ADMINISTRATION: &[&str] = &[
    "kms:Create*",
    "kms:Describe*",
    "kms:Enable*",
    "kms:List*",
    "kms:Put*",
    "kms:Update*",
    "kms:Revoke*",
    "kms:Disable*",
    "kms:Get*",
    "kms:Delete*",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion",
];
const USE: &[&str] = &[
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:DescribeKey",
];
const ATTACHMENT: &[&str] = &["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];

/// Creates a symmetric key with the console's default policy, and an alias if one is given.
pub async fn create_key(aws: &Aws, description: &str, alias: &str) -> Result<Outcome, Fault> {
    let identity = sts::caller_identity(aws).await?;
    let administrator = lasting_principal(aws, &identity).await;
    let policy = default_policy(&identity, administrator.as_deref());
    let key_arn = kms::create_key(aws, description, &policy.to_string()).await?;
    if !alias.is_empty() {
        let alias = match alias.strip_prefix("alias/") {
            Some(_) => alias.to_owned(),
            None => format!("alias/{alias}"),
        };
        if let Err(fault) = kms::create_alias(aws, &alias, &key_arn).await {
            return Err(Fault {
                cause: format!("{}; the key itself was created: {key_arn}", fault.cause),
                ..fault
            });
        }
    }
    Ok(Outcome::KeyCreated { key_arn })
}

/// Switches a key on.
pub async fn enable_key(aws: &Aws, key_arn: &str) -> Result<Outcome, Fault> {
    kms::enable_key(aws, key_arn).await?;
    Ok(changed(key_arn))
}

/// Switches a key off: nothing under it opens until it is on again.
pub async fn disable_key(aws: &Aws, key_arn: &str) -> Result<Outcome, Fault> {
    kms::disable_key(aws, key_arn).await?;
    Ok(changed(key_arn))
}

/// Schedules a key's deletion in 7 to 30 days; afterwards nothing under it ever opens again.
pub async fn schedule_key_deletion(aws: &Aws, key_arn: &str, days: i32) -> Result<Outcome, Fault> {
    if !(7..=30).contains(&days) {
        let cause = format!("{days} days are not allowed");
        let act = "schedule the deletion of";
        return Err(Fault::new(FaultKind::Invalid, act, key_arn, cause, "give 7 to 30 days"));
    }
    kms::schedule_key_deletion(aws, key_arn, days).await?;
    Ok(changed(key_arn))
}

/// Takes a scheduled deletion back; the key is left disabled.
pub async fn cancel_key_deletion(aws: &Aws, key_arn: &str) -> Result<Outcome, Fault> {
    kms::cancel_key_deletion(aws, key_arn).await?;
    Ok(changed(key_arn))
}

fn changed(key_arn: &str) -> Outcome {
    Outcome::KeyChanged {
        key_arn: key_arn.to_owned(),
    }
}

/// The user or role behind the caller. A policy that names a session locks its owner out when the session ends, so
/// where the role cannot be looked up nobody but the account is named.
async fn lasting_principal(aws: &Aws, identity: &Identity) -> Option<String> {
    match principal_kind(&identity.arn) {
        PrincipalKind::User => Some(identity.arn.clone()),
        // Only IAM knows the role's path.
        PrincipalKind::SessionOf(role) => Some(iam::get_role(aws, role).await.ok()?.arn),
        PrincipalKind::Other => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum PrincipalKind<'a> {
    User,
    SessionOf(&'a str),
    Other,
}

fn principal_kind(arn: &str) -> PrincipalKind<'_> {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    match resource.split_once('/') {
        Some(("user", _)) => PrincipalKind::User,
        Some(("assumed-role", rest)) => PrincipalKind::SessionOf(rest.split('/').next().unwrap_or_default()),
        _ => PrincipalKind::Other,
    }
}

/// The console's: the account delegates to IAM; the administrator administers, uses, and lets AWS services use.
fn default_policy(identity: &Identity, administrator: Option<&str>) -> Value {
    let partition = identity.arn.split(':').nth(1).unwrap_or("aws");
    let mut statements = vec![json!({
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:{partition}:iam::{}:root", identity.account)},
        "Action": "kms:*",
        "Resource": "*",
    })];
    if let Some(arn) = administrator {
        let statement = |sid: &str, actions: &[&str]| {
            json!({
                "Sid": sid,
                "Effect": "Allow",
                "Principal": {"AWS": arn},
                "Action": actions,
                "Resource": "*",
            })
        };
        let mut attachment = statement("Allow attachment of persistent resources", ATTACHMENT);
        attachment["Condition"] = json!({"Bool": {"kms:GrantIsForAWSResource": "true"}});
        statements.push(statement("Allow access for Key Administrators", ADMINISTRATION));
        statements.push(statement("Allow use of the key", USE));
        statements.push(attachment);
    }
    json!({"Version": "2012-10-17", "Id": "key-consolepolicy-3", "Statement": statements})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(arn: &str) -> Identity {
        Identity {
            arn: arn.to_owned(),
            account: "111122223333".to_owned(),
        }
    }

    #[test]
    fn a_session_is_never_named_in_a_policy() {
        let table = [
            ("arn:aws:iam::111122223333:user/team/ann", PrincipalKind::User),
            (
                "arn:aws:sts::111122223333:assumed-role/Admin/ann",
                PrincipalKind::SessionOf("Admin"),
            ),
            ("arn:aws:iam::111122223333:root", PrincipalKind::Other),
            ("arn:aws:sts::111122223333:federated-user/ann", PrincipalKind::Other),
            ("nonsense", PrincipalKind::Other),
        ];
        for (arn, expected) in table {
            assert_eq!(principal_kind(arn), expected, "{arn}");
        }
    }

    #[test]
    fn the_default_policy_has_the_consoles_four_statements() {
        let arn = "arn:aws-cn:iam::111122223333:user/ann";
        let policy = default_policy(&identity(arn), Some(arn));
        let statements = policy["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(statements.len(), 4);
        assert_eq!(statements[0]["Principal"]["AWS"], "arn:aws-cn:iam::111122223333:root");
        assert_eq!(statements[3]["Condition"]["Bool"]["kms:GrantIsForAWSResource"], "true");
    }

    #[test]
    fn without_a_lasting_principal_only_the_account_is_named() {
        let policy = default_policy(&identity("arn:aws:iam::111122223333:root"), None);
        assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(1));
    }
}
