//! Aliases: names that point at keys.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authorize::Act;
use super::request::invalid;
use super::{Ask, Kms, key, managed, page, seconds, with};
use crate::api::{ApiError, broken};
use crate::disk::{Disk, DiskError};
use crate::identity::account_of;
use crate::shelf::Shelf;

/// Aliases of one key, by AWS's quota.
const MOST: usize = 50;

/// Where an alias points.
#[derive(Clone, Serialize, Deserialize)]
struct Alias {
    /// Key ARN.
    target: String,
    #[serde(with = "millisecond::required")]
    created: Timestamp,
    #[serde(with = "millisecond::required")]
    updated: Timestamp,
}

/// All aliases, and each key's.
pub(super) struct Aliases {
    /// By ARN.
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

    /// ARNs of a key's aliases.
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
    /// Points an alias (with `alias/`) at a key of the same place without asking anybody.
    pub(crate) fn put_alias(&mut self, name: &str, target: &str) {
        let alias = target.replace(&format!("key/{}", key::id_of(target)), name);
        self.aliases.put(&alias, target, self.clock.now());
    }
}

/// An alias' name, with `alias/`, in its ARN.
pub(super) fn name_of(arn: &str) -> &str {
    arn.splitn(6, ':').last().unwrap_or(arn)
}

/// An alias operation needs its permission on the alias and on every key it touches.
fn permitted(ask: &Ask, kms: &Kms, alias: &str, keys: &[&str]) -> Result<(), ApiError> {
    let action = format!("kms:{}", ask.operation);
    ask.world.authorize(ask.caller, &action, alias, &BTreeMap::new())?;
    keys.iter()
        .try_for_each(|key| ask.authorize(kms, kms.key(key)?, &Act::new(&action)))
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
    if name.starts_with(managed::PREFIX) || name == "alias/" || name.contains(':') {
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
    let place = &ask.caller.place;
    let target = kms.find_strictly(place, ask.request.required("TargetKeyId")?)?;
    if account_of(&target.arn) != place.account {
        let missing = format!("Key '{}' does not exist", key::arn(place, target.id()));
        return Err(ApiError::new("NotFoundException", missing));
    }
    let alias = place.arn("kms", name);
    let (arn, old) = (target.arn.clone(), kms.aliases.target(&alias).map(str::to_owned));
    let keys: Vec<&str> = std::iter::once(arn.as_str()).chain(old.as_deref()).collect();
    permitted(ask, kms, &alias, &keys)?;
    match (ask.operation, &old) {
        ("CreateAlias", Some(_)) => {
            return Err(ApiError::new(
                "AlreadyExistsException",
                format!("An alias with the name {alias} already exists"),
            ));
        }
        ("UpdateAlias", None) => return Err(missing(&alias)),
        _ => {}
    }
    target.not_pending()?;
    if kms.aliases.of(&arn).filter(|other| *other != alias).count() >= MOST {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("the key has {MOST} aliases, its quota"),
        ));
    }
    kms.put_alias(name, &arn);
    Ok(json!({}))
}

pub(super) fn delete(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let name = ask.request.required("AliasName")?;
    let alias = ask.caller.place.arn("kms", name);
    let target = kms.aliases.target(&alias).ok_or_else(|| missing(&alias))?;
    permitted(ask, kms, &alias, &[target])?;
    kms.aliases.remove(&alias);
    Ok(json!({}))
}

pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.world
        .authorize(ask.caller, "kms:ListAliases", "*", &BTreeMap::new())?;
    let only = ask
        .request
        .text("KeyId")
        .map(|id| kms.find_strictly(&ask.caller.place, id).map(|key| key.arn.clone()))
        .transpose()?;
    let (rows, end) = page(&ask.request, (50, 100), |after| {
        let names: Box<dyn Iterator<Item = &str>> = match &only {
            Some(id) => Box::new(
                kms.aliases
                    .of(id)
                    // A key of another account shows its aliases to that one.
                    .filter(|alias| account_of(alias) == ask.caller.place.account)
                    .filter(move |name| after.as_deref().is_none_or(|after| *name > after)),
            ),
            None => {
                let first = ask.caller.place.arn("kms", "alias/");
                let from = after.map_or_else(|| Bound::Included(first.clone()), Bound::Excluded);
                Box::new(
                    kms.aliases
                        .rows
                        .range((from, Bound::Unbounded))
                        .map(|(alias, _)| alias.as_str())
                        .take_while(move |alias| alias.starts_with(&first)),
                )
            }
        };
        names.filter_map(|arn| Some((arn, (arn, kms.aliases.rows.get(arn)?))))
    })?;
    let rows: Vec<_> = rows
        .iter()
        .map(|(arn, alias)| {
            json!({
                "AliasName": name_of(arn), "AliasArn": arn, "TargetKeyId": key::id_of(&alias.target),
                "CreationDate": seconds(alias.created), "LastUpdatedDate": seconds(alias.updated)
            })
        })
        .collect();
    Ok(with(json!({ "Aliases": rows }), end))
}

fn missing(alias: &str) -> ApiError {
    ApiError::new("NotFoundException", format!("Alias {alias} is not found."))
}
