//! Access proofs.

use std::collections::BTreeMap;

use super::objects::on_object;
use super::{asks, fill, only_if};
use crate::app::command::Keyed;
use crate::app::form::Blank;
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::state::action::{Action, Offer};
use crate::app::state::target::Target;
use crate::app::{Effect, format};
use crate::domain::ProofRequest;

pub(in crate::app) const ACCESS: Action = Action {
    label: Keyed::Prove.name(),
    help: Keyed::Prove.help(),
    changes: false,
    offered: |state, target| on_key_or_grant(state, target, "To prove access, select a key (1) or a grant (2)."),
    begin: |state, target| {
        let key_arn = target.key.clone()?;
        let note = "Assumes the role and tries the key as it: what KMS answers is the proof.";
        let mut form = Blank::new(format!("Who may use {}?", target.key_name(state)), note);
        let grant = target.grant(state).filter(|_| target.pane == Pane::Grants);
        let grantee = grant
            .map(|grant| grant.grantee.as_str())
            .filter(|arn| arn.contains(":role/"));
        let role = form.role_typed("Role", &state.roles, grantee.unwrap_or_default());
        fill(form, move |filled| asks(access(key_arn.clone(), filled.role(role)?)))
    },
};

pub(super) const GRANT_CYCLE: Action = Action {
    label: "proof story",
    help: "Denied, granted, allowed, revoked, denied: proved, and left as it was",
    changes: true,
    offered: |state, target| on_key_or_grant(state, target, ""),
    begin: |state, target| {
        let key = target.key.clone()?;
        let title = format!("Prove the story of {}", target.key_name(state));
        let note = "Expect denied, grant, expect allowed, revoke, expect denied; everything is left as it was.";
        let mut form = Blank::new(title, note);
        let role = form.roles("Role", &state.roles);
        fill(form, move |filled| {
            asks(ProofRequest::GrantCycle {
                key: key.clone(),
                role: filled.role(role)?,
                context: BTreeMap::new(),
            })
        })
    },
};

pub(super) const OBJECT: Action = Action {
    label: "prove object",
    help: "The bytes as stored, that they are unusable without the key, who opens them",
    changes: false,
    offered: |state, target| on_object(state, target, ""),
    begin: |state, target| {
        let (bucket, object) = target.place_of_object(state);
        let note =
            "With the grant checked, the role is granted the key for the last step and the grant revoked afterwards.";
        let mut form = Blank::about(target, format!("Prove {}", format::last_part(&object)), note);
        let role = form.roles("Role", &state.roles);
        let steps = form.checks("Steps", [("grant for the last step", true)]);
        fill(form, move |filled| {
            let [grant] = filled.checked(steps);
            asks(ProofRequest::Object {
                bucket: bucket.clone(),
                object: object.clone(),
                role: filled.role(role)?,
                grant,
            })
        })
    },
};

/// Offered on a key that is still listed, and on its grants.
fn on_key_or_grant(state: &State, target: &Target, elsewhere: &'static str) -> Offer {
    let is_there = matches!(target.pane, Pane::Keys | Pane::Grants) && target.listed_key(state).is_some();
    only_if(is_there, elsewhere)
}

fn access(key: String, role: String) -> ProofRequest {
    ProofRequest::Access {
        key,
        role,
        context: BTreeMap::new(),
        trust: false,
    }
}

/// Assumes the role and tries the key, at once.
pub(in crate::app) fn prove(state: &mut State, key: String, role: String, effects: &mut Vec<Effect>) {
    state.start(access(key, role).into(), effects);
}
