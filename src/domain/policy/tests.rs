use super::*;

const ANN: &str = "arn:aws:iam::111122223333:user/ann";
const ROLE: &str = "arn:aws:iam::111122223333:role/team/trainer";

fn identity(arn: &str) -> Identity {
    Identity {
        arn: arn.to_owned(),
        account: "111122223333".to_owned(),
    }
}

fn question(action: &'static str) -> Question<'static> {
    Question {
        principal: ROLE,
        account: "111122223333",
        action,
        resource: "*",
    }
}

#[test]
fn sessions_are_told_from_lasting_principals() {
    let table = [
        ("arn:aws:iam::111122223333:user/team/ann", PrincipalKind::User),
        (ROLE, PrincipalKind::Role),
        (
            "arn:aws:sts::111122223333:assumed-role/Admin/ann",
            PrincipalKind::SessionOf("Admin"),
        ),
        ("arn:aws:iam::111122223333:root", PrincipalKind::Other),
        ("arn:aws:sts::111122223333:federated-user/ann", PrincipalKind::Other),
        ("nonsense", PrincipalKind::Other),
    ];
    for (arn, expected) in table {
        assert_eq!(principal_kind(arn), expected, "{arn}");
    }
}

#[test]
fn the_default_policy_has_the_consoles_four_statements() {
    let arn = "arn:aws-cn:iam::111122223333:user/ann";
    let policy = default_key_policy(&identity(arn), &[arn.to_owned()], &[arn.to_owned()]);
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 4);
    assert_eq!(statements[0]["Principal"]["AWS"], "arn:aws-cn:iam::111122223333:root");
    assert_eq!(statements[3]["Condition"]["Bool"]["kms:GrantIsForAWSResource"], "true");
    assert!(parse(&policy.to_string()).is_ok());
    assert_eq!(lockout(&policy, &identity(arn), None), None);
}

#[test]
fn without_lasting_principals_only_the_account_is_named() {
    let policy = default_key_policy(&identity("arn:aws:iam::111122223333:root"), &[], &[]);
    assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_policy_that_is_none_is_refused_before_kms_is_asked() {
    let table = [
        ("{", "not JSON"),
        ("{}", "no statement"),
        (
            r#"{"Statement": [{"Sid": "x", "Effect": "Perhaps"}]}"#,
            "statement \"x\" has no Effect",
        ),
        (r#"{"Statement": {"Effect": "Allow"}}"#, "statement 1 has no Principal"),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:sts::1:assumed-role/A/b"}, "Action": "kms:*", "Resource": "*"}}"#,
            "is a session",
        ),
    ];
    for (policy, expected) in table {
        let fault = parse(policy).unwrap_err();
        assert!(fault.cause.contains(expected), "{policy}: {fault}");
    }
    let long = parse(&" ".repeat(40_000)).unwrap_err();
    assert!(long.cause.contains("more than 32768"), "{long}");
}

#[test]
fn whoever_could_not_change_the_policy_again_is_warned() {
    let me = identity(ANN);
    let silent =
        json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*"}]});
    assert!(lockout(&silent, &me, None).unwrap().contains("no statement lets"));
    assert_eq!(lockout(&silent, &me, Some(ROLE)), None);
    let denies = json!({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "kms:*", "Resource": "*"},
        {"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "kms:Put*", "Resource": "*"}
    ]});
    assert!(lockout(&denies, &me, None).unwrap().contains("statement \"no\" denies"));
}

