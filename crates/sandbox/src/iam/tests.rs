use super::*;
use crate::Options;
use crate::identity::{ACCOUNT, REGION};
use crate::sts;

mod limits;
mod simulate;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;
const READ_KEYS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:List*","Resource":"*"}]}"#;

const TRUSTED: (&str, &str) = ("AssumeRolePolicyDocument", TRUST);
const USER: (&str, &str) = ("UserName", "u");
const ROLE: (&str, &str) = ("RoleName", "r");

struct Account {
    world: World,
    owner: Caller,
}

impl Account {
    fn new() -> Self {
        let world = World::scratch(Options::default());
        let owner = world.owner();
        Self { world, owner }
    }

    fn form(pairs: &[(&str, &str)]) -> Form {
        let mut text = form_urlencoded::Serializer::new(String::new());
        Form::parse(text.extend_pairs(pairs).finish().as_bytes())
    }

    fn ask_as(&self, caller: &Caller, operation: &str, pairs: &[(&str, &str)]) -> Result<String, String> {
        call(&self.world, caller, operation, &Self::form(pairs)).map_err(|error| error.code)
    }

    fn ask(&self, operation: &str, pairs: &[(&str, &str)]) -> Result<String, String> {
        self.ask_as(&self.owner, operation, pairs)
    }

    fn done(&self, operation: &str, pairs: &[(&str, &str)]) -> String {
        self.ask(operation, pairs).unwrap()
    }

    fn refusal(&self, operation: &str, pairs: &[(&str, &str)]) -> String {
        self.ask(operation, pairs).unwrap_err()
    }

    fn assume(&self, caller: &Caller, pairs: &[(&str, &str)]) -> Result<String, String> {
        sts::call(&self.world, caller, "AssumeRole", &Self::form(pairs)).map_err(|error| error.code)
    }

    /// A user of its own, and as a caller.
    fn user(&self, name: &str) -> Caller {
        self.done("CreateUser", &[("UserName", name)]);
        let key = self.done("CreateAccessKey", &[("UserName", name)]);
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
        let asked = account.world.authorize(&reader, action, "*", &BTreeMap::new());
        asked.map_err(|error| error.message)
    };
    assert!(may("kms:ListKeys").is_err());
    let put = [
        ("UserName", "reader"),
        ("PolicyName", "keys"),
        ("PolicyDocument", READ_KEYS),
    ];
    account.done("PutUserPolicy", &put);
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
    account.done("AttachUserPolicy", &attach);
    assert!(may("s3:ListAllMyBuckets").is_ok());
    assert!(may("s3:PutObject").is_err());
    assert_eq!(account.ask_as(&reader, "ListUsers", &[]).unwrap_err(), "AccessDenied");
}

#[test]
fn an_inactive_access_key_is_nobodys() {
    let account = Account::new();
    account.user("u");
    let listed = account.done("ListAccessKeys", &[USER]);
    let id = between(&listed, "<AccessKeyId>", "</AccessKeyId>");
    let switch = |status| account.done("UpdateAccessKey", &[USER, ("AccessKeyId", &id), ("Status", status)]);
    switch("Inactive");
    assert!(account.world.iam(ACCOUNT).credential(&id, REGION).is_none());
    switch("Active");
    assert!(account.world.iam(ACCOUNT).credential(&id, REGION).is_some());
    account.done("CreateAccessKey", &[USER]);
    assert_eq!(account.refusal("CreateAccessKey", &[USER]), "LimitExceeded");
}

#[test]
fn what_still_holds_something_is_not_deleted() {
    let account = Account::new();
    account.done("CreateRole", &[ROLE, TRUSTED]);
    let policy = ("PolicyArn", "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess");
    account.done("AttachRolePolicy", &[ROLE, policy]);
    assert_eq!(account.refusal("DeleteRole", &[ROLE]), "DeleteConflict");
    account.done("DetachRolePolicy", &[ROLE, policy]);
    assert_eq!(account.refusal("DetachRolePolicy", &[ROLE, policy]), "NoSuchEntity");
    account.done("DeleteRole", &[ROLE]);
    assert_eq!(account.refusal("GetRole", &[ROLE]), "NoSuchEntity");
    account.user("u");
    assert_eq!(account.refusal("DeleteUser", &[USER]), "DeleteConflict");
}

