//! One policy evaluator for identity policies, trust policies and key policies.

use std::collections::BTreeMap;

use serde_json::Value;

use super::identity::{ACCOUNT, Caller, Principal};

/// What is asked of a policy.
pub(crate) struct Question<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    /// Condition keys with their values; names are compared without case.
    context: BTreeMap<String, Vec<String>>,
    /// ARNs that name the caller: the principal itself, and for a session also its role.
    names: Vec<String>,
    service: Option<String>,
}

impl<'a> Question<'a> {
    pub(crate) fn new(caller: &Caller, action: &'a str, resource: &'a str, more: &BTreeMap<String, String>) -> Self {
        let mut context: BTreeMap<String, Vec<String>> = more
            .iter()
            .chain(&caller.extra)
            .map(|(name, value)| (name.to_lowercase(), vec![value.clone()]))
            .collect();
        let names = names(caller);
        let principal = names.last().cloned().unwrap_or_else(|| caller.arn.clone());
        context.insert("aws:principalarn".to_owned(), vec![principal]);
        context.insert("aws:principalaccount".to_owned(), vec![ACCOUNT.to_owned()]);
        context.insert("aws:userid".to_owned(), vec![caller.user_id.clone()]);
        if let Principal::User(name) = &caller.principal {
            context.insert("aws:username".to_owned(), vec![name.clone()]);
        }
        context.insert("kms:calleraccount".to_owned(), vec![ACCOUNT.to_owned()]);
        let service = match &caller.principal {
            Principal::Service(name) => Some(name.clone()),
            _ => None,
        };
        Self {
            action,
            resource,
            context,
            names,
            service,
        }
    }

    /// Adds a condition key with several values, such as `kms:EncryptionContextKeys`.
    pub(crate) fn with(mut self, name: &str, values: Vec<String>) -> Self {
        self.context.insert(name.to_lowercase(), values);
        self
    }
}

/// ARNs that a policy may name the caller by; the most general last.
pub(crate) fn names(caller: &Caller) -> Vec<String> {
    match &caller.principal {
        Principal::Session { role, .. } => {
            vec![
                caller.arn.clone(),
                caller
                    .extra
                    .get("role-arn")
                    .cloned()
                    .unwrap_or_else(|| format!("arn:aws:iam::{ACCOUNT}:role/{role}")),
            ]
        }
        _ => vec![caller.arn.clone()],
    }
}

/// What policies say together: an explicit Deny wins, then any Allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A statement denies it.
    Denied,
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement speaks of it.
    Silent,
}

impl Decision {
    /// What two say together.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Denied, _) | (_, Self::Denied) => Self::Denied,
            (Self::Allowed, _) | (_, Self::Allowed) => Self::Allowed,
            _ => Self::Silent,
        }
    }
}

/// Whom a resource policy's Allow names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResourceDecision {
    /// Statements that name the caller.
    pub(crate) caller: Decision,
    /// Statements that name the account, which delegates to identity policies.
    pub(crate) account: Decision,
}

/// An identity policy's word; its statements have no principal.
pub(crate) fn identity(policy: &Value, question: &Question) -> Decision {
    statements(policy)
        .filter(|statement| speaks(statement, question))
        .fold(Decision::Silent, |so_far, statement| so_far.and(effect(statement)))
}

/// A resource or trust policy's word about this caller.
pub(crate) fn resource(policy: &Value, question: &Question) -> ResourceDecision {
    let mut found = ResourceDecision {
        caller: Decision::Silent,
        account: Decision::Silent,
    };
    for statement in statements(policy).filter(|statement| speaks(statement, question)) {
        match named(statement, question) {
            Named::Caller => found.caller = found.caller.and(effect(statement)),
            // A Deny for the account holds for everybody in it; an Allow only delegates.
            Named::Account if effect(statement) == Decision::Denied => found.caller = Decision::Denied,
            Named::Account => found.account = found.account.and(Decision::Allowed),
            Named::Nobody => {}
        }
    }
    found
}

fn statements(policy: &Value) -> impl Iterator<Item = &Value> {
    let found = &policy["Statement"];
    let list: Vec<&Value> = found
        .as_array()
        .map_or_else(|| vec![found], |list| list.iter().collect());
    list.into_iter().filter(|statement| statement.is_object())
}

fn effect(statement: &Value) -> Decision {
    match statement["Effect"].as_str() {
        Some("Allow") => Decision::Allowed,
        Some("Deny") => Decision::Denied,
        _ => Decision::Silent,
    }
}

