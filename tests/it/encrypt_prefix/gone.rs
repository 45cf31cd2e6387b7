//! What becomes of the plaintext of objects that were encrypted.

use super::*;

#[test]
fn plain_objects_are_deleted_only_once_their_tokens_were_read_back() {
    let place = world();
    let (status, rows, summary) = encrypt(&place, &uri("data/"), &uri("sealed/"), &["--delete-plain"]);
    assert_eq!((status, summary["gone"].as_u64()), (0, Some(3)), "{rows:?}");
    assert!(!place.objects(BUCKET).iter().any(|key| key.starts_with("data/")));
    assert_eq!(verified(&place, "sealed/"), 3);
    // Without the right to unwrap its data key nothing is read back, and nothing is deleted.
    for key in ["data/a.csv", "data/deep/b.csv", "data/c.bin"] {
        place.put(BUCKET, key, TABLE);
    }
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}]}"#;
    let user = place.user("sealer", &[all]);
    let as_user: Vec<(&str, Option<&str>)> = user
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let to = uri("other/");
    let arguments = [
        "encrypt",
        "--json",
        &uri("data/"),
        &to,
        "--key",
        "alias/training",
        "--delete-plain",
    ];
    let done = place.run_as(&as_user, &arguments);
    assert_eq!(done.status, 1, "{done:?}");
    let (rows, summary) = told(&done, BUCKET);
    assert_eq!(
        (summary["undeleted"].as_u64(), summary["gone"].as_u64()),
        (Some(3), Some(0)),
        "{rows:?}"
    );
    assert_eq!(get(&place, "data/a.csv").as_deref(), Some(TABLE));
    // Whoever may goes on: what is there is read and held against the plain object, and that goes.
    let (status, rows, _) = encrypt(&place, &uri("data/"), &to, &["--delete-plain"]);
    assert_eq!(status, 0, "{rows:?}");
    assert_eq!(
        (
            rows["data/a.csv"]["resumed"].as_bool(),
            rows["data/a.csv"]["before"].as_str()
        ),
        (Some(true), Some("gone"))
    );
    assert_eq!(get(&place, "data/a.csv"), None);
}

#[test]
fn a_token_that_opens_to_something_else_lets_no_plain_object_go() {
    let place = world();
    encrypt(&place, &uri("data/"), &uri("sealed/"), &[]);
    // Of the same length, and another.
    place.put(BUCKET, "data/a.csv", b"x,y\n1,2\n2,5\n");
    // No older than that.
    let token = "sealed/a.csv";
    let call = place.s3().copy_object().copy_source(format!("{BUCKET}/{token}"));
    let call = call.metadata_directive(aws_sdk_s3::types::MetadataDirective::Replace);
    let call = call.set_metadata(head(&place, BUCKET, token).metadata);
    place.wait(call.bucket(BUCKET).key(token).send()).unwrap();
    let (status, rows, _) = encrypt(&place, &uri("data/"), &uri("sealed/"), &["--delete-plain"]);
    assert_eq!(status, 1);
    let why = rows["data/a.csv"]["error"].as_str().unwrap();
    assert!(why.contains("opens to something else than the object"), "{why}");
    assert_eq!(get(&place, "data/a.csv").as_deref(), Some(&b"x,y\n1,2\n2,5\n"[..]));
    assert_eq!(get(&place, "data/c.bin"), None);
}