#[test]
fn customer_policies_are_made_attached_read_and_removed() {
    let account = Account::new();
    account.user("u");
    let named = [("PolicyName", "p"), ("PolicyDocument", READ_KEYS)];
    let made = account.done("CreatePolicy", &named);
    let arn = between(&made, "<Arn>", "</Arn>");
    let policy = ("PolicyArn", arn.as_str());
    assert_eq!(account.refusal("CreatePolicy", &named), "EntityAlreadyExists");
    account.done("AttachUserPolicy", &[USER, policy]);
    let version = account.done("GetPolicyVersion", &[policy, ("VersionId", "v1")]);
    assert!(version.contains("kms%3AList"), "{version}");
    assert_eq!(account.refusal("DeletePolicy", &[policy]), "DeleteConflict");
    account.done("DetachUserPolicy", &[USER, policy]);
    account.done("DeletePolicy", &[policy]);
    let all = account.done("ListPolicies", &[("Scope", "AWS"), ("MaxItems", "3")]);
    assert!(all.contains("<IsTruncated>true</IsTruncated>"));
    let malformed = ("PolicyDocument", r#"{"Statement":[{"Effect":"Allow"}]}"#);
    let refused = account.refusal("CreatePolicy", &[("PolicyName", "q"), malformed]);
    assert_eq!(refused, "MalformedPolicyDocument");
}

#[test]
fn a_role_is_assumed_by_whom_it_trusts_for_as_long_as_it_says() {
    let account = Account::new();
    let user = account.user("u");
    account.done("CreateRole", &[ROLE, TRUSTED]);
    let arn = ("RoleArn", "arn:aws:iam::111122223333:role/r");
    let name = ("RoleSessionName", "session");
    // The trust delegates to the account: the user's own policies must allow it too.
    assert_eq!(account.assume(&user, &[arn, name]).unwrap_err(), "AccessDenied");
    let session = account.assume(&account.owner, &[arn, name]).unwrap();
    assert!(session.contains("assumed-role/r/session"));
    let mfa = ("SerialNumber", "arn:aws:iam::111122223333:mfa/u");
    let other = ("RoleArn", "arn:aws:iam::111122223333:role/other");
    for (pairs, error) in [
        (vec![arn, ("RoleSessionName", "a b")], "ValidationError"),
        (vec![arn, name, ("DurationSeconds", "899")], "ValidationError"),
        (vec![arn, name, ("DurationSeconds", "7200")], "ValidationError"),
        (vec![arn, name, mfa], "ValidationError"),
        (vec![other, name], "AccessDenied"),
    ] {
        assert_eq!(account.assume(&account.owner, &pairs).unwrap_err(), error, "{pairs:?}");
    }
    account.done("UpdateRole", &[ROLE, ("MaxSessionDuration", "7200")]);
    let longer = [arn, name, ("DurationSeconds", "7200")];
    account.assume(&account.owner, &longer).unwrap();
    // One role through another lasts an hour, whatever the role says.
    let (id, token) = (
        between(&session, "<AccessKeyId>", "</AccessKeyId>"),
        between(&session, "<SessionToken>", "</SessionToken>"),
    );
    let through = account.world.iam(ACCOUNT).caller(&id, Some(&token), REGION).unwrap();
    let may = [
        ROLE,
        ("PolicyName", "assume"),
        ("PolicyDocument", &READ_KEYS.replace("kms:List*", "sts:*")),
    ];
    account.done("PutRolePolicy", &may);
    let form = Account::form(&longer);
    let refused = sts::call(&account.world, &through, "AssumeRole", &form).unwrap_err();
    let told = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    let refused = (refused.code.as_str(), refused.message.as_str());
    assert_eq!(refused, ("ValidationError", told));
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
        let expected = (!is_known).then(|| "MalformedPolicyDocument".to_owned());
        assert_eq!(made.err(), expected, "{principal}");
    }
}

#[test]
fn a_simulation_says_what_the_policies_say() {
    let account = Account::new();
    account.user("u");
    let put = [USER, ("PolicyName", "keys"), ("PolicyDocument", READ_KEYS)];
    account.done("PutUserPolicy", &put);
    let said = account.done(
        "SimulatePrincipalPolicy",
        &[
            ("PolicySourceArn", "arn:aws:iam::111122223333:user/u"),
            ("ActionNames.member.1", "kms:ListKeys"),
            ("ActionNames.member.2", "kms:Decrypt"),
        ],
    );
    assert!(said.contains("kms:ListKeys</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>allowed"));
    assert!(
        said.contains("kms:Decrypt</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>implicitDeny")
    );
}