/// Whether action, resource and conditions of a statement fit; the principal is another question.
fn speaks(statement: &Value, question: &Question) -> bool {
    let action = |pattern: &str| like(&pattern.to_lowercase(), &question.action.to_lowercase());
    let resource = |pattern: &str| like(pattern, question.resource);
    let actions = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(list), _) => strings(list).iter().any(|pattern| action(pattern)),
        (None, Some(list)) => !strings(list).iter().any(|pattern| action(pattern)),
        (None, None) => false,
    };
    let resources = match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(list), _) => strings(list).iter().any(|pattern| resource(pattern)),
        (None, Some(list)) => !strings(list).iter().any(|pattern| resource(pattern)),
        (None, None) => true,
    };
    actions && resources && conditions(&statement["Condition"], question)
}

enum Named {
    Caller,
    Account,
    Nobody,
}

fn named(statement: &Value, question: &Question) -> Named {
    let (principal, inverted) = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => (principal, false),
        (None, Some(principal)) => (principal, true),
        (None, None) => return Named::Nobody,
    };
    let found = whom(principal, question);
    match (found, inverted) {
        (Named::Nobody, true) => Named::Caller,
        (_, true) => Named::Nobody,
        (found, false) => found,
    }
}

fn whom(principal: &Value, question: &Question) -> Named {
    if principal == "*" {
        return Named::Caller;
    }
    if let Some(service) = &question.service {
        let fits = strings(&principal["Service"]).iter().any(|name| name == service);
        return if fits { Named::Caller } else { Named::Nobody };
    }
    let names = strings(&principal["AWS"]);
    if names.iter().any(|name| name == "*" || question.names.contains(name)) {
        Named::Caller
    } else if names
        .iter()
        .any(|name| name == ACCOUNT || *name == format!("arn:aws:iam::{ACCOUNT}:root"))
    {
        Named::Account
    } else {
        Named::Nobody
    }
}

fn conditions(conditions: &Value, question: &Question) -> bool {
    let Some(operators) = conditions.as_object() else {
        return true;
    };
    operators.iter().all(|(operator, keys)| {
        keys.as_object().is_none_or(|keys| {
            keys.iter()
                .all(|(key, expected)| holds(operator, key, expected, question))
        })
    })
}

fn holds(operator: &str, key: &str, expected: &Value, question: &Question) -> bool {
    let (set, operator) = match operator.split_once(':') {
        Some((set, rest)) => (Some(set), rest),
        None => (None, operator),
    };
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(rest) => (rest, true),
        None => (operator, false),
    };
    let actual = question.context.get(&key.to_lowercase());
    let expected: Vec<String> = strings(expected)
        .iter()
        .map(|value| substitute(value, question))
        .collect();
    if operator == "Null" {
        return expected.iter().any(|value| (value == "true") == actual.is_none());
    }
    let Some(actual) = actual else {
        return if_exists || set == Some("ForAllValues") || negated(operator);
    };
    let one = |value: &String| {
        let met = expected.iter().any(|wanted| compare(operator, wanted, value));
        if negated(operator) { !met } else { met }
    };
    match set {
        Some("ForAllValues") => actual.iter().all(one),
        _ => actual.iter().any(one),
    }
}

fn negated(operator: &str) -> bool {
    operator.contains("Not")
}

/// Whether the positive form of the operator holds.
fn compare(operator: &str, wanted: &str, actual: &str) -> bool {
    match operator {
        "StringEquals" | "StringNotEquals" => wanted == actual,
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => wanted.eq_ignore_ascii_case(actual),
        "StringLike" | "StringNotLike" | "ArnLike" | "ArnNotLike" | "ArnEquals" | "ArnNotEquals" => {
            like(wanted, actual)
        }
        "Bool" => wanted.eq_ignore_ascii_case(actual),
        _ if operator.starts_with("Numeric") => match (wanted.parse::<f64>(), actual.parse::<f64>()) {
            (Ok(wanted), Ok(actual)) => numeric(operator, wanted, actual),
            _ => false,
        },
        // An operator that is not known here never allows and never lifts a Deny's condition by accident.
        _ => false,
    }
}

fn numeric(operator: &str, wanted: f64, actual: f64) -> bool {
    match operator {
        "NumericLessThan" => actual < wanted,
        "NumericLessThanEquals" => actual <= wanted,
        "NumericGreaterThan" => actual > wanted,
        "NumericGreaterThanEquals" => actual >= wanted,
        _ => (actual - wanted).abs() < f64::EPSILON,
    }
}

