//! An equal run beside this one: what it did meanwhile is told as a later run tells what was there before.

use std::sync::Mutex;

use super::{BUCKET, TABLE, get, uri, verified, world};
use crate::proxy::{Proxy, Trouble};
use crate::rotate::told;

#[test]
fn what_an_equal_run_encrypts_meanwhile_is_passed_over_and_not_called_failed() {
    for (to, more, reason) in [
        ("sealed/", &[][..], "at the destination already"),
        ("data/", &[][..], "a token already"),
        ("sealed/", &["--delete-plain"][..], ""),
    ] {
        let place = world();
        let (from, at) = (uri("data/"), uri(to));
        let arguments = [&["encrypt", "--json", &from, &at, "--key", "alias/training"][..], more].concat();
        let other = Mutex::new(Some(place.command(&arguments)));
        let first = format!("{to}a.csv");
        // Everything was looked at, and nothing is written yet.
        let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
            if seen.name() == "PutObject"
                && seen.line.contains(&first)
                && let Some(mut other) = other.lock().unwrap().take()
            {
                let done = other.output().unwrap();
                assert!(done.status.success(), "{done:?}");
            }
            Trouble::None
        });
        let done = place
            .run_as(&[("AWS_ENDPOINT_URL", Some(proxy.url()))], &arguments)
            .ok();
        let (rows, summary) = told(&done, BUCKET);
        assert_eq!(summary["failed"], 0, "{to} {more:?}: {rows:?}");
        assert_eq!(summary["undeleted"], 0, "{to} {more:?}: {rows:?}");
        let one = &rows.get("data/a.csv").map(|row| row["reason"].to_string());
        match one {
            Some(said) => assert!(said.contains(reason), "{said}"),
            None => assert!(summary["vanished"].as_u64() > Some(0), "{summary}"),
        }
        assert_eq!(verified(&place, to), 3);
        let is_plain_there = get(&place, "data/a.csv").as_deref() == Some(TABLE);
        assert_eq!(is_plain_there, to == "sealed/" && more.is_empty());
    }
}

#[test]
fn a_look_ahead_tells_of_the_destination_what_the_act_itself_would() {
    let place = world();
    let (from, to) = (uri("data/"), uri("sealed/"));
    let act = ["encrypt", &from, &to, "--key", "alias/training"];
    let ahead = [&act[..], &["--dry-run"]].concat();
    place.put(BUCKET, "sealed/a.csv", b"theirs");
    let told = place.run(&ahead);
    assert!(
        told.status == 1 && told.out.contains("it exists already, and is no token of this object"),
        "{told:?}"
    );
    assert!(told.err.contains("1 object would fail"), "{told:?}");
    assert_eq!(place.run(&act).status, 1);
    assert_eq!(get(&place, "sealed/a.csv").as_deref(), Some(&b"theirs"[..]));
    let again = place.run(&ahead);
    assert!(
        again.status == 1 && again.out.contains("2 objects") && again.out.contains("at the destination already"),
        "the others are there by now: {again:?}"
    );
    let over = place.run(&[&ahead[..], &["--overwrite"]].concat()).ok().out;
    assert!(
        over.contains("3 objects") && !over.contains("it exists already"),
        "{over}"
    );
}
