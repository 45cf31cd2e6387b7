//! Aliases: names that point at keys.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authorize::Act;
use super::request::invalid;
use super::{Ask, Kms, page, seconds, with};
use crate::api::{ApiError, broken};
use crate::disk::{Disk, DiskError};
use crate::identity::{ACCOUNT, REGION};
use crate::shelf::Shelf;

/// Aliases of one key, by AWS's quota.
const MOST: usize = 50;

/// Where an alias points.
#[derive(Clone, Serialize, Deserialize)]
struct Alias {
    /// Bare key id.
    target: String,
    #[serde(with = "millisecond::required")]
    created: Timestamp,
    #[serde(with = "millisecond::required")]
    updated: Timestamp,
}

/// All aliases, and each key's.
pub(super) struct Aliases {
    /// By name, with `alias/`.
    rows: Shelf<Alias>,
    by_target: BTreeSet<(String, String)>,
}

impl Aliases {
    pub(super) fn open(disk: &Disk) -> Result<Self, DiskError> {
        let rows: Shelf<Alias> = Shelf::open("aliases", disk)?;
        let by_target = rows
            .iter()
            .map(|(name, alias)| (alias.target.clone(), name.clone()))
            .collect();
        Ok(Self { rows, by_target })
    }

    pub(super) fn target(&self, name: &str) -> Option<&str> {
        self.rows.get(name).map(|alias| alias.target.as_str())
    }

    /// Names of a key's aliases.
    pub(super) fn of(&self, key: &str) -> impl Iterator<Item = &str> {
        self.by_target
            .range((key.to_owned(), String::new())..)
            .take_while(move |(target, _)| target == key)
            .map(|(_, name)| name.as_str())
    }

    fn put(&mut self, name: &str, target: &str, now: Timestamp) {
        let old = self.remove(name);
        let alias = Alias {
            target: target.to_owned(),
            created: old.map_or(now, |alias| alias.created),
            updated: now,
        };
        self.by_target.insert((target.to_owned(), name.to_owned()));
        self.rows.insert(name.to_owned(), alias);
    }

    fn remove(&mut self, name: &str) -> Option<Alias> {
        let alias = self.rows.remove(name)?;
        self.by_target.remove(&(alias.target.clone(), name.to_owned()));
        Some(alias)
    }

    /// The aliases of a key that is gone.
    pub(super) fn remove_key(&mut self, key: &str) {
        let names: Vec<String> = self.of(key).map(str::to_owned).collect();
        for name in names {
            self.remove(&name);
        }
    }
}

impl Kms {
    /// Points an alias (with `alias/`) at a key without asking anybody.
    pub(crate) fn put_alias(&mut self, name: &str, target: &str) {
        self.aliases.put(name, target, self.clock.now());
    }
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:{name}")
}

/// An alias operation needs its permission on the alias and on every key it touches.
fn permitted(ask: &Ask, kms: &Kms, name: &str, keys: &[&str]) -> Result<(), ApiError> {
    let action = format!("kms:{}", ask.operation);
    ask.world.authorize(ask.caller, &action, &arn(name), &BTreeMap::new())?;
    keys.iter()
        .try_for_each(|id| ask.authorize(kms, kms.find(id)?, &Act::new(&action)))
}

/// Whether somebody but AWS may give an alias of this name.
fn valid(name: &str) -> Result<(), ApiError> {
    if name.len() > 256 {
        return Err(invalid(broken(
            Some(name),
            "aliasName",
            "have length less than or equal to 256",
        )));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || ":/_-".contains(c)) {
        return Err(invalid(broken(
            Some(name),
            "aliasName",
            "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
        )));
    }
    if !name.starts_with("alias/") {
        return Err(invalid(
            "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    }
    if name.starts_with("alias/aws/") || name == "alias/" || name.contains(':') {
        return Err(ApiError::new(
            "InvalidAliasNameException",
            format!("{name} cannot be an alias; alias/aws/ is AWS's own."),
        ));
    }
    Ok(())
}

pub(super) fn put(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let name = ask.request.required("AliasName")?;
    valid(name)?;
    let target = kms.find_strictly(ask.request.required("TargetKeyId")?)?;
    let (id, old) = (target.id.clone(), kms.aliases.target(name).map(str::to_owned));
    let keys: Vec<&str> = std::iter::once(id.as_str()).chain(old.as_deref()).collect();
    permitted(ask, kms, name, &keys)?;
    match (ask.operation, &old) {
        ("CreateAlias", Some(_)) => {
            return Err(ApiError::new(
                "AlreadyExistsException",
                format!("An alias with the name {} already exists", arn(name)),
            ));
        }
        ("UpdateAlias", None) => return Err(missing(name)),
        _ => {}
    }
    target.not_pending()?;
    if kms.aliases.of(&id).filter(|other| *other != name).count() >= MOST {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("the key has {MOST} aliases, its quota"),
        ));
    }
    kms.put_alias(name, &id);
    Ok(json!({}))
}

pub(super) fn delete(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let name = ask.request.required("AliasName")?;
    let target = kms.aliases.target(name).ok_or_else(|| missing(name))?;
    permitted(ask, kms, name, &[target])?;
    kms.aliases.remove(name);
    Ok(json!({}))
}

pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.world
        .authorize(ask.caller, "kms:ListAliases", "*", &BTreeMap::new())?;
    let only = ask
        .request
        .text("KeyId")
        .map(|id| kms.find_strictly(id).map(|key| key.id.clone()))
        .transpose()?;
    let (rows, end) = page(&ask.request, (50, 100), |after| {
        let names: Box<dyn Iterator<Item = &str>> = match &only {
            Some(id) => Box::new(
                kms.aliases
                    .of(id)
                    .filter(move |name| after.as_deref().is_none_or(|after| *name > after)),
            ),
            None => {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                Box::new(
                    kms.aliases
                        .rows
                        .range((from, Bound::Unbounded))
                        .map(|(name, _)| name.as_str()),
                )
            }
        };
        names.filter_map(|name| Some((name, (name, kms.aliases.rows.get(name)?))))
    })?;
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

fn missing(name: &str) -> ApiError {
    ApiError::new("NotFoundException", format!("Alias {} is not found.", arn(name)))
}
