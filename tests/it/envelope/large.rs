//! Tokens too large for parts that are held in memory: their parts are made while they are sent.
//!
//! The plan is forced by small limits, through the library: nobody waits for a token of 78 GiB.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom::actions::encrypt::{Destination, EncryptReport, EncryptRequest, Limits, encrypt_within};
use strongroom::actions::{ProgressSink, connect};
use strongroom::config::{Connection, SandboxEndpoint};
use strongroom::domain::{Fault, FaultKind, Location};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::proxy::{Proxy, Trouble};

/// S3's, made small: four parts, and more than 5 MiB is not held.
const LIMITS: Limits = Limits {
    part: 5 << 20,
    parts: 4,
    longest: 5 << 30,
};
const PLAINTEXT: usize = 24 * MIB + 77;

/// One of another length than a few buffers, so that it shows in memory if it is held.
const LONG_PART: usize = 48 * MIB;
/// How much more longer parts may need: less than one of them is longer.
const ROOM: u64 = 32;

async fn upload(world: &World, url: &str, source: &Path) -> Result<EncryptReport, Fault> {
    let connection = Connection {
        sandbox: Some(SandboxEndpoint {
            url: url.to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: world.sandbox.access_key_id().to_owned(),
            secret_access_key: world.sandbox.secret_access_key().to_owned(),
        }),
        ..Connection::default()
    };
    let request = EncryptRequest {
        paths: vec![source.to_owned()],
        destination: Destination::Location(Location::parse("s3://training-bucket/").unwrap()),
        key: world.key.clone(),
        context: std::collections::BTreeMap::new(),
        data_key_name: None,
        data_key_out: None,
        overwrite: false,
        resume: true,
    };
    let aws = connect(&connection).await.unwrap();
    let (progress, cancel) = (ProgressSink::none(), CancellationToken::new());
    encrypt_within(LIMITS, &aws, request, &progress, &cancel).await
}

fn is_part(line: &str, number: u32) -> bool {
    line.starts_with("PUT") && line.contains(&format!("partNumber={number}&"))
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_are_made_while_they_are_sent_are_made_again_after_a_reset() {
    let world = World::start().await;
    let plaintext = noise(PLAINTEXT);
    let source = world.write("data.bin", &plaintext);
    let tries = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&tries);
    let proxy = Proxy::start(&world.sandbox, move |request| {
        let is_second = is_part(request.line, 2);
        let earlier = seen.fetch_add(usize::from(is_second), Ordering::SeqCst);
        match (is_second, earlier) {
            (true, 0) => Trouble::Reset,
            (true, 1) => Trouble::LostAnswer,
            (true, 2) => Trouble::Unavailable,
            _ => Trouble::None,
        }
    });
    let report = upload(&world, proxy.url(), &source).await.unwrap();
    assert_eq!(report.files.len(), 1);
    assert_eq!(tries.load(Ordering::SeqCst), 4);
    let head = world.s3.head_object().bucket(BUCKET).key("data.bin").part_number(1);
    let head = head.send().await.unwrap();
    assert_eq!((head.parts_count, head.content_length), (Some(4), Some(9 * MIB as i64)));
    good(&world.decrypt("data.bin", &world.path("back")).await);
    assert!(fs::read(world.path("back")).unwrap() == plaintext);
    assert_eq!(world.open_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_between_the_two_passes_is_never_published() {
    let world = World::start().await;
    let source = world.write("data.bin", &noise(PLAINTEXT));
    let edited = source.clone();
    let proxy = Proxy::start(&world.sandbox, move |request| {
        if is_part(request.line, 1) {
            use std::os::unix::fs::FileExt;
            let file = fs::OpenOptions::new().write(true).open(&edited).unwrap();
            // In the part that is on its way, beyond what its sender can have read.
            file.write_all_at(b"other", 6 * MIB as u64).unwrap();
        }
        Trouble::None
    });
    let fault = upload(&world, proxy.url(), &source).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Conflict);
    assert!(fault.to_string().contains("it changed while it was read"), "{fault}");
    world.assert_nothing_left().await;
}

/// The peak of this process's memory since the last call, in MiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    fs::write("/proc/self/clear_refs", "5").unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// In a process of its own: other tests need memory too. `STRONGROOM_GIB=4` for parts of more than a gigabyte.
#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat_however_long_the_parts_are() {
    const ALONE: &str = "STRONGROOM_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "envelope::large::memory_stays_flat_however_long_the_parts_are";
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let output = alone
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        println!("{said}");
        return;
    }
    let gib = repetitions("STRONGROOM_GIB", 0) as usize;
    let length = if gib > 0 { gib << 30 } else { 3 * LONG_PART };
    let world = World::start().await;
    let source = world.path("data.bin");
    fs::File::create(&source).unwrap().set_len(length as u64).unwrap();
    // What both sides' threads and buffers take is there after parts of a sixth.
    let shorter = world.path("shorter.bin");
    fs::File::create(&shorter)
        .unwrap()
        .set_len(LONG_PART as u64 / 2)
        .unwrap();
    peak();
    upload(&world, world.sandbox.endpoint_url(), &shorter).await.unwrap();
    let before = peak();
    upload(&world, world.sandbox.endpoint_url(), &source).await.unwrap();
    let after = peak();
    let head = world.s3.head_object().bucket(BUCKET).key("data.bin").part_number(1);
    let part = head.send().await.unwrap().content_length.unwrap();
    println!(
        "parts of {} MiB, four at once: {before} MiB before, {after} MiB at most",
        part >> 20
    );
    assert!(part >= LONG_PART as i64);
    assert!(after < before + ROOM, "{before} MiB before, {after} MiB at most");
}
