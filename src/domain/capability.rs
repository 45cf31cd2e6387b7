//! What people do with strongroom in AWS, each with the IAM policy document that lets them: `assets/policies`.
//!
//! The documents name what they are about by words that are replaced before they are used: `ACCOUNT`, `REGION`, `KEY_ID`,
//! `ALIAS`, `BUCKET`, `ROLE` and `REPOSITORY`.

use serde_json::{Map, Value, json};

/// One thing that people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// Its name, and that of its document.
    pub name: &'static str,
    /// What it lets a person do.
    pub lets: &'static str,
    /// What allows them and nothing else, JSON.
    pub document: &'static str,
}

macro_rules! capabilities {
    ($($name:literal: $lets:literal,)+) => {
        /// All of them.
        pub const CAPABILITIES: &[Capability] = &[$(Capability {
            name: $name,
            lets: $lets,
            document: include_str!(concat!("../../assets/policies/", $name, ".json")),
        }),+];
    };
}

capabilities! {
    "browse-keys": "See KMS keys, their details and policies",
    "browse-grants": "See the grants of keys",
    "browse-objects": "See buckets, objects and their versions, and what each object says of itself",
    "browse-jobs": "See training and processing jobs and their logs; `watch`",
    "stop-processing": "Watch processing jobs and stop them",
    "encrypt": "Encrypt and upload: `encrypt`",
    "resume": "The same, and go on with uploads that were interrupted, or abort them",
    "decrypt": "Decrypt, verify and preview: `decrypt`, `verify`",
    "audit": "Audit buckets and prefixes: `audit`, with `--deep` and `--versions` too",
    "audit-on-processing": "Have a processing job audit, rotate or encrypt what is under a prefix, and read its report: `--on processing`",
    "rewrap": "Re-wrap data keys under another KMS key: `rewrap`, with both keys in place of KEY_ID",
    "rewrap-on-processing": "Have a processing job re-wrap what is under a prefix: `rewrap --on processing`, with both keys in place of KEY_ID",
    "rotate": "Seal tokens anew under new data keys: `rotate`",
    "encrypt-objects": "Encrypt objects that are in S3 already, with `--delete-plain` too: `encrypt s3://…`",
    "grants": "Grant a role the use of a key; revoke and retire grants",
    "train": "Start training jobs, clone and stop them",
    "preflight": "Look ahead of a job for what would make it fail",
    "prove": "Prove what a role may do with a key, as the role: `prove`, `prove --story`",
    "reason": "Reason it from policies and grants, where the role may not be assumed: `prove`",
    "who-did": "See who can use a key, and who did: `who`",
    "roles": "Create execution roles, read and take off their policies, trust them, delete them",
    "create-keys": "Create KMS keys",
    "manage-keys": "Change keys: aliases, tags, description, rotation, policy; disable and enable them",
    "delete-keys": "Look what depends on a key; schedule its deletion, and take that back",
    "data-keys": "Encrypt and decrypt messages; make data keys and re-wrap them",
    "create-buckets": "Create buckets: private, with unfinished uploads thrown away after a week",
    "delete-objects": "Delete objects",
    "delete-buckets": "Count, empty and delete buckets, with all versions",
    "images": "Create ECR repositories, and build and push training images",
    "clean-up": "Find what the walk made, by its tag, and take it down",
}

/// What the main job takes: data encrypted and uploaded, the role granted the key, trained, the model decrypted.
pub const MAIN_JOB: &[&str] = &[
    "browse-keys",
    "browse-objects",
    "encrypt",
    "grants",
    "train",
    "browse-jobs",
    "decrypt",
];

/// The capability of this name.
pub fn find(name: &str) -> Option<&'static Capability> {
    CAPABILITIES.iter().find(|capability| capability.name == name)
}

/// One action that a document allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// As `service:Action`.
    pub action: String,
    /// On which resources: ARNs, or `*`.
    pub resources: Vec<String>,
    /// Under which condition.
    pub condition: Option<Value>,
}

/// What the documents of these capabilities allow, each permission once, with `filled` applied to every resource and value.
pub fn permissions(capabilities: &[&Capability], filled: impl Fn(&str) -> String) -> Vec<Permission> {
    let mut found: Vec<Permission> = Vec::new();
    for capability in capabilities {
        let document: Value = serde_json::from_str(capability.document).unwrap_or_default();
        for statement in document["Statement"].as_array().into_iter().flatten() {
            let condition = statement
                .get("Condition")
                .map(|condition| each_text(condition, &filled));
            let resources: Vec<String> = texts(&statement["Resource"]).map(&filled).collect();
            for action in texts(&statement["Action"]) {
                let permission = Permission {
                    action: action.to_owned(),
                    resources: resources.clone(),
                    condition: condition.clone(),
                };
                if !found.contains(&permission) {
                    found.push(permission);
                }
            }
        }
    }
    found
}

/// A policy document of these permissions.
pub fn document(permissions: &[&Permission]) -> Value {
    let mut statements: Vec<(&Permission, Vec<&str>)> = Vec::new();
    for permission in permissions {
        let alike = |(first, _): &&mut (&Permission, Vec<&str>)| {
            first.resources == permission.resources && first.condition == permission.condition
        };
        match statements.iter_mut().find(alike) {
            Some((_, actions)) => actions.push(&permission.action),
            None => statements.push((permission, vec![&permission.action])),
        }
    }
    let statements = statements.into_iter().map(|(first, actions)| {
        let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": first.resources});
        if let Some(condition) = &first.condition {
            statement["Condition"] = condition.clone();
        }
        statement
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

/// The text with each of its placeholders replaced by what `known` says of it, if it does.
pub fn fill(text: &str, known: impl Fn(&str) -> Option<String>) -> String {
    let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
    let (mut filled, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(is_part) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
        filled.push_str(before);
        filled.push_str(&known(word).unwrap_or_else(|| word.to_owned()));
        rest = after;
    }
    filled + rest
}

/// One text, or a list of them.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().into_iter().flatten();
    value.as_str().into_iter().chain(several.filter_map(Value::as_str))
}

fn each_text(value: &Value, filled: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(filled(text)),
        Value::Array(values) => values.iter().map(|value| each_text(value, filled)).collect(),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), each_text(value, filled)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn the_main_job_is_made_of_capabilities() {
        assert!(MAIN_JOB.iter().all(|name| find(name).is_some()));
    }

    #[test]
    fn placeholders_are_replaced_as_whole_words_once() {
        let known = |word: &str| match word {
            "ROLE" => Some("BUCKET".to_owned()),
            "BUCKET" => Some("b".to_owned()),
            _ => None,
        };
        assert_eq!(
            fill("arn:BUCKET/ROLE/*:KEY_ID:ROLES", known),
            "arn:b/BUCKET/*:KEY_ID:ROLES"
        );
    }

    #[test]
    fn what_is_allowed_on_the_same_resources_is_one_statement() {
        let both = permissions(&[find("encrypt").unwrap(), find("decrypt").unwrap()], |text| {
            fill(text, |word| (word == "BUCKET").then(|| "mine".to_owned()))
        });
        let document = document(&both.iter().collect::<Vec<_>>());
        let statements = document["Statement"].as_array().unwrap();
        let of_objects: Vec<_> = statements
            .iter()
            .filter(|statement| statement["Resource"] == json!(["arn:aws:s3:::mine/*"]))
            .collect();
        assert_eq!(of_objects.len(), 1, "{document}");
        assert_eq!(of_objects[0]["Action"], json!(["s3:PutObject", "s3:GetObject"]));
    }
}
