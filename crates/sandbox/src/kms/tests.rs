//! Authorization and key states, as tables.
#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::key::arn;
use super::*;
use crate::identity::{ACCOUNT, Principal, REGION};

fn world() -> World {
    let world = World::open(crate::Options::default(), "http://127.0.0.1:1").unwrap();
    let trust = json!({"Statement": []});
    world
        .iam(ACCOUNT)
        .create_role("example-role", "/", trust.into(), "")
        .unwrap();
    world
}

fn owner(world: &World) -> Caller {
    let (id, _) = world.iam(ACCOUNT).own_access_key();
    world.iam(ACCOUNT).caller(&id, None, REGION).unwrap()
}

fn role(world: &World) -> Caller {
    world.iam(ACCOUNT).session("example-role", "s", REGION).unwrap()
}

fn ask(world: &World, caller: &Caller, operation: &str, body: Value) -> Result<Value, String> {
    call(world, caller, operation, &body).map_err(|error| error.code)
}

fn key(world: &World) -> String {
    let made = ask(world, &owner(world), "CreateKey", json!({})).unwrap();
    made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

const ROLE: &str = "arn:aws:iam::111122223333:role/example-role";

#[test]
fn what_was_encrypted_is_decrypted_and_another_context_is_not() {
    let world = world();
    let (owner, id) = (owner(&world), key(&world));
    assert_eq!(owner.principal, Principal::User("strongroom".to_owned()));
    let context = json!({"project": "houses"});
    let sealed = ask(
        &world,
        &owner,
        "Encrypt",
        json!({"KeyId": id, "Plaintext": "aGVsbG8=", "EncryptionContext": context}),
    )
    .unwrap();
    let blob = &sealed["CiphertextBlob"];
    let opened = ask(
        &world,
        &owner,
        "Decrypt",
        json!({"CiphertextBlob": blob, "EncryptionContext": context}),
    )
    .unwrap();
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
    assert_eq!(opened["KeyId"], arn(&world.home, &id));
    let wrong = ask(&world, &owner, "Decrypt", json!({"CiphertextBlob": blob}));
    assert_eq!(wrong.unwrap_err(), "InvalidCiphertextException");
    let other = key(&world);
    let wrong = ask(
        &world,
        &owner,
        "Decrypt",
        json!({"KeyId": other, "CiphertextBlob": blob, "EncryptionContext": context}),
    );
    assert_eq!(wrong.unwrap_err(), "IncorrectKeyException");
}

#[test]
fn old_ciphertexts_open_after_a_rotation() {
    let world = world();
    let (owner, id) = (owner(&world), key(&world));
    let sealed = ask(
        &world,
        &owner,
        "GenerateDataKey",
        json!({"KeyId": id, "NumberOfBytes": 32}),
    )
    .unwrap();
    ask(&world, &owner, "RotateKeyOnDemand", json!({"KeyId": id})).unwrap();
    let opened = ask(
        &world,
        &owner,
        "Decrypt",
        json!({"CiphertextBlob": sealed["CiphertextBlob"]}),
    )
    .unwrap();
    assert_eq!(opened["Plaintext"], sealed["Plaintext"]);
}

#[test]
fn a_role_is_denied_before_its_grant_allowed_after_and_denied_once_revoked() {
    let world = world();
    let (owner, role, id) = (owner(&world), role(&world), key(&world));
    let sealed = ask(&world, &owner, "Encrypt", json!({"KeyId": id, "Plaintext": "aGVsbG8="})).unwrap();
    let decrypt = || {
        call(
            &world,
            &role,
            "Decrypt",
            &json!({"KeyId": id, "CiphertextBlob": sealed["CiphertextBlob"]}),
        )
    };
    let denied = decrypt().unwrap_err();
    assert_eq!(denied.code, "AccessDeniedException");
    assert_eq!(
        denied.message,
        format!(
            "User: arn:aws:sts::111122223333:assumed-role/example-role/s is not authorized to perform: kms:Decrypt on resource: {} because no identity-based policy allows the kms:Decrypt action",
            arn(&world.home, &id)
        )
    );
    let grant = ask(
        &world,
        &owner,
        "CreateGrant",
        json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["Decrypt"]}),
    )
    .unwrap();
    decrypt().unwrap();
    assert_eq!(
        ask(
            &world,
            &role,
            "GenerateDataKey",
            json!({"KeyId": id, "NumberOfBytes": 32})
        )
        .unwrap_err(),
        "AccessDeniedException"
    );
    ask(
        &world,
        &owner,
        "RevokeGrant",
        json!({"KeyId": id, "GrantId": grant["GrantId"]}),
    )
    .unwrap();
    assert_eq!(decrypt().unwrap_err().code, "AccessDeniedException");
}

