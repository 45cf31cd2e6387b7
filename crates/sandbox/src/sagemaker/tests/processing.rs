//! Processing jobs.

use super::*;
use crate::kms;

/// Where the role of the tests may write, and where inputs are.
fn processing(name: &str) -> Value {
    json!({
        "ProcessingJobName": name,
        "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/example-role"),
        "AppSpecification": { "ImageUri": IMAGE },
        "ProcessingResources": { "ClusterConfig": {
            "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10
        } },
        "ProcessingInputs": [{ "InputName": "data", "S3Input": {
            "S3Uri": "s3://sagemaker-b/data", "LocalPath": "/opt/ml/processing/input/data", "S3DataType": "S3Prefix",
        } }],
        "ProcessingOutputConfig": { "Outputs": [{ "OutputName": "out", "S3Output": {
            "S3Uri": "s3://sagemaker-b/results", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob",
        } }] },
        "Environment": { "GREETING": "hello" },
    })
}

fn of(name: &str, hosts: u64) -> Value {
    let mut body = processing(name);
    body["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = json!(hosts);
    body
}

fn book(world: &World) -> &Book {
    world.at(&world.home).sagemaker.of(Kind::Processing)
}

fn begin(world: &Arc<World>, body: &Value) -> Result<Value, ApiError> {
    let asked = Asked::parse(Kind::Processing, body)?;
    create(world, &world.home, body, asked, BTreeMap::new(), Duration::ZERO)
}

async fn ran(world: &Arc<World>, body: &Value) -> Value {
    begin(world, body).unwrap();
    over(book(world), body["ProcessingJobName"].as_str().unwrap()).await
}

async fn ran_well(world: &Arc<World>, body: &Value) -> Value {
    let job = ran(world, body).await;
    assert_eq!(job["ProcessingJobStatus"], "Completed", "{job}");
    job
}

/// The host's own name, in the shell.
const HOST: &str = "host=$(grep -o '\"current_host\":\"[^\"]*' config/resourceconfig.json | cut -d'\"' -f4);";

#[tokio::test]
async fn a_processing_job_reads_its_inputs_and_uploads_its_outputs_and_its_message() {
    let world = world(
        "cat processing/input/data/x > processing/output/copy; mkdir processing/output/deep; \
         cp config/processingjobconfig.json processing/output/deep/config; echo $GREETING $PROCESSING_JOB_ARN; \
         printf well > output/message",
    );
    let job = ran_well(&world, &processing("job")).await;
    assert_eq!(job["ExitMessage"], "well");
    assert!(job.get("FailureReason").is_none() && job.get("SecondaryStatus").is_none());
    assert_eq!(text(&world, "results/copy"), "bytes");
    let told: Value = serde_json::from_str(&text(&world, "results/deep/config")).unwrap();
    let arn = format!("arn:aws:sagemaker:us-east-1:{ACCOUNT}:processing-job/job");
    assert_eq!(told["ProcessingJobArn"], arn);
    let distribution = &told["ProcessingInputs"][0]["S3Input"]["S3DataDistributionType"];
    assert_eq!(distribution, "FullyReplicated");
    assert_eq!(told["StoppingCondition"]["MaxRuntimeInSeconds"], 86_400);
    let service = Caller::service(SERVICE, &world.home);
    let request = json!({ "logGroupName": "/aws/sagemaker/ProcessingJobs" });
    let logged = crate::logs::call(&world, &service, "FilterLogEvents", &request).unwrap();
    assert_eq!(logged["events"][0]["message"], format!("hello {arn}"));
    let stream = logged["events"][0]["logStreamName"].as_str().unwrap();
    assert!(stream.starts_with("job/algo-1-"), "{stream}");
    world.end_jobs().await;
    assert!(is_swept(&world));
}

#[tokio::test]
async fn each_host_has_its_share_of_the_objects_and_of_what_a_manifest_names() {
    let world = world(&format!(
        "{HOST} for input in part listed; do ls processing/input/$input > processing/output/$host-$input; done; \
         cp config/resourceconfig.json processing/output/$host"
    ));
    for number in 0..7 {
        put(&world, "sagemaker-b", &format!("parts/{number}"));
    }
    let manifest = json!([{ "prefix": "s3://sagemaker-b/parts/" }, "6", "5", "4"]).to_string();
    let kept = world
        .s3
        .put_bytes("sagemaker-b", "manifest", manifest.as_bytes(), About::default());
    kept.unwrap();
    let mut body = of("job", 3);
    let input = |name: &str, uri: &str, kind: &str| {
        json!({ "InputName": name, "S3Input": {
            "S3Uri": uri, "LocalPath": format!("/opt/ml/processing/input/{name}"), "S3DataType": kind,
            "S3DataDistributionType": "ShardedByS3Key", "S3InputMode": "File",
        } })
    };
    body["ProcessingInputs"] = json!([
        input("part", "s3://sagemaker-b/parts/", "S3Prefix"),
        input("listed", "s3://sagemaker-b/manifest", "ManifestFile"),
    ]);
    ran_well(&world, &body).await;
    for (host, parts, listed) in [
        ("algo-1", "0\n3\n6\n", "6\n"),
        ("algo-2", "1\n4\n", "5\n"),
        ("algo-3", "2\n5\n", "4\n"),
    ] {
        let told: Value = serde_json::from_str(&text(&world, &format!("results/{host}"))).unwrap();
        let expected = json!({ "current_host": host, "hosts": ["algo-1", "algo-2", "algo-3"] });
        assert_eq!(told, expected);
        assert_eq!(text(&world, &format!("results/{host}-part")), parts);
        assert_eq!(text(&world, &format!("results/{host}-listed")), listed);
    }
}

#[tokio::test]
async fn a_host_that_fails_ends_the_others_and_says_why() {
    let world = world(&format!(
        "{HOST} if [ $host = algo-2 ]; then echo disk is full > output/message; exit 3; fi; exec sleep 1000"
    ));
    let job = ran(&world, &of("job", 3)).await;
    assert_eq!(job["ProcessingJobStatus"], "Failed");
    assert_eq!(job["FailureReason"], "AlgorithmError: , exit code: 3");
    assert_eq!(job["ExitMessage"], "disk is full\n");
    let listed = book(&world).list(&json!({})).unwrap();
    assert_eq!(listed["ProcessingJobSummaries"][0]["ExitMessage"], "disk is full\n");
    // It has lost what it would have uploaded at its end.
    assert!(world.s3.find("sagemaker-b", "results/copy").unwrap().is_none());
}

#[tokio::test]
async fn a_host_whose_machine_dies_ends_the_job_and_the_next_job_is_whole() {
    let command = "[ -e processing/input/data/x ] && touch up; [ \"$GREETING\" = whole ] || exec sleep 1000";
    let world = world_of(Options {
        images: vec![(IMAGE.to_owned(), command.to_owned())],
        faults: vec!["sagemaker:kill=50ms".parse().unwrap()],
        ..Options::default()
    });
    let job = ran(&world, &of("job", 3)).await;
    assert_eq!(job["ProcessingJobStatus"], "Failed");
    assert!(reason(&job).starts_with("InternalServerError: "), "{job}");
    let service = Caller::service(SERVICE, &world.home);
    crate::trouble::control(&world, &service, &json!({ "faults": [] })).unwrap();
    let mut body = of("again", 3);
    body["Environment"]["GREETING"] = json!("whole");
    ran_well(&world, &body).await;
}

#[tokio::test]
async fn a_process_that_is_killed_fails_the_job_with_its_signal() {
    let world = world(&format!("{HOST} [ $host = algo-1 ] || exec sleep 1000; kill -KILL $$"));
    let job = ran(&world, &of("job", 2)).await;
    assert_eq!(job["FailureReason"], "AlgorithmError: , exit code: 137");
}

#[tokio::test]
async fn a_processing_job_that_is_stopped_may_tidy_up_and_is_stopped_once() {
    let world = world("trap 'echo tidied > processing/output/note; exit 0' TERM; touch up; sleep 1000 & wait");
    begin(&world, &processing("job")).unwrap();
    up(&world).await;
    book(&world).stop("job").unwrap();
    let job = over(book(&world), "job").await;
    assert_eq!(job["ProcessingJobStatus"], "Stopped");
    assert_eq!(text(&world, "results/note"), "tidied\n");
    let again = book(&world).stop("job").unwrap_err();
    let rejected = "The request was rejected because the processing job is in status Stopped.";
    assert_eq!(again.message, rejected);
}

#[tokio::test]
async fn a_processing_job_that_takes_too_long_is_stopped_and_says_so() {
    let world = world("exec sleep 1000");
    let mut body = processing("job");
    body["StoppingCondition"] = json!({ "MaxRuntimeInSeconds": 1 });
    let job = ran(&world, &body).await;
    assert_eq!(job["ProcessingJobStatus"], "Stopped");
    assert!(reason(&job).contains("MaxRuntimeInSeconds of 1"), "{job}");
}

#[tokio::test]
async fn a_continuous_output_is_in_s3_while_the_job_runs() {
    let world = world("echo first > processing/output/first; exec sleep 1000");
    let mut body = processing("job");
    body["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3UploadMode"] = json!("Continuous");
    begin(&world, &body).unwrap();
    until(|| world.s3.find("sagemaker-b", "results/first").unwrap().is_some()).await;
    let running = book(&world).describe("job").unwrap();
    assert_eq!(running["ProcessingJobStatus"], "InProgress");
    book(&world).stop("job").unwrap();
    over(book(&world), "job").await;
}

#[tokio::test]
async fn outputs_are_written_under_the_jobs_key_and_by_the_roles_rights() {
    let world = world("echo 1 > processing/output/one");
    let mut body = processing("job");
    let service = Caller::service(SERVICE, &world.home);
    let key = kms::call(&world, &service, "CreateKey", &json!({}));
    let key = key.map_or_else(
        |_| "alias/nobodys".to_owned(),
        |made| made["KeyMetadata"]["Arn"].to_string(),
    );
    body["ProcessingOutputConfig"]["KmsKeyId"] = json!(key.trim_matches('"'));
    let job = ran(&world, &body).await;
    assert_eq!(job["ProcessingJobStatus"], "Failed");
    assert!(reason(&job).starts_with("ClientError: Output upload failed: "), "{job}");
    body["ProcessingJobName"] = json!("elsewhere");
    body["ProcessingOutputConfig"]["KmsKeyId"] = json!("");
    world.s3.create_bucket("elsewhere", &world.home).unwrap();
    body["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = json!("s3://elsewhere/results");
    let job = ran(&world, &body).await;
    assert!(reason(&job).contains("AccessDenied (403)"), "{job}");
}

#[tokio::test]
async fn an_input_that_is_not_there_fails_the_job() {
    let world = world("true");
    let mut body = processing("job");
    body["ProcessingInputs"][0]["S3Input"]["S3Uri"] = json!("s3://sagemaker-b/none");
    let job = ran(&world, &body).await;
    let words = "ClientError: Data download failed: No S3 objects found under S3 URL \"s3://sagemaker-b/none\"";
    assert!(reason(&job).starts_with(words), "{job}");
}

#[tokio::test]
async fn jobs_of_both_kinds_have_names_and_lists_of_their_own() {
    let world = world("true");
    ran_well(&world, &processing("job")).await;
    ended(&world, &body("job")).await;
    let again = begin(&world, &processing("job")).unwrap_err();
    assert_eq!(again.code, "ResourceInUse");
    assert!(again.message.ends_with(":processing-job/job)"), "{again}");
    let listed = book(&world).list(&json!({ "StatusEquals": "Completed" })).unwrap();
    let row = &listed["ProcessingJobSummaries"][0];
    assert_eq!(row["ProcessingJobName"], "job");
    assert!(row.get("ProcessingEndTime").is_some() && row.get("SecondaryStatus").is_none());
    let missing = book(&world).describe("none").unwrap_err();
    assert_eq!(missing.message, "Could not find requested job with name: none");
}

#[tokio::test]
async fn an_entry_point_runs_in_place_of_the_images_own_and_an_unknown_image_needs_one() {
    let world = world("exit 3");
    let mut body = processing("job");
    body["AppSpecification"]["ContainerEntrypoint"] = json!(["sh", "-c"]);
    body["AppSpecification"]["ContainerArguments"] = json!(["echo \"$0 $1\" > processing/output/said", "a", "b c"]);
    ran_well(&world, &body).await;
    assert_eq!(text(&world, "results/said"), "a b c\n");
    let mut unknown = processing("unknown");
    unknown["AppSpecification"]["ImageUri"] = json!("nobodys:1");
    let job = ran(&world, &unknown).await;
    let words = "no command stands for the image nobodys:1";
    assert!(reason(&job).contains(words), "{job}");
}

#[test]
fn requests_of_processing_are_refused_in_sagemakers_words() {
    let refusal = |change: fn(&mut Value)| {
        let mut body = processing("job");
        change(&mut body);
        let checked = members::check("sagemaker", "CreateProcessingJob", &body);
        checked
            .and_then(|()| Asked::parse(Kind::Processing, &body))
            .map(drop)
            .unwrap_err()
            .message
    };
    let one = "1 validation error detected: Value";
    let at = "failed to satisfy constraint: Member must";
    type Change = fn(&mut Value);
    let changes: [(Change, String); 10] = [
        (
            |body| body["ProcessingJobName"] = json!("a_b"),
            format!("{one} 'a_b' at 'processingJobName' {at} satisfy regular expression pattern: "),
        ),
        (
            |body| body["AppSpecification"] = Value::Null,
            format!("{one} null at 'appSpecification' {at} not be null"),
        ),
        (
            |body| body["ProcessingResources"]["ClusterConfig"]["InstanceType"] = json!("ml.p5.48xlarge.x"),
            format!(
                "{one} 'ml.p5.48xlarge.x' at 'processingResources.clusterConfig.instanceType' {at} satisfy enum value set: [ml.t3.medium, "
            ),
        ),
        (
            |body| body["StoppingCondition"] = json!({ "MaxRuntimeInSeconds": 777_601 }),
            format!(
                "{one} '777601' at 'stoppingCondition.maxRuntimeInSeconds' {at} have value less than or equal to 777600"
            ),
        ),
        (
            |body| body["ProcessingInputs"][0]["S3Input"]["S3DataType"] = Value::Null,
            format!("{one} null at 'processingInputs.1.member.s3Input.s3DataType' {at} not be null"),
        ),
        (
            |body| body["ProcessingInputs"][0]["S3Input"]["S3InputMode"] = json!("Pipe"),
            "The sandbox does not implement the S3InputMode Pipe of processing; use File.".to_owned(),
        ),
        (
            |body| body["ProcessingInputs"][0]["S3Input"]["LocalPath"] = json!("/opt/ml/input/data"),
            "LocalPath of data must be a folder below /opt/ml/processing/".to_owned(),
        ),
        (
            |body| {
                body["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["LocalPath"] =
                    json!("/opt/ml/processing/input/data");
            },
            "LocalPath of out is that of another input or output".to_owned(),
        ),
        (
            |body| body["ProcessingInputs"][0]["AppManaged"] = json!(true),
            "The sandbox does not implement ProcessingInputs.AppManaged of CreateProcessingJob.".to_owned(),
        ),
        (
            |body| body["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = json!(17),
            "The account-level service limit 'ml.m5.large for processing job usage' is 16 Instances".to_owned(),
        ),
    ];
    for (change, told) in changes {
        let refused = refusal(change);
        assert!(refused.starts_with(&told), "{refused}\n{told}");
    }
    let mut plain = processing("job");
    plain["ProcessingInputs"][0]["AppManaged"] = json!(false);
    assert!(members::check("sagemaker", "CreateProcessingJob", &plain).is_ok());
}
