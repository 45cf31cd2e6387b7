//! Actions on grants.

use super::{asks, in_panes, only_if, start};
use crate::app::form::{Blank, Form};
use crate::app::format::Tone;
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::state::action::{Action, Offer};
use crate::app::state::target::Target;
use crate::domain::{GrantConstraint, GrantRequest, GrantSpec, KeyManager, Request};

/// What a grant for a training job needs, and what else it may hold.
const OPERATIONS: [(&str, bool); 7] = [
    ("Decrypt", true),
    ("Encrypt", true),
    ("GenerateDataKey", false),
    ("ReEncryptFrom", false),
    ("ReEncryptTo", false),
    ("DescribeKey", false),
    ("RetireGrant", false),
];

pub(super) const RETIRE: Action = Action {
    label: "retire grant",
    help: "Give the grant up as its grantee or retiring principal",
    changes: true,
    offered: |state, target| only_if(target.pane == Pane::Grants && target.grant(state).is_some(), ""),
    begin: |state, target| {
        let grant = target.grant(state)?;
        start(GrantRequest::Retire {
            key_arn: grant.key_arn.clone(),
            grant_id: grant.id.clone(),
            grantee: grant.grantee.clone(),
        })
    },
};

pub(super) const EVERYWHERE: Action = Action {
    label: "all grants",
    help: "The grants of every key that may be listed",
    changes: false,
    offered: |_, target| in_panes(target, &[Pane::Keys, Pane::Grants]),
    begin: |_, _| start(GrantRequest::List),
};

/// Asks for a grant to this role on the selected key.
pub(in crate::app) fn to(state: &mut State, role: &str) {
    if let Err(why) = state.settings.may_change() {
        return state.say(Tone::Warn, why);
    }
    let target = Target::of(state);
    if let Err(why) = takes_grants(state, &target) {
        return state.say(Tone::Warn, why);
    }
    match form(state, &target, role) {
        Some(form) => state.ask(form),
        None => state.say(Tone::Warn, "Select a key first (1): grants are a key's."),
    }
}

/// Of a key that AWS manages.
const OF_AWS: &str =
    "This is an AWS managed key: it takes no grants of yours. Use a customer managed key (1; n makes one).";

/// Whether the key takes grants, as far as that is known.
pub(super) fn takes_grants(state: &State, target: &Target) -> Offer {
    let detail = target.listed_key(state).and_then(|key| key.detail.as_ref());
    let is_of_aws = detail.is_some_and(|detail| detail.manager == KeyManager::Aws);
    only_if(!is_of_aws, OF_AWS)
}

pub(super) fn new(state: &State, target: &Target) -> Option<Form> {
    form(state, target, "")
}

fn form(state: &State, target: &Target, role: &str) -> Option<Form> {
    let key_arn = target.key.clone()?;
    let title = format!("Grant the use of {}", target.key_name(state));
    let note = "Until then the role is denied. A grant takes some minutes to be known everywhere.";
    let mut form = Blank::new(title, note);
    let role = form.role_typed("Role", &state.roles, role);
    let operations = form.checks("Operations", OPERATIONS);
    let name = form.text("Name", "", "optional; makes the grant idempotent");
    let context = form.text("Context", "", "K=V, K=V: only with this encryption context");
    let exactly = form.checks("The context", [("must be exactly this", false)]);
    Some(form.reading(move |filled| {
        let operations = filled.names(operations);
        if operations.is_empty() {
            return Err("Check at least one operation".to_owned());
        }
        let grantee = filled.role(role)?;
        let context: Vec<(String, String)> = filled.pairs(context)?.into_iter().collect();
        let [exactly] = filled.checked(exactly);
        let constraint = match (context.is_empty(), exactly) {
            (true, _) => None,
            (false, false) => Some(GrantConstraint::ContextSubset(context)),
            (false, true) => Some(GrantConstraint::ContextEquals(context)),
        };
        asks(GrantRequest::New(Box::new(GrantSpec {
            key_arn: key_arn.clone(),
            grantee,
            operations,
            constraint,
            name: filled.optional(name),
            retiring: None,
        })))
    }))
}

/// What revokes the selected grant.
pub(super) fn revocation(state: &State) -> Option<Request> {
    let grant = state.grants.current()?.clone();
    Some(Request::Grant(GrantRequest::Revoke {
        key_arn: grant.key_arn,
        grant_id: grant.id,
        grantee: grant.grantee,
    }))
}
