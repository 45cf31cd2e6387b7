use serde_json::{Value, json};

use super::*;
use crate::identity::{ACCOUNT, Place, REGION};

mod verdict;

fn caller() -> Caller {
    let principal = Principal::Session {
        role: "example-role".to_owned(),
        session: "s".to_owned(),
    };
    let (arn, place) = (verdict::SESSION, Place::new(ACCOUNT, REGION));
    Caller {
        role_arn: Some(verdict::ROLE.to_owned()),
        ..Caller::new(principal, &place, arn, "AROA:s")
    }
}

fn says(statement: &Value, action: &str, resource: &str) -> Decision {
    let context: BTreeMap<String, String> = [
        ("kms:ViaService", "s3"),
        ("kms:Odd", "a*"),
        ("aws:CurrentTime", "2026-01-02T00:00:00Z"),
        ("aws:EpochTime", "1767312000"),
        ("aws:SourceVpcIp", "2001:db8::7"),
        ("kms:Days", "7"),
        ("kms:Words", "many"),
        ("kms:Bytes", "AAEC"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let policy = Document::from(json!({ "Version": "2012-10-17", "Statement": [statement] }));
    let caller = caller();
    let question = Question::new(&caller, action, resource, &context)
        .with("kms:EncryptionContextKeys", vec!["a".to_owned(), "b".to_owned()]);
    identity(&policy, &question)
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
            let expected = if expected == Decision::Silent { expected } else { said };
            let got = says(&statement, "kms:Decrypt", "arn:aws:kms:us-east-1:1:key/k");
            assert_eq!(got, expected, "{statement}");
        }
    }
}

