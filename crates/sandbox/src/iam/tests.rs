#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::*;
use crate::Options;
use crate::identity::{ACCOUNT, Caller, REGION};
use crate::sts;
use crate::world::World;

mod limits;
mod simulate;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;
const READ_KEYS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:List*","Resource":"*"}]}"#;

struct Account {
    world: World,
    owner: Caller,
}

impl Account {
    fn new() -> Self {
        let world = World::open(Options::default(), "http://127.0.0.1:1").unwrap();
        let (id, _) = world.iam(ACCOUNT).own_access_key();
        let owner = world.iam(ACCOUNT).caller(&id, None, REGION).unwrap();
        Self { world, owner }
    }

    fn form(pairs: &[(&str, &str)]) -> Form {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let text: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        Form::parse(text.join("&").as_bytes())
    }

    fn ask_as(&self, caller: &Caller, operation: &str, pairs: &[(&str, &str)]) -> Result<String, String> {
        call(&self.world, caller, operation, &Self::form(pairs)).map_err(|error| error.code)
    }

    fn ask(&self, operation: &str, pairs: &[(&str, &str)]) -> Result<String, String> {
        self.ask_as(&self.owner, operation, pairs)
    }

    fn assume(&self, caller: &Caller, pairs: &[(&str, &str)]) -> Result<String, String> {
        sts::call(&self.world, caller, "AssumeRole", &Self::form(pairs)).map_err(|error| error.code)
    }

    /// A user of its own, and as a caller.
    fn user(&self, name: &str) -> Caller {
        self.ask("CreateUser", &[("UserName", name)]).unwrap();
        let key = self.ask("CreateAccessKey", &[("UserName", name)]).unwrap();
        let id = between(&key, "<AccessKeyId>", "</AccessKeyId>");
        self.world.iam(ACCOUNT).caller(&id, None, REGION).unwrap()
    }
}

fn between(text: &str, start: &str, end: &str) -> String {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0.to_owned()
}

