//! Older versions are read to their end as what is there now.

use super::*;
use crate::rotate::keep_versions;

#[test]
fn an_older_version_that_was_changed_is_not_intact_and_whole_ones_are() {
    let (place, _) = world();
    keep_versions(&place, BUCKET, BucketVersioningStatus::Enabled);
    let answer = place.wait(place.s3().get_object().bucket(BUCKET).key("data/x.csv").send());
    let answer = answer.unwrap();
    let metadata = answer.metadata.clone();
    let token = place.wait(answer.body.collect()).unwrap().to_vec();
    let store = |body: &[u8]| {
        let call = place.s3().put_object().bucket(BUCKET).key("data/x.csv");
        let call = call.set_metadata(metadata.clone());
        place.wait(call.body(ByteStream::from(body.to_vec())).send()).unwrap();
    };
    let deep = || {
        let done = place.run(&["audit", "--json", "--deep", "--versions", &uri("data/")]);
        let mut rows = done.lines();
        rows.pop();
        (done.status, rows)
    };
    store(&token);
    let (status, rows) = deep();
    assert_eq!((status, rows.len()), (0, 3), "{rows:?}");
    assert!(rows.iter().all(|row| row["intact"] == true), "{rows:?}");

    let mut changed = token.clone();
    changed[60] = if changed[60] == b'A' { b'B' } else { b'A' };
    store(&changed);
    store(&token);
    let (status, rows) = deep();
    let broken: Vec<&Value> = rows.iter().filter(|row| row["intact"] != true).collect();
    assert_eq!((status, rows.len(), broken.len()), (1, 5, 1), "{rows:?}");
    assert_eq!(
        (&broken[0]["intact"], &broken[0]["latest"]),
        (&false.into(), &false.into())
    );
    assert!(
        broken[0]["wrong"].to_string().contains("it is not intact"),
        "{broken:?}"
    );
}
