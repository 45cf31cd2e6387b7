//! `strongroom start`: jobs of several channels and hosts, with the image's command or another, followed to their end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::place::Place;

pub(super) const BUCKET: &str = "sagemaker-start";
pub(super) const TRAIN: &str = "train=s3://sagemaker-start/data/train/";

/// A world with a key, a bucket, a role, and two folders of encrypted files; with a grant if it says so.
pub(super) fn ready(is_granted: bool) -> Place {
    let place = Place::with(|options| {
        options.stop_grace = Duration::from_secs(2);
        options.images = vec![("exits-9".to_owned(), "exit 9".to_owned())];
    });
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    for (folder, names) in [
        ("train", ["a.csv", "b.csv", "c.csv"].as_slice()),
        ("held-out", &["d.csv"]),
    ] {
        for name in names {
            let path = place.write(
                &format!("{folder}/{name}"),
                format!("x,y\n1,2\n2,4\n3,{}\n", name.len()),
            );
            let to = format!("s3://{BUCKET}/data/{folder}/");
            let path = path.to_str().unwrap();
            place.run(&["encrypt", path, &to, "--key", "alias/training"]).ok();
        }
    }
    let role_arn = place.role("trainer", BUCKET);
    if is_granted {
        place.grant(&key_arn, &role_arn);
    }
    place
}

pub(super) fn start(place: &Place, image: &str, more: &[&str]) -> crate::place::Done {
    let begin = ["start", image, "--role", "trainer", "--name", "job-1"];
    place.run(&[&begin, more].concat())
}

pub(super) fn describe(
    place: &Place,
) -> aws_sdk_sagemaker::operation::describe_training_job::DescribeTrainingJobOutput {
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    place
        .wait(sagemaker.describe_training_job().training_job_name("job-1").send())
        .unwrap()
}

pub(super) fn manifest(place: &Place) -> Value {
    let key = ".strongroom/manifests/job-1.json";
    let answer = place
        .wait(place.s3().get_object().bucket(BUCKET).key(key).send())
        .unwrap();
    serde_json::from_slice(&place.wait(answer.body.collect()).unwrap().into_bytes()).unwrap()
}

#[test]
fn a_job_of_two_channels_is_started_and_followed_to_its_end() {
    let place = ready(true);
    let held_out = "held-out=s3://sagemaker-start/data/held-out/d.csv";
    let told = start(
        &place,
        "image",
        &[
            "--channel",
            TRAIN,
            "--channel",
            held_out,
            "--hp",
            "epochs=3",
            "--hp",
            "seed=7",
            "--wait",
            "--json",
        ],
    )
    .ok()
    .json();
    assert_eq!(told[0], json!({ "event": "started", "job": "job-1" }));
    let last = told.iter().rev().find(|news| news["event"] == "status").unwrap();
    assert_eq!(last["status"], "Completed", "{told:?}");

    let manifest = manifest(&place);
    let files = |channel: &str| -> Vec<String> {
        let files = manifest["channels"][channel]["files"].as_object().unwrap();
        files.keys().cloned().collect()
    };
    assert_eq!(files("train"), ["a.csv", "b.csv", "c.csv"]);
    assert_eq!(files("held-out"), ["d.csv"]);
    assert_eq!(manifest["channels"]["held-out"]["prefix"], "data/held-out/");
    let job = describe(&place);
    let parameters = job.hyper_parameters().unwrap();
    assert_eq!((&*parameters["epochs"], &*parameters["seed"]), ("3", "7"));
    assert_eq!(job.input_data_config().len(), 2);
}

#[test]
fn a_command_runs_inside_strongroom_in_place_of_the_images_own() {
    let place = ready(true);
    let script = "cat \"$SM_CHANNEL_TRAIN\"/*.csv > \"$SM_MODEL_DIR\"/all; echo \"$0\" \"$1\"";
    let done = start(
        &place,
        "exits-9",
        &[
            "--channel",
            TRAIN,
            "--wait",
            "--",
            "sh",
            "-c",
            script,
            "one",
            "two words",
        ],
    )
    .ok();
    assert!(done.out.starts_with("job-1: started\n"), "{done:?}");
    assert!(done.out.contains("one two words"), "{done:?}");
    let algorithm = describe(&place).algorithm_specification().unwrap().clone();
    assert_eq!(algorithm.container_entrypoint(), ["strongroom", "train", "--"]);
    assert_eq!(algorithm.container_arguments().first().map(String::as_str), Some("sh"));
    let model = format!("s3://{BUCKET}/output/job-1/output/model.tar.gz");
    place.run(&["decrypt", &model, "-o", "model"]).ok();
    let all = std::fs::read_to_string(place.path("model/all")).unwrap();
    assert_eq!(all.matches("x,y\n").count(), 3, "{all}");
}

