//! The life of a key: made, described, switched, scheduled for deletion and saved from it.

use super::authorize::Act;
use super::key::{Key, NewKey, State, default_policy, in_days};
use super::request::invalid;
use super::{Ask, Kms, exceeded, page, policies, seconds, tags, unsupported, with};
use crate::api::bad_length;
use crate::policy::Question;
use crate::prelude::*;

/// The kinds of key that KMS has, in the order in which it told them.
const SPECS: &str = "RSA_2048 ECC_NIST_P384 ECC_NIST_P256 ECC_NIST_P521 HMAC_384 RSA_3072 ECC_SECG_P256K1 RSA_4096 \
    SYMMETRIC_DEFAULT HMAC_256 HMAC_224 HMAC_512";
const USAGES: &str = "ENCRYPT_DECRYPT SIGN_VERIFY GENERATE_VERIFY_MAC";
/// Keys of an account, by AWS's quota.
const MOST: usize = 100_000;

pub(super) fn create(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let request = &ask.request;
    let tags = tags::parse(request.value("Tags"))?;
    let description = description(ask)?;
    let is_multi_region = request.truth("MultiRegion");
    may_create(ask, ask.caller, &tags, is_multi_region.then_some("PRIMARY"))?;
    let (spec, old) = (request.one_of("KeySpec", SPECS)?, "CustomerMasterKeySpec");
    let spec = spec.or(request.one_of(old, SPECS)?);
    let usage = request.one_of("KeyUsage", USAGES)?;
    if usage.is_none() && spec.is_some_and(|spec| spec != "SYMMETRIC_DEFAULT") {
        let told = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
        return Err(invalid(told));
    }
    let only = |member: &str, supported: &str| match request.text(member) {
        Some(value) if value != supported => {
            let told = format!("the sandbox makes keys with {member} {supported} only");
            Err(unsupported(told))
        }
        _ => Ok(()),
    };
    only("KeySpec", "SYMMETRIC_DEFAULT")?;
    only(old, "SYMMETRIC_DEFAULT")?;
    only("KeyUsage", "ENCRYPT_DECRYPT")?;
    only("Origin", "AWS_KMS")?;
    if kms.keys.len() >= MOST && kms.of(&ask.caller.place, None).count() >= MOST {
        return Err(exceeded(format!("the account has {MOST} keys, its quota")));
    }
    let policy = match request.text("Policy") {
        None => default_policy(&ask.caller.place.account),
        Some(text) => policies::checked(ask, text, policies::NEW)?,
    };
    let new = NewKey {
        description,
        policy: Some(policy),
        tags,
        is_multi_region,
    };
    let arn = kms.create_key(&ask.caller.place, new);
    Ok(json!({ "KeyMetadata": kms.metadata(kms.key(&arn)?) }))
}

/// A key that is not there yet has no policy: the caller's own decide. `kind` is that of a multi-Region key.
pub(super) fn may_create(
    ask: &Ask,
    caller: &Caller,
    tags: &BTreeMap<String, String>,
    kind: Option<&str>,
) -> Result<(), ApiError> {
    let request = &ask.request;
    let mut facts = ask.world.facts();
    for (name, value) in tags {
        facts.insert(format!("aws:RequestTag/{name}"), value.clone());
    }
    for (member, name, default) in [
        ("KeySpec", "kms:KeySpec", "SYMMETRIC_DEFAULT"),
        ("KeyUsage", "kms:KeyUsage", "ENCRYPT_DECRYPT"),
        ("Origin", "kms:KeyOrigin", "AWS_KMS"),
    ] {
        facts.insert(name.to_owned(), request.text(member).unwrap_or(default).to_owned());
    }
    let bypass = "BypassPolicyLockoutSafetyCheck";
    facts.insert(format!("kms:{bypass}"), request.truth(bypass).to_string());
    facts.insert("kms:MultiRegion".to_owned(), kind.is_some().to_string());
    facts.extend(kind.map(|kind| ("kms:MultiRegionKeyType".to_owned(), kind.to_owned())));
    let tagging = (!tags.is_empty()).then_some("kms:TagResource");
    for action in ["kms:CreateKey"].into_iter().chain(tagging) {
        let question = Question::new(caller, action, "*", &facts).with("aws:TagKeys", tags.keys().cloned().collect());
        ask.world.permit_by_identity(&question)?;
    }
    Ok(())
}

