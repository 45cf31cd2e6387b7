//! What AWS refuses to store as a policy, and its words for it, in the order in which IAM looks.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::condition::moment;
use super::document::{Malformed, strings};
use crate::api::is_one_of;

/// What a policy is for: each kind has rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A managed policy: only of the newer version.
    Managed,
    /// An inline policy of a user or role, or of a session.
    Inline,
    /// A role's trust.
    Trust,
    /// A key's or a bucket's policy; their services look further.
    Resource,
}

const STATEMENT: &str = "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition";
const IAM_RESOURCES: &str = "user/ federated-user/ role/ group/ instance-profile/ mfa/ server-certificate/ policy/ \
    sms-mfa/ saml-provider/ oidc-provider/ report/ access-report/";

impl Kind {
    pub(super) fn no_json(self) -> Malformed {
        match self {
            Self::Trust => Malformed("This policy contains invalid Json".into()),
            _ => Malformed::SYNTAX,
        }
    }
}

pub(super) fn check(policy: &Value, kind: Kind) -> Result<(), Malformed> {
    let wrong = |message: &'static str| Err(Malformed(message.into()));
    let statements = shape(policy).ok_or(Malformed::SYNTAX)?;
    if kind == Kind::Managed && policy["Version"] != "2012-10-17" {
        return wrong("Policy document must be version 2012-10-17 or greater.");
    }
    if !statements.iter().all(|statement| is_readable(statement)) {
        return Err(Malformed::LEGACY);
    }
    let resources = || {
        statements
            .iter()
            .flat_map(|statement| listed(statement, ["Resource", "NotResource"]))
    };
    let mut strange = None;
    if kind != Kind::Resource {
        for resource in resources() {
            strange = resource_error(&resource)?.or(strange);
        }
    }
    let mut names = BTreeSet::new();
    let mut sids = statements.iter().filter_map(|statement| statement.get("Sid")?.as_str());
    let is_sid = |sid: &str| sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if kind != Kind::Resource && !sids.clone().all(is_sid) {
        return wrong(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        );
    }
    if !sids.by_ref().filter(|sid| !sid.is_empty()).all(|sid| names.insert(sid)) {
        return wrong("Statement IDs (SID) in a single policy must be unique.");
    }
    let actions = |statement: &Map<String, Value>| listed(statement, ["Action", "NotAction"]);
    if statements.iter().any(|statement| actions(statement).is_empty()) {
        return wrong("Policy statement must contain actions.");
    }
    if let Some(strange) = strange {
        return Err(strange);
    }
    statements
        .iter()
        .flat_map(|statement| actions(statement))
        .try_for_each(|action| action_error(&action))?;
    let has = |name: &'static str| move |statement: &&Map<String, Value>| statement.contains_key(name);
    match kind {
        Kind::Managed | Kind::Inline => {
            let lacks = |statement: &&Map<String, Value>| listed(statement, ["Resource", "NotResource"]).is_empty();
            if statements.iter().any(lacks) {
                return wrong("Policy statement must contain resources.");
            }
            if statements
                .iter()
                .any(|statement| has("Principal")(statement) || has("NotPrincipal")(statement))
            {
                return wrong("Policy document should not specify a principal.");
            }
        }
        Kind::Trust => {
            let of_sts = |action: &String| action.to_lowercase().starts_with("sts:");
            if !statements
                .iter()
                .flat_map(|statement| actions(statement))
                .all(|action| of_sts(&action))
            {
                return wrong("AssumeRole policy may only specify STS AssumeRole actions.");
            }
            if statements
                .iter()
                .any(|statement| has("Resource")(statement) || has("NotResource")(statement))
            {
                return wrong("Has prohibited field Resource.");
            }
            if !statements
                .iter()
                .all(|statement| has("Principal")(statement) || has("NotPrincipal")(statement))
            {
                return wrong("Missing required field Principal");
            }
        }
        Kind::Resource => {}
    }
    Ok(())
}

/// The statements, if every element is where and what it may be.
fn shape(policy: &Value) -> Option<Vec<&Map<String, Value>>> {
    let document = policy.as_object()?;
    let is_known = |name: &String| matches!(name.as_str(), "Version" | "Id" | "Statement");
    let is_version = |version: &Value| *version == "2012-10-17" || *version == "2008-10-17";
    let is_text = |value: Option<&Value>| value.is_none_or(Value::is_string);
    if !document.keys().all(is_known) || !document.get("Version").is_none_or(is_version) || !is_text(document.get("Id"))
    {
        return None;
    }
    let statements: Vec<&Map<String, Value>> = match document.get("Statement")? {
        Value::Array(list) => list.iter().map(Value::as_object).collect::<Option<_>>()?,
        one => vec![one.as_object()?],
    };
    let is_whole = |statement: &&Map<String, Value>| {
        statement.keys().all(|name| is_one_of(name, STATEMENT))
            && is_text(statement.get("Sid"))
            && statement.get("Effect").and_then(Value::as_str).is_some_and(is_effect)
            && [
                ("Action", "NotAction"),
                ("Resource", "NotResource"),
                ("Principal", "NotPrincipal"),
            ]
            .iter()
            .all(|(name, inverse)| !(statement.contains_key(*name) && statement.contains_key(*inverse)))
            && ["Action", "NotAction", "Resource", "NotResource"]
                .iter()
                .all(|name| statement.get(*name).is_none_or(is_list))
            && statement.get("Condition").is_none_or(is_condition)
    };
    (!statements.is_empty() && statements.iter().all(is_whole)).then_some(statements)
}

