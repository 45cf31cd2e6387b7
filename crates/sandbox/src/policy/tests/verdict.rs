//! How a resource's policy joins with the caller's own.

use super::*;

const ANN: &str = "arn:aws:iam::111122223333:user/ann";
const ROOT: &str = "arn:aws:iam::111122223333:root";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/example-role";
pub(super) const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/example-role/s";

#[test]
fn a_resource_policy_names_an_account_a_role_a_session_or_everybody() {
    use ResourceDecision::{Delegated, Direct, Silent, ToRole};
    let context = BTreeMap::new();
    let (session, user) = (caller(), user());
    let aws = |name: &str| json!({"AWS": format!("arn:aws:iam::{name}")});
    let service = json!({"Service": "sagemaker.amazonaws.com"});
    for (caller, element, principal, expected) in [
        (&session, "Principal", json!({"AWS": ROLE}), ToRole),
        (&session, "Principal", json!({"AWS": SESSION}), Direct),
        (&session, "Principal", json!({"AWS": "AROA"}), ToRole),
        (&session, "Principal", json!({"AWS": [ROOT]}), Delegated),
        (&session, "Principal", json!({"AWS": "111122223333"}), Delegated),
        (&session, "Principal", aws("111122223333:role/example"), Silent),
        (&session, "Principal", aws("111122223333:role/*"), Silent),
        (&session, "Principal", aws("999999999999:root"), Silent),
        (&session, "Principal", service, Silent),
        (&session, "Principal", json!({"CanonicalUser": "79a59d"}), Silent),
        (&session, "Principal", json!("*"), Direct),
        (&session, "Principal", json!({"AWS": "*"}), Direct),
        (&session, "NotPrincipal", json!({"AWS": ROLE}), Silent),
        (&session, "NotPrincipal", aws("111122223333:role/other"), Direct),
        (&user, "Principal", json!({"AWS": [ROOT, ANN]}), Direct),
        (&user, "Principal", json!({"AWS": "AIDAANN"}), Direct),
        (&user, "Principal", aws("111122223333:user/bob"), Silent),
    ] {
        let question = Question::new(caller, "kms:Decrypt", "k", &context);
        let policy = json!({"Statement": {"Effect": "Allow", element: principal, "Action": "kms:*", "Resource": "*"}});
        let said = resource_decision(&Document::from(policy.clone()), &question, false);
        assert_eq!(said, expected, "{policy}");
    }
}

#[test]
fn a_deny_with_not_principal_excepts_whom_it_lists_with_account_and_role() {
    let context = BTreeMap::new();
    let (session, user) = (caller(), user());
    let ann = user.arn.as_str();
    for (caller, listed, is_bounded, is_denied) in [
        (&user, json!([ROOT, ann]), false, false),
        (&user, json!(["111122223333", ann]), false, false),
        (&user, json!([ann]), false, true),
        (&user, json!([ROOT]), false, true),
        (&user, json!(["*"]), false, false),
        (&user, json!([ROOT, ann]), true, true),
        (&session, json!([ROOT, ROLE, SESSION]), false, false),
        (&session, json!([ROOT, ROLE]), false, true),
        (&session, json!([ROLE, SESSION]), false, true),
    ] {
        let question = Question::new(caller, "s3:GetObject", "b", &context);
        let policy =
            json!({"Statement": {"Effect": "Deny", "NotPrincipal": {"AWS": listed}, "Action": "*", "Resource": "*"}});
        let said = resource_decision(&Document::from(policy.clone()), &question, is_bounded);
        assert_eq!(said == ResourceDecision::Denied, is_denied, "{policy} {is_bounded}");
    }
}

/// What refuses, in AWS's words; nothing is an Allow.
fn refused(caller: &Caller, principal: Option<&str>, own: [&str; 3], account: &str, must_allow: bool) -> String {
    let context = BTreeMap::new();
    let question = Question::new(caller, "s3:GetObject", "b", &context);
    let policy = principal.map(|principal| {
        let (effect, name) = principal.split_once(' ').unwrap_or(("Allow", principal));
        Document::from(
            json!({"Statement": {"Effect": effect, "Principal": {"AWS": name}, "Action": "*", "Resource": "*"}}),
        )
    });
    let read = |said: &str| match said {
        "allow" => Some(Decision::Allowed),
        "deny" => Some(Decision::Denied),
        "silent" => Some(Decision::Silent),
        _ => None,
    };
    let own = Own {
        identity: read(own[0]).unwrap(),
        boundary: read(own[1]),
        session: read(own[2]),
    };
    let guard = Guard::new(policy.as_ref(), account, must_allow);
    let refusal = guard.lets(&question, own).err();
    refusal.map_or_else(String::new, |refusal| refusal.why("s3:GetObject"))
}

