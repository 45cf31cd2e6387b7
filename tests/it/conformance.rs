//! The table of `tests/conformance/kms.txt`, cell by cell, with the Rust SDK. `tests/interop` does the same with boto3.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, GrantConstraints, GrantOperation, Tag};
use aws_sdk_kms::{Client, Config};
use futures::{StreamExt, stream};
use serde_json::json;
use strongroom_sandbox::{Options, Sandbox};
use tokio::sync::OnceCell;

const TABLE: &str = include_str!("../conformance/kms.txt");
const ROLE: &str = "arn:aws:iam::111122223333:role/worker";
const PLAIN: &str = "arn:aws:iam::111122223333:user/plain";
const REFUSED: &str = "arn:aws:iam::111122223333:user/refused";
/// What changes a key so that nobody else can use it any more.
const CHANGING: [&str; 9] = [
    "EnableKey",
    "DisableKey",
    "ScheduleKeyDeletion",
    "CancelKeyDeletion",
    "PutKeyPolicy",
    "RetireGrant",
    "RevokeGrant",
    "CreateAlias",
    "DeleteAlias",
];

/// One cell.
#[derive(Debug, Clone)]
struct Case {
    operation: &'static str,
    state: &'static str,
    situation: char,
    expected: &'static str,
}

fn cases() -> Vec<Case> {
    let mut rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    let situations: Vec<char> = rows
        .next()
        .unwrap()
        .split_whitespace()
        .skip(2)
        .map(|name| name.chars().next().unwrap())
        .collect();
    rows.flat_map(|row| {
        let mut words = row.split_whitespace();
        let (operation, state) = (words.next().unwrap(), words.next().unwrap());
        let cells: Vec<_> = situations.iter().copied().zip(words).collect();
        assert_eq!(cells.len(), situations.len(), "{row}");
        cells.into_iter().map(move |(situation, expected)| Case {
            operation,
            state,
            situation,
            expected,
        })
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_in_every_state_by_whoever_asks_answers_as_the_table_says() {
    let world = Arc::new(World::new().await);
    let cases = cases();
    assert!(cases.len() > 1000);
    let wrong: Vec<String> = stream::iter(cases)
        .map(|case| {
            let world = Arc::clone(&world);
            async move {
                let got = world.ask(&case).await;
                (got != case.expected).then(|| format!("{case:?}: {got}"))
            }
        })
        .buffer_unordered(8)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

struct World {
    #[expect(dead_code, reason = "it serves for as long as it lives")]
    sandbox: Sandbox,
    owner: Client,
    allowed: Client,
    plain: Client,
    refused: Client,
    session: Client,
    /// Keys that no case has changed, by key policy, situation and state.
    keys: tokio::sync::Mutex<HashMap<String, Arc<OnceCell<Key>>>>,
}

/// A key in the state and situation of a case.
#[derive(Debug, Clone)]
struct Key {
    id: String,
    policy: String,
    blob: Blob,
    /// Of the situation, or somebody else's.
    grant: String,
    alias: String,
}

impl World {
    async fn new() -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let http = aws_smithy_http_client::Builder::new().build_http();
        let own = Credentials::new(sandbox.access_key_id(), sandbox.secret_access_key(), None, None, "test");
        let iam = aws_sdk_iam::Client::from_conf(
            aws_sdk_iam::Config::builder()
                .behavior_version(aws_sdk_iam::config::BehaviorVersion::latest())
                .region(aws_sdk_iam::config::Region::new("us-east-1"))
                .endpoint_url(sandbox.endpoint_url())
                .http_client(http.clone())
                .credentials_provider(own.clone())
                .build(),
        );
        let sts = aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::Config::builder()
                .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
                .region(aws_sdk_sts::config::Region::new("us-east-1"))
                .endpoint_url(sandbox.endpoint_url())
                .http_client(http.clone())
                .credentials_provider(own.clone())
                .build(),
        );
        let kms = |credentials: Credentials| {
            let config = Config::builder()
                .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
                .region(aws_sdk_kms::config::Region::new("us-east-1"))
                .endpoint_url(sandbox.endpoint_url())
                .http_client(http.clone())
                .credentials_provider(credentials)
                .build();
            Client::from_conf(config)
        };
        let user = async |name: &str, effect: Option<&str>| {
            iam.create_user().user_name(name).send().await.unwrap();
            if let Some(effect) = effect {
                let document = json!({ "Version": "2012-10-17", "Statement": [{
                    "Effect": effect, "Action": "kms:*", "Resource": "*"
                }] });
                let put = iam.put_user_policy().user_name(name).policy_name("kms");
                put.policy_document(document.to_string()).send().await.unwrap();
            }
            let made = iam.create_access_key().user_name(name).send().await.unwrap();
            let key = made.access_key.unwrap();
            kms(Credentials::new(
                key.access_key_id,
                key.secret_access_key,
                None,
                None,
                "test",
            ))
        };
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:user/strongroom" },
            "Action": "sts:AssumeRole"
        }] });
        let role = iam.create_role().role_name("worker");
        role.assume_role_policy_document(trust.to_string())
            .send()
            .await
            .unwrap();
        let assumed = sts.assume_role().role_arn(ROLE).role_session_name("test").send().await;
        let session = assumed.unwrap().credentials.unwrap();
        Self {
            owner: kms(own.clone()),
            allowed: user("allowed", Some("Allow")).await,
            plain: user("plain", None).await,
            refused: user("refused", Some("Deny")).await,
            session: kms(Credentials::new(
                session.access_key_id,
                session.secret_access_key,
                Some(session.session_token),
                None,
                "test",
            )),
            keys: tokio::sync::Mutex::default(),
            sandbox,
        }
    }

    /// What the case answers, in the words of the table.
    async fn ask(&self, case: &Case) -> &'static str {
        let key = if CHANGING.contains(&case.operation) && case.expected == "ok" {
            self.make(case).await
        } else {
            let is_aliased = case.operation == "DeleteAlias";
            let name = format!("{} {} {} {is_aliased}", policy(case), case.situation, case.state);
            let cell = Arc::clone(self.keys.lock().await.entry(name).or_default());
            cell.get_or_init(|| self.make(case)).await.clone()
        };
        let client = match case.situation {
            'A' | 'B' => &self.allowed,
            'J' => &self.refused,
            'E'..='H' | 'K' => &self.session,
            _ => &self.plain,
        };
        match call(client, case, &key).await {
            Ok(()) => "ok",
            Err(code) => match code.as_str() {
                "AccessDeniedException" => "denied",
                "DisabledException" => "disabled",
                "KMSInvalidStateException" => "invalid",
                "NotFoundException" => "missing",
                other => Box::leak(other.to_owned().into_boxed_str()),
            },
        }
    }

    async fn make(&self, case: &Case) -> Key {
        let policy = policy(case);
        let made = self.owner.create_key().policy(&policy).send().await.unwrap();
        let id = made.key_metadata.unwrap().key_id;
        let encrypt = self.owner.encrypt().key_id(&id).plaintext(Blob::new("hello"));
        let sealed = encrypt
            .set_encryption_context(Some(context(case)))
            .send()
            .await
            .unwrap();
        let mut operations = vec![GrantOperation::GenerateDataKeyPair];
        if case.situation != 'F' {
            operations.extend([
                GrantOperation::Encrypt,
                GrantOperation::Decrypt,
                GrantOperation::ReEncryptFrom,
                GrantOperation::ReEncryptTo,
                GrantOperation::GenerateDataKey,
                GrantOperation::GenerateDataKeyWithoutPlaintext,
                GrantOperation::DescribeKey,
                GrantOperation::CreateGrant,
                GrantOperation::RetireGrant,
            ]);
        }
        let grantee = match case.situation {
            'E'..='H' | 'K' => ROLE,
            _ => "arn:aws:iam::111122223333:user/allowed",
        };
        if grantee != ROLE {
            operations = vec![GrantOperation::GenerateDataKeyPair];
        }
        let mut grant = self.owner.create_grant().key_id(&id).grantee_principal(grantee);
        if matches!(case.situation, 'G' | 'H') {
            let only = GrantConstraints::builder().encryption_context_equals("project", "houses");
            grant = grant.constraints(only.build());
        }
        let grant = grant.set_operations(Some(operations)).send().await.unwrap();
        let alias = format!("alias/{id}");
        if case.operation == "DeleteAlias" {
            let create = self.owner.create_alias().alias_name(&alias).target_key_id(&id);
            create.send().await.unwrap();
        }
        match case.state {
            "Disabled" => drop(self.owner.disable_key().key_id(&id).send().await.unwrap()),
            "PendingDeletion" => drop(self.owner.schedule_key_deletion().key_id(&id).send().await.unwrap()),
            _ => {}
        }
        Key {
            id: if case.state == "Absent" {
                "1234abcd-12ab-34cd-56ef-1234567890ab".to_owned()
            } else {
                id
            },
            policy,
            blob: sealed.ciphertext_blob.unwrap(),
            grant: grant.grant_id.unwrap(),
            alias: if case.state == "Absent" {
                "alias/nowhere".to_owned()
            } else {
                alias
            },
        }
    }
}

