use serde_json::json;

use super::*;

fn asked(service: &str, operation: &str, body: Value) -> Result<(), (String, String)> {
    check(service, operation, &body).map_err(|error| (error.code, error.message))
}

fn form(service: &str, operation: &str, body: &str) -> Result<(), (String, String)> {
    let heeded = heeded(service, operation, &Form::parse(body.as_bytes()));
    heeded.map(drop).map_err(|error| (error.code, error.message))
}

fn refused<T>(code: &str, message: &str) -> Result<T, (String, String)> {
    Err((code.to_owned(), message.to_owned()))
}

#[test]
fn every_line_of_the_table_is_an_operation_with_members_that_can_be_read() {
    for line in include_str!("../members.txt").lines() {
        let (head, members) = line.split_once(' ').unwrap_or((line, ""));
        let (service, operation) = head.split_once('.').unwrap();
        assert!(taken(service, operation).is_some(), "{line}");
        let names = members.split_whitespace().map(|member| {
            let name = member.split('=').next().unwrap();
            name.trim_end_matches(['#', '@', '?', '{', '}', '[', ']'])
        });
        for name in names {
            let is_name = |part: &str| part.trim_end_matches("[]").chars().all(char::is_alphanumeric);
            assert!(!name.is_empty() && name.split('.').all(is_name), "{line}: {name}");
        }
    }
}

#[test]
fn what_nobody_heeds_is_refused_by_its_path_unless_it_asks_for_nothing() {
    let strange = |body| asked("sagemaker", "CreateTrainingJob", body);
    assert_eq!(
        strange(json!({ "InputDataConfig": [{ "ShuffleConfig": { "Seed": 1 } }] })),
        refused(
            "ValidationException",
            "The sandbox does not implement InputDataConfig.ShuffleConfig of CreateTrainingJob."
        )
    );
    assert_eq!(
        strange(
            json!({ "RemoteDebugConfig": { "EnableRemoteDebug": false }, "MlflowConfig": null, "DebugRuleConfigurations": [] })
        ),
        Ok(())
    );
    assert_eq!(
        asked("kms", "CreateKey", json!({ "XksKeyId": "x" })),
        refused(
            "UnsupportedOperationException",
            "The sandbox does not implement XksKeyId of CreateKey."
        )
    );
    assert_eq!(
        form("iam", "ListRoles", "Action=ListRoles&Version=1&Other.member.1.Key=x"),
        refused(
            "ValidationError",
            "The sandbox does not implement Other[].Key of ListRoles."
        )
    );
    let elsewhere = asked("kms", "Sign", json!({ "Anything": 1 }));
    assert_eq!(elsewhere, Ok(()), "refused elsewhere");
}

#[test]
fn a_member_of_another_type_is_no_member_left_out() {
    for (body, message) in [
        (
            json!({ "Limit": "5" }),
            "STRING_VALUE can not be converted to an Integer",
        ),
        (
            json!({ "Limit": 1.5 }),
            "NUMBER_VALUE can not be converted to an Integer",
        ),
        (json!({ "Marker": true }), "TRUE_VALUE can not be converted to a String"),
        (json!({ "Marker": ["x"] }), "Start of list found where not expected."),
    ] {
        let expected = refused("SerializationException", message);
        assert_eq!(asked("kms", "ListKeys", body), expected);
    }
    let encrypt = |context| asked("kms", "Encrypt", json!({ "EncryptionContext": context }));
    assert_eq!(encrypt(json!({ "a": "b" })), Ok(()));
    for context in [json!({ "a": null }), json!({ "a": 1 }), json!("a"), json!([])] {
        assert_eq!(encrypt(context).unwrap_err().0, "SerializationException");
    }
    assert_eq!(
        asked(
            "kms",
            "TagResource",
            json!({ "Tags": [{ "TagKey": "a" }, { "TagKey": 1 }] })
        )
        .unwrap_err()
        .0,
        "SerializationException"
    );
    let expected = refused("MalformedInput", "STRING_VALUE can not be converted to an Integer");
    assert_eq!(form("iam", "ListRoles", "MaxItems=many"), expected);
}

#[test]
fn a_text_is_one_of_those_that_are_served() {
    let create = |mutability| asked("ecr", "CreateRepository", json!({ "imageTagMutability": mutability }));
    assert_eq!(create("IMMUTABLE"), Ok(()));
    assert_eq!(
        create("IMMUTABLE_WITH_EXCLUSION").unwrap_err().1,
        "The sandbox does not implement imageTagMutability IMMUTABLE_WITH_EXCLUSION of CreateRepository."
    );
    assert_eq!(
        form("iam", "UpdateAccessKey", "Status=Gone"),
        refused(
            "ValidationError",
            "1 validation error detected: Value 'Gone' at 'status' failed to satisfy constraint: Member must satisfy enum \
             value set: [Active, Inactive, Expired]"
        )
    );
}

#[test]
fn lists_of_forms_are_numbered_or_empty() {
    let tag = |body| form("iam", "TagRole", body);
    assert_eq!(tag("RoleName=r&Tags.member.1.Key=k&Tags.member.1.Value=v"), Ok(()));
    assert_eq!(tag("RoleName=r&Tags="), Ok(()));
    assert!(tag("RoleName=r&Tags.member.x.Key=k").is_err());
    assert!(tag("RoleName=r&Tags=x").is_err());
}

#[test]
fn what_a_form_says_beyond_its_members_is_not_heard() {
    let form = Form::parse(b"Action=PutUserPolicy&UserName=u&RoleName=&PermissionsBoundary=false&PolicyName=");
    let heeded = heeded("iam", "PutUserPolicy", &form).unwrap().unwrap();
    let heeded: Vec<_> = heeded.iter().collect();
    assert_eq!(heeded, [("PolicyName", ""), ("UserName", "u")]);
    assert!(super::heeded("iam", "PolicyPutUser", &form).unwrap().is_none());
}
