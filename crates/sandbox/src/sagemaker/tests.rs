use std::path::{Path, PathBuf};

use super::channel::relative;
use super::request::Training;
use super::*;
use crate::Options;
use crate::iam::EntityKind;
use crate::identity::ACCOUNT;
use crate::s3::About;

mod hosts;
mod processing;
mod requests;
mod spot;

const IMAGE: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/example-image:latest";

pub(super) fn body(name: &str) -> Value {
    json!({
        "TrainingJobName": name,
        "HyperParameters": { "train_file": "x" },
        "AlgorithmSpecification": { "TrainingImage": IMAGE, "TrainingInputMode": "File" },
        "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/example-role"),
        "InputDataConfig": [{
            "ChannelName": "train",
            "DataSource": { "S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": "s3://sagemaker-b/data", "S3DataDistributionType": "FullyReplicated"
            } }
        }],
        "OutputDataConfig": { "S3OutputPath": "s3://sagemaker-b/output" },
        "ResourceConfig": { "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10 },
        "StoppingCondition": { "MaxRuntimeInSeconds": 120 },
    })
}

/// A world whose one image runs `command`.
pub(super) fn world(command: &str) -> Arc<World> {
    world_with(command, 120)
}

/// The same, with so many seconds between SIGTERM and SIGKILL.
fn world_with(command: &str, grace: u64) -> Arc<World> {
    world_of(Options {
        stop_grace: Duration::from_secs(grace),
        images: vec![(IMAGE.to_owned(), command.to_owned())],
        ..Options::default()
    })
}

fn world_of(options: Options) -> Arc<World> {
    let world = Arc::new(World::scratch(options));
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": SERVICE }, "Action": "sts:AssumeRole"
    }] });
    {
        let mut iam = world.iam(ACCOUNT);
        iam.create_role("example-role", "/", trust.into(), "").unwrap();
        let policy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
        iam.attach(EntityKind::Role, "example-role", policy).unwrap();
    }
    world.s3.create_bucket("sagemaker-b", &world.home).unwrap();
    put(&world, "sagemaker-b", "data/x");
    world
}

fn put(world: &World, bucket: &str, key: &str) {
    world.s3.put_bytes(bucket, key, b"bytes", About::default()).unwrap();
}

fn jobs(world: &World) -> &Book {
    world.at(&world.home).sagemaker.of(Kind::Training)
}

