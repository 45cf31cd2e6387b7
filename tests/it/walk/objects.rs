//! Buckets and objects: made, counted, looked into, proved, emptied.

use strongroom::actions;
use strongroom::domain::{FaultKind, ObjectProof, Origin, Outcome, View};
use tokio_util::sync::CancellationToken;

use super::{BUCKET, TABLE, quiet, with_data};
use crate::place::{Place, never};

#[test]
fn a_bucket_is_private_and_tidy_from_the_start_and_emptied_only_as_agreed() {
    let place = Place::new();
    let made = place.wait(actions::create_bucket(&place.aws, BUCKET)).unwrap();
    assert_eq!(
        made,
        Outcome::BucketCreated {
            bucket: BUCKET.to_owned(),
            warnings: Vec::new()
        }
    );
    let s3 = place.s3();
    place.wait(async {
        let block = s3.get_public_access_block().bucket(BUCKET).send().await.unwrap();
        let block = block.public_access_block_configuration.unwrap();
        assert_eq!(block.block_public_policy, Some(true));
        let rules = s3
            .get_bucket_lifecycle_configuration()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap();
        let abort = rules.rules()[0].abort_incomplete_multipart_upload().unwrap();
        assert_eq!(abort.days_after_initiation, Some(7));
        s3.create_multipart_upload()
            .bucket(BUCKET)
            .key("half")
            .send()
            .await
            .unwrap();
    });
    for key in ["a", "b/c", "b/d"] {
        place.put(BUCKET, key, b"12345");
    }
    let count = match place.wait(actions::count_bucket(&place.aws, BUCKET, &quiet())).unwrap() {
        Outcome::BucketCounted(count) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!((count.objects, count.bytes, count.uploads), (3, 15, 1));
    let more = place
        .wait(actions::empty_bucket(&place.aws, BUCKET, 2, true, &quiet(), &never()))
        .unwrap_err();
    assert_eq!(more.kind, FaultKind::Conflict);
    assert_eq!(place.objects(BUCKET).len(), 3);
    place
        .wait(actions::empty_bucket(&place.aws, BUCKET, 3, false, &quiet(), &never()))
        .unwrap();
    assert!(place.objects(BUCKET).is_empty());
    assert_eq!(place.unfinished_uploads(BUCKET), 0);
    place
        .wait(actions::empty_bucket(&place.aws, BUCKET, 0, true, &quiet(), &never()))
        .unwrap();
    assert!(
        place
            .wait(place.s3().list_buckets().send())
            .unwrap()
            .buckets()
            .is_empty()
    );
}

#[test]
fn a_bucket_that_keeps_versions_is_counted_and_emptied_with_all_of_them_and_its_markers() {
    use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
    let place = Place::new();
    place.bucket(BUCKET);
    let s3 = place.s3();
    let kept = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let call = s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(kept);
    place.wait(call.send()).unwrap();
    for key in ["a", "a", "a", "b\u{8}", "gone"] {
        place.put(BUCKET, key, b"12345");
    }
    place
        .wait(s3.delete_object().bucket(BUCKET).key("gone").send())
        .unwrap();
    let count = match place.wait(actions::count_bucket(&place.aws, BUCKET, &quiet())).unwrap() {
        Outcome::BucketCounted(count) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (count.objects, count.versions, count.markers, count.bytes),
        (2, 3, 1, 25)
    );
    let empty = |most, delete| {
        place.wait(actions::empty_bucket(
            &place.aws,
            BUCKET,
            most,
            delete,
            &quiet(),
            &never(),
        ))
    };
    assert_eq!(empty(5, true).unwrap_err().kind, FaultKind::Conflict);
    let emptied = |deleted, objects, older| Outcome::BucketEmptied {
        bucket: BUCKET.to_owned(),
        objects,
        older,
        deleted,
    };
    assert_eq!(empty(6, false).unwrap(), emptied(false, 2, 4));
    let left = place.wait(s3.list_object_versions().bucket(BUCKET).send()).unwrap();
    assert!(left.versions().is_empty() && left.delete_markers().is_empty());
    assert_eq!(empty(0, true).unwrap(), emptied(true, 0, 0));
}

#[test]
fn a_preview_shows_the_beginning_of_what_is_intact_and_nothing_of_what_is_not() {
    let place = Place::new();
    with_data(&place);
    let look = |object: &str, most| {
        let cancel = CancellationToken::new();
        place.wait(actions::preview(
            &place.aws,
            BUCKET,
            object,
            None,
            (most, false),
            &quiet(),
            &cancel,
        ))
    };
    let preview = look("data/x.csv", 8).unwrap();
    assert_eq!(preview.bytes.dangerously_show(), b"x,y\n1,2\n");
    assert_eq!((preview.total, preview.is_cut()), (TABLE.len() as u64, true));
    let Origin::Token { verified, etag } = &preview.origin else {
        panic!("{:?}", preview.origin);
    };
    assert!(verified.bond.is_bound() && etag.is_some());
    assert_eq!(
        (preview.view, preview.lines(View::Csv, 9, 80)),
        (View::Csv, vec!["x  y".to_owned(), "1  2".to_owned()])
    );
    assert!(!format!("{preview:?}").contains("1,2"));

    let head = place
        .wait(place.s3().head_object().bucket(BUCKET).key("data/x.csv").send())
        .unwrap();
    let answer = place
        .wait(place.s3().get_object().bucket(BUCKET).key("data/x.csv").send())
        .unwrap();
    let mut token = place.wait(answer.body.collect()).unwrap().to_vec();
    let middle = token.len() / 2;
    token[middle] = if token[middle] == b'A' { b'B' } else { b'A' };
    let call = place.s3().put_object().bucket(BUCKET).key("data/x.csv");
    let body = aws_sdk_s3::primitives::ByteStream::from(token);
    place.wait(call.set_metadata(head.metadata).body(body).send()).unwrap();
    assert_eq!(look("data/x.csv", 8).unwrap_err().kind, FaultKind::Integrity);
}

#[test]
fn the_proof_on_an_object_goes_from_its_stored_bytes_to_the_role_that_opens_it() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    let prove = |grant| -> ObjectProof {
        let cancel = CancellationToken::new();
        let quiet = quiet();
        let proof = actions::prove_object(&place.aws, BUCKET, "data/x.csv", "trainer", grant, &quiet, &cancel);
        place.wait(proof).unwrap()
    };
    let outcomes = |proof: &ObjectProof| -> Vec<String> {
        proof
            .steps
            .iter()
            .map(|step| format!("{}: {}", step.what, step.outcome))
            .collect()
    };
    let without = prove(false);
    assert!(without.stored.starts_with("gAAAAA") && without.holds, "{without:#?}");
    assert_eq!(
        outcomes(&without),
        [
            "read the bytes as they are stored: they begin a Fernet token",
            "unwrap its data key as the role, without a grant: refused",
            "open it with another data key: refused",
        ]
    );
    let with = prove(true);
    assert!(with.holds, "{with:#?}");
    let told = outcomes(&with);
    assert!(
        told.contains(&"unwrap its data key as the role, with a grant: allowed".to_owned()),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|step| step.starts_with("open it as the role: opened: 20 bytes")),
        "{told:?}"
    );
    assert_eq!(told.last().unwrap(), "revoke the grant again: revoked");
    let left = place
        .wait(actions::grants_of(&place.aws, std::slice::from_ref(&key_arn), &quiet()))
        .unwrap();
    assert!(
        matches!(&left, Outcome::GrantsFound { grants, .. } if grants.is_empty()),
        "{left:?}"
    );
    place.grant(&key_arn, &role_arn);
    assert!(prove(false).notes[0].contains("already"));
}
