//! Whether a condition of a policy holds for a call to S3, as far as the caller of it can see.

use serde_json::Value;

use super::evaluate::is_like;
use super::{PrincipalKind, principal_kind, role_name};
use crate::domain::{Arn, UploadSettings};

/// A call to S3 that was refused, as its caller knows it.
#[derive(Debug, Clone, Copy)]
pub struct RefusedCall<'a> {
    /// `s3:PutObject`.
    pub action: &'a str,
    /// The ARN of the object.
    pub object: &'a str,
    /// The ARN of the caller, where AWS said it.
    pub caller: Option<&'a str>,
    /// Whether it went by https, where that is known.
    pub is_https: Option<bool>,
    /// What it carried, if it wrote.
    pub settings: Option<&'a UploadSettings>,
    /// Whether what it carries can be given by options too.
    pub has_options: bool,
}

/// One key of a statement's conditions.
#[derive(Debug)]
pub(super) struct Condition<'a> {
    /// As the policy spells it.
    pub key: &'a str,
    /// Without what says of how many values it is: `stringnotequals`.
    pub operator: String,
    set: Set,
    is_if_exists: bool,
    /// What it is held against.
    pub values: Vec<String>,
}

/// Of how many values of the request an operator speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    One,
    All,
    Any,
}

impl<'a> Condition<'a> {
    /// All of a statement.
    pub(super) fn all(statement: &'a Value) -> Vec<Self> {
        let operators = statement["Condition"].as_object().into_iter().flatten();
        operators
            .flat_map(|(operator, keys)| {
                let keys = keys.as_object().into_iter().flatten();
                keys.map(move |(key, values)| Self::new(operator, key, values))
            })
            .collect()
    }

    fn new(operator: &str, key: &'a str, values: &Value) -> Self {
        let operator = operator.to_ascii_lowercase();
        let (set, operator) = match operator.split_once(':') {
            Some(("forallvalues", rest)) => (Set::All, rest),
            Some(("foranyvalue", rest)) => (Set::Any, rest),
            Some((_, rest)) => (Set::One, rest),
            None => (Set::One, operator.as_str()),
        };
        let plain = operator.strip_suffix("ifexists");
        let values = match values {
            Value::Array(many) => many.iter().map(text).collect(),
            one => vec![text(one)],
        };
        Self {
            key,
            operator: plain.unwrap_or(operator).to_owned(),
            set,
            is_if_exists: plain.is_some(),
            values,
        }
    }

    /// Whether it is met by what is none of its values.
    pub(super) fn is_negative(&self) -> bool {
        self.operator.contains("not")
    }

