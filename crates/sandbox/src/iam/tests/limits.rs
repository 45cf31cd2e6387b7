//! What limits users, roles and sessions: boundaries, sessions' policies, conditions of IAM's own calls.

use super::*;

const EVERYTHING: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const READ_S3: &str = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
const ROLE_ARN: (&str, &str) = ("RoleArn", "arn:aws:iam::111122223333:role/r");
const NAME: (&str, &str) = ("RoleSessionName", "session");

impl Account {
    /// A session of the role `r`, opened by its owner.
    fn opened(&self, more: &[(&str, &str)]) -> Result<Caller, String> {
        self.opened_by(&self.owner, more)
    }

    fn opened_by(&self, caller: &Caller, more: &[(&str, &str)]) -> Result<Caller, String> {
        let answer = self.assume(caller, &[&[ROLE_ARN, NAME], more].concat())?;
        let part = |name: &str| between(&answer, &format!("<{name}>"), &format!("</{name}>"));
        let caller = self
            .world
            .iam(ACCOUNT)
            .caller(&part("AccessKeyId"), Some(&part("SessionToken")), REGION);
        caller.map_err(|error| error.code)
    }

    /// Why not; nothing if it may.
    fn why_not(&self, caller: &Caller, action: &str) -> String {
        let refused = self.world.authorize(caller, action, "*", &BTreeMap::new()).err();
        refused.map_or_else(String::new, |error| {
            let (_, why) = error.message.split_once("on resource: * ").unwrap();
            why.to_owned()
        })
    }

    fn role(&self, more: &[(&str, &str)]) {
        self.done("CreateRole", &[&[ROLE, TRUSTED], more].concat());
        self.done("AttachRolePolicy", &[ROLE, ("PolicyArn", EVERYTHING)]);
    }
}

#[test]
fn a_boundary_limits_a_user_until_it_is_taken_away() {
    let account = Account::new();
    let user = account.user("u");
    let boundary = ("PermissionsBoundary", READ_S3);
    account.done("AttachUserPolicy", &[USER, ("PolicyArn", EVERYTHING)]);
    account.done("PutUserPermissionsBoundary", &[USER, boundary]);
    assert_eq!(account.why_not(&user, "s3:GetObject"), "");
    let why = account.why_not(&user, "s3:PutObject");
    assert_eq!(why, "because no permissions boundary allows the s3:PutObject action");
    let shown = account.done("GetUser", &[USER]);
    let limit = format!("<PermissionsBoundaryArn>{READ_S3}<");
    assert!(shown.contains(&limit), "{shown}");
    account.done("DeleteUserPermissionsBoundary", &[USER]);
    assert_eq!(account.why_not(&user, "s3:PutObject"), "");
    let none = ("PermissionsBoundary", "arn:aws:iam::111122223333:policy/none");
    let refused = account.refusal("PutUserPermissionsBoundary", &[USER, none]);
    assert_eq!(refused, "NoSuchEntity");
}

#[test]
fn a_role_is_made_with_its_boundary_and_the_policy_stays_while_it_limits() {
    let account = Account::new();
    let made = account.done("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", READ_KEYS)]);
    let arn = between(&made, "<Arn>", "</Arn>");
    account.role(&[("PermissionsBoundary", &arn)]);
    let session = account.opened(&[]).unwrap();
    assert_eq!(account.why_not(&session, "kms:ListKeys"), "");
    let why = account.why_not(&session, "kms:CreateKey");
    assert_eq!(why, "because no permissions boundary allows the kms:CreateKey action");
    let policy = ("PolicyArn", arn.as_str());
    assert_eq!(account.refusal("DeletePolicy", &[policy]), "DeleteConflict");
    let listed = account.done("ListRoles", &[]);
    assert!(!listed.contains("PermissionsBoundary"), "lists leave it out");
    account.done("DeleteRolePermissionsBoundary", &[ROLE]);
    account.done("DeletePolicy", &[policy]);
    assert_eq!(account.why_not(&session, "kms:CreateKey"), "");
}

