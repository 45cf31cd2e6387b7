//! SageMaker and its logs: jobs started, stopped, watched; what would fail in them, and what is left of them all.

use strongroom::domain::{CleanUpItem, Finding, JobSpec, Weight};
use strongroom_sandbox::Options;

use super::*;

pub(super) const JOBS: &[&str] = &[
    "CreateTrainingJob",
    "DescribeLogStreams",
    "GetLogEvents",
    "GetObject",
    "ListObjectsV2",
    "PutObject",
    "StopProcessingJob",
    "StopTrainingJob",
];
pub(super) const BRING: &[&str] = &[
    "BatchGetImage",
    "CreateTrainingJob",
    "GetDownloadUrlForLayer",
    "GetObject",
    "HeadObject",
    "ListObjectsV2",
    "PutObject",
];
pub(super) const PREFLIGHT: &[&str] = &[
    "AssumeRole",
    "CreateGrant",
    "Decrypt",
    "DescribeImages",
    "DescribeKey",
    "DescribeTrainingJob",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GetBucketEncryption",
    "GetBucketLocation",
    "GetCallerIdentity",
    "GetKeyRotationStatus",
    "GetObject",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListGrants",
    "ListObjectsV2",
    "ListRolePolicies",
    "ReEncrypt",
    "SimulatePrincipalPolicy",
];
pub(super) const CLEAN_UP: &[&str] = &[
    "DescribeKey",
    "DescribeRepositories",
    "DescribeTrainingJob",
    "GetBucketTagging",
    "GetKeyLastUsage",
    "GetKeyRotationStatus",
    "GetObject",
    "GetRole",
    "HeadObject",
    "ListAliases",
    "ListBuckets",
    "ListGrants",
    "ListKeys",
    "ListMultipartUploads",
    "ListObjectVersions",
    "ListObjectsV2",
    "ListResourceTags",
    "ListRoles",
    "ListTags",
    "ListTagsForResource",
    "ListTrainingJobs",
];

pub(super) const DOCTOR: &[&str] = &[
    "DescribeLogStreams",
    "GetCallerIdentity",
    "ListBuckets",
    "ListKeys",
    "ListRoles",
    "ListTrainingJobs",
];

/// An image whose jobs say two lines.
pub(super) const IMAGE: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/sleeper:latest";
/// An image whose jobs run until they are stopped.
const SLEEPER: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/sleeper:forever";

/// A world where jobs say two lines and end, or sleep.
pub(super) async fn with_jobs() -> (Fake, String) {
    with_jobs_before(None).await
}

async fn with_jobs_before(registry: Option<&str>) -> (Fake, String) {
    let fake = Fake::with(|options: &mut Options| {
        options.registry = registry.map(|at| at.parse().unwrap());
        options.images = vec![
            (IMAGE.to_owned(), "echo one; echo two".to_owned()),
            (SLEEPER.to_owned(), "exec sleep 1000".to_owned()),
        ];
        options.stop_grace = std::time::Duration::from_millis(100);
    })
    .await;
    // Every job is a process.
    let role = fake.role("trainer").await;
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}]}"#;
    let put = fake.iam().put_role_policy().role_name("trainer").policy_name("data");
    put.policy_document(policy).send().await.unwrap();
    let source = fake.world.write("x.csv", b"x,y\n1,2\n");
    good(&fake.world.encrypt(&source, "s3://training-bucket/data/").await);
    (fake, role)
}

fn spec(name: &str, role: &str, image: &str) -> JobSpec {
    JobSpec {
        image: image.to_owned(),
        max_runtime: 3600,
        bucket: BUCKET.to_owned(),
        output: format!("s3://{BUCKET}/output"),
        ..crate::walk::job(name, role, "data/x.csv")
    }
}

impl Fake {
    fn sagemaker(&self) -> aws_sdk_sagemaker::Client {
        aws_sdk_sagemaker::Client::new(&self.sdk)
    }

