//! S3 and the data keys: uploads, downloads, buckets made, counted, emptied and deleted, and what depends on a key.

use strongroom::actions::OpenOptions;
use strongroom::actions::decrypt::{DecryptRequest, Output as To, decrypt};
use strongroom::actions::encrypt::{Destination, EncryptRequest, encrypt};
use strongroom::domain::Dependents;

use super::*;

/// What is driven here.
pub(super) const UPLOADS: &[&str] = &[
    "CompleteMultipartUpload",
    "CreateMultipartUpload",
    "GenerateDataKey",
    "HeadObject",
    "PutObject",
    "UploadPart",
];
/// What a write that is refused asks for besides.
pub(super) const REFUSALS: &[&str] = &["GetBucketPolicy"];
pub(super) const DOWNLOADS: &[&str] = &["Decrypt", "GetObject", "ListObjectsV2"];
pub(super) const BUCKETS: &[&str] = &[
    "AbortMultipartUpload",
    "CreateBucket",
    "DeleteBucket",
    "DeleteObject",
    "DeleteObjects",
    "ListMultipartUploads",
    "ListObjectVersions",
    "PutBucketLifecycleConfiguration",
    "PutBucketTagging",
    "PutPublicAccessBlock",
];
pub(super) const DEPENDENTS: &[&str] = &[
    "DescribeKey",
    "GetKeyLastUsage",
    "GetKeyRotationStatus",
    "GetObject",
    "HeadObject",
    "ListAliases",
    "ListBuckets",
    "ListGrants",
    "ListObjectsV2",
    "ListTrainingJobs",
];

impl Fake {
    /// Encrypts a file of the home to a name of its own.
    async fn up(&mut self, source: &str) -> Came {
        let key = self.fresh("up/file");
        let request = EncryptRequest {
            paths: vec![self.world.path(source)],
            destination: Destination::Location(place(&format!("{BUCKET}/{key}"))),
            key: self.world.key.clone(),
            context: BTreeMap::default(),
            data_key_name: None,
            data_key_out: None,
            overwrite: false,
            resume: true,
        };
        let (progress, cancel) = quiet();
        let report = encrypt(&self.aws, request, &progress, &cancel).await;
        let said = report.and_then(|report| report.failed.into_iter().next().map_or(Ok(()), Err));
        let is_there = self.world.s3.head_object().bucket(BUCKET).key(key).send().await.is_ok();
        (said, is_there)
    }

    /// Decrypts a whole prefix.
    async fn down(&mut self, files: &BTreeSet<String>) -> Came {
        let to = self.fresh("down");
        let to = self.world.path(&to);
        let request = DecryptRequest {
            source: place(&format!("{BUCKET}/set/")),
            output: To::Path(to.clone()),
            open: OpenOptions::default(),
            overwrite: false,
        };
        let (progress, cancel) = quiet();
        let report = decrypt(&self.aws, request, &progress, &cancel).await;
        let said = report.and_then(|report| report.failed.into_iter().next().map_or(Ok(()), Err));
        let there = fs::read_dir(&to).into_iter().flatten();
        let there: BTreeSet<_> = there
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let is_all = there == *files
            && files
                .iter()
                .all(|name| fs::read(to.join(name)).unwrap() == name.as_bytes());
        (said, is_all)
    }

    /// Puts objects into a bucket of their own and deletes them.
    async fn deleted(&mut self, keys: &[&str]) -> Came {
        for key in keys {
            self.put("emptied", key).await;
        }
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let (progress, cancel) = quiet();
        let said = actions::delete_objects(&self.aws, "emptied", &keys, &progress, &cancel).await;
        let left = self.world.s3.list_objects_v2().bucket("emptied").send().await.unwrap();
        (said.map(drop), left.key_count() == Some(0))
    }

    /// Makes a bucket with all that belongs to it.
    async fn made(&mut self) -> Came {
        let bucket = self.fresh("made");
        let warnings = match actions::create_bucket(&self.aws, &bucket).await {
            Ok(Outcome::BucketCreated { warnings, .. }) => warnings,
            Ok(other) => panic!("{other:?}"),
            Err(fault) => return (Err(fault), false),
        };
        let s3 = &self.world.s3;
        let is_there = s3.head_bucket().bucket(&bucket).send().await.is_ok();
        let rules = s3.get_bucket_lifecycle_configuration().bucket(&bucket).send().await;
        let closed = s3.get_public_access_block().bucket(&bucket).send().await.is_ok();
        let tags = s3.get_bucket_tagging().bucket(&bucket).send().await.is_ok();
        let is_whole = rules.is_ok() && closed && tags;
        (Ok(()), is_there && (!warnings.is_empty() || is_whole))
    }

    async fn counted(&self) -> Came {
        let said = actions::count_bucket(&self.aws, "counted", &ProgressSink::none()).await;
        let is_right = matches!(&said, Ok(Outcome::BucketCounted(count)) if (count.objects, count.uploads) == (2, 1));
        (said.map(drop), is_right)
    }

