use serde_json::json;

use super::*;
use crate::domain::UploadSettings;

const ANN: &str = "arn:aws:iam::111122223333:user/ann";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/Admin/ann";
const SSE: &str = "s3:x-amz-server-side-encryption";
const BY_SETTING: &str = "say so in [uploads.\"b\"] of the configuration, or by the options of encrypt";

/// A call of this caller's by https: a write with these settings, or a read.
fn refused<'a>(caller: &'a str, settings: Option<&'a UploadSettings>) -> RefusedCall<'a> {
    RefusedCall {
        action: settings.map_or("s3:GetObject", |_| "s3:PutObject"),
        object: "arn:aws:s3:::b/data/x.csv",
        caller: Some(caller).filter(|caller| !caller.is_empty()),
        is_https: Some(true),
        settings,
        has_options: true,
    }
}

fn of(caller: &str, settings: Option<&UploadSettings>, statements: &Value) -> Option<Objection> {
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    objection(&policy.to_string(), &refused(caller, settings))
}

/// A Deny of writes to everything for everybody, with what is different about it.
fn deny(own: &Value) -> Value {
    let mut statement =
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*"});
    for (key, value) in own.as_object().unwrap() {
        statement[key] = value.clone();
    }
    statement
}

fn under(condition: &Value) -> Value {
    deny(&json!({ "Condition": condition }))
}

#[test]
fn what_a_policy_denies_writes_without_is_what_it_wants() {
    let all = json!([
        under(&json!({"StringNotEquals": {SSE: "aws:kms"}})),
        under(&json!({"Null": {SSE: true}})),
        under(&json!({"StringNotEqualsIfExists": {"s3:x-amz-acl": ["bucket-owner-full-control"]}})),
        under(&json!({"Null": {"s3:RequestObjectTag/CostCenter": "true"}})),
    ]);
    let wanted = "the tag CostCenter, x-amz-acl: bucket-owner-full-control, x-amz-server-side-encryption: aws:kms";
    let words = format!("the bucket's policy refuses writes without {wanted}: {BY_SETTING}");
    assert_eq!(
        of(ANN, Some(&UploadSettings::default()), &all),
        Some(Objection::Certain(words))
    );
    let settings = UploadSettings {
        encryption: Some("aws:kms".to_owned()),
        acl: Some("bucket-owner-full-control".to_owned()),
        tags: [("costcenter".to_owned(), "7".to_owned())].into(),
        ..UploadSettings::default()
    };
    assert_eq!(of(ANN, Some(&settings), &all), None);
}

#[test]
fn what_a_policy_compares_with_the_callers_own_is_said_in_words() {
    for (value, words) in [
        ("${aws:PrincipalTag/team}", "the value of your own tag team"),
        (
            "${aws:PrincipalTag/team, 'none'}",
            "the value of your own tag team (none if there is none)",
        ),
        ("${aws:username}", "your own user name"),
        ("${aws:SourceVpc}", "${aws:SourceVpc}"),
        ("data-${aws:username}", "data-${aws:username}"),
    ] {
        assert_eq!(listed(&[value.to_owned()]), words);
    }
    let wants = under(&json!({"StringNotEquals": {"s3:RequestObjectTag/team": "${aws:PrincipalTag/team}"}}));
    let said = of(ANN, Some(&UploadSettings::default()), &json!([wants]));
    let Some(Objection::Certain(words) | Objection::Possible(words)) = said else {
        panic!("nothing")
    };
    assert!(
        words.contains("the tag team: the value of your own tag team"),
        "{words}"
    );
}

