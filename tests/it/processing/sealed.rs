//! Rotating and encrypting by many hosts: the report is the one of one machine but for ETags and data keys, and every object opens,
//! whatever happened to a host.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use aws_sdk_s3::types::BucketVersioningStatus;
use serde_json::Value;

use super::hosts::{all_work, ended, host, listed_for, names, work};
use super::{BUCKET, ENGINE, FERNET, HOSTS, NOISE, TABLE, body, copy, kill_a_host, put, role, uri};
use crate::place::{Done, Place};
use crate::proxy::{Proxy, Trouble};
use crate::pty::{ENTER, ESC};
use crate::rotate::keep_versions;

pub(super) const ROTATES: &str = include_str!("../../../assets/policies/roles/bulk-worker-rotate.json");
pub(super) const ENCRYPTS: &str = include_str!("../../../assets/policies/roles/bulk-worker-encrypt.json");

/// A world in which the same stands twice, below `one/` and `many/`: tokens under two KMS keys, one of them broken, moved and
/// foreign ones, and plain objects.
fn twice() -> Place {
    let place = Place::new();
    place.key("training");
    place.key("second");
    place.bucket(BUCKET);
    for number in 0..12 {
        place.write(&format!("parts/part-{number:02}"), format!("part {number}\n"));
    }
    for world in ["one", "many"] {
        for (to, key) in [("data", "alias/training"), ("more", "alias/second")] {
            let to = uri(&format!("{world}/tokens/{to}/"));
            place.run(&["encrypt", "parts", &to, "--key", key]).ok();
        }
        let at = |key: &str| format!("{world}/tokens/{key}");
        copy(&place, &at("data/part-00"), &at("away/part-00"));
        broken(&place, &at("data/part-03"));
        put(&place, &at("fernet"), FERNET, &[]);
        put(&place, &at("noise"), NOISE, &[]);
        for number in 0..24 {
            put(
                &place,
                &format!("{world}/plain/{number:02}.csv"),
                TABLE,
                &[("owner", "me")],
            );
        }
        put(&place, &format!("{world}/plain/large"), &vec![7; 9 << 20], &[]);
        put(&place, &format!("{world}/plain/fernet"), FERNET, &[]);
        put(&place, &format!("{world}/plain/=1,\n\u{1b}[2J\u{202e}.csv"), TABLE, &[]);
    }
    place
}

/// The last byte of a token becomes another one.
fn broken(place: &Place, key: &str) {
    let head = crate::rotate::head(place, BUCKET, key);
    let mut token = body(place, key);
    let at = token.len() - 6;
    token[at] = if token[at] == b'A' { b'B' } else { b'A' };
    let metadata = head.metadata().unwrap();
    let metadata: Vec<(&str, &str)> = metadata.iter().map(|(name, value)| (&**name, &**value)).collect();
    put(place, key, &token, &metadata);
}

/// What was told, of whichever world, without what differs between two runs of the same.
pub(super) fn told(done: &Done) -> Vec<Value> {
    let lines = done.out.lines().map(|line| {
        let line = line.replace(&uri("many/"), &uri("one/")).replace("\"many/", "\"one/");
        let mut row: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{done:?}"));
        if let Some(row) = row.as_object_mut() {
            row.retain(|name, _| !["etag", "data_key_uri", "version_id"].contains(&name.as_str()));
        }
        row
    });
    lines.collect()
}

/// The words of an act on one of the worlds.
pub(super) fn rotate(world: &str) -> Vec<String> {
    vec![
        "rotate".to_owned(),
        uri(&format!("{world}/tokens/")),
        "--json".to_owned(),
    ]
}

