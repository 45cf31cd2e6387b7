//! KMS: keys, aliases, grants, ciphertexts, and the real order of authorization.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Bound;

use super::api::{refuse_if, seconds};
use super::members;
use super::shelf::Shelf;
use super::trail::Call;
use crate::prelude::*;

mod aliases;
mod authorize;
mod crypto;
mod grants;
mod key;
mod keys;
mod managed;
mod page;
mod policies;
mod regions;
mod request;
mod rotation;
mod tags;

use aliases::Aliases;
use grants::Grants;
pub(crate) use grants::NewGrant;
pub(crate) use key::{Key, NewKey, State};
use page::page;
use request::Request;

/// Everything KMS knows.
pub(crate) struct Kms {
    clock: Clock,
    regions: Vec<String>,
    /// By ARN.
    keys: Shelf<Box<Key>>,
    aliases: Aliases,
    grants: Grants,
    /// When something happens to a key by itself: its deletion, its yearly rotation.
    agenda: BTreeSet<(Timestamp, String)>,
}

/// One call: who asks what of which world.
struct Ask<'a> {
    world: &'a World,
    caller: &'a Caller,
    operation: &'a str,
    request: Request<'a>,
    /// ARNs of the keys that the caller was asked to be allowed to use.
    keys: RefCell<Vec<String>>,
}

/// Performs one operation.
pub(crate) fn call(world: &World, caller: &Caller, operation: &str, body: &Value) -> Result<Value, ApiError> {
    members::check("kms", operation, body)?;
    let ask = Ask {
        world,
        caller,
        operation,
        request: Request::new(body),
        keys: RefCell::default(),
    };
    let answer = ask.answer();
    let made = answer
        .as_ref()
        .ok()
        .and_then(|answer| answer["KeyMetadata"]["Arn"].as_str());
    let mut keys = ask.keys.take();
    keys.extend(made.filter(|arn| !keys.iter().any(|key| key == arn)).map(str::to_owned));
    world.note(
        caller,
        &Call {
            service: "kms",
            operation,
            parameters: body,
            resources: &keys,
            refused: answer.as_ref().err(),
        },
    );
    answer
}

impl Ask<'_> {
    fn answer(&self) -> Result<Value, ApiError> {
        let mut kms = self.world.kms();
        kms.catch_up();
        performed(self, &mut kms)
    }
}

fn performed(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let operation = ask.operation;
    match operation {
        "CreateKey" => keys::create(ask, kms),
        "DescribeKey" => keys::describe(ask, kms),
        "ListKeys" => keys::list(ask, kms),
        "ReplicateKey" => regions::replicate(ask, kms),
        "UpdatePrimaryRegion" => regions::update_primary(ask, kms),
        "EnableKey" => keys::switch(ask, kms, State::Enabled),
        "DisableKey" => keys::switch(ask, kms, State::Disabled),
        "UpdateKeyDescription" => keys::update_description(ask, kms),
        "ScheduleKeyDeletion" => keys::schedule_deletion(ask, kms),
        "CancelKeyDeletion" => keys::cancel_deletion(ask, kms),
        "GetKeyPolicy" => policies::get(ask, kms),
        "PutKeyPolicy" => policies::put(ask, kms),
        "ListKeyPolicies" => policies::list(ask, kms),
        "GetKeyRotationStatus" => rotation::status(ask, kms),
        "EnableKeyRotation" => rotation::enable(ask, kms),
        "DisableKeyRotation" => rotation::disable(ask, kms),
        "RotateKeyOnDemand" => rotation::rotate(ask, kms),
        "ListKeyRotations" => rotation::list(ask, kms),
        "TagResource" => tags::add(ask, kms),
        "UntagResource" => tags::remove(ask, kms),
        "ListResourceTags" => tags::list(ask, kms),
        "CreateAlias" | "UpdateAlias" => aliases::put(ask, kms),
        "DeleteAlias" => aliases::delete(ask, kms),
        "ListAliases" => aliases::list(ask, kms),
        "Encrypt" => crypto::encrypt(ask, kms),
        "Decrypt" => crypto::decrypt(ask, kms),
        "ReEncrypt" => crypto::re_encrypt(ask, kms),
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => crypto::generate_data_key(ask, kms),
        "GenerateRandom" => crypto::generate_random(ask),
        "CreateGrant" => grants::create(ask, kms),
        "ListGrants" => grants::list(ask, kms),
        "ListRetirableGrants" => grants::list_retirable(ask, kms),
        "RetireGrant" => grants::retire(ask, kms),
        "RevokeGrant" => grants::revoke(ask, kms),
        _ => Err(ApiError::new(
            "UnknownOperationException",
            format!("the sandbox does not know TrentService.{operation}"),
        )),
    }
}

impl Kms {
    pub(crate) fn open(regions: &[String], clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        let mut kms = Self {
            clock: clock.clone(),
            regions: regions.to_vec(),
            keys: Shelf::open("keys", disk)?,
            aliases: Aliases::open(disk)?,
            grants: Grants::open(disk)?,
            agenda: BTreeSet::new(),
        };
        let next = |key: &Key| Some((key.next()?, key.arn.clone()));
        kms.agenda = kms.keys.values().filter_map(|key| next(key)).collect();
        Ok(kms)
    }

