//! Aliases: names that point at keys.

use std::collections::BTreeSet;
use std::ops::Bound;

use jiff::fmt::serde::timestamp::millisecond;

use super::authorize::Act;
use super::request::invalid;
use super::{Ask, Kms, exceeded, key, managed, missing, no_alias, page, seconds, with};
use crate::api::broken;
use crate::prelude::*;
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
        let by_target = rows.iter().map(|(name, alias)| (alias.target.clone(), name.clone()));
        let by_target = by_target.collect();
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
    let rule = if name.len() > 256 {
        Some("have length less than or equal to 256")
    } else if !name.chars().all(|c| c.is_ascii_alphanumeric() || ":/_-".contains(c)) {
        Some("satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$")
    } else {
        None
    };
    if let Some(rule) = rule {
        return Err(invalid(broken(Some(name), "aliasName", rule)));
    }
    if !name.starts_with("alias/") {
        return Err(invalid(
            "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    }
    if name.starts_with(managed::PREFIX) || name == "alias/" || name.contains(':') {
        let told = format!("{name} cannot be an alias; alias/aws/ is AWS's own.");
        return Err(ApiError::new("InvalidAliasNameException", told));
    }
    Ok(())
}

pub(super) fn put(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let name = ask.request.required("AliasName")?;
    valid(name)?;
    let place = &ask.caller.place;
    let target = kms.find_strictly(place, ask.request.required("TargetKeyId")?)?;
    if account_of(&target.arn) != place.account {
        let here = key::arn(place, target.id());
        return Err(missing(format!("Key '{here}' does not exist")));
    }
    let alias = place.arn("kms", name);
    let (arn, old) = (target.arn.clone(), kms.aliases.target(&alias).map(str::to_owned));
    let keys: Vec<&str> = std::iter::once(arn.as_str()).chain(old.as_deref()).collect();
    permitted(ask, kms, &alias, &keys)?;
    match (ask.operation, &old) {
        ("CreateAlias", Some(_)) => {
            let told = format!("An alias with the name {alias} already exists");
            return Err(ApiError::new("AlreadyExistsException", told));
        }
        ("UpdateAlias", None) => return Err(no_alias(&alias)),
        _ => {}
    }
    target.not_pending()?;
    if kms.aliases.of(&arn).filter(|other| *other != alias).count() >= MOST {
        return Err(exceeded(format!("the key has {MOST} aliases, its quota")));
    }
    kms.put_alias(name, &arn);
    Ok(json!({}))
}

pub(super) fn delete(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let name = ask.request.required("AliasName")?;
    let alias = ask.caller.place.arn("kms", name);
    let target = kms.aliases.target(&alias).ok_or_else(|| no_alias(&alias))?;
    permitted(ask, kms, &alias, &[target])?;
    kms.aliases.remove(&alias);
    Ok(json!({}))
}

pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.world
        .authorize(ask.caller, "kms:ListAliases", "*", &BTreeMap::new())?;
    let (place, id) = (&ask.caller.place, ask.request.text("KeyId"));
    let only = id.map(|id| kms.find_strictly(place, id)).transpose()?;
    let (rows, end) = page(&ask.request, (50, 100), |after| {
        let names: Box<dyn Iterator<Item = &str>> = if let Some(key) = only {
            // A key of another account shows its aliases to that one.
            let own = kms
                .aliases
                .of(&key.arn)
                .filter(|alias| account_of(alias) == place.account);
            Box::new(own.filter(move |name| after.as_deref().is_none_or(|after| *name > after)))
        } else {
            let first = place.arn("kms", "alias/");
            let from = after.map_or_else(|| Bound::Included(first.clone()), Bound::Excluded);
            let rows = kms.aliases.rows.range((from, Bound::Unbounded));
            let names = rows.map(|(alias, _)| alias.as_str());
            Box::new(names.take_while(move |alias| alias.starts_with(&first)))
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