#[test]
fn conditions_hold_as_in_iam() {
    const KEYS: &str = "kms:EncryptionContextKeys";
    const ROLES: &str = "arn:aws:iam::111122223333:role/*";
    const OWN_ROLES: &str = "arn:aws:iam::${aws:PrincipalAccount}:role/*";
    let (via, absent, arn) = ("kms:ViaService", "kms:Absent", "aws:PrincipalArn");
    let (now, ip, account) = ("aws:CurrentTime", "aws:SourceIp", "aws:PrincipalAccount");
    for (operator, key, value, holds) in [
        ("StringEquals", via, json!("s3"), true),
        ("StringEquals", "KMS:viaservice", json!(["ec2", "s3"]), true),
        ("StringEquals", via, json!("S3"), false),
        ("StringEquals", via, json!("s*"), false),
        ("StringEquals", via, json!([]), false),
        ("StringNotEquals", via, json!("s3"), false),
        ("StringNotEquals", via, json!(["ec2", "sqs"]), true),
        ("StringNotEquals", via, json!(["ec2", "s3"]), false),
        ("StringNotEquals", via, json!([]), true),
        ("StringEqualsIgnoreCase", via, json!("S3"), true),
        ("StringNotEqualsIgnoreCase", via, json!("S3"), false),
        ("StringLike", via, json!("s*"), true),
        ("StringLike", via, json!("S*"), false),
        ("StringNotLike", via, json!("s*"), false),
        // A key that is not there.
        ("StringEquals", absent, json!("s3"), false),
        ("StringNotEquals", absent, json!("s3"), true),
        ("StringNotLike", absent, json!("*"), true),
        ("ArnLike", absent, json!(ROLES), false),
        ("ArnNotLike", absent, json!(ROLES), true),
        ("NumericNotEquals", absent, json!(1), true),
        ("NumericLessThan", absent, json!(1), false),
        ("DateNotEquals", absent, json!("2026-01-02T00:00:00Z"), true),
        ("IpAddress", absent, json!("0.0.0.0/0"), false),
        ("NotIpAddress", absent, json!("0.0.0.0/0"), true),
        ("Bool", absent, json!("false"), false),
        ("StringEqualsIfExists", absent, json!("s3"), true),
        ("StringEqualsIfExists", via, json!("ec2"), false),
        ("BoolIfExists", absent, json!("true"), true),
        ("NumericLessThanIfExists", absent, json!(1), true),
        ("Null", absent, json!("true"), true),
        ("Null", absent, json!(false), false),
        ("Null", via, json!("true"), false),
        ("Null", via, json!("false"), true),
        ("Null", via, json!(["true", "false"]), true),
        // Values of other kinds.
        ("Bool", "aws:SecureTransport", json!("false"), true),
        ("Bool", "aws:SecureTransport", json!("False"), true),
        ("Bool", "aws:SecureTransport", json!(true), false),
        ("BinaryEquals", "kms:Bytes", json!("AAEC"), true),
        ("BinaryEquals", "kms:Bytes", json!("AAED"), false),
        ("BinaryEquals", "kms:Bytes", json!("no base64!"), false),
        ("NumericEquals", "kms:Days", json!("7.0"), true),
        ("NumericNotEquals", "kms:Days", json!(7), false),
        ("NumericLessThan", "kms:Days", json!(8), true),
        ("NumericLessThan", "kms:Days", json!(7), false),
        ("NumericLessThanEquals", "kms:Days", json!(7), true),
        ("NumericGreaterThan", "kms:Days", json!(6), true),
        ("NumericGreaterThan", "kms:Days", json!("10"), false),
        ("NumericGreaterThanEquals", "kms:Days", json!("7"), true),
        ("NumericLessThan", "kms:Words", json!(7), false),
        ("NumericNotEquals", "kms:Words", json!(7), true),
        ("DateEquals", now, json!("2026-01-02"), true),
        ("DateEquals", now, json!("2026-01-02T00:00Z"), true),
        ("DateEquals", now, json!("2026-01-02T01:00:00+01:00"), true),
        ("DateEquals", "aws:EpochTime", json!("2026-01-02T00:00:00Z"), true),
        ("DateNotEquals", now, json!("2026-01-02"), false),
        ("DateLessThan", now, json!("2026-01-03T00:00:00Z"), true),
        ("DateLessThanEquals", now, json!("2026-01-02T00:00:00Z"), true),
        ("DateGreaterThan", now, json!("1893456000"), false),
        ("DateGreaterThanEquals", now, json!("1767312000"), true),
        ("IpAddress", ip, json!("127.0.0.0/8"), true),
        ("IpAddress", ip, json!("126.0.0.0/7"), true),
        ("IpAddress", ip, json!("128.0.0.0/8"), false),
        ("IpAddress", ip, json!("0.0.0.0/0"), true),
        ("IpAddress", ip, json!("::/0"), false),
        ("NotIpAddress", ip, json!("127.0.0.1"), false),
        ("NotIpAddress", ip, json!(["10.0.0.0/8", "192.168.0.0/16"]), true),
        ("IpAddress", "aws:SourceVpcIp", json!("2001:db8::/32"), true),
        ("IpAddress", "aws:SourceVpcIp", json!("2001:0DB8:0::7"), true),
        ("IpAddress", "aws:SourceVpcIp", json!("2001:db9::/32"), false),
        ("NotIpAddress", "aws:SourceVpcIp", json!("2001:db8::/126"), true),
        ("ArnLike", arn, json!(ROLES), true),
        ("ArnEquals", arn, json!(ROLES), true),
        ("ArnLike", arn, json!("arn:aws:iam::*:role/example-role"), true),
        ("ArnLike", arn, json!("arn:aws:*"), false),
        ("ArnLike", arn, json!("arn:aws:iam:*:role/example-role"), false),
        ("ArnNotLike", arn, json!("arn:aws:iam:*:role/example-role"), true),
        ("ArnNotEquals", arn, json!(ROLES), false),
        ("StringLike", arn, json!("arn:aws:*"), true),
        // Keys of several values.
        ("ForAllValues:StringEquals", KEYS, json!(["a", "b", "c"]), true),
        ("ForAllValues:StringEquals", KEYS, json!(["a"]), false),
        ("ForAllValues:StringEquals", absent, json!(["a"]), true),
        ("ForAllValues:StringNotEquals", KEYS, json!(["c"]), true),
        ("ForAllValues:StringNotEquals", KEYS, json!(["a"]), false),
        ("ForAllValues:StringNotEquals", absent, json!(["a"]), true),
        ("ForAllValues:StringLike", KEYS, json!("?"), true),
        ("ForAnyValue:StringEquals", KEYS, json!(["b"]), true),
        ("ForAnyValue:StringEquals", KEYS, json!(["z"]), false),
        ("ForAnyValue:StringEquals", absent, json!(["a"]), false),
        ("ForAnyValue:StringNotEquals", KEYS, json!(["a"]), true),
        ("ForAnyValue:StringNotEquals", KEYS, json!(["a", "b"]), false),
        ("ForAnyValue:StringNotEquals", absent, json!(["a"]), false),
        ("ForAnyValue:StringEqualsIfExists", absent, json!(["a"]), false),
        ("ForAnyValue:Null", KEYS, json!("false"), true),
        ("StringEquals", KEYS, json!("b"), true),
        ("StringNotEquals", KEYS, json!("b"), false),
        // Variables, for text and ARNs alone.
        ("StringEquals", account, json!("${aws:PrincipalAccount}"), true),
        ("StringEquals", via, json!("${kms:Absent}"), false),
        ("StringNotEquals", via, json!("${kms:Absent}"), true),
        ("StringEquals", absent, json!("${kms:Absent}"), false),
        ("StringEquals", via, json!("${kms:Absent, 's3'}"), true),
        ("StringEquals", via, json!("${kms:EncryptionContextKeys, 's3'}"), true),
        ("StringLike", via, json!("${kms:ViaService}"), true),
        ("StringLike", via, json!("${kms:Odd}"), false),
        ("StringLike", "kms:Odd", json!("?${*}"), true),
        ("StringEquals", "kms:Odd", json!("a${*}"), true),
        ("StringEqualsIgnoreCase", "kms:Odd", json!("A${*}"), true),
        ("ArnLike", arn, json!(OWN_ROLES), true),
        ("NumericEquals", "kms:Days", json!("${kms:Days}"), false),
        ("Bool", "aws:SecureTransport", json!("${aws:SecureTransport}"), false),
    ] {
        let statement =
            json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": {operator: {key: value}}});
        let expected = if holds { Decision::Allowed } else { Decision::Silent };
        assert_eq!(says(&statement, "kms:Decrypt", "k"), expected, "{statement}");
    }
}

