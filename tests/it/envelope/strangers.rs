//! Uploads that somebody else has begun to the same key: whatever happens to ours, theirs stay.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

use super::*;
use crate::proxy::{Proxy, Trouble, is_beginning};

async fn begin(s3: &aws_sdk_s3::Client) -> String {
    let begun = s3.create_multipart_upload().bucket(BUCKET).key("data.bin").send().await;
    begun.unwrap().upload_id.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_somebody_else_is_never_aborted_though_one_of_ours_was_not_answered() {
    let world = World::start().await;
    let before = begin(&world.s3).await;
    let source = world.write("data.bin", &noise(8 * MIB));
    let (runtime, is_first, s3) = (Handle::current(), AtomicBool::new(true), world.s3.clone());
    let proxy = Proxy::start(&world.sandbox, move |seen| {
        if is_beginning(seen.line) && is_first.swap(false, Ordering::SeqCst) {
            // They begin in the same moment, and have sent nothing yet.
            runtime.block_on(begin(&s3));
            return Trouble::LostAnswer;
        }
        Trouble::None
    });
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    let left = world.begun().await;
    // Theirs, and the one that nobody heard of; our own is an object now.
    assert_eq!(left.len(), 3);
    assert!(left.contains(&before));
    assert_eq!(world.open_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_while_its_upload_began_is_finished_by_the_next_one() {
    let world = World::start().await;
    let source = world.write("data.bin", &noise(8 * MIB));
    let theirs = begin(&world.s3).await;
    let proxy = Proxy::start(&world.sandbox, |seen| {
        if is_beginning(seen.line) {
            Trouble::StallMidway
        } else {
            Trouble::None
        }
    });
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
    while world.begun().await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.unwrap();
    // It goes on at the very endpoint, as far as it can tell.
    proxy.calm_down();
    let said = good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert_eq!(said[0]["resumed"], true);
    assert!(world.begun().await.contains(&theirs));
    assert!(world.journals().is_empty());
}
