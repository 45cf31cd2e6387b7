//! The life of a key: made, described, switched, rotated, scheduled for deletion and saved from it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authorize::{authorize, not_pending, usable};
use super::grants::Grant;
use super::{Act, Kms, Request, arn, page, with};
use crate::sandbox::api::ApiError;
use crate::sandbox::identity::{ACCOUNT, Caller};
use crate::sandbox::policy::{self, Decision, Question, strings};
use crate::sandbox::world::{World, now, random};

/// A KMS key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) description: String,
    pub(crate) created: Timestamp,
    pub(crate) state: State,
    pub(crate) deletion: Option<Timestamp>,
    pub(crate) policy: Value,
    pub(crate) rotates: bool,
    pub(crate) tags: BTreeMap<String, String>,
    /// Key material, oldest first; ciphertexts say which they need. Never leaves the world's folder.
    pub(super) material: Vec<[u8; 32]>,
    pub(crate) grants: BTreeMap<String, Grant>,
}

/// A key's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Enabled,
    Disabled,
    PendingDeletion,
}

/// What a key is made from.
#[derive(Default)]
pub(crate) struct NewKey<'a> {
    pub(crate) description: &'a str,
    /// The account's default policy if nothing.
    pub(crate) policy: Option<Value>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Kms {
    /// Makes a key without asking anybody; its id.
    pub(crate) fn create_key(&mut self, new: NewKey) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let key = Key {
            arn: arn(&id),
            id: id.clone(),
            description: new.description.to_owned(),
            created: now(),
            state: State::Enabled,
            deletion: None,
            policy: new.policy.unwrap_or_else(default_policy),
            rotates: false,
            tags: new.tags,
            material: vec![random()],
            grants: BTreeMap::new(),
        };
        self.keys.insert(id.clone(), key);
        id
    }

    /// A key to change, by its bare id.
    pub(crate) fn key(&mut self, id: &str) -> Result<&mut Key, ApiError> {
        self.key_mut(id)
    }
}

fn default_policy() -> Value {
    json!({
        "Version": "2012-10-17", "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions", "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "kms:*", "Resource": "*"
        }]
    })
}

pub(super) fn create(world: &World, kms: &mut Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let tags = tag_map(request.value("Tags"));
    world.authorize(caller, "kms:CreateKey", "*", &BTreeMap::new())?;
    let spec = request
        .text("KeySpec")
        .or_else(|| request.text("CustomerMasterKeySpec"))
        .unwrap_or("SYMMETRIC_DEFAULT");
    if spec != "SYMMETRIC_DEFAULT" || request.text("KeyUsage").is_some_and(|usage| usage != "ENCRYPT_DECRYPT") {
        return Err(ApiError::new(
            "UnsupportedOperationException",
            "the sandbox makes symmetric encryption keys only",
        ));
    }
    if request.text("Origin").is_some_and(|origin| origin != "AWS_KMS") {
        return Err(ApiError::new(
            "UnsupportedOperationException",
            "the sandbox makes keys with AWS_KMS material only",
        ));
    }
    let policy = match request.text("Policy") {
        None => default_policy(),
        Some(text) => checked_policy(world, caller, text, request.truth("BypassPolicyLockoutSafetyCheck"))?,
    };
    let description = request.text("Description").unwrap_or_default();
    let id = kms.create_key(NewKey {
        description,
        policy: Some(policy),
        tags,
    });
    Ok(json!({ "KeyMetadata": metadata(kms.find(&id)?) }))
}