#[test]
fn a_grant_holds_only_in_its_context() {
    let world = world();
    let (owner, role, id) = (owner(&world), role(&world), key(&world));
    let constraint = json!({"EncryptionContextSubset": {"project": "houses"}});
    ask(
        &world,
        &owner,
        "CreateGrant",
        json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["Encrypt"], "Constraints": constraint}),
    )
    .unwrap();
    for (context, allowed) in [
        (json!({"project": "houses"}), true),
        (json!({"project": "houses", "more": "x"}), true),
        (json!({"project": "cars"}), false),
        (json!({}), false),
    ] {
        let asked = ask(
            &world,
            &role,
            "Encrypt",
            json!({"KeyId": id, "Plaintext": "aGVsbG8=", "EncryptionContext": context}),
        );
        assert_eq!(asked.is_ok(), allowed, "{context}");
    }
}

#[test]
fn a_named_grant_is_made_once() {
    let world = world();
    let (owner, id) = (owner(&world), key(&world));
    let body = json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["Decrypt"], "Name": "training"});
    let first = ask(&world, &owner, "CreateGrant", body.clone()).unwrap();
    let second = ask(&world, &owner, "CreateGrant", body).unwrap();
    assert_eq!(first["GrantId"], second["GrantId"]);
    assert_ne!(first["GrantToken"], second["GrantToken"]);
    let listed = ask(&world, &owner, "ListGrants", json!({"KeyId": id})).unwrap();
    assert_eq!(listed["Grants"].as_array().unwrap().len(), 1);
}

#[test]
fn an_explicit_deny_in_the_key_policy_wins_over_everything() {
    let world = world();
    let (owner, role, id) = (owner(&world), role(&world), key(&world));
    ask(
        &world,
        &owner,
        "CreateGrant",
        json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["Encrypt"]}),
    )
    .unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": {"AWS": ROLE}, "Action": "kms:Encrypt", "Resource": "*"}
    ]});
    ask(
        &world,
        &owner,
        "PutKeyPolicy",
        json!({"KeyId": id, "Policy": policy.to_string()}),
    )
    .unwrap();
    assert_eq!(
        ask(&world, &role, "Encrypt", json!({"KeyId": id, "Plaintext": "aGVsbG8="})).unwrap_err(),
        "AccessDeniedException"
    );
}

#[test]
fn a_policy_that_locks_its_writer_out_is_refused() {
    let world = world();
    let policy =
        json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*"}]});
    let made = ask(
        &world,
        &owner(&world),
        "CreateKey",
        json!({"Policy": policy.to_string()}),
    );
    assert_eq!(made.unwrap_err(), "MalformedPolicyDocumentException");
}

