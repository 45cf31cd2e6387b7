//! Worlds on disk: there again after a stop, one process at a time.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aws_credential_types::Credentials;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::GrantOperation;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use strongroom_sandbox::{Options, Sandbox, SandboxError};

/// SageMaker may assume the role.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// Clients of a world.
pub(crate) struct Aws {
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    iam: aws_sdk_iam::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    ecr: aws_sdk_ecr::Client,
    sagemaker: aws_sdk_sagemaker::Client,
}

impl Aws {
    pub(crate) fn new(url: &str, key: &str, secret: &str) -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let credentials = Credentials::new(key, secret, None, None, "test");
        macro_rules! config {
            ($sdk:ident) => {
                $sdk::Config::builder()
                    .behavior_version($sdk::config::BehaviorVersion::latest())
                    .region($sdk::config::Region::new("us-east-1"))
                    .endpoint_url(url)
                    .http_client(http.clone())
                    .retry_config($sdk::config::retry::RetryConfig::disabled())
                    .credentials_provider(credentials.clone())
            };
        }
        Self {
            kms: aws_sdk_kms::Client::from_conf(config!(aws_sdk_kms).build()),
            s3: aws_sdk_s3::Client::from_conf(config!(aws_sdk_s3).force_path_style(true).build()),
            iam: aws_sdk_iam::Client::from_conf(config!(aws_sdk_iam).build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(config!(aws_sdk_cloudwatchlogs).build()),
            ecr: aws_sdk_ecr::Client::from_conf(config!(aws_sdk_ecr).build()),
            sagemaker: aws_sdk_sagemaker::Client::from_conf(config!(aws_sdk_sagemaker).build()),
        }
    }

    fn of(sandbox: &Sandbox) -> Self {
        Self::new(
            sandbox.endpoint_url(),
            sandbox.access_key_id(),
            sandbox.secret_access_key(),
        )
    }

    /// Starts a job of this image as a role of its own.
    pub(crate) async fn train(&self, job: &str, image: &str) {
        use aws_sdk_sagemaker::types::*;
        let role = self.iam.create_role().role_name("trainer");
        role.assume_role_policy_document(TRUST).send().await.unwrap();
        let algorithm = AlgorithmSpecification::builder()
            .training_image(image)
            .training_input_mode(TrainingInputMode::File);
        let output = OutputDataConfig::builder().s3_output_path("s3://nowhere/output");
        let resources = ResourceConfig::builder()
            .instance_type(TrainingInstanceType::MlM5Large)
            .instance_count(1);
        let create = self
            .sagemaker
            .create_training_job()
            .training_job_name(job)
            .role_arn("arn:aws:iam::111122223333:role/trainer")
            .algorithm_specification(algorithm.build())
            .output_data_config(output.build())
            .resource_config(resources.volume_size_in_gb(1).build())
            .stopping_condition(StoppingCondition::builder().max_runtime_in_seconds(600).build());
        create.send().await.unwrap();
    }
}

fn options(dir: &Path) -> Options {
    Options {
        dir: Some(dir.to_owned()),
        program: Some(PathBuf::from(env!("CARGO_BIN_EXE_strongroom"))),
        ..Options::default()
    }
}