/// A policy that is one: its principals exist, and its writer can still change it.
fn checked_policy(world: &World, caller: &Caller, text: &str, may_lock_out: bool) -> Result<Value, ApiError> {
    let malformed = |message: &str| ApiError::new("MalformedPolicyDocumentException", message);
    if text.len() > 32 * 1024 {
        return Err(ApiError::new(
            "LimitExceededException",
            "The policy is larger than 32768 bytes.",
        ));
    }
    let policy: Value = serde_json::from_str(text).map_err(|_| malformed("The policy is not valid JSON."))?;
    let statements = match &policy["Statement"] {
        Value::Array(list) => list.clone(),
        statement @ Value::Object(_) => vec![statement.clone()],
        _ => return Err(malformed("The policy has no statement.")),
    };
    let iam = world.iam();
    for statement in &statements {
        if statement
            .get("Principal")
            .or_else(|| statement.get("NotPrincipal"))
            .is_none()
        {
            return Err(malformed("Policy contains a statement with no principal."));
        }
        for name in strings(&statement["Principal"]["AWS"]) {
            let is_account = name == "*" || name == ACCOUNT || name == format!("arn:aws:iam::{ACCOUNT}:root");
            if !is_account && !iam.knows(&name) {
                return Err(malformed(
                    "Policy contains a statement with one or more invalid principals.",
                ));
            }
        }
    }
    let none = BTreeMap::new();
    let question = Question::new(caller, "kms:PutKeyPolicy", "*", &none);
    let found = policy::resource(&policy, &question);
    let own = iam.decide(&caller.principal, &question);
    let keeps = found.caller == Decision::Allowed || (found.account == Decision::Allowed && own == Decision::Allowed);
    if !keeps && !may_lock_out {
        return Err(malformed(
            "The new key policy will not allow you to update the key policy in the future.",
        ));
    }
    Ok(policy)
}

fn metadata(key: &Key) -> Value {
    let mut metadata = json!({
        "AWSAccountId": ACCOUNT, "KeyId": key.id, "Arn": key.arn, "CreationDate": seconds(key.created),
        "Enabled": key.state == State::Enabled, "Description": key.description, "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": state(key), "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT", "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": false
    });
    if let Some(deletion) = key.deletion {
        metadata["DeletionDate"] = json!(seconds(deletion));
    }
    metadata
}

fn state(key: &Key) -> &'static str {
    match key.state {
        State::Enabled => "Enabled",
        State::Disabled => "Disabled",
        State::PendingDeletion => "PendingDeletion",
    }
}

/// JSON times are fractional seconds.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

pub(super) fn describe(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let key = kms.find(request.required("KeyId")?)?;
    authorize(
        world,
        key,
        caller,
        &Act::grantable("kms:DescribeKey", request, BTreeMap::new()),
    )?;
    Ok(json!({ "KeyMetadata": metadata(key) }))
}

pub(super) fn list(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    world.authorize(caller, "kms:ListKeys", "*", &BTreeMap::new())?;
    let (keys, end) = page(request, kms.keys.iter(), 100, 1000)?;
    let rows: Vec<_> = keys
        .iter()
        .map(|key| json!({ "KeyId": key.id, "KeyArn": key.arn }))
        .collect();
    Ok(with(json!({ "Keys": rows }), end))
}

/// The id of a key that an administrative call names, once the caller may do it.
fn administered(
    world: &World,
    kms: &Kms,
    caller: &Caller,
    request: &Request,
    action: &str,
) -> Result<String, ApiError> {
    let key = kms.find_strictly(request.required("KeyId")?)?;
    authorize(world, key, caller, &Act::new(action))?;
    Ok(key.id.clone())
}

pub(super) fn switch(
    world: &World,
    kms: &mut Kms,
    caller: &Caller,
    request: &Request,
    operation: &str,
) -> Result<Value, ApiError> {
    let id = administered(world, kms, caller, request, &format!("kms:{operation}"))?;
    let key = kms.key_mut(&id)?;
    not_pending(key)?;
    key.state = if operation == "EnableKey" {
        State::Enabled
    } else {
        State::Disabled
    };
    Ok(json!({}))
}

pub(super) fn update_description(
    world: &World,
    kms: &mut Kms,
    caller: &Caller,
    request: &Request,
) -> Result<Value, ApiError> {
    let id = administered(world, kms, caller, request, "kms:UpdateKeyDescription")?;
    let key = kms.key_mut(&id)?;
    not_pending(key)?;
    request
        .text("Description")
        .unwrap_or_default()
        .clone_into(&mut key.description);
    Ok(json!({}))
}

pub(super) fn schedule_deletion(
    world: &World,
    kms: &mut Kms,
    caller: &Caller,
    request: &Request,
) -> Result<Value, ApiError> {
    let id = administered(world, kms, caller, request, "kms:ScheduleKeyDeletion")?;
    let days = request.number("PendingWindowInDays").unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(ApiError::new(
            "ValidationException",
            "PendingWindowInDays must be between 7 and 30 (inclusive).",
        ));
    }
    let key = kms.key_mut(&id)?;
    not_pending(key)?;
    let deletion = now()
        .checked_add(SignedDuration::from_hours(24 * days))
        .unwrap_or(Timestamp::MAX);
    key.state = State::PendingDeletion;
    key.deletion = Some(deletion);
    Ok(
        json!({ "KeyId": key.arn, "DeletionDate": seconds(deletion), "KeyState": "PendingDeletion", "PendingWindowInDays": days }),
    )
}

