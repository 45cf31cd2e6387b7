//! Grants: made, listed, retired, revoked.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authorize::{authorize, dry_run, usable};
use super::keys::{Key, seconds};
use super::request::map;
use super::{Act, Kms, Request, page, with};
use crate::sandbox::api::ApiError;
use crate::sandbox::identity::{ACCOUNT, Caller};
use crate::sandbox::policy;
use crate::sandbox::world::{World, now, random_hex};

const OPERATIONS: [&str; 17] = [
    "CreateGrant",
    "Decrypt",
    "DeriveSharedSecret",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetPublicKey",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// A grant on a key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) grantee: String,
    pub(crate) retiring: Option<String>,
    pub(crate) operations: Vec<String>,
    pub(crate) constraint: Option<Constraint>,
    pub(crate) created: Timestamp,
    /// From when on it is seen without its token.
    pub(crate) visible: Timestamp,
    /// Every token that a CreateGrant gave for it; never listed.
    pub(super) tokens: Vec<String>,
    /// Who made it.
    issuer: String,
}

/// On which encryption contexts a grant holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Constraint {
    Equals(BTreeMap<String, String>),
    Subset(BTreeMap<String, String>),
}

impl Constraint {
    pub(super) fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Equals(expected) => expected == context,
            Self::Subset(expected) => expected.iter().all(|(name, value)| context.get(name) == Some(value)),
        }
    }
}

/// What a grant is made from.
#[derive(Default)]
pub(crate) struct NewGrant<'a> {
    pub(crate) grantee: &'a str,
    pub(crate) operations: Vec<String>,
    pub(crate) name: Option<&'a str>,
    pub(crate) retiring: Option<&'a str>,
    pub(crate) constraint: Option<Constraint>,
    pub(crate) issuer: &'a str,
    /// How long it stays unseen without its token.
    pub(crate) delay: std::time::Duration,
}

impl Key {
    /// Makes a grant, or finds the one of the same name and content; its id and a new token.
    pub(crate) fn grant(&mut self, new: NewGrant) -> (String, String) {
        let token = random_hex::<64>();
        let same = |grant: &&mut Grant| {
            new.name.is_some()
                && grant.name.as_deref() == new.name
                && grant.grantee == new.grantee
                && grant.operations == new.operations
                && grant.constraint == new.constraint
                && grant.retiring.as_deref() == new.retiring
        };
        if let Some(grant) = self.grants.values_mut().find(same) {
            grant.tokens.push(token.clone());
            return (grant.id.clone(), token);
        }
        let id = random_hex::<32>();
        let created = now();
        let delay = SignedDuration::try_from(new.delay).unwrap_or(SignedDuration::ZERO);
        let grant = Grant {
            id: id.clone(),
            name: new.name.map(str::to_owned),
            grantee: new.grantee.to_owned(),
            retiring: new.retiring.map(str::to_owned),
            operations: new.operations,
            constraint: new.constraint,
            created,
            visible: created.checked_add(delay).unwrap_or(Timestamp::MAX),
            tokens: vec![token.clone()],
            issuer: new.issuer.to_owned(),
        };
        self.grants.insert(id.clone(), grant);
        (id, token)
    }
}

pub(super) fn create(world: &World, kms: &mut Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let key = kms.find_strictly(request.required("KeyId")?)?;
    let grantee = request.required("GranteePrincipal")?;
    let mut operations = request.list("Operations");
    operations.sort();
    operations.dedup();
    if operations.is_empty() {
        return Err(ApiError::new(
            "ValidationException",
            "1 validation error detected: Value null at 'operations' failed to satisfy constraint: Member must not be null",
        ));
    }
    if let Some(unknown) = operations
        .iter()
        .find(|operation| !OPERATIONS.contains(&operation.as_str()))
    {
        return Err(ApiError::new(
            "ValidationException",
            format!(
                "1 validation error detected: Value '{unknown}' at 'operations' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
                OPERATIONS.join(", ")
            ),
        ));
    }
    let mut act = Act::grantable("kms:CreateGrant", request, BTreeMap::new());
    act.conditions = BTreeMap::from([
        ("kms:GrantIsForAWSResource".to_owned(), "false".to_owned()),
        ("kms:GranteePrincipal".to_owned(), grantee.to_owned()),
    ]);
    authorize(world, key, caller, &act)?;
    usable(key)?;
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let is_known = |arn: &str| arn == root || world.iam().knows(arn) || arn.ends_with(".amazonaws.com");
    for principal in [Some(grantee), request.text("RetiringPrincipal")].into_iter().flatten() {
        if !is_known(principal) {
            return Err(ApiError::new(
                "InvalidArnException",
                format!("ARN does not refer to a valid principal: {principal}"),
            ));
        }
    }
    dry_run(request)?;
    let constraints = request.value("Constraints");
    let constraint = match (
        constraints.get("EncryptionContextEquals"),
        constraints.get("EncryptionContextSubset"),
    ) {
        (Some(equals), _) => Some(Constraint::Equals(map(equals))),
        (None, Some(subset)) => Some(Constraint::Subset(map(subset))),
        (None, None) => None,
    };
    let id = key.id.clone();
    let (grant, token) = kms.key_mut(&id)?.grant(NewGrant {
        grantee,
        operations,
        name: request.text("Name").filter(|name| !name.is_empty()),
        retiring: request.text("RetiringPrincipal"),
        constraint,
        issuer: &caller.arn,
        delay: world.options.grant_delay,
    });
    Ok(json!({ "GrantId": grant, "GrantToken": token }))
}