#[test]
fn policies_of_the_older_version_have_no_variables() {
    let user = user();
    for (version, resource, expected) in [
        (Some("2012-10-17"), "arn:aws:s3:::b/ann/x", Decision::Allowed),
        (Some("2008-10-17"), "arn:aws:s3:::b/ann/x", Decision::Silent),
        (None, "arn:aws:s3:::b/ann/x", Decision::Silent),
        (None, "arn:aws:s3:::b/${aws:username}/x", Decision::Allowed),
    ] {
        let mut policy = json!({"Statement": {
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${aws:username}/*"
        }});
        if let Some(version) = version {
            policy["Version"] = json!(version);
        }
        let nothing = BTreeMap::new();
        let question = Question::new(&user, "s3:GetObject", resource, &nothing);
        let said = identity(&Document::from(policy), &question);
        assert_eq!(said, expected, "{version:?} {resource}");
    }
}

pub(super) fn user() -> Caller {
    let (ann, place) = (Principal::User("ann".to_owned()), Place::new(ACCOUNT, REGION));
    Caller::new(ann, &place, "arn:aws:iam::111122223333:user/ann", "AIDAANN")
}

#[test]
fn facts_are_gathered_only_for_a_condition() {
    let (caller, nothing) = (caller(), BTreeMap::new());
    let question = Question::new(&caller, "kms:Decrypt", "*", &nothing);
    let asked = |condition: Value| {
        let statement = json!({ "Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": condition });
        let policy = Document::from(json!({ "Version": "2012-10-17", "Statement": statement }));
        assert_eq!(identity(&policy, &question), Decision::Allowed);
        question.context.get().is_some()
    };
    assert!(!asked(json!({})));
    assert!(asked(json!({ "StringEquals": { "aws:UserId": "AROA:s" } })));
}