fn is_effect(text: &str) -> bool {
    text.eq_ignore_ascii_case("allow") || text.eq_ignore_ascii_case("deny")
}

/// A text or a list of texts; IAM lets a null stand in a list.
fn is_list(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().all(|one| one.is_string() || one.is_null()),
        one => one.is_string(),
    }
}

fn is_condition(element: &Value) -> bool {
    let is_scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let is_value = |value: &Value| match value {
        Value::Array(list) => list.iter().all(is_scalar),
        one => is_scalar(one),
    };
    element.as_object().is_some_and(|operators| {
        operators
            .values()
            .all(|keys| keys.as_object().is_some_and(|keys| keys.values().all(is_value)))
    })
}

/// What IAM's older parser reads, too: Effect by its letters, and dates.
fn is_readable(statement: &Map<String, Value>) -> bool {
    let effect = statement.get("Effect").and_then(Value::as_str);
    let conditions = statement.get("Condition").and_then(Value::as_object);
    let mut dates = conditions
        .into_iter()
        .flatten()
        .filter(|(operator, _)| operator.rsplit(':').next().is_some_and(|name| name.starts_with("Date")))
        .flat_map(|(_, keys)| keys.as_object().into_iter().flat_map(Map::values).flat_map(strings));
    matches!(effect, Some("Allow" | "Deny")) && dates.all(|date| moment(&date).is_some())
}

fn listed(statement: &Map<String, Value>, names: [&str; 2]) -> Vec<String> {
    names
        .iter()
        .filter_map(|name| statement.get(*name))
        .flat_map(strings)
        .collect()
}

/// An error that IAM tells only after other ones; what its older parser cannot read it tells at once.
fn resource_error(resource: &str) -> Result<Option<Malformed>, Malformed> {
    let found = |message: String| Ok(Some(Malformed(message.into())));
    if resource == "*" {
        return Ok(None);
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let part = |at: usize| parts.get(at).copied();
    let Some(partition) = part(1) else {
        return found(format!("Resource {resource} must be in ARN format or \"*\"."));
    };
    if !matches!(
        partition,
        "*" | "aws" | "aws-cn" | "aws-us-gov" | "aws-iso" | "aws-iso-b" | "aws-iso-e" | "aws-iso-f" | "aws-eusc"
    ) {
        let [service, region, account, rest] = [2, 3, 4, 5].map(|at| part(at).unwrap_or("*"));
        return found(format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{partition}:{service}:{region}:{account}:{rest}\"."
        ));
    }
    let Some(service) = part(2) else {
        return found("Resource vendor must be fully qualified and cannot contain regexes.".to_owned());
    };
    if service.is_empty() || (parts.len() < 6 && resource.contains("::")) {
        return Err(Malformed::LEGACY);
    }
    if service.contains(['*', '?']) {
        return found("Resource vendor must be fully qualified and cannot contain regexes.".to_owned());
    }
    let (region, rest) = (part(3).unwrap_or("*"), part(5).unwrap_or("*"));
    match service {
        "iam" if !matches!(region, "" | "*") => {
            found(format!("IAM resource {resource} cannot contain region information."))
        }
        "s3" if !matches!(region, "" | "*") && !rest.starts_with("accesspoint/") => {
            found(format!("Resource {resource} can not contain region information."))
        }
        "iam" if !rest.starts_with('*') && !IAM_RESOURCES.split(' ').any(|start| rest.starts_with(start)) => {
            found(format!(
                "IAM resource path must either be \"*\" or start with {}.",
                IAM_RESOURCES.replace(' ', ", ")
            ))
        }
        _ => Ok(None),
    }
}

fn action_error(action: &str) -> Result<(), Malformed> {
    if action == "*" {
        return Ok(());
    }
    let wrong = |message: String| Err(Malformed(message.into()));
    match action.split(':').collect::<Vec<_>>()[..] {
        [vendor, _] => {
            if vendor == "*" || vendor.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)) {
                return Ok(());
            }
            wrong(format!("Vendor {vendor} is not valid"))
        }
        [_] => wrong("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned()),
        _ => wrong("Actions/Condition can contain only one colon.".to_owned()),
    }
}

#[cfg(test)]
mod tests;
