//! Roles, repositories and jobs.

use std::collections::BTreeMap;

use super::line::{aws, push};
use crate::domain::spec::WORKFLOW;
use crate::domain::{ImageRequest, JobRequest, JobSpec, Request, RoleRequest, RoleSpec, policy};

pub(super) fn roles(request: &Request, account: Option<&str>) -> Option<Vec<String>> {
    Some(match request {
        Request::Role(RoleRequest::New(spec)) => new_role(spec, account.unwrap_or("ACCOUNT")),
        Request::Role(RoleRequest::TrustCaller { role, .. }) | Request::Role(RoleRequest::TrustService { role }) => {
            vec![
                aws([
                    "iam",
                    "get-role",
                    "--role-name",
                    role,
                    "--query",
                    "Role.AssumeRolePolicyDocument",
                ]),
                aws([
                    "iam",
                    "update-assume-role-policy",
                    "--role-name",
                    role,
                    "--policy-document",
                    "file://TRUST.json",
                ]),
            ]
        }
        Request::Role(RoleRequest::Policies { role }) => vec![
            aws(["iam", "get-role", "--role-name", role]),
            aws(["iam", "list-attached-role-policies", "--role-name", role]),
            aws(["iam", "list-role-policies", "--role-name", role]),
        ],
        Request::Role(RoleRequest::DetachPolicy { role, policy }) if policy.starts_with("arn:") => {
            vec![aws([
                "iam",
                "detach-role-policy",
                "--role-name",
                role,
                "--policy-arn",
                policy,
            ])]
        }
        Request::Role(RoleRequest::DetachPolicy { role, policy }) => {
            vec![aws([
                "iam",
                "delete-role-policy",
                "--role-name",
                role,
                "--policy-name",
                policy,
            ])]
        }
        Request::Role(RoleRequest::Delete { role }) => vec![aws(["iam", "delete-role", "--role-name", role])],
        _ => return None,
    })
}

fn new_role(spec: &RoleSpec, account: &str) -> Vec<String> {
    let mut create = aws(["iam", "create-role", "--role-name", &spec.name]);
    let trust = policy::service_trust(account).to_string();
    let tag = format!("Key={},Value={}", WORKFLOW.0, WORKFLOW.1);
    push(&mut create, ["--assume-role-policy-document", &trust, "--tags", &tag]);
    let mut allow = "aws iam".to_owned();
    if spec.full_access {
        let arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
        push(
            &mut allow,
            ["attach-role-policy", "--role-name", &spec.name, "--policy-arn", arn],
        );
    } else {
        let document = policy::execution_policy(spec, "aws").to_string();
        push(&mut allow, ["put-role-policy", "--role-name", &spec.name]);
        push(
            &mut allow,
            ["--policy-name", "strongroom-training", "--policy-document", &document],
        );
    }
    vec![create, allow]
}

pub(super) fn jobs(request: &Request) -> Option<Vec<String>> {
    Some(match request {
        Request::Job(JobRequest::Start(spec)) => vec![start(spec)],
        Request::Job(JobRequest::SaveLog { job, .. }) => {
            let mut line = aws([
                "logs",
                "filter-log-events",
                "--log-group-name",
                "/aws/sagemaker/TrainingJobs",
            ]);
            push(&mut line, ["--log-stream-name-prefix", &format!("{job}/")]);
            push(&mut line, ["--query", "events[].[message]", "--output", "text"]);
            vec![line]
        }
        Request::Job(JobRequest::Stop { name }) => {
            vec![aws(["sagemaker", "stop-training-job", "--training-job-name", name])]
        }
        Request::Image(ImageRequest::NewRepository { repository }) => {
            vec![aws(["ecr", "create-repository", "--repository-name", repository])]
        }
        Request::Image(ImageRequest::DeleteRepository { repository }) => {
            vec![aws(["ecr", "delete-repository", "--repository-name", repository]) + " --force"]
        }
        _ => return None,
    })
}

/// What is looked up when the job is started stands there by its name, in capitals.
fn start(spec: &JobSpec) -> String {
    let mut hyperparameters = BTreeMap::from([
        ("key_bucket", spec.bucket.as_str()),
        ("ciphertext_s3_key", "DATA_KEY_OBJECT"),
        ("kms_key_id", "KMS_KEY"),
        ("master_key_id", "KMS_KEY"),
        ("train_channel", "train"),
        (JobSpec::CHECKPOINTS_PARAMETER, JobSpec::CHECKPOINTS_DIR),
        ("train_file", spec.object.rsplit('/').next().unwrap_or_default()),
    ]);
    hyperparameters.extend(
        spec.hyperparameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let json = serde_json::json!({
        "TrainingJobName": spec.name,
        "RoleArn": spec.role_arn,
        "AlgorithmSpecification": {"TrainingImage": spec.image, "TrainingInputMode": "File"},
        "InputDataConfig": [{
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": format!("s3://{}/{}", spec.bucket, spec.object),
                "S3DataDistributionType": "FullyReplicated",
            }},
        }],
        "OutputDataConfig": {"S3OutputPath": spec.output},
        "CheckpointConfig": {"S3Uri": spec.checkpoints_uri(), "LocalPath": JobSpec::CHECKPOINTS_DIR},
        "ResourceConfig": {
            "InstanceType": spec.instance_type,
            "InstanceCount": spec.instance_count,
            "VolumeSizeInGB": spec.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": spec.max_runtime},
        "HyperParameters": hyperparameters,
        "Tags": [{"Key": WORKFLOW.0, "Value": WORKFLOW.1}],
    });
    aws([
        "sagemaker",
        "create-training-job",
        "--cli-input-json",
        &json.to_string(),
    ])
}
