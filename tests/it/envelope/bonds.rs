//! Where a token was put, and where it is found: in place, moved, swapped, or without a word of it.

use std::collections::HashMap;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::*;

impl World {
    async fn copy(&self, from: &str, to: &str) {
        let copy = self.s3.copy_object().bucket(BUCKET).key(to);
        let copy = copy.copy_source(format!("{BUCKET}/{}", from.replace('ö', "%C3%B6")));
        let copy = copy.metadata_directive(MetadataDirective::Copy);
        copy.send().await.unwrap();
    }

    async fn put(&self, key: &str, body: Vec<u8>, metadata: HashMap<String, String>) {
        let put = self.s3.put_object().bucket(BUCKET).key(key);
        let put = put.set_metadata(Some(metadata)).body(ByteStream::from(body));
        put.send().await.unwrap();
    }

    async fn object(&self, key: &str) -> (Vec<u8>, HashMap<String, String>) {
        let object = self.s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        let metadata = object.metadata.clone().unwrap_or_default();
        (object.body.collect().await.unwrap().to_vec(), metadata)
    }

    async fn remove(&self, key: &str) {
        self.s3.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
    }

    /// A folder with one name at two depths, under `p/`.
    async fn uploaded(&self) {
        self.write("tree/x.csv", b"outer");
        self.write("tree/sub/x.csv", b"inner");
        good(&self.encrypt(&self.path("tree"), "s3://training-bucket/p/").await);
    }

