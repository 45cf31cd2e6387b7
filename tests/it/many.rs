//! Many objects at once: one request each, answers as they come, and less of it where the endpoint asks for less.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

use crate::place::{Done, Place, files};
use crate::proxy::{Proxy, Trouble, named};

const BUCKET: &str = "sagemaker-many";
const FILES: usize = 30;

fn uri(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

/// A world with a key, and a folder of small files.
fn world() -> Place {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    for file in 0..FILES {
        place.write(&format!("data/{file:03}.csv"), format!("x,y\n{file},1\n"));
    }
    place
}

fn encrypt(place: &Place, changes: &[(&str, Option<&str>)], more: &[&str]) -> Done {
    let to = uri("data/");
    place.run_as(
        changes,
        &[&["encrypt", "data", &to, "--key", "alias/training"], more].concat(),
    )
}

/// What a command asked for, by operation.
fn asked(place: &Place, run: impl FnOnce(&[(&str, Option<&str>)])) -> BTreeMap<String, usize> {
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |_| Trouble::None);
    run(&[("AWS_ENDPOINT_URL", Some(proxy.url()))]);
    let mut counts = BTreeMap::new();
    for operation in proxy.operations() {
        *counts.entry(named(&operation).to_owned()).or_default() += 1;
    }
    counts
}

