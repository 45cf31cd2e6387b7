//! A fake S3 and a fake KMS: every answer of theirs that an upload, a download, the making, counting and emptying of a bucket,
//! or the look for what depends on a key needs is emptied, replaced and cut at every length. Nothing that comes of it may be a
//! success that is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use aws_sdk_s3::primitives::ByteStream;
use strongroom::actions::decrypt::{DecryptRequest, Output as To, decrypt};
use strongroom::actions::encrypt::{Destination, EncryptRequest, encrypt};
use strongroom::actions::{self, Aws, OpenOptions, Place, ProgressSink};
use strongroom::config::{Connection, SandboxEndpoint};
use strongroom::domain::{Dependents, Fault, FaultKind, Outcome};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::proxy::{Proxy, Seen, Spoil, Trouble, is_beginning, is_completion};

/// Which of the requests.
type Which = fn(&Seen<'_>) -> bool;

/// An endpoint whose answers to some requests are what we want.
struct Fake {
    world: World,
    proxy: Proxy,
    aws: Aws,
    spoil: Arc<Mutex<Option<(Which, Spoil)>>>,
    /// Runs of everything, for names that were never used before.
    runs: usize,
}

impl Fake {
    async fn start() -> Self {
        let world = World::start().await;
        let spoil: Arc<Mutex<Option<(Which, Spoil)>>> = Arc::default();
        let now = Arc::clone(&spoil);
        let proxy = Proxy::start(&world.sandbox, move |seen| match *now.lock().unwrap() {
            Some((which, spoil)) if which(seen) => Trouble::Spoilt(spoil),
            _ => Trouble::None,
        });
        let connection = Connection {
            sandbox: Some(SandboxEndpoint {
                url: proxy.url().to_owned(),
                region: "us-east-1".to_owned(),
                access_key_id: world.sandbox.access_key_id().to_owned(),
                secret_access_key: world.sandbox.secret_access_key().to_owned(),
            }),
            ..Connection::default()
        };
        let aws = actions::connect(&connection).await.unwrap();
        Self {
            world,
            proxy,
            aws,
            spoil,
            runs: 0,
        }
    }

    fn spoil(&self, which: Which, spoil: Spoil) {
        *self.spoil.lock().unwrap() = Some((which, spoil));
    }

    fn honest(&self) {
        *self.spoil.lock().unwrap() = None;
    }

    fn place(bucket_and_key: &str) -> Place {
        Place::parse(&format!("s3://{bucket_and_key}")).unwrap()
    }

    /// Encrypts a file of the home to a name of its own; whether that is said to be done, and whether it is.
    async fn up(&mut self, source: &str) -> (Result<(), Fault>, bool) {
        self.runs += 1;
        let key = format!("up/{}", self.runs);
        let request = EncryptRequest {
            paths: vec![self.world.path(source)],
            destination: Destination::Place(Self::place(&format!("{BUCKET}/{key}"))),
            key: self.world.key.clone(),
            context: BTreeMap::default(),
            data_key_name: None,
            data_key_out: None,
            overwrite: false,
            resume: true,
        };
        let report = encrypt(&self.aws, request, &ProgressSink::none(), &CancellationToken::new()).await;
        let said = report.and_then(|report| report.failed.into_iter().next().map_or(Ok(()), Err));
        let is_there = self.world.s3.head_object().bucket(BUCKET).key(key).send().await.is_ok();
        (said, is_there)
    }

    /// Decrypts a whole prefix; whether that is said to be done, and whether it is.
    async fn down(&mut self, files: &BTreeSet<String>) -> (Result<(), Fault>, bool) {
        self.runs += 1;
        let to = self.world.path(&format!("down-{}", self.runs));
        let request = DecryptRequest {
            source: Self::place(&format!("{BUCKET}/set/")),
            output: To::Path(to.clone()),
            open: OpenOptions::default(),
            overwrite: false,
        };
        let report = decrypt(&self.aws, request, &ProgressSink::none(), &CancellationToken::new()).await;
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

    /// Puts two objects into a bucket of their own and deletes them; whether that is said to be done, and whether it is.
    async fn deleted(&mut self) -> (Result<(), Fault>, bool) {
        let keys = ["x", "y"].map(str::to_owned);
        for key in &keys {
            self.put("emptied", key).await;
        }
        let (progress, cancel) = (ProgressSink::none(), CancellationToken::new());
        let said = actions::delete_objects(&self.aws, "emptied", &keys, &progress, &cancel).await;
        let left = self.world.s3.list_objects_v2().bucket("emptied").send().await.unwrap();
        (said.map(drop), left.key_count() == Some(0))
    }

    /// Makes a bucket with all that belongs to it; whether that is said to be done, and whether it is.
    async fn made(&mut self) -> (Result<(), Fault>, bool) {
        self.runs += 1;
        let bucket = format!("made-{}", self.runs);
        let warnings = match actions::create_bucket(&self.aws, &bucket).await {
            Ok(Outcome::BucketCreated { warnings, .. }) => warnings,
            Ok(other) => panic!("{other:?}"),
            Err(fault) => return (Err(fault), false),
        };
        let s3 = &self.world.s3;
        let is_there = s3.head_bucket().bucket(&bucket).send().await.is_ok();
        let rules = s3
            .get_bucket_lifecycle_configuration()
            .bucket(&bucket)
            .send()
            .await
            .is_ok();
        let closed = s3.get_public_access_block().bucket(&bucket).send().await.is_ok();
        let tags = s3.get_bucket_tagging().bucket(&bucket).send().await.is_ok();
        (Ok(()), is_there && (!warnings.is_empty() || (rules && closed && tags)))
    }

    async fn counted(&self) -> (Result<(), Fault>, bool) {
        let said = actions::count_bucket(&self.aws, "counted", &ProgressSink::none()).await;
        let is_right = matches!(&said, Ok(Outcome::BucketCounted(count)) if (count.objects, count.uploads) == (2, 1));
        (said.map(drop), is_right)
    }

    /// What is found is all there is, or it is said that it may not be.
    async fn depended(&self, all: Option<&Dependents>) -> (Result<(), Fault>, bool, Option<Dependents>) {
        let said = actions::dependents(&self.aws, &self.world.key, 10, 1000, &ProgressSink::none()).await;
        let is_told = |found: &Dependents| found.incomplete || !found.refused.is_empty();
        let holds = said
            .as_ref()
            .is_ok_and(|found| all.is_none_or(|all| found == all) || is_told(found));
        (said.as_ref().map(drop).map_err(Clone::clone), holds, said.ok())
    }

    async fn put(&self, bucket: &str, key: &str) {
        let put = self.world.s3.put_object().bucket(bucket).key(key);
        put.body(ByteStream::from_static(b"1")).send().await.unwrap();
    }
}

/// What may come in the place of an answer of this length: everything, or cuts so far from each other.
fn spoils(length: usize, step: usize) -> Vec<Spoil> {
    let cuts = (0..length).step_by(step).map(Spoil::Cut);
    [Spoil::Empty, Spoil::Page, Spoil::Site]
        .into_iter()
        .chain(cuts)
        .collect()
}

/// Whether what is said holds; a failure says who answered, where it was somebody else.
fn assert_holds(name: &str, spoil: Spoil, (said, is_done): (Result<(), Fault>, bool)) {
    match said {
        Ok(()) => assert!(is_done, "{name}, {spoil:?}: said to be done, and it is not"),
        Err(fault) if spoil == Spoil::Page => {
            assert_eq!(fault.kind, FaultKind::Foreign, "{name}, {spoil:?}: {fault}");
            assert!(fault.cause.starts_with("this was not "), "{name}: {fault}");
            assert!(!fault.remedy.is_empty());
        }
        Err(_) => {}
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
    let answers: [(&str, Which, usize); 4] = [
        ("ListObjectsV2", |seen| seen.line.contains("list-type=2"), 1),
        ("Decrypt", |seen| seen.operation == "Decrypt", 1),
        ("HeadObject", |seen| seen.line.starts_with("HEAD "), usize::MAX),
        // A download asks for it again for some seconds.
        (
            "GetObject",
            |seen| seen.line.contains("/set/b") && seen.line.starts_with("GET "),
            60,
        ),
    ];
    let mut cases = 0;
    for (name, which, step) in answers {
        fake.spoil(which, Spoil::Cut(usize::MAX));
        let (said, is_done) = fake.down(&files).await;
        assert!(said.is_ok() && is_done, "{name}: {said:?}");
        for spoil in spoils(fake.proxy.longest(), step) {
            fake.spoil(which, spoil);
            let came = fake.down(&files).await;
            assert!(
                came.0.is_err() || matches!(spoil, Spoil::Cut(_)),
                "{name}, {spoil:?}: {came:?}"
            );
            assert_holds(name, spoil, came);
            cases += 1;
        }
        fake.proxy.forget();
    }
    println!("{cases} answers that were none, no download that looked done");
    assert!(cases > 900, "{cases}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_an_upload_look_done() {
    let mut fake = Fake::start().await;
    fake.world.write("small", b"small");
    fake.world.write("large", &noise(8 * MIB));
    let is_key_object = |seen: &Seen<'_>| seen.line.starts_with("PUT ") && seen.line.contains("/.strongroom/");
    let answers: [(&str, &str, Which, usize); 7] = [
        (
            "GenerateDataKey",
            "small",
            |seen| seen.operation == "GenerateDataKey",
            1,
        ),
        ("PutObject of the key object", "small", is_key_object, usize::MAX),
        ("HeadObject", "small", |seen| seen.line.starts_with("HEAD "), usize::MAX),
        (
            "PutObject",
            "small",
            |seen| seen.line.starts_with("PUT /training-bucket/up/"),
            usize::MAX,
        ),
        ("CreateMultipartUpload", "large", |seen| is_beginning(seen.line), 7),
        (
            "UploadPart",
            "large",
            |seen| seen.line.contains("partNumber="),
            usize::MAX,
        ),
        ("CompleteMultipartUpload", "large", |seen| is_completion(seen.line), 61),
    ];
    let mut cases = 0;
    for (name, source, which, step) in answers {
        fake.spoil(which, Spoil::Cut(usize::MAX));
        let (said, is_done) = fake.up(source).await;
        assert!(said.is_ok() && is_done, "{name}: {said:?}");
        for spoil in spoils(fake.proxy.longest(), step) {
            fake.spoil(which, spoil);
            assert_holds(name, spoil, fake.up(source).await);
            cases += 1;
        }
        fake.proxy.forget();
    }
    fake.honest();
    println!("{cases} answers that were none, no upload that looked done");
    assert!(cases > 300, "{cases}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_bucket_look_made_counted_or_emptied() {
    let mut fake = Fake::start().await;
    let s3 = fake.world.s3.clone();
    for bucket in ["counted", "emptied"] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    fake.put("counted", "a").await;
    fake.put("counted", "b").await;
    let begun = s3.create_multipart_upload().bucket("counted").key("c").send().await;
    begun.unwrap();
    let (mut cases, mut wrong) = (0, Vec::new());

    let lists: [(&str, Which); 2] = [
        ("ListObjectsV2", |seen| seen.line.contains("list-type=2")),
        ("ListMultipartUploads", |seen| {
            seen.line.contains("?uploads") && seen.line.starts_with("GET ")
        }),
    ];
    for (name, which) in lists {
        fake.spoil(which, Spoil::Cut(usize::MAX));
        assert!(fake.counted().await.1, "{name}");
        for spoil in spoils(fake.proxy.longest(), 1) {
            fake.spoil(which, spoil);
            assert_holds(name, spoil, fake.counted().await);
            cases += 1;
        }
        fake.proxy.forget();
    }

    let which: Which = |seen| seen.line.contains("?delete") && seen.line.starts_with("POST ");
    fake.spoil(which, Spoil::Cut(usize::MAX));
    assert!(fake.deleted().await.1);
    for spoil in spoils(fake.proxy.longest(), 1) {
        fake.spoil(which, spoil);
        assert_holds("DeleteObjects", spoil, fake.deleted().await);
        cases += 1;
    }
    fake.proxy.forget();

    let makings: [(&str, Which); 4] = [
        ("CreateBucket", |seen| {
            seen.line.starts_with("PUT /made-") && !seen.line.contains('?')
        }),
        ("PutPublicAccessBlock", |seen| seen.line.contains("?publicAccessBlock")),
        ("PutBucketLifecycleConfiguration", |seen| {
            seen.line.contains("?lifecycle")
        }),
        ("PutBucketTagging", |seen| seen.line.contains("?tagging")),
    ];
    for (name, which) in makings {
        for spoil in [Spoil::Empty, Spoil::Page, Spoil::Site] {
            fake.spoil(which, spoil);
            let (said, is_done) = fake.made().await;
            if said.is_ok() && !is_done {
                wrong.push((name, spoil));
            }
            cases += 1;
        }
    }

    fake.honest();
    let (said, _, all) = fake.depended(None).await;
    said.unwrap();
    let looks: [(&str, Which); 4] = [
        ("ListBuckets", |seen| {
            seen.line.starts_with("GET / ") || seen.line.starts_with("GET /?")
        }),
        ("DescribeKey", |seen| seen.operation == "DescribeKey"),
        ("ListAliases", |seen| seen.operation == "ListAliases"),
        ("ListGrants", |seen| seen.operation == "ListGrants"),
    ];
    for (name, which) in looks {
        fake.spoil(which, Spoil::Cut(usize::MAX));
        assert!(fake.depended(None).await.0.is_ok(), "{name}");
        for spoil in spoils(fake.proxy.longest(), 1) {
            fake.spoil(which, spoil);
            let (said, holds, _) = fake.depended(all.as_ref()).await;
            if said.is_ok() && !holds {
                wrong.push((name, spoil));
            }
            cases += 1;
        }
        fake.proxy.forget();
    }
    fake.honest();
    assert!(wrong.is_empty(), "{wrong:?}");
    println!("{cases} answers that were none, nothing that looked done");
    assert!(cases > 500, "{cases}");
}
