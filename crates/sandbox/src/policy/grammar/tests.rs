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

#[test]
fn no_object_of_a_policy_names_a_member_twice_however_deep_it_lies() {
    let condition = |second: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"*",
            "Condition":{{"StringEquals":{{"aws:a":"x","{second}":"y"}}}}}}}}"#
        );
        Document::checked(&text, Kind::Resource).map(drop)
    };
    assert_eq!(condition("aws:b"), Ok(()));
    assert_eq!(condition("aws:a"), Err(Malformed::SYNTAX));
    assert_eq!(condition("aws:\\u0061"), Err(Malformed::SYNTAX), "as it is read");
}