pub(super) fn description<'a>(ask: &'a Ask) -> Result<&'a str, ApiError> {
    let text = ask.request.text("Description").unwrap_or_default();
    bad_length(text.chars().count(), "description", 0..=8192).map_err(invalid)?;
    Ok(text)
}

pub(super) fn describe(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let key = kms.find(&ask.caller.place, ask.request.required("KeyId")?)?;
    ask.authorize(kms, key, &Act::grantable("kms:DescribeKey"))?;
    Ok(json!({ "KeyMetadata": kms.metadata(key) }))
}

pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.world.authorize(ask.caller, "kms:ListKeys", "*", &BTreeMap::new())?;
    let (keys, end) = page(&ask.request, (100, 1000), |after| {
        kms.of(&ask.caller.place, after).map(|key| (key.arn.as_str(), key))
    })?;
    let row = |key: &&Key| json!({ "KeyId": key.id(), "KeyArn": key.arn });
    let rows: Vec<Value> = keys.iter().map(row).collect();
    Ok(with(json!({ "Keys": rows }), end))
}

/// Does an administrative act on a key that does not wait for its deletion.
pub(super) fn change(ask: &Ask, kms: &mut Kms, change: impl FnOnce(&mut Key)) -> Result<Value, ApiError> {
    let arn = ask.administered(kms)?;
    kms.key(&arn)?.not_pending()?;
    kms.change(&arn, change);
    Ok(json!({}))
}

pub(super) fn switch(ask: &Ask, kms: &mut Kms, state: State) -> Result<Value, ApiError> {
    change(ask, kms, |key| key.state = state)
}

pub(super) fn update_description(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let text = description(ask)?;
    change(ask, kms, |key| text.clone_into(&mut key.description))
}

pub(super) fn schedule_deletion(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let days = ask.request.number("PendingWindowInDays").unwrap_or(30);
    let key = kms.find_strictly(&ask.caller.place, ask.request.required("KeyId")?)?;
    let act = Act::new("kms:ScheduleKeyDeletion");
    let act = act.saying("kms:ScheduleKeyDeletionPendingWindowInDays", days.to_string());
    ask.authorize(kms, key, &act)?;
    // The service model says 1 to 365; the service says this.
    if !(7..=30).contains(&days) {
        return Err(invalid("PendingWindowInDays must be between 7 and 30 (inclusive)."));
    }
    key.not_pending()?;
    if kms.has_replicas(key) {
        let arn = key.arn.clone();
        kms.change(&arn, |key| {
            key.state = State::PendingReplicaDeletion;
            if let Some(family) = &mut key.family {
                family.window = days;
            }
        });
        return Ok(json!({ "KeyId": arn, "KeyState": "PendingReplicaDeletion", "PendingWindowInDays": days }));
    }
    let (arn, deletion) = (key.arn.clone(), in_days(ask.world.now(), days));
    kms.change(&arn, |key| {
        key.state = State::PendingDeletion;
        key.deletion = Some(deletion);
    });
    Ok(
        json!({ "KeyId": arn, "DeletionDate": seconds(deletion), "KeyState": "PendingDeletion", "PendingWindowInDays": days }),
    )
}

pub(super) fn cancel_deletion(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let arn = ask.administered(kms)?;
    if kms.key(&arn)?.not_pending().is_ok() {
        let told = format!("{arn} is not pending deletion.");
        return Err(ApiError::new("KMSInvalidStateException", told));
    }
    kms.change(&arn, |key| {
        key.state = State::Disabled;
        key.deletion = None;
    });
    Ok(json!({ "KeyId": arn }))
}
