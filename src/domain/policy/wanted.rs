//! What a bucket's policy wants of writes: what its Deny statements refuse them without.

use serde_json::Value;

/// The headers, and the connection, that a write needs by this policy: `x-amz-acl: bucket-owner-full-control`.
pub fn wanted_of_writes(policy: &str) -> Vec<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let mut wanted = Vec::new();
    for statement in listed(&policy["Statement"]) {
        let is_about_writes = listed(&statement["Action"])
            .filter_map(Value::as_str)
            .any(|action| is_of_writes(&action.to_ascii_lowercase()));
        if statement["Effect"] != "Deny" || !is_about_writes {
            continue;
        }
        for (operator, conditions) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in conditions.as_object().into_iter().flatten() {
                let values: Vec<String> = listed(values).map(text).collect();
                wanted.extend(wanted_by(
                    &operator.to_ascii_lowercase(),
                    &key.to_ascii_lowercase(),
                    &values,
                ));
            }
        }
    }
    wanted.sort();
    wanted.dedup();
    // With a value it says more.
    let valued: Vec<String> = wanted
        .iter()
        .filter_map(|one| one.split_once(": "))
        .map(|(name, _)| name.to_owned())
        .collect();
    wanted.retain(|one| !valued.contains(one));
    wanted
}

/// `s3:PutObject`, or a pattern of it.
fn is_of_writes(action: &str) -> bool {
    match action.strip_suffix('*') {
        Some(start) => "s3:putobject".starts_with(start),
        None => action == "s3:putobject",
    }
}

fn wanted_by(operator: &str, key: &str, values: &[String]) -> Option<String> {
    let operator = operator.strip_suffix("ifexists").unwrap_or(operator);
    let operator = operator.rsplit(':').next().unwrap_or(operator);
    if key == "aws:securetransport" && operator == "bool" && values == ["false"] {
        return Some("a connection by https".to_owned());
    }
    let header = match key.strip_prefix("s3:") {
        Some(tag) if tag.starts_with("requestobjecttag/") => format!("the tag {}", &tag["requestobjecttag/".len()..]),
        Some(name) if name.starts_with("x-amz-") => name.to_owned(),
        _ => return None,
    };
    match operator {
        "stringnotequals" | "stringnotlike" | "stringnotequalsignorecase" | "arnnotequals" | "arnnotlike" => {
            Some(format!("{header}: {}", values.join(" or ")))
        }
        "null" if values == ["true"] => Some(header),
        _ => None,
    }
}

fn listed(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(all) => all.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
    .iter()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(statements: Value) -> Vec<String> {
        wanted_of_writes(&json!({"Version": "2012-10-17", "Statement": statements}).to_string())
    }

    #[test]
    fn what_a_policy_denies_writes_without_is_what_it_wants() {
        let deny = |condition: Value| json!({"Effect": "Deny", "Action": "s3:PutObject", "Condition": condition});
        let sse = "s3:x-amz-server-side-encryption";
        assert_eq!(
            wanted(json!([
                deny(json!({"StringNotEquals": {sse: "aws:kms"}})),
                deny(json!({"Null": {sse: true}})),
                deny(json!({"StringNotEqualsIfExists": {"s3:x-amz-acl": ["bucket-owner-full-control"]}})),
                deny(json!({"Null": {"s3:RequestObjectTag/team": "true"}})),
                deny(json!({"Bool": {"aws:SecureTransport": "false"}})),
            ])),
            [
                "a connection by https",
                "the tag team",
                "x-amz-acl: bucket-owner-full-control",
                "x-amz-server-side-encryption: aws:kms",
            ]
        );
    }

    #[test]
    fn what_is_not_about_writes_or_allows_wants_nothing() {
        let condition = json!({"StringNotEquals": {"s3:x-amz-acl": "private"}});
        for statement in [
            json!({"Effect": "Allow", "Action": "s3:PutObject", "Condition": condition}),
            json!({"Effect": "Deny", "Action": "s3:GetObject", "Condition": condition}),
            json!({"Effect": "Deny", "Action": "s3:Put*", "Condition": {"StringEquals": {"s3:x-amz-acl": "private"}}}),
        ] {
            assert_eq!(wanted(statement), [""; 0]);
        }
        let all = json!({"Effect": "Deny", "Action": ["s3:*"], "Condition": condition});
        assert_eq!(wanted(all), ["x-amz-acl: private"]);
        assert_eq!(wanted_of_writes("no JSON"), [""; 0]);
    }
}