#[test]
fn a_statement_that_is_not_about_this_write_is_not_named() {
    let without = json!({"StringNotEquals": {SSE: "aws:kms"}});
    let and = |operator: &str, key: &str, value: &str| {
        let mut condition = without.clone();
        condition[operator][key] = json!(value);
        json!({ "Condition": condition })
    };
    let table = [
        json!({"Effect": "Allow"}),
        json!({"Action": "s3:GetObject"}),
        json!({"Action": ["s3:PutObjectAcl", "s3:Delete*"]}),
        json!({"Resource": "arn:aws:s3:::b/other/*"}),
        json!({"Resource": ["arn:aws:s3:::b", "arn:aws:s3:::c/*"]}),
        json!({"Principal": {"AWS": "arn:aws:iam::111122223333:user/bob"}}),
        json!({"Principal": {"AWS": ["999999999999", "arn:aws:iam::999999999999:root"]}}),
        json!({"Principal": {"AWS": "arn:aws:iam::111122223333:role/Other"}}),
        json!({"Principal": {"Service": "logging.s3.amazonaws.com"}}),
        and("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:*"),
        and(
            "ArnNotEquals",
            "aws:PrincipalArn",
            "arn:aws:iam::111122223333:role/team/Admin",
        ),
        and("StringNotEquals", "aws:PrincipalAccount", "111122223333"),
        and("Bool", "aws:SecureTransport", "false"),
        and("Bool", "aws:PrincipalIsAWSService", "true"),
        and("Null", SSE, "false"),
    ];
    for own in table {
        let mut statement = deny(&own);
        if statement.get("Condition").is_none() {
            statement["Condition"] = without.clone();
        }
        let said = of(SESSION, Some(&UploadSettings::default()), &json!([statement]));
        assert_eq!(said, None, "{statement}");
    }
    assert_eq!(objection("no JSON", &refused("", None)), None);
}

#[test]
fn whoever_is_meant_by_name_account_or_role_is_told_for_certain() {
    let without = json!({"StringNotEquals": {SSE: "aws:kms"}});
    for (caller, principal) in [
        (ANN, json!({"AWS": "*"})),
        (ANN, json!({"AWS": ANN})),
        (ANN, json!({"AWS": ["111122223333"]})),
        (SESSION, json!({"AWS": "arn:aws:iam::111122223333:root"})),
        (SESSION, json!({"AWS": "arn:aws:iam::111122223333:role/team/Admin"})),
        (SESSION, json!({"AWS": SESSION})),
        ("", json!("*")),
    ] {
        let statement = deny(&json!({"Principal": principal, "Action": "s3:Put*", "Condition": without}));
        let said = of(caller, Some(&UploadSettings::default()), &json!(statement));
        assert!(matches!(said, Some(Objection::Certain(_))), "{statement}: {said:?}");
    }
}

