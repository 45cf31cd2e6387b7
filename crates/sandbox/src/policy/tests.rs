#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::{Value, json};

use super::*;

fn caller() -> Caller {
    Caller {
        principal: Principal::Session {
            role: "example-role".to_owned(),
            session: "s".to_owned(),
        },
        arn: "arn:aws:sts::111122223333:assumed-role/example-role/s".to_owned(),
        role_arn: Some("arn:aws:iam::111122223333:role/example-role".to_owned()),
        user_id: "AROA:s".to_owned(),
        extra: BTreeMap::new(),
    }
}

fn says(statement: &Value, action: &str, resource: &str) -> Decision {
    let context = BTreeMap::from([
        ("kms:ViaService".to_owned(), "s3".to_owned()),
        ("aws:CurrentTime".to_owned(), "2026-01-02T00:00:00Z".to_owned()),
        ("kms:Days".to_owned(), "7".to_owned()),
    ]);
    let policy = Document::checked(&json!({ "Statement": [statement] }).to_string()).unwrap();
    let caller = caller();
    let question = Question::new(&caller, action, resource, &context)
        .with("kms:EncryptionContextKeys", vec!["a".to_owned(), "b".to_owned()]);
    identity(&policy, &question)
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
fn a_statement_speaks_by_action_and_resource() {
    for (statement, expected) in [
        (json!({"Action": "kms:Decrypt", "Resource": "*"}), Decision::Allowed),
        (json!({"Action": ["kms:encrypt", "KMS:DECRYPT"]}), Decision::Allowed),
        (json!({"Action": "kms:Encrypt", "Resource": "*"}), Decision::Silent),
        (json!({"Action": "kms:*", "Resource": "arn:x:*"}), Decision::Silent),
        (json!({"Action": "kms:*", "NotResource": "arn:x:*"}), Decision::Allowed),
        (json!({"NotAction": "s3:*", "Resource": "*"}), Decision::Allowed),
        (json!({"NotAction": "kms:*", "Resource": "*"}), Decision::Silent),
    ] {
        for (effect, said) in [("Allow", expected), ("Deny", Decision::Denied)] {
            let mut statement = statement.clone();
            statement["Effect"] = json!(effect);
            let expected = if expected == Decision::Silent {
                Decision::Silent
            } else {
                said
            };
            let got = says(&statement, "kms:Decrypt", "arn:aws:kms:us-east-1:1:key/k");
            assert_eq!(got, expected, "{statement}");
        }
    }
}

#[test]
fn conditions_hold_as_in_iam() {
    for (operator, key, value, holds) in [
        ("StringEquals", "kms:ViaService", json!("s3"), true),
        ("StringEquals", "KMS:viaservice", json!(["ec2", "s3"]), true),
        ("StringNotEquals", "kms:ViaService", json!("s3"), false),
        ("StringEqualsIgnoreCase", "kms:ViaService", json!("S3"), true),
        ("StringLike", "kms:ViaService", json!("s*"), true),
        ("StringNotLike", "kms:ViaService", json!("s*"), false),
        ("StringEquals", "kms:Absent", json!("s3"), false),
        ("StringNotEquals", "kms:Absent", json!("s3"), true),
        ("StringEqualsIfExists", "kms:Absent", json!("s3"), true),
        ("Null", "kms:Absent", json!("true"), true),
        ("Null", "kms:ViaService", json!("true"), false),
        ("Bool", "aws:SecureTransport", json!("false"), true),
        ("Bool", "aws:SecureTransport", json!(true), false),
        ("NumericLessThan", "kms:Days", json!(8), true),
        ("NumericGreaterThanEquals", "kms:Days", json!("7"), true),
        ("NumericNotEquals", "kms:Days", json!(7), false),
        ("DateLessThan", "aws:CurrentTime", json!("2026-01-03T00:00:00Z"), true),
        ("DateGreaterThan", "aws:CurrentTime", json!("1893456000"), false),
        ("IpAddress", "aws:SourceIp", json!("127.0.0.0/8"), true),
        ("NotIpAddress", "aws:SourceIp", json!("127.0.0.1"), false),
        (
            "ArnLike",
            "aws:PrincipalArn",
            json!("arn:aws:iam::111122223333:role/*"),
            true,
        ),
        (
            "ForAllValues:StringEquals",
            "kms:EncryptionContextKeys",
            json!(["a", "b", "c"]),
            true,
        ),
        (
            "ForAllValues:StringEquals",
            "kms:EncryptionContextKeys",
            json!(["a"]),
            false,
        ),
        ("ForAllValues:StringEquals", "kms:Absent", json!(["a"]), true),
        (
            "ForAnyValue:StringEquals",
            "kms:EncryptionContextKeys",
            json!(["b"]),
            true,
        ),
        (
            "ForAnyValue:StringEquals",
            "kms:EncryptionContextKeys",
            json!(["z"]),
            false,
        ),
        ("ForAnyValue:StringEquals", "kms:Absent", json!(["a"]), false),
        (
            "StringEquals",
            "aws:PrincipalAccount",
            json!("${aws:PrincipalAccount}"),
            true,
        ),
    ] {
        let statement =
            json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": {operator: {key: value}}});
        let expected = if holds { Decision::Allowed } else { Decision::Silent };
        assert_eq!(says(&statement, "kms:Decrypt", "k"), expected, "{statement}");
    }
}

#[test]
fn what_is_no_policy_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"Version":"2020-01-01","Statement":[]}"#,
        r#"{"Statement":[{"Effect":"Maybe","Action":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"*","NotAction":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"*","Principal":"me"}]}"#,
        r#"{"Statement":[{"Effect":"Deny","Action":"*","Condition":{"StringNotUnheard":{"a":"b"}}}]}"#,
        r#"{"Statement":[{"Effect":"Deny","Action":"*","Condition":{"Every:StringEquals":{"a":"b"}}}]}"#,
    ] {
        assert!(Document::checked(text).is_err(), "{text}");
    }
}