#[test]
fn a_user_may_do_what_its_policies_say_and_nothing_else() {
    let account = Account::new();
    let reader = account.user("reader");
    let may = |action: &str| {
        account
            .world
            .authorize(&reader, action, "*", &BTreeMap::new())
            .map_err(|error| error.message)
    };
    assert!(may("kms:ListKeys").is_err());
    let put = [
        ("UserName", "reader"),
        ("PolicyName", "keys"),
        ("PolicyDocument", READ_KEYS),
    ];
    account.ask("PutUserPolicy", &put).unwrap();
    assert!(may("kms:ListKeys").is_ok());
    let refused = may("s3:ListAllMyBuckets").unwrap_err();
    assert_eq!(
        refused,
        "User: arn:aws:iam::111122223333:user/reader is not authorized to perform: s3:ListAllMyBuckets on resource: * because no identity-based policy allows the s3:ListAllMyBuckets action"
    );
    let attach = [
        ("UserName", "reader"),
        ("PolicyArn", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"),
    ];
    account.ask("AttachUserPolicy", &attach).unwrap();
    assert!(may("s3:ListAllMyBuckets").is_ok());
    assert!(may("s3:PutObject").is_err());
    assert_eq!(account.ask_as(&reader, "ListUsers", &[]).unwrap_err(), "AccessDenied");
}

#[test]
fn an_inactive_access_key_is_nobodys() {
    let account = Account::new();
    account.user("u");
    let listed = account.ask("ListAccessKeys", &[("UserName", "u")]).unwrap();
    let id = between(&listed, "<AccessKeyId>", "</AccessKeyId>");
    let switch = |status| {
        account
            .ask(
                "UpdateAccessKey",
                &[("UserName", "u"), ("AccessKeyId", &id), ("Status", status)],
            )
            .unwrap()
    };
    switch("Inactive");
    assert!(account.world.iam(ACCOUNT).credential(&id, REGION).is_none());
    switch("Active");
    assert!(account.world.iam(ACCOUNT).credential(&id, REGION).is_some());
    account.ask("CreateAccessKey", &[("UserName", "u")]).unwrap();
    assert_eq!(
        account.ask("CreateAccessKey", &[("UserName", "u")]).unwrap_err(),
        "LimitExceeded"
    );
}

#[test]
fn what_still_holds_something_is_not_deleted() {
    let account = Account::new();
    let role = ("RoleName", "r");
    account
        .ask("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)])
        .unwrap();
    let policy = ("PolicyArn", "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess");
    account.ask("AttachRolePolicy", &[role, policy]).unwrap();
    assert_eq!(account.ask("DeleteRole", &[role]).unwrap_err(), "DeleteConflict");
    account.ask("DetachRolePolicy", &[role, policy]).unwrap();
    assert_eq!(
        account.ask("DetachRolePolicy", &[role, policy]).unwrap_err(),
        "NoSuchEntity"
    );
    account.ask("DeleteRole", &[role]).unwrap();
    assert_eq!(account.ask("GetRole", &[role]).unwrap_err(), "NoSuchEntity");
    account.user("u");
    assert_eq!(
        account.ask("DeleteUser", &[("UserName", "u")]).unwrap_err(),
        "DeleteConflict"
    );
}

#[test]
fn customer_policies_are_made_attached_read_and_removed() {
    let account = Account::new();
    account.user("u");
    let made = account
        .ask("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", READ_KEYS)])
        .unwrap();
    let arn = between(&made, "<Arn>", "</Arn>");
    let policy = ("PolicyArn", arn.as_str());
    assert_eq!(
        account
            .ask("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", READ_KEYS)])
            .unwrap_err(),
        "EntityAlreadyExists"
    );
    account.ask("AttachUserPolicy", &[("UserName", "u"), policy]).unwrap();
    let version = account.ask("GetPolicyVersion", &[policy, ("VersionId", "v1")]).unwrap();
    assert!(version.contains("kms%3AList"), "{version}");
    assert_eq!(account.ask("DeletePolicy", &[policy]).unwrap_err(), "DeleteConflict");
    account.ask("DetachUserPolicy", &[("UserName", "u"), policy]).unwrap();
    account.ask("DeletePolicy", &[policy]).unwrap();
    let all = account
        .ask("ListPolicies", &[("Scope", "AWS"), ("MaxItems", "3")])
        .unwrap();
    assert!(all.contains("<IsTruncated>true</IsTruncated>"));
    assert_eq!(
        account
            .ask(
                "CreatePolicy",
                &[
                    ("PolicyName", "q"),
                    ("PolicyDocument", r#"{"Statement":[{"Effect":"Allow"}]}"#)
                ]
            )
            .unwrap_err(),
        "MalformedPolicyDocument"
    );
}

#[test]
fn a_role_is_assumed_by_whom_it_trusts_for_as_long_as_it_says() {
    let account = Account::new();
    let user = account.user("u");
    account
        .ask("CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)])
        .unwrap();
    let arn = ("RoleArn", "arn:aws:iam::111122223333:role/r");
    let name = ("RoleSessionName", "session");
    // The trust delegates to the account: the user's own policies must allow it too.
    assert_eq!(account.assume(&user, &[arn, name]).unwrap_err(), "AccessDenied");
    let session = account.assume(&account.owner, &[arn, name]).unwrap();
    assert!(session.contains("assumed-role/r/session"));
    for (pairs, error) in [
        (vec![arn, ("RoleSessionName", "a b")], "ValidationError"),
        (vec![arn, name, ("DurationSeconds", "899")], "ValidationError"),
        (vec![arn, name, ("DurationSeconds", "7200")], "ValidationError"),
        (
            vec![arn, name, ("SerialNumber", "arn:aws:iam::111122223333:mfa/u")],
            "ValidationError",
        ),
        (
            vec![("RoleArn", "arn:aws:iam::111122223333:role/other"), name],
            "AccessDenied",
        ),
    ] {
        assert_eq!(account.assume(&account.owner, &pairs).unwrap_err(), error, "{pairs:?}");
    }
    let longer = [("RoleName", "r"), ("MaxSessionDuration", "7200")];
    account.ask("UpdateRole", &longer).unwrap();
    account
        .assume(&account.owner, &[arn, name, ("DurationSeconds", "7200")])
        .unwrap();
    // One role through another lasts an hour, whatever the role says.
    let (id, token) = (
        between(&session, "<AccessKeyId>", "</AccessKeyId>"),
        between(&session, "<SessionToken>", "</SessionToken>"),
    );
    let through = account.world.iam(ACCOUNT).caller(&id, Some(&token), REGION).unwrap();
    let may = [
        ("RoleName", "r"),
        ("PolicyName", "assume"),
        ("PolicyDocument", &READ_KEYS.replace("kms:List*", "sts:*")),
    ];
    account.ask("PutRolePolicy", &may).unwrap();
    let form = Account::form(&[arn, name, ("DurationSeconds", "7200")]);
    let refused = sts::call(&account.world, &through, "AssumeRole", &form).unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    );
}