pub(super) fn list(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let key = kms.find_strictly(request.required("KeyId")?)?;
    authorize(world, key, caller, &Act::new("kms:ListGrants"))?;
    let (id, grantee) = (request.text("GrantId"), request.text("GranteePrincipal"));
    let rows = key.grants.iter().filter(|(own, grant)| {
        id.is_none_or(|id| id == *own) && grantee.is_none_or(|grantee| grantee == grant.grantee)
    });
    let (rows, end) = page(request, rows, 50, 100)?;
    let rows: Vec<_> = rows.iter().map(|grant| entry(key, grant)).collect();
    Ok(with(json!({ "Grants": rows }), end))
}

pub(super) fn list_retirable(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    world.authorize(caller, "kms:ListRetirableGrants", "*", &BTreeMap::new())?;
    let principal = request.required("RetiringPrincipal")?;
    let all: BTreeMap<&String, (&Key, &Grant)> = kms
        .keys
        .values()
        .flat_map(|key| key.grants.iter().map(move |(id, grant)| (id, (key, grant))))
        .filter(|(_, (_, grant))| grant.retiring.as_deref() == Some(principal))
        .collect();
    let (rows, end) = page(request, all.into_iter(), 50, 100)?;
    let rows: Vec<_> = rows.iter().map(|(key, grant)| entry(key, grant)).collect();
    Ok(with(json!({ "Grants": rows }), end))
}

pub(super) fn revoke(world: &World, kms: &mut Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let key = kms.find_strictly(request.required("KeyId")?)?;
    authorize(world, key, caller, &Act::new("kms:RevokeGrant"))?;
    let (id, grant) = (key.id.clone(), request.required("GrantId")?);
    if !key.grants.contains_key(grant) {
        return Err(ApiError::new(
            "NotFoundException",
            format!("Grant ID {grant} not found"),
        ));
    }
    dry_run(request)?;
    kms.key_mut(&id)?.grants.remove(grant);
    Ok(json!({}))
}

/// Retiring: the retiring principal, a grantee whose grant holds RetireGrant, the account, or who is delegated.
pub(super) fn retire(world: &World, kms: &mut Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let (id, grant) = match request.text("GrantToken") {
        Some(token) => kms
            .keys
            .values()
            .find_map(|key| {
                key.grants
                    .values()
                    .find(|grant| grant.tokens.iter().any(|own| own == token))
                    .map(|grant| (key.id.clone(), grant.id.clone()))
            })
            .ok_or_else(|| {
                ApiError::new(
                    "InvalidGrantTokenException",
                    "The request was rejected because a grant token is not valid.",
                )
            })?,
        None => (
            kms.find_strictly(request.required("KeyId")?)?.id.clone(),
            request.required("GrantId")?.to_owned(),
        ),
    };
    let key = kms.find(&id)?;
    let found = key
        .grants
        .get(&grant)
        .ok_or_else(|| ApiError::new("InvalidGrantIdException", format!("Grant ID {grant} is not valid")))?;
    let names = policy::names(caller);
    let is_retiring = found
        .retiring
        .as_ref()
        .is_some_and(|principal| names.contains(principal));
    let is_grantee =
        names.contains(&found.grantee) && found.operations.iter().any(|operation| operation == "RetireGrant");
    if !is_retiring && !is_grantee {
        authorize(world, key, caller, &Act::new("kms:RetireGrant"))?;
    }
    dry_run(request)?;
    kms.key_mut(&id)?.grants.remove(&grant);
    Ok(json!({}))
}

fn entry(key: &Key, grant: &Grant) -> Value {
    let mut entry = json!({
        "KeyId": key.arn, "GrantId": grant.id, "CreationDate": seconds(grant.created), "GranteePrincipal": grant.grantee,
        "IssuingAccount": format!("arn:aws:iam::{ACCOUNT}:root"), "Operations": grant.operations
    });
    if let Some(name) = &grant.name {
        entry["Name"] = json!(name);
    }
    if let Some(retiring) = &grant.retiring {
        entry["RetiringPrincipal"] = json!(retiring);
    }
    match &grant.constraint {
        Some(Constraint::Equals(context)) => entry["Constraints"] = json!({ "EncryptionContextEquals": context }),
        Some(Constraint::Subset(context)) => entry["Constraints"] = json!({ "EncryptionContextSubset": context }),
        None => {}
    }
    entry
}