#[test]
fn a_role_arn_covers_its_sessions_and_root_only_delegates() {
    let context = BTreeMap::new();
    let caller = caller();
    let question = Question::new(&caller, "kms:Decrypt", "k", &context);
    let asked = |element: &str, principal: Value| {
        let policy = json!({"Statement": {"Effect": "Allow", element: principal, "Action": "kms:*", "Resource": "*"}});
        let said = resource(&Document::from(policy), &question);
        (said.caller, said.account)
    };
    let (yes, no) = (Decision::Allowed, Decision::Silent);
    for (element, principal, expected) in [
        (
            "Principal",
            json!({"AWS": "arn:aws:iam::111122223333:role/example-role"}),
            (yes, no),
        ),
        (
            "Principal",
            json!({"AWS": "arn:aws:sts::111122223333:assumed-role/example-role/s"}),
            (yes, no),
        ),
        (
            "Principal",
            json!({"AWS": ["arn:aws:iam::111122223333:root"]}),
            (no, yes),
        ),
        ("Principal", json!({"AWS": "111122223333"}), (no, yes)),
        (
            "Principal",
            json!({"AWS": "arn:aws:iam::111122223333:role/example"}),
            (no, no),
        ),
        ("Principal", json!({"AWS": "arn:aws:iam::999999999999:root"}), (no, no)),
        ("Principal", json!({"Service": "sagemaker.amazonaws.com"}), (no, no)),
        ("Principal", json!("*"), (yes, no)),
        (
            "NotPrincipal",
            json!({"AWS": "arn:aws:iam::111122223333:role/example-role"}),
            (no, no),
        ),
        (
            "NotPrincipal",
            json!({"AWS": "arn:aws:iam::111122223333:role/other"}),
            (yes, no),
        ),
    ] {
        assert_eq!(asked(element, principal.clone()), expected, "{element} {principal}");
    }
}
