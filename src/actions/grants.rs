//! Letting a principal use a key, and taking that back.
//!
//! Grants spread slowly: whoever carries the token may use a new one at once, everybody else within some minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;

use super::ProgressSink;
use super::principals::{SESSION, named};
use crate::aws::{Aws, kms};
use crate::domain::{Fault, FaultKind, Grant, GrantConstraint, GrantSpec, Outcome};

/// AWS says minutes; longer than this something else is wrong.
const LONGEST_SPREAD: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Lets the grantee call the operations with a key. A session's ARN becomes its role's.
pub async fn grant(aws: &Aws, spec: &GrantSpec) -> Result<Outcome, Fault> {
    let spec = GrantSpec {
        grantee: named(aws, &spec.grantee).await?,
        ..spec.clone()
    };
    let created = granted(aws, &spec).await?;
    Ok(Outcome::Granted {
        grant_id: created.id,
        key_arn: spec.key_arn,
        grantee: spec.grantee,
        operations: spec.operations,
    })
}

pub(super) async fn granted(aws: &Aws, spec: &GrantSpec) -> Result<kms::CreatedGrant, Fault> {
    if spec.operations.is_empty() {
        let act = "create a grant on";
        let cause = "no operation is named";
        let remedy = "choose at least Decrypt";
        return Err(Fault::invalid(act, &spec.key_arn, cause, remedy));
    }
    let spec = GrantSpec {
        grantee: named(aws, &spec.grantee).await?,
        ..spec.clone()
    };
    kms::create_grant(aws, &spec).await
}

/// A grant of this name, made for a proof. Where nobody heard whether it was made it is looked for, and revoked.
///
/// # Errors
/// As [`grant`]; says so if a grant may be left.
pub(super) async fn lent(aws: &Aws, spec: &GrantSpec) -> Result<kms::CreatedGrant, Fault> {
    let fault = match granted(aws, spec).await {
        Err(fault) if fault.is_unheard() => fault,
        settled => return settled,
    };
    let gone = async {
        for grant in kms::list_grants(aws, &spec.key_arn).every().await? {
            if grant.name == spec.name {
                kms::revoke_grant(aws, &spec.key_arn, &grant.id).await?;
            }
        }
        Ok::<_, Fault>(())
    };
    if gone.await.is_ok() {
        return Err(fault);
    }
    let name = spec.name.as_deref().unwrap_or_default();
    let remedy = format!(
        "it may have been made: if there is a grant {name}, revoke it; {}",
        fault.remedy
    );
    Err(Fault { remedy, ..fault })
}

/// Waits until a grant works for its grantee without its token; the caller must be able to assume the grantee's role.
pub async fn await_grant(
    aws: &Aws,
    key_arn: &str,
    grant_id: &str,
    grantee: &str,
    progress: &ProgressSink,
) -> Result<Outcome, Fault> {
    let grant = found(aws, key_arn, grant_id).await?;
    let session = aws.assume_role(grantee, SESSION).await?;
    // A grant with a constraint works in its context only.
    let context = match grant.constraint.clone() {
        Some(GrantConstraint::ContextEquals(pairs) | GrantConstraint::ContextSubset(pairs)) => {
            pairs.into_iter().collect()
        }
        None => BTreeMap::new(),
    };
    let ask = asking(key_arn, grantee, &context);
    let waited = changed(&session, ask, &askable(&grant), true, progress).await?;
    Ok(Outcome::GrantSpread {
        key_arn: key_arn.to_owned(),
        grantee: grantee.to_owned(),
        seconds: waited.as_secs(),
    })
}

/// Waits until KMS's answer about one operation is as expected everywhere that we can see; how long it took.
pub(super) async fn spread(
    session: &Aws,
    key_arn: &str,
    grantee: &str,
    operation: &str,
    allowed: bool,
    progress: &ProgressSink,
) -> Result<Duration, Fault> {
    let nothing = BTreeMap::new();
    let ask = asking(key_arn, grantee, &nothing);
    changed(session, ask, operation, allowed, progress).await
}

