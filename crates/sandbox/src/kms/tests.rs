//! Authorization and key states, as tables.

use jiff::SignedDuration;

use super::key::arn;
use super::*;
use crate::Options;
use crate::identity::{ACCOUNT, REGION};

const ROLE: &str = "arn:aws:iam::111122223333:role/example-role";
const DENIED: &str = "AccessDeniedException";

/// A world with a role and a key.
struct Keys {
    world: World,
    owner: Caller,
    role: Caller,
    id: String,
}

impl Keys {
    fn new() -> Self {
        Self::of(Options::default())
    }

    fn of(options: Options) -> Self {
        let world = World::scratch(options);
        let (trust, owner) = (json!({"Statement": []}), world.owner());
        let mut iam = world.iam(ACCOUNT);
        iam.create_role("example-role", "/", trust.into(), "").unwrap();
        let role = iam.session("example-role", "s", REGION).unwrap();
        drop(iam);
        let id = another(&world, &owner);
        Self { world, owner, role, id }
    }

    fn ask(&self, caller: &Caller, operation: &str, body: Value) -> Result<Value, String> {
        call(&self.world, caller, operation, &body).map_err(|error| error.code)
    }

    /// Something about the key, as the owner of the account.
    fn own(&self, operation: &str, more: Value) -> Result<Value, String> {
        self.ask(&self.owner, operation, with(json!({"KeyId": self.id}), more))
    }

    /// The same as the role.
    fn by_role(&self, operation: &str, more: Value) -> Result<Value, String> {
        self.ask(&self.role, operation, with(json!({"KeyId": self.id}), more))
    }

    /// Grants the role Encrypt, or something else.
    fn grant(&self, more: Value) -> Value {
        let usual = json!({"GranteePrincipal": ROLE, "Operations": ["Encrypt"]});
        self.own("CreateGrant", with(usual, more)).unwrap()
    }

    fn grants(&self) -> Vec<Value> {
        let listed = self.own("ListGrants", json!({})).unwrap();
        listed["Grants"].as_array().unwrap().clone()
    }

    /// Whether the role may encrypt, besides saying more.
    fn encrypts(&self, more: Value) -> Result<(), String> {
        let plaintext = json!({"Plaintext": "aGVsbG8="});
        self.by_role("Encrypt", with(plaintext, more)).map(drop)
    }

    fn pass_days(&self, days: i64) {
        self.world.clock.advance(SignedDuration::from_hours(24 * days));
    }
}

/// One more key.
fn another(world: &World, owner: &Caller) -> String {
    let made = call(world, owner, "CreateKey", &json!({})).unwrap();
    made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_encrypted_is_decrypted_and_another_context_is_not() {
    let keys = Keys::new();
    assert_eq!(keys.owner.principal, Principal::User("strongroom".to_owned()));
    let context = json!({"EncryptionContext": {"project": "houses"}});
    let plaintext = with(json!({"Plaintext": "aGVsbG8="}), context.clone());
    let sealed = keys.own("Encrypt", plaintext).unwrap();
    let decrypt = |more: Value| {
        let blob = json!({"CiphertextBlob": sealed["CiphertextBlob"]});
        keys.ask(&keys.owner, "Decrypt", with(blob, more))
    };
    let opened = decrypt(context.clone()).unwrap();
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
    assert_eq!(opened["KeyId"], arn(&keys.world.home, &keys.id));
    assert_eq!(decrypt(json!({})).unwrap_err(), "InvalidCiphertextException");
    let other = json!({"KeyId": another(&keys.world, &keys.owner)});
    assert_eq!(decrypt(with(other, context)).unwrap_err(), "IncorrectKeyException");
}

#[test]
fn old_ciphertexts_open_after_a_rotation() {
    let keys = Keys::new();
    let sealed = keys.own("GenerateDataKey", json!({"NumberOfBytes": 32})).unwrap();
    keys.own("RotateKeyOnDemand", json!({})).unwrap();
    let blob = json!({"CiphertextBlob": sealed["CiphertextBlob"]});
    let opened = keys.ask(&keys.owner, "Decrypt", blob).unwrap();
    assert_eq!(opened["Plaintext"], sealed["Plaintext"]);
}

#[test]
fn a_role_is_denied_before_its_grant_allowed_after_and_denied_once_revoked() {
    let keys = Keys::new();
    let sealed = keys.own("Encrypt", json!({"Plaintext": "aGVsbG8="})).unwrap();
    let blob = json!({"KeyId": keys.id, "CiphertextBlob": sealed["CiphertextBlob"]});
    let decrypt = || call(&keys.world, &keys.role, "Decrypt", &blob);
    let denied = decrypt().unwrap_err();
    assert_eq!(denied.code, DENIED);
    let words = format!(
        "User: arn:aws:sts::111122223333:assumed-role/example-role/s is not authorized to perform: kms:Decrypt on \
         resource: {} because no identity-based policy allows the kms:Decrypt action",
        arn(&keys.world.home, &keys.id)
    );
    assert_eq!(denied.message, words);
    let grant = keys.grant(json!({"Operations": ["Decrypt"]}));
    decrypt().unwrap();
    let data_key = keys.by_role("GenerateDataKey", json!({"NumberOfBytes": 32}));
    assert_eq!(data_key.unwrap_err(), DENIED);
    keys.own("RevokeGrant", json!({"GrantId": grant["GrantId"]})).unwrap();
    assert_eq!(decrypt().unwrap_err().code, DENIED);
}

#[test]
fn a_grant_holds_only_in_its_context() {
    let keys = Keys::new();
    keys.grant(json!({"Constraints": {"EncryptionContextSubset": {"project": "houses"}}}));
    for (context, allowed) in [
        (json!({"project": "houses"}), true),
        (json!({"project": "houses", "more": "x"}), true),
        (json!({"project": "cars"}), false),
        (json!({}), false),
    ] {
        let asked = keys.encrypts(json!({"EncryptionContext": context}));
        assert_eq!(asked.is_ok(), allowed, "{context}");
    }
}

#[test]
fn a_named_grant_is_made_once() {
    let keys = Keys::new();
    let [first, second] = [(); 2].map(|()| keys.grant(json!({"Name": "training"})));
    assert_eq!(first["GrantId"], second["GrantId"]);
    assert_ne!(first["GrantToken"], second["GrantToken"]);
    assert_eq!(keys.grants().len(), 1);
}

#[test]
fn an_explicit_deny_in_the_key_policy_wins_over_everything() {
    let keys = Keys::new();
    keys.grant(json!({}));
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": {"AWS": ROLE}, "Action": "kms:Encrypt", "Resource": "*"}
    ]});
    keys.own("PutKeyPolicy", json!({"Policy": policy.to_string()})).unwrap();
    assert_eq!(keys.encrypts(json!({})).unwrap_err(), DENIED);
}

