//! KMS: keys, aliases, grants, ciphertexts, and the real order of authorization.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::ApiError;
use super::identity::{ACCOUNT, Caller, REGION};
use super::world::World;

mod aliases;
mod authorize;
mod crypto;
mod grants;
mod keys;
mod request;

use authorize::Act;
pub(crate) use grants::NewGrant;
pub(crate) use keys::{Key, NewKey, State};
use request::Request;

/// Everything KMS knows.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Kms {
    /// By bare id.
    keys: BTreeMap<String, Key>,
    /// Alias (with `alias/`) to key.
    aliases: BTreeMap<String, aliases::Alias>,
}

/// Performs one operation.
pub(crate) fn call(world: &World, caller: &Caller, operation: &str, body: &Value) -> Result<Value, ApiError> {
    let request = Request::new(body);
    let request = &request;
    let mut kms = world.kms();
    let kms = &mut *kms;
    match operation {
        "CreateKey" => keys::create(world, kms, caller, request),
        "DescribeKey" => keys::describe(world, kms, caller, request),
        "ListKeys" => keys::list(world, kms, caller, request),
        "EnableKey" | "DisableKey" => keys::switch(world, kms, caller, request, operation),
        "UpdateKeyDescription" => keys::update_description(world, kms, caller, request),
        "ScheduleKeyDeletion" => keys::schedule_deletion(world, kms, caller, request),
        "CancelKeyDeletion" => keys::cancel_deletion(world, kms, caller, request),
        "GetKeyPolicy" => keys::policy(world, kms, caller, request),
        "PutKeyPolicy" => keys::put_policy(world, kms, caller, request),
        "ListKeyPolicies" => keys::list_policies(world, kms, caller, request),
        "GetKeyRotationStatus" | "EnableKeyRotation" | "DisableKeyRotation" | "RotateKeyOnDemand" => {
            keys::rotation(world, kms, caller, request, operation)
        }
        "TagResource" | "UntagResource" | "ListResourceTags" => keys::tags(world, kms, caller, request, operation),
        "CreateAlias" | "UpdateAlias" => aliases::put(world, kms, caller, request, operation),
        "DeleteAlias" => aliases::delete(world, kms, caller, request),
        "ListAliases" => aliases::list(world, kms, caller, request),
        "Encrypt" => crypto::encrypt(world, kms, caller, request),
        "Decrypt" => crypto::decrypt(world, kms, caller, request),
        "ReEncrypt" => crypto::re_encrypt(world, kms, caller, request),
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => {
            crypto::generate_data_key(world, kms, caller, request, operation)
        }
        "GenerateRandom" => crypto::generate_random(world, caller, request),
        "CreateGrant" => grants::create(world, kms, caller, request),
        "ListGrants" => grants::list(world, kms, caller, request),
        "ListRetirableGrants" => grants::list_retirable(world, kms, caller, request),
        "RetireGrant" => grants::retire(world, kms, caller, request),
        "RevokeGrant" => grants::revoke(world, kms, caller, request),
        _ => Err(ApiError::new(
            "UnknownOperationException",
            format!("the sandbox does not know TrentService.{operation}"),
        )),
    }
}

impl Kms {
    /// A key by id, key ARN, alias or alias ARN.
    fn find(&self, id: &str) -> Result<&Key, ApiError> {
        let name = id
            .strip_prefix(&format!("arn:aws:kms:{REGION}:{ACCOUNT}:"))
            .unwrap_or(id);
        if name.starts_with("arn:") {
            return Err(ApiError::new("NotFoundException", format!("Invalid arn {id}")));
        }
        if name.starts_with("alias/") {
            let target = self.aliases.get(name).and_then(|alias| self.keys.get(&alias.target));
            return target.ok_or_else(|| {
                ApiError::new(
                    "NotFoundException",
                    format!("Alias arn:aws:kms:{REGION}:{ACCOUNT}:{name} is not found."),
                )
            });
        }
        let bare = name.strip_prefix("key/").unwrap_or(name);
        self.keys
            .get(bare)
            .ok_or_else(|| ApiError::new("NotFoundException", format!("Key '{}' does not exist", arn(bare))))
    }

    /// A key where KMS takes no alias.
    fn find_strictly(&self, id: &str) -> Result<&Key, ApiError> {
        if id.starts_with("alias/") || id.contains(":alias/") {
            return Err(ApiError::new("NotFoundException", format!("Invalid keyId {id}")));
        }
        self.find(id)
    }

    fn key_mut(&mut self, id: &str) -> Result<&mut Key, ApiError> {
        self.keys
            .get_mut(id)
            .ok_or_else(|| ApiError::new("NotFoundException", format!("Key '{}' does not exist", arn(id))))
    }
}

fn arn(id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}

/// One page of an ordered list: the rows after the marker, and what ends the answer.
fn page<'a, T: 'a>(
    request: &Request,
    rows: impl Iterator<Item = (&'a String, T)>,
    standard: usize,
    most: usize,
) -> Result<(Vec<T>, Value), ApiError> {
    let limit = request.number("Limit").map_or(Ok(standard), |limit| {
        usize::try_from(limit).ok().filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
            ApiError::new("ValidationException", format!("1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and {most}"))
        })
    })?;
    let marker = request.text("Marker");
    let mut rows = rows
        .skip_while(|(name, _)| marker.is_some_and(|marker| name.as_str() <= marker))
        .peekable();
    let mut taken = Vec::new();
    let mut last = None;
    while taken.len() < limit {
        let Some((name, row)) = rows.next() else { break };
        last = Some(name.clone());
        taken.push(row);
    }
    let end = match (rows.peek(), last) {
        (Some(_), Some(last)) => json!({ "Truncated": true, "NextMarker": last }),
        _ => json!({ "Truncated": false }),
    };
    Ok((taken, end))
}

/// Lays the members of `more` over `answer`.
fn with(mut answer: Value, more: Value) -> Value {
    if let (Value::Object(answer), Value::Object(more)) = (&mut answer, more) {
        answer.extend(more);
    }
    answer
}

#[cfg(test)]
mod tests;
