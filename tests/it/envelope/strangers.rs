//! Uploads that somebody else has begun to the same key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use tokio::runtime::Handle;

use super::*;
use crate::proxy::{Proxy, Trouble, is_beginning};

/// More than S3 lists on a page.
const MANY: usize = 1005;

async fn begin(s3: &aws_sdk_s3::Client) -> String {
    let begun = s3.create_multipart_upload().bucket(BUCKET).key("data.bin").send().await;
    begun.unwrap().upload_id.unwrap()
}

async fn open_to(world: &World) -> Vec<String> {
    let mut pages = world.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    let mut ids = Vec::new();
    loop {
        ids.extend(
            pages
                .uploads()
                .iter()
                .map(|upload| upload.upload_id().unwrap().to_owned()),
        );
        let Some(key) = pages.next_key_marker.take() else {
            ids.sort();
            return ids;
        };
        let next = world.s3.list_multipart_uploads().bucket(BUCKET).key_marker(key);
        let next = next.set_upload_id_marker(pages.next_upload_id_marker.take());
        pages = next.send().await.unwrap();
    }
}

/// Encrypts while the answer to the first call that begins an upload is lost; `meanwhile` happens during that call.
async fn encrypted_with_a_lost_answer(world: &World, meanwhile: impl AsyncFn() + Send + Sync + 'static) {
    let source = world.write("data.bin", &noise(8 * MIB));
    let (runtime, is_first) = (Handle::current(), AtomicBool::new(true));
    let proxy = Proxy::start(&world.sandbox, move |seen| {
        if is_beginning(seen.line) && is_first.swap(false, Ordering::SeqCst) {
            runtime.block_on(meanwhile());
            return Trouble::LostAnswer;
        }
        Trouble::None
    });
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_beginning_was_not_answered_is_aborted_and_those_of_others_are_not() {
    let world = World::start().await;
    let mut others = Vec::new();
    for _ in 0..MANY {
        others.push(begin(&world.s3).await);
    }
    let meanwhile = Arc::new(std::sync::Mutex::new(String::new()));
    let (s3, noted) = (world.s3.clone(), Arc::clone(&meanwhile));
    encrypted_with_a_lost_answer(&world, async move || {
        let id = begin(&s3).await;
        let part = s3
            .upload_part()
            .bucket(BUCKET)
            .key("data.bin")
            .upload_id(&id)
            .part_number(1);
        part.body(ByteStream::from_static(b"theirs")).send().await.unwrap();
        *noted.lock().unwrap() = id;
    })
    .await;
    others.push(meanwhile.lock().unwrap().clone());
    others.sort();
    assert!(open_to(&world).await == others);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_cannot_be_told_whose_an_upload_is_it_is_left_alone() {
    let world = World::start().await;
    let s3 = world.s3.clone();
    encrypted_with_a_lost_answer(&world, async move || drop(begin(&s3).await)).await;
    // Theirs, and the one that was not answered.
    assert_eq!(open_to(&world).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_began_in_the_moment_of_a_kill_is_aborted_by_the_next_run() {
    let world = World::start().await;
    let source = world.write("data.bin", &noise(8 * MIB));
    for further in [None, Some("--no-resume")] {
        let proxy = Proxy::start(&world.sandbox, |seen| {
            if is_beginning(seen.line) {
                Trouble::StallMidway
            } else {
                Trouble::None
            }
        });
        let arguments = world.encrypting(&source, "s3://training-bucket/");
        let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
        while world.open_uploads().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.kill().await.unwrap();
        // It goes on at the very endpoint, as far as it can tell.
        proxy.calm_down();
        let theirs = begin(&world.s3).await;
        let part = world
            .s3
            .upload_part()
            .bucket(BUCKET)
            .key("data.bin")
            .upload_id(&theirs)
            .part_number(1);
        part.body(ByteStream::from_static(b"theirs")).send().await.unwrap();
        let arguments: Vec<_> = arguments.into_iter().chain(further).collect();
        good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
        assert_eq!(open_to(&world).await, std::slice::from_ref(&theirs));
        let abort = world
            .s3
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key("data.bin")
            .upload_id(theirs);
        abort.send().await.unwrap();
        world
            .s3
            .delete_object()
            .bucket(BUCKET)
            .key("data.bin")
            .send()
            .await
            .unwrap();
    }
}
