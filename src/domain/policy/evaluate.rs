//! Reasoning from policies where AWS itself cannot be asked. Cautious: a condition is not evaluated, so an Allow with one
//! does not count and a Deny with one does, and the verdict says so.

use serde_json::Value;

use super::{statements, strings};

/// Who wants to do what to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// ARN of a user or role, or the name of an AWS service.
    pub principal: &'a str,
    /// Its account.
    pub account: &'a str,
    /// `kms:Decrypt`.
    pub action: &'a str,
    /// The resource's ARN; `*` for a key in its own policy.
    pub resource: &'a str,
}

/// What one policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// An Allow names the principal.
    Allowed,
    /// An Allow names the account only: the principal's own policies must allow too.
    Delegated,
    /// A Deny fits.
    Denied,
    /// Nothing fits.
    Silent,
}

/// What one policy says, and by which statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What it says.
    pub decision: Decision,
    /// The statement that decided, in words; empty if none did.
    pub statement: String,
    /// An Allow that would fit but for a condition that was not evaluated.
    pub conditional: Option<String>,
}

/// What a resource's own policy (a key policy, a trust policy) says.
pub fn decide(policy: &Value, question: &Question<'_>) -> Verdict {
    weigh(policy, question, |statement| whom(statement, question))
}

/// What a policy attached to the principal itself says.
pub fn of_identity(policy: &Value, question: &Question<'_>) -> Verdict {
    weigh(policy, question, |_| Some(Decision::Allowed))
}

fn weigh(policy: &Value, question: &Question<'_>, whom: impl Fn(&Value) -> Option<Decision>) -> Verdict {
    let mut verdict = Verdict {
        decision: Decision::Silent,
        statement: String::new(),
        conditional: None,
    };
    for (index, statement) in statements(policy).into_iter().enumerate() {
        let Some(allows) = whom(statement).filter(|_| fits(statement, question.action, question.resource)) else {
            continue;
        };
        let name = name(statement, index);
        let has_condition = statement.get("Condition").is_some();
        if statement["Effect"] == "Deny" {
            verdict.decision = Decision::Denied;
            verdict.statement = if has_condition {
                format!("{name}, whose condition was not evaluated,")
            } else {
                name
            };
            return verdict;
        }
        if has_condition {
            verdict.conditional.get_or_insert(name);
        } else if verdict.decision == Decision::Silent || allows == Decision::Allowed {
            verdict.decision = allows;
            verdict.statement = name;
        }
    }
    verdict
}

/// Whether a statement is about the principal, by name or by account.
fn whom(statement: &Value, question: &Question<'_>) -> Option<Decision> {
    let root = format!(":iam::{}:root", question.account);
    let names_account = |name: &str| name == question.account || (name.starts_with("arn:") && name.ends_with(&root));
    if let Some(others) = statement.get("NotPrincipal") {
        let others = strings(&others["AWS"]);
        let is_meant = !others
            .iter()
            .any(|name| *name == question.principal || names_account(name));
        return is_meant.then_some(Decision::Allowed);
    }
    let principal = &statement["Principal"];
    let names = match principal {
        Value::String(one) => vec![one.as_str()],
        _ => strings(&principal["AWS"])
            .into_iter()
            .chain(strings(&principal["Service"]))
            .collect(),
    };
    if names.iter().any(|name| *name == "*" || *name == question.principal) {
        return Some(Decision::Allowed);
    }
    names
        .iter()
        .any(|name| names_account(name))
        .then_some(Decision::Delegated)
}

/// Whether a statement is about the action and the resource.
pub(super) fn fits(statement: &Value, action: &str, resource: &str) -> bool {
    let matches = |value: &Value, text: &str, ignores_case: bool| {
        strings(value).iter().any(|pattern| {
            if ignores_case {
                is_like(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
            } else {
                is_like(pattern, text)
            }
        })
    };
    let is_action = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => matches(actions, action, true),
        (None, Some(actions)) => !matches(actions, action, true),
        (None, None) => false,
    };
    let is_resource = match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(resources), _) => resource == "*" || matches(resources, resource, false),
        (None, Some(resources)) => !matches(resources, resource, false),
        // Trust policies have none.
        (None, None) => true,
    };
    is_action && is_resource
}

fn name(statement: &Value, index: usize) -> String {
    match statement["Sid"].as_str().filter(|sid| !sid.is_empty()) {
        Some(sid) => format!("statement \"{sid}\""),
        None => format!("statement {}", index + 1),
    }
}

/// Whether a pattern with `*` and `?` matches the whole text.
pub(super) fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on if what follows the last star does not fit here.
    let mut again: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == '?' || (pattern[p] != '*' && pattern[p] == text[t])) {
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == '*' {
            again = Some((p, t));
            p += 1;
        } else if let Some((star, from)) = again {
            again = Some((star, from + 1));
            (p, t) = (star + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn stars_and_question_marks_match_as_aws_says() {
        let table = [
            ("*", "", true),
            ("kms:*", "kms:Decrypt", true),
            ("kms:Generate*Key", "kms:GenerateDataKey", true),
            ("kms:Generate*Key", "kms:GenerateDataKeyPair", false),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b", true),
            ("arn:aws:s3:::b", "arn:aws:s3:::bb", false),
            ("a?c*", "abcdef", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxbxb", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
