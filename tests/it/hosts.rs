//! Jobs of four hosts through the whole program: every host's shard of the model opens, and when one host dies the job fails
//! with its name and leaves nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use strongroom::actions;
use strongroom::domain::GrantSpec;

use crate::place::{Done, Place};
use crate::walk::BUCKET;

const FILES: usize = 400;

/// A world with as many files in `data/parts/`, and a role with a grant.
pub(crate) fn ready(files: usize) -> Place {
    let place = Place::with(|options| options.stop_grace = Duration::from_secs(5));
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    let folder = place.path("parts");
    fs::create_dir(&folder).unwrap();
    for number in 0..files {
        fs::write(folder.join(format!("part-{number:03}")), format!("part {number:03}\n")).unwrap();
    }
    let to = format!("s3://{BUCKET}/data/parts/");
    place
        .run(&["encrypt", folder.to_str().unwrap(), &to, "--key", &key_arn])
        .ok();
    let role_arn = place.role("trainer", BUCKET);
    let mut grant = GrantSpec::for_job(&key_arn, &role_arn, "job-1");
    grant.operations.push("GenerateDataKey".to_owned());
    place.wait(actions::grant(&place.aws, &grant)).unwrap();
    place
}

/// Runs a script on four hosts, each with its part of the files and a new data key for what it writes.
pub(crate) fn on_four(place: &Place, script: &str) -> Done {
    let channel = format!("train=s3://{BUCKET}/data/parts/,sharded");
    let more = ["--hp", "strongroom_model_key=new", "--wait", "--", "sh", "-c", script];
    let begin = [
        "start",
        "image",
        "--role",
        "trainer",
        "--name",
        "job-1",
        "--instances",
        "4",
    ];
    place.run(&[&begin[..], &["--channel", &channel], &more].concat())
}

#[test]
fn four_hosts_write_a_model_shard_each_under_a_data_key_each_and_all_of_it_opens() {
    let place = ready(FILES);
    let script = "mkdir \"$SM_MODEL_DIR\"/shards; cat \"$SM_CHANNEL_TRAIN\"/* > \"$SM_MODEL_DIR\"/shards/$SM_CURRENT_HOST; \
                  echo shard written";
    let done = on_four(&place, script).ok();
    for host in 1..=4 {
        assert!(
            done.out.contains(&format!("  algo-{host}: shard written")),
            "{}",
            done.out
        );
    }
    let model = format!("s3://{BUCKET}/output/job-1/output/model.tar.gz");
    place.run(&["decrypt", &model, "-o", "model"]).ok();
    let mut parts = Vec::new();
    for host in 1..=4 {
        let shard = fs::read_to_string(place.path(&format!("model/shards/algo-{host}"))).unwrap();
        assert_eq!(shard.lines().count(), FILES / 4);
        parts.extend(shard.lines().map(str::to_owned));
    }
    let parts: BTreeSet<String> = parts.into_iter().collect();
    assert_eq!(parts.len(), FILES);
    place.run(&["verify", &model]).ok();
    let verdicts = place.run(&["verify", &model, "--json"]).ok().json();
    assert_eq!(verdicts[0]["intact"], true, "{verdicts:?}");
}

/// Two of the hosts wait, one dies so, and the folders of all are told.
fn dies(how: &str, seconds: u32) -> String {
    format!(
        "echo folders $STRONGROOM_ML_ROOT $STRONGROOM_MEMORY_ROOT; cat \"$SM_CHANNEL_TRAIN\"/* > \"$SM_MODEL_DIR\"/shard; \
         case $SM_CURRENT_HOST in algo-3) {how};; esac; sleep {seconds}"
    )
}

/// Whether a process with such an argument runs anywhere here.
fn runs(argument: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
}

fn left_nothing(place: &Place, done: &Done, seconds: u32) {
    let folders: BTreeSet<&str> = done
        .out
        .lines()
        .filter_map(|line| line.split_once("folders "))
        .flat_map(|(_, folders)| folders.split(' '))
        .collect();
    // Others may have been stopped before they came to say theirs.
    assert!(folders.len() >= 2, "{}", done.out);
    for folder in folders {
        assert!(!Path::new(folder).exists(), "{folder}");
    }
    assert!(!runs(&seconds.to_string()));
    let left = place.objects(BUCKET);
    assert!(!left.iter().any(|key| key.contains("job-1/output")), "{left:?}");
}

#[test]
fn when_the_program_of_one_host_is_killed_the_job_fails_with_the_hosts_name_and_leaves_nothing() {
    let place = ready(8);
    let done = on_four(&place, &dies("kill -9 $$", 98_761));
    assert_eq!(done.status, 1, "{done:?}");
    for said in ["algo-3: sh was ended by signal 9", "train job-1"] {
        assert!(done.err.contains(said), "{done:?}");
    }
    left_nothing(&place, &done, 98_761);
}

#[test]
fn when_one_host_is_killed_altogether_the_job_fails_with_the_signal_and_leaves_nothing() {
    let place = ready(8);
    let done = on_four(&place, &dies("kill -9 $PPID", 98_762));
    assert_eq!(done.status, 1, "{done:?}");
    assert!(
        done.err.contains("exit code 137 (signal 9), and left no message"),
        "{done:?}"
    );
    left_nothing(&place, &done, 98_762);
}