#[test]
fn a_session_does_what_its_role_and_its_policies_allow() {
    let account = Account::new();
    account.role(&[]);
    let inline = account.opened(&[("Policy", READ_KEYS)]).unwrap();
    assert_eq!(account.why_not(&inline, "kms:ListKeys"), "");
    let why = account.why_not(&inline, "s3:ListAllMyBuckets");
    assert_eq!(why, "because no session policy allows the s3:ListAllMyBuckets action");
    let both = [("Policy", READ_KEYS), ("PolicyArns.member.1.arn", READ_S3)];
    let both = account.opened(&both).unwrap();
    assert_eq!(account.why_not(&both, "s3:ListAllMyBuckets"), "");
    assert_eq!(account.why_not(&both, "kms:ListKeys"), "");
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}"#;
    let denied = account.opened(&[("Policy", deny)]).unwrap();
    let why = account.why_not(&denied, "kms:ListKeys");
    assert_eq!(why, "with an explicit deny in a session policy");
    let none = "arn:aws:iam::aws:policy/None";
    for (name, value, error) in [
        ("Policy", "{", "MalformedPolicyDocument"),
        ("Policy", &"x".repeat(2049), "ValidationError"),
        ("PolicyArns.member.1.arn", none, "NoSuchEntity"),
    ] {
        assert_eq!(account.opened(&[(name, value)]).unwrap_err(), error);
    }
}

#[test]
fn a_sessions_tags_are_its_principals_and_need_a_permission() {
    let account = Account::new();
    let tag = [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "vision")];
    account.role(&tag);
    let by_tag = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*",
        "Condition":{"StringEquals":{"aws:PrincipalTag/team":"${aws:PrincipalTag/Other, 'vision'}"}}}}"#;
    let put = [ROLE, ("PolicyName", "p"), ("PolicyDocument", by_tag)];
    account.done("PutRolePolicy", &put);
    let denied = "with an explicit deny in an identity-based policy";
    assert_eq!(account.why_not(&account.opened(&[]).unwrap(), "s3:GetObject"), denied);
    // The trust allows sts:AssumeRole alone.
    let tagged = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "speech")];
    assert_eq!(account.opened(&tagged).unwrap_err(), "AccessDenied");
    let trust = TRUST.replace("\"sts:AssumeRole\"", "[\"sts:AssumeRole\",\"sts:TagSession\"]");
    account.done("UpdateAssumeRolePolicy", &[ROLE, ("PolicyDocument", &trust)]);
    let session = account.opened(&tagged).unwrap();
    let why = |session: &Caller| account.why_not(session, "s3:GetObject");
    assert_eq!(why(&session), "", "the session's tag comes first");
    let transitive = [&tagged[..], &[("TransitiveTagKeys.member.1", "team")]].concat();
    let first = account.opened(&transitive).unwrap();
    let second = account.opened_by(&first, &[]).unwrap();
    assert_eq!(why(&second), "", "it goes on to the next");
    let second = account.opened_by(&session, &[]).unwrap();
    assert_eq!(why(&second), denied, "one that is not transitive ends");
    assert_eq!(account.opened_by(&first, &tagged).unwrap_err(), "InvalidParameterValue");
}

#[test]
fn a_trust_may_ask_for_an_external_id_and_a_source_identity() {
    let account = Account::new();
    account.role(&[]);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},
        "Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Condition":{"StringEquals":{"sts:ExternalId":"x-1"},
        "StringLike":{"sts:RoleSessionName":"sess*"},"StringEqualsIfExists":{"sts:SourceIdentity":"ann"}}}]}"#;
    account.done("UpdateAssumeRolePolicy", &[ROLE, ("PolicyDocument", trust)]);
    let external = ("ExternalId", "x-1");
    assert_eq!(account.opened(&[]).unwrap_err(), "AccessDenied");
    assert_eq!(account.opened(&[("ExternalId", "x-2")]).unwrap_err(), "AccessDenied");
    account.opened(&[external]).unwrap();
    let other = ("SourceIdentity", "bob");
    assert_eq!(account.opened(&[external, other]).unwrap_err(), "AccessDenied");
    let session = account.opened(&[external, ("SourceIdentity", "ann")]).unwrap();
    assert_eq!(session.extra["aws:sourceidentity"], "ann");
    let refused = account.opened_by(&session, &[external, other]).unwrap_err();
    assert_eq!(refused, "ValidationError", "a session's source stays");
}

