//! The folder of a world.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::counters::{self, job};
use super::process::World;
use super::rounds;

#[test]
fn a_job_runs_in_a_world_whose_folder_was_named_relative_to_where_it_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start_in("world".as_ref(), folder.path()).unwrap();
    let mut client = world.client();
    counters::prepare(&mut client);
    client.s3("PUT", "/counters/data/a.txt", b"a").unwrap();
    let mut request = job("relative", "model");
    request["InputDataConfig"] = json!([{
        "ChannelName": "train",
        "DataSource": { "S3DataSource": { "S3DataType": "S3Prefix", "S3Uri": "s3://counters/data/" } },
    }]);
    let answer = client.json("sagemaker", "CreateTrainingJob", &request).unwrap();
    assert!(answer.is_good(), "{}", answer.text());
    let job = counters::ended(&mut client, "relative");
    assert_eq!(job["TrainingJobStatus"], "Completed", "{job}");
    assert!(folder.path().join("world/world.redb").is_file());
}

#[test]
fn an_empty_file_in_the_worlds_place_is_refused_and_no_object_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("world");
    let world = World::start(&dir).unwrap();
    counters::prepare(&mut world.client());
    world.client().s3("PUT", "/counters/kept", b"kept").unwrap();
    world.kill();
    let whole = fs::read(dir.join("world.redb")).unwrap();
    fs::write(dir.join("world.redb"), b"").unwrap();
    let why = World::start(&dir).err().expect("an empty file is no world");
    assert!(why.contains("refused:") && why.contains("world.redb"), "{why}");
    assert_eq!(fs::read(dir.join("world.redb")).unwrap(), b"");
    fs::write(dir.join("world.redb"), whole).unwrap();
    let world = World::start(&dir).unwrap();
    assert_eq!(world.client().s3("GET", "/counters/kept", b"").unwrap().body, b"kept");
}

#[test]
fn a_world_whose_first_start_was_killed_at_any_moment_starts_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut unborn = 0;
    for round in 0..rounds(10, 100) {
        let dir = folder.path().join(round.to_string());
        World::kill_within(&dir, Duration::from_millis(fastrand::u64(5..80)));
        unborn += usize::from(dir.exists() && !dir.join("world.redb").exists());
        let world = World::start(&dir).unwrap();
        counters::prepare(&mut world.client());
    }
    eprintln!("{unborn} of them before they were worlds");
}

/// Names, lengths and bytes of everything in a folder.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_world_that_is_damaged_anywhere_is_refused_in_words_and_nothing_in_its_folder_changes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("world");
    let world = World::start(&dir).unwrap();
    let mut client = world.client();
    let key = counters::prepare(&mut client);
    counters::ended(&mut client, "counter");
    for number in 1..20 {
        for counter in counters::ALL {
            assert!(counter.write(&mut client, &key, number).unwrap().is_good());
        }
    }
    world.kill();
    let file = dir.join("world.redb");
    let whole = fs::read(&file).unwrap();
    let body = fs::read_dir(dir.join("objects"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut dice = fastrand::Rng::with_seed(13);
    let mut refused = 0;
    for round in 0..rounds(12, 300) {
        let mut bytes = whole.clone();
        match round % 4 {
            // Of a file that a kill left as it was, most pages are of no commit any more.
            0 => (0..200).for_each(|_| bytes[dice.usize(..whole.len())] ^= 1 << dice.u8(..8)),
            1 => bytes[dice.usize(..320)] ^= 1 << dice.u8(..8),
            2 => bytes.truncate(dice.usize(..whole.len())),
            _ => fs::rename(&body, folder.path().join("body")).unwrap(),
        }
        fs::write(&file, &bytes).unwrap();
        let before = everything(&dir);
        match World::start(&dir) {
            Ok(world) => {
                assert!(round % 4 < 2, "round {round} was let through");
                world.kill();
            }
            Err(why) => {
                refused += 1;
                assert!(
                    why.contains("refused: cannot use") && why.contains("nothing was touched"),
                    "{why}"
                );
                assert!(!why.contains("panicked"), "{why}");
                assert!(everything(&dir) == before, "round {round}: the folder was touched");
            }
        }
        if round % 4 == 3 {
            fs::rename(folder.path().join("body"), &body).unwrap();
        }
    }
    assert!(refused >= rounds(12, 300) / 2, "{refused}");
    fs::write(&file, whole).unwrap();
    let world = World::start(&dir).unwrap();
    assert_eq!(counters::Counter::S3.read(&mut world.client(), &key).unwrap(), 19);
}