    /// Whether it is met by what is not there at all.
    pub(super) fn is_of_none(&self) -> bool {
        self.operator == "null" && self.values.iter().any(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether it holds for the call; `None` where that cannot be seen.
    pub(super) fn holds(&self, call: &RefusedCall<'_>) -> Option<bool> {
        let requests = call.known(&self.key.to_ascii_lowercase(), &self.values)?;
        let mut answers = requests.iter().map(|request| self.holds_of(request));
        let first = answers.next()??;
        answers.all(|answer| answer == Some(first)).then_some(first)
    }

    fn holds_of(&self, request: &[String]) -> Option<bool> {
        if self.operator == "null" {
            return Some(request.is_empty() == self.is_of_none());
        }
        if request.is_empty() {
            return Some(match self.set {
                Set::All => true,
                Set::Any => false,
                Set::One => self.is_if_exists || self.is_negative(),
            });
        }
        if self.values.iter().any(|value| value.contains("${")) {
            return None;
        }
        let is_same: fn(&str, &str) -> bool = match self.operator.as_str() {
            "stringequals" | "stringnotequals" => |value, said| value == said,
            "stringequalsignorecase" | "stringnotequalsignorecase" | "bool" => str::eq_ignore_ascii_case,
            "stringlike" | "stringnotlike" | "arnequals" | "arnnotequals" | "arnlike" | "arnnotlike" => is_like,
            _ => return None,
        };
        let meets = |said: &String| self.values.iter().any(|value| is_same(value, said)) != self.is_negative();
        Some(match self.set {
            Set::One | Set::All => request.iter().all(meets),
            Set::Any => request.iter().any(meets),
        })
    }
}

impl RefusedCall<'_> {
    /// What the call may have had for a key: each of these is possible. `None` where nothing is known.
    fn known(&self, key: &str, values: &[String]) -> Option<Vec<Vec<String>>> {
        let one = |value: Option<String>| Some(vec![value.into_iter().collect()]);
        match key {
            "aws:securetransport" => one(Some(self.is_https?.to_string())),
            "aws:principalarn" => Some(
                lasting(self.caller?, values)?
                    .into_iter()
                    .map(|arn| vec![arn])
                    .collect(),
            ),
            "aws:principalaccount" => one(Some(Arn::account_of(self.caller?).to_owned())),
            // The program calls for itself.
            "aws:principalisawsservice" | "aws:viaawsservice" => one(Some("false".to_owned())),
            "aws:calledvia" | "aws:principalservicename" | "aws:sourcearn" | "aws:sourceaccount" => one(None),
            _ => self.carried(key.strip_prefix("s3:")?),
        }
    }

    fn carried(&self, name: &str) -> Option<Vec<Vec<String>>> {
        let of = |pick: fn(&UploadSettings) -> Option<&String>| {
            let value = self.settings.and_then(pick).cloned();
            Some(vec![value.into_iter().collect::<Vec<_>>()])
        };
        let tags = || self.settings.into_iter().flat_map(|settings| &settings.tags);
        if let Some(tag) = name.strip_prefix("requestobjecttag/") {
            let tag = tags().find(|(name, _)| name.eq_ignore_ascii_case(tag));
            return Some(vec![tag.map(|(_, value)| value.clone()).into_iter().collect()]);
        }
        match name {
            "x-amz-server-side-encryption" => of(|it| it.encryption.as_ref()),
            // An alias or an id is not what the policy names.
            "x-amz-server-side-encryption-aws-kms-key-id" => {
                of(|it| it.key.as_ref()).filter(|known| known.iter().flatten().all(|key| key.starts_with("arn:")))
            }
            "x-amz-storage-class" => of(|it| it.storage_class.as_ref()),
            "x-amz-acl" => of(|it| it.acl.as_ref()),
            "requestobjecttagkeys" => Some(vec![tags().map(|(name, _)| name.clone()).collect()]),
            "x-amz-website-redirect-location" | "x-amz-server-side-encryption-customer-algorithm" => Some(vec![vec![]]),
            _ if name.starts_with("x-amz-grant-") || name.starts_with("object-lock-") => Some(vec![vec![]]),
            _ => None,
        }
    }

    /// Whether a statement is about the caller; `None` where that cannot be seen.
    pub(super) fn is_meant(&self, statement: &Value) -> Option<bool> {
        let principal = statement.get("Principal")?;
        if principal == "*" {
            return Some(true);
        }
        let names = super::strings(&principal["AWS"]);
        if names.contains(&"*") {
            return Some(true);
        }
        let has_others = principal.get("CanonicalUser").is_some();
        if names.is_empty() && !has_others {
            return Some(false);
        }
        let caller = self.caller?;
        let account = Arn::account_of(caller);
        let is_caller = names.iter().any(|name| {
            *name == caller
                || *name == account
                || name.ends_with(&format!(":iam::{account}:root"))
                || is_role_of(caller, name)
        });
        // An account's canonical name is not known here.
        (is_caller || !has_others).then_some(is_caller)
    }
}

/// Whether the role is the one that the session is of: names of roles are unique in an account, whatever their paths.
fn is_role_of(session: &str, role: &str) -> bool {
    let PrincipalKind::SessionOf(name) = principal_kind(session) else {
        return false;
    };
    principal_kind(role) == PrincipalKind::Role
        && Arn::account_of(role) == Arn::account_of(session)
        && role_name(role) == name
        && !role.contains(['*', '?'])
}

/// What `aws:PrincipalArn` may be for the caller. That of a session is its role's, whose path is not known: unless one of the
/// values names the role it may be any, those of the values' among them.
fn lasting(caller: &str, values: &[String]) -> Option<Vec<String>> {
    let arn = Arn::parse(caller)?;
    let PrincipalKind::SessionOf(name) = principal_kind(caller) else {
        let is_lasting = principal_kind(caller) != PrincipalKind::Other || arn.resource == "root";
        return is_lasting.then(|| vec![caller.to_owned()]);
    };
    if let Some(role) = values.iter().find(|value| is_role_of(caller, value)) {
        return Some(vec![role.clone()]);
    }
    let paths = values.iter().filter_map(|value| {
        let (path, _) = Arn::parse(value)?.resource.strip_prefix("role/")?.rsplit_once('/')?;
        Some(format!("{}/", path.replace(['*', '?'], "x")))
    });
    let paths = [String::new(), "\u{1}/".to_owned()].into_iter().chain(paths);
    let role = |path| format!("arn:{}:iam::{}:role/{path}{name}", arn.partition, arn.account);
    Some(paths.map(role).collect())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