#[test]
fn a_key_does_in_each_state_what_it_may() {
    const OK: &str = "ok";
    let table = [
        ("Encrypt", "DisabledException", "KMSInvalidStateException"),
        ("GenerateDataKey", "DisabledException", "KMSInvalidStateException"),
        ("CreateGrant", "DisabledException", "KMSInvalidStateException"),
        ("EnableKey", OK, "KMSInvalidStateException"),
        ("DisableKey", OK, "KMSInvalidStateException"),
        ("UpdateKeyDescription", OK, "KMSInvalidStateException"),
        ("TagResource", OK, "KMSInvalidStateException"),
        ("CreateAlias", OK, "KMSInvalidStateException"),
        ("ScheduleKeyDeletion", OK, "KMSInvalidStateException"),
        ("CancelKeyDeletion", "KMSInvalidStateException", OK),
        ("DescribeKey", OK, OK),
        ("GetKeyPolicy", OK, OK),
        ("ListGrants", OK, OK),
    ];
    for (operation, disabled, pending) in table {
        for (first, expected) in [("DisableKey", disabled), ("ScheduleKeyDeletion", pending)] {
            let world = world();
            let (owner, id) = (owner(&world), key(&world));
            ask(&world, &owner, first, json!({"KeyId": id})).unwrap();
            let body = match operation {
                "Encrypt" => json!({"KeyId": id, "Plaintext": "aGVsbG8="}),
                "GenerateDataKey" => json!({"KeyId": id, "NumberOfBytes": 32}),
                "CreateGrant" => json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["Decrypt"]}),
                "CreateAlias" => json!({"TargetKeyId": id, "AliasName": "alias/x"}),
                _ => json!({"KeyId": id, "Tags": []}),
            };
            let got = ask(&world, &owner, operation, body).map_or_else(|code| code, |_| OK.to_owned());
            assert_eq!(got, expected, "{operation} after {first}");
        }
    }
}

#[test]
fn a_cancelled_deletion_leaves_the_key_disabled() {
    let world = world();
    let (owner, id) = (owner(&world), key(&world));
    ask(
        &world,
        &owner,
        "ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 7}),
    )
    .unwrap();
    ask(&world, &owner, "CancelKeyDeletion", json!({"KeyId": id})).unwrap();
    let described = ask(&world, &owner, "DescribeKey", json!({"KeyId": id})).unwrap();
    assert_eq!(described["KeyMetadata"]["KeyState"], "Disabled");
}

#[test]
fn every_key_is_listed_once_however_short_the_pages() {
    let world = world();
    let owner = owner(&world);
    let mut made: Vec<_> = (0..7).map(|_| key(&world)).collect();
    let mut seen = Vec::new();
    let mut marker = Value::Null;
    loop {
        let page = ask(&world, &owner, "ListKeys", json!({"Limit": 3, "Marker": marker})).unwrap();
        seen.extend(
            page["Keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key["KeyId"].as_str().unwrap().to_owned()),
        );
        if page["Truncated"] == false {
            break;
        }
        marker = page["NextMarker"].clone();
    }
    made.sort();
    assert_eq!(seen, made);
}

#[test]
fn a_dry_run_says_so_and_does_nothing() {
    let world = world();
    let (owner, id) = (owner(&world), key(&world));
    let body = json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["Decrypt"], "DryRun": true});
    assert_eq!(
        ask(&world, &owner, "CreateGrant", body).unwrap_err(),
        "DryRunOperationException"
    );
    let listed = ask(&world, &owner, "ListGrants", json!({"KeyId": id})).unwrap();
    assert!(listed["Grants"].as_array().unwrap().is_empty());
}

#[test]
fn a_grant_is_unseen_without_its_token_until_it_has_spread() {
    let options = crate::Options {
        grant_delay: std::time::Duration::from_secs(300),
        ..crate::Options::default()
    };
    let world = World::open(options, "http://127.0.0.1:1").unwrap();
    let trust = json!({"Statement": []});
    world
        .iam(ACCOUNT)
        .create_role("example-role", "/", trust.into(), "")
        .unwrap();
    let (owner, role, id) = (owner(&world), role(&world), key(&world));
    let made = |body: Value| ask(&world, &owner, "CreateGrant", body).unwrap()["GrantToken"].clone();
    let token = made(json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["Encrypt"]}));
    let other = key(&world);
    let foreign = made(json!({"KeyId": other, "GranteePrincipal": ROLE, "Operations": ["Encrypt"]}));
    let encrypt = |tokens: Value| {
        let body = json!({"KeyId": id, "Plaintext": "aGVsbG8=", "GrantTokens": tokens});
        ask(&world, &role, "Encrypt", body).map(drop)
    };
    assert_eq!(encrypt(json!([])).unwrap_err(), "AccessDeniedException");
    assert_eq!(encrypt(json!([foreign])).unwrap_err(), "InvalidGrantTokenException");
    encrypt(json!([token])).unwrap();
    world.clock.advance(jiff::SignedDuration::from_secs(300));
    encrypt(json!([])).unwrap();
}

