//! What policies can ask of a call to IAM: its resource, and what it gives and finds.

use std::collections::BTreeMap;

use super::form::Form;
use super::{Entity, Iam};
use crate::identity::{Caller, Principal};
use crate::policy::Question;

pub(super) struct Context {
    resource: String,
    facts: BTreeMap<String, String>,
    tag_keys: Vec<String>,
}

impl Context {
    pub(super) fn of(
        iam: &Iam,
        caller: &Caller,
        operation: &str,
        form: &Form,
        facts: BTreeMap<String, String>,
    ) -> Self {
        let entity = entity(iam, caller, operation, form);
        let mut context = Self {
            resource: entity.map_or_else(
                || resource(caller.account(), operation, form),
                |entity| entity.arn.clone(),
            ),
            facts,
            tag_keys: form.list("TagKeys").into_iter().map(str::to_owned).collect(),
        };
        for tag in form.structures("Tags") {
            let key = tag.text("Key").unwrap_or_default();
            context.say(&format!("aws:RequestTag/{key}"), tag.text("Value").unwrap_or_default());
            context.tag_keys.push(key.to_owned());
        }
        for (key, value) in entity.into_iter().flat_map(|entity| &entity.tags) {
            context.say(&format!("iam:ResourceTag/{key}"), value);
            context.say(&format!("aws:ResourceTag/{key}"), value);
        }
        let found = entity.and_then(|entity| entity.boundary.as_deref());
        if let Some(boundary) = form.text("PermissionsBoundary").or(found) {
            context.say("iam:PermissionsBoundary", boundary);
        }
        if operation.starts_with("Attach") || operation.starts_with("Detach") {
            context.say("iam:PolicyARN", form.text("PolicyArn").unwrap_or_default());
        }
        context
    }

    fn say(&mut self, name: &str, value: &str) {
        self.facts.insert(name.to_owned(), value.to_owned());
    }

    /// What must be allowed: whoever makes something with tags must be allowed to tag it, too.
    pub(super) fn actions(&self, operation: &str) -> impl Iterator<Item = String> + use<> {
        let made = operation.strip_prefix("Create").filter(|_| !self.tag_keys.is_empty());
        let tagged = made.map(|kind| format!("iam:Tag{kind}"));
        std::iter::once(format!("iam:{operation}")).chain(tagged)
    }

    pub(super) fn question<'a>(&'a self, caller: &'a Caller, action: &'a str) -> Question<'a> {
        Question::new(caller, action, &self.resource, &self.facts).with("aws:TagKeys", self.tag_keys.clone())
    }
}

/// The user or role that a call is about, if there is one.
fn entity<'a>(iam: &'a Iam, caller: &Caller, operation: &str, form: &Form) -> Option<&'a Entity> {
    if let Some(role) = form.text("RoleName") {
        return iam.roles.get(role);
    }
    match (form.text("UserName"), &caller.principal) {
        (Some(user), _) => iam.users.get(user),
        // These are about the one who calls.
        (None, Principal::User(user))
            if matches!(
                operation,
                "GetUser" | "CreateAccessKey" | "ListAccessKeys" | "UpdateAccessKey" | "DeleteAccessKey"
            ) =>
        {
            iam.users.get(user)
        }
        _ => None,
    }
}

/// What a call is about where it is not there, as policies name it.
fn resource(account: &str, operation: &str, form: &Form) -> String {
    let path = form.text("Path").unwrap_or("/");
    let named = [("RoleName", "role"), ("UserName", "user"), ("PolicyName", "policy")]
        .into_iter()
        .find_map(|(member, kind)| Some(format!("{kind}{path}{}", form.text(member)?)));
    match (form.text("PolicySourceArn").or(form.text("PolicyArn")), named) {
        (_, Some(name)) => format!("arn:aws:iam::{account}:{name}"),
        (Some(arn), None) => arn.to_owned(),
        (None, None) => match operation {
            "ListRoles" => format!("arn:aws:iam::{account}:role/"),
            "ListUsers" => format!("arn:aws:iam::{account}:user/"),
            _ => "*".to_owned(),
        },
    }
}
