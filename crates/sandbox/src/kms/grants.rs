//! Grants: made, listed, retired, revoked.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::authorize::Act;
use super::request::{invalid, missing as absent};
use super::{Ask, Kms, exceeded, missing, page, seconds, with};
use crate::api::{ApiError, broken, insert_some, is_one_of, map, refuse_if};
use crate::identity::{account_of, region_of};
use crate::world::random_hex;

mod book;

pub(super) use book::Grants;
pub(crate) use book::{Constraint, Grant};

/// What a grant on a symmetric key may allow.
const OPERATIONS: &str = "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext \
    GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext ReEncryptFrom ReEncryptTo";
/// And this, which is about the grant.
const RETIRE: &str = "RetireGrant";
/// What only other kinds of key have.
const FOREIGN: &str = "DeriveSharedSecret GenerateMac GetPublicKey Sign Verify VerifyMac";
/// Grants of a key, by AWS's quota.
const MOST: usize = 50_000;

/// What a grant is made from.
#[derive(Default)]
pub(crate) struct NewGrant<'a> {
    pub(crate) grantee: &'a str,
    pub(crate) operations: Vec<String>,
    pub(crate) name: Option<&'a str>,
    pub(crate) retiring: Option<&'a str>,
    pub(crate) constraint: Option<Constraint>,
    /// How long it stays unseen without its token.
    pub(crate) delay: std::time::Duration,
}

impl Kms {
    /// The grant of the same name and content.
    fn namesake(&self, key: &str, new: &NewGrant) -> Option<String> {
        let same = |grant: &&Grant| {
            grant.grantee == new.grantee
                && grant.operations == new.operations
                && grant.constraint == new.constraint
                && grant.retiring.as_deref() == new.retiring
        };
        let grant = self.grants.named(key, new.name?).find(same)?;
        Some(grant.id.clone())
    }

    /// Makes a grant, or finds the one of the same name and content; its id and a new token.
    pub(crate) fn grant(&mut self, key: &str, new: NewGrant) -> (String, String) {
        if let Some(id) = self.namesake(key, &new) {
            let token = book::token(key, &id);
            self.grants.add_token(key, &id, &token);
            return (id, token);
        }
        let id = random_hex::<32>();
        let token = book::token(key, &id);
        let created = self.clock.now();
        let delay = SignedDuration::try_from(new.delay).unwrap_or(SignedDuration::ZERO);
        self.grants.insert(Grant {
            id: id.clone(),
            key: key.to_owned(),
            name: new.name.map(str::to_owned),
            grantee: new.grantee.to_owned(),
            retiring: new.retiring.map(str::to_owned),
            operations: new.operations,
            constraint: new.constraint,
            created,
            visible: created.checked_add(delay).unwrap_or(Timestamp::MAX),
            tokens: vec![token.clone()],
        });
        (id, token)
    }
}

pub(super) fn create(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let request = &ask.request;
    let grantee = request.required("GranteePrincipal")?;
    let retiring = request.text("RetiringPrincipal");
    let (operations, constraint, name) = (operations(ask)?, constraint(ask)?, name(ask)?);
    let key = kms.find_strictly(&ask.caller.place, request.required("KeyId")?)?;
    let mut act = Act {
        child: Some((&operations, constraint.as_ref())),
        ..Act::grantable("kms:CreateGrant")
    }
    .saying("kms:GrantIsForAWSResource", ask.caller.is_via_service().to_string())
    .saying("kms:GranteePrincipal", grantee);
    if let Some(retiring) = retiring {
        act = act.saying("kms:RetiringPrincipal", retiring);
    }
    if let Some(constraint) = &constraint {
        act = act.saying("kms:GrantConstraintType", constraint.kind());
    }
    ask.authorize(kms, key, &act)?;
    key.usable()?;
    for principal in [Some(grantee), retiring].into_iter().flatten() {
        known(ask, principal)?;
    }
    let id = key.arn.clone();
    drop(act);
    let new = NewGrant {
        grantee,
        operations,
        name,
        retiring,
        constraint,
        delay: ask.world.trouble.grant_delay(),
    };
    if kms.grants.count(&id) >= MOST && kms.namesake(&id, &new).is_none() {
        return Err(exceeded(format!("the key has {MOST} grants, its quota")));
    }
    ask.dry_run()?;
    let (grant, token) = kms.grant(&id, new);
    Ok(json!({ "GrantId": grant, "GrantToken": token }))
}

