//! An S3 that takes writes whatever their conditions say: what must never be replaced is not written to it at all.

use aws_sdk_s3::primitives::ByteStream;

use crate::place::{Done, Place};
use crate::proxy::{Proxy, Trouble};

const BUCKET: &str = "sagemaker-conditions";

fn uri(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

fn world() -> Place {
    let place = Place::new();
    place.key("training");
    place.key("new");
    place.bucket(BUCKET);
    place.put(BUCKET, "plain/a.csv", b"x,y\n");
    for number in 0..3 {
        place.write(&format!("in/{number}.csv"), b"1,2\n");
    }
    place
        .run(&["encrypt", "in", &uri("data/"), "--key", "alias/training"])
        .ok();
    place
}

/// Runs it against a server that does not know this condition.
fn without(place: &Place, header: &'static str, words: &[&str]) -> Done {
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |_| Trouble::Unconditional(header));
    place.run_as(&[("AWS_ENDPOINT_URL", Some(proxy.url()))], words)
}

fn etags(place: &Place, under: &str) -> Vec<(String, String)> {
    let keys = place.objects(BUCKET).into_iter().filter(|key| key.starts_with(under));
    keys.map(|key| {
        let head = place.s3().head_object().bucket(BUCKET).key(&key).send();
        let etag = place.wait(head).unwrap().e_tag.unwrap();
        (key, etag)
    })
    .collect()
}

#[test]
fn a_server_that_would_replace_what_is_there_gets_no_object_and_is_named() {
    let place = world();
    let before = (etags(&place, "data/"), etags(&place, "plain/"));
    let (plain, data, to) = (uri("plain/"), uri("data/"), uri("to/"));
    for words in [
        vec!["encrypt", "in", &to, "--key", "alias/training"],
        vec!["encrypt", &plain, &to, "--key", "alias/training"],
        vec!["encrypt", &plain, &plain, "--key", "alias/training"],
        vec!["rotate", &data],
        vec!["rewrap", &data, "--to", "alias/new"],
    ] {
        let done = without(&place, "if-none-match", &words);
        assert_eq!(done.status, 1, "{words:?}: {done:?}");
        let said = format!("{}{}", done.out, done.err);
        for word in ["If-None-Match", "http://127.0.0.1:", "heeds conditional writes"] {
            assert!(said.contains(word), "{words:?}: {word}: {said}");
        }
    }
    assert_eq!((etags(&place, "data/"), etags(&place, "plain/")), before);
    assert_eq!(etags(&place, "to/"), []);
    place.run(&["verify", &data]).ok();
}

#[test]
fn a_server_that_does_not_look_at_what_it_replaces_gets_new_objects_only() {
    let place = world();
    let (plain, data, to) = (uri("plain/"), uri("data/"), uri("to/"));
    without(&place, "if-match", &["encrypt", "in", &to, "--key", "alias/training"]).ok();
    let before = (etags(&place, "data/"), etags(&place, "plain/"), etags(&place, "to/"));
    for (header, words) in [
        ("if-match", vec!["rotate", data.as_str()]),
        ("if-match", vec!["rewrap", &data, "--to", "alias/new"]),
        ("x-amz-copy-source-if-match", vec!["rewrap", &data, "--to", "alias/new"]),
        ("if-match", vec!["encrypt", &plain, &plain, "--key", "alias/training"]),
        (
            "if-match",
            vec!["encrypt", "in", &to, "--key", "alias/training", "--overwrite"],
        ),
    ] {
        let done = without(&place, header, &words);
        assert_eq!(done.status, 1, "{words:?}: {done:?}");
        let said = format!("{}{}", done.out, done.err).to_lowercase();
        assert!(
            said.contains(&format!("whose {header} does not hold")),
            "{words:?}: {said}"
        );
    }
    assert_eq!(
        (etags(&place, "data/"), etags(&place, "plain/"), etags(&place, "to/")),
        before
    );
}

#[test]
fn a_server_that_heeds_conditions_is_tried_on_one_record_a_run_and_keeps_it() {
    let place = world();
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |_| Trouble::None);
    let many = uri("many/");
    let words = ["encrypt", "in", &many, "--key", "alias/training"];
    place.run_as(&[("AWS_ENDPOINT_URL", Some(proxy.url()))], &words).ok();
    let operations = proxy.operations();
    let records = operations
        .iter()
        .filter(|one| one.starts_with("PUT ") && one.contains(".strongroom/data-keys/"));
    assert_eq!(records.count(), 3, "one, and two tries of it: {operations:?}");
    // A record of another's is not tried on.
    let key = uri("many/own.key");
    let put = place.s3().put_object().bucket(BUCKET).key("many/own.key");
    place.wait(put.body(ByteStream::from_static(b"mine")).send()).unwrap();
    let named = [
        "encrypt",
        "in",
        &uri("other/"),
        "--key",
        "alias/training",
        "--data-key-name",
        "many/own.key",
    ];
    let refused = place.run(&named);
    assert_eq!(refused.status, 1, "{refused:?}");
    let body = place
        .wait(place.s3().get_object().bucket(BUCKET).key("many/own.key").send())
        .unwrap();
    assert_eq!(place.wait(body.body.collect()).unwrap().to_vec(), b"mine", "{key}");
}
