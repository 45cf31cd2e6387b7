//! What a bucket's policy has against a call that S3 refused, where the policy may be read.

use crate::aws::{Aws, s3, sts};
use crate::domain::explain::explain;
use crate::domain::policy::{Objection, RefusedCall, objection};
use crate::domain::{Arn, Fault, FaultKind, ObjectUri};

/// The refusal of a write, with what the bucket's policy wants of it. `has_options`: what is wanted is an option of the command
/// too.
pub(super) async fn of_write(aws: &Aws, fault: Fault, has_options: bool) -> Fault {
    explained(aws, fault, "s3:PutObject", Some(has_options)).await
}

/// The refusal of a read, with what the bucket's policy wants of it.
pub(super) async fn of_read(aws: &Aws, fault: Fault) -> Fault {
    explained(aws, fault, "s3:GetObject", None).await
}

async fn explained(aws: &Aws, mut fault: Fault, action: &str, writes: Option<bool>) -> Fault {
    let Some(ObjectUri { bucket, key }) = ObjectUri::parse(&fault.object).filter(|_| fault.kind == FaultKind::Denied)
    else {
        return fault;
    };
    // A list, which neither writes nor reads an object.
    if key.is_empty() || key.ends_with('/') {
        return fault;
    }
    let said = explain(&fault);
    let call = said.as_ref().and_then(|said| said.call.as_deref());
    let is_of_policy = fault.cause.contains("explicit deny in a resource-based policy");
    // Something else refused it: a policy of the caller's, one around it, or a key's.
    if call.is_some_and(|call| !is_of_policy || !call.starts_with("s3:")) {
        return fault;
    }
    let settings = aws.upload_settings(&bucket);
    let policy = s3::bucket_policy(aws, &bucket).await.unwrap_or_default();
    let caller = match said.as_ref().and_then(|said| said.who.clone()) {
        None if !policy.is_empty() => sts::caller_identity(aws).await.ok().map(|identity| identity.arn),
        known => known,
    };
    let partition = caller
        .as_deref()
        .and_then(Arn::parse)
        .map_or("aws", |arn| arn.partition);
    let at = said.as_ref().map(|said| said.on.clone());
    let object = at.filter(|on| Arn::parse(on).is_some_and(|arn| arn.service == "s3"));
    let object = object.unwrap_or_else(|| Arn::s3(partition, &format!("{bucket}/{key}")).to_string());
    let found = objection(
        &policy,
        &RefusedCall {
            action: call.unwrap_or(action),
            object: &object,
            caller: caller.as_deref(),
            is_https: Some(aws.s3_endpoint().is_none_or(|url| url.starts_with("https://"))),
            settings: writes.map(|_| &settings),
            has_options: writes == Some(true),
        },
    );
    match (found, settings.owner) {
        (Some(Objection::Certain(words)), _) => fault.remedy = words,
        (Some(Objection::Possible(words)), _) => fault.remedy = format!("{}; {words}", fault.remedy),
        // A read's says so already.
        (None, Some(owner)) if !fault.remedy.contains(&owner) => {
            fault.remedy = format!("{}; perhaps the bucket is not of the account {owner}", fault.remedy);
        }
        (None, Some(_) | None) => {}
    }
    fault
}