fn operations(ask: &Ask) -> Result<Vec<String>, ApiError> {
    let mut operations = ask.request.list("Operations");
    operations.sort();
    operations.dedup();
    refuse_if(operations.is_empty(), || absent("Operations"))?;
    for operation in operations.iter().filter(|operation| *operation != RETIRE) {
        if is_one_of(operation, FOREIGN) {
            let told = format!("Grant operation {operation} is not valid for a key of spec SYMMETRIC_DEFAULT");
            return Err(invalid(told));
        }
        if !is_one_of(operation, OPERATIONS) {
            let known = format!("{OPERATIONS} {RETIRE} {FOREIGN}").replace(' ', ", ");
            let rule = format!("satisfy constraint: [Member must satisfy enum value set: [{known}]]");
            return Err(invalid(broken(Some(&format!("[{operation}]")), "operations", &rule)));
        }
    }
    Ok(operations)
}

fn constraint(ask: &Ask) -> Result<Option<Constraint>, ApiError> {
    let constraints = ask.request.value("Constraints");
    match (
        constraints.get("EncryptionContextEquals").map(map),
        constraints.get("EncryptionContextSubset").map(map),
    ) {
        (Some(_), Some(_)) => Err(invalid(
            "the sandbox takes one constraint: EncryptionContextEquals or EncryptionContextSubset",
        )),
        (Some(pairs), None) | (None, Some(pairs)) if pairs.len() > 8 => {
            Err(invalid("a grant constraint has at most 8 pairs"))
        }
        (Some(equals), None) => Ok(Some(Constraint::Equals(equals))),
        (None, Some(subset)) => Ok(Some(Constraint::Subset(subset))),
        (None, None) => Ok(None),
    }
}

fn name<'a>(ask: &'a Ask) -> Result<Option<&'a str>, ApiError> {
    let name = ask.request.text("Name").filter(|name| !name.is_empty());
    let is_name =
        |name: &str| name.len() <= 256 && name.chars().all(|c| c.is_ascii_alphanumeric() || ":/_-".contains(c));
    match name {
        Some(name) if !is_name(name) => {
            let rule = "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$";
            Err(invalid(broken(Some(name), "name", rule)))
        }
        name => Ok(name),
    }
}

/// Refuses a principal that is not there. A service's own principal is one too.
fn known(ask: &Ask, principal: &str) -> Result<(), ApiError> {
    let is_arn = principal.starts_with("arn:");
    if principal.ends_with(".amazonaws.com") || (is_arn && ask.world.knows(principal)) {
        return Ok(());
    }
    let told = format!("ARN does not refer to a valid principal: {principal}");
    Err(ApiError::new("InvalidArnException", told))
}

pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    let (only, grantee) = (ask.request.text("GrantId"), ask.request.text("GranteePrincipal"));
    only.map_or(Ok(()), check_id)?;
    let (rows, end) = page(&ask.request, (50, 100), |after| {
        let all: Box<dyn Iterator<Item = &Grant>> = match (only, grantee) {
            (Some(only), _) => Box::new(kms.grants.get(&id, only).into_iter()),
            (None, Some(grantee)) => Box::new(kms.grants.to(&id, grantee)),
            (None, None) => Box::new(kms.grants.of(&id, after.as_deref())),
        };
        all.filter(move |grant| {
            after.as_ref().is_none_or(|after| grant.id > *after)
                && grantee.is_none_or(|grantee| grant.grantee == grantee)
        })
        .map(|grant| (grant.id.as_str(), grant))
    })?;
    Ok(with(json!({ "Grants": entries(&rows) }), end))
}

