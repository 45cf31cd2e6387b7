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
    const QUALIFIED: &str = "Resource vendor must be fully qualified and cannot contain regexes.";
    const COLONS: &str = "Actions/Condition can contain only one colon.";
    const NOBODY: &str = "Policy document should not specify a principal.";
    const OLD: &str = "Policy document must be version 2012-10-17 or greater.";
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    for (policy, expected) in [
        (json!("text"), SYNTAX),
        (json!([]), SYNTAX),
        (json!({"Version": "2012-10-17"}), SYNTAX),
        (json!({"Version": "2012-10-17", "Statement": []}), SYNTAX),
        (json!({"Version": "2012-10-17", "Statement": ["x"]}), SYNTAX),
        (json!({"Version": "2020-01-01", "Statement": all}), SYNTAX),
        (json!({"Version": "2008-10-17", "Statement": all}), OLD),
        (json!({"Statement": all}), OLD),
    ] {
        assert_eq!(said(&policy, Kind::Managed), expected, "{policy}");
    }
    for (members, expected) in [
        (json!({}), ""),
        (json!({"More": 1}), SYNTAX),
        (json!({"Sid": 1}), SYNTAX),
        (json!({"Effect": "Maybe"}), SYNTAX),
        (json!({"Effect": null}), SYNTAX),
        (json!({"Effect": "allow"}), LEGACY),
        (json!({"NotAction": "s3:Put*"}), SYNTAX),
        (json!({"NotResource": []}), SYNTAX),
        (json!({"Action": {}}), SYNTAX),
        (json!({"Action": [[]]}), SYNTAX),
        (json!({"Action": null}), ACTIONS),
        (json!({"Action": []}), ACTIONS),
        (json!({"Action": "get"}), VENDOR),
        (json!({"Action": ""}), VENDOR),
        (json!({"Action": "a a:Get"}), "Vendor a a is not valid"),
        (json!({"Action": "s3:Get:Object"}), COLONS),
        (json!({"Action": "*"}), ""),
        (json!({"Action": "not-there.yet:Get"}), ""),
        (json!({"Resource": null}), RESOURCES),
        (json!({"Resource": []}), RESOURCES),
        (json!({"Resource": ["*", null]}), ""),
        (
            json!({"Resource": "bucket"}),
            "Resource bucket must be in ARN format or \"*\".",
        ),
        (json!({"Resource": "arn:aws"}), QUALIFIED),
        (json!({"Resource": "arn:aws:s*:::b"}), QUALIFIED),
        (json!({"Resource": "arn:aws:s3::b"}), LEGACY),
        (json!({"Resource": "arn:aws:sqs"}), ""),
        (
            json!({"Resource": "aws:s3:::b"}),
            "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\".",
        ),
        (
            json!({"Resource": "arn:aws:s3:us-east-1::b"}),
            "Resource arn:aws:s3:us-east-1::b can not contain region information.",
        ),
        (
            json!({"Resource": "arn:aws:iam:us-east-1::user/u"}),
            "IAM resource arn:aws:iam:us-east-1::user/u cannot contain region information.",
        ),
        (
            json!({"Resource": "arn:aws:iam:::u"}),
            "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.",
        ),
        (json!({"Principal": "*"}), NOBODY),
        (json!({"Condition": []}), SYNTAX),
        (json!({"Condition": {"StringEquals": []}}), SYNTAX),
        (json!({"Condition": {"StringSeems": {"a:b": "c"}}}), SYNTAX),
        (json!({"Condition": {"Every:StringEquals": {"a:b": "c"}}}), SYNTAX),
        (json!({"Condition": {"x": {}}}), ""),
        (
            json!({"Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}}),
            LEGACY,
        ),
        (
            json!({"Condition": {"DateLessThan": {"aws:CurrentTime": ["2027-01-01", 1]}}}),
            "",
        ),
        (
            json!({"Condition": {"ForAnyValue:BoolIfExists": {"aws:SecureTransport": true}}}),
            "",
        ),
    ] {
        assert_eq!(said(&with(&members), Kind::Managed), expected, "{members}");
    }
    let twice = json!({"Sid": "One", "Effect": "Allow", "Action": "*", "Resource": "*"});
    let twice = json!({"Version": "2012-10-17", "Statement": [twice, twice]});
    let unique = "Statement IDs (SID) in a single policy must be unique.";
    assert_eq!(said(&twice, Kind::Inline), unique);
    let old = said(&json!({"Statement": all}), Kind::Inline);
    assert_eq!(old, "", "inline policies may be of the older version");
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
    let told = "AssumeRole policy may only specify STS AssumeRole actions.";
    assert_eq!(trust(json!({"Action": "s3:GetObject"})), told);
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