    /// What `verify` says of each, by key: its bond, or that it is refused.
    async fn verdicts(&self, source: &str, more: &[&str]) -> Vec<(String, String)> {
        let arguments = [&["verify", "--json", source], more].concat();
        let output = self.run(&arguments).await;
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let verdicts = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let said = verdicts.map(|verdict| {
            let key = verdict["source"]
                .as_str()
                .unwrap()
                .rsplit_once("training-bucket/")
                .unwrap()
                .1
                .to_owned();
            let bond = match &verdict["error"] {
                Value::Null => verdict["bound"].as_str().unwrap().to_owned(),
                error => format!("refused: {}", error.as_str().unwrap()),
            };
            (key, bond)
        });
        let mut said: Vec<_> = said.collect();
        assert!(!said.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        said.sort();
        said
    }
}

fn said(verdicts: &[(String, String)]) -> Vec<(&str, &str)> {
    let short = |text: &str| text.split(':').next().unwrap_or_default().len();
    verdicts
        .iter()
        .map(|(key, bond)| (key.as_str(), &bond[..short(bond)]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_copied_over_one_of_the_same_name_beside_it_is_never_bound() {
    let world = World::start().await;
    world.uploaded().await;
    let all = world.verdicts("s3://training-bucket/p/", &["--require-bound"]).await;
    assert_eq!(said(&all), [("p/sub/x.csv", "bound"), ("p/x.csv", "bound")]);

    world.copy("p/x.csv", "p/sub/x.csv").await;
    let all = world.verdicts("s3://training-bucket/p/", &[]).await;
    assert_eq!(said(&all), [("p/sub/x.csv", "refused"), ("p/x.csv", "bound")]);
    assert!(
        all[0].1.contains("put at p/x.csv") && all[0].1.contains("p/x.csv is where it was put"),
        "{all:?}"
    );
    let told = refusal(&world.run(&["decrypt", "s3://training-bucket/p/", "-o", "out"]).await);
    assert!(told.contains("p/sub/x.csv"), "{told}");
    assert!(world.path("out/x.csv").exists() && !world.path("out/sub/x.csv").exists());

    // Alone it is told from where; where its place must be proved it is refused.
    let alone = world.verdicts("s3://training-bucket/p/sub/x.csv", &[]).await;
    assert_eq!(said(&alone), [("p/sub/x.csv", "moved")]);
    let source = "s3://training-bucket/p/sub/x.csv";
    let told = world.run(&["decrypt", source, "-o", "alone"]).await;
    assert!(
        String::from_utf8_lossy(&told.stdout).contains("moved: it was put at p/x.csv"),
        "{told:?}"
    );
    let told = refusal(&world.run(&["decrypt", source, "-o", "strict", "--require-bound"]).await);
    assert!(
        told.contains("put at p/x.csv") && told.contains("--moved-from"),
        "{told}"
    );
    assert!(!world.path("strict").exists());
    // Both directions of a swap, with nothing beside them in place.
    let (body, metadata) = world.object("p/x.csv").await;
    world.uploaded_again().await;
    let inner = world.object("p/sub/x.csv").await;
    world.put("p/x.csv", inner.0, inner.1).await;
    world.put("p/sub/x.csv", body, metadata).await;
    let all = world.verdicts("s3://training-bucket/p/", &["--accept-unbound"]).await;
    assert_eq!(said(&all), [("p/sub/x.csv", "refused"), ("p/x.csv", "refused")]);
}

impl World {
    async fn uploaded_again(&self) {
        let tree = self.path("tree");
        let again = [
            "encrypt",
            tree.to_str().unwrap(),
            "s3://training-bucket/p/",
            "--key",
            &self.key,
            "--overwrite",
        ];
        good(&self.run(&again).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_was_moved_as_a_whole_stays_usable_and_is_told() {
    let world = World::start().await;
    world.uploaded().await;
    let own = world.write("own.csv", b"of an upload of its own");
    good(&world.encrypt(&own, "s3://training-bucket/p/more/own-name.csv").await);
    for rest in ["x.csv", "sub/x.csv", "more/own-name.csv"] {
        world.copy(&format!("p/{rest}"), &format!("moved/here/{rest}")).await;
        world.remove(&format!("p/{rest}")).await;
    }
    let moved = "s3://training-bucket/moved/here/";
    let all = world.verdicts(moved, &[]).await;
    assert!(
        said(&all).iter().all(|(_, bond)| *bond == "moved") && all.len() == 3,
        "{all:?}"
    );
    let opened = good(&world.run(&["decrypt", moved, "-o", "back", "--json"]).await);
    assert!(
        opened.iter().all(|file| file["bound"] == "moved") && opened.len() == 3,
        "{opened:?}"
    );
    assert_eq!(fs::read(world.path("back/sub/x.csv")).unwrap(), b"inner");

    // Where places must be proved the move has to be named.
    refusal(&world.run(&["decrypt", moved, "-o", "strict", "--require-bound"]).await);
    assert!(!world.path("strict/x.csv").exists());
    for named in ["p/", "p", "s3://another-bucket/p/"] {
        let declared = ["--require-bound", "--moved-from", named];
        let all = world.verdicts(moved, &declared).await;
        assert!(
            said(&all).iter().all(|(_, bond)| *bond == "moved") && all.len() == 3,
            "{named}: {all:?}"
        );
    }
    let wrong = world.verdicts(moved, &["--moved-from", "q/"]).await;
    assert!(said(&wrong).iter().all(|(_, bond)| *bond == "refused"), "{wrong:?}");

    // One that changed its place inside is refused, with and without the move named.
    world.copy("moved/here/x.csv", "moved/here/sub/x.csv").await;
    let all = world.verdicts(moved, &[]).await;
    assert!(said(&all).contains(&("moved/here/sub/x.csv", "refused")), "{all:?}");
    let all = world.verdicts(moved, &["--moved-from", "p/"]).await;
    let expected = [
        ("moved/here/more/own-name.csv", "moved"),
        ("moved/here/sub/x.csv", "refused"),
        ("moved/here/x.csv", "moved"),
    ];
    assert_eq!(said(&all), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_version_1_open_and_are_never_bound() {
    let world = World::start().await;
    let fixture: Value =
        serde_json::from_str(include_str!("../../../crates/envelope/tests/fixtures/version-1.json")).unwrap();
    // Its data key under a key of this world, as after a re-wrapping: C is not under the MAC.
    let data_key = BASE64_STANDARD
        .decode(fixture["plaintext_data_key"].as_str().unwrap())
        .unwrap();
    let wrapped = world.kms.encrypt().key_id(&world.key).plaintext(data_key.into());
    let wrapped = wrapped.send().await.unwrap().ciphertext_blob.unwrap();
    for (key, object) in fixture["objects"].as_object().unwrap() {
        let mut metadata: HashMap<String, String> = serde_json::from_value(object["metadata"].clone()).unwrap();
        metadata.insert("strongroom-data-key".to_owned(), BASE64_STANDARD.encode(&wrapped));
        metadata.insert("strongroom-kms-key-id".to_owned(), world.key.clone());
        world.put(key, object["body"].as_str().unwrap().into(), metadata).await;
    }
    let source = "s3://training-bucket/data/";
    let all = world.verdicts(source, &[]).await;
    assert_eq!(
        said(&all),
        [("data/housing.csv", "moved"), ("data/sub/größe.csv", "moved")]
    );
    let opened = world.run(&["decrypt", source, "-o", "back"]).await;
    let told = String::from_utf8_lossy(&opened.stdout).into_owned();
    assert!(opened.status.success() && told.contains("version 1"), "{opened:?}");
    assert_eq!(
        fs::read(world.path("back/housing.csv")).unwrap(),
        b"area,price\n120,250000\n"
    );
    assert_eq!(fs::read(world.path("back/sub/größe.csv")).unwrap(), b"id\n1\n");

    let strict = world.verdicts(source, &["--require-bound"]).await;
    assert!(said(&strict).iter().all(|(_, bond)| *bond == "refused"), "{strict:?}");
    let declared = world
        .verdicts(source, &["--require-bound", "--moved-from", "data/"])
        .await;
    assert!(said(&declared).iter().all(|(_, bond)| *bond == "moved"), "{declared:?}");
    // A renamed one is refused as ever.
    world.copy("data/housing.csv", "data/flats.csv").await;
    let renamed = world.verdicts("s3://training-bucket/data/flats.csv", &[]).await;
    assert_eq!(said(&renamed), [("data/flats.csv", "refused")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_lost_its_metadata_is_refused_if_its_data_key_is_our_own() {
    let world = World::start().await;
    world.uploaded().await;
    let (body, _) = world.object("p/x.csv").await;
    world.put("p/x.csv", body.clone(), HashMap::new()).await;
    let source = "s3://training-bucket/p/x.csv";
    let told = refusal(&world.run(&["decrypt", source, "-o", "out"]).await);
    assert!(
        told.contains("taken away") && told.contains("--accept-unbound"),
        "{told}"
    );
    assert!(!world.path("out").exists());
    assert_eq!(said(&world.verdicts(source, &[]).await), [("p/x.csv", "refused")]);
    let both = ["--accept-unbound", "--require-bound"];
    assert_eq!(said(&world.verdicts(source, &both).await), [("p/x.csv", "refused")]);
    let accepted = world.verdicts(source, &["--accept-unbound"]).await;
    assert_eq!(said(&accepted), [("p/x.csv", "unbound")]);

    // Whoever names the data key knows what he opens.
    let keys = world.keys().await;
    let key_object = keys
        .iter()
        .find(|key| key.starts_with(".strongroom/data-keys/"))
        .unwrap();
    let named = format!("s3://training-bucket/{key_object}");
    let accepted = world.verdicts(source, &["--data-key", &named]).await;
    assert_eq!(said(&accepted), [("p/x.csv", "unbound")]);
    // The key object itself, put where the boto3 way looks, is told by its mark.
    let marked = HashMap::from([("strongroom-key-object".to_owned(), "1".to_owned())]);
    world.put("dont_look", world.object(key_object).await.0, marked).await;
    assert_eq!(said(&world.verdicts(source, &[]).await), [("p/x.csv", "refused")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_container_writes_under_a_data_key_of_a_given_name_opens_unbound() {
    let world = World::start().await;
    let file = world.write("x.csv", b"data");
    let file = file.to_str().unwrap();
    let encrypt = [
        "encrypt",
        file,
        "s3://training-bucket/in/",
        "--key",
        &world.key,
        "--data-key-name",
        "dont_look",
    ];
    good(&world.run(&encrypt).await);
    let (body, _) = world.object("in/x.csv").await;
    world.put("models/model.token", body, HashMap::new()).await;
    let source = "s3://training-bucket/models/model.token";
    assert_eq!(
        said(&world.verdicts(source, &[]).await),
        [("models/model.token", "unbound")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_s3_would_refuse_is_refused_before_there_is_a_data_key() {
    let world = World::start().await;
    let file = world.write("x.csv", b"data");
    let to = format!("s3://training-bucket/{}/", "größe".repeat(140));
    let output = world.encrypt(&file, &to).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("2048") && told.contains("prefix 2"), "{told}");
    world.assert_nothing_left().await;

    let context = format!("note={}", "x".repeat(1500));
    let encrypt = [
        "encrypt",
        file.to_str().unwrap(),
        "s3://training-bucket/",
        "--key",
        &world.key,
        "--context",
        &context,
    ];
    let output = world.run(&encrypt).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("context 2"), "{told}");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_upload_records_the_place() {
    let world = World::start().await;
    let file = world.write("x.csv", b"data");
    for (to, key, prefix, name) in [
        ("s3://training-bucket/", "x.csv", "", "x.csv"),
        ("s3://training-bucket/a b/ü/", "a b/ü/x.csv", "a b/ü/", "x.csv"),
        ("s3://training-bucket/dir/name.bin", "dir/name.bin", "dir/", "name.bin"),
        ("s3://training-bucket/name.bin", "name.bin", "", "name.bin"),
    ] {
        good(&world.encrypt(&file, to).await);
        let (_, metadata) = world.object(key).await;
        let decoded = |name: &str| {
            percent_encoding::percent_decode_str(&metadata[name])
                .decode_utf8_lossy()
                .into_owned()
        };
        assert_eq!(
            (
                decoded("strongroom-prefix").as_str(),
                decoded("strongroom-name").as_str()
            ),
            (prefix, name),
            "{to}"
        );
        let source = format!("s3://training-bucket/{key}");
        let opened = good(&world.run(&["decrypt", &source, "-o", "-", "--require-bound"]).await);
        assert_eq!(opened, Vec::<Value>::new());
        let verdict = good(&world.run(&["verify", &source, "--json", "--require-bound"]).await);
        assert_eq!(verdict[0]["bound"], json!("bound"), "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_packed_of_an_uploads_tokens_is_bound_to_no_place() {
    let world = World::start().await;
    world.uploaded().await;
    let (token, metadata) = world.object("p/sub/x.csv").await;
    let of = |name: &str| &metadata[&format!("strongroom-{name}")];
    let file = json!({ "version": 2, "name": of("name"), "prefix": of("prefix"), "length": 5, "mac": of("mac") });
    let bundle = json!({
        "version": 2, "kms_key_id": of("kms-key-id"), "data_key": of("data-key"), "files": [file],
    });
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, bytes) in [
        ("p/sub/x.csv", token),
        ("strongroom.json", bundle.to_string().into_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    let archive = archive.into_inner().unwrap().finish().unwrap();
    world.put("train-1/model.tar.gz", archive, HashMap::new()).await;

    let source = "s3://training-bucket/train-1/model.tar.gz";
    assert_eq!(
        said(&world.verdicts(source, &[]).await),
        [("train-1/model.tar.gz", "inside")]
    );
    assert_eq!(
        said(&world.verdicts(source, &["--require-bound"]).await),
        [("train-1/model.tar.gz", "refused")]
    );
    refusal(&world.run(&["decrypt", source, "-o", "strict", "--require-bound"]).await);
    assert!(!world.path("strict").exists());
    good(&world.run(&["decrypt", source, "-o", "out"]).await);
    assert_eq!(std::fs::read(world.path("out/p/sub/x.csv")).unwrap(), b"inner");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_moved_out_of_its_upload_is_refused_with_the_option_that_opens_it() {
    let world = World::start().await;
    world.uploaded().await;
    world.copy("p/sub/x.csv", "q/x.csv").await;
    let refused = world.verdicts("s3://training-bucket/q/", &[]).await;
    let [(_, told)] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert!(
        told.contains("--moved-from") && told.contains("decrypt it with --accept-name"),
        "{told}"
    );
    let declared = world
        .verdicts("s3://training-bucket/q/", &["--moved-from", "p/sub/"])
        .await;
    assert_eq!(said(&declared), [("q/x.csv", "moved")]);

    world.copy("p/sub/x.csv", "whole/sub/x.csv").await;
    let moved = "s3://training-bucket/whole/sub/x.csv";
    let strict = world.run(&["verify", "--json", "--require-bound", moved]).await;
    let said: Value = serde_json::from_slice(strict.stdout.trim_ascii()).unwrap();
    assert_eq!(
        (&said["bound"], &said["put_at"]),
        (&json!("moved"), &json!("p/sub/x.csv"))
    );
    assert!(said["error"].as_str().unwrap().contains("--moved-from"), "{said}");
}
