//! What AWS refuses to store as a policy, and its words for it, in the order in which IAM looks.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::condition::moment;
use super::document::{Malformed, strings};

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

const STATEMENT: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
const IAM_RESOURCES: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

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
    let sids = statements.iter().filter_map(|statement| statement.get("Sid")?.as_str());
    if !sids.filter(|sid| !sid.is_empty()).all(|sid| names.insert(sid)) {
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
        statement.keys().all(|name| STATEMENT.contains(&name.as_str()))
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
        "iam" if !rest.starts_with('*') && !IAM_RESOURCES.iter().any(|start| rest.starts_with(start)) => {
            found(format!(
                "IAM resource path must either be \"*\" or start with {}.",
                IAM_RESOURCES.join(", ")
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::policy::Document;

    /// A policy of one statement that allows `s3:Get*` on everything, with other members; null takes one away.
    fn with(members: &Value) -> Value {
        let mut statement = json!({"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"});
        for (name, value) in members.as_object().unwrap() {
            match value {
                Value::Null => drop(statement.as_object_mut().unwrap().remove(name)),
                value => statement[name] = value.clone(),
            }
        }
        json!({"Version": "2012-10-17", "Statement": statement})
    }

    fn said(policy: &Value, kind: Kind) -> String {
        match Document::checked(&policy.to_string(), kind) {
            Ok(_) => String::new(),
            Err(malformed) => malformed.to_string(),
        }
    }

    #[test]
    fn what_iam_refuses_to_store_is_refused_in_its_words() {
        const SYNTAX: &str = "Syntax errors in policy.";
        const LEGACY: &str = "The policy failed legacy parsing";
        const VENDOR: &str = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
        const RESOURCES: &str = "Policy statement must contain resources.";
        const ACTIONS: &str = "Policy statement must contain actions.";
        const OLD: &str = "Policy document must be version 2012-10-17 or greater.";
        for (policy, expected) in [
            (with(&json!({})), ""),
            (json!("text"), SYNTAX),
            (json!([]), SYNTAX),
            (json!({"Version": "2012-10-17"}), SYNTAX),
            (json!({"Version": "2012-10-17", "Statement": []}), SYNTAX),
            (json!({"Version": "2012-10-17", "Statement": ["x"]}), SYNTAX),
            (
                json!({"Version": "2020-01-01", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
                SYNTAX,
            ),
            (
                json!({"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
                OLD,
            ),
            (
                json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
                OLD,
            ),
            (with(&json!({"More": 1})), SYNTAX),
            (with(&json!({"Sid": 1})), SYNTAX),
            (with(&json!({"Effect": "Maybe"})), SYNTAX),
            (with(&json!({"Effect": null})), SYNTAX),
            (with(&json!({"Effect": "allow"})), LEGACY),
            (with(&json!({"NotAction": "s3:Put*"})), SYNTAX),
            (with(&json!({"NotResource": []})), SYNTAX),
            (with(&json!({"Action": {}})), SYNTAX),
            (with(&json!({"Action": [[]]})), SYNTAX),
            (with(&json!({"Action": null})), ACTIONS),
            (with(&json!({"Action": []})), ACTIONS),
            (with(&json!({"Action": "get"})), VENDOR),
            (with(&json!({"Action": ""})), VENDOR),
            (with(&json!({"Action": "a a:Get"})), "Vendor a a is not valid"),
            (
                with(&json!({"Action": "s3:Get:Object"})),
                "Actions/Condition can contain only one colon.",
            ),
            (with(&json!({"Action": "*"})), ""),
            (with(&json!({"Action": "not-there.yet:Get"})), ""),
            (with(&json!({"Resource": null})), RESOURCES),
            (with(&json!({"Resource": []})), RESOURCES),
            (with(&json!({"Resource": ["*", null]})), ""),
            (
                with(&json!({"Resource": "bucket"})),
                "Resource bucket must be in ARN format or \"*\".",
            ),
            (
                with(&json!({"Resource": "arn:aws"})),
                "Resource vendor must be fully qualified and cannot contain regexes.",
            ),
            (
                with(&json!({"Resource": "arn:aws:s*:::b"})),
                "Resource vendor must be fully qualified and cannot contain regexes.",
            ),
            (with(&json!({"Resource": "arn:aws:s3::b"})), LEGACY),
            (with(&json!({"Resource": "arn:aws:sqs"})), ""),
            (
                with(&json!({"Resource": "aws:s3:::b"})),
                "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\".",
            ),
            (
                with(&json!({"Resource": "arn:aws:s3:us-east-1::b"})),
                "Resource arn:aws:s3:us-east-1::b can not contain region information.",
            ),
            (
                with(&json!({"Resource": "arn:aws:iam:us-east-1::user/u"})),
                "IAM resource arn:aws:iam:us-east-1::user/u cannot contain region information.",
            ),
            (
                with(&json!({"Resource": "arn:aws:iam:::u"})),
                "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.",
            ),
            (
                with(&json!({"Principal": "*"})),
                "Policy document should not specify a principal.",
            ),
            (with(&json!({"Condition": []})), SYNTAX),
            (with(&json!({"Condition": {"StringEquals": []}})), SYNTAX),
            (with(&json!({"Condition": {"StringSeems": {"a:b": "c"}}})), SYNTAX),
            (
                with(&json!({"Condition": {"Every:StringEquals": {"a:b": "c"}}})),
                SYNTAX,
            ),
            (with(&json!({"Condition": {"x": {}}})), ""),
            (
                with(&json!({"Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}})),
                LEGACY,
            ),
            (
                with(&json!({"Condition": {"DateLessThan": {"aws:CurrentTime": ["2027-01-01", 1]}}})),
                "",
            ),
            (
                with(&json!({"Condition": {"ForAnyValue:BoolIfExists": {"aws:SecureTransport": true}}})),
                "",
            ),
        ] {
            assert_eq!(said(&policy, Kind::Managed), expected, "{policy}");
        }
        let twice = json!({"Sid": "One", "Effect": "Allow", "Action": "*", "Resource": "*"});
        let twice = json!({"Version": "2012-10-17", "Statement": [twice, twice]});
        assert_eq!(
            said(&twice, Kind::Inline),
            "Statement IDs (SID) in a single policy must be unique."
        );
        let old = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        assert_eq!(
            said(&old, Kind::Inline),
            "",
            "inline policies may be of the older version"
        );
    }

    #[test]
    fn a_trust_policy_says_whom_and_nothing_but_that_they_may_assume_it() {
        let trust = |members: Value| {
            let mut policy =
                with(&json!({"Resource": null, "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}));
            for (name, value) in members.as_object().unwrap() {
                policy["Statement"][name] = value.clone();
            }
            said(&policy, Kind::Trust)
        };
        assert_eq!(trust(json!({})), "");
        assert_eq!(trust(json!({"Action": ["sts:AssumeRole", "sts:TagSession"]})), "");
        assert_eq!(trust(json!({"Resource": "*"})), "Has prohibited field Resource.");
        assert_eq!(
            trust(json!({"Action": "s3:GetObject"})),
            "AssumeRole policy may only specify STS AssumeRole actions."
        );
        let nobody = with(&json!({"Resource": null, "Action": "sts:AssumeRole"}));
        assert_eq!(said(&nobody, Kind::Trust), "Missing required field Principal");
        let wrong = Document::checked("{", Kind::Trust).unwrap_err();
        assert_eq!(wrong.to_string(), "This policy contains invalid Json");
    }
}