pub(super) fn cancel_deletion(
    world: &World,
    kms: &mut Kms,
    caller: &Caller,
    request: &Request,
) -> Result<Value, ApiError> {
    let id = administered(world, kms, caller, request, "kms:CancelKeyDeletion")?;
    let key = kms.key_mut(&id)?;
    if key.state != State::PendingDeletion {
        return Err(ApiError::new(
            "KMSInvalidStateException",
            format!("{} is not pending deletion.", key.arn),
        ));
    }
    key.state = State::Disabled;
    key.deletion = None;
    Ok(json!({ "KeyId": key.arn }))
}

pub(super) fn policy(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let id = administered(world, kms, caller, request, "kms:GetKeyPolicy")?;
    default_name(request)?;
    let text = serde_json::to_string_pretty(&kms.find(&id)?.policy).unwrap_or_default();
    Ok(json!({ "Policy": text, "PolicyName": "default" }))
}

pub(super) fn put_policy(world: &World, kms: &mut Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let id = administered(world, kms, caller, request, "kms:PutKeyPolicy")?;
    default_name(request)?;
    let policy = checked_policy(
        world,
        caller,
        request.required("Policy")?,
        request.truth("BypassPolicyLockoutSafetyCheck"),
    )?;
    kms.key_mut(&id)?.policy = policy;
    Ok(json!({}))
}

pub(super) fn list_policies(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    administered(world, kms, caller, request, "kms:ListKeyPolicies")?;
    Ok(json!({ "PolicyNames": ["default"], "Truncated": false }))
}

fn default_name(request: &Request) -> Result<(), ApiError> {
    match request.text("PolicyName") {
        None | Some("default") => Ok(()),
        Some(_) => Err(ApiError::new("NotFoundException", "No such policy exists")),
    }
}

pub(super) fn rotation(
    world: &World,
    kms: &mut Kms,
    caller: &Caller,
    request: &Request,
    operation: &str,
) -> Result<Value, ApiError> {
    let id = administered(world, kms, caller, request, &format!("kms:{operation}"))?;
    let key = kms.key_mut(&id)?;
    if operation == "GetKeyRotationStatus" {
        return Ok(
            json!({ "KeyRotationEnabled": key.rotates && key.state != State::PendingDeletion, "KeyId": key.arn }),
        );
    }
    usable(key)?;
    match operation {
        "RotateKeyOnDemand" => {
            if key.material.len() > usize::from(u16::MAX) {
                return Err(ApiError::new("LimitExceededException", "the key has too many versions"));
            }
            key.material.push(random());
            Ok(json!({ "KeyId": key.arn }))
        }
        _ => {
            key.rotates = operation == "EnableKeyRotation";
            Ok(json!({}))
        }
    }
}

pub(super) fn tags(
    world: &World,
    kms: &mut Kms,
    caller: &Caller,
    request: &Request,
    operation: &str,
) -> Result<Value, ApiError> {
    let id = administered(world, kms, caller, request, &format!("kms:{operation}"))?;
    if operation == "ListResourceTags" {
        let key = kms.find(&id)?;
        let (rows, end) = page(
            request,
            key.tags.iter().map(|(name, value)| (name, (name, value))),
            50,
            50,
        )?;
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, value)| json!({ "TagKey": name, "TagValue": value }))
            .collect();
        return Ok(with(json!({ "Tags": rows }), end));
    }
    let key = kms.key_mut(&id)?;
    not_pending(key)?;
    if operation == "TagResource" {
        key.tags.extend(tag_map(request.value("Tags")));
    } else {
        for name in request.list("TagKeys") {
            key.tags.remove(&name);
        }
    }
    Ok(json!({}))
}

fn tag_map(value: &Value) -> BTreeMap<String, String> {
    let pair = |tag: &Value| Some((tag["TagKey"].as_str()?.to_owned(), tag["TagValue"].as_str()?.to_owned()));
    value
        .as_array()
        .map(|list| list.iter().filter_map(pair).collect())
        .unwrap_or_default()
}
