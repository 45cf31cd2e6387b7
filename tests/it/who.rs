//! Who can use a key, and who did: the sandbox's event history against what was really called, the command line, and the
//! dashboard.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudtrail::operation::lookup_events::LookupEventsOutput;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use serde_json::{Value, json};

use crate::place::{Place, access};
use crate::pty::ENTER;

#[path = "who/page.rs"]
mod page;

const CALLS: usize = 1000;
/// Between two calls of LookupEvents, of which two a second are allowed.
const PACE: Duration = Duration::from_millis(510);

/// What a call was: by whom, what, with which context, and its error.
type Made = (String, String, Value, Option<String>);

/// Somebody who uses a key.
struct Somebody {
    arn: String,
    kms: aws_sdk_kms::Client,
}

impl Somebody {
    fn new(place: &Place, arn: &str, credentials: Credentials) -> Self {
        let config = place.sdk().to_builder();
        let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
        Self {
            arn: arn.to_owned(),
            kms: aws_sdk_kms::Client::new(&config.build()),
        }
    }

    /// One of four calls by the dice, on the key; what it was.
    async fn call(&self, dice: &mut fastrand::Rng, key: &str, blob: &Blob) -> Made {
        let team = ["blue", "green", "red"][dice.usize(..3)];
        let context = json!({ "team": team });
        let (operation, context, code) = match dice.usize(..4) {
            0 => {
                let call = self.kms.encrypt().key_id(key).plaintext(Blob::new("hidden-words"));
                let done = call.encryption_context("team", team).send().await;
                (
                    "Encrypt",
                    context,
                    done.err().and_then(|error| error.code().map(str::to_owned)),
                )
            }
            1 => {
                // It was made for blue.
                let call = self.kms.decrypt().key_id(key).ciphertext_blob(blob.clone());
                let done = call.encryption_context("team", team).send().await;
                (
                    "Decrypt",
                    context,
                    done.err().and_then(|error| error.code().map(str::to_owned)),
                )
            }
            2 => {
                let call = self.kms.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256);
                let done = call.encryption_context("team", team).send().await;
                (
                    "GenerateDataKey",
                    context,
                    done.err().and_then(|error| error.code().map(str::to_owned)),
                )
            }
            _ => {
                let done = self.kms.describe_key().key_id(key).send().await;
                (
                    "DescribeKey",
                    Value::Null,
                    done.err().and_then(|error| error.code().map(str::to_owned)),
                )
            }
        };
        let code = code.map(|code| {
            if code == "AccessDeniedException" {
                "AccessDenied".to_owned()
            } else {
                code
            }
        });
        (self.arn.clone(), operation.to_owned(), context, code)
    }
}