#[test]
fn what_cannot_be_seen_is_said_as_a_possibility() {
    let without = json!({"StringNotEquals": {SSE: "aws:kms"}});
    let mut both = without.clone();
    both["NotIpAddress"] = json!({"aws:SourceIp": "10.0.0.0/8"});
    let mut admins = without.clone();
    admins["ArnNotLike"] = json!({"aws:PrincipalArn": "arn:aws:iam::111122223333:role/team/*"});
    let refuses = "it may be that the bucket's policy refuses writes";
    let sse = "x-amz-server-side-encryption: aws:kms";
    let owner = "whoever owns the bucket can change that";
    let one = |condition: Value| json!([under(&condition)]);
    let table = [
        (
            json!([
                deny(&json!({"Resource": "arn:aws:s3:::b/other/*", "Condition": without})),
                under(&json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
            ]),
            format!("{refuses} unless aws:SourceIp is within 10.0.0.0/8: {owner}"),
        ),
        (
            one(both),
            format!("{refuses} without {sse}, or unless aws:SourceIp is within 10.0.0.0/8: {owner}, or {BY_SETTING}"),
        ),
        (
            one(admins),
            format!(
                "{refuses} without {sse}, or unless aws:PrincipalArn is like arn:aws:iam::111122223333:role/team/*: {owner}, or \
                 {BY_SETTING}"
            ),
        ),
        (
            json!([{"Effect": "Deny", "NotPrincipal": {"AWS": ANN}, "Action": "s3:*", "Resource": "*", "Condition": without}]),
            format!("{refuses} without {sse}: {BY_SETTING}"),
        ),
        (
            one(json!({"StringNotEquals": {"aws:SourceVpce": ["vpce-123", "vpce-456"]}})),
            format!("{refuses} unless they come from the VPC endpoint vpce-123 or vpce-456: {owner}"),
        ),
        (
            one(json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}})),
            format!("{refuses} unless aws:PrincipalOrgID is o-1: {owner}"),
        ),
        (
            one(json!({"StringNotEquals": {"aws:PrincipalTag/team": ["a", "b", "c", "d", "e", "f"]}})),
            format!("{refuses} unless aws:PrincipalTag/team is a or b or c or d or 2 more: {owner}"),
        ),
        (
            one(json!({"StringNotEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}})),
            format!("{refuses} unless s3:x-amz-content-sha256 is UNSIGNED-PAYLOAD: {owner}"),
        ),
        (
            one(json!({"NumericLessThan": {"s3:TlsVersion": 1.3}})),
            format!("{refuses} unless s3:TlsVersion is at least 1.3: {owner}"),
        ),
    ];
    for (statements, words) in table {
        let said = of(SESSION, Some(&UploadSettings::default()), &statements);
        assert_eq!(said, Some(Objection::Possible(words)), "{statements}");
    }
}

#[test]
fn what_has_no_setting_is_said_with_its_value_and_who_can_change_it() {
    let refuses = "the bucket's policy refuses writes";
    let owner = "whoever owns the bucket can change that";
    let table = [
        (
            under(&json!({"Null": {"s3:x-amz-grant-full-control": "true"}})),
            format!("{refuses} unless s3:x-amz-grant-full-control is given: {owner}"),
        ),
        (
            under(&json!({"StringNotEquals": {"s3:object-lock-mode": "COMPLIANCE"}})),
            format!("{refuses} unless s3:object-lock-mode is COMPLIANCE: {owner}"),
        ),
        (
            under(&json!({"ForAllValues:StringNotEquals": {"s3:RequestObjectTagKeys": ["team"]}})),
            format!("{refuses} unless s3:RequestObjectTagKeys is team: {owner}"),
        ),
        (
            under(&json!({"StringEquals": {"aws:PrincipalAccount": "111122223333"}})),
            format!("{refuses} unless aws:PrincipalAccount is not 111122223333: {owner}"),
        ),
        (
            deny(&json!({})),
            format!("the bucket's policy denies it, whatever the call carries: {owner}"),
        ),
    ];
    for (statement, words) in table {
        let said = of(SESSION, Some(&UploadSettings::default()), &json!([statement]));
        assert_eq!(said, Some(Objection::Certain(words)), "{statement}");
    }
}

#[test]
fn a_policy_that_wants_https_is_answered_by_an_endpoint() {
    let statement = under(&json!({"Bool": {"aws:SecureTransport": "false"}}));
    let policy = json!({ "Statement": statement }).to_string();
    let settings = UploadSettings::default();
    let by_https = refused(ANN, Some(&settings));
    let call = RefusedCall {
        is_https: Some(false),
        ..by_https
    };
    let words = "the bucket's policy refuses writes without a connection by https: use an https endpoint";
    assert_eq!(objection(&policy, &call), Some(Objection::Certain(words.to_owned())));
    assert_eq!(objection(&policy, &by_https), None);
}

#[test]
fn reads_carry_nothing_that_a_setting_could_give() {
    let statement = deny(&json!({"Action": "s3:*", "Condition": {"StringNotEquals": {SSE: "aws:kms"}}}));
    let words =
        format!("the bucket's policy refuses reads unless {SSE} is aws:kms: whoever owns the bucket can change that");
    assert_eq!(of(ANN, None, &json!([statement])), Some(Objection::Certain(words)));
}
