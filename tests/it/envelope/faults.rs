//! Requests that go wrong, by the sandbox's own faults and by a proxy's.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::proxy::{Proxy, SLOWLY, Seen, Trouble, is_completion};

#[tokio::test(flavor = "multi_thread")]
async fn a_third_of_all_requests_going_wrong_changes_nothing_but_the_time() {
    let faults = [
        "*:reset@0.06",
        "s3:lost@0.06",
        "*:error=503@0.06",
        "*:error=500@0.06",
        "*:throttle@0.06",
        "s3:latency=100ms@0.1",
    ];
    let world = World::troubled(&faults).await;
    let plaintext = noise(20 * MIB);
    let source = world.write("tree/large.bin", &plaintext);
    world.write("tree/small.txt", b"small");
    let said = good(
        &world
            .encrypt(source.parent().unwrap(), "s3://training-bucket/set/")
            .await,
    );
    assert_eq!(said.len(), 2);
    good(&world.run(&["decrypt", "s3://training-bucket/set/", "-o", "back"]).await);
    assert!(fs::read(world.path("back/large.bin")).unwrap() == plaintext);
    assert_eq!(fs::read(world.path("back/small.txt")).unwrap(), b"small");
    assert_eq!(world.open_uploads().await, 0);
    assert!(world.journals().is_empty());
    let key_objects = world
        .keys()
        .await
        .iter()
        .filter(|key| key.starts_with(".strongroom/"))
        .count();
    assert_eq!(key_objects, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_200_and_a_lost_answer_end_right_at_the_completion_and_at_a_download() {
    let world = World::start().await;
    let plaintext = noise(8 * MIB);
    let source = world.write("data.bin", &plaintext);
    for (index, trouble) in [Trouble::ErrorInside200, Trouble::LostAnswer].into_iter().enumerate() {
        let is_undisturbed = AtomicBool::new(true);
        let proxy = Proxy::start(&world.sandbox, move |seen| {
            let is_download = seen.line.starts_with("GET") && seen.line.contains("data.bin");
            let is_first_download = is_download && is_undisturbed.swap(false, Ordering::SeqCst);
            if is_first_download || (is_completion(seen.line) && seen.completions == 1) {
                trouble
            } else {
                Trouble::None
            }
        });
        let prefix = format!("s3://{BUCKET}/{index}/");
        let arguments = world.encrypting(&source, &prefix);
        good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
        let back = world.path("back");
        let object = format!("{prefix}data.bin");
        let decrypt = ["decrypt", &object, "-o", back.to_str().unwrap()];
        good(&world.command_at(proxy.url(), &decrypt).output().await.unwrap());
        assert!(fs::read(&back).unwrap() == plaintext);
        fs::remove_file(back).unwrap();
        assert_eq!(world.open_uploads().await, 0);
    }
}

/// What one of a hundred throws does to a request; the first `stalls` of them make it stand still.
fn struck(seen: &Seen<'_>, throw: u8, stalls: u8) -> Trouble {
    const STALLS: [Trouble; 3] = [Trouble::StallUnread, Trouble::StallUnanswered, Trouble::StallMidway];
    if throw < stalls {
        return STALLS[usize::from(throw) % STALLS.len()];
    }
    match throw % 4 {
        _ if throw >= 30 => Trouble::None,
        0 => Trouble::Reset,
        1 => Trouble::Unavailable,
        // The answer to a HEAD has no body that could say what the 400 is about.
        2 if !seen.line.starts_with("HEAD") => Trouble::Throttled,
        3 if is_completion(seen.line) => Trouble::ErrorInside200,
        _ => Trouble::LostAnswer,
    }
}

/// `STRONGROOM_STALLS=6` makes six of a hundred requests stand still, which takes minutes.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_requests_thirty_go_wrong_each_in_its_way_and_everything_ends_right() {
    let stalls = repetitions("STRONGROOM_STALLS", 1) as u8;
    let world = World::start().await;
    let plaintext = noise(20 * MIB);
    let source = world.write("tree/large.bin", &plaintext);
    world.write("tree/small.txt", b"small");
    let proxy = Proxy::start(&world.sandbox, move |seen| struck(seen, random(100) as u8, stalls));
    let tree = source.parent().unwrap();
    let up = world.encrypting(tree, "s3://training-bucket/set/");
    let down = ["decrypt", "s3://training-bucket/set/", "-o", "back"];
    for arguments in [up.as_slice(), &down] {
        let run = world.command_at(proxy.url(), arguments).output();
        let output = tokio::time::timeout(Duration::from_secs(600), run).await;
        good(&output.expect("every call ends").unwrap());
    }
    assert!(fs::read(world.path("back/large.bin")).unwrap() == plaintext);
    assert_eq!(fs::read(world.path("back/small.txt")).unwrap(), b"small");
    assert_eq!(world.open_uploads().await, 0);
    assert!(world.journals().is_empty());
}

/// Each stands still once, or is slow, all at the same time: so this takes no longer than one of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_stops_answering_is_given_up_and_one_that_is_slow_is_not() {
    let world = World::start().await;
    tokio::join!(stopped_ones_are_given_up(&world), a_slow_one_is_not_cut_off(&world));
    assert_eq!(world.open_uploads().await, 0);
}