#[test]
fn a_key_policy_allows_by_name_and_only_delegates_by_account() {
    let policy = json!({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        {"Sid": "use", "Effect": "Allow", "Principal": {"AWS": [ROLE]}, "Action": "kms:Decrypt", "Resource": "*"},
        {"Sid": "maybe", "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Encrypt", "Resource": "*",
         "Condition": {"Bool": {"a": "b"}}},
        {"Effect": "Deny", "Principal": {"AWS": ROLE}, "NotAction": ["kms:*"], "Resource": "*"}
    ]});
    let allowed = decide(&policy, &question("kms:Decrypt"));
    assert_eq!(
        (allowed.decision, allowed.statement.as_str()),
        (Decision::Allowed, "statement \"use\"")
    );
    let delegated = decide(&policy, &question("kms:Encrypt"));
    assert_eq!(delegated.decision, Decision::Delegated);
    assert_eq!(delegated.conditional.as_deref(), Some("statement \"maybe\""));
    assert_eq!(decide(&policy, &question("s3:GetObject")).decision, Decision::Denied);
}

#[test]
fn a_role_is_added_to_a_policy_of_one_or_many_statements() {
    let one = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}}"#;
    let many = parse(&with_role(one, ROLE).unwrap()).unwrap();
    assert_eq!(many["Statement"].as_array().map(Vec::len), Some(2));
    assert_eq!(decide(&many, &question("kms:Decrypt")).decision, Decision::Allowed);
}

#[test]
fn trusting_the_caller_is_taken_back_without_a_trace() {
    let before = service_trust("111122223333").to_string();
    let trusting = trusting_caller(&before, ANN).unwrap();
    assert!(trusting.contains(ANN));
    let twice = trusting_caller(&trusting, ANN).unwrap();
    assert_eq!(twice.matches(ANN).count(), 1);
    let after: Value = serde_json::from_str(&without_caller(&twice).unwrap()).unwrap();
    assert_eq!(after, service_trust("111122223333"));
}

#[test]
fn the_service_is_trusted_once_and_for_this_account_only() {
    let account = "111122223333";
    let trusts = service_trust(account).to_string();
    assert_eq!(trusting_service(&trusts, account).unwrap(), None);
    let added = trusting_service(r#"{"Statement": []}"#, account).unwrap().unwrap();
    assert!(added.contains("aws:SourceAccount"), "{added}");
}

#[test]
fn the_least_policy_reaches_this_training_and_nothing_of_kms() {
    let spec = RoleSpec {
        name: "trainer".to_owned(),
        bucket: "sagemaker-x".to_owned(),
        data: "data/".to_owned(),
        output: "output/".to_owned(),
        image: Some("111122223333.dkr.ecr.eu-west-1.amazonaws.com/train:1".to_owned()),
        ..RoleSpec::default()
    };
    let policy = execution_policy(&spec, "aws");
    let (s3, ecr) = ("s3:::sagemaker-x/", "ecr:eu-west-1:111122223333:repository/");
    for (action, service, resource, is_allowed) in [
        ("s3:GetObject", s3, "data/x.csv", true),
        ("s3:GetObject", s3, ".strongroom/manifests/j.json", true),
        ("s3:GetObject", s3, "keys/.strongroom/program/00/strongroom", true),
        ("s3:GetObject", s3, "keys/.strongroom/data-keys/1", false),
        ("s3:GetObject", s3, "other/x.csv", false),
        ("s3:PutObject", s3, "output/j/output/model.tar.gz", true),
        ("s3:PutObject", s3, "data/x.csv", false),
        ("ecr:BatchGetImage", ecr, "train", true),
        ("ecr:BatchGetImage", ecr, "other", false),
    ] {
        let resource = &format!("arn:aws:{service}{resource}");
        let asked = Question {
            resource,
            ..question(action)
        };
        let decision = of_identity(&policy, &asked).decision;
        assert_eq!(decision == Decision::Allowed, is_allowed, "{action} {resource}");
    }
    assert!(!policy.to_string().contains("kms:"));
}

#[test]
fn an_image_of_ecr_names_account_region_and_repository() {
    let image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/train@sha256:00";
    assert_eq!(ecr_image(image), Some(("111122223333", "eu-west-1", "team/train")));
    assert_eq!(ecr_image("docker.io/library/train"), None);
}
