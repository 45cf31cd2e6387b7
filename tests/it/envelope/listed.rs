//! Tokens that say nothing of themselves: beside a bundle, in an archive of several, or with no more than a data key nearby.

use std::collections::BTreeMap;

use aws_sdk_kms::types::DataKeySpec;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use strongroom::envelope::binding::{Subject, bind};
use strongroom::envelope::manifest::{Bundle, BundleFile, VERSION};
use strongroom::envelope::{DataKey, seal};

use super::*;

/// A data key of the world's KMS key.
struct Own {
    key: DataKey,
    wrapped: Vec<u8>,
}

impl World {
    async fn own(&self) -> Own {
        let made = self
            .kms
            .generate_data_key()
            .key_id(&self.key)
            .key_spec(DataKeySpec::Aes256);
        let made = made.send().await.unwrap();
        Own {
            key: DataKey::from_plaintext(&made.plaintext.unwrap().into_inner().into()).unwrap(),
            wrapped: made.ciphertext_blob.unwrap().into_inner(),
        }
    }

    async fn verdict(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["verify", "--json"], arguments].concat()).await;
        let first = output.stdout.split(|byte| *byte == b'\n').next().unwrap();
        serde_json::from_slice(first).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    async fn laid(&self, key: &str, body: &[u8]) {
        let put = self.s3.put_object().bucket(BUCKET).key(key);
        put.body(body.to_vec().into()).send().await.unwrap();
    }

    fn bundle(&self, own: &Own, live: bool, files: Vec<BundleFile>) -> Vec<u8> {
        let bundle = Bundle {
            version: VERSION,
            kms_key_id: self.key.clone(),
            data_key: BASE64_STANDARD.encode(&own.wrapped),
            context: BTreeMap::new(),
            live,
            files,
        };
        serde_json::to_vec(&bundle).unwrap()
    }

    fn archive(&self, members: &[(&str, &[u8])]) -> String {
        let path = self.path("model.tar.gz");
        let gz = flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(gz);
        for (name, bytes) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            archive.append_data(&mut header, name, *bytes).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Own {
    /// A token, and how a bundle lists it.
    fn sealed(&self, name: &str, plaintext: &[u8]) -> (Vec<u8>, BundleFile) {
        let mut token = Vec::new();
        let sealed = seal(&self.key, 1_700_000_000, &mut &*plaintext, &mut token).unwrap();
        let subject = Subject {
            prefix: None,
            name,
            header: &sealed.header,
            length: sealed.plaintext_bytes,
        };
        let mac = BASE64_STANDARD.encode(bind(&self.key, subject));
        let file = BundleFile {
            version: 1,
            name: name.to_owned(),
            prefix: None,
            length: sealed.plaintext_bytes,
            mac,
        };
        (token, file)
    }
}

/// One character of the ciphertext is another.
fn changed(token: &[u8]) -> Vec<u8> {
    let mut token = token.to_vec();
    let at = token.len() / 2;
    token[at] = if token[at] == b'A' { b'B' } else { b'A' };
    token
}

/// Whether it was checked, whether it is intact, and why not.
fn three(verdict: &Value) -> (bool, Option<bool>, &str) {
    let why = verdict["error"].as_str().unwrap_or_default();
    (verdict["checked"].as_bool().unwrap(), verdict["intact"].as_bool(), why)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_under_a_data_key_that_was_only_found_is_not_checked() {
    let world = World::start().await;
    let (own, other) = (world.own().await, world.own().await);
    let (token, _) = own.sealed("m", b"the boto3 way");
    world.laid("dont_look", &other.wrapped).await;
    world.laid("key", &own.wrapped).await;
    let source = "s3://training-bucket/out/m";
    for body in [token.clone(), changed(&token)] {
        world.laid("out/m", &body).await;
        let verdict = world.verdict(&[source]).await;
        let (checked, intact, why) = three(&verdict);
        assert!((checked, intact) == (false, None), "{verdict}");
        assert!(
            why.contains("s3://training-bucket/dont_look") && why.contains("--data-key"),
            "{why}"
        );
        let said = refusal(&world.run(&["decrypt", source, "-o", "out"]).await);
        assert!(said.contains("is not known") && !world.path("out").exists(), "{said}");
    }
    // The person's word is more than a guess; and what no data key makes good is not intact under any.
    let named = world.verdict(&[source, "--data-key", "s3://training-bucket/key"]).await;
    assert_eq!(named["intact"], json!(false), "{named}");
    world.laid("out/m", &token[..token.len() - 5]).await;
    assert_eq!(world.verdict(&[source]).await["intact"], json!(false));
    world.laid("dont_look", &own.wrapped).await;
    world.laid("out/m", &token).await;
    assert_eq!(world.verdict(&[source]).await["intact"], json!(true));

    // So it is beside a local folder's data key, and in an archive.
    fs::create_dir(world.path("tree")).unwrap();
    fs::write(world.path("tree/m"), &token).unwrap();
    fs::write(world.path("tree.datakey"), &other.wrapped).unwrap();
    let local = world.path("tree/m");
    let verdict = world.verdict(&[local.to_str().unwrap()]).await;
    assert_eq!(three(&verdict).1, None, "{verdict}");
    world.laid("dont_look", &other.wrapped).await;
    let archive = fs::read(world.archive(&[("m", &token)])).unwrap();
    world.laid("out/model.tar.gz", &archive).await;
    let verdict = world.verdict(&["s3://training-bucket/out/model.tar.gz"]).await;
    assert_eq!(
        (&verdict["checked"], &verdict["intact"]),
        (&json!(false), &Value::Null),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_key_that_was_named_in_place_of_the_metadatas_own_refutes_nothing() {
    let world = World::start().await;
    let file = world.write("x.csv", b"data");
    good(&world.encrypt(&file, "s3://training-bucket/p/").await);
    world.laid("key", &world.own().await.wrapped).await;
    let (source, key) = ("s3://training-bucket/p/x.csv", "s3://training-bucket/key");
    let verdict = world.verdict(&[source, "--data-key", key]).await;
    let (checked, intact, why) = three(&verdict);
    assert!((checked, intact) == (false, None) && why.contains(key), "{verdict}");
    assert!(why.contains("its metadata has another"), "{why}");
    let said = refusal(&world.run(&["decrypt", source, "-o", "out", "--data-key", key]).await);
    assert!(
        said.contains("its metadata has another") && !world.path("out").exists(),
        "{said}"
    );
    assert_eq!(world.verdict(&[source]).await["intact"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_open_by_the_bundle_beside_them_also_those_that_are_newer_than_it() {
    let world = World::start().await;
    let (own, other) = (world.own().await, world.own().await);
    // What the boto3 way would take.
    world.laid("dont_look", &other.wrapped).await;
    let (token, listed) = own.sealed("strongroom.algo-1/epoch", b"one");
    let bundle = world.bundle(&own, true, vec![listed]);
    world.laid("ckpt/strongroom.algo-1.json", &bundle).await;
    world.laid("ckpt/strongroom.algo-1/epoch", &token).await;
    let source = "s3://training-bucket/ckpt/strongroom.algo-1/epoch";
    let verdict = world.verdict(&[source]).await;
    assert_eq!(
        (&verdict["intact"], &verdict["bound"]),
        (&json!(true), &json!("inside")),
        "{verdict}"
    );
    world.laid("ckpt/strongroom.algo-1/epoch", &changed(&token)).await;
    assert_eq!(world.verdict(&[source]).await["intact"], json!(false));

    // A newer one of the same job, then another's.
    let (newer, _) = own.sealed("strongroom.algo-1/epoch", b"newer");
    world.laid("ckpt/strongroom.algo-1/epoch", &newer).await;
    let verdict = world.verdict(&[source]).await;
    assert_eq!(
        (&verdict["intact"], &verdict["bound"]),
        (&json!(true), &json!("unbound")),
        "{verdict}"
    );
    let (unlisted, _) = own.sealed("x", b"not listed yet");
    world.laid("ckpt/strongroom.algo-1/next", &unlisted).await;
    let all = world.run(&["verify", "s3://training-bucket/ckpt/"]).await;
    assert_eq!(good(&all).len(), 0, "the bundle is no token that is missing");
    let out = world.path("all");
    good(
        &world
            .run(&["decrypt", "s3://training-bucket/ckpt/", "-o", out.to_str().unwrap()])
            .await,
    );
    assert_eq!(fs::read(out.join("strongroom.algo-1/epoch")).unwrap(), b"newer");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    world
        .laid("ckpt/strongroom.algo-1/epoch", &other.sealed("x", b"x").0)
        .await;
    assert_eq!(three(&world.verdict(&[source]).await).1, None);

    // A model that SageMaker does not pack has one of each host, which is not behind; and so has a folder here.
    let (shard, listed) = own.sealed("deep/shard", b"weights");
    let (theirs, same) = other.sealed("deep/shard", b"of the other");
    let bundles = [
        world.bundle(&own, false, vec![listed]),
        world.bundle(&other, false, vec![same]),
    ];
    fs::create_dir_all(world.path("model/deep")).unwrap();
    for (host, bundle) in ["algo-1", "algo-2"].iter().zip(&bundles) {
        world.laid(&format!("model/strongroom.{host}.json"), bundle).await;
        world.write(&format!("model/strongroom.{host}.json"), bundle);
    }
    let local = world.path("model/deep/shard");
    let local = local.to_str().unwrap();
    for (body, intact) in [
        (&shard, json!(true)),
        (&theirs, json!(true)),
        (&changed(&shard), json!(false)),
    ] {
        world.laid("model/deep/shard", body).await;
        fs::write(local, body).unwrap();
        for source in ["s3://training-bucket/model/deep/shard", local] {
            let verdict = world.verdict(&[source]).await;
            assert_eq!(verdict["intact"], intact, "{verdict}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_missing_forged_or_of_another_job_is_told_as_what_it_is() {
    let world = World::start().await;
    let (own, other) = (world.own().await, world.own().await);
    let (one, listed_one) = own.sealed("one", b"1");
    let (two, listed_two) = own.sealed("two", b"2");
    let (same, listed_same) = own.sealed("same", b"of algo-1");
    let (_, theirs) = other.sealed("same", b"of algo-2");
    let first = world.bundle(&own, false, vec![listed_one.clone(), listed_same]);
    let second = world.bundle(&other, false, vec![theirs]);
    let both: [(&str, &[u8]); 4] = [
        ("strongroom.algo-1.json", &first),
        ("strongroom.algo-2.json", &second),
        ("one", &one),
        ("same", &same),
    ];
    let path = world.archive(&both);
    let verdict = world.verdict(&[&path]).await;
    assert_eq!(verdict["intact"], json!(true), "{verdict}");
    let lost = json!([{"name": "same", "host": "algo-1", "lost_of": ["algo-2"]}]);
    assert_eq!(verdict["contested"], lost);
    let said = world.run(&["verify", &path]).await;
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("/same: it is the file of algo-1; that of algo-2"),
        "{said}"
    );

    let (of_other, _) = other.sealed("one", b"1");
    let swapped = world.bundle(
        &own,
        false,
        vec![
            listed_one.clone(),
            BundleFile {
                name: "two".to_owned(),
                ..listed_one.clone()
            },
        ],
    );
    let lists_more = world.bundle(&own, false, vec![listed_one.clone(), listed_two.clone()]);
    let of_another_job = world.bundle(&other, false, vec![listed_one.clone()]);
    let alone = world.bundle(&own, false, vec![listed_one]);
    let newer = String::from_utf8(alone.clone())
        .unwrap()
        .replace("\"version\":2", "\"version\":9");
    type Case<'a> = (&'a str, &'a [(&'a str, &'a [u8])], bool, &'a [&'a str]);
    let cases: [Case<'_>; 8] = [
        (
            "missing",
            &[both[1], both[2], both[3]],
            true,
            &["one", "no bundle lists it", "is missing"],
        ),
        (
            "another job's",
            &[("strongroom.json", &of_another_job), ("one", &one)],
            true,
            &["one", "not the token that strongroom.json lists", "another job"],
        ),
        (
            "another token",
            &[("strongroom.json", &alone), ("one", &of_other)],
            true,
            &["one", "not the token that strongroom.json lists"],
        ),
        (
            "another's token",
            &[("strongroom.json", &swapped), ("one", &one), ("two", &two)],
            true,
            &["two", "not the token that strongroom.json lists"],
        ),
        (
            "a file that is not there",
            &[("strongroom.json", &lists_more), ("one", &one)],
            true,
            &["two", "strongroom.json lists it, and the archive does not hold it"],
        ),
        (
            "changed",
            &[("strongroom.json", &alone), ("one", &changed(&one))],
            true,
            &["one", "changed"],
        ),
        (
            "no bundle",
            &[("strongroom.json", b"{}"), ("one", &one)],
            true,
            &["strongroom.json"],
        ),
        (
            "a newer bundle",
            &[("strongroom.json", newer.as_bytes()), ("one", &one)],
            false,
            &["a newer strongroom wrote it"],
        ),
    ];
    for (case, members, is_checked, words) in cases {
        let path = world.archive(members);
        let verdict = world.verdict(&[&path]).await;
        let (checked, intact, why) = three(&verdict);
        assert_eq!(
            (checked, intact),
            (is_checked, is_checked.then_some(false)),
            "{case}: {verdict}"
        );
        let said = refusal(&world.run(&["decrypt", &path, "-o", "out"]).await);
        for word in words {
            assert!(why.contains(word) && said.contains(word), "{case}: {why}; {said}");
        }
        assert!(!world.path("out").exists());
    }

    // What a script called as a bundle is called is a token, and opens like all others.
    let (kept, listed) = own.sealed("strongroom.json", b"the script's own");
    let bundle = world.bundle(&own, false, vec![listed]);
    let path = world.archive(&[("strongroom.bundle.2.json", &bundle), ("strongroom.json", &kept)]);
    let out = world.path("kept");
    good(&world.run(&["decrypt", &path, "-o", out.to_str().unwrap()]).await);
    assert_eq!(fs::read(out.join("strongroom.json")).unwrap(), b"the script's own");
}