fn asking<'a>(key_arn: &'a str, grantee: &'a str, context: &'a BTreeMap<String, String>) -> kms::Ask<'a> {
    kms::Ask {
        key_arn,
        ciphertext: None,
        grantee,
        grant_id: None,
        context,
        tokens: &[],
    }
}

/// Asks until the answer is as expected.
async fn changed(
    session: &Aws,
    ask: kms::Ask<'_>,
    operation: &str,
    allowed: bool,
    progress: &ProgressSink,
) -> Result<Duration, Fault> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = ask.about(session, operation).await;
        let is_allowed = match answer {
            Some(Ok(_)) => true,
            Some(Err(fault)) if fault.kind == FaultKind::Denied => false,
            Some(Err(fault)) if fault.is_transient() => !allowed,
            Some(Err(fault)) => return Err(fault),
            None => return Ok(began.elapsed()),
        };
        if is_allowed == allowed {
            return Ok(began.elapsed());
        }
        if began.elapsed() > LONGEST_SPREAD {
            let cause = format!(
                "KMS's answer has not changed within {} seconds",
                LONGEST_SPREAD.as_secs()
            );
            let remedy = "look at the key's grants and policy";
            let act = "wait for the grant on";
            return Err(Fault::new(FaultKind::Timeout, act, ask.key_arn, cause, remedy));
        }
        progress.at("propagating", format!("{} s", began.elapsed().as_secs()));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// An operation of the grant that a probe can ask about without an object of its own.
fn askable(grant: &Grant) -> String {
    let known = ["Decrypt", "Encrypt", "GenerateDataKey", "DescribeKey"];
    let mut operations = grant.operations.iter();
    let found = operations.find(|operation| known.contains(&operation.as_str()));
    let found = found.or(grant.operations.first()).cloned();
    found.unwrap_or_else(|| "Decrypt".to_owned())
}

async fn found(aws: &Aws, key_arn: &str, grant_id: &str) -> Result<Grant, Fault> {
    let found = kms::find_grant(aws, key_arn, |grant| grant.id == grant_id).await?;
    found.ok_or_else(|| {
        let cause = "the key has no grant of this id";
        let act = format!("wait for grant {grant_id} on");
        Fault::not_found(act, key_arn, cause, "it may be revoked already")
    })
}

/// Takes a grant back; what was decrypted under it stays decrypted, and a running job keeps D.
pub async fn revoke_grant(aws: &Aws, key_arn: &str, grant_id: &str, grantee: &str) -> Result<Outcome, Fault> {
    kms::revoke_grant(aws, key_arn, grant_id).await?;
    Ok(Outcome::Revoked {
        key_arn: key_arn.to_owned(),
        grantee: grantee.to_owned(),
    })
}

/// Gives a grant up, as its grantee or retiring principal.
pub async fn retire_grant(aws: &Aws, key_arn: &str, grant_id: &str, grantee: &str) -> Result<Outcome, Fault> {
    kms::retire_grant(aws, key_arn, grant_id).await?;
    Ok(Outcome::Retired {
        key_arn: key_arn.to_owned(),
        grantee: grantee.to_owned(),
    })
}

/// The grants of several keys, of all if none is named. A key that may not be looked at is told, the others are listed.
pub async fn grants_of(aws: &Aws, key_arns: &[String], progress: &ProgressSink) -> Result<Outcome, Fault> {
    let all;
    let key_arns = if key_arns.is_empty() {
        all = every_key(aws).await?;
        all.as_slice()
    } else {
        key_arns
    };
    let (mut grants, mut refused) = (Vec::new(), Vec::new());
    for (index, key_arn) in key_arns.iter().enumerate() {
        progress.counted("listing grants", key_arn, (index as u64, key_arns.len() as u64));
        let mut pages = kms::list_grants(aws, key_arn).pages();
        while let Some(page) = pages.next().await {
            match page {
                Ok(rows) => grants.extend(rows),
                Err(fault) => refused.push((key_arn.clone(), fault)),
            }
        }
    }
    Ok(Outcome::GrantsFound { grants, refused })
}

/// ARNs of all keys.
pub(super) async fn every_key(aws: &Aws) -> Result<Vec<String>, Fault> {
    let keys = kms::list_keys(aws).every().await?;
    Ok(keys.into_iter().map(|key| key.arn).collect())
}
