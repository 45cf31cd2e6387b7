use super::*;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/example-role/SageMaker";

fn denied(call: &str, on: &str, why: &str) -> Fault {
    let cause =
        format!("User: {SESSION} is not authorized to perform: {call} on resource: {on} {why} (AccessDeniedException)");
    Fault::denied("decrypt", KEY, cause, "")
}

/// What a refusal of this call with the key is explained by.
fn said(call: &str, on: &str, why: &str) -> Explanation {
    explain(&denied(call, on, why)).unwrap()
}

#[test]
fn a_refused_decrypt_names_who_what_and_the_grant_that_mends_it() {
    let why = "because no identity-based policy allows the kms:Decrypt action";
    let said = said("kms:Decrypt", KEY, why);
    assert_eq!(said.who.as_deref(), Some(SESSION));
    assert_eq!(said.call.as_deref(), Some("kms:Decrypt"));
    assert_eq!(said.on, KEY);
    assert_eq!(said.link, Link::IdentityPolicy);
    assert_eq!(said.remedy, "create a grant for the role example-role on the key");
    match said.repair.unwrap() {
        Request::Grant(GrantRequest::New(spec)) => {
            assert_eq!(spec.key_arn, KEY);
            assert_eq!(spec.grantee, SESSION);
            assert_eq!(spec.operations, ["Decrypt", "Encrypt"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_link_is_read_off_kms_own_words() {
    let (no_own, no_of_key) = (
        "because no identity-based policy allows it",
        "because no resource-based policy allows it",
    );
    let (own_denies, key_denies) = (
        "with an explicit deny in an identity-based policy",
        "with an explicit deny in a resource-based policy",
    );
    let table = [
        ("kms:Encrypt", no_of_key, Link::KeyPolicy, true),
        ("kms:GenerateDataKey", no_own, Link::IdentityPolicy, true),
        ("kms:Decrypt", key_denies, Link::ExplicitDeny, false),
        ("kms:Decrypt", own_denies, Link::ExplicitDeny, false),
        ("kms:ScheduleKeyDeletion", no_own, Link::IdentityPolicy, false),
        ("kms:CreateGrant", no_own, Link::IdentityPolicy, false),
        ("kms:CreateGrant", no_of_key, Link::KeyPolicy, false),
        ("kms:ListAliases", no_own, Link::IdentityPolicy, false),
    ];
    for (call, why, link, mends) in table {
        let said = explain(&denied(call, KEY, why)).unwrap();
        assert_eq!((said.link, said.repair.is_some()), (link, mends), "{call} {why}");
        assert!(!said.words.is_empty() && !said.remedy.is_empty());
        assert_eq!(said.remedy.contains("create a grant"), mends, "{}", said.remedy);
    }
}

#[test]
fn what_bounds_the_caller_is_named_and_nothing_is_proposed_that_cannot_help() {
    for name in [
        "service control policy",
        "resource control policy",
        "permissions boundary",
        "session policy",
        "VPC endpoint policy",
    ] {
        for call in ["kms:Decrypt", "sts:AssumeRole", "iam:PassRole", "s3:PutObject"] {
            for (why, link) in [
                (format!("with an explicit deny in a {name}"), Link::ExplicitDeny),
                (format!("because no {name} allows the {call} action"), Link::Bounds),
            ] {
                let said = explain(&denied(call, KEY, &why)).unwrap();
                assert_eq!((said.link, said.repair), (link, None), "{call} {why}");
                assert!(
                    said.words.contains(name) && said.remedy.contains(name),
                    "{why}: {}",
                    said.remedy
                );
                assert!(!said.remedy.contains("grant"), "{}", said.remedy);
            }
        }
    }
}

#[test]
fn a_bucket_that_does_not_allow_is_mended_in_its_own_policy() {
    let on = "\"arn:aws:s3:::bucket/a\"";
    let lacks = said("s3:GetObject", on, "because no resource-based policy allows it");
    assert_eq!(lacks.link, Link::ResourcePolicy);
    assert!(lacks.remedy.contains("in the bucket's policy"), "{}", lacks.remedy);
    let denies = said("s3:PutObject", on, "with an explicit deny in a resource-based policy");
    assert_eq!(denies.link, Link::ExplicitDeny);
    assert!(denies.words.contains("the bucket's policy") && denies.remedy.contains("the bucket's policy"));
}

#[test]
fn what_s3_quotes_is_read_without_its_quotes() {
    let why = "because no identity-based policy allows the s3:GetObject action";
    let said = said("s3:GetObject", "\"arn:aws:s3:::bucket/a b\"", why);
    assert_eq!(said.on, "arn:aws:s3:::bucket/a b");
}

#[test]
fn only_what_was_refused_is_granted_beyond_training() {
    let why = "because no identity-based policy allows it";
    match said("kms:GenerateDataKey", KEY, why).repair {
        Some(Request::Grant(GrantRequest::New(spec))) => assert_eq!(spec.operations, ["GenerateDataKey"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_switched_off_key_is_enabled_and_a_doomed_one_saved() {
    let of = |cause: &str| {
        let cause = format!("{KEY} {cause}");
        let fault = Fault::new(FaultKind::KeyState, "encrypt under", "alias/x", cause, "");
        explain(&fault).unwrap()
    };
    let key_arn = KEY.to_owned();
    let enable = Request::Key(KeyRequest::Enable { key_arn });
    assert_eq!(of("is disabled. (DisabledException)").repair, Some(enable));
    let doomed = of("is pending deletion. (KMSInvalidStateException)");
    let key_arn = KEY.to_owned();
    let save = Request::Key(KeyRequest::CancelDeletion { key_arn });
    assert_eq!(doomed.repair, Some(save));
    assert_eq!(doomed.link, Link::KeyState);
}

#[test]
fn trust_and_pass_role_are_links_of_their_own() {
    let role = "arn:aws:iam::111122223333:role/team/example-role";
    let trust = explain(&denied("sts:AssumeRole", role, "")).unwrap();
    assert_eq!(trust.link, Link::Trust);
    assert_eq!(
        trust.repair,
        Some(Request::Role(RoleRequest::TrustCaller {
            role: "example-role".to_owned(),
            on: true
        }))
    );
    assert_eq!(explain(&denied("iam:PassRole", role, "")).unwrap().link, Link::PassRole);
    let cause = format!("Could not assume role {role}. Please ensure that the role exists (ValidationException)");
    let service = explain(&Fault::invalid("create training job", "j", cause, "")).unwrap();
    assert_eq!(
        service.repair,
        Some(Request::Role(RoleRequest::TrustService {
            role: "example-role".to_owned()
        }))
    );
}

#[test]
fn a_missing_context_and_a_wrong_region_are_told_apart_from_a_missing_permission() {
    let mut fault = Fault::integrity("decrypt", KEY, "InvalidCiphertextException", "");
    fault.code = Some("InvalidCiphertextException".to_owned());
    assert_eq!(explain(&fault).unwrap().link, Link::Context);

    let elsewhere = KEY.replace("us-east-1", "eu-west-1");
    let fault = Fault::not_found("describe", &elsewhere, format!("Invalid arn {elsewhere}"), "");
    let said = explain(&fault).unwrap();
    assert_eq!(said.link, Link::Region);
    assert!(said.remedy.contains("--region eu-west-1"), "{}", said.remedy);
}

#[test]
fn a_line_of_a_jobs_log_is_explained_too() {
    let line = format!(
        "AlgorithmError: decrypt a data key under {KEY}: User: {SESSION} is not authorized to perform: kms:Decrypt on \
         resource: {KEY} because no identity-based policy allows the kms:Decrypt action (AccessDeniedException)"
    );
    let said = explain_text(&line).unwrap();
    assert_eq!(said.who.as_deref(), Some(SESSION));
    assert!(said.repair.is_some());
    assert_eq!(explain_text("epoch=1 loss=0.5"), None);
    let disabled = explain_text(&format!("{KEY} is disabled.")).unwrap();
    assert_eq!(disabled.link, Link::KeyState);
}

#[test]
fn what_is_no_refusal_is_not_explained() {
    use FaultKind::{Cancelled, Io, Timeout, Usage};
    for kind in [Timeout, Io, Usage, Cancelled] {
        assert_eq!(explain(&Fault::new(kind, "a", "b", "c", "")), None);
    }
    let remedy = "start without --read-only";
    let read_only = Fault::new(FaultKind::ReadOnly, "create bucket", "b", "read-only", remedy);
    assert_eq!(explain(&read_only).unwrap().link, Link::ReadOnly);
}