#[test]
fn a_policy_that_locks_its_writer_out_is_refused() {
    let keys = Keys::new();
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*"});
    let policy = json!({"Policy": json!({"Statement": [statement]}).to_string()});
    let made = keys.ask(&keys.owner, "CreateKey", policy);
    assert_eq!(made.unwrap_err(), "MalformedPolicyDocumentException");
}

#[test]
fn a_key_does_in_each_state_what_it_may() {
    const OK: &str = "ok";
    const DISABLED: &str = "DisabledException";
    const STATE: &str = "KMSInvalidStateException";
    let table = [
        ("Encrypt", json!({"Plaintext": "aGVsbG8="}), DISABLED, STATE),
        ("GenerateDataKey", json!({"NumberOfBytes": 32}), DISABLED, STATE),
        (
            "CreateGrant",
            json!({"GranteePrincipal": ROLE, "Operations": ["Decrypt"]}),
            DISABLED,
            STATE,
        ),
        ("EnableKey", json!({}), OK, STATE),
        ("DisableKey", json!({}), OK, STATE),
        ("UpdateKeyDescription", json!({}), OK, STATE),
        ("TagResource", json!({"Tags": []}), OK, STATE),
        ("ScheduleKeyDeletion", json!({}), OK, STATE),
        ("CancelKeyDeletion", json!({}), STATE, OK),
        ("DescribeKey", json!({}), OK, OK),
        ("GetKeyPolicy", json!({}), OK, OK),
        ("ListGrants", json!({}), OK, OK),
    ];
    for (first, is_pending) in [("DisableKey", false), ("ScheduleKeyDeletion", true)] {
        let told = |asked: Result<Value, String>| asked.map_or_else(|code| code, |_| OK.to_owned());
        for (operation, more, disabled, pending) in &table {
            let keys = Keys::new();
            keys.own(first, json!({})).unwrap();
            let expected = if is_pending { pending } else { disabled };
            let got = told(keys.own(operation, more.clone()));
            assert_eq!(got, **expected, "{operation} after {first}");
        }
        let keys = Keys::new();
        keys.own(first, json!({})).unwrap();
        let alias = json!({"TargetKeyId": keys.id, "AliasName": "alias/x"});
        let expected = if is_pending { STATE } else { OK };
        let got = told(keys.ask(&keys.owner, "CreateAlias", alias));
        assert_eq!(got, expected, "CreateAlias after {first}");
    }
}

#[test]
fn a_cancelled_deletion_leaves_the_key_disabled() {
    let keys = Keys::new();
    keys.own("ScheduleKeyDeletion", json!({"PendingWindowInDays": 7}))
        .unwrap();
    keys.own("CancelKeyDeletion", json!({})).unwrap();
    let described = keys.own("DescribeKey", json!({})).unwrap();
    assert_eq!(described["KeyMetadata"]["KeyState"], "Disabled");
}

