//! Runs that are killed at random moments, again and again.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{BUCKET, disable, encrypt, says, settings, tag, uri, verify, world};
use crate::proxy::{Proxy, Trouble};

/// Whoever reads all the while stops, however this ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What a run of many kills must hold.
struct Measured {
    kms: usize,
    kills: usize,
    data_keys: usize,
}

fn killed_again_and_again(folders: usize, each: usize, kills: usize) -> Measured {
    let (place, old, new) = world();
    for folder in 0..folders {
        let names: Vec<String> = (0..each).map(|number| format!("{number:03}.csv")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        encrypt(&place, &format!("a/{folder:02}/"), &names, &[]);
    }
    let keys = |folder| (0..each).map(move |number| format!("a/{folder:02}/{number:03}.csv"));
    let all: Vec<String> = (0..folders).flat_map(keys).collect();
    for (nth, key) in all.iter().enumerate().filter(|(nth, _)| nth % 10 == 0) {
        tag(&place, BUCKET, key, "nth", &nth.to_string());
    }
    let before: Vec<String> = all
        .iter()
        .step_by(10)
        .map(|key| settings(&place, BUCKET, key))
        .collect();
    // The operation at which it stands still: that one is done, and no answer to it is heard.
    let (left, is_still) = (Arc::new(AtomicIsize::new(isize::MAX)), Arc::new(AtomicBool::new(false)));
    let proxy = {
        let (left, is_still) = (Arc::clone(&left), Arc::clone(&is_still));
        Proxy::start(place.sandbox.as_ref().unwrap(), move |_| {
            match left.fetch_sub(1, Ordering::SeqCst) {
                2.. => Trouble::None,
                1 => {
                    is_still.store(true, Ordering::SeqCst);
                    Trouble::StallMidway
                }
                _ => Trouble::StallUnanswered,
            }
        })
    };
    let start = || {
        let mut command = place.command(&["rewrap", &uri("a/"), "--to", "alias/new"]);
        command
            .env("AWS_ENDPOINT_URL", proxy.url())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let rewrapped = || {
        all.iter()
            .filter(|key| says(&place, key, "kms-key-id").as_ref() == Some(&new))
            .count()
    };
    let is_over = AtomicBool::new(false);
    let opened = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        // Somebody reads all the while: verify opens each, by what it says at that moment.
        scope.spawn(|| {
            let mut nth = 0;
            while !is_over.load(Ordering::SeqCst) {
                let some: Vec<String> = (0..20).map(|step| uri(&all[(nth + step * 37) % all.len()])).collect();
                let words: Vec<&str> = std::iter::once("verify")
                    .chain(some.iter().map(String::as_str))
                    .collect();
                let done = place.run(&words);
                assert_eq!(done.status, 0, "{done:?}");
                opened.fetch_add(20, Ordering::SeqCst);
                nth += 11;
            }
        });
        // Random moments of a run: mostly once it copies, now and then while it looks.
        let mut seed = vec![0_u8; 2 * kills];
        getrandom::fill(&mut seed).unwrap();
        for chance in seed.chunks(2) {
            let (looking, copying) = (all.len() + 4, 2 * all.len() / kills);
            let moment = match chance[0] % 4 {
                0 => looking * usize::from(chance[1]) / 256,
                _ => looking + copying * usize::from(chance[1]) / 256,
            };
            is_still.store(false, Ordering::SeqCst);
            left.store(isize::try_from(moment).unwrap() + 1, Ordering::SeqCst);
            let mut child = start();
            let end = Instant::now() + Duration::from_secs(100);
            while !is_still.load(Ordering::SeqCst) {
                assert!(
                    Instant::now() < end && child.try_wait().unwrap().is_none(),
                    "it never came to operation {moment}"
                );
                std::thread::sleep(Duration::from_millis(2));
            }
            child.kill().unwrap();
            child.wait().unwrap();
            place.wait(proxy.until_idle());
        }
        left.store(isize::MAX, Ordering::SeqCst);
        assert!(rewrapped() < all.len(), "the kills came too late");
        let mut last = start();
        assert!(last.wait().unwrap().success());
        is_over.store(true, Ordering::SeqCst);
    });
    assert!(opened.load(Ordering::SeqCst) > 20);
    assert_eq!(rewrapped(), all.len());
    let after: Vec<String> = all
        .iter()
        .step_by(10)
        .map(|key| settings(&place, BUCKET, key))
        .collect();
    assert_eq!(after, before);
    disable(&place, &old);
    verify(&place, "a/");
    // Of the tokens nothing but beginnings was read, for the proofs, and nothing was sent.
    let passed = proxy.passed();
    let of_tokens = passed.iter().filter(|one| one.operation.contains("/a/"));
    let mut beginnings = 0;
    for one in of_tokens {
        if one.operation.starts_with("GET ") {
            assert_eq!(one.range.as_deref(), Some("bytes=0-35"), "{one:?}");
            beginnings += 1;
        }
        assert_eq!(one.sent, 0, "{one:?}");
    }
    let kms = ["ReEncrypt", "Decrypt", "DescribeKey", "GenerateDataKey"];
    let kms = passed
        .iter()
        .filter(|one| kms.contains(&one.operation.as_str()))
        .count();
    println!(
        "{} objects, {folders} data keys, {kills} kills: {kms} KMS calls, {beginnings} beginnings of 36 characters read, {} opened \
         meanwhile",
        all.len(),
        opened.load(Ordering::SeqCst)
    );
    Measured {
        kms,
        kills,
        data_keys: folders,
    }
}

#[test]
fn however_often_it_is_killed_every_object_opens_and_kms_is_asked_little() {
    // STRONGROOM_LONG=1 for a thousand objects.
    let is_long = std::env::var_os("STRONGROOM_LONG").is_some();
    let (folders, each, kills) = if is_long { (20, 50, 10) } else { (5, 16, 4) };
    let measured = killed_again_and_again(folders, each, kills);
    let most = 3 * measured.data_keys + 3 * measured.kills;
    assert!(
        measured.kms <= most,
        "{} calls of KMS, and {most} are allowed",
        measured.kms
    );
}