#[test]
fn a_trust_names_nobody_who_is_not_there() {
    let account = Account::new();
    account.user("u");
    let make = |name: &str, principal: &str| {
        let trust = TRUST.replace("arn:aws:iam::111122223333:root", principal);
        let answer = account.ask(
            "CreateRole",
            &[("RoleName", name), ("AssumeRolePolicyDocument", &trust)],
        );
        answer.map(|_| ())
    };
    for (index, (principal, is_known)) in [
        ("*", true),
        ("111122223333", true),
        ("999999999999", true),
        ("arn:aws:iam::999999999999:root", true),
        ("arn:aws:iam::999999999999:role/theirs", true),
        ("arn:aws:iam::111122223333:user/u", true),
        ("arn:aws:iam::111122223333:user/v", false),
        ("arn:aws:iam::111122223333:role/*", false),
        ("arn:aws:iam::1:root", false),
        ("somebody", false),
    ]
    .into_iter()
    .enumerate()
    {
        let made = make(&format!("r{index}"), principal);
        let expected = if is_known {
            Ok(())
        } else {
            Err("MalformedPolicyDocument".to_owned())
        };
        assert_eq!(made, expected, "{principal}");
    }
}

#[test]
fn a_simulation_says_what_the_policies_say() {
    let account = Account::new();
    account.user("u");
    let put = [("UserName", "u"), ("PolicyName", "keys"), ("PolicyDocument", READ_KEYS)];
    account.ask("PutUserPolicy", &put).unwrap();
    let said = account
        .ask(
            "SimulatePrincipalPolicy",
            &[
                ("PolicySourceArn", "arn:aws:iam::111122223333:user/u"),
                ("ActionNames.member.1", "kms:ListKeys"),
                ("ActionNames.member.2", "kms:Decrypt"),
            ],
        )
        .unwrap();
    assert!(said.contains("kms:ListKeys</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>allowed"));
    assert!(
        said.contains("kms:Decrypt</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>implicitDeny")
    );
}

#[test]
fn who_is_gone_is_named_by_an_id_that_a_namesake_does_not_get() {
    let account = Account::new();
    let role = ("RoleName", "r");
    let arn = "arn:aws:iam::111122223333:role/r";
    account
        .ask("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)])
        .unwrap();
    let kms = |operation: &str, body: serde_json::Value| {
        crate::kms::call(&account.world, &account.owner, operation, &body).unwrap()
    };
    let policy = json!({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:Encrypt", "Resource": "*"}
    ]});
    let key = kms("CreateKey", json!({"Policy": policy.to_string()}));
    let id = &key["KeyMetadata"]["KeyId"];
    kms(
        "CreateGrant",
        json!({"KeyId": id, "GranteePrincipal": arn, "Operations": ["Decrypt"]}),
    );
    account.ask("DeleteRole", &[role]).unwrap();
    account
        .ask("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)])
        .unwrap();
    let grants = kms("ListGrants", json!({"KeyId": id}));
    assert!(
        grants["Grants"][0]["GranteePrincipal"]
            .as_str()
            .unwrap()
            .starts_with("AROA")
    );
    let policy = kms("GetKeyPolicy", json!({"KeyId": id}));
    assert!(!policy["Policy"].as_str().unwrap().contains("role/r"));
    let namesake = account.world.iam(ACCOUNT).session("r", "s", REGION).unwrap();
    let asked = crate::kms::call(
        &account.world,
        &namesake,
        "Encrypt",
        &json!({"KeyId": id, "Plaintext": "aGVsbG8="}),
    );
    assert_eq!(asked.unwrap_err().code, "AccessDeniedException");
}
