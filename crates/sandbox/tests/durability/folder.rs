//! The folder of a world.

use serde_json::json;

use super::counters::{self, job};
use super::process::World;

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
    let whole = std::fs::read(dir.join("world.redb")).unwrap();
    std::fs::write(dir.join("world.redb"), b"").unwrap();
    let why = World::start(&dir).err().expect("an empty file is no world");
    assert!(why.contains("refused:") && why.contains("world.redb"), "{why}");
    assert_eq!(std::fs::read(dir.join("world.redb")).unwrap(), b"");
    std::fs::write(dir.join("world.redb"), whole).unwrap();
    let world = World::start(&dir).unwrap();
    assert_eq!(world.client().s3("GET", "/counters/kept", b"").unwrap().body, b"kept");
}
