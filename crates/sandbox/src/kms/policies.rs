//! Key policies: read, replaced, and checked before either.

use serde_json::{Value, json};

use super::authorize::Act;
use super::{Ask, Kms, exceeded, missing};
use crate::api::{ApiError, refuse_if};
use crate::policy::{Document, Guard, Kind, Question};

/// Bytes of a key policy.
const LONGEST: usize = 32 * 1024;

pub(super) fn get(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    default_name(ask)?;
    Ok(json!({ "Policy": kms.key(&id)?.policy.text(), "PolicyName": "default" }))
}

pub(super) fn put(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let key = kms.find_strictly(&ask.caller.place, ask.request.required("KeyId")?)?;
    let bypass = ask.request.truth("BypassPolicyLockoutSafetyCheck");
    let act = Act::new("kms:PutKeyPolicy").saying("kms:BypassPolicyLockoutSafetyCheck", bypass.to_string());
    ask.authorize(kms, key, &act)?;
    default_name(ask)?;
    let id = key.arn.clone();
    let policy = checked(ask, ask.request.required("Policy")?, &id)?;
    kms.change(&id, |key| key.policy = policy);
    Ok(json!({}))
}

pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.administered(kms)?;
    Ok(json!({ "PolicyNames": ["default"], "Truncated": false }))
}

fn default_name(ask: &Ask) -> Result<(), ApiError> {
    match ask.request.text("PolicyName") {
        None | Some("default") => Ok(()),
        Some(_) => Err(missing("No such policy exists".to_owned())),
    }
}

/// What stands for the ARN of a key that is not there yet.
pub(super) const NEW: &str = "*";

/// A policy that is one: its principals exist, and its writer can still change that of `key`.
pub(super) fn checked(ask: &Ask, text: &str, key: &str) -> Result<Document, ApiError> {
    let malformed = |message: &str| ApiError::new("MalformedPolicyDocumentException", message);
    if text.len() > LONGEST {
        return Err(exceeded(format!("The policy is larger than {LONGEST} bytes.")));
    }
    let policy = Document::checked(text, Kind::Resource)
        .map_err(|wrong| malformed(&format!("The policy is malformed: {wrong}")))?;
    for statement in policy.statements() {
        if !statement.has_principal() {
            return Err(malformed("Policy contains a statement with no principal."));
        }
        // One action of a key policy is enough to need a resource; AWS refuses a statement without.
        if !statement.has_resource() {
            return Err(malformed("Policy contains a statement with no resource."));
        }
        let is_known = |name: &String| name == "*" || ask.world.knows(name) || is_unique_id(name);
        let told = "Policy contains a statement with one or more invalid principals.";
        refuse_if(!statement.principals().iter().all(is_known), || malformed(told))?;
    }
    let facts = ask.world.facts();
    let question = Question::new(ask.caller, "kms:PutKeyPolicy", key, &facts);
    let account = &ask.caller.place.account;
    let guard = Guard::new(Some(&policy), account, true);
    let own = ask.world.iam(account).own(ask.caller, &question);
    let keeps = guard.lets(&question, own).is_ok();
    if !keeps && !ask.request.truth("BypassPolicyLockoutSafetyCheck") {
        let told = "The new key policy will not allow you to update the key policy in the future.";
        return Err(malformed(told));
    }
    Ok(policy)
}

/// Somebody who is gone, as a policy that named them shows it.
fn is_unique_id(name: &str) -> bool {
    (name.starts_with("AROA") || name.starts_with("AIDA"))
        && name.len() == 21
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