fn context(case: &Case) -> HashMap<String, String> {
    let project = if matches!(case.situation, 'H' | 'M') {
        "cars"
    } else {
        "houses"
    };
    HashMap::from([("project".to_owned(), project.to_owned())])
}

/// The key policy of a situation; its first statement lets the owner set the scene.
fn policy(case: &Case) -> String {
    let own = match case.operation {
        "ReEncrypt" => vec!["kms:ReEncryptFrom".to_owned(), "kms:ReEncryptTo".to_owned()],
        operation => vec![format!("kms:{operation}")],
    };
    let statement = |effect: &str, principal: &str| json!({ "Effect": effect, "Principal": { "AWS": principal }, "Action": "kms:*", "Resource": "*" });
    let root = || statement("Allow", "arn:aws:iam::111122223333:root");
    let with = |name: &str, value: serde_json::Value| {
        let mut statement = statement("Allow", PLAIN);
        if name != "Condition" {
            statement.as_object_mut().unwrap().remove("Action");
        }
        statement[name] = value;
        statement
    };
    let more = match case.situation {
        'B' => vec![],
        'C' => vec![statement("Allow", PLAIN)],
        'I' => vec![root(), statement("Allow", PLAIN), statement("Deny", PLAIN)],
        'J' => vec![statement("Allow", REFUSED)],
        'K' => vec![root(), statement("Deny", ROLE)],
        'L' | 'M' => vec![with(
            "Condition",
            json!({ "StringEquals": { "kms:EncryptionContext:project": "houses" } }),
        )],
        'N' => vec![with("Action", json!(own))],
        'O' => vec![with("NotAction", json!(own))],
        _ => vec![root()],
    };
    let owner = statement("Allow", "arn:aws:iam::111122223333:user/strongroom");
    let statements: Vec<_> = std::iter::once(owner).chain(more).collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Makes the call of a case; the error is its code.
async fn call(client: &Client, case: &Case, key: &Key) -> Result<(), String> {
    macro_rules! answer {
        ($call:expr) => {
            $call
                .send()
                .await
                .map(drop)
                .map_err(|error| error.into_service_error().code().unwrap_or("no code").to_owned())
        };
    }
    let (id, context) = (key.id.as_str(), Some(context(case)));
    match case.operation {
        "Encrypt" => answer!(
            client
                .encrypt()
                .key_id(id)
                .plaintext(Blob::new("hello"))
                .set_encryption_context(context)
        ),
        "Decrypt" => answer!(
            client
                .decrypt()
                .key_id(id)
                .ciphertext_blob(key.blob.clone())
                .set_encryption_context(context)
        ),
        "ReEncrypt" => answer!(
            client
                .re_encrypt()
                .source_key_id(id)
                .destination_key_id(id)
                .ciphertext_blob(key.blob.clone())
                .set_source_encryption_context(context.clone())
                .set_destination_encryption_context(context)
        ),
        "GenerateDataKey" => answer!(
            client
                .generate_data_key()
                .key_id(id)
                .key_spec(DataKeySpec::Aes256)
                .set_encryption_context(context)
        ),
        "GenerateDataKeyWithoutPlaintext" => answer!(
            client
                .generate_data_key_without_plaintext()
                .key_id(id)
                .number_of_bytes(32)
                .set_encryption_context(context)
        ),
        "CreateGrant" => answer!(
            client
                .create_grant()
                .key_id(id)
                .grantee_principal(PLAIN)
                .operations(GrantOperation::Encrypt)
        ),
        "RetireGrant" => answer!(client.retire_grant().key_id(id).grant_id(&key.grant)),
        "RevokeGrant" => answer!(client.revoke_grant().key_id(id).grant_id(&key.grant)),
        "ListGrants" => answer!(client.list_grants().key_id(id)),
        "DescribeKey" => answer!(client.describe_key().key_id(id)),
        "EnableKey" => answer!(client.enable_key().key_id(id)),
        "DisableKey" => answer!(client.disable_key().key_id(id)),
        "ScheduleKeyDeletion" => answer!(client.schedule_key_deletion().key_id(id).pending_window_in_days(7)),
        "CancelKeyDeletion" => answer!(client.cancel_key_deletion().key_id(id)),
        "UpdateKeyDescription" => answer!(client.update_key_description().key_id(id).description("x")),
        "GetKeyPolicy" => answer!(client.get_key_policy().key_id(id)),
        "PutKeyPolicy" => answer!(
            client
                .put_key_policy()
                .key_id(id)
                .policy(&key.policy)
                .bypass_policy_lockout_safety_check(true)
        ),
        "ListKeyPolicies" => answer!(client.list_key_policies().key_id(id)),
        "EnableKeyRotation" => answer!(client.enable_key_rotation().key_id(id)),
        "DisableKeyRotation" => answer!(client.disable_key_rotation().key_id(id)),
        "GetKeyRotationStatus" => answer!(client.get_key_rotation_status().key_id(id)),
        "RotateKeyOnDemand" => answer!(client.rotate_key_on_demand().key_id(id)),
        "ListKeyRotations" => answer!(client.list_key_rotations().key_id(id)),
        "TagResource" => {
            let tag = Tag::builder().tag_key("a").tag_value("b").build().unwrap();
            answer!(client.tag_resource().key_id(id).tags(tag))
        }
        "UntagResource" => answer!(client.untag_resource().key_id(id).tag_keys("a")),
        "ListResourceTags" => answer!(client.list_resource_tags().key_id(id)),
        "CreateAlias" => answer!(
            client
                .create_alias()
                .alias_name(format!("{}-new", key.alias))
                .target_key_id(id)
        ),
        "DeleteAlias" => answer!(client.delete_alias().alias_name(&key.alias)),
        other => Err(format!("the table names {other}")),
    }
}

#[test]
fn the_table_has_a_row_for_every_state_of_every_operation() {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases().iter().filter(|case| case.situation == 'A') {
        *rows.entry(case.operation).or_default() += 1;
    }
    assert!(rows.len() >= 28 && rows.values().all(|states| *states == 4), "{rows:?}");
}
