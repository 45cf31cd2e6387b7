//! Uploads that are killed, cancelled and resumed.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::proxy::{Proxy, Trouble, is_completion};

/// `STRONGROOM_KILLS=100` for the long mode; a first, undisturbed upload says how long one takes.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_killed_at_any_moment_is_finished_by_the_same_command_and_leaves_nothing_open() {
    const PARTS: usize = 6;
    let kills = repetitions("STRONGROOM_KILLS", 3);
    let world = World::troubled(&["s3:latency=20ms"]).await;
    let plaintext = noise(PARTS * 6 * MIB - 1000);
    let source = world.write("data.bin", &plaintext);
    let begun = Instant::now();
    good(&world.encrypt(&source, "s3://training-bucket/first/").await);
    let whole = begun.elapsed().as_millis() as u64;

    let (mut killed, mut sent_before, mut sent_again) = (0, 0, 0);
    let (mut arrived, mut reused) = (0, 0);
    for round in 0..kills {
        let proxy = Proxy::start(&world.sandbox, |_| Trouble::None);
        let prefix = format!("s3://{BUCKET}/round-{round}/");
        let arguments = world.encrypting(&source, &prefix);
        let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(random(whole))).await;
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().await.unwrap();
        let before = proxy.parts();
        let known = world
            .journals()
            .iter()
            .map(|journal| count_parts(journal))
            .sum::<usize>();
        let again = world.command_at(proxy.url(), &arguments).output().await.unwrap();
        let object = format!("round-{round}/data.bin");
        let sent = proxy.parts() - before;
        if again.status.success() {
            if good(&again)[0]["resumed"] == true {
                arrived += before;
                reused += PARTS - sent.min(PARTS);
            }
        } else {
            // It was there already when the process was killed.
            assert!(refusal(&again).contains("exists already"), "{}", refusal(&again));
        }
        sent_before += known;
        sent_again += sent.saturating_sub(PARTS - known);
        let back = world.path("back");
        good(&world.decrypt(&object, &back).await);
        assert!(
            fs::read(&back).unwrap() == plaintext,
            "round {round}: this is a security issue"
        );
        fs::remove_file(back).unwrap();
        assert_eq!(world.open_uploads().await, 0, "round {round}");
        assert!(world.journals().is_empty(), "round {round}");
        world
            .s3
            .delete_object()
            .bucket(BUCKET)
            .key(object)
            .send()
            .await
            .unwrap();
    }
    let key_objects = world
        .keys()
        .await
        .iter()
        .filter(|key| key.starts_with(".strongroom/"))
        .count() as u64;
    println!("{killed} of {kills} were killed; {sent_before} parts were kept, {sent_again} sent twice");
    println!("of {arrived} parts that had arrived {reused} were not sent again; {key_objects} key objects");
    assert_eq!(key_objects, kills + 1);
    assert_eq!(sent_again, 0);
    assert!(
        reused * 2 >= arrived,
        "most parts are used again: {reused} of {arrived}"
    );
}

/// Until so many parts are noted as sent.
async fn until_parts(world: &World, count: usize) {
    let noted = || {
        world
            .journals()
            .iter()
            .map(|journal| count_parts(journal))
            .sum::<usize>()
    };
    while noted() < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn count_parts(journal: &Path) -> usize {
    let text = fs::read_to_string(journal).unwrap();
    text.lines().filter(|line| line.starts_with("{\"part\"")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_since_the_interruption_is_encrypted_anew_under_a_new_data_key() {
    let world = World::troubled(&["s3:latency=100ms"]).await;
    let source = world.write("data.bin", &noise(40 * MIB));
    let mut child = world
        .command(&world.encrypting(&source, "s3://training-bucket/"))
        .spawn()
        .unwrap();
    until_parts(&world, 2).await;
    child.kill().await.unwrap();
    let old = world.keys().await;
    assert_eq!((old.len(), world.open_uploads().await), (1, 1));

    let changed = noise(30 * MIB);
    world.write("data.bin", &changed);
    let said = good(&world.encrypt(&source, "s3://training-bucket/").await);
    assert_eq!(said[0]["resumed"], false);
    assert_eq!(world.open_uploads().await, 0);
    assert!(!world.keys().await.contains(&old[0]));
    good(&world.decrypt("data.bin", &world.path("back")).await);
    assert!(fs::read(world.path("back")).unwrap() == changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_resume_and_cancelling_abort_what_was_begun() {
    let world = World::start().await;
    // However slow the machine: no upload is through before the signal.
    let proxy = Proxy::start(&world.sandbox, |seen| {
        if is_completion(seen.line) {
            Trouble::StallUnanswered
        } else {
            Trouble::None
        }
    });
    let source = world.write("data.bin", &noise(40 * MIB));
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let interrupted = async |signal| {
        let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
        until_parts(&world, 2).await;
        let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        child.wait().await.unwrap().code()
    };
    assert_eq!(interrupted(rustix::process::Signal::TERM).await, Some(130));
    world.assert_nothing_left().await;

    // A terminal that goes away leaves what can be resumed.
    assert_eq!(interrupted(rustix::process::Signal::HUP).await, None);
    assert_eq!((world.open_uploads().await, world.journals().len()), (1, 1));
    let old = world.keys().await;
    let again = [arguments.as_slice(), &["--no-resume"]].concat();
    proxy.calm_down();
    let said = good(&world.command_at(proxy.url(), &again).output().await.unwrap());
    assert_eq!(said[0]["resumed"], false);
    assert_eq!(world.open_uploads().await, 0);
    assert!(world.journals().is_empty());
    assert!(!world.keys().await.contains(&old[0]));
}
