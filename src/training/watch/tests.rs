use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::training::cover::Covers;
use crate::training::job::Job;
use crate::training::workspace::Workspace;

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

#[test]
fn a_new_folder_is_left_alone_until_there_is_a_file_in_it_or_nobody_makes_folders_in_it() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("input/config");
    fs::create_dir_all(&config).unwrap();
    let hyperparameters = r#"{"strongroom_plaintext": "volume"}"#;
    fs::write(config.join("hyperparameters.json"), hyperparameters).unwrap();
    let job = Job::read(root.path()).unwrap();
    let workspace = Workspace::create(&job, 0).unwrap();
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    let watch = Watch::begin(covers.of_outputs(), root.path().join("public"), Taken::default()).unwrap();
    let model = job.model_dir();
    for round in 0..10 {
        fs::remove_file(&model).unwrap();
        fs::create_dir(&model).unwrap();
        // As mkdir -p does, which opens what it has made.
        let made = File::open(&model).unwrap();
        let deep = model.join("a").join("b");
        fs::create_dir_all(&deep).unwrap();
        assert!(
            made.metadata().unwrap().is_dir() && !model.is_symlink(),
            "round {round}"
        );
        fs::write(deep.join("f"), "plaintext").unwrap();
        until("with a file in it", || model.is_symlink());
        assert_eq!(fs::read_to_string(deep.join("f")).unwrap(), "plaintext");
    }
    fs::remove_file(&model).unwrap();
    fs::create_dir_all(model.join("empty")).unwrap();
    until("without one", || model.is_symlink());
    fs::write(model.join("empty/first"), "plaintext").unwrap();
    assert!(
        fs::symlink_metadata(workspace.model().join("empty/first"))
            .unwrap()
            .is_file()
    );
    drop(watch);
    covers.take_down().unwrap();
}