fn counts(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn each_of_many_is_encrypted_verified_and_decrypted_by_one_request() {
    let place = world();
    let encrypting = asked(&place, |through| {
        encrypt(&place, through, &[]).ok();
    });
    // One more is the encrypted data key, and two tries of it whether the server heeds conditions.
    let expected = [
        ("GenerateDataKey", 1),
        ("GetCallerIdentity", 1),
        ("PutObject", FILES + 3),
    ];
    assert_eq!(encrypting, counts(&expected));

    let (source, opened) = (uri("data/"), place.path("opened"));
    let verifying = asked(&place, |through| {
        place.run_as(through, &["verify", &source]).ok();
    });
    let expected = [("Decrypt", 1), ("GetObject", FILES), ("ListObjectsV2", 1)];
    assert_eq!(verifying, counts(&expected));

    let decrypting = asked(&place, |through| {
        let arguments = ["decrypt", &source, "-o", opened.to_str().unwrap()];
        place.run_as(through, &arguments).ok();
    });
    assert_eq!(decrypting, counts(&expected));
    assert_eq!(files(&opened).len(), FILES);
    for file in 0..FILES {
        let name = format!("{file:03}.csv");
        let [made, kept] = ["data", "opened"].map(|folder| std::fs::read(place.path(folder).join(&name)).unwrap());
        assert_eq!(made, kept, "{name}");
    }
}

#[test]
fn one_alone_is_verified_and_decrypted_by_one_request_and_its_data_key_by_another() {
    let place = world();
    encrypt(&place, &[], &[]).ok();
    let (source, opened) = (uri("data/007.csv"), place.path("opened"));
    let expected = counts(&[("Decrypt", 1), ("GetObject", 1)]);
    let verifying = asked(&place, |through| {
        place.run_as(through, &["verify", &source]).ok();
    });
    assert_eq!(verifying, expected);
    let decrypting = asked(&place, |through| {
        let arguments = ["decrypt", &source, "-o", opened.to_str().unwrap()];
        place.run_as(through, &arguments).ok();
    });
    assert_eq!(decrypting, expected);
}

#[test]
fn the_data_key_of_many_tokens_that_say_nothing_of_it_is_looked_for_once() {
    let place = world();
    encrypt(&place, &[], &["--data-key-name", "dont_look"]).ok();
    for file in 0..FILES {
        let key = format!("data/{file:03}.csv");
        let answer = place.wait(place.s3().get_object().bucket(BUCKET).key(&key).send());
        let body = place.wait(answer.unwrap().body.collect()).unwrap();
        // Without its metadata.
        place.put(BUCKET, &key, &body.to_vec());
    }
    let source = uri("data/");
    let verifying = asked(&place, |through| {
        place.run_as(through, &["verify", &source]).ok();
    });
    // Two folders are looked into for bundles.
    let expected = [
        ("Decrypt", 1),
        ("GetObject", FILES + 1),
        ("HeadObject", 1),
        ("ListObjectsV2", 3),
    ];
    assert_eq!(verifying, counts(&expected));
}

#[test]
fn what_is_there_already_is_refused_by_name_and_the_others_are_done() {
    let place = world();
    place.put(BUCKET, "data/003.csv", b"somebody's");
    place.put(BUCKET, "data/011.csv", b"somebody's");
    let done = encrypt(&place, &[], &[]);
    assert_eq!((done.status, done.out.lines().count()), (1, FILES - 2), "{done:?}");
    for key in ["data/003.csv", "data/011.csv"] {
        let said = format!("{}: it exists already", uri(key));
        assert!(done.err.contains(&said) && done.err.contains("--overwrite"), "{done:?}");
        let kept = place
            .wait(place.s3().get_object().bucket(BUCKET).key(key).send())
            .unwrap();
        let kept = place.wait(kept.body.collect()).unwrap().to_vec();
        assert_eq!(kept, b"somebody's");
    }
    encrypt(&place, &[], &["--overwrite"]).ok();
    place.run(&["verify", &uri("data/")]).ok();
}

/// Holds requests up until it is opened.
#[derive(Default)]
struct Barrier {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Barrier {
    fn wait(&self) {
        let closed = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(closed, |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

#[test]
fn verdicts_are_told_in_order_while_the_last_objects_are_not_read_yet() {
    let place = world();
    encrypt(&place, &[], &[]).ok();
    let barrier = Arc::new(Barrier::default());
    let held = Arc::clone(&barrier);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        let is_late = seen.line.contains("/data/003.csv") || seen.line.contains("/data/029.csv");
        if seen.name() == "GetObject" && is_late {
            held.wait();
        }
        Trouble::None
    });
    let mut child = place
        .command(&["verify", &uri("data/"), "--json"])
        .env("AWS_ENDPOINT_URL", proxy.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let source = |line: String| serde_json::from_str::<Value>(&line).unwrap()["source"].clone();
    for file in 0..3 {
        assert_eq!(source(lines.next().unwrap()), uri(&format!("data/{file:03}.csv")));
    }
    barrier.open();
    for file in 3..FILES {
        assert_eq!(source(lines.next().unwrap()), uri(&format!("data/{file:03}.csv")));
    }
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn everything_is_done_where_the_endpoint_asks_for_less_again_and_again() {
    let place = world();
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |request| {
        let is_object = ["PutObject", "GetObject"].contains(&request.name()) && request.line.contains("/data/");
        // A storm, and then some time without.
        if is_object && counted.fetch_add(1, Ordering::SeqCst) % 60 < 20 {
            Trouble::Unavailable
        } else {
            Trouble::None
        }
    });
    let through = [("AWS_ENDPOINT_URL", Some(proxy.url()))];
    encrypt(&place, &through, &[]).ok();
    let (source, opened) = (uri("data/"), place.path("opened"));
    let done = place.run_as(&through, &["verify", &source, "--json"]).ok();
    assert!(done.lines().iter().all(|verdict| verdict["intact"] == true), "{done:?}");
    assert_eq!(done.lines().len(), FILES);
    let arguments = ["decrypt", &source, "-o", opened.to_str().unwrap()];
    place.run_as(&through, &arguments).ok();
    assert_eq!(files(&opened).len(), FILES);
}

#[test]
fn what_was_moved_is_judged_by_all_others_and_each_is_read_once() {
    let place = world();
    encrypt(&place, &[], &[]).ok();
    let moved = |from: &str, to: &str| {
        let call = place.s3().copy_object().copy_source(format!("{BUCKET}/{from}"));
        place.wait(call.bucket(BUCKET).key(to).send()).unwrap();
    };
    for file in 0..FILES {
        moved(&format!("data/{file:03}.csv"), &format!("moved/{file:03}.csv"));
    }
    let verifying = asked(&place, |through| {
        let done = place.run_as(through, &["verify", &uri("moved/"), "--json"]).ok();
        let all_moved = done.lines().iter().all(|verdict| verdict["bound"] == "moved");
        assert!(all_moved && done.lines().len() == FILES, "{done:?}");
    });
    assert_eq!(
        verifying,
        counts(&[("Decrypt", 1), ("GetObject", FILES), ("ListObjectsV2", 1)])
    );
    // One that was not moved with them contradicts all of them.
    place
        .run(&[
            "encrypt",
            "data/000.csv",
            &uri("moved/zzz.csv"),
            "--key",
            "alias/training",
        ])
        .ok();
    let done = place.run(&["verify", &uri("moved/"), "--json"]);
    let lines = done.lines();
    assert_eq!((done.status, lines.len()), (1, FILES + 1), "{done:?}");
    assert_eq!(
        (&lines[0]["source"], &lines[0]["intact"]),
        (&Value::from(uri("moved/zzz.csv")), &Value::Bool(true))
    );
    for verdict in &lines[1..] {
        assert_eq!(
            (&verdict["checked"], &verdict["intact"]),
            (&Value::Bool(true), &Value::Bool(false))
        );
        assert!(
            verdict["error"].as_str().unwrap().contains("is where it was put"),
            "{verdict}"
        );
    }
}
