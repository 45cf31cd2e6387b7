//! Actions on execution roles.

use super::{asks, fill, in_panes};
use crate::app::form::{Blank, joined};
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin, Offer};
use crate::app::state::target::Target;
use crate::domain::{RoleRequest, RoleSettings, RoleSpec};

pub(in crate::app) const NEW: Action = Action {
    label: "new role",
    help: "An execution role with the least policy for this bucket",
    changes: true,
    offered,
    begin: |state, target| {
        let known = &state.settings.context.roles;
        let (bucket, prefix) = target.place.clone().unwrap_or_default();
        let note = "Trusted by SageMaker in this account only. The least policy: this bucket's data, key objects and output, the \
                    image, the logs. No kms: that is the grant's work.";
        let mut form = Blank::new("New execution role", note);
        let name = form.name("Name", "example-role", "");
        let bucket = form.text("Bucket", bucket, "");
        let data = form.text("Data", prefix, "a prefix or an object");
        let output = form.text("Output", "output/", "a prefix");
        let image = form.text("Image", "", "empty: any of this account");
        let path = form.text(
            "Path",
            known.path.clone().unwrap_or_default(),
            "before its name: /team/",
        );
        let boundary = form.text(
            "Boundary",
            known.boundary.clone().unwrap_or_default(),
            "ARN of the policy that bounds it",
        );
        let tags = form.text("Tags", joined(&known.tags), "NAME=VALUE, …");
        let access = form.checks("Policy", [("AmazonSageMakerFullAccess instead", false)]);
        let known = known.tags.clone();
        fill(form, move |filled| {
            let [full_access] = filled.checked(access);
            asks(RoleRequest::New(Box::new(RoleSpec {
                name: filled.required(name)?,
                bucket: filled.required(bucket)?,
                data: filled.text(data),
                output: filled.text(output),
                image: filled.optional(image),
                full_access,
                settings: RoleSettings {
                    path: filled.optional(path),
                    boundary: filled.optional(boundary),
                    tags: filled.unless_changed(tags, &known)?,
                },
            })))
        })
    },
};

/// An action whose form asks for nothing but a role.
macro_rules! of_role {
    (label: $label:literal, help: $help:literal, changes: $changes:literal, note: $note:literal, request: $request:expr,) => {
        Action {
            label: $label,
            help: $help,
            changes: $changes,
            offered,
            begin: |state, _| of_role(state, $label, $note, $request),
        }
    };
}

pub(super) const POLICIES: Action = of_role! {
    label: "role policies",
    help: "Who may assume a role and what it may do",
    changes: false,
    note: "",
    request: |role| RoleRequest::Policies { role },
};

pub(super) const DETACH_POLICY: Action = Action {
    label: "detach policy",
    help: "Take a policy off a role",
    changes: true,
    offered,
    begin: |state, _| {
        let mut form = Blank::new("Take a policy off a role", "");
        let role = form.roles("Role", &state.roles);
        let policy = form.text("Policy", "", "ARN of an attached one, name of an inline one");
        fill(form, move |filled| {
            let (role, policy) = (filled.role_name(role)?, filled.required(policy)?);
            asks(RoleRequest::DetachPolicy { role, policy })
        })
    },
};

pub(super) const TRUST_SERVICE: Action = of_role! {
    label: "trust SageMaker",
    help: "Let SageMaker assume a role",
    changes: true,
    note: "",
    request: |role| RoleRequest::TrustService { role },
};

pub(super) const TRUST_CALLER: Action = of_role! {
    label: "trust me",
    help: "Let yourself assume a role: you then read what it can read",
    changes: true,
    note: "Whoever may assume the role can read the training data. Take it back afterwards.",
    request: |role| RoleRequest::TrustCaller { role, on: true },
};

pub(super) const DISTRUST_CALLER: Action = of_role! {
    label: "distrust me",
    help: "Take that back",
    changes: true,
    note: "",
    request: |role| RoleRequest::TrustCaller { role, on: false },
};

pub(super) const DELETE: Action = of_role! {
    label: "delete role",
    help: "Take every policy off a role, then delete it",
    changes: true,
    note: "Its policies are taken off first. Grants to it stay on their keys, useless.",
    request: |role| RoleRequest::Delete { role },
};

fn offered(_: &State, target: &Target) -> Offer {
    in_panes(target, &[Pane::Grants, Pane::Jobs])
}

/// A form for nothing but a role.
fn of_role(state: &State, label: &'static str, note: &str, request: fn(String) -> RoleRequest) -> Option<Begin> {
    let mut form = Blank::new(format!("Role: {label}"), note);
    let role = form.roles("Role", &state.roles);
    fill(form, move |filled| asks(request(filled.role_name(role)?)))
}
