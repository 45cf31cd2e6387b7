//! Objects that were put together from others.

use std::fs;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn swapped_bodies_names_metadata_and_data_keys_are_refused_and_leave_no_file() {
    let world = World::start().await;
    let one = world.write("one.txt", b"the first");
    let two = world.write("two.txt", b"the other");
    good(&world.encrypt(&one, "s3://training-bucket/a/").await);
    good(&world.encrypt(&two, "s3://training-bucket/b/").await);
    let head = async |key: &str| {
        let head = world.s3.head_object().bucket(BUCKET).key(key).send().await.unwrap();
        head.metadata.unwrap()
    };
    let body = async |key: &str| {
        let object = world.s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().into_bytes()
    };
    let (first, second) = (head("a/one.txt").await, head("b/two.txt").await);
    let put = async |key: &str, bytes, metadata| {
        let put = world
            .s3
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .set_metadata(Some(metadata));
        put.body(ByteStream::from(bytes)).send().await.unwrap();
    };

    put("swapped/one.txt", body("b/two.txt").await, first.clone()).await;
    let mut longer = first.clone();
    longer.insert("strongroom-length".to_owned(), "10".to_owned());
    put("longer/one.txt", body("a/one.txt").await, longer).await;
    let mut other_name = first.clone();
    other_name.insert("strongroom-name".to_owned(), "uno.txt".to_owned());
    put("renamed/uno.txt", body("a/one.txt").await, other_name).await;
    let mut other_key = first.clone();
    for name in ["strongroom-data-key", "strongroom-data-key-object"] {
        other_key.insert(name.to_owned(), second[name].clone());
    }
    put("other-key/one.txt", body("a/one.txt").await, other_key).await;
    let copy = world.s3.copy_object().bucket(BUCKET).key("copied/eins.txt");
    let copy = copy
        .copy_source(format!("{BUCKET}/a/one.txt"))
        .metadata_directive(MetadataDirective::Copy);
    copy.send().await.unwrap();

    for (key, why) in [
        ("swapped/one.txt", "this is not its data key"),
        ("longer/one.txt", "do not belong together"),
        ("renamed/uno.txt", "do not belong together"),
        ("other-key/one.txt", "this is not its data key"),
        ("copied/eins.txt", "it was renamed or swapped"),
    ] {
        let to = world.path("out");
        let said = refusal(&world.decrypt(key, &to).await);
        assert!(said.contains(why), "{key}: {said}");
        let source = format!("s3://{BUCKET}/{key}");
        let to_stdout = world.run(&["decrypt", &source, "-o", "-"]).await;
        refusal(&to_stdout);
        assert!(to_stdout.stdout.is_empty(), "{key}");
        assert!(!to.exists(), "{key}");
        let old = world.write("old", b"the old one");
        refusal(&world.run(&["decrypt", &source, "-o", "old", "--overwrite"]).await);
        assert_eq!(fs::read(old).unwrap(), b"the old one", "{key}");
    }
    let left = fs::read_dir(world.home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert!(
        !left
            .into_iter()
            .any(|name| name.to_string_lossy().starts_with(".strongroom-"))
    );
    let accepted = [
        "decrypt",
        "s3://training-bucket/copied/eins.txt",
        "-o",
        "eins.txt",
        "--accept-name",
    ];
    good(&world.run(&accepted).await);
    assert_eq!(fs::read(world.path("eins.txt")).unwrap(), b"the first");
}

/// One data key for both: only the binding tells them apart.
#[tokio::test(flavor = "multi_thread")]
async fn objects_of_one_data_key_cannot_stand_in_for_each_other() {
    let world = World::start().await;
    for (name, text) in [("one.txt", b"the first"), ("two.txt", b"the other")] {
        world.write(&format!("tree/{name}"), text);
    }
    good(&world.encrypt(&world.path("tree"), "s3://training-bucket/set/").await);
    let object = async |name: &str| {
        let object = world.s3.get_object().bucket(BUCKET).key(format!("set/{name}"));
        let object = object.send().await.unwrap();
        let metadata = object.metadata.clone().unwrap();
        (object.body.collect().await.unwrap().into_bytes(), metadata)
    };
    let ((one, of_one), (two, of_two)) = (object("one.txt").await, object("two.txt").await);
    assert_eq!(of_one["strongroom-data-key"], of_two["strongroom-data-key"]);
    let with = |name: &str, value: &str| {
        let mut metadata = of_one.clone();
        metadata.insert(format!("strongroom-{name}"), value.to_owned());
        metadata
    };
    let swapped = |name: &str| with(name, &of_two[&format!("strongroom-{name}")]);
    let cases = [
        ("a body", two.clone(), of_one.clone(), "do not belong together"),
        ("all metadata", one.clone(), of_two.clone(), "it was renamed or swapped"),
        ("body and metadata", two, of_two.clone(), "it was renamed or swapped"),
        ("a MAC", one.clone(), swapped("mac"), "do not belong together"),
        ("a name", one.clone(), swapped("name"), "it was renamed or swapped"),
        ("a length", one.clone(), with("length", "8"), "do not belong together"),
        (
            "a later version",
            one.clone(),
            with("version", "3"),
            "a newer strongroom wrote it",
        ),
        (
            "the version before",
            one.clone(),
            with("version", "1"),
            "do not belong together",
        ),
        (
            "a prefix",
            one.clone(),
            with("prefix", "other/"),
            "do not belong together",
        ),
        (
            "a context",
            one.clone(),
            with("context", "eyJhIjoiYiJ9"),
            "encryption context",
        ),
        ("a data key", one.clone(), with("data-key", "AAAA"), "data key"),
    ];
    for (what, body, metadata, why) in cases {
        let put = world
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("set/one.txt")
            .set_metadata(Some(metadata));
        put.body(ByteStream::from(body)).send().await.unwrap();
        let said = refusal(&world.decrypt("set/one.txt", &world.path("out")).await);
        assert!(said.contains(why), "{what}: {said}");
        let verified = world
            .run(&["verify", "s3://training-bucket/set/one.txt", "--json"])
            .await;
        refusal(&verified);
        let verdict: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
        let unread = ["a later version", "a context", "a data key"].contains(&what);
        assert_eq!(verdict["checked"], !unread, "{what}: {verdict}");
        let left: Vec<_> = fs::read_dir(world.home.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(
            !left
                .iter()
                .any(|name| name == "out" || name.to_string_lossy().starts_with(".strongroom-")),
            "{what}: {left:?}"
        );
    }
    let put = world
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("set/one.txt")
        .set_metadata(Some(of_one));
    put.body(ByteStream::from(one)).send().await.unwrap();
    good(&world.decrypt("set/one.txt", &world.path("out")).await);
}

/// In one request, so that the data key is unwrapped once.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_mutated_tokens_none_is_written_and_no_file_is_left() {
    const MUTANTS: usize = 200;
    let world = World::start().await;
    let source = world.write("data.bin", &noise(5000));
    good(&world.encrypt(&source, "s3://training-bucket/set/").await);
    let object = world
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("set/data.bin")
        .send()
        .await
        .unwrap();
    let metadata = object.metadata.clone().unwrap();
    let token = object.body.collect().await.unwrap().into_bytes().to_vec();
    for number in 0..MUTANTS {
        let mut mutant = token.clone();
        // The last group of four may be spelled in several ways.
        let at = random(token.len() as u64 - 4) as usize;
        match number % 3 {
            0 => mutant.truncate(at),
            1 => drop(mutant.drain(at..=at)),
            _ => mutant[at] = if mutant[at] == b'A' { b'B' } else { b'A' },
        }
        let put = world
            .s3
            .put_object()
            .bucket(BUCKET)
            .key(format!("set/{number}/data.bin"));
        let put = put.set_metadata(Some(metadata.clone())).body(ByteStream::from(mutant));
        put.send().await.unwrap();
    }
    let decrypt = ["decrypt", "s3://training-bucket/set/", "-o", "back", "--accept-name"];
    let said = refusal(&world.run(&decrypt).await);
    assert_eq!(
        said.lines().filter(|line| line.contains("/data.bin")).count(),
        MUTANTS,
        "{said}"
    );
    let mut folders = vec![world.path("back")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    assert_eq!(files, [world.path("back/data.bin")]);
}

/// Whoever may write can give any object the mark of a key object, which no token is.
#[tokio::test]
async fn a_token_that_is_marked_as_a_key_object_is_not_passed_over() {
    let world = World::start().await;
    for name in ["a", "b"] {
        world.write(&format!("set/{name}"), name.as_bytes());
    }
    let source = world.path("set");
    good(&world.encrypt(&source, "s3://training-bucket/set/").await);
    let copy = world.s3.copy_object().bucket(BUCKET).key("set/b");
    let copy = copy.copy_source(format!("{BUCKET}/set/b"));
    let copy = copy.metadata_directive(aws_sdk_s3::types::MetadataDirective::Replace);
    copy.metadata("strongroom-key-object", "1").send().await.unwrap();

    let verified = world.run(&["verify", "s3://training-bucket/set/", "--json"]).await;
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(1), "{told}");
    assert!(told.contains("set/a") && told.contains("set/b"), "{told}");
    let back = world.path("back");
    let decrypted = world
        .run(&["decrypt", "s3://training-bucket/set/", "-o", back.to_str().unwrap()])
        .await;
    let told = refusal(&decrypted);
    assert!(told.contains("set/b"), "{told}");
}
