//! Others who change the same objects at the same time: nothing of theirs is lost, and what is said of them is true.

use std::process::Command;
use std::sync::Mutex;

use super::{BUCKET, TABLE, encrypt, head, says, told, uri, verify, world};
use crate::place::{Done, Place};
use crate::proxy::{Proxy, Trouble};

/// A re-wrap of `a/` under `alias/new` during which somebody else runs `other` once: before the first request of which `is_it`
/// is told name and line.
fn beside(place: &Place, other: Command, is_it: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Done {
    let other = Mutex::new(Some(other));
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if is_it(seen.name(), seen.line)
            && let Some(mut other) = other.lock().unwrap().take()
        {
            let done = other.output().unwrap();
            assert!(done.status.success(), "{done:?}");
        }
        Trouble::None
    });
    place.run_as(
        &[("AWS_ENDPOINT_URL", Some(proxy.url()))],
        &["rewrap", "--json", &uri("a/"), "--to", "alias/new"],
    )
}

#[test]
fn an_object_that_is_replaced_between_its_read_and_its_copy_is_left_and_told() {
    let (place, _, new) = world();
    encrypt(&place, "a/", &["one.csv", "two.csv"], &[]);
    place.write("other/one.csv", b"theirs\n");
    let file = place.path("other/one.csv");
    let other = place.command(&[
        "encrypt",
        file.to_str().unwrap(),
        &uri("a/"),
        "--key",
        "alias/old",
        "--overwrite",
    ]);
    let done = beside(&place, other, |_, line| {
        line.starts_with("PUT ") && line.contains("/a/one.csv")
    });
    let (rows, summary) = told(&done);
    assert_eq!(
        (done.status, &summary["failed"], &summary["rewrapped"]["objects"]),
        (1, &1.into(), &1.into()),
        "{done:?}"
    );
    let why = rows["a/one.csv"]["error"].as_str().unwrap();
    assert!(
        why.contains("it is another than it was when it was read") && why.contains("run the same again"),
        "{why}"
    );
    place.run(&["decrypt", &uri("a/one.csv"), "-o", "out"]).ok();
    assert_eq!(std::fs::read(place.path("out")).unwrap(), b"theirs\n");
    verify(&place, "a/");
    let again = super::run(&place, &[&uri("a/"), "--to", "alias/new"]).ok();
    assert_eq!(told(&again).1["rewrapped"]["objects"], 1);
    assert_eq!(says(&place, "a/one.csv", "kms-key-id"), Some(new));
    place
        .run(&["decrypt", "--overwrite", &uri("a/one.csv"), "-o", "out"])
        .ok();
    assert_eq!(std::fs::read(place.path("out")).unwrap(), b"theirs\n");
}

#[test]
fn what_a_rotation_changes_meanwhile_is_said_to_be_changed_and_not_to_be_broken() {
    for moment in ["ReEncrypt", "HeadObject"] {
        let (place, _, new) = world();
        encrypt(&place, "a/", &["one.csv", "two.csv"], &[]);
        let before = head(&place, "a/one.csv").e_tag;
        let other = place.command(&["rotate", &uri("a/")]);
        let seen = std::sync::atomic::AtomicUsize::new(0);
        // While KMS is asked, or once MACs are read.
        let done = beside(&place, other, move |name, line| {
            let is_head = name == "HeadObject" && line.contains("/a/");
            let nth = if is_head {
                seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst)
            } else {
                0
            };
            name == moment && (moment != "HeadObject" || nth == 2)
        });
        assert_ne!(head(&place, "a/one.csv").e_tag, before, "{done:?}");
        let (rows, summary) = told(&done);
        assert_eq!(
            (done.status, &summary["failed"], &summary["rewrapped"]["objects"]),
            (1, &2.into(), &0.into()),
            "{moment}: {done:?}"
        );
        for row in rows.values() {
            let why = row["error"].as_str().unwrap();
            assert!(
                why.contains("it was given another data key since it was looked at") && !why.contains("may not open"),
                "{why}"
            );
        }
        verify(&place, "a/");
        super::run(&place, &[&uri("a/"), "--to", "alias/new"]).ok();
        assert_eq!(says(&place, "a/one.csv", "kms-key-id"), Some(new));
        verify(&place, "a/");
    }
}

#[test]
fn an_object_whose_mac_does_not_hold_is_still_said_to_be_broken_beside_one_that_is_gone() {
    let (place, _, _) = world();
    encrypt(&place, "a/", &["one.csv", "two.csv"], &[]);
    let mut metadata = head(&place, "a/one.csv").metadata.unwrap();
    metadata.insert("strongroom-length".to_owned(), (TABLE.len() + 1).to_string());
    let call = place.s3().copy_object().bucket(BUCKET).key("a/one.csv");
    let call = call
        .copy_source(format!("{BUCKET}/a/one.csv"))
        .metadata_directive(aws_sdk_s3::types::MetadataDirective::Replace)
        .set_metadata(Some(metadata));
    place.wait(call.send()).unwrap();
    let delete = place.s3().delete_object().bucket(BUCKET).key("a/two.csv");
    place.wait(delete.send()).unwrap();
    let done = super::run(&place, &[&uri("a/"), "--to", "alias/new"]);
    let (rows, _) = told(&done);
    let why = rows["a/one.csv"]["error"].as_str().unwrap();
    assert!(done.status == 1 && why.contains("no MAC of its objects holds"), "{why}");
}
