//! Who may use a key: key policy, identity policies and grants, in KMS's order; then the key's state.

use std::collections::BTreeMap;

use super::keys::{Key, State};
use super::request::Request;
use crate::sandbox::api::ApiError;
use crate::sandbox::identity::Caller;
use crate::sandbox::policy::{self, Decision, Question};
use crate::sandbox::world::{World, denied, now};

/// One use of a key.
pub(super) struct Act<'a> {
    /// `kms:Decrypt`.
    pub(super) action: &'a str,
    /// The operation that a grant must allow; `None` where grants say nothing.
    pub(super) grantable: Option<&'a str>,
    pub(super) context: BTreeMap<String, String>,
    pub(super) tokens: Vec<String>,
    /// Further condition keys.
    pub(super) conditions: BTreeMap<String, String>,
}

impl<'a> Act<'a> {
    /// An administrative act: no grant allows it.
    pub(super) fn new(action: &'a str) -> Self {
        Self {
            action,
            grantable: None,
            context: BTreeMap::new(),
            tokens: Vec::new(),
            conditions: BTreeMap::new(),
        }
    }

    /// An act that a grant may allow, with the request's encryption context and grant tokens.
    pub(super) fn grantable(action: &'a str, request: &Request, context: BTreeMap<String, String>) -> Self {
        Self {
            grantable: action.strip_prefix("kms:"),
            context,
            tokens: request.list("GrantTokens"),
            ..Self::new(action)
        }
    }
}

/// Whether the caller may do this with the key.
///
/// 1. An explicit Deny in an identity policy or the key policy wins.
/// 2. A key-policy Allow that names the principal suffices.
/// 3. A key-policy Allow for the account needs an identity policy's Allow too.
/// 4. A grant: grantee, operation, constraints, and visible already or its token supplied.
pub(super) fn authorize(world: &World, key: &Key, caller: &Caller, act: &Act) -> Result<(), ApiError> {
    let mut conditions = act.conditions.clone();
    for (name, value) in &act.context {
        conditions.insert(format!("kms:EncryptionContext:{name}"), value.clone());
    }
    let question = Question::new(caller, act.action, &key.arn, &conditions)
        .with("kms:EncryptionContextKeys", act.context.keys().cloned().collect());
    let own = world.iam().decide(&caller.principal, &question);
    let keys = policy::resource(&key.policy, &question);
    let refused = |why: &str| Err(denied(caller, act.action, &key.arn, why));
    if own == Decision::Denied {
        return refused("with an explicit deny in an identity-based policy");
    }
    if keys.caller == Decision::Denied {
        return refused("with an explicit deny in a resource-based policy");
    }
    if keys.caller == Decision::Allowed || (keys.account == Decision::Allowed && own == Decision::Allowed) {
        return Ok(());
    }
    if granted(key, caller, act)? {
        return Ok(());
    }
    let which = if keys.account == Decision::Allowed {
        "identity"
    } else {
        "resource"
    };
    refused(&format!(
        "because no {which}-based policy allows the {} action",
        act.action
    ))
}

fn granted(key: &Key, caller: &Caller, act: &Act) -> Result<bool, ApiError> {
    let Some(operation) = act.grantable else {
        return Ok(false);
    };
    for token in &act.tokens {
        if !key.grants.values().any(|grant| grant.tokens.contains(token)) {
            return Err(ApiError::new(
                "InvalidGrantTokenException",
                "The request was rejected because a grant token is not valid.",
            ));
        }
    }
    let names = policy::names(caller);
    let at = now();
    Ok(key.grants.values().any(|grant| {
        names.contains(&grant.grantee)
            && grant.operations.iter().any(|allowed| allowed == operation)
            && grant
                .constraint
                .as_ref()
                .is_none_or(|constraint| constraint.holds(&act.context))
            && (grant.visible <= at || grant.tokens.iter().any(|token| act.tokens.contains(token)))
    }))
}

/// Refuses what needs a usable key.
pub(super) fn usable(key: &Key) -> Result<(), ApiError> {
    match key.state {
        State::Enabled => Ok(()),
        State::Disabled => Err(ApiError::new("DisabledException", format!("{} is disabled.", key.arn))),
        State::PendingDeletion => Err(pending(key)),
    }
}

/// Refuses what may not be done to a key that waits for its deletion.
pub(super) fn not_pending(key: &Key) -> Result<(), ApiError> {
    if key.state == State::PendingDeletion {
        Err(pending(key))
    } else {
        Ok(())
    }
}

fn pending(key: &Key) -> ApiError {
    ApiError::new("KMSInvalidStateException", format!("{} is pending deletion.", key.arn))
}

/// What a call with DryRun answers when it would have gone well.
pub(super) fn dry_run(request: &Request) -> Result<(), ApiError> {
    if request.truth("DryRun") {
        return Err(ApiError::new(
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun option is set.",
        ));
    }
    Ok(())
}