#[test]
fn who_is_gone_is_named_by_an_id_that_a_namesake_does_not_get() {
    let account = Account::new();
    let arn = "arn:aws:iam::111122223333:role/r";
    account.done("CreateRole", &[ROLE, TRUSTED]);
    let kms = |operation: &str, body: serde_json::Value| {
        crate::kms::call(&account.world, &account.owner, operation, &body).unwrap()
    };
    let policy = json!({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:Encrypt", "Resource": "*"}
    ]});
    let key = kms("CreateKey", json!({"Policy": policy.to_string()}));
    let id = &key["KeyMetadata"]["KeyId"];
    let grant = json!({"KeyId": id, "GranteePrincipal": arn, "Operations": ["Decrypt"]});
    kms("CreateGrant", grant);
    account.done("DeleteRole", &[ROLE]);
    account.done("CreateRole", &[ROLE, TRUSTED]);
    let grants = kms("ListGrants", json!({"KeyId": id}));
    let grantee = grants["Grants"][0]["GranteePrincipal"].as_str().unwrap();
    assert!(grantee.starts_with("AROA"), "{grantee}");
    let policy = kms("GetKeyPolicy", json!({"KeyId": id}));
    assert!(!policy["Policy"].as_str().unwrap().contains("role/r"));
    let namesake = account.world.iam(ACCOUNT).session("r", "s", REGION).unwrap();
    let encrypt = json!({"KeyId": id, "Plaintext": "aGVsbG8="});
    let asked = crate::kms::call(&account.world, &namesake, "Encrypt", &encrypt);
    assert_eq!(asked.unwrap_err().code, "AccessDeniedException");
}

/// What a name becomes when its words are moved, left out, said twice or put among others.
fn made_up(name: &str) -> Vec<String> {
    let starts = name.char_indices().filter(|(_, c)| c.is_ascii_uppercase());
    let ends: Vec<usize> = starts.map(|(at, _)| at).chain([name.len()]).collect();
    let words: Vec<&str> = ends.windows(2).map(|pair| &name[pair[0]..pair[1]]).collect();
    let mut all = vec![name.to_lowercase(), format!("{name} "), format!("iam:{name}")];
    for at in 0..words.len() {
        let (before, after) = words.split_at(at);
        all.push([after, before].concat().concat());
        all.push([before, &after[1..]].concat().concat());
        all.push([before, &after[..1], after].concat().concat());
        for more in ["Role", "User", "Policy", "Policies"] {
            all.push([before, &[more], after].concat().concat());
            all.push([before, after, &[more]].concat().concat());
        }
        for other in at + 1..words.len() {
            let mut swapped = words.clone();
            swapped.swap(at, other);
            all.push(swapped.concat());
        }
    }
    all
}

#[test]
fn only_names_that_aws_has_are_served() {
    let account = Account::new();
    let code = |answer: Result<String, ApiError>| answer.err().map(|error| error.code);
    let table = include_str!("../members.txt").lines();
    let served: Vec<&str> = table
        .filter_map(|line| line.strip_prefix("iam.")?.split(' ').next())
        .collect();
    assert!(made_up("PutRolePolicy").contains(&"PutPolicyRole".to_owned()));
    assert!(made_up("PutRolePolicy").contains(&"PutRoleUserPolicy".to_owned()));
    let form = Account::form(&[]);
    for name in &served {
        let asked = code(call(&account.world, &account.owner, name, &form));
        assert_ne!(asked.as_deref(), Some("InvalidAction"), "{name}");
        for strange in made_up(name).iter().filter(|name| !served.contains(&name.as_str())) {
            assert_eq!(account.refusal(strange, &[]), "InvalidAction", "{strange}");
            let mut iam = account.world.iam(ACCOUNT);
            let behind = code(calls::perform(&mut iam, &account.owner, strange, &form));
            assert_eq!(behind.as_deref(), Some("InvalidAction"), "{strange} behind the table");
        }
    }
}

#[test]
fn what_a_policy_denies_is_not_had_by_another_name_or_with_members_that_ask_for_nothing() {
    let account = Account::new();
    account.user("u");
    account.done("CreateRole", &[ROLE, TRUSTED]);
    let keeper = account.user("keeper");
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:PutRolePolicy", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:PutUserPolicy", "Resource": "arn:aws:iam::111122223333:user/u"}
    ]});
    let policy = policy.to_string();
    account.done(
        "PutUserPolicy",
        &[("UserName", "keeper"), ("PolicyName", "p"), ("PolicyDocument", &policy)],
    );
    let document = [("PolicyName", "p"), ("PolicyDocument", READ_KEYS)];
    for (operation, named, code) in [
        ("PutRolePolicy", vec![ROLE], "AccessDenied"),
        ("PutPolicyRole", vec![ROLE], "InvalidAction"),
        ("RolePutPolicy", vec![ROLE], "InvalidAction"),
        ("PutUserPolicy", vec![USER], "AccessDenied"),
        ("PutUserPolicy", vec![USER, ("RoleName", "")], "AccessDenied"),
        ("PutUserPolicy", vec![USER, ("RoleName", "false")], "AccessDenied"),
        ("PutUserPolicy", vec![USER, ("Path", "")], "AccessDenied"),
    ] {
        let asked = account.ask_as(&keeper, operation, &[&named[..], &document].concat());
        assert_eq!(asked.unwrap_err(), code, "{operation} {named:?}");
    }
}
