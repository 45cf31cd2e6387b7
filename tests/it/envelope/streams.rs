//! Devices, FIFOs and other things that are not files: written into, or refused, and never replaced.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::process::Stdio;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use rustix::fs::{CWD, FileType, Mode, mkfifoat, mknodat};
use tokio::io::AsyncReadExt;

use super::*;
use crate::proxy::{Proxy, Trouble};

const URI: &str = "s3://training-bucket/data.txt";

fn fifo(world: &World, name: &str) -> PathBuf {
    let path = world.path(name);
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    path
}

/// A device; `None`, with a word, where none can be made.
fn device(world: &World, name: &str, kind: FileType, (major, minor): (u32, u32)) -> Option<PathBuf> {
    let path = world.path(name);
    let made = mknodat(
        CWD,
        &path,
        kind,
        Mode::RUSR | Mode::WUSR,
        rustix::fs::makedev(major, minor),
    );
    // Where it may be made it may still not be opened.
    let is_of_use = made.is_ok() && (kind == FileType::BlockDevice || File::open(&path).is_ok());
    if !is_of_use {
        println!("skipped {name}: this user makes no devices here");
    }
    is_of_use.then_some(path)
}

fn wrong_usage(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifo_is_written_into_with_overwrite_as_without_and_hears_of_a_failure() {
    let world = World::start().await;
    let plaintext = noise(3 * MIB);
    let source = world.write("data.txt", &plaintext);
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    good(&world.encrypt(&source, "local").await);
    let pipe = fifo(&world, "pipe");
    for (from, overwrite) in [(URI, false), (URI, true), ("local", false), ("local", true)] {
        let mut arguments = vec!["decrypt", from, "-o", "pipe"];
        arguments.extend(overwrite.then_some("--overwrite"));
        let child = world.command(&arguments).spawn().unwrap();
        let read = tokio::fs::read(&pipe).await.unwrap();
        good(&child.wait_with_output().await.unwrap());
        assert!(read == plaintext, "{from} {overwrite}");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    }

    // Another body under the same metadata: not one byte of it comes out, and the reader is not left waiting.
    let head = world
        .s3
        .head_object()
        .bucket(BUCKET)
        .key("data.txt")
        .send()
        .await
        .unwrap();
    let body = world
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("data.txt")
        .send()
        .await
        .unwrap();
    let mut body = body.body.collect().await.unwrap().to_vec();
    let at = body.len() - 100;
    body[at] = if body[at] == b'A' { b'B' } else { b'A' };
    let put = world
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("data.txt")
        .set_metadata(head.metadata);
    put.body(ByteStream::from(body)).send().await.unwrap();
    let child = world.command(&["decrypt", URI, "-o", "pipe"]).spawn().unwrap();
    assert!(tokio::fs::read(&pipe).await.unwrap().is_empty());
    refusal(&child.wait_with_output().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_reader_a_fifo_waits_until_it_is_cancelled() {
    let world = World::start().await;
    let source = world.write("data.txt", b"data");
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    fifo(&world, "pipe");
    let proxy = Proxy::start(&world.sandbox, |_| Trouble::None);
    let mut child = world
        .command_at(proxy.url(), &["decrypt", URI, "-o", "pipe"])
        .spawn()
        .unwrap();
    // What comes next is the FIFO.
    while !proxy.operations().iter().any(|operation| operation == "Decrypt") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.until_idle().await;
    assert!(child.try_wait().unwrap().is_none());
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_by_any_name_is_standard_output() {
    let world = World::start().await;
    let source = world.write("data.txt", b"plain words");
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    symlink("/dev/stdout", world.path("link")).unwrap();
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"] {
        for overwrite in [false, true] {
            let mut arguments = vec!["decrypt", URI, "-o", name];
            arguments.extend(overwrite.then_some("--overwrite"));
            let output = world.run(&arguments).await;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.stdout, b"plain words", "{name}");
            // A file that is standard output is written where standard output stands.
            let file = world.write("all", b"before ");
            let opened = File::options().append(true).open(&file).unwrap();
            let mut command = world.command(&arguments);
            assert!(command.stdout(Stdio::from(opened)).status().await.unwrap().success());
            assert_eq!(fs::read(&file).unwrap(), b"before plain words", "{name}");
        }
        wrong_usage(&world.run(&["decrypt", URI, "-o", name, "--json"]).await);
    }
    let on_stderr = world.run(&["decrypt", URI, "-o", "/dev/stderr"]).await;
    assert!(on_stderr.status.success());
    assert!(on_stderr.stderr.starts_with(b"plain words"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shells_process_substitution_takes_plaintext_and_tokens() {
    let world = World::start().await;
    let bash = |script: &str| {
        let mut command = world.as_we_are(world.sandbox.endpoint_url(), "bash");
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.args(["-c", script, "bash"]).arg(program()).arg(&world.key);
        command
    };
    if !bash("exit 0")
        .output()
        .await
        .is_ok_and(|output| output.status.success())
    {
        println!("skipped: there is no bash");
        return;
    }
    world.write("data.txt", b"plain words");
    let script = r#"set -e
        "$1" encrypt data.txt >(cat > token; echo > token-done) --key "$2" --data-key-out token.datakey
        until [ -e token-done ]; do sleep 0.02; done
        "$1" decrypt token -o >(cat > back; echo > back-done)
        until [ -e back-done ]; do sleep 0.02; done
        "$1" decrypt <(cat token) --data-key token.datakey -o - > again"#;
    good(&bash(script).output().await.unwrap());
    for name in ["back", "again"] {
        assert_eq!(fs::read(world.path(name)).unwrap(), b"plain words", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_into_a_fifo_if_its_data_key_has_a_file() {
    let world = World::start().await;
    world.write("data.txt", b"plain words");
    let pipe = fifo(&world, "pipe");
    let said = wrong_usage(&world.run(&["encrypt", "data.txt", "pipe", "--key", &world.key]).await);
    assert!(said.contains("--data-key-out"), "{said}");
    let arguments = [
        "encrypt",
        "data.txt",
        "pipe",
        "--key",
        &world.key,
        "--data-key-out",
        "c",
        "--overwrite",
    ];
    let child = world.command(&arguments).spawn().unwrap();
    let token = tokio::fs::read(&pipe).await.unwrap();
    good(&child.wait_with_output().await.unwrap());
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    world.write("token", &token);
    let back = world.run(&["decrypt", "token", "--data-key", "c", "-o", "-"]).await;
    assert_eq!(back.stdout, b"plain words");

    // Whatever does not keep what is written into it takes no data key.
    symlink("nowhere", world.path("dangling")).unwrap();
    for place in ["pipe", "/dev/null", "/dev/stdout", "dangling"] {
        let arguments = [
            "encrypt",
            "data.txt",
            "new",
            "--key",
            &world.key,
            "--data-key-out",
            place,
        ];
        let said = refusal(&world.run(&arguments).await);
        assert!(said.contains("must keep it"), "{place}: {said}");
        assert!(!world.path("new").exists() && !world.path("nowhere").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_stay_devices() {
    let world = World::start().await;
    let source = world.write("data.txt", b"data");
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    let Some(null) = device(&world, "null", FileType::CharacterDevice, (1, 3)) else {
        return;
    };
    for overwrite in [false, true] {
        let overwrite = overwrite.then_some("--overwrite");
        let out = format!("c{}", overwrite.is_some());
        let decrypt = ["decrypt", URI, "-o", "null"];
        let encrypt = [
            "encrypt",
            "data.txt",
            "null",
            "--key",
            &world.key,
            "--data-key-out",
            &out,
        ];
        for arguments in [&decrypt[..], &encrypt] {
            let arguments: Vec<_> = arguments.iter().copied().chain(overwrite).collect();
            good(&world.run(&arguments).await);
            assert!(fs::symlink_metadata(&null).unwrap().file_type().is_char_device());
        }
    }
    if let Some(block) = device(&world, "block", FileType::BlockDevice, (7, 250)) {
        let said = refusal(&world.run(&["decrypt", URI, "-o", "block", "--overwrite"]).await);
        assert!(said.contains("a block device"), "{said}");
        assert!(fs::symlink_metadata(&block).unwrap().file_type().is_block_device());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_file_nor_stream_is_refused_and_stays() {
    let world = World::start().await;
    let source = world.write("data.txt", b"data");
    good(&world.encrypt(&source, "s3://training-bucket/set/").await);
    let _socket = std::os::unix::net::UnixListener::bind(world.path("socket")).unwrap();
    world.write("target", b"untouched");
    symlink("target", world.path("link")).unwrap();
    symlink("nowhere", world.path("dangling")).unwrap();
    // A person names the place itself; below a folder a FIFO is in the way.
    fs::create_dir(world.path("out")).unwrap();
    mkfifoat(CWD, world.path("out/data.txt"), Mode::RUSR | Mode::WUSR).unwrap();
    let uri = "s3://training-bucket/set/data.txt";
    for (from, to, what) in [
        (uri, "socket", "a socket"),
        (uri, "link", "a symbolic link"),
        (uri, "dangling", "a symbolic link"),
        ("s3://training-bucket/set/", "out", "a FIFO"),
    ] {
        let said = refusal(&world.run(&["decrypt", from, "-o", to, "--overwrite"]).await);
        assert!(said.contains(what), "{to}: {said}");
    }
    for (to, what) in [("socket", "a socket"), ("link", "a symbolic link")] {
        let arguments = [
            "encrypt",
            "data.txt",
            to,
            "--key",
            &world.key,
            "--data-key-out",
            "c",
            "--overwrite",
        ];
        let said = refusal(&world.run(&arguments).await);
        assert!(said.contains(what), "{to}: {said}");
    }
    assert_eq!(fs::read(world.path("target")).unwrap(), b"untouched");
    assert!(!world.path("nowhere").exists() && !world.path("c").exists());
    assert!(
        fs::symlink_metadata(world.path("out/data.txt"))
            .unwrap()
            .file_type()
            .is_fifo()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_edited_between_the_passes_gives_out_nothing_of_the_change() {
    let world = World::start().await;
    let plaintext = noise(30 * MIB);
    let source = world.write("data.bin", &plaintext);
    good(&world.encrypt(&source, "token").await);
    let mut child = world.command(&["decrypt", "token", "-o", "-"]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut out = vec![0; 1];
    // The second pass has begun, and waits for its reader.
    stdout.read_exact(&mut out).await.unwrap();
    {
        use std::os::unix::fs::FileExt;
        let token = File::options().write(true).open(world.path("token")).unwrap();
        token.write_all_at(&b"tampered".repeat(1000), 30 * MIB as u64).unwrap();
    }
    stdout.read_to_end(&mut out).await.unwrap();
    let said = refusal(&child.wait_with_output().await.unwrap());
    assert!(said.contains("it was changed while it was read"), "{said}");
    assert!(
        plaintext.starts_with(&out) && out.len() <= 30 * MIB / 4 * 3,
        "{} bytes",
        out.len()
    );
}