pub(super) fn encrypt(world: &str, to: &str, more: &[&str]) -> Vec<String> {
    let (from, to) = (uri(&format!("{world}/plain/")), uri(&format!("{world}/{to}/")));
    let words = ["encrypt", &from, &to, "--key", "alias/training", "--json"];
    words.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

fn run(place: &Place, words: &[String], more: &[&str]) -> Done {
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    place.run(&words)
}

fn listed(place: &Place, words: &[String]) -> String {
    listed_for(place, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// How many objects are under it, of which so many are tokens that are not intact where they are.
fn opens(place: &Place, under: &str, broken: usize) -> usize {
    let done = place.run(&["verify", "--json", &uri(under)]);
    let rows: Vec<Value> = done
        .lines()
        .into_iter()
        .filter(|row| row["kind"] != "summary")
        .collect();
    let wrong = rows.iter().filter(|row| row["intact"] == false).count();
    assert_eq!(wrong, broken, "{done:?}");
    rows.len()
}

/// The key objects that tokens under it name.
fn data_keys(place: &Place, under: &str) -> std::collections::BTreeSet<String> {
    let keys = place.objects(BUCKET).into_iter().filter(|key| key.starts_with(under));
    let named = keys.filter_map(|key| {
        let head = crate::rotate::head(place, BUCKET, &key);
        head.metadata()?.get("strongroom-data-key-object").cloned()
    });
    named.collect()
}

#[test]
fn four_hosts_rotate_under_the_least_role_and_tell_what_one_machine_tells() {
    let place = twice();
    role(&place, ROTATES);
    let one = run(&place, &rotate("one"), &[]);
    let many = run(&place, &rotate("many"), &[&ENGINE[..], &["--wait"]].concat());
    assert_eq!((one.status, told(&one)), (many.status, told(&many)), "{many:?}");
    let summary = told(&many).pop().unwrap()["summary"].clone();
    assert_eq!(
        (&summary["sealed"]["objects"], &summary["failed"]),
        (&24.into(), &1.into()),
        "{summary}"
    );
    // A data key a shard, and one more where a shard has tokens of both KMS keys.
    let keys = data_keys(&place, "many/tokens/");
    let own = keys.iter().filter(|key| key.contains("data-keys/rotate-")).count();
    assert!((8..=18).contains(&own), "{keys:?}");
    opens(&place, "many/tokens/", 2);
    let old = |place: &Place| place.run(&["decrypt", &uri("many/tokens/data/part-07"), "-o", "out"]);
    old(&place).ok();
    assert_eq!(std::fs::read(place.path("out")).unwrap(), b"part 7\n");
}

#[test]
fn four_hosts_encrypt_elsewhere_and_in_place_as_one_machine_does() {
    let place = twice();
    role(&place, ENCRYPTS);
    for (to, more) in [("sealed", vec![]), ("plain", vec!["--delete-plain"])] {
        let one = run(&place, &encrypt("one", to, &more), &[]);
        let many = run(
            &place,
            &encrypt("many", to, &more),
            &[&ENGINE[..], &["--wait"]].concat(),
        );
        assert_eq!((one.status, told(&one)), (many.status, told(&many)), "{many:?}");
        assert_eq!(
            opens(&place, &format!("many/{to}/"), 0),
            opens(&place, &format!("one/{to}/"), 0)
        );
    }
    let keys = data_keys(&place, "many/sealed/");
    assert_eq!(keys.len(), 16, "one a shard: {keys:?}");
}

#[test]
fn what_hosts_cannot_be_asked_is_refused_and_an_act_is_gone_on_with_as_it_was_begun() {
    let place = twice();
    for (more, why) in [
        (vec!["--dry-run"], "one machine looks ahead"),
        (
            vec!["--data-key-name", "mine"],
            "each shard is under a data key of its own",
        ),
    ] {
        let done = run(
            &place,
            &encrypt("many", "sealed", &more),
            &[&ENGINE[..6], &["--role", "arn:aws:iam::111122223333:role/x"]].concat(),
        );
        done.failed(2, &[why]);
    }
    let none = place.run(
        &[
            &["rotate", &uri("nothing/")],
            &ENGINE[..6],
            &["--role", "arn:aws:iam::111122223333:role/x"],
        ]
        .concat(),
    );
    none.failed(1, &["there is no object under it"]);
    let id = listed(&place, &rotate("many"));
    assert!(
        place
            .objects(BUCKET)
            .iter()
            .all(|key| !key.starts_with(".strongroom/bulk/") || key.contains(&id))
    );
    let resume = ["--on", "processing", "--resume", &id];
    run(&place, &rotate("one"), &resume).failed(2, &["it was begun as another act", &id]);
    run(
        &place,
        &rotate("many"),
        &[&resume[..], &["--key", "alias/second"]].concat(),
    )
    .failed(2, &["another act"]);
    let audit = place.run(&[&["audit", &uri("many/tokens/")], &resume[..]].concat());
    audit.failed(2, &["another act"]);
    run(&place, &rotate("many"), &[&resume[..], &["--wait"]].concat()).failed(1, &["it has no job", "16 of its 16"]);
}

/// Has all of it done, then takes results away as if their hosts had died before they could write them.
/// Writes under conditions that cannot hold, by which a host finds out that they are heeded.
const PROBES: usize = 2;

#[test]
fn shards_that_are_done_again_do_no_harm_make_no_data_key_and_tell_the_same() {
    let place = twice();
    keep_versions(&place, BUCKET, BucketVersioningStatus::Enabled);
    let acts = |world: &str| {
        [
            rotate(world),
            encrypt(world, "sealed", &["--overwrite"]),
            encrypt(world, "away", &["--delete-plain"]),
        ]
    };
    for (one, many) in acts("one").into_iter().zip(acts("many")) {
        let first = run(&place, &one, &[]);
        let id = listed(&place, &many);
        all_work(&place, &id);
        let resume = ["--on", "processing", "--resume", &id];
        let done = run(&place, &many, &resume);
        assert_eq!(told(&done), told(&first), "{done:?}");
        let before = place.objects(BUCKET);
        for file in names(&place, &id, "results") {
            let key = format!(".strongroom/bulk/{id}/results/{file}");
            place
                .wait(place.s3().delete_object().bucket(BUCKET).key(key).send())
                .unwrap();
        }
        let (made, put) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counted = (Arc::clone(&made), Arc::clone(&put));
        let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
            counted
                .0
                .fetch_add(usize::from(seen.name() == "GenerateDataKey"), Ordering::SeqCst);
            counted
                .1
                .fetch_add(usize::from(seen.name() == "PutObject"), Ordering::SeqCst);
            Trouble::None
        });
        let shards = names(&place, &id, "shards");
        for number in 1..=HOSTS {
            let (done, _) = ended(work(&place, &id, &host(&place, &id, number, &shards), proxy.url()));
            assert_eq!(done.status, 0, "{done:?}");
        }
        // The results; a key object where the broken token is tried again, which goes when it did not become one; and whether this
        // S3 heeds conditions, which each host asks once.
        let tried = usize::from(many[0] == "rotate");
        assert_eq!(
            (made.load(Ordering::SeqCst), put.load(Ordering::SeqCst)),
            (tried, 16 + tried + PROBES * HOSTS),
            "{many:?}"
        );
        assert_eq!(place.objects(BUCKET), before);
        let again = run(&place, &many, &resume);
        assert_eq!(told(&again), told(&done), "{again:?}");
    }
}

#[test]
fn of_a_host_killed_at_any_moment_the_rest_is_done_by_whoever_goes_on() {
    let place = twice();
    for (one, many, made) in [
        (rotate("one"), rotate("many"), ("many/tokens/", 2)),
        (
            encrypt("one", "plain", &[]),
            encrypt("many", "plain", &[]),
            ("many/plain/", 0),
        ),
    ] {
        let first = run(&place, &one, &[]);
        let id = listed(&place, &many);
        let shards = names(&place, &id, "shards");
        let moment = fastrand::usize(0..8);
        let (at, moments) = mpsc::channel();
        let puts = Arc::new(AtomicUsize::new(0));
        let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
            if seen.name() == "PutObject" && puts.fetch_add(1, Ordering::SeqCst) >= moment {
                let _ = at.send(());
                return Trouble::StallUnanswered;
            }
            Trouble::None
        });
        let mut killed = work(&place, &id, &host(&place, &id, 1, &shards), proxy.url());
        moments.recv().unwrap();
        killed.kill().unwrap();
        assert_eq!(ended(killed).0.status, -9, "at {moment}");
        opens(&place, made.0, made.1);
        all_work(&place, &id);
        let done = run(&place, &many, &["--on", "processing", "--resume", &id]);
        assert_eq!(
            (done.status, told(&done)),
            (first.status, told(&first)),
            "at {moment}: {done:?}"
        );
        opens(&place, made.0, made.1);
    }
}

#[test]
fn a_job_of_which_a_host_dies_is_gone_on_with_and_its_report_opens_in_the_dashboard() {
    let place = twice();
    role(&place, ROTATES);
    let one = run(&place, &rotate("one"), &[]);
    let begun = run(&place, &rotate("many"), &ENGINE).ok().json();
    let id = begun[0]["id"].as_str().unwrap().to_owned();
    kill_a_host(&id);
    let resume = ["--resume", &id, "--wait"];
    let waited = run(
        &place,
        &rotate("many"),
        &[&["--on", "processing"], &resume[..]].concat(),
    );
    waited.failed(1, &[&format!("its job {id} failed"), "have no result", "--resume"]);
    let again = run(&place, &rotate("many"), &[&ENGINE[..], &resume].concat());
    assert_eq!((again.status, told(&again)), (one.status, told(&one)), "{again:?}");
    opens(&place, "many/tokens/", 2);
    let mut session = place.dashboard((120, 36));
    session
        .keys("4")
        .wait("Completed")
        .select(&format!("{id}-2"))
        .keys(ENTER)
        .wait("bulk-worker")
        .keys(ESC);
    session.report("24 objects rotated").wait("1 failed");
}
