//! Downloads whose files would stand in each other's way, and folders that become others while they run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;
use crate::proxy::{Proxy, Trouble};

async fn copied(world: &World, from: &str, to: &str) {
    let copy = world.s3.copy_object().bucket(BUCKET).key(to);
    copy.copy_source(format!("{BUCKET}/{from}")).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_would_become_one_file_are_refused_before_the_first_byte() {
    let world = World::start().await;
    let source = world.write("good.txt", b"good");
    good(&world.encrypt(&source, "s3://training-bucket/set/").await);
    fs::create_dir(world.path("there")).unwrap();
    world.write("there/good.txt", b"old");
    for (one, other) in [("caf\u{e9}", "caf%C3%A9"), ("a", "a/b"), ("x%25/y", "x%")] {
        for key in [one, other] {
            copied(&world, "set/good.txt", &format!("set/{key}")).await;
        }
        for to in ["there", "new"] {
            for overwrite in [None, Some("--overwrite")] {
                let arguments = ["decrypt", "s3://training-bucket/set/", "-o", to, "--accept-name"];
                let output = world
                    .run(&arguments.into_iter().chain(overwrite).collect::<Vec<_>>())
                    .await;
                let said = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(2), "{said}");
                assert!(said.contains("would become one file"), "{said}");
                assert!(
                    said.contains(&format!("set/{one}")) && said.contains(&format!("set/{other}")),
                    "{said}"
                );
            }
        }
        for key in [one, other] {
            let gone = world.s3.delete_object().bucket(BUCKET).key(format!("set/{key}"));
            gone.send().await.unwrap();
        }
    }
    assert_eq!(fs::read_dir(world.path("there")).unwrap().count(), 1);
    assert_eq!(fs::read(world.path("there/good.txt")).unwrap(), b"old");
    assert!(!world.path("new").exists());

    // What becomes no file, and names that only look alike, are in nobody's way.
    for name in ["b", "B", "caf%C3%A9"] {
        copied(&world, "set/good.txt", &format!("set/{name}")).await;
    }
    let empty = world.s3.put_object().bucket(BUCKET).key("set/b/");
    empty.send().await.unwrap();
    good(
        &world
            .run(&["decrypt", "s3://training-bucket/set/", "-o", "new", "--accept-name"])
            .await,
    );
    assert_eq!(fs::read_dir(world.path("new")).unwrap().count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_whose_members_would_become_one_file_is_refused_before_the_first_byte() {
    let world = World::start().await;
    let source = world.write("good.txt", b"good");
    good(&world.encrypt(&source, "token").await);
    let token = fs::read(world.path("token")).unwrap();
    for (one, other) in [("a", "a"), ("a", "./a"), ("a", "a/b")] {
        let file = fs::File::create(world.path("model.tar.gz")).unwrap();
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
        for name in [one, other] {
            let mut header = tar::Header::new_gnu();
            header.set_size(token.len() as u64);
            header.set_mode(0o600);
            archive.append_data(&mut header, name, &token[..]).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap();
        let arguments = ["decrypt", "model.tar.gz", "--data-key", "token.datakey", "-o", "out"];
        let output = world.run(&arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("would become one file"), "{said}");
        assert!(!world.path("out").exists());
    }
    let names = fs::read_dir(world.home.path()).unwrap();
    assert!(
        names
            .map(|entry| entry.unwrap().file_name())
            .all(|name| !name.to_string_lossy().starts_with(".strongroom-"))
    );
}

/// Everything under a folder but folders.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            found.extend(files(path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_becomes_a_link_while_a_download_runs_gets_nothing_through_it() {
    let world = World::start().await;
    let source = world.write("tree/sub/data.bin", &noise(9 * MIB));
    good(
        &world
            .encrypt(source.ancestors().nth(2).unwrap(), "s3://training-bucket/set/")
            .await,
    );
    let model = world.path("model.tar.gz");
    archive_of(&world, &model).await;
    let put = world.s3.put_object().bucket(BUCKET).key("model.tar.gz");
    put.body(aws_sdk_s3::primitives::ByteStream::from(fs::read(&model).unwrap()))
        .send()
        .await
        .unwrap();

    // What becomes a link, as soon as the body is asked for.
    for (swapped, from, to) in [
        ("out", "s3://training-bucket/set/sub/data.bin", "out/data.bin"),
        ("out", "s3://training-bucket/set/", "out"),
        ("out/sub", "s3://training-bucket/set/", "out"),
        ("out", "s3://training-bucket/model.tar.gz", "out/model"),
    ] {
        for overwrite in [None, Some("--overwrite")] {
            fs::create_dir_all(world.path("out/sub")).unwrap();
            fs::create_dir(world.path("elsewhere")).unwrap();
            let (there, moved, elsewhere) = (world.path(swapped), world.path("moved"), world.path("elsewhere"));
            let proxy = Proxy::start(&world.sandbox, move |seen| {
                let is_body = seen.line.starts_with("GET /training-bucket/") && !seen.line.contains("list-type");
                if is_body && !moved.exists() && is_begun(&there) {
                    fs::rename(&there, &moved).unwrap();
                    symlink(&elsewhere, &there).unwrap();
                }
                Trouble::None
            });
            let mut arguments = vec!["decrypt", from, "-o", to, "--data-key", "token.datakey"];
            if !from.contains("model") {
                arguments.truncate(4);
            }
            arguments.extend(overwrite);
            let output = world.command_at(proxy.url(), &arguments).output().await.unwrap();
            let said = refusal(&output);
            assert!(said.contains("is another one now"), "{to}: {said}");
            assert_eq!(files(world.path("elsewhere")), [""; 0].map(PathBuf::from), "{to}");
            assert_eq!(files(world.path("moved")), [""; 0].map(PathBuf::from), "{to}");
            fs::remove_file(world.path(swapped)).unwrap();
            fs::remove_dir(world.path("elsewhere")).unwrap();
            fs::remove_dir_all(world.path("moved")).unwrap();
            let _ = fs::remove_dir_all(world.path("out"));
        }
    }
}

/// Whether something half made is under a folder.
fn is_begun(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.any(|entry| {
        entry.file_name().to_string_lossy().starts_with(".strongroom-")
            || (entry.file_type().unwrap().is_dir() && is_begun(&entry.path()))
    })
}

/// An archive with one token in it, under `token.datakey`.
async fn archive_of(world: &World, to: &Path) {
    let source = world.write("weights", &noise(MIB));
    good(&world.encrypt(&source, "token").await);
    let file = fs::File::create(to).unwrap();
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
    archive.append_path_with_name(world.path("token"), "weights").unwrap();
    archive.into_inner().unwrap().finish().unwrap();
}