pub(super) fn list_retirable(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.world
        .authorize(ask.caller, "kms:ListRetirableGrants", "*", &BTreeMap::new())?;
    let principal = ask.request.required("RetiringPrincipal")?;
    if account_of(principal) != ask.caller.place.account {
        let told = format!("{principal} is not a principal of this account");
        return Err(ApiError::new("InvalidArnException", told));
    }
    let (rows, end) = page(&ask.request, (50, 100), |after| {
        let rows = kms.grants.retirable(principal, after);
        rows.filter(|grant| region_of(&grant.key) == ask.caller.place.region)
            .map(|grant| (grant.id.as_str(), grant))
    })?;
    Ok(with(json!({ "Grants": entries(&rows) }), end))
}

pub(super) fn revoke(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let grant = ask.request.required("GrantId")?;
    let key = ask.administered(kms)?;
    found(kms, &key, grant)?;
    ask.dry_run()?;
    kms.grants.remove(&key, grant);
    Ok(json!({}))
}

/// Retiring: the retiring principal, a grantee whose grant holds RetireGrant, the account, or who is delegated.
pub(super) fn retire(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let is_here = |grant: &&Grant| region_of(&grant.key) == ask.caller.place.region;
    let grant = match ask.request.text("GrantToken") {
        Some(token) => kms.grants.by_token(token).filter(is_here).ok_or_else(bad_token)?,
        None => {
            let id = ask.request.required("GrantId")?;
            let key = kms.find_strictly(&ask.caller.place, ask.request.required("KeyId")?)?;
            found(kms, &key.arn, id)?
        }
    };
    let names = ask.caller.names();
    let is_retiring = grant.retiring.as_deref().is_some_and(|own| names.contains(&own));
    let is_grantee = names.contains(&&*grant.grantee);
    let holds_retire = grant.operations.iter().any(|operation| operation == RETIRE);
    let may_retire = is_retiring || (is_grantee && holds_retire);
    if !may_retire {
        ask.authorize(kms, kms.key(&grant.key)?, &Act::new("kms:RetireGrant"))?;
    }
    let (key, id) = (grant.key.clone(), grant.id.clone());
    ask.dry_run()?;
    kms.grants.remove(&key, &id);
    Ok(json!({}))
}

/// Refuses what is no grant's id.
fn check_id(text: &str) -> Result<(), ApiError> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    let told = format!("Grant ID {text} is not valid");
    Err(ApiError::new("InvalidGrantIdException", told))
}

fn found<'a>(kms: &'a Kms, key: &str, id: &str) -> Result<&'a Grant, ApiError> {
    check_id(id)?;
    let grant = kms.grants.get(key, id);
    grant.ok_or_else(|| missing(format!("Grant ID {id} not found")))
}

pub(super) fn bad_token() -> ApiError {
    let told = "The request was rejected because a grant token is not valid.";
    ApiError::new("InvalidGrantTokenException", told)
}

fn entries(grants: &[&Grant]) -> Vec<Value> {
    grants.iter().map(|grant| entry(grant)).collect()
}

fn entry(grant: &Grant) -> Value {
    let mut entry = json!({
        "KeyId": grant.key, "GrantId": grant.id, "CreationDate": seconds(grant.created),
        "GranteePrincipal": grant.grantee, "IssuingAccount": format!("arn:aws:iam::{}:root", account_of(&grant.key)),
        "Operations": grant.operations
    });
    insert_some(&mut entry, "Name", grant.name.as_ref());
    insert_some(&mut entry, "RetiringPrincipal", grant.retiring.as_ref());
    if let Some(constraint) = &grant.constraint {
        let (Constraint::Equals(context) | Constraint::Subset(context)) = constraint;
        entry["Constraints"] = json!({ constraint.kind(): context });
    }
    entry
}