async fn stopped_ones_are_given_up(world: &World) {
    let plaintext = noise(8 * MIB);
    let source = world.write("data.bin", &plaintext);
    type Which = fn(&Seen<'_>) -> bool;
    let of_kms: Which = |seen| seen.name() == "GenerateDataKey";
    let key_object: Which = |seen| seen.line.starts_with("PUT") && seen.line.contains("/.strongroom/");
    let part: Which = |seen| seen.line.starts_with("PUT") && seen.line.contains("partNumber=2&");
    let completion: Which = |seen| is_completion(seen.line);
    let download: Which = |seen| seen.line.starts_with("GET") && seen.line.contains("data.bin");
    let stalls = [
        (of_kms, Trouble::StallUnanswered),
        (key_object, Trouble::StallUnanswered),
        (part, Trouble::StallUnread),
        (part, Trouble::StallUnanswered),
        (completion, Trouble::StallUnanswered),
        (download, Trouble::StallUnanswered),
        (download, Trouble::StallMidway),
    ];
    let all = stalls.into_iter().enumerate().map(async |(index, (which, trouble))| {
        let is_first = AtomicBool::new(true);
        let proxy = Proxy::start(&world.sandbox, move |seen| {
            if which(seen) && is_first.swap(false, Ordering::SeqCst) {
                trouble
            } else {
                Trouble::None
            }
        });
        let (to, back) = (format!("s3://{BUCKET}/{index}/"), format!("back-{index}"));
        let object = format!("{to}data.bin");
        let up = world.encrypting(&source, &to);
        let begun = Instant::now();
        for arguments in [up.as_slice(), &["decrypt", &object, "-o", &back]] {
            good(&world.command_at(proxy.url(), arguments).output().await.unwrap());
        }
        let time = begun.elapsed();
        assert!(fs::read(world.path(&back)).unwrap() == plaintext);
        assert!(time > Duration::from_secs(15), "{trouble:?} did not happen");
    });
    futures::future::join_all(all).await;
}

async fn a_slow_one_is_not_cut_off(world: &World) {
    let plaintext = noise(8 * MIB);
    let source = world.write("slow.bin", &plaintext);
    let proxy = Proxy::start(&world.sandbox, |seen| {
        if seen.line.starts_with("PUT") && seen.line.contains("partNumber=1&") {
            Trouble::Slow
        } else {
            Trouble::None
        }
    });
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let begun = Instant::now();
    good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert!(begun.elapsed() >= SLOWLY);
    assert_eq!(proxy.parts(), 2, "a part was sent again");
    good(&world.decrypt("slow.bin", &world.path("back")).await);
    assert!(fs::read(world.path("back")).unwrap() == plaintext);
}