#[test]
fn iams_own_calls_are_asked_for_what_they_give() {
    let account = Account::new();
    let admin = account.user("admin");
    // Whoever makes a role must limit it; the well-known guard of delegated administration.
    let guarded = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["iam:CreateRole", "iam:TagRole"], "Resource": "arn:aws:iam::*:role/team/*",
         "Condition": {"StringEquals": {"iam:PermissionsBoundary": READ_S3}}},
        {"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "arn:aws:iam::*:role/team/*",
         "Condition": {"ArnEquals": {"iam:PolicyARN": READ_S3}}},
        {"Effect": "Allow", "Action": "iam:*AccessKey*", "Resource": "arn:aws:iam::*:user/${aws:username}"}
    ]});
    let (name, document) = (("UserName", "admin"), guarded.to_string());
    let put = [name, ("PolicyName", "p"), ("PolicyDocument", &document)];
    account.done("PutUserPolicy", &put);
    let role = [ROLE, TRUSTED, ("Path", "/team/")];
    let make = |more: &[(&str, &str)]| account.ask_as(&admin, "CreateRole", &[&role[..], more].concat());
    assert_eq!(make(&[]).unwrap_err(), "AccessDenied");
    let unlimited = [("PermissionsBoundary", EVERYTHING)];
    assert_eq!(make(&unlimited).unwrap_err(), "AccessDenied");
    make(&[("PermissionsBoundary", READ_S3)]).unwrap();
    let attach = |arn| account.ask_as(&admin, "AttachRolePolicy", &[ROLE, ("PolicyArn", arn)]);
    assert_eq!(attach(EVERYTHING).unwrap_err(), "AccessDenied");
    attach(READ_S3).unwrap();
    account.ask_as(&admin, "ListAccessKeys", &[]).unwrap();
    let list = |user| account.ask_as(&admin, "ListAccessKeys", &[("UserName", user)]);
    list("admin").unwrap();
    assert_eq!(list("strongroom").unwrap_err(), "AccessDenied");
    // A key of somebody else's is not one's own by leaving out whose it is.
    let (theirs, _) = account.world.iam(ACCOUNT).own_access_key();
    let delete = account.ask_as(&admin, "DeleteAccessKey", &[("AccessKeyId", &theirs)]);
    assert_eq!(delete.unwrap_err(), "NoSuchEntity");
}

#[test]
fn policies_are_listed_by_path_and_use() {
    let account = Account::new();
    account.role(&[("PermissionsBoundary", READ_S3)]);
    let count = |pairs: &[(&str, &str)]| {
        let listed = account.done("ListPolicies", &[pairs, &[("MaxItems", "1000")]].concat());
        listed.matches("<PolicyName>").count()
    };
    assert_eq!(count(&[("Scope", "Local")]), 0);
    assert!(count(&[]) > 150);
    let attached = count(&[("OnlyAttached", "true")]);
    assert_eq!(attached, 1, "AdministratorAccess, of the owner and the role");
    assert_eq!(count(&[("PolicyUsageFilter", "PermissionsBoundary")]), 1);
    let jobs = count(&[("PathPrefix", "/job-function/")]);
    assert!((5..20).contains(&jobs), "{jobs}");
    let view = ("PolicyArn", "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess");
    account.done("AttachRolePolicy", &[ROLE, view]);
    let attached = account.done("ListAttachedRolePolicies", &[ROLE, ("PathPrefix", "/job-function/")]);
    assert!(attached.contains("ViewOnlyAccess") && !attached.contains("AdministratorAccess"));
    let shown = account.done("GetPolicy", &[view]);
    assert!(shown.contains("<Path>/job-function/</Path>"), "{shown}");
}

#[test]
fn a_grant_to_a_role_is_limited_as_its_policies_are() {
    let account = Account::new();
    account.role(&[("PermissionsBoundary", READ_S3)]);
    let kms = |caller: &Caller, operation: &str, body: serde_json::Value| {
        crate::kms::call(&account.world, caller, operation, &body).map_err(|error| error.code)
    };
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": account.owner.arn}}});
    let key = kms(&account.owner, "CreateKey", json!({"Policy": policy.to_string()})).unwrap();
    let id = &key["KeyMetadata"]["KeyId"];
    let grant = json!({"KeyId": id, "GranteePrincipal": ROLE_ARN.1, "Operations": ["Encrypt"]});
    kms(&account.owner, "CreateGrant", grant).unwrap();
    let encrypt = |caller: &Caller| kms(caller, "Encrypt", json!({"KeyId": id, "Plaintext": "aGVsbG8="})).map(|_| ());
    let refused = Err("AccessDeniedException".to_owned());
    let session = account.opened(&[]).unwrap();
    assert_eq!(encrypt(&session), refused, "by the boundary");
    account.done("DeleteRolePermissionsBoundary", &[ROLE]);
    assert_eq!(encrypt(&session), Ok(()));
    let limited = account.opened(&[("Policy", READ_KEYS)]).unwrap();
    assert_eq!(encrypt(&limited), refused, "by the session's policy");
}