#[test]
fn policies_combine_as_iam_evaluates_them() {
    const HERE: &str = "111122223333";
    const THERE: &str = "444455556666";
    let (session, user) = (caller(), user());
    let (identity, boundary, limit, resource) = (
        "because no identity-based policy allows the s3:GetObject action",
        "because no permissions boundary allows the s3:GetObject action",
        "because no session policy allows the s3:GetObject action",
        "because no resource-based policy allows the s3:GetObject action",
    );
    let (by_identity, by_boundary, by_session, by_resource) = (
        "with an explicit deny in an identity-based policy",
        "with an explicit deny in a permissions boundary",
        "with an explicit deny in a session policy",
        "with an explicit deny in a resource-based policy",
    );
    let denial = Some("Deny 111122223333");
    for (caller, principal, own, account, must_allow, expected) in [
        // In one account identity or resource policy allows.
        (&user, None, ["allow", "", ""], HERE, false, ""),
        (&user, None, ["silent", "", ""], HERE, false, identity),
        (&user, Some(ANN), ["silent", "", ""], HERE, false, ""),
        (&user, Some("*"), ["silent", "", ""], HERE, false, ""),
        (&user, Some(ROOT), ["silent", "", ""], HERE, false, identity),
        // A key policy or a role's trust must speak too.
        (&user, None, ["allow", "", ""], HERE, true, resource),
        (&user, Some(ROOT), ["allow", "", ""], HERE, true, ""),
        (&user, Some(ROOT), ["silent", "", ""], HERE, true, identity),
        (&user, Some(ANN), ["silent", "", ""], HERE, true, ""),
        // A boundary limits identity policies and what a role is allowed, not what the user itself is.
        (&user, None, ["allow", "silent", ""], HERE, false, boundary),
        (&user, None, ["silent", "allow", ""], HERE, false, identity),
        (&user, Some(ANN), ["silent", "silent", ""], HERE, false, ""),
        (&user, Some("*"), ["silent", "silent", ""], HERE, false, ""),
        (&session, Some(ROLE), ["silent", "silent", ""], HERE, false, boundary),
        (&session, Some(SESSION), ["silent", "silent", ""], HERE, false, ""),
        // So does a session's policy.
        (&session, None, ["allow", "allow", "silent"], HERE, false, limit),
        (&session, None, ["allow", "silent", "silent"], HERE, false, boundary),
        (&session, None, ["silent", "", "allow"], HERE, false, identity),
        (&session, Some(ROLE), ["silent", "", "silent"], HERE, false, limit),
        (&session, Some(ROLE), ["silent", "", "allow"], HERE, false, ""),
        (&session, Some(SESSION), ["silent", "", "silent"], HERE, false, ""),
        // From another account both sides allow.
        (&user, None, ["allow", "", ""], THERE, false, resource),
        (&user, Some(ROOT), ["allow", "", ""], THERE, false, ""),
        (&user, Some(ROOT), ["silent", "", ""], THERE, false, identity),
        (&user, Some(ANN), ["silent", "", ""], THERE, false, identity),
        (&user, Some("*"), ["silent", "", ""], THERE, true, identity),
        (&user, Some(ANN), ["allow", "silent", ""], THERE, true, boundary),
        (&session, Some(SESSION), ["allow", "", "silent"], THERE, true, limit),
        // A Deny anywhere wins.
        (&user, Some(ANN), ["deny", "", ""], HERE, false, by_identity),
        (&user, Some(ANN), ["allow", "deny", ""], HERE, false, by_boundary),
        (&session, Some(SESSION), ["allow", "", "deny"], HERE, true, by_session),
        (&user, Some("Deny *"), ["allow", "", ""], HERE, false, by_resource),
        (&user, denial, ["allow", "", ""], THERE, false, by_resource),
    ] {
        let said = refused(caller, principal, own, account, must_allow);
        let case = format!("{} {principal:?} {own:?} {account} {must_allow}", caller.arn);
        assert_eq!(said, expected, "{case}");
    }
}