/// What an event says a call was.
fn told(event: &aws_sdk_cloudtrail::types::Event) -> Made {
    let told: Value = serde_json::from_str(event.cloud_trail_event().unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let context = told["requestParameters"]["encryptionContext"].clone();
    (
        text(&told["userIdentity"]["arn"]),
        event.event_name().unwrap().to_owned(),
        context,
        told["errorCode"].as_str().map(str::to_owned),
    )
}

async fn page(trail: &aws_sdk_cloudtrail::Client, key: &str, token: Option<String>) -> LookupEventsOutput {
    let attribute = LookupAttribute::builder()
        .attribute_key(LookupAttributeKey::ResourceName)
        .attribute_value(key)
        .build()
        .unwrap();
    tokio::time::sleep(PACE).await;
    let call = trail.lookup_events().lookup_attributes(attribute).set_next_token(token);
    call.send().await.unwrap()
}

#[test]
fn the_event_history_is_the_thousand_calls_that_were_made_paged_and_delayed_at_two_calls_a_second() {
    let place = Place::with(|options| options.trail_delay = Duration::from_secs(2));
    let keys = [place.key("first"), place.key("second")];
    let [id, secret] = place.user(
        "bob",
        &[r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt"],"Resource":"*"}]}"#],
    );
    let role = place.role("trainer", "nowhere");
    for key in &keys {
        place.grant(key, &role);
    }
    let sdk = place.sdk();
    let trail = {
        let retry = aws_config::retry::RetryConfig::disabled();
        aws_sdk_cloudtrail::Client::new(&sdk.to_builder().retry_config(retry).build())
    };
    place.wait(async {
        let assumed = aws_sdk_sts::Client::new(&sdk)
            .assume_role()
            .role_arn(&role)
            .role_session_name("work");
        let assumed = assumed.send().await.unwrap();
        let session = assumed.credentials.unwrap();
        let owner = sdk.credentials_provider().unwrap();
        let owner = aws_credential_types::provider::ProvideCredentials::provide_credentials(&owner)
            .await
            .unwrap();
        let people = [
            Somebody::new(&place, "arn:aws:iam::111122223333:user/strongroom", owner),
            Somebody::new(
                &place,
                "arn:aws:iam::111122223333:user/bob",
                Credentials::new(id.1, secret.1, None, None, "test"),
            ),
            Somebody::new(
                &place,
                "arn:aws:sts::111122223333:assumed-role/trainer/work",
                Credentials::new(
                    session.access_key_id,
                    session.secret_access_key,
                    Some(session.session_token),
                    None,
                    "test",
                ),
            ),
        ];
        let mut blobs = Vec::new();
        for key in &keys {
            let call = people[0].kms.encrypt().key_id(key).plaintext(Blob::new("hidden-words"));
            let sealed = call.encryption_context("team", "blue").send().await.unwrap();
            blobs.push(sealed.ciphertext_blob.unwrap());
        }
        let mut dice = fastrand::Rng::with_seed(7);
        let mut made: [Vec<Made>; 2] = Default::default();
        for _ in 0..CALLS {
            let (who, which) = (dice.usize(..people.len()), dice.usize(..keys.len()));
            made[which].push(people[who].call(&mut dice, &keys[which], &blobs[which]).await);
        }
        let newest = page(&trail, &keys[0], None).await;
        assert!(newest.events().len() <= 50);
        // What was called last is not seen yet; then it is.
        tokio::time::sleep(Duration::from_secs(2)).await;
        for (key, made) in keys.iter().zip(made) {
            let (mut events, mut token, mut pages) = (Vec::new(), None, 0);
            loop {
                let answer = page(&trail, key, token).await;
                events.extend(answer.events().iter().map(told));
                let all = format!("{answer:?}");
                assert!(
                    !all.contains("hidden-words") && !all.contains("aGlkZGVu"),
                    "a plaintext is told"
                );
                pages += 1;
                token = answer.next_token().map(str::to_owned);
                if token.is_none() {
                    break;
                }
                assert_eq!(answer.events().len(), 50, "only the last page has less");
            }
            let mut made = made;
            made.reverse();
            // Before them the key was made, named, granted, and something encrypted under it.
            let known = made.len();
            assert_eq!(events[..known], made[..]);
            let before: Vec<&str> = events[known..]
                .iter()
                .map(|(_, operation, ..)| operation.as_str())
                .collect();
            assert!(
                before.starts_with(&["Encrypt"]) && before.contains(&"CreateKey"),
                "{before:?}"
            );
            assert!(before.contains(&"CreateGrant"), "{before:?}");
            assert_eq!(pages, events.len().div_ceil(50));
        }
        // A third call within the second is one too many.
        let ask = || Box::pin(trail.lookup_events().send());
        let answers = futures::future::join_all([ask(), ask(), ask(), ask()]).await;
        let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
        assert!(!refused.is_empty());
        assert!(
            refused.iter().all(|error| error.code() == Some("ThrottlingException")),
            "{refused:?}"
        );
    });
}

#[test]
fn the_command_line_says_who_can_and_who_did_and_its_status_tells_outsiders_from_what_was_not_checked() {
    let place = Place::new();
    let key = place.key("training");
    let role = place.role("trainer", "nowhere");
    let grant = place.grant(&key, &role);
    let allows = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}"#;
    let bob = place.user("bob", &[allows]);
    let bob = access(&bob);
    let file = place.write("x.csv", "a,b\n1,2\n");
    let encrypt = |name: &str| ["encrypt", file.to_str().unwrap(), name, "--key", "alias/training"].map(str::to_owned);
    let encrypted = encrypt("x.token");
    place.run(&encrypted.each_ref().map(String::as_str)).ok();
    let bobs = encrypt("bob.token");
    place.run_as(&bob, &bobs.each_ref().map(String::as_str)).ok();

    let report = place.run(&["who", "alias/training", "--json"]).ok().json().remove(0);
    assert_eq!(report["kms_key_id"], key.as_str());
    assert_eq!((&report["outside"], &report["is_whole"]), (&json!(0), &json!(true)));
    let by = |principal: &str, operation: &str| {
        let rows = report["can"].as_array().unwrap().iter();
        let row = rows
            .clone()
            .find(|row| row["principal"].as_str().unwrap().ends_with(principal));
        let operations = row.unwrap()["operations"].as_array().unwrap().iter();
        let found = operations.clone().find(|said| said["operation"] == operation);
        found.map(|said| {
            (
                said["by"].as_str().unwrap().to_owned(),
                said["source"].as_str().unwrap().to_owned(),
            )
        })
    };
    assert_eq!(by("user/bob", "Encrypt").unwrap().0, "iam-policy");
    let (how, source) = by("role/trainer", "Decrypt").unwrap();
    assert!(how == "grant" && source.contains(&grant), "{how} {source}");
    assert_eq!(by("role/trainer", "GenerateDataKey"), None);
    assert_eq!(by(":root", "PutKeyPolicy").unwrap().0, "key-policy");

    // What bob was allowed then is not allowed now.
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    place
        .wait(iam.delete_user_policy().user_name("bob").policy_name("p0").send())
        .unwrap();
    let refused = encrypt("refused.token");
    place
        .run_as(&bob, &refused.each_ref().map(String::as_str))
        .failed(1, &["kms:GenerateDataKey"]);
    // Events come late.
    while !place.run(&["who", &key]).out.contains("refused (AccessDenied)") {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let done = place.run(&["who", &key, "--csv", "who.csv", "--keep"]);
    assert_eq!(done.status, 4, "{done:?}");
    assert!(
        done.out.contains("OUTSIDE") && done.out.contains("user/bob"),
        "{}",
        done.out
    );
    assert!(done.out.contains("refused (AccessDenied)"), "{}", done.out);
    let csv = std::fs::read_to_string(place.path("who.csv")).unwrap();
    assert!(
        csv.lines()
            .nth(1)
            .unwrap()
            .starts_with("outside,arn:aws:iam::111122223333:user/bob"),
        "{csv}"
    );
    let evidence = crate::place::files(&place.path(".local/state/strongroom/evidence"));
    let kept: Vec<String> = evidence
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(
        kept.len() == 2 && kept.iter().any(|text| text.contains("| outside | ")),
        "{evidence:?}"
    );
    place
        .run(&["who", &key, "--csv", "who.csv"])
        .failed(1, &["who.csv", "exists"]);
    // A failure has another status than somebody outside.
    place.run(&["who", "alias/nowhere"]).failed(1, &["alias/nowhere"]);
    let wrong = [("AWS_SECRET_ACCESS_KEY", Some("wrong"))];
    place.run_as(&wrong, &["who", &key]).failed(1, &[]);

    // Whoever may not look up events is told so, by a status of its own.
    let reads =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:*","iam:*"],"Resource":"*"}]}"#;
    let reader = place.user("reader", &[reads]);
    let reader = access(&reader);
    let done = place.run_as(&reader, &["who", &key]);
    assert_eq!(done.status, 3, "{done:?}");
    assert!(done.out.contains("cloudtrail:LookupEvents"), "{}", done.out);
}

#[test]
fn m_shows_both_and_what_they_rest_on_and_keeps_them_as_evidence() {
    let place = Place::new();
    let key = place.key("training");
    let role = place.role("trainer", "nowhere");
    place.grant(&key, &role);
    let mut session = place.dashboard((80, 24));
    session.wait("Enabled").keys("M");
    session
        .wait("WHO CAN")
        .wait("WHO DID")
        .wait("role/trainer")
        .wait("CreateGrant")
        .wait("all read");
    session.wait("the account (root)");
    session.keys("\t").wait("By what holds now");
    session.keys(ENTER).wait("One kind of use").wait("Agent");
    session
        .keys(crate::pty::ESC)
        .wait("WHO DID")
        .keys("D")
        .wait("Kept it with the evidence");
    let evidence = crate::place::files(&place.path(".local/state/strongroom/evidence"));
    assert_eq!(evidence.len(), 2, "{evidence:?}");
    session.keys(crate::pty::ESC).keys("q").exit();
}