    /// Lets happen what was due: keys go with everything that hangs on them, or get new material.
    fn catch_up(&mut self) {
        let now = self.clock.now();
        while self.agenda.first().is_some_and(|(at, _)| *at <= now)
            && let Some((at, id)) = self.agenda.pop_first()
        {
            let Some(key) = self.keys.get(&id) else { continue };
            if key.deletion.is_some_and(|deletion| deletion <= now) {
                let gone = self.keys.remove(&id);
                self.grants.remove_key(&id);
                self.aliases.remove_key(&id);
                if let Some(key) = gone {
                    self.bereave(&key);
                }
            } else if key.next() == Some(at) {
                self.change(&id, |key| key.rotate_by_calendar(at));
                self.share(&id);
            }
        }
    }

    /// Changes a key, and what is to happen to it later.
    fn change<T>(&mut self, id: &str, change: impl FnOnce(&mut Key) -> T) -> Option<T> {
        let before = self.keys.get(id)?.next();
        let result = self.keys.change(id, |key| change(key))?;
        let after = self.keys.get(id)?.next();
        if before != after {
            if let Some(at) = before {
                self.agenda.remove(&(at, id.to_owned()));
            }
            self.agenda.extend(after.map(|at| (at, id.to_owned())));
        }
        Some(result)
    }

    /// The keys of a place, in the order of their ids, from behind one of them.
    fn of(&self, place: &Place, after: Option<String>) -> impl Iterator<Item = &Key> {
        let first = key::arn(place, "");
        let from = after.map_or_else(|| Bound::Included(first.clone()), Bound::Excluded);
        self.keys
            .range((from, Bound::Unbounded))
            .take_while(move |(arn, _)| arn.starts_with(&first))
            .map(|(_, key)| &**key)
    }

    /// A key by its ARN.
    fn key(&self, arn: &str) -> Result<&Key, ApiError> {
        let key = self.keys.get(arn).map(|key| &**key);
        key.ok_or_else(|| missing(format!("Key '{arn}' does not exist")))
    }

    /// A key as somebody names it who calls from `place`: by id or alias of there, by key ARN or alias ARN.
    fn find(&self, place: &Place, id: &str) -> Result<&Key, ApiError> {
        let arn = if id.starts_with("arn:") {
            id.to_owned()
        } else if id.starts_with("alias/") {
            place.arn("kms", id)
        } else {
            key::arn(place, id)
        };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", "aws", "kms", region, _, name] = parts[..] else {
            return Err(missing(format!("Invalid arn {arn}")));
        };
        if region != place.region {
            // What KMS names of it is the region, if it has one.
            let wrong = if region.is_empty() { &arn } else { region };
            return Err(missing(format!("Invalid arn {wrong}")));
        }
        if let Some(id) = name.strip_prefix("key/") {
            refuse_if(!is_key_id(id), || missing(format!("Invalid keyId '{id}'")))?;
            return self.key(&arn);
        }
        refuse_if(!name.starts_with("alias/"), || missing(format!("Invalid arn {arn}")))?;
        let target = self.aliases.target(&arn).and_then(|target| self.keys.get(target));
        target.map(|key| &**key).ok_or_else(|| no_alias(&arn))
    }

    /// A key where KMS takes no alias.
    fn find_strictly(&self, place: &Place, id: &str) -> Result<&Key, ApiError> {
        refuse_if(id.starts_with("alias/"), || missing(format!("Invalid keyId '{id}'")))?;
        if id.contains(":alias/") {
            return Err(ApiError::new("InvalidArnException", format!("Invalid arn {id}")));
        }
        self.find(place, id)
    }

    /// Lets grants and key policies name somebody who is gone by the id that they had: nobody else gets it.
    pub(crate) fn forget(&mut self, arn: &str, id: &str) {
        self.grants.rename(arn, id);
        let naming = self.keys.values().filter(|key| key.policy.names(arn));
        for key in naming.map(|key| key.arn.clone()).collect::<Vec<_>>() {
            self.keys.change(&key, |key| key.policy = key.policy.renamed(arn, id));
        }
    }
}

/// A UUID as it is written, or `mrk-` and one without hyphens.
fn is_key_id(id: &str) -> bool {
    match id.strip_prefix("mrk-") {
        Some(hex) => hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => id.len() == 36 && uuid::Uuid::try_parse(id).is_ok(),
    }
}

fn missing(message: String) -> ApiError {
    ApiError::new("NotFoundException", message)
}

fn no_alias(arn: &str) -> ApiError {
    missing(format!("Alias {arn} is not found."))
}

fn exceeded(message: String) -> ApiError {
    ApiError::new("LimitExceededException", message)
}

fn unsupported(message: String) -> ApiError {
    ApiError::new("UnsupportedOperationException", message)
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
