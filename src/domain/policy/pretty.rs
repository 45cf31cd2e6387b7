//! A policy as people read and edit it: indented, and in the order in which policies are written.

use serde_json::Value;

/// The order of what a policy and a statement are made of; anything else comes behind, by name.
const ORDER: [&str; 12] = [
    "Version",
    "Id",
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Statement",
];
const INDENT: usize = 2;

/// Indented, as people edit it.
pub fn pretty(document: &Value) -> String {
    let mut text = String::new();
    write(document, 0, &mut text);
    text
}

/// The same of a policy's text; what is no JSON stays as it is.
pub fn readable(policy: &str) -> String {
    serde_json::from_str(policy).map_or_else(|_| policy.to_owned(), |document| pretty(&document))
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let line = |depth: usize, text: &mut String| {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', depth * INDENT));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                line(depth + 1, text);
                write(item, depth + 1, text);
            }
            line(depth, text);
            text.push(']');
        }
        Value::Object(members) if !members.is_empty() => {
            let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| (rank(name), (*name).clone()));
            text.push('{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                line(depth + 1, text);
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push_str(": ");
                write(member, depth + 1, text);
            }
            line(depth, text);
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_in_its_own_order_and_means_the_same() {
        let policy = r#"{"Statement":[{"Resource":"*","Action":["kms:*"],"Sid":"a \"b\"","Principal":{"AWS":"x"},"Effect":"Allow"},{}],"Version":"2012-10-17"}"#;
        let text = readable(policy);
        let names: Vec<&str> = text.split('"').filter(|word| ORDER.contains(word)).collect();
        assert_eq!(
            names,
            [
                "Version",
                "Statement",
                "Sid",
                "Effect",
                "Principal",
                "Action",
                "Resource"
            ]
        );
        let same = |text: &str| serde_json::from_str::<Value>(text).ok();
        assert_eq!(same(&text), same(policy));
        assert_eq!(readable("{no"), "{no");
    }
}
