//! Encrypted data keys are never overwritten, whoever asks for it.

use std::fs;

use aws_sdk_s3::primitives::ByteStream;
use tokio::runtime::Handle;

use super::*;
use crate::proxy::{Proxy, Trouble};

fn wrong_usage(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_that_holds_a_data_key_is_overwritten() {
    let world = World::start().await;
    world.write("f", b"plain words");
    let key = world.key.as_str();
    good(&world.run(&["encrypt", "f", "tok", "--key", key]).await);
    let c = fs::read(world.path("tok.datakey")).unwrap();
    world.write("kept", &c);
    world.write("pasted", base64_of(&c).as_bytes());
    world.write("g.datakey", b"not one of KMS's, but who knows");
    for to in ["tok.datakey", "kept", "pasted", "g.datakey"] {
        let before = fs::read(world.path(to)).unwrap();
        for arguments in [
            &["decrypt", "tok", "-o", to, "--overwrite"][..],
            &["encrypt", "f", to, "--key", key, "--data-key-out", "new", "--overwrite"],
        ] {
            let said = refusal(&world.run(arguments).await);
            assert!(said.contains("encrypted data keys are never overwritten"), "{said}");
            assert_eq!(fs::read(world.path(to)).unwrap(), before, "{arguments:?}");
            assert!(!world.path("new").exists(), "{arguments:?}");
        }
    }

    // An input of the command, by whatever name.
    fs::hard_link(world.path("tok"), world.path("hard")).unwrap();
    for arguments in [
        &["decrypt", "tok", "-o", "hard", "--overwrite"][..],
        &["decrypt", "tok", "--data-key", "kept", "-o", "kept", "--overwrite"],
        &[
            "encrypt",
            "hard",
            "tok",
            "--key",
            key,
            "--data-key-out",
            "new",
            "--overwrite",
        ],
    ] {
        let said = wrong_usage(&world.run(arguments).await);
        assert!(said.contains("are the same file"), "{said}");
    }
    // Its own data key, before it is made.
    for out in ["t", "./t"] {
        let arguments = ["encrypt", "f", "t", "--key", key, "--data-key-out", out, "--overwrite"];
        let said = wrong_usage(&world.run(&arguments).await);
        assert!(said.contains("would replace the encrypted data key"), "{said}");
        assert!(!world.path("t").exists());
    }
    good(&world.run(&["decrypt", "tok", "-o", "f", "--overwrite"]).await);
    assert_eq!(fs::read(world.path("f")).unwrap(), b"plain words");
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_object_that_holds_a_data_key_is_overwritten() {
    let world = World::start().await;
    let key = world.key.as_str();
    world.write("f", b"plain words");
    let named = [
        "encrypt",
        "f",
        "s3://training-bucket/n/",
        "--key",
        key,
        "--data-key-name",
        "our-key",
    ];
    good(&world.run(&named).await);
    let made = good(
        &world
            .run(&["encrypt", "f", "s3://training-bucket/p/", "--key", key, "--json"])
            .await,
    );
    let made = made[0]["data_key_uri"].as_str().unwrap();
    let body = async |key: &str| {
        let object = world.s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    };
    // As a boto3 user, or an older strongroom, has it.
    let c = body("our-key").await;
    for (name, bytes) in [("dont_look", c.clone()), ("pasted.txt", base64_of(&c).into_bytes())] {
        let put = world
            .s3
            .put_object()
            .bucket(BUCKET)
            .key(name)
            .body(ByteStream::from(bytes));
        put.send().await.unwrap();
    }
    let head = world
        .s3
        .head_object()
        .bucket(BUCKET)
        .key("our-key")
        .send()
        .await
        .unwrap();
    let metadata = head.metadata.unwrap();
    assert_eq!(metadata["strongroom-key-object"], "1");
    assert_eq!(metadata["strongroom-kms-key-id"], world.key);

    for name in ["our-key", "dont_look", "pasted.txt"] {
        let before = body(name).await;
        let to = format!("s3://{BUCKET}/{name}");
        let said = refusal(&world.run(&["encrypt", "f", &to, "--key", key, "--overwrite"]).await);
        assert!(said.contains("encrypted data keys are never overwritten"), "{said}");
        assert!(body(name).await == before, "{name}");
    }
    for to in [made, "s3://training-bucket/.strongroom/data-keys/new"] {
        for overwrite in [None, Some("--overwrite")] {
            let arguments = ["encrypt", "f", to, "--key", key].into_iter().chain(overwrite);
            wrong_usage(&world.run(&arguments.collect::<Vec<_>>()).await);
        }
    }
    // Its own data key, before it is made.
    let own = [
        "encrypt",
        "f",
        "s3://training-bucket/q/f",
        "--key",
        key,
        "--data-key-name",
        "q/f",
        "--overwrite",
    ];
    let said = wrong_usage(&world.run(&own).await);
    assert!(said.contains("would replace the encrypted data key"), "{said}");

    // What is no data key is replaced, and what is not there is made.
    for to in ["s3://training-bucket/p/", "s3://training-bucket/r/"] {
        world.write("f", b"other words");
        good(&world.run(&["encrypt", "f", to, "--key", key, "--overwrite"]).await);
        let output = world.run(&["decrypt", &format!("{to}f"), "-o", "-"]).await;
        assert_eq!(output.stdout, b"other words");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_replaces_what_was_looked_at_and_nothing_that_came_since() {
    let world = World::start().await;
    // At once, and in parts.
    for plaintext in [noise(1000), noise(8 * MIB)] {
        let source = world.write("data.bin", &plaintext);
        let put = world.s3.put_object().bucket(BUCKET).key("data.bin");
        put.body(ByteStream::from_static(b"looked at")).send().await.unwrap();
        let (runtime, s3) = (Handle::current(), world.s3.clone());
        let proxy = Proxy::start(&world.sandbox, move |seen| {
            let is_end = seen.line.contains("/data.bin?uploadId=") && seen.line.starts_with("POST");
            if is_end
                || (seen.line.starts_with("PUT")
                    && !seen.line.contains("partNumber")
                    && seen.line.contains("/data.bin"))
            {
                let put = s3.put_object().bucket(BUCKET).key("data.bin");
                let put = put.body(ByteStream::from_static(b"somebody's own"));
                runtime.block_on(put.send()).unwrap();
            }
            Trouble::None
        });
        let mut arguments = world.encrypting(&source, "s3://training-bucket/").to_vec();
        arguments.push("--overwrite");
        let said = refusal(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
        assert!(said.contains("another object since it was looked at"), "{said}");
        let there = world
            .s3
            .get_object()
            .bucket(BUCKET)
            .key("data.bin")
            .send()
            .await
            .unwrap();
        assert_eq!(there.body.collect().await.unwrap().to_vec(), b"somebody's own");
        assert_eq!(world.open_uploads().await, 0);
    }
}