    /// A job that was started without strongroom; its status once it is no more waiting.
    pub(super) async fn job(&self, name: &str, role: &str, image: &str, until: &[&str]) {
        let aws = actions::connect(&self.direct()).await.unwrap();
        let (_, cancel) = quiet();
        actions::start_job(&aws, &spec(name, role, image), &cancel)
            .await
            .unwrap();
        while !until.contains(&self.status(name).await.as_str()) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// A processing job that was started without strongroom; its status once it is no more waiting.
    pub(super) async fn processing_job(&self, name: &str, role: &str, image: &str, until: &[&str]) {
        use aws_sdk_sagemaker::types::{
            AppSpecification, ProcessingClusterConfig, ProcessingInstanceType, ProcessingResources,
        };
        let cluster = ProcessingClusterConfig::builder()
            .instance_count(1)
            .instance_type(ProcessingInstanceType::MlM5Large)
            .volume_size_in_gb(1);
        let call = self
            .sagemaker()
            .create_processing_job()
            .processing_job_name(name)
            .role_arn(role)
            .app_specification(AppSpecification::builder().image_uri(image).build())
            .processing_resources(ProcessingResources::builder().cluster_config(cluster.build()).build());
        call.send().await.unwrap();
        while !until.contains(&self.processing_status(name).await.as_str()) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn processing_status(&self, name: &str) -> String {
        let call = self.sagemaker().describe_processing_job().processing_job_name(name);
        call.send()
            .await
            .unwrap()
            .processing_job_status
            .unwrap()
            .as_str()
            .to_owned()
    }

    async fn status(&self, name: &str) -> String {
        let said = self
            .sagemaker()
            .describe_training_job()
            .training_job_name(name)
            .send()
            .await;
        said.unwrap().training_job_status.unwrap().as_str().to_owned()
    }
}

/// A job that was started is there, and so is the manifest that it needs.
async fn start(fake: &mut Fake, role: &str) -> Came {
    let name = fake.fresh("job");
    let (_, cancel) = quiet();
    let said = actions::start_job(&fake.aws, &spec(&name, role, IMAGE), &cancel).await;
    let job = fake
        .sagemaker()
        .describe_training_job()
        .training_job_name(&name)
        .send()
        .await;
    let manifest = format!(".strongroom/manifests/{name}.json");
    let manifest = fake.world.s3.head_object().bucket(BUCKET).key(manifest).send().await;
    (said.map(drop), job.is_ok() && manifest.is_ok())
}

async fn stop(fake: &mut Fake, role: &str) -> Came {
    let name = fake.fresh("job");
    fake.job(&name, role, SLEEPER, &["InProgress"]).await;
    let said = actions::stop_job(&fake.aws, &name).await;
    let status = fake.status(&name).await;
    let _ = fake
        .sagemaker()
        .stop_training_job()
        .training_job_name(&name)
        .send()
        .await;
    (said.map(drop), ["Stopping", "Stopped"].contains(&status.as_str()))
}

async fn stop_processing(fake: &mut Fake, role: &str) -> Came {
    let name = fake.fresh("processing");
    fake.processing_job(&name, role, SLEEPER, &["InProgress"]).await;
    let said = actions::stop_job(&fake.aws, &format!("processing-job/{name}")).await;
    let status = fake.processing_status(&name).await;
    let stop = fake.sagemaker().stop_processing_job().processing_job_name(&name);
    let _ = stop.send().await;
    (said.map(drop), ["Stopping", "Stopped"].contains(&status.as_str()))
}

async fn save_log(fake: &mut Fake, job: &str) -> Came {
    let to = fake.fresh("log");
    let to = fake.world.path(&to);
    let said = actions::save_log(&fake.aws, job, &to).await;
    let text = fs::read_to_string(&to).unwrap_or_default();
    (said.map(drop), text.contains("one\n") && text.contains("two\n"))
}

/// Nothing is well that is not, and not everything is.
async fn preflight(fake: &mut Fake, role: &str, whole: &[Finding]) -> Came {
    let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/missing:latest";
    let said = actions::preflight(&fake.aws, &spec("job-to-be", role, image)).await;
    let holds = match &said {
        Ok(Outcome::Preflighted { findings, .. }) => {
            let is_well = |what: &str| {
                whole
                    .iter()
                    .any(|finding| finding.what == what && finding.weight == Weight::Well)
            };
            let well = findings.iter().filter(|finding| finding.weight == Weight::Well);
            well.clone().all(|finding| is_well(&finding.what)) && well.count() < findings.len()
        }
        _ => false,
    };
    (said.map(drop), holds)
}

/// What is found is all there is, or it is said that it may not be.
async fn plan(fake: &mut Fake, whole: &[CleanUpItem]) -> Came {
    let said = actions::plan_clean_up(&fake.aws, &ProgressSink::none()).await;
    let holds = match &said {
        Ok(Outcome::CleanUpPlan { items, refused }) => {
            let told = |item: &CleanUpItem| item.state.contains("could not") || item.refused.is_some();
            !refused.is_empty() || items == whole || items.iter().any(told) && items.len() == whole.len()
        }
        _ => false,
    };
    (said.map(drop), holds)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_job_look_started_stopped_or_its_log_whole() {
    let (mut fake, role) = with_jobs().await;
    fake.job("talker", &role, IMAGE, &["Completed", "Failed"]).await;
    fake.drive("save a log", async |fake| save_log(fake, "talker").await)
        .await;
    fake.drive("start a job", async |fake| start(fake, &role).await).await;
    fake.drive("stop a job", async |fake| stop(fake, &role).await).await;
    let act = async |fake: &mut Fake| stop_processing(fake, &role).await;
    fake.drive("stop a processing job", act).await;
    fake.assert_held(JOBS);
}

/// A job that brings strongroom runs what its image says, and its image brings no other program.
async fn bring(fake: &mut Fake, role: &str, image: &str) -> Came {
    let name = fake.fresh("job");
    let mut spec = spec(&name, role, image);
    spec.settings.program = Some(fake.world.path("static"));
    let (_, cancel) = quiet();
    let said = actions::start_job(&fake.aws, &spec, &cancel).await;
    let call = fake.sagemaker().describe_training_job().training_job_name(&name);
    let job = call.send().await;
    let is_whole = job.is_ok_and(|job| {
        let algorithm = job.algorithm_specification().unwrap();
        let command = algorithm.container_arguments();
        command.len() == 5 && command[3] == "her own" && job.input_data_config().len() == 2
    });
    (said.map(drop), is_whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_is_taken_for_what_an_image_runs() {
    let registry = crate::bring::registry(crate::bring::CONFIGURATION, crate::bring::CONFIGURATION);
    let (mut fake, role) = with_jobs_before(Some(&registry)).await;
    let ecr = aws_sdk_ecr::Client::new(&fake.sdk);
    ecr.create_repository().repository_name("her-own").send().await.unwrap();
    // Its jobs end at once.
    let mut nothing = crate::bring::program();
    nothing.truncate(120);
    nothing.extend(crate::bring::MARK);
    nothing[96] = 120;
    nothing[104] = 120;
    std::fs::write(fake.world.path("static"), nothing).unwrap();
    let image = format!("{registry}/her-own:1");
    let act = async |fake: &mut Fake| bring(fake, &role, &image).await;
    fake.drive("bring strongroom", act).await;
    fake.assert_held(BRING);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_job_look_ready_to_start() {
    let (mut fake, role) = with_jobs().await;
    let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/missing:latest";
    let said = actions::preflight(&fake.aws, &spec("job-to-be", &role, image)).await;
    let Ok(Outcome::Preflighted { findings, .. }) = said else {
        panic!("{said:?}")
    };
    assert!(findings[0].weight == Weight::Blocks, "{findings:?}");
    fake.drive("preflight", async |fake| preflight(fake, &role, &findings).await)
        .await;
    fake.assert_held(PREFLIGHT);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_hides_what_is_to_be_cleaned_up() {
    let (mut fake, role) = with_jobs().await;
    let aws = actions::connect(&fake.direct()).await.unwrap();
    let (_, cancel) = quiet();
    actions::new_key(&aws, &strongroom::domain::KeySpec::default(), &cancel)
        .await
        .unwrap();
    actions::create_bucket(&aws, "ours").await.unwrap();
    actions::new_repository(&aws, "ours").await.unwrap();
    let ours = strongroom::domain::RoleSpec {
        name: "ours".to_owned(),
        bucket: BUCKET.to_owned(),
        ..strongroom::domain::RoleSpec::default()
    };
    actions::new_role(&aws, &ours, &cancel).await.unwrap();
    fake.job("sleeper", &role, SLEEPER, &["InProgress"]).await;
    let said = actions::plan_clean_up(&aws, &ProgressSink::none()).await;
    let Ok(Outcome::CleanUpPlan { items, refused }) = said else {
        panic!("{said:?}")
    };
    assert!(refused.is_empty() && items.len() >= 6, "{items:?} {refused:?}");
    fake.drive("plan clean-up", async |fake| plan(fake, &items).await).await;
    let _ = fake
        .sagemaker()
        .stop_training_job()
        .training_job_name("sleeper")
        .send()
        .await;
    fake.assert_held(CLEAN_UP);
}

/// Nothing is well of which no answer was heard.
async fn check_up(fake: &mut Fake, whole: &[actions::Check]) -> Came {
    let checks = actions::check_up(&fake.aws).await;
    let told = |check: &actions::Check| !check.ok || check.name == "clock" || whole.contains(check);
    (Ok(()), checks.iter().all(told))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_is_well_to_the_doctor() {
    let (mut fake, _) = with_jobs().await;
    let whole = actions::check_up(&fake.aws).await;
    assert!(whole.iter().all(|check| check.ok), "{whole:?}");
    fake.drive("check up", async |fake| check_up(fake, &whole).await).await;
    fake.assert_held(DOCTOR);
}