#[test]
fn in_a_bucket_that_keeps_versions_plaintext_is_called_gone_only_if_it_is() {
    let place = world();
    keep_versions(&place, BUCKET, BucketVersioningStatus::Enabled);
    place.put(BUCKET, "data/a.csv", TABLE);
    place.put(BUCKET, "data/c.bin", TABLE);
    let said = place
        .run(&[
            "encrypt",
            &uri("data/a.csv"),
            &uri("data/a.csv"),
            "--key",
            "alias/training",
        ])
        .ok()
        .out;
    assert!(
        said.contains("1 plain object kept by the bucket as older versions"),
        "{said}"
    );
    assert!(
        said.contains("can be read by version id until that is deleted"),
        "{said}"
    );
    let left = versions(&place, "data/a.csv");
    assert_eq!(left.iter().filter(|body| body.as_slice() == TABLE).count(), 2);
    // The version that was read is deleted, those before it stay.
    let (status, rows, summary) = encrypt(&place, &uri("data/c.bin"), &uri("data/c.bin"), &["--delete-plain"]);
    assert_eq!((status, summary["gone"].as_u64()), (0, Some(1)), "{rows:?}");
    let left = versions(&place, "data/c.bin");
    assert_eq!(
        left.iter().filter(|body| body.as_slice() == TABLE).count(),
        1,
        "the older one"
    );
    assert!(is_token(&place, "data/c.bin"));
    // How many are there is counted, and an audit finds each.
    assert_eq!(
        (&summary["older_versions"], &summary["older_versions_unknown"]),
        (&1.into(), &Value::Null),
        "{summary}"
    );
    let audited = place.run(&["audit", "--json", "--versions", &uri("data/c.bin")]);
    let older = audited.lines().into_iter().filter(|row| row["latest"] == false);
    assert_eq!(older.map(|row| row["kind"].clone()).collect::<Vec<_>>(), ["sse-s3"]);
    assert_eq!(audited.status, 1);
    place.put(BUCKET, "data/e.csv", TABLE);
    place.put(BUCKET, "data/e.csv", TABLE);
    let e = uri("data/e.csv");
    let of = ["encrypt", &e, &e, "--key", "alias/training", "--delete-plain"];
    let said = place.run(&of).ok().out;
    for words in [
        "1 older versions are there, and may be plaintext",
        "--key KEY --version-id ID",
        "lifecycle rule",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let blind = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:ListBucketVersions","Resource":"*"}]}"#;
    let blind = place.user("blind", &[blind]);
    let as_blind: Vec<(&str, Option<&str>)> = blind
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    place.put(BUCKET, "data/f.csv", TABLE);
    let f = uri("data/f.csv");
    let of = ["encrypt", &f, &f, "--key", "alias/training", "--delete-plain"];
    let said = place.run_as(&as_blind, &of).ok().out;
    assert!(
        said.contains("which may be plaintext, could not be looked at") && said.contains("s3:ListBucketVersions"),
        "{said}"
    );
    // Elsewhere: a marker hides what was there, and the version goes.
    let (status, rows, _) = encrypt(&place, &uri("data/deep/"), &uri("sealed/"), &["--delete-plain"]);
    assert_eq!(
        (status, rows["data/deep/b.csv"]["before"].as_str()),
        (0, Some("gone")),
        "{rows:?}"
    );
    assert_eq!(versions(&place, "data/deep/b.csv").len(), 0);
    assert_eq!(get(&place, "data/deep/b.csv"), None);
    // Who may not delete versions is told which one is left.
    place.put(BUCKET, "data/d.csv", TABLE);
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:DeleteObjectVersion","Resource":"*"}]}"#;
    let user = place.user("sealer", &[all]);
    let as_user: Vec<(&str, Option<&str>)> = user
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let d = uri("data/d.csv");
    let done = place.run_as(
        &as_user,
        &["encrypt", "--json", &d, &d, "--key", "alias/training", "--delete-plain"],
    );
    assert_eq!(done.status, 1);
    let (rows, _) = told(&done, BUCKET);
    let why = rows["data/d.csv"]["error"].as_str().unwrap();
    assert!(why.contains("the plain object is left as version"), "{why}");
    assert_eq!(versions(&place, "data/d.csv").len(), 2);
}

#[test]
fn where_versioning_is_suspended_what_replaces_the_version_of_no_name_leaves_nothing_of_it() {
    let place = world();
    keep_versions(&place, BUCKET, BucketVersioningStatus::Suspended);
    let (status, rows, _) = encrypt(&place, &uri("data/a.csv"), &uri("data/a.csv"), &["--delete-plain"]);
    assert_eq!(
        (status, rows["data/a.csv"]["before"].as_str()),
        (0, Some("gone")),
        "{rows:?}"
    );
    assert_eq!(versions(&place, "data/a.csv").len(), 1);
    assert!(is_token(&place, "data/a.csv"));
    let (status, rows, _) = encrypt(&place, &uri("data/c.bin"), &uri("sealed/"), &["--delete-plain"]);
    assert_eq!(
        (status, rows["data/c.bin"]["before"].as_str()),
        (0, Some("gone")),
        "{rows:?}"
    );
    assert_eq!(
        (versions(&place, "data/c.bin").len(), get(&place, "data/c.bin")),
        (0, None)
    );
}