#[test]
fn every_key_is_listed_once_however_short_the_pages() {
    let keys = Keys::new();
    let mut made: Vec<_> = (0..6).map(|_| another(&keys.world, &keys.owner)).collect();
    made.push(keys.id.clone());
    let (mut seen, mut marker) = (Vec::new(), Value::Null);
    loop {
        let request = json!({"Limit": 3, "Marker": marker});
        let page = keys.ask(&keys.owner, "ListKeys", request).unwrap();
        let rows = page["Keys"].as_array().unwrap().iter();
        seen.extend(rows.map(|key| key["KeyId"].as_str().unwrap().to_owned()));
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
    let keys = Keys::new();
    let body = json!({"GranteePrincipal": ROLE, "Operations": ["Decrypt"], "DryRun": true});
    let refused = keys.own("CreateGrant", body).unwrap_err();
    assert_eq!(refused, "DryRunOperationException");
    assert!(keys.grants().is_empty());
}

#[test]
fn a_grant_is_unseen_without_its_token_until_it_has_spread() {
    let keys = Keys::of(Options {
        grant_delay: Duration::from_secs(300),
        ..Options::default()
    });
    let token = keys.grant(json!({}))["GrantToken"].clone();
    let other = another(&keys.world, &keys.owner);
    let foreign = keys.grant(json!({"KeyId": other}))["GrantToken"].clone();
    let encrypt = |tokens: Value| keys.encrypts(json!({"GrantTokens": tokens}));
    assert_eq!(encrypt(json!([])).unwrap_err(), DENIED);
    assert_eq!(encrypt(json!([foreign])).unwrap_err(), "InvalidGrantTokenException");
    encrypt(json!([token])).unwrap();
    keys.world.clock.advance(SignedDuration::from_secs(300));
    encrypt(json!([])).unwrap();
}

#[test]
fn a_grantee_that_may_grant_passes_on_no_more_than_it_has() {
    let keys = Keys::new();
    let subset = json!({"EncryptionContextSubset": {"project": "houses"}});
    keys.grant(json!({"Operations": ["CreateGrant", "Decrypt"], "Constraints": subset}));
    let equals = |project: &str| json!({"EncryptionContextEquals": {"project": project, "tier": "gold"}});
    for (operations, constraints, passes) in [
        (json!(["Decrypt"]), subset.clone(), true),
        (json!(["Decrypt"]), equals("houses"), true),
        (json!(["Decrypt"]), equals("cars"), false),
        (json!(["Decrypt"]), Value::Null, false),
        (json!(["Encrypt"]), subset.clone(), false),
        (json!(["Decrypt", "Encrypt"]), subset.clone(), false),
    ] {
        let body = json!({"GranteePrincipal": ROLE, "Operations": operations, "Constraints": constraints});
        let made = keys.by_role("CreateGrant", body.clone());
        assert_eq!(made.is_ok(), passes, "{body}");
    }
}

#[test]
fn a_grant_is_retired_by_whom_it_names_and_by_its_token() {
    let keys = Keys::new();
    let retire = |grant: &Value| {
        let token = json!({"GrantToken": grant["GrantToken"]});
        keys.ask(&keys.role, "RetireGrant", token).map(drop)
    };
    assert_eq!(retire(&keys.grant(json!({}))).unwrap_err(), DENIED);
    let retirable = keys.grant(json!({"RetiringPrincipal": ROLE}));
    let role = json!({"RetiringPrincipal": ROLE});
    let listed = keys.ask(&keys.owner, "ListRetirableGrants", role).unwrap();
    assert_eq!(listed["Grants"][0]["GrantId"], retirable["GrantId"]);
    retire(&retirable).unwrap();
    retire(&keys.grant(json!({"Operations": ["RetireGrant"]}))).unwrap();
    assert_eq!(retire(&retirable).unwrap_err(), "InvalidGrantTokenException");
    assert_eq!(keys.grants().len(), 1);
}

#[test]
fn a_key_rotates_by_calendar_while_it_is_enabled_and_goes_when_its_time_is_up() {
    let keys = Keys::new();
    let rotation = json!({"RotationPeriodInDays": 100});
    keys.own("EnableKeyRotation", rotation).unwrap();
    let rotations = || {
        let listed = keys.own("ListKeyRotations", json!({})).unwrap();
        listed["Rotations"].as_array().unwrap().len()
    };
    keys.pass_days(99);
    assert_eq!(rotations(), 0);
    keys.pass_days(301);
    assert_eq!(rotations(), 4);
    keys.own("DisableKey", json!({})).unwrap();
    keys.pass_days(100);
    assert_eq!(rotations(), 4);
    keys.own("EnableKey", json!({})).unwrap();
    assert_eq!(rotations(), 5);
    keys.own("ScheduleKeyDeletion", json!({"PendingWindowInDays": 7}))
        .unwrap();
    keys.pass_days(7);
    let described = keys.own("DescribeKey", json!({}));
    assert_eq!(described.unwrap_err(), "NotFoundException");
}
