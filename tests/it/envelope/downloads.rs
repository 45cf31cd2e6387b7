//! Downloads that are killed, and what they may write where.

use std::fs;
use std::time::Duration;

use tokio::process::Command;

use super::*;
use crate::proxy::{Proxy, Trouble};

/// The file in a folder that holds a megabyte, if there is one.
fn begun(folder: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|file| fs::metadata(file).is_ok_and(|metadata| metadata.len() >= MIB as u64))
}

async fn until_begun(folder: &Path) -> PathBuf {
    loop {
        if let Some(file) = begun(folder) {
            return file;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An endpoint where no more of a token arrives in the folder `out` once some of it is there. What is asked for at the
/// same time may: of a long token that is not all.
fn stalling(world: &World) -> Proxy {
    let out = world.path("out");
    Proxy::start(&world.sandbox, move |seen| {
        if seen.line.starts_with("GET") && begun(&out).is_some() {
            Trouble::StallUnanswered
        } else {
            Trouble::None
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_download_goes_on_from_its_spool_which_holds_no_plaintext() {
    let world = World::start().await;
    let plaintext = b"plain words ".repeat(3 * MIB);
    let source = world.write("data.txt", &plaintext);
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    let to = world.path("out/back");
    fs::create_dir(world.path("out")).unwrap();
    let arguments = ["decrypt", "s3://training-bucket/data.txt", "-o", to.to_str().unwrap()];
    let spools = || {
        fs::read_dir(world.path("out"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let stalling = stalling(&world);
    let mut child = world.command_at(stalling.url(), &arguments).spawn().unwrap();
    until_begun(&world.path("out")).await;
    child.kill().await.unwrap();
    let left = spools();
    let kept = fs::read(&left[0]).unwrap();
    assert_eq!(left.len(), 1);
    assert!(kept.starts_with(b"gAAAAA") && !kept.windows(5).any(|window| window == b"words"));

    // What was kept is not asked for again.
    let proxy = Proxy::start(&world.sandbox, |_| Trouble::None);
    good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert!(proxy.ranges().iter().all(|start| *start >= kept.len() as u64));
    assert!(fs::read(&to).unwrap() == plaintext);
    assert_eq!(spools(), [to]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_download_leaves_nothing() {
    let world = World::start().await;
    let source = world.write("data.bin", &noise(30 * MIB));
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    fs::create_dir(world.path("out")).unwrap();
    let arguments = ["decrypt", "s3://training-bucket/data.bin", "-o", "out/back"];
    let proxy = stalling(&world);
    let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
    until_begun(&world.path("out")).await;
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(world.path("out")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_that_suffered_is_fetched_again() {
    let world = World::start().await;
    let plaintext = noise(30 * MIB);
    let source = world.write("data.bin", &plaintext);
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    let to = world.path("out/back");
    fs::create_dir(world.path("out")).unwrap();
    let arguments = ["decrypt", "s3://training-bucket/data.bin", "-o", to.to_str().unwrap()];
    let proxy = stalling(&world);
    let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
    let spool = until_begun(&world.path("out")).await;
    child.kill().await.unwrap();
    fs::write(&spool, b"gAAAAA damaged").unwrap();
    good(&world.run(&arguments).await);
    assert!(fs::read(&to).unwrap() == plaintext);
    assert!(!spool.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_leave_the_folder_are_reported_and_written_nowhere() {
    let world = World::start().await;
    let source = world.write("good.txt", b"good");
    good(&world.encrypt(&source, "s3://training-bucket/set/").await);
    let hostile = [
        "set/../outside.txt",
        "set//empty.txt",
        "set/./dot.txt",
        "set/link/file.txt",
    ];
    for key in hostile {
        let copy = world.s3.copy_object().bucket(BUCKET).key(key);
        copy.copy_source(format!("{BUCKET}/set/good.txt")).send().await.unwrap();
    }
    fs::create_dir(world.path("elsewhere")).unwrap();
    fs::create_dir(world.path("out")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("out/link")).unwrap();
    let output = world
        .run(&["decrypt", "s3://training-bucket/set/", "-o", "out", "--accept-name"])
        .await;
    let said = refusal(&output);
    for name in ["../outside.txt", "/empty.txt", "./dot.txt", "link/file.txt"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert_eq!(fs::read(world.path("out/good.txt")).unwrap(), b"good");
    let names: Vec<_> = fs::read_dir(world.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(fs::read_dir(world.path("elsewhere")).unwrap().next().is_none());
    assert!(!world.path("outside.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_a_link_is_refused() {
    let world = World::start().await;
    let source = world.write("data.txt", b"data");
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    let target = world.write("target", b"untouched");
    std::os::unix::fs::symlink(&target, world.path("link")).unwrap();
    let arguments = ["decrypt", "s3://training-bucket/data.txt", "-o", "link", "--overwrite"];
    let said = refusal(&world.run(&arguments).await);
    assert!(said.contains("symbolic link"), "{said}");
    assert_eq!(fs::read(target).unwrap(), b"untouched");
}

/// How a folder on a disk of its own can be had here; `None` if it cannot.
async fn small_disks() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    for way in WAYS {
        let mut probe = Command::new("unshare");
        probe
            .args(way)
            .args(["sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]);
        if probe.output().await.is_ok_and(|output| output.status.success()) {
            return Some(way);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_ends_a_download_clearly_and_leaves_nothing_on_it() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size="$1" tmpfs small && printf old >small/taken || exit 99
        shift
        "$@"
        status=$?
        printf '\n%s:%s' "$(ls -A small)" "$(cat small/taken)"
        exit $status"#;
    let Some(way) = small_disks().await else {
        println!("skipped: nothing can be mounted here, neither by this user nor in a user namespace");
        return;
    };
    let world = World::start().await;
    let source = world.write("data.bin", &noise(9 * MIB));
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    fs::create_dir(world.path("small")).unwrap();
    // The token has 12 MiB: it does not fit, or it fits and the plaintext beside it does not, or both do.
    for (size, does_fit) in [("6m", false), ("15m", false), ("24m", true)] {
        for (to, rest) in [("small/out", "taken:old"), ("small/taken", "taken:old")] {
            let program = program();
            let decrypt = ["decrypt", "s3://training-bucket/data.bin", "-o", to, "--overwrite"];
            let mut command = world.as_we_are(world.sandbox.endpoint_url(), "unshare");
            command.env("PATH", std::env::var_os("PATH").unwrap());
            command
                .args(way)
                .args(["sh", "-c", SCRIPT, "sh", size])
                .arg(program)
                .args(decrypt);
            let output = command.output().await.unwrap();
            if does_fit {
                good(&output);
                continue;
            }
            let said = refusal(&output);
            assert!(said.contains("No space left on device"), "{size}: {said}");
            assert!(said.contains("free some space"), "{size}: {said}");
            assert_eq!(said.trim().lines().count(), 1, "{said}");
            let left = String::from_utf8(output.stdout).unwrap();
            assert_eq!(left.trim(), rest, "{size} {to}");
        }
    }
}
