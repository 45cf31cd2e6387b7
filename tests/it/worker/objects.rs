//! Objects and their buckets.

use std::collections::BTreeMap;

use strongroom::app::{Event, Page, Topic};
use strongroom::domain::{Bond, FaultKind, ObjectFormat, ObjectRequest, ObjectRow, Outcome, Request};

use super::World;

#[tokio::test]
async fn an_encrypted_file_is_listed_recognised_opened_and_deleted() {
    let mut world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("rows.csv");
    std::fs::write(&source, b"x,y\n1,2\n").unwrap();
    let arn = world.key("").await;
    let bucket = "sagemaker-worker-test".to_owned();
    world
        .perform(Request::Object(ObjectRequest::CreateBucket { bucket: bucket.clone() }))
        .await
        .unwrap();
    let encrypt = Request::Object(ObjectRequest::Encrypt {
        paths: vec![source.clone()],
        bucket: bucket.clone(),
        prefix: "data/".to_owned(),
        key: arn.clone(),
        context: BTreeMap::new(),
        overwrite: false,
    });
    let Outcome::Encrypted { uris, bytes, .. } = world.perform(encrypt).await.unwrap() else {
        panic!("not encrypted");
    };
    assert_eq!(
        (uris.as_slice(), bytes),
        (["s3://sagemaker-worker-test/data/rows.csv".to_owned()].as_slice(), 8)
    );

    let object = "data/rows.csv".to_owned();
    let level = Topic::Objects {
        bucket: bucket.clone(),
        prefix: "data/".to_owned(),
    };
    let Page::Objects(rows) = world.ask(level).await.unwrap() else {
        panic!("no objects");
    };
    assert_eq!(rows.iter().map(ObjectRow::key).collect::<Vec<_>>(), [object.as_str()]);

    let row = |key: &str| Topic::Object {
        bucket: bucket.clone(),
        key: key.to_owned(),
    };
    let Page::Object(ObjectRow::Object {
        key: named,
        size,
        etag: head,
        info: Some(info),
        ..
    }) = world.ask(row(&object)).await.unwrap()
    else {
        panic!("no object");
    };
    let ObjectRow::Object { size: listed, etag, .. } = &rows[0] else {
        panic!("{rows:?}");
    };
    assert_eq!((&named, size, &head), (&object, *listed, etag));
    assert_eq!(info.format, ObjectFormat::Strongroom);
    assert_eq!(info.kms_key_arn.as_deref(), Some(arn.as_str()));
    assert_eq!(info.plaintext_bytes, Some(8));
    assert_eq!(world.ask(row("gone")).await.unwrap_err().kind, FaultKind::NotFound);

    let to = dir.path().join("opened.csv");
    let decrypt = Request::Object(ObjectRequest::Decrypt {
        bucket: bucket.clone(),
        object: object.clone(),
        to: to.clone(),
        overwrite: false,
        accept_name: false,
        accept_unbound: false,
    });
    let outcome = world.perform(decrypt).await.unwrap();
    let Outcome::Decrypted {
        path, verified, etag, ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    let ObjectRow::Object { etag: listed, .. } = &rows[0] else {
        panic!("{rows:?}");
    };
    assert_eq!((&path, &etag), (&to, listed));
    assert_eq!(verified.map(|verified| verified.bond), Some(Bond::Bound));
    assert_eq!(std::fs::read(&to).unwrap(), b"x,y\n1,2\n");

    let delete = Request::Object(ObjectRequest::Delete {
        bucket: bucket.clone(),
        objects: vec![object.clone()],
    });
    let deleted = Outcome::Deleted {
        bucket: bucket.clone(),
        objects: vec![object],
    };
    assert_eq!(world.perform(delete).await.unwrap(), deleted);
    world.stop().await;
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_fails_its_own_topic_only() {
    let mut world = World::new().await;
    let objects = Topic::Objects {
        bucket: "no-such-bucket-here".to_owned(),
        prefix: String::new(),
    };
    world.watch([objects.clone(), Topic::Identity]);
    let (mut failed, mut known) = (false, false);
    world
        .until(|event| {
            match event {
                Event::Failed {
                    topic, fault, retry_at, ..
                } => {
                    assert_eq!(*topic, objects);
                    assert_eq!(fault.kind, FaultKind::NotFound);
                    assert_eq!(fault.object, "s3://no-such-bucket-here/");
                    assert!(retry_at.is_some());
                    failed = true;
                }
                Event::Answer {
                    page: Page::Identity(_),
                    ..
                } => known = true,
                _ => {}
            }
            (failed && known).then_some(())
        })
        .await;
    world.stop().await;
}
