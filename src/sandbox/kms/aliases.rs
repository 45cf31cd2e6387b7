//! Aliases: names that point at keys.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authorize::{authorize, not_pending};
use super::keys::seconds;
use super::{Act, Kms, Request, page, with};
use crate::sandbox::api::ApiError;
use crate::sandbox::identity::{ACCOUNT, Caller, REGION};
use crate::sandbox::world::{World, now};

/// Where an alias points.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Alias {
    /// Bare key id.
    pub(super) target: String,
    created: Timestamp,
    updated: Timestamp,
}

fn arn(name: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:{name}")
}

impl Kms {
    /// Points an alias (with `alias/`) at a key without asking anybody.
    pub(crate) fn put_alias(&mut self, name: &str, target: &str) {
        let at = now();
        let created = self.aliases.get(name).map_or(at, |alias| alias.created);
        self.aliases.insert(
            name.to_owned(),
            Alias {
                target: target.to_owned(),
                created,
                updated: at,
            },
        );
    }
}

/// An alias operation needs its permission on the alias and on every key it touches.
fn permitted(
    world: &World,
    kms: &Kms,
    caller: &Caller,
    action: &str,
    name: &str,
    keys: &[&str],
) -> Result<(), ApiError> {
    world.authorize(caller, action, &arn(name), &BTreeMap::new())?;
    keys.iter()
        .try_for_each(|id| authorize(world, kms.find(id)?, caller, &Act::new(action)))
}

pub(super) fn put(
    world: &World,
    kms: &mut Kms,
    caller: &Caller,
    request: &Request,
    operation: &str,
) -> Result<Value, ApiError> {
    let name = request.required("AliasName")?;
    let is_name = name.strip_prefix("alias/").is_some_and(|rest| {
        !rest.is_empty() && rest.len() <= 250 && rest.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c))
    });
    if !is_name || name.starts_with("alias/aws/") {
        return Err(ApiError::new(
            "InvalidAliasNameException",
            "Alias must start with the prefix \"alias/\" and hold only letters, digits and / _ -; alias/aws/ is reserved.",
        ));
    }
    let target = kms.find_strictly(request.required("TargetKeyId")?)?;
    let (id, old) = (
        target.id.clone(),
        kms.aliases.get(name).map(|alias| alias.target.clone()),
    );
    match (operation, &old) {
        ("CreateAlias", Some(_)) => {
            return Err(ApiError::new(
                "AlreadyExistsException",
                format!("An alias with the name {} already exists", arn(name)),
            ));
        }
        ("UpdateAlias", None) => {
            return Err(ApiError::new(
                "NotFoundException",
                format!("Alias {} is not found.", arn(name)),
            ));
        }
        _ => {}
    }
    let keys: Vec<&str> = std::iter::once(id.as_str()).chain(old.as_deref()).collect();
    permitted(world, kms, caller, &format!("kms:{operation}"), name, &keys)?;
    not_pending(kms.find(&id)?)?;
    kms.put_alias(name, &id);
    Ok(json!({}))
}

pub(super) fn delete(world: &World, kms: &mut Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let name = request.required("AliasName")?;
    let target = kms
        .aliases
        .get(name)
        .map(|alias| alias.target.clone())
        .ok_or_else(|| ApiError::new("NotFoundException", format!("Alias {} is not found.", arn(name))))?;
    permitted(world, kms, caller, "kms:DeleteAlias", name, &[&target])?;
    kms.aliases.remove(name);
    Ok(json!({}))
}

pub(super) fn list(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    world.authorize(caller, "kms:ListAliases", "*", &BTreeMap::new())?;
    let only = request
        .text("KeyId")
        .map(|id| kms.find_strictly(id).map(|key| key.id.clone()))
        .transpose()?;
    let rows = kms
        .aliases
        .iter()
        .filter(|(_, alias)| only.as_ref().is_none_or(|id| *id == alias.target))
        .map(|(name, alias)| (name, (name, alias)));
    let (rows, end) = page(request, rows, 50, 100)?;
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, alias)| {
            json!({
                "AliasName": name, "AliasArn": arn(name), "TargetKeyId": alias.target,
                "CreationDate": seconds(alias.created), "LastUpdatedDate": seconds(alias.updated)
            })
        })
        .collect();
    Ok(with(json!({ "Aliases": rows }), end))
}