/// What is found, as soon as it is there.
async fn once<T>(find: impl Fn() -> Option<T>) -> T {
    for _ in 0..6000 {
        if let Some(found) = find() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("what is waited for does not come");
}

async fn until(is_so: impl Fn() -> bool) {
    once(|| is_so().then_some(())).await;
}

async fn over(book: &Book, name: &str) -> Value {
    let end = book.kind.member("EndTime");
    once(|| Some(book.describe(name).unwrap()).filter(|job| job.get(&end).is_some())).await
}

pub(super) async fn finished(world: &Arc<World>, name: &str) -> Value {
    over(jobs(world), name).await
}

pub(super) async fn ended(world: &Arc<World>, body: &Value) -> Value {
    create_unasked(world, body).unwrap();
    finished(world, body["TrainingJobName"].as_str().unwrap()).await
}

/// A job that must end well.
pub(super) async fn completed(world: &Arc<World>, body: &Value) -> Value {
    let job = ended(world, body).await;
    assert_eq!(job["TrainingJobStatus"], "Completed", "{job}");
    job
}

fn reason(job: &Value) -> &str {
    job["FailureReason"].as_str().unwrap()
}

/// The folder of the job that has made a file `up`, once it has.
pub(super) async fn up(world: &World) -> PathBuf {
    once(|| {
        let folders = std::fs::read_dir(world.root.join("jobs")).into_iter();
        let mut folders = folders.flatten().flatten().map(|folder| folder.path());
        folders.find(|folder| folder.join("up").exists())
    })
    .await
}

/// How many processes of the job in this folder run, wherever they have gone.
pub(super) fn processes(root: &Path) -> usize {
    let own = format!("STRONGROOM_ML_ROOT={}", root.display());
    let is_own = |environ: Vec<u8>| {
        let mut variables = environ.split(|byte| *byte == 0);
        variables.any(|variable| variable == own.as_bytes())
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter(|process| std::fs::read(process.path().join("environ")).is_ok_and(is_own))
        .count()
}

/// An object's bytes as a text.
fn text(world: &World, key: &str) -> String {
    let object = world.s3.object("sagemaker-b", key).unwrap();
    std::io::read_to_string(object.body.reader()).unwrap()
}

/// The files of a job's model, by name.
fn models(world: &World, job: &str) -> Vec<(String, String)> {
    let key = format!("output/{job}/output/model.tar.gz");
    let object = world.s3.object("sagemaker-b", &key).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(object.body.reader()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        (name, std::io::read_to_string(&mut entry).unwrap())
    });
    entries.collect()
}

/// The text of the one file in a job's model.
pub(super) fn model(world: &World, job: &str) -> String {
    models(world, job).remove(0).1
}

fn is_swept(world: &World) -> bool {
    std::fs::read_dir(world.root.join("jobs")).is_ok_and(|mut left| left.next().is_none())
}

#[tokio::test]
async fn a_job_of_an_image_that_no_command_stands_for_fails_and_says_so() {
    let world = world("true");
    let mut body = body("unnamed");
    body["AlgorithmSpecification"]["TrainingImage"] = json!("nobodys-image:1");
    let job = ended(&world, &body).await;
    let words = "no command stands for the image nobodys-image:1";
    assert!(reason(&job).contains(words), "{job}");
}

#[test]
fn a_prefix_may_be_a_folder_a_whole_key_or_end_within_a_name() {
    for (prefix, key, name) in [
        ("data", "data/x", "x"),
        ("data/", "data/x/y", "x/y"),
        ("data/x", "data/x", "x"),
        ("", "data/x", "data/x"),
        ("data/a_chunk", "data/a_chunk_of_secrets", "a_chunk_of_secrets"),
    ] {
        assert_eq!(relative(prefix, key), name, "{prefix}");
    }
}

#[tokio::test]
async fn a_job_reads_its_channel_writes_its_model_and_logs_its_lines() {
    let world = world("echo loss=0.25; cp input/data/train/x model/model.bin; test \"$(stat -c %a .)\" = 700");
    let mut body = body("job-1");
    body["AlgorithmSpecification"]["MetricDefinitions"] = json!([{ "Name": "loss", "Regex": "loss=([0-9.]+)" }]);
    let job = completed(&world, &body).await;
    let transitions = job["SecondaryStatusTransitions"].as_array().unwrap();
    let phases: Vec<&Value> = transitions.iter().map(|transition| &transition["Status"]).collect();
    let expected = ["Starting", "Downloading", "Training", "Uploading", "Completed"];
    assert_eq!(phases, expected);
    assert_eq!(job["FinalMetricDataList"][0]["Value"], 0.25);
    let model = "s3://sagemaker-b/output/job-1/output/model.tar.gz";
    assert_eq!(job["ModelArtifacts"]["S3ModelArtifacts"], model);
    assert_eq!(models(&world, "job-1"), [("model.bin".to_owned(), "bytes".to_owned())]);
    world.end_jobs().await;
    assert!(is_swept(&world));
    world.stop().await;
    assert!(!world.root.exists());
}

#[tokio::test]
async fn a_failed_command_leaves_its_reason_and_its_status() {
    let world = world("echo it broke > output/failure; exit 3");
    let job = ended(&world, &body("job-1")).await;
    assert_eq!(job["TrainingJobStatus"], "Failed");
    assert_eq!(job["FailureReason"], "AlgorithmError: it broke, exit code: 3");
}

#[tokio::test]
async fn a_channel_that_the_role_may_not_read_fails_the_download() {
    let world = world("true");
    world.s3.create_bucket("private", &world.home).unwrap();
    put(&world, "private", "data/x");
    let mut body = body("job-1");
    body["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = json!("s3://private/data");
    let job = ended(&world, &body).await;
    let words = "ClientError: Data download failed: AccessDenied (403)";
    assert!(reason(&job).starts_with(words), "{job}");
    assert!(reason(&job).contains("s3:GetObject"), "{job}");
}

#[tokio::test]
async fn a_stopped_job_ends_its_whole_process_group() {
    let world = world("sleep 1000 & touch up; wait");
    create_unasked(&world, &body("job-1")).unwrap();
    let root = up(&world).await;
    assert!(processes(&root) >= 2);
    jobs(&world).stop("job-1").unwrap();
    let job = finished(&world, "job-1").await;
    assert_eq!(job["TrainingJobStatus"], "Stopped");
    let again = jobs(&world).stop("job-1").unwrap_err();
    assert_eq!(again.code, "ValidationException");
    assert_eq!(processes(&root), 0);
}

#[tokio::test]
async fn a_stopped_job_may_tidy_up_and_one_that_will_not_end_is_killed() {
    let tidy = world("trap 'echo tidied > model/note; exit 0' TERM; touch up; sleep 1000 & wait");
    let stubborn = world_with("trap '' TERM; touch up; while :; do sleep 0.05; done", 0);
    for (world, leaves_a_model) in [(tidy, true), (stubborn, false)] {
        create_unasked(&world, &body("job-1")).unwrap();
        up(&world).await;
        jobs(&world).stop("job-1").unwrap();
        let job = finished(&world, "job-1").await;
        assert_eq!(job["TrainingJobStatus"], "Stopped");
        assert_eq!(job.get("ModelArtifacts").is_some(), leaves_a_model);
    }
}

#[tokio::test]
async fn an_isolated_job_reaches_nothing_on_the_network() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect =
        format!("bash -c '(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && touch model/reached'; touch model/tried");
    for is_isolated in [false, true] {
        let world = world(&connect);
        let mut body = body("job-1");
        body["EnableNetworkIsolation"] = json!(is_isolated);
        completed(&world, &body).await;
        let names: Vec<String> = models(&world, "job-1").into_iter().map(|(name, _)| name).collect();
        let expected: &[&str] = if is_isolated { &["tried"] } else { &["reached", "tried"] };
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_stopped_and_says_so() {
    let world = world("exec sleep 1000");
    let mut body = body("job-1");
    body["StoppingCondition"]["MaxRuntimeInSeconds"] = json!(1);
    let job = ended(&world, &body).await;
    assert_eq!(job["TrainingJobStatus"], "Stopped");
    assert_eq!(job["SecondaryStatus"], "MaxRuntimeExceeded");
}

#[tokio::test]
async fn the_end_of_the_world_ends_its_jobs_and_sweeps_their_folders() {
    let world = world("exec sleep 1000");
    create_unasked(&world, &body("job-1")).unwrap();
    until(|| jobs(&world).describe("job-1").unwrap()["SecondaryStatus"] == "Training").await;
    let minute = Duration::from_secs(60);
    tokio::time::timeout(minute, world.end_jobs()).await.unwrap();
    assert!(is_swept(&world));
}

#[tokio::test]
async fn an_isolated_job_has_no_credentials() {
    let world = world("env > model/env");
    let mut body = body("job-1");
    body["EnableNetworkIsolation"] = json!(true);
    completed(&world, &body).await;
    let text = model(&world, "job-1");
    assert!(text.contains("TRAINING_JOB_NAME=job-1"));
    assert!(!text.contains("AWS_SECRET") && !text.contains("AWS_ENDPOINT"));
}

#[tokio::test]
async fn jobs_are_listed_page_by_page_and_a_status_thins_the_page_out() {
    let world = world("true");
    for name in ["a", "b", "c"] {
        ended(&world, &body(name)).await;
    }
    let mut request = json!({ "SortBy": "Name", "SortOrder": "Descending", "MaxResults": 2 });
    let first = jobs(&world).list(&request).unwrap();
    let names = |page: &Value| -> Vec<String> {
        let rows = page["TrainingJobSummaries"].as_array().unwrap();
        rows.iter()
            .map(|row| row["TrainingJobName"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&first), ["c", "b"]);
    request["NextToken"] = first["NextToken"].clone();
    let second = jobs(&world).list(&request).unwrap();
    assert_eq!(names(&second), ["a"]);
    assert!(second.get("NextToken").is_none());
    let failed = json!({ "MaxResults": 2, "StatusEquals": "Failed" });
    let thin = jobs(&world).list(&failed).unwrap();
    assert!(names(&thin).is_empty());
    assert!(thin.get("NextToken").is_some());
}

#[tokio::test]
async fn a_name_is_used_once_and_a_role_must_trust_the_service() {
    let world = world("true");
    ended(&world, &body("job-1")).await;
    let again = create_unasked(&world, &body("job-1")).unwrap_err();
    assert_eq!(again.code, "ResourceInUse");
    let mut other = body("job-2");
    other["RoleArn"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/nobody"));
    let error = create_unasked(&world, &other).unwrap_err();
    assert!(error.message.starts_with("Could not assume role"), "{error}");
}

#[tokio::test]
async fn checkpoints_are_in_s3_while_the_job_runs_and_there_again_for_the_next() {
    let world = world(
        "[ $TRAINING_JOB_NAME = first ] || [ \"$(cat checkpoints/last)\" = first ] || exit 3; \
         echo $TRAINING_JOB_NAME > checkpoints/last; mkdir -p checkpoints/deep; echo 1 > checkpoints/deep/one; [ $TRAINING_JOB_NAME = first ] || exit 0; sleep 1000",
    );
    let with = |name: &str| {
        let mut body = body(name);
        body["CheckpointConfig"] = json!({ "S3Uri": "s3://sagemaker-b/checkpoints/" });
        body
    };
    create_unasked(&world, &with("first")).unwrap();
    let found = |key: &str| world.s3.find("sagemaker-b", key).unwrap().is_some();
    until(|| found("checkpoints/deep/one") && found("checkpoints/last")).await;
    let first = jobs(&world).describe("first").unwrap();
    assert_eq!(first["TrainingJobStatus"], "InProgress");
    jobs(&world).stop("first").unwrap();
    finished(&world, "first").await;

    let job = completed(&world, &with("second")).await;
    assert_eq!(job["CheckpointConfig"]["S3Uri"], "s3://sagemaker-b/checkpoints/");
    assert_eq!(text(&world, "checkpoints/last"), "second\n");
}

#[tokio::test]
async fn a_job_whose_role_may_not_keep_its_checkpoints_fails() {
    let world = world("echo 1 > checkpoints/one");
    world.s3.create_bucket("elsewhere", &world.home).unwrap();
    let mut body = body("job");
    body["CheckpointConfig"] = json!({ "S3Uri": "s3://elsewhere/checkpoints" });
    let job = ended(&world, &body).await;
    assert_eq!(job["TrainingJobStatus"], "Failed");
    for word in ["AccessDenied", "elsewhere"] {
        assert!(reason(&job).contains(word), "{job}");
    }
    for path in ["/tmp/c", "/opt/ml", "/opt/ml/../c", "/opt/ml/model/c", "checkpoints"] {
        body["CheckpointConfig"] = json!({ "S3Uri": "s3://sagemaker-b/c", "LocalPath": path });
        let refused = Training::parse(&body).unwrap_err().message;
        let words = format!("below /opt/ml only, not in {path}.");
        assert!(refused.contains(&words), "{refused}");
    }
}

#[tokio::test]
async fn checkpoints_are_kept_where_the_job_says_and_no_link_is_followed_from_there() {
    let world = world(
        "[ ! -e checkpoints ] || exit 3; echo own > own/one; mkdir elsewhere; echo plaintext > elsewhere/two; \
         ln -s ../elsewhere/two own/two; ln -s ../elsewhere own/deep; rmdir model && ln -s elsewhere model",
    );
    let mut body = body("job");
    body["CheckpointConfig"] = json!({ "S3Uri": "s3://sagemaker-b/kept", "LocalPath": "/opt/ml/own/" });
    completed(&world, &body).await;
    let found = |key: &str| world.s3.find("sagemaker-b", key).unwrap().is_some();
    assert!(found("kept/one") && !found("kept/two") && !found("kept/deep/two"));
    assert_eq!(models(&world, "job"), []);
}