pub(crate) async fn body(s3: &aws_sdk_s3::Client, key: &str) -> Vec<u8> {
    let object = s3.get_object().bucket("kept-bucket").key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn a_world_on_disk_is_there_again_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("world");
    let sandbox = Sandbox::start(options(&dir)).await.unwrap();
    let (access_key, aws) = (sandbox.access_key_id().to_owned(), Aws::of(&sandbox));

    let key = aws.kms.create_key().description("kept").send().await.unwrap();
    let key = key.key_metadata.unwrap().key_id;
    aws.kms
        .create_alias()
        .alias_name("alias/kept")
        .target_key_id(&key)
        .send()
        .await
        .unwrap();
    aws.kms.enable_key_rotation().key_id(&key).send().await.unwrap();
    let before = aws
        .kms
        .encrypt()
        .key_id(&key)
        .plaintext(Blob::new("before"))
        .send()
        .await
        .unwrap();
    aws.kms.rotate_key_on_demand().key_id(&key).send().await.unwrap();
    aws.iam
        .create_role()
        .role_name("kept-role")
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
    let role = "arn:aws:iam::111122223333:role/kept-role";
    let grant = aws
        .kms
        .create_grant()
        .key_id(&key)
        .grantee_principal(role)
        .operations(GrantOperation::Decrypt);
    let grant = grant.send().await.unwrap().grant_id.unwrap();

    aws.s3.create_bucket().bucket("kept-bucket").send().await.unwrap();
    let put = aws
        .s3
        .put_object()
        .bucket("kept-bucket")
        .key("a/b")
        .metadata("name", "value");
    put.body(ByteStream::from_static(b"hello")).send().await.unwrap();
    for text in ["old", "new"] {
        let put = aws.s3.put_object().bucket("kept-bucket").key("replaced");
        put.body(ByteStream::from_static(text.as_bytes())).send().await.unwrap();
    }
    let copy = aws
        .s3
        .copy_object()
        .bucket("kept-bucket")
        .key("copy")
        .copy_source("kept-bucket/a/b");
    copy.send().await.unwrap();
    aws.s3
        .delete_object()
        .bucket("kept-bucket")
        .key("a/b")
        .send()
        .await
        .unwrap();
    let upload = aws
        .s3
        .create_multipart_upload()
        .bucket("kept-bucket")
        .key("parts")
        .send()
        .await
        .unwrap();
    let upload = upload.upload_id.unwrap();
    let part = aws
        .s3
        .upload_part()
        .bucket("kept-bucket")
        .key("parts")
        .upload_id(&upload)
        .part_number(1);
    let part = part.body(ByteStream::from_static(b"part one")).send().await.unwrap();

    aws.logs
        .create_log_group()
        .log_group_name("kept-group")
        .send()
        .await
        .unwrap();
    let stream = aws
        .logs
        .create_log_stream()
        .log_group_name("kept-group")
        .log_stream_name("s");
    stream.send().await.unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    let event = |at: i64, text: &str| {
        let event = aws_sdk_cloudwatchlogs::types::InputLogEvent::builder();
        event.timestamp(now + at).message(text).build().unwrap()
    };
    let events = aws
        .logs
        .put_log_events()
        .log_group_name("kept-group")
        .log_stream_name("s");
    events
        .log_events(event(1, "one"))
        .log_events(event(2, "two"))
        .send()
        .await
        .unwrap();
    aws.ecr
        .create_repository()
        .repository_name("kept-image")
        .send()
        .await
        .unwrap();
    sandbox.stop().await;

    let sandbox = Sandbox::start(options(&dir)).await.unwrap();
    assert_eq!(sandbox.access_key_id(), access_key);
    let aws = Aws::of(&sandbox);
    let opened = aws
        .kms
        .decrypt()
        .ciphertext_blob(before.ciphertext_blob.unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(opened.plaintext.unwrap().as_ref(), b"before");
    let described = aws.kms.describe_key().key_id("alias/kept").send().await.unwrap();
    assert_eq!(described.key_metadata.unwrap().description.unwrap(), "kept");
    let rotation = aws.kms.get_key_rotation_status().key_id(&key).send().await.unwrap();
    assert!(rotation.key_rotation_enabled && rotation.next_rotation_date.is_some());
    let grants = aws.kms.list_grants().key_id(&key).send().await.unwrap().grants.unwrap();
    assert_eq!(grants[0].grant_id.as_ref(), Some(&grant));
    assert_eq!(grants[0].grantee_principal.as_deref(), Some(role));
    aws.iam.get_role().role_name("kept-role").send().await.unwrap();

    assert_eq!(body(&aws.s3, "replaced").await, b"new");
    assert_eq!(body(&aws.s3, "copy").await, b"hello");
    let head = aws
        .s3
        .head_object()
        .bucket("kept-bucket")
        .key("copy")
        .send()
        .await
        .unwrap();
    assert_eq!(head.metadata.unwrap()["name"], "value");
    assert!(
        aws.s3
            .head_object()
            .bucket("kept-bucket")
            .key("a/b")
            .send()
            .await
            .is_err()
    );
    let done = CompletedMultipartUpload::builder();
    let done = done.parts(
        CompletedPart::builder()
            .part_number(1)
            .e_tag(part.e_tag.unwrap())
            .build(),
    );
    let complete = aws
        .s3
        .complete_multipart_upload()
        .bucket("kept-bucket")
        .key("parts")
        .upload_id(&upload);
    complete.multipart_upload(done.build()).send().await.unwrap();
    assert_eq!(body(&aws.s3, "parts").await, b"part one");
    // The deleted and the replaced object's bytes are gone; copy, new and parts are left.
    assert_eq!(std::fs::read_dir(dir.join("objects")).unwrap().count(), 3);

    let read = aws
        .logs
        .get_log_events()
        .log_group_name("kept-group")
        .log_stream_name("s");
    let events = read.start_from_head(true).send().await.unwrap().events.unwrap();
    let texts: Vec<_> = events.iter().map(|event| event.message.as_deref().unwrap()).collect();
    assert_eq!(texts, ["one", "two"]);
    let found = aws
        .ecr
        .describe_repositories()
        .repository_names("kept-image")
        .send()
        .await;
    assert_eq!(found.unwrap().repositories.unwrap().len(), 1);
    let mode = std::fs::metadata(&dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_job_that_ran_when_the_world_ended_has_failed_and_left_no_plaintext() {
    let folder = tempfile::tempdir().unwrap();
    let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/image:latest";
    let slow = || Options {
        images: vec![(image.to_owned(), "exec sleep 1000".to_owned())],
        ..options(&folder.path().join("world"))
    };
    let sandbox = Sandbox::start(slow()).await.unwrap();
    let aws = Aws::of(&sandbox);
    aws.train("cut", image).await;
    sandbox.stop().await;
    let sandbox = Sandbox::start(slow()).await.unwrap();
    let describe = Aws::of(&sandbox)
        .sagemaker
        .describe_training_job()
        .training_job_name("cut");
    let job = describe.send().await.unwrap();
    assert_eq!(job.training_job_status.unwrap().as_str(), "Failed");
    assert!(job.failure_reason.unwrap().contains("the sandbox ended"));
    assert!(!folder.path().join("world/jobs").exists());
    sandbox.stop().await;
}

#[tokio::test]
async fn a_world_is_one_processs_and_other_folders_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("world");
    let first = Sandbox::start(options(&dir)).await.unwrap();
    let second = Sandbox::start(options(&dir)).await.err().unwrap();
    assert!(matches!(second, SandboxError::Busy { .. }), "{second}");
    assert!(second.to_string().contains("in use by another process"));
    first.stop().await;
    Sandbox::start(options(&dir)).await.unwrap().stop().await;

    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("thesis.txt"), "mine").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = Sandbox::start(options(&other)).await.err().unwrap();
    assert!(matches!(refused, SandboxError::NoWorld { .. }), "{refused}");
    assert_eq!(std::fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
}
