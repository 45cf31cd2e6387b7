use std::net::Ipv4Addr;

use super::*;
use crate::{Options, kms};

/// The user of a world, as if over the wire.
fn signed(world: &World) -> Caller {
    let mut caller = world.owner();
    caller.signed = Some(Arc::new(Signed {
        arrival: Arrival {
            from: Ipv4Addr::LOCALHOST.into(),
            request_id: "r".to_owned(),
        },
        access_key_id: "AKIA".to_owned(),
        agent: "a\u{1b}gent".to_owned(),
    }));
    caller
}

fn world(options: Options) -> Arc<World> {
    Arc::new(World::scratch(options))
}

fn lookup(world: &Arc<World>, body: &Value) -> Result<Value, ApiError> {
    // Tests of pages are not about how often is too often.
    world.trail.calls.lock().unwrap().clear();
    call(world, &world.owner(), "LookupEvents", body)
}

fn names(answer: &Value) -> Vec<&str> {
    let events = answer["Events"].as_array().into_iter().flatten();
    events.map(|event| event["EventName"].as_str().unwrap()).collect()
}

#[test]
fn every_call_over_the_wire_is_an_event_with_its_key_and_no_secret() {
    let world = world(Options::default());
    let caller = signed(&world);
    let made = kms::call(&world, &caller, "CreateKey", &json!({})).unwrap();
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let secret = json!({ "KeyId": arn, "Plaintext": "c2VjcmV0", "EncryptionContext": { "team": "blue" } });
    let sealed = kms::call(&world, &caller, "Encrypt", &secret).unwrap();
    let wrong = json!({ "CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": { "team": "red" } });
    assert!(kms::call(&world, &caller, "Decrypt", &wrong).is_err());
    // What nobody sent is no event.
    kms::call(&world, &world.owner(), "DescribeKey", &json!({ "KeyId": arn })).unwrap();

    let attribute = json!([{ "AttributeKey": "ResourceName", "AttributeValue": arn }]);
    let answer = lookup(&world, &json!({ "LookupAttributes": attribute })).unwrap();
    assert_eq!(names(&answer), ["Decrypt", "Encrypt", "CreateKey"]);
    let told: Vec<Value> = answer["Events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(told[0]["errorCode"], "InvalidCiphertextException");
    let context = &told[0]["requestParameters"]["encryptionContext"];
    assert_eq!(*context, json!({ "team": "red" }));
    assert_eq!(told[1]["userIdentity"]["userName"], "strongroom");
    assert_eq!(told[1]["resources"][0]["ARN"], arn);
    let all = answer.to_string();
    let ciphertext = sealed["CiphertextBlob"].as_str().unwrap();
    assert!(!all.contains("c2VjcmV0") && !all.contains(ciphertext), "{all}");
}

#[test]
fn pages_go_on_where_they_ended_and_a_token_is_of_its_request_alone() {
    let world = world(Options::default());
    let caller = signed(&world);
    for _ in 0..5 {
        kms::call(&world, &caller, "ListKeys", &json!({})).unwrap();
    }
    let first = lookup(&world, &json!({ "MaxResults": 2 })).unwrap();
    // What comes meanwhile moves no page.
    kms::call(&world, &caller, "ListAliases", &json!({})).unwrap();
    let token = first["NextToken"].as_str().unwrap();
    let second = lookup(&world, &json!({ "MaxResults": 3, "NextToken": token })).unwrap();
    assert_eq!((names(&first).len(), names(&second)), (2, vec!["ListKeys"; 3]));
    assert!(second["NextToken"].is_null());
    let other = json!([{ "AttributeKey": "EventName", "AttributeValue": "ListKeys" }]);
    let refused = lookup(&world, &json!({ "NextToken": token, "LookupAttributes": other }));
    assert_eq!(refused.unwrap_err().code, "InvalidNextTokenException");
}

#[test]
fn what_cannot_be_asked_is_refused_by_the_names_of_cloudtrail() {
    let world = world(Options::default());
    let attribute = |key: &str, value: &str| json!({ "AttributeKey": key, "AttributeValue": value });
    for (body, code) in [
        (json!({ "MaxResults": 51 }), "InvalidMaxResultsException"),
        (json!({ "MaxResults": 0 }), "InvalidMaxResultsException"),
        (json!({ "StartTime": 2, "EndTime": 1 }), "InvalidTimeRangeException"),
        (json!({ "NextToken": "x" }), "InvalidNextTokenException"),
        (
            json!({ "LookupAttributes": [attribute("Colour", "red")] }),
            "InvalidLookupAttributesException",
        ),
        (
            json!({ "LookupAttributes": [attribute("EventName", "a"), attribute("EventName", "b")] }),
            "InvalidLookupAttributesException",
        ),
    ] {
        assert_eq!(lookup(&world, &body).unwrap_err().code, code, "{body}");
    }
}

#[test]
fn a_third_call_within_a_second_is_too_many() {
    let world = world(Options::default());
    let ask = || call(&world, &world.owner(), "LookupEvents", &json!({}));
    assert!(ask().is_ok() && ask().is_ok());
    assert_eq!(ask().unwrap_err().code, "ThrottlingException");
}

#[test]
fn an_event_is_seen_once_its_delay_is_over() {
    let world = world(Options {
        trail_delay: Duration::from_secs(600),
        ..Options::default()
    });
    kms::call(&world, &signed(&world), "ListKeys", &json!({})).unwrap();
    assert!(names(&lookup(&world, &json!({})).unwrap()).is_empty());
    world.clock.advance(SignedDuration::from_secs(601));
    assert_eq!(names(&lookup(&world, &json!({})).unwrap()), ["ListKeys"]);
    world.clock.advance(SignedDuration::from_hours(90 * 24));
    let later = lookup(&world, &json!({})).unwrap();
    assert!(names(&later).is_empty(), "it is older than 90 days");
}

#[test]
fn events_on_disk_are_there_again_and_one_that_was_cut_off_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = world(Options::default());
    let caller = signed(&scratch);
    let call = Call {
        service: "kms",
        operation: "Decrypt",
        parameters: &json!({}),
        resources: &["arn:aws:kms:us-east-1:444455556666:key/k".to_owned()],
        refused: None,
    };
    let open = || Trail::open(Some(folder.path()), &Clock::default(), Duration::ZERO).unwrap();
    open().note(&caller, &call);
    // One in the caller's history, one in the owner's, which tells less.
    let rows = open().newest(u64::MAX);
    let records: Vec<Record> = rows.iter().map(|(_, row)| record::decoded(row).unwrap()).collect();
    let accounts: Vec<&str> = records.iter().map(|record| record.account.as_str()).collect();
    assert_eq!(accounts, ["444455556666", "111122223333"]);
    let told: Value = serde_json::from_str(records[0].entry()["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(told["userIdentity"]["type"], "AWSAccount");
    assert!(told["userIdentity"]["arn"].is_null() && told["sharedEventID"].is_string());

    let path = folder.path().join("events");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    let again = open();
    assert_eq!(again.newest(u64::MAX).len(), 1);
    again.note(&caller, &call);
    assert_eq!(open().newest(u64::MAX).len(), 3);
}

#[test]
fn no_more_than_the_newest_are_kept() {
    let mut kept = Kept {
        events: VecDeque::new(),
        first: 0,
        bytes: 0,
        files: None,
    };
    for _ in 0..MOST + 7 {
        kept.take(0, Arc::from([0_u8; 4].as_slice()));
    }
    assert_eq!((kept.events.len(), kept.first, kept.bytes), (MOST, 7, 4 * MOST));
    kept.take(0, vec![0; BYTES].into());
    assert_eq!(kept.events.len(), 1, "large ones leave no room for others");
}
