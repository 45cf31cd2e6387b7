//! The policy simulator, as AWS's answers.

use super::*;

const ONE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:Delete*","Resource":"arn:aws:s3:::b/*","Condition":{"StringNotEquals":{"aws:SourceVpce":"v"}}}]}"#;
const OBJECT: (&str, &str) = ("ResourceArns.member.1", "arn:aws:s3:::b/k");

fn custom(pairs: &[(&str, &str)]) -> String {
    Account::new()
        .ask(
            "SimulateCustomPolicy",
            &[&[("PolicyInputList.member.1", ONE)], pairs].concat(),
        )
        .unwrap()
}

fn decision(answer: &str) -> String {
    between(answer, "<EvalDecision>", "</EvalDecision>")
}

#[test]
fn a_simulation_of_a_principal_names_the_policies_that_decide() {
    let account = Account::new();
    account.done("CreateRole", &[ROLE, TRUSTED]);
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    account.done("AttachRolePolicy", &[ROLE, ("PolicyArn", admin)]);
    let put = [ROLE, ("PolicyName", "p"), ("PolicyDocument", ONE)];
    account.done("PutRolePolicy", &put);
    let ask = |more: &[(&str, &str)]| {
        let role = ("PolicySourceArn", "arn:aws:iam::111122223333:role/r");
        account.done("SimulatePrincipalPolicy", &[&[role], more].concat())
    };
    let allowed = ask(&[("ActionNames.member.1", "kms:Decrypt")]);
    assert_eq!(decision(&allowed), "allowed");
    assert!(allowed.contains("<SourcePolicyId>AdministratorAccess</SourcePolicyId><SourcePolicyType>IAM Policy<"));
    let has_rows = allowed.contains("ResourceSpecificResults");
    assert!(!has_rows, "without resources there are none");
    let denied = ask(&[("ActionNames.member.1", "s3:DeleteObject"), OBJECT]);
    assert_eq!(decision(&denied), "explicitDeny");
    assert!(denied.contains("<SourcePolicyId>role_r_p</SourcePolicyId>"), "{denied}");
    assert!(!denied.contains("AdministratorAccess"), "only the Deny counts");
    assert!(denied.contains("<MissingContextValues><member>aws:SourceVpce</member>"));
    let told = [
        ("ContextEntries.member.1.ContextKeyName", "aws:sourcevpce"),
        ("ContextEntries.member.1.ContextKeyType", "string"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", "v"),
    ];
    let told = ask(&[&[("ActionNames.member.1", "s3:DeleteObject"), OBJECT], &told[..]].concat());
    assert_eq!(decision(&told), "allowed");
    assert!(told.contains("<MissingContextValues></MissingContextValues>"));
    let boundary = [
        ("ActionNames.member.1", "kms:Decrypt"),
        ("PermissionsBoundaryPolicyInputList.member.1", ONE),
    ];
    let boundary = ask(&boundary);
    assert_eq!(decision(&boundary), "implicitDeny");
    assert!(boundary.contains("<AllowedByPermissionsBoundary>false<"));
    assert!(boundary.contains("<MatchedStatements></MatchedStatements>"));
}

#[test]
fn several_resources_are_decided_each_and_together_by_the_strictest() {
    let answer = custom(&[
        ("ActionNames.member.1", "s3:DeleteObject"),
        OBJECT,
        ("ResourceArns.member.2", "arn:aws:s3:::c/k"),
    ]);
    assert_eq!(decision(&answer), "explicitDeny");
    assert!(answer.contains("<EvalResourceName>arn:aws:s3:::${BucketName}/${KeyName}</EvalResourceName>"));
    assert!(answer.contains("arn:aws:s3:::b/k</EvalResourceName><EvalResourceDecision>explicitDeny<"));
    assert!(answer.contains("arn:aws:s3:::c/k</EvalResourceName><EvalResourceDecision>allowed<"));
    let second = "<SourcePolicyId>PolicyInputList.1</SourcePolicyId><SourcePolicyType>IAM Policy</SourcePolicyType><StartPosition><Line>1</Line><Column>87</Column>";
    assert!(answer.contains(second), "{answer}");
}

#[test]
fn a_resource_policy_allows_in_its_account_and_must_from_another() {
    let policy = |effect: &str| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": "sqs:*", "Resource": "*",
            "Principal": {"AWS": "arn:aws:iam::111122223333:user/strongroom"}}})
        .to_string()
    };
    let (allow, deny) = (policy("Allow"), policy("Deny"));
    let me = ("CallerArn", "arn:aws:iam::111122223333:user/strongroom");
    let send = ("ActionNames.member.1", "sqs:SendMessage");
    let queue = ("ResourceArns.member.1", "arn:aws:sqs:us-east-1:444455556666:q");
    let there = ("ResourceOwner", "arn:aws:iam::444455556666:root");
    let get = ("ActionNames.member.1", "s3:GetObject");
    for (pairs, expected) in [
        (vec![me, send, ("ResourcePolicy", allow.as_str())], "allowed"),
        (vec![me, send, ("ResourcePolicy", deny.as_str())], "explicitDeny"),
        (vec![send, ("ResourcePolicy", allow.as_str())], "implicitDeny"),
        (
            vec![me, send, queue, there, ("ResourcePolicy", allow.as_str())],
            "implicitDeny",
        ),
        (vec![me, get, there, ("ResourcePolicy", allow.as_str())], "implicitDeny"),
    ] {
        assert_eq!(decision(&custom(&pairs)), expected, "{pairs:?}");
    }
    let across = custom(&[me, send, queue, there, ("ResourcePolicy", &allow)]);
    assert!(across.contains("<entry><key>Resource Policy</key><value>allowed</value></entry>"));
    let wrong = Account::new().ask("SimulateCustomPolicy", &[("PolicyInputList.member.1", "{"), send]);
    assert_eq!(wrong.unwrap_err(), "InvalidInput");
}