#[test]
fn a_grantee_that_may_grant_passes_on_no_more_than_it_has() {
    let world = world();
    let (owner, role, id) = (owner(&world), role(&world), key(&world));
    let subset = json!({"EncryptionContextSubset": {"project": "houses"}});
    let parent =
        json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["CreateGrant", "Decrypt"], "Constraints": subset});
    ask(&world, &owner, "CreateGrant", parent).unwrap();
    let equals = |project: &str| json!({"EncryptionContextEquals": {"project": project, "tier": "gold"}});
    for (operations, constraints, passes) in [
        (json!(["Decrypt"]), subset.clone(), true),
        (json!(["Decrypt"]), equals("houses"), true),
        (json!(["Decrypt"]), equals("cars"), false),
        (json!(["Decrypt"]), Value::Null, false),
        (json!(["Encrypt"]), subset.clone(), false),
        (json!(["Decrypt", "Encrypt"]), subset.clone(), false),
    ] {
        let body = json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": operations, "Constraints": constraints});
        assert_eq!(
            ask(&world, &role, "CreateGrant", body.clone()).is_ok(),
            passes,
            "{body}"
        );
    }
}

#[test]
fn a_grant_is_retired_by_whom_it_names_and_by_its_token() {
    let world = world();
    let (owner, role, id) = (owner(&world), role(&world), key(&world));
    let grant = |more: Value| {
        let body = json!({"KeyId": id, "GranteePrincipal": ROLE, "Operations": ["Encrypt"]});
        ask(&world, &owner, "CreateGrant", with(body, more)).unwrap()
    };
    let plain = grant(json!({}));
    let retire = |token: &Value| ask(&world, &role, "RetireGrant", json!({"GrantToken": token})).map(drop);
    assert_eq!(retire(&plain["GrantToken"]).unwrap_err(), "AccessDeniedException");
    let retirable = grant(json!({"RetiringPrincipal": ROLE}));
    let listed = ask(
        &world,
        &owner,
        "ListRetirableGrants",
        json!({"RetiringPrincipal": ROLE}),
    )
    .unwrap();
    assert_eq!(listed["Grants"][0]["GrantId"], retirable["GrantId"]);
    retire(&retirable["GrantToken"]).unwrap();
    retire(&grant(json!({"Operations": ["RetireGrant"]}))["GrantToken"]).unwrap();
    assert_eq!(
        retire(&retirable["GrantToken"]).unwrap_err(),
        "InvalidGrantTokenException"
    );
    let left = ask(&world, &owner, "ListGrants", json!({"KeyId": id})).unwrap();
    assert_eq!(left["Grants"].as_array().unwrap().len(), 1);
}

#[test]
fn a_key_rotates_by_calendar_while_it_is_enabled_and_goes_when_its_time_is_up() {
    let world = world();
    let (owner, id) = (owner(&world), key(&world));
    let do_it = |operation: &str, more: Value| ask(&world, &owner, operation, with(json!({"KeyId": id}), more));
    do_it("EnableKeyRotation", json!({"RotationPeriodInDays": 100})).unwrap();
    let rotations = || {
        do_it("ListKeyRotations", json!({})).unwrap()["Rotations"]
            .as_array()
            .unwrap()
            .len()
    };
    let days = |days: i64| world.clock.advance(jiff::SignedDuration::from_hours(24 * days));
    days(99);
    assert_eq!(rotations(), 0);
    days(301);
    assert_eq!(rotations(), 4);
    do_it("DisableKey", json!({})).unwrap();
    days(100);
    assert_eq!(rotations(), 4);
    do_it("EnableKey", json!({})).unwrap();
    assert_eq!(rotations(), 5);
    do_it("ScheduleKeyDeletion", json!({"PendingWindowInDays": 7})).unwrap();
    days(7);
    assert_eq!(do_it("DescribeKey", json!({})).unwrap_err(), "NotFoundException");
}
