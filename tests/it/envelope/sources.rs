//! What is encrypted: files that change, folders with odd names.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom::actions::{self, ProgressSink};
use strongroom::config::{Connection, SandboxEndpoint};

use super::*;
use crate::proxy::{Proxy, Trouble};

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_while_it_is_read_is_never_published() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 3] = [
        ("truncated", |path| {
            fs::OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(1000)
                .unwrap();
        }),
        ("appended to", |path| {
            use std::io::Write;
            fs::OpenOptions::new()
                .append(true)
                .open(path)
                .unwrap()
                .write_all(b"more")
                .unwrap();
        }),
        ("edited", |path| {
            use std::os::unix::fs::FileExt;
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(b"other", 10).unwrap();
        }),
    ];
    let world = World::start().await;
    for (what, change) in changes {
        // Longer than what is read ahead of a part that is on its way.
        let source = world.write("data.bin", &noise(40 * MIB));
        let (path, is_first) = (source.clone(), AtomicBool::new(true));
        let proxy = Proxy::start(&world.sandbox, move |seen| {
            if seen.line.contains("partNumber=") && is_first.swap(false, Ordering::SeqCst) {
                change(&path);
            }
            Trouble::None
        });
        let arguments = world.encrypting(&source, "s3://training-bucket/");
        let said = refusal(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
        assert!(said.contains("it changed while it was read"), "{what}: {said}");
        world.assert_nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_goes_up_with_names_that_are_no_text_and_without_what_lies_outside_it() {
    let world = World::start().await;
    let odd = std::ffi::OsStr::from_bytes(b"deep/caf\xe9 50%25.txt");
    world.write("tree/plain.txt", b"plain");
    fs::create_dir_all(world.path("tree/deep")).unwrap();
    fs::write(world.path("tree").join(odd), b"odd").unwrap();
    world.write("outside.txt", b"secret");
    std::os::unix::fs::symlink("../outside.txt", world.path("tree/leads-out")).unwrap();
    std::os::unix::fs::symlink("plain.txt", world.path("tree/leads-in")).unwrap();

    let output = world.encrypt(&world.path("tree"), "s3://training-bucket/set/").await;
    let said = refusal(&output);
    assert!(
        said.contains("leads-out") && said.contains("out of the folder"),
        "{said}"
    );
    let keys = world.keys().await;
    assert!(keys.contains(&"set/deep/caf%E9 50%2525.txt".to_owned()), "{keys:?}");
    assert!(!keys.contains(&"set/leads-out".to_owned()));

    good(&world.run(&["decrypt", "s3://training-bucket/set/", "-o", "back"]).await);
    assert_eq!(fs::read(world.path("back").join(odd)).unwrap(), b"odd");
    assert_eq!(fs::read(world.path("back/plain.txt")).unwrap(), b"plain");
    assert_eq!(fs::read(world.path("back/leads-in")).unwrap(), b"plain");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_xml_cannot_carry_go_up_are_listed_come_back_and_go() {
    let world = World::start().await;
    let names = [
        "fine.txt",
        "back\u{8}space.txt",
        "a+b 100%.txt",
        "\u{ffff}\u{1f}.txt",
        "r\re.txt",
    ];
    for name in names {
        world.write(&format!("tree/{name}"), name.as_bytes());
    }
    // In parts.
    let large = noise(8 * MIB);
    world.write("tree/large\u{8}.bin", &large);
    good(&world.encrypt(&world.path("tree"), "s3://training-bucket/tree/").await);
    good(&world.run(&["verify", "s3://training-bucket/tree/"]).await);
    good(
        &world
            .run(&["decrypt", "s3://training-bucket/tree/", "-o", "back"])
            .await,
    );
    for name in names {
        assert_eq!(fs::read(world.path("back").join(name)).unwrap(), name.as_bytes());
    }
    assert!(fs::read(world.path("back/large\u{8}.bin")).unwrap() == large);

    let connection = Connection {
        sandbox: Some(SandboxEndpoint {
            url: world.sandbox.endpoint_url().to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: world.sandbox.access_key_id().to_owned(),
            secret_access_key: world.sandbox.secret_access_key().to_owned(),
        }),
        ..Connection::default()
    };
    let aws = actions::connect(&connection).await.unwrap();
    let unfinished = world.s3.create_multipart_upload().bucket(BUCKET).key("begun\u{8}");
    unfinished.send().await.unwrap();
    let cancel = tokio_util::sync::CancellationToken::new();
    let emptied = actions::empty_bucket(&aws, BUCKET, 100, true, &ProgressSink::none(), &cancel).await;
    assert!(emptied.is_ok(), "{emptied:?}");
}
