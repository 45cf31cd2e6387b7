//! Training jobs: what is not started, how they end, and their logs.

use strongroom::config::SandboxEndpoint;
use strongroom::domain::{JobPlan, JobRequest, JobSettings};

use super::*;

#[tokio::test]
async fn a_job_is_not_started_on_what_is_not_encrypted() {
    let mut world = World::new().await;
    let bucket = "sagemaker-plain".to_owned();
    world
        .perform(Request::Object(ObjectRequest::CreateBucket { bucket: bucket.clone() }))
        .await
        .unwrap();
    world.put(&bucket, "data/plain.csv", b"x,y\n1,2\n").await;
    let fault = world.perform(job(&bucket, "data/plain.csv")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert!(fault.cause.contains("not an encrypted token"), "{fault}");
    world.stop().await;
}

#[tokio::test]
async fn a_job_is_not_started_when_its_channel_would_bring_a_neighbour_along() {
    let mut world = World::new().await;
    let bucket = "sagemaker-neighbour".to_owned();
    world
        .perform(Request::Object(ObjectRequest::CreateBucket { bucket: bucket.clone() }))
        .await
        .unwrap();
    world.put(&bucket, "data/x.csv", b"gAAAAA").await;
    world.put(&bucket, "data/x.csv.bak", b"gAAAAA").await;
    let fault = world.perform(job(&bucket, "data/x.csv")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert!(
        fault.cause.contains("s3://sagemaker-neighbour/data/x.csv.bak"),
        "{fault}"
    );
    world.stop().await;
}

fn job(bucket: &str, object: &str) -> Request {
    Request::Job(JobRequest::Start(Box::new(JobSpec {
        name: "job-1".to_owned(),
        role_arn: "arn:aws:iam::111122223333:role/trainer".to_owned(),
        image: "image".to_owned(),
        instance_type: "ml.m5.large".to_owned(),
        instance_count: 1,
        volume_gb: 10,
        max_runtime: 120,
        bucket: bucket.to_owned(),
        object: object.to_owned(),
        output: format!("s3://{bucket}/output"),
        hyperparameters: BTreeMap::new(),
        moved_from: None,
        settings: JobSettings::default(),
        plan: JobPlan::default(),
        original: None,
    })))
}

#[tokio::test]
async fn a_refused_job_leaves_no_manifest_behind() {
    let mut world = World::new().await;
    let (bucket, _) = world.encrypted_object().await;
    // There is no such role.
    let fault = world.perform(job(&bucket, "data/x.csv")).await.unwrap_err();
    assert_eq!(fault.code.as_deref(), Some("ValidationException"), "{fault}");
    let manifests = Topic::Objects {
        bucket,
        prefix: ".strongroom/manifests/".to_owned(),
    };
    assert_eq!(world.ask(manifests).await.unwrap(), Page::Objects(Vec::new()));
    world.stop().await;
}

#[tokio::test]
async fn a_job_with_the_grant_completes_and_its_log_is_told() {
    let mut world = World::new().await;
    let (bucket, key_arn) = world.encrypted_object().await;
    let role_arn = world.role("trainer").await;
    world.perform(granting(&key_arn, &role_arn)).await.unwrap();
    world.perform(job(&bucket, "data/x.csv")).await.unwrap();
    let (ended, lines) = world.follow("job-1", "loss=").await;
    let detail = ended.detail.unwrap();
    assert_eq!(ended.status, JobStatus::Completed, "{:?} {lines}", detail.failure);
    assert!(detail.model.is_some());
    world.stop().await;
}

#[tokio::test]
async fn a_job_without_the_grant_fails_with_kms_own_words() {
    let mut world = World::new().await;
    let (bucket, _) = world.encrypted_object().await;
    world.role("trainer").await;
    world.perform(job(&bucket, "data/x.csv")).await.unwrap();
    let (ended, lines) = world.follow("job-1", "").await;
    assert_eq!(ended.status, JobStatus::Failed, "{lines}");
    let reason = ended.detail.unwrap().failure.unwrap();
    assert!(reason.contains("is not authorized to perform: kms:Decrypt"), "{reason}");
    world.stop().await;
}

#[tokio::test]
async fn a_log_is_told_to_whoever_may_not_look_at_its_job() {
    let mut world = World::new().await;
    let (bucket, _) = world.encrypted_object().await;
    world.role("trainer").await;
    world.perform(job(&bucket, "data/x.csv")).await.unwrap();
    world.follow("job-1", "AccessDenied").await;

    let iam = aws_sdk_iam::Client::new(&world.sdk());
    iam.create_user().user_name("reader").send().await.unwrap();
    let policy =
        r#"{"Statement": [{"Effect": "Allow", "NotAction": "sagemaker:DescribeTrainingJob", "Resource": "*"}]}"#;
    let put = iam.put_user_policy().user_name("reader").policy_name("p");
    put.policy_document(policy).send().await.unwrap();
    let key = iam.create_access_key().user_name("reader").send().await.unwrap();
    let key = key.access_key.unwrap();
    let connection = Connection {
        sandbox: Some(SandboxEndpoint {
            url: world.sandbox.endpoint_url().to_owned(),
            region: world.sandbox.region().to_owned(),
            access_key_id: key.access_key_id,
            secret_access_key: key.secret_access_key,
        }),
        ..Connection::default()
    };
    let (sender, events) = mpsc::channel(1024);
    let reader = Worker::spawn(async move { actions::connect(&connection).await }, sender);
    let (writer, mut told) = (std::mem::replace(&mut world.worker, reader), String::new());
    world.events = events;
    world.watch([Topic::Job("job-1".to_owned()), Topic::Log("job-1".to_owned())]);
    let mut refused = false;
    world
        .until(|event| {
            match event {
                Event::Failed {
                    topic: Topic::Job(_),
                    fault,
                    ..
                } => refused |= fault.kind == FaultKind::Denied,
                Event::Failed { fault, .. } => panic!("{fault}"),
                Event::Answer {
                    page: Page::Log(page), ..
                } => told.extend(page.iter().map(|line| line.text.as_str())),
                _ => {}
            }
            (refused && told.contains("AccessDenied")).then_some(())
        })
        .await;
    writer.shutdown(SOON).await;
    world.stop().await;
}