#[test]
fn a_sharded_channel_gives_each_of_several_hosts_its_part() {
    let place = ready(true);
    let sharded = format!("{TRAIN},sharded");
    let script = "for file in \"$SM_CHANNEL_TRAIN\"/*; do echo \"$SM_CURRENT_HOST has ${file##*/}\"; done";
    let told = start(
        &place,
        "exits-9",
        &[
            "--channel",
            &sharded,
            "--instances",
            "2",
            "--wait",
            "--json",
            "--",
            "sh",
            "-c",
            script,
        ],
    )
    .ok()
    .json();
    let mut lines: Vec<&str> = told.iter().filter_map(|news| news["text"].as_str()).collect();
    lines.retain(|line| line.contains(" has "));
    lines.sort_unstable();
    assert_eq!(lines, ["algo-1 has a.csv", "algo-1 has c.csv", "algo-2 has b.csv"]);
    let streams = told.iter().filter_map(|news| news["stream"].as_str());
    let hosts: std::collections::BTreeSet<&str> = streams.map(|name| &name[..12]).collect();
    assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["job-1/algo-1", "job-1/algo-2"]);
}

#[test]
fn a_job_that_fails_fails_the_command_that_waits_for_it_with_its_reason() {
    let place = ready(false);
    start(&place, "image", &["--channel", TRAIN]).ok();
    place.run(&["watch", "job-1"]).failed(1, &["kms:Decrypt"]);
    let again = [
        "start",
        "image",
        "--role",
        "trainer",
        "--name",
        "job-2",
        "--channel",
        TRAIN,
        "--wait",
    ];
    place.run(&again).failed(1, &["train job-2", "kms:Decrypt"]);
}

#[test]
fn what_is_no_job_is_refused_before_anything_is_written() {
    let place = ready(true);
    let long = "x".repeat(257);
    for (more, status, words) in [
        (
            &["--channel", "train=data/"][..],
            2,
            &["--channel", "s3://BUCKET/PREFIX/"][..],
        ),
        (&["--channel", "train=s3://sagemaker-start"], 1, &["whole bucket"]),
        (
            &["--channel", TRAIN, "--channel", TRAIN],
            1,
            &["two channels have the name train"],
        ),
        (
            &["--channel", "strongroom=s3://sagemaker-start/data/train/"],
            1,
            &["`strongroom`"],
        ),
        (&["--channel", "a/b=s3://sagemaker-start/data/train/"], 1, &["a/b"]),
        (
            &["--channel", TRAIN, "--hp", "a=1", "--hp", "a=2"],
            2,
            &["--hp", "`a` is given twice"],
        ),
        (&["--channel", TRAIN, "--", &long], 1, &["256 characters"]),
        (
            &["--channel", "train=s3://sagemaker-start/data/none/"],
            1,
            &["nothing under"],
        ),
        (&["--channel", TRAIN, "--read-only"], 1, &["read-only"]),
    ] {
        start(&place, "image", more).failed(status, words);
    }
    let missing = ["start", "image", "--role", "nobody", "--channel", TRAIN];
    place.run(&missing).failed(1, &["nobody"]);
    let listed = place.wait(
        place
            .s3()
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(".strongroom/manifests/")
            .send(),
    );
    assert_eq!(listed.unwrap().key_count(), Some(0));
}

#[test]
fn what_the_configuration_says_of_jobs_holds_for_those_of_the_command_line() {
    let place = ready(true);
    place.write(
        ".config/strongroom/config.toml",
        "[jobs]\nsubnets = ['subnet-1']\nsecurity-groups = ['sg-1']\ntags = { team = 'blue' }\nspot = 900\n",
    );
    start(&place, "image", &["--channel", TRAIN, "--max-runtime", "600"]).ok();
    let job = describe(&place);
    assert_eq!(job.vpc_config().unwrap().subnets(), ["subnet-1"]);
    assert_eq!(job.enable_managed_spot_training(), Some(true));
    let stopping = job.stopping_condition().unwrap();
    assert_eq!(stopping.max_wait_time_in_seconds(), Some(900));
    assert_eq!(stopping.max_runtime_in_seconds(), Some(600));
}

#[test]
fn the_container_asks_the_bucket_on_the_terms_of_whoever_started_the_job() {
    let place = ready(true);
    let own = "[uploads.'sagemaker-*']\nexpected-owner = '111122223333'\nrequester-pays = true\n";
    let own = place.write("own.toml", own);
    let options = ["--channel", TRAIN, "--wait", "--config", own.to_str().unwrap()];
    start(&place, "image", &options).ok();
    let first = describe(&place);
    let mut hyperparameters = first.hyper_parameters.clone().unwrap();
    assert_eq!(hyperparameters["strongroom_requester_pays"], "true");
    let owner = hyperparameters.insert("strongroom_bucket_owner".to_owned(), "999988887777".to_owned());
    assert_eq!(owner.as_deref(), Some("111122223333"));

    // The same job, for a bucket that should be another account's.
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    let again = sagemaker
        .create_training_job()
        .training_job_name("job-2")
        .set_hyper_parameters(Some(hyperparameters))
        .set_algorithm_specification(first.algorithm_specification)
        .set_role_arn(first.role_arn)
        .set_input_data_config(first.input_data_config)
        .set_output_data_config(first.output_data_config)
        .set_resource_config(first.resource_config)
        .set_stopping_condition(first.stopping_condition);
    place.wait(again.send()).unwrap();
    let ended = place.run(&["watch", "job-2"]);
    assert_ne!(ended.status, 0, "{ended:?}");
    let said = ended.out + &ended.err;
    assert!(said.contains("not of the account 999988887777"), "{said}");
}
