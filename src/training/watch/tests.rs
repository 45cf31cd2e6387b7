#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;

/// Waits for what the kernel tells of at once.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

fn content(taken: &Taken, name: &str) -> Option<String> {
    let held = taken.lock();
    let held = held.iter().find(|held| held.name == name)?;
    let mut file =
        fs::File::open(Path::new("/proc/self/fd").join(std::os::fd::AsRawFd::as_raw_fd(&held.file).to_string()))
            .unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    Some(text)
}

#[test]
fn what_is_written_into_the_public_folder_loses_its_name_there_and_tokens_and_bundles_keep_theirs() {
    let root = tempfile::tempdir().unwrap();
    let public = root.path().join("public");
    let token = "gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let bundle = r#"{"version": 2, "kms_key_id": "", "data_key": "", "files": []}"#;
    let taken = Taken::default();
    // It is made later, as a script may do.
    let watch = Watch::begin(Vec::new(), public.clone(), taken.clone()).unwrap();
    fs::create_dir_all(public.join("deep")).unwrap();
    fs::write(public.join("deep/early"), "plaintext").unwrap();
    until("in a folder that was made with it", || {
        !public.join("deep/early").exists()
    });
    for (name, text) in [("token", token), ("strongroom.json", bundle)] {
        fs::write(root.path().join(name), text).unwrap();
        fs::rename(root.path().join(name), public.join(name)).unwrap();
    }
    let mut file = fs::File::create(public.join("plain")).unwrap();
    file.write_all(b"begun, ").unwrap();
    until("a file that is being written", || !public.join("plain").exists());
    file.write_all(b"and written on").unwrap();
    assert_eq!(content(&taken, "plain").as_deref(), Some("begun, and written on"));
    fs::write(root.path().join("moved"), "plaintext").unwrap();
    fs::rename(root.path().join("moved"), public.join("deep/moved")).unwrap();
    until("what was moved there", || content(&taken, "deep/moved").is_some());
    // Written over a token.
    fs::write(public.join("token"), "plaintext").unwrap();
    until("what was a token", || content(&taken, "token").is_some());
    drop(watch);
    let left: Vec<_> = fs::read_dir(&public)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(fs::read_to_string(public.join("strongroom.json")).unwrap(), bundle);
}