    /// Empties a bucket with two objects and an unfinished upload, and deletes it if that is asked for.
    async fn emptied(&mut self, delete: bool) -> Came {
        let bucket = self.fresh("bucket");
        let s3 = self.world.s3.clone();
        s3.create_bucket().bucket(&bucket).send().await.unwrap();
        self.put(&bucket, "a").await;
        self.put(&bucket, "b").await;
        let begun = s3.create_multipart_upload().bucket(&bucket).key("c").send().await;
        begun.unwrap();
        let (progress, cancel) = quiet();
        let said = actions::empty_bucket(&self.aws, &bucket, 2, delete, &progress, &cancel).await;
        let holds = if delete {
            s3.head_bucket().bucket(&bucket).send().await.is_err()
        } else {
            let objects = s3.list_objects_v2().bucket(&bucket).send().await.unwrap();
            let uploads = s3.list_multipart_uploads().bucket(&bucket).send().await.unwrap();
            objects.contents().is_empty() && uploads.uploads().is_empty()
        };
        (said.map(drop), holds)
    }

    async fn dependents(&self) -> Result<Dependents, Fault> {
        let said = actions::dependents(&self.aws, &self.world.key, 10, 1000, &ProgressSink::none()).await;
        // Young, and not everywhere: no answer is no news.
        said.map(|found| Dependents {
            last_used: None,
            ..found
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_download_look_done() {
    let mut fake = Fake::start().await;
    let files: BTreeSet<String> = ["a", "b", "c"].map(str::to_owned).into();
    for name in &files {
        fake.world.write(&format!("set/{name}"), name.as_bytes());
    }
    let source = fake.world.path("set");
    good(&fake.world.encrypt(&source, "s3://training-bucket/set/").await);
    fake.drive("decrypt a prefix", async |fake| fake.down(&files).await)
        .await;
    fake.assert_held(DOWNLOADS);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_an_upload_look_done() {
    let mut fake = Fake::start().await;
    fake.world.write("small", b"small");
    fake.world.write("large", &noise(8 * MIB));
    fake.drive("encrypt a small file", async |fake| fake.up("small").await)
        .await;
    fake.drive("encrypt a large file", async |fake| fake.up("large").await)
        .await;
    // The key object is put as the token is.
    for spoil in spoils(0, 1) {
        fake.spoil(
            |seen| seen.line.starts_with("PUT ") && seen.line.contains("/.strongroom/"),
            spoil,
        );
        let (said, holds) = fake.up("small").await;
        fake.judge("write the key object", spoil, said, holds);
    }
    fake.assert_held(UPLOADS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_is_said_to_want_makes_no_refused_write_look_done() {
    let mut fake = Fake::start().await;
    fake.world.write("small", b"small");
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{BUCKET}/*"),
        "Condition": {"Null": {"s3:x-amz-acl": "true"}},
    }]});
    let put = fake.world.s3.put_bucket_policy().bucket(BUCKET);
    put.policy(policy.to_string()).send().await.unwrap();
    let (said, is_there) = fake.up("small").await;
    let fault = said.unwrap_err();
    assert!(!is_there && fault.remedy.contains("x-amz-acl"), "{fault}");
    fake.spoil_all("GetBucketPolicy", Spoil::Cut(usize::MAX));
    fake.up("small").await.0.unwrap_err();
    let length = fake.proxy.longest();
    assert!(length > 0);
    for spoil in spoils(length, length.div_ceil(fake.cuts).max(1)) {
        fake.spoil_all("GetBucketPolicy", spoil);
        let (said, is_there) = fake.up("small").await;
        let fault = said.unwrap_err();
        assert_eq!((fault.kind, is_there), (FaultKind::Denied, false), "{spoil:?}: {fault}");
    }
    fake.driven.insert("GetBucketPolicy".to_owned());
    fake.assert_held(REFUSALS);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_bucket_look_made_counted_emptied_or_deleted() {
    let mut fake = Fake::start().await;
    let s3 = fake.world.s3.clone();
    for bucket in ["counted", "emptied"] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    fake.put("counted", "a").await;
    fake.put("counted", "b").await;
    let begun = s3.create_multipart_upload().bucket("counted").key("c").send().await;
    begun.unwrap();
    fake.drive("count a bucket", async |fake| fake.counted().await).await;
    fake.drive("delete objects", async |fake| fake.deleted(&["x", "y"]).await)
        .await;
    fake.drive("delete an object that no list can name", async |fake| {
        fake.deleted(&["back\u{8}space"]).await
    })
    .await;
    fake.drive("make a bucket", async |fake| fake.made().await).await;
    fake.drive("empty a bucket", async |fake| fake.emptied(false).await)
        .await;
    fake.drive("delete a bucket", async |fake| fake.emptied(true).await)
        .await;
    fake.assert_held(BUCKETS);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_hides_what_depends_on_a_key() {
    let mut fake = Fake::start().await;
    fake.world.write("small", b"small");
    let source = fake.world.path("small");
    good(&fake.world.encrypt(&source, "s3://training-bucket/").await);
    let kms = fake.world.kms.clone();
    let named = kms.create_alias().alias_name("alias/one");
    named.target_key_id(&fake.world.key).send().await.unwrap();
    let all = fake.dependents().await.unwrap();
    assert!(!all.objects.is_empty() && !all.incomplete, "{all:?}");
    fake.drive("look for dependents", async |fake| {
        let found = fake.dependents().await;
        let is_told = |found: &Dependents| found.incomplete || !found.refused.is_empty();
        let holds = found.as_ref().is_ok_and(|found| *found == all || is_told(found));
        (found.map(drop), holds)
    })
    .await;
    fake.assert_held(DEPENDENTS);
}
