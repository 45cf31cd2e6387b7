//! Results that somebody else wrote: whoever makes the report holds a sample of them against the objects.

use serde_json::Value;

use super::hosts::{all_work, listed_for, names};
use super::{BUCKET, TABLE, body, mixed, put, uri};
use crate::place::Place;

/// Writes every result of an act anew, with its rows changed.
fn forge(place: &Place, id: &str, change: impl Fn(&mut Value)) {
    for file in names(place, id, "results") {
        let key = format!(".strongroom/bulk/{id}/results/{file}");
        let text = String::from_utf8(body(place, &key)).unwrap();
        let lines = text.lines().enumerate().map(|(at, line)| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            if at > 1 {
                change(&mut row);
            }
            format!("{row}\n")
        });
        let text: String = lines.collect();
        put(place, &key, text.as_bytes(), &[]);
    }
}

fn report(place: &Place, words: &[&str], id: &str) -> crate::place::Done {
    place.run(&[words, &["--on", "processing", "--resume", id]].concat())
}

#[test]
fn an_audits_results_that_call_plain_objects_tokens_are_found_out_and_named() {
    let place = mixed();
    let open = uri("open/");
    let audit = ["audit", open.as_str()];
    let id = listed_for(&place, &audit);
    all_work(&place, &id);
    let honest = report(&place, &audit, &id);
    assert!(
        honest.status == 1 && honest.err.contains("was held against the objects and is so"),
        "{honest:?}"
    );
    forge(&place, &id, |row| {
        if row["kind"] == "sse-s3" {
            row["kind"] = "strongroom-bound".into();
            row.as_object_mut().unwrap().remove("flaws");
        }
    });
    let forged = report(&place, &audit, &id);
    assert_eq!(forged.status, 1, "{forged:?}");
    for words in [
        "are not what its results say",
        "open/",
        "they say strongroom-bound, and it is sse-s3",
        "find out who may write there",
    ] {
        assert!(forged.err.contains(words), "{words}: {forged:?}");
    }
    assert!(!forged.out.contains("nothing is wrong"), "{forged:?}");
    // That it was gone is a forgery too.
    forge(&place, &id, |row| {
        if row["kind"] == "strongroom-bound" {
            *row = Value::Null;
        }
    });
    let gone = report(&place, &audit, &id);
    assert!(
        gone.status == 1 && gone.err.contains("they say that it was gone"),
        "{gone:?}"
    );
    // What is another object by now tells nothing of what it was.
    for key in place.objects(BUCKET) {
        if key.starts_with("open/") {
            put(&place, &key, b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &[]);
        }
    }
    let changed = report(&place, &audit, &id);
    assert!(!changed.err.contains("its results say"), "{changed:?}");
}

#[test]
fn results_that_say_of_plain_objects_that_they_were_sealed_are_found_out() {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    for number in 0..5 {
        put(&place, &format!("plain/{number}.csv"), TABLE, &[]);
    }
    let plain = uri("plain/");
    let encrypt = ["encrypt", plain.as_str(), plain.as_str(), "--key", "alias/training"];
    let id = listed_for(&place, &encrypt);
    let listed: Vec<Value> = place
        .objects(BUCKET)
        .iter()
        .filter(|key| key.starts_with("plain/"))
        .map(|key| key.as_str().into())
        .collect();
    assert_eq!(listed.len(), 5);
    all_work(&place, &id);
    let honest = report(&place, &encrypt, &id).ok();
    assert!(honest.err.contains("5 objects, was held against"), "{honest:?}");
    // As if the hosts had never been there.
    put(&place, "plain/3.csv", TABLE, &[]);
    let forged = report(&place, &encrypt, &id);
    assert!(
        forged.status == 1 && forged.err.contains("it is there as it was listed") && forged.err.contains("plain/3.csv"),
        "{forged:?}"
    );
    let id = listed_for(&place, &["rotate", &plain]);
    all_work(&place, &id);
    forge(&place, &id, |row| {
        if let Some(sealed) = row.pointer_mut("/fate/sealed") {
            sealed["kms_key_arn"] = "arn:aws:kms:us-east-1:111122223333:key/another".into();
        }
    });
    let forged = report(&place, &["rotate", &plain], &id);
    assert!(
        forged.status == 1 && forged.err.contains("its token says"),
        "{forged:?}"
    );
}