fn substitute(value: &str, question: &Question) -> String {
    let mut text = value.to_owned();
    while let Some(start) = text.find("${") {
        let Some(end) = text[start..].find('}').map(|at| start + at) else {
            break;
        };
        let name = text[start + 2..end].to_lowercase();
        let known = question
            .context
            .get(&name)
            .and_then(|values| values.first())
            .cloned()
            .unwrap_or_default();
        text.replace_range(start..=end, &known);
    }
    text
}

/// A string, or a list of strings.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Bool(truth) => vec![truth.to_string()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// Whether the text fits a pattern of `*` and `?`.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn caller() -> Caller {
        Caller {
            principal: Principal::Session {
                role: "example-role".to_owned(),
                session: "s".to_owned(),
            },
            arn: "arn:aws:sts::111122223333:assumed-role/example-role/s".to_owned(),
            user_id: "AROA:s".to_owned(),
            extra: BTreeMap::new(),
        }
    }

    fn says(statement: &Value, action: &str, resource: &str) -> Decision {
        let context = BTreeMap::from([("kms:ViaService".to_owned(), "s3".to_owned())]);
        identity(
            &json!({ "Statement": [statement] }),
            &Question::new(&caller(), action, resource, &context),
        )
    }

    #[test]
    fn patterns_fit_as_in_aws() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("kms:*", "kms:Decrypt", true),
            ("kms:De*t", "kms:Decrypt", true),
            ("kms:De*t", "kms:Describe", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*b*c", "aXbYbZc", true),
            ("", "x", false),
        ] {
            assert_eq!(like(pattern, text), fits, "{pattern} ~ {text}");
        }
    }

    #[test]
    fn a_statement_speaks_by_action_resource_and_condition() {
        let allow = |more: Value| {
            let mut statement = json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"});
            for (name, value) in more.as_object().into_iter().flatten() {
                statement[name] = value.clone();
            }
            statement
        };
        for (statement, expected) in [
            (allow(json!({})), Decision::Allowed),
            (
                allow(json!({"Action": ["kms:encrypt", "KMS:DECRYPT"]})),
                Decision::Allowed,
            ),
            (allow(json!({"Action": "kms:Encrypt"})), Decision::Silent),
            (allow(json!({"Resource": "arn:x:*"})), Decision::Silent),
            (allow(json!({"Effect": "Deny"})), Decision::Denied),
            (
                allow(json!({"Condition": {"StringEquals": {"kms:ViaService": "s3"}}})),
                Decision::Allowed,
            ),
            (
                allow(json!({"Condition": {"StringNotEquals": {"kms:ViaService": "s3"}}})),
                Decision::Silent,
            ),
            (
                allow(json!({"Condition": {"StringEquals": {"kms:Absent": "s3"}}})),
                Decision::Silent,
            ),
            (
                allow(json!({"Condition": {"StringEqualsIfExists": {"kms:Absent": "s3"}}})),
                Decision::Allowed,
            ),
            (
                allow(json!({"Condition": {"Null": {"kms:Absent": "true"}}})),
                Decision::Allowed,
            ),
            (
                allow(json!({"Condition": {"Unheard": {"kms:ViaService": "s3"}}})),
                Decision::Silent,
            ),
            (
                json!({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}),
                Decision::Allowed,
            ),
        ] {
            assert_eq!(
                says(&statement, "kms:Decrypt", "arn:aws:kms:us-east-1:1:key/k"),
                expected,
                "{statement}"
            );
        }
    }

    #[test]
    fn a_role_arn_covers_its_sessions_and_root_only_delegates() {
        let context = BTreeMap::new();
        let caller = caller();
        let question = Question::new(&caller, "kms:Decrypt", "k", &context);
        let policy = |principal: Value| json!({"Statement": {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}});
        let role = resource(
            &policy(json!({"AWS": "arn:aws:iam::111122223333:role/example-role"})),
            &question,
        );
        assert_eq!((role.caller, role.account), (Decision::Allowed, Decision::Silent));
        let root = resource(&policy(json!({"AWS": ["arn:aws:iam::111122223333:root"]})), &question);
        assert_eq!((root.caller, root.account), (Decision::Silent, Decision::Allowed));
        let other = resource(
            &policy(json!({"AWS": "arn:aws:iam::111122223333:role/example"})),
            &question,
        );
        assert_eq!((other.caller, other.account), (Decision::Silent, Decision::Silent));
    }
}
