//! Requests that are refused, in SageMaker's words.

use super::*;

/// What makes a request one that is refused.
type Change = fn(&mut Value);

/// What SageMaker says to a request that is changed like this.
fn refusal(change: Change) -> String {
    let mut body = body("job");
    change(&mut body);
    let checked = members::check("sagemaker", "CreateTrainingJob", &body);
    checked.and_then(|()| Training::parse(&body)).unwrap_err().message
}

#[test]
fn job_names_follow_sagemaker() {
    let parse = |name: &str| Training::parse(&body(name));
    for good in ["a", "job-1", "a--b", &"x".repeat(63)] {
        assert!(parse(good).is_ok(), "{good}");
    }
    for bad in ["", "-a", "a-", "a_b", "a b", "é", &"x".repeat(64), &"a-".repeat(32)] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    // As recorded from AWS by others.
    let long = "basic-zenml-project-pipeline-2023-04-24-12-22-59-886794-step-show-sagemaker-s3-link";
    assert_eq!(
        parse(long).unwrap_err().message,
        format!(
            "2 validation errors detected: Value '{long}' at 'trainingJobName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){{0,62}}; Value '{long}' at 'trainingJobName' \
             failed to satisfy constraint: Member must have length less than or equal to 63"
        )
    );
    let hyphened = "generic-training-pipeline-2023-04-12-15-36-41-124330-model-trainer";
    assert_eq!(
        parse(hyphened).unwrap_err().message,
        format!(
            "1 validation error detected: Value '{hyphened}' at 'trainingJobName' failed to satisfy constraint: Member \
             must have length less than or equal to 63"
        )
    );
}

#[test]
fn broken_constraints_are_told_as_sagemaker_tells_them() {
    let one = "1 validation error detected: Value";
    let at = "failed to satisfy constraint:";
    for (change, told) in [
        (
            (|body| body["HyperParameters"] = json!({ "a": "v".repeat(2501), "b": "c" })) as Change,
            format!(
                "{one} '{{a={}, b=c}}' at 'hyperParameters' {at} Map value must satisfy constraint: [Member must have \
                 length less than or equal to 2500, Member must have length greater than or equal to 0, Member must \
                 satisfy regular expression pattern: .*]",
                "v".repeat(2501)
            ),
        ),
        (
            |body| body["Environment"] = json!({ "a b": "c" }),
            format!(
                "{one} '{{a b=c}}' at 'environment' {at} Map keys must satisfy constraint: [Member must have length less \
                 than or equal to 512, Member must have length greater than or equal to 0, Member must satisfy regular \
                 expression pattern: [a-zA-Z_][a-zA-Z0-9_]*]"
            ),
        ),
        (
            |body| body["InputDataConfig"][0]["ChannelName"] = Value::Null,
            format!("{one} null at 'inputDataConfig.1.member.channelName' {at} Member must not be null"),
        ),
        (
            |body| body["Tags"] = json!([{ "Key": "a", "Value": "b" }, { "Key": "a#", "Value": "b" }]),
            format!(
                "{one} 'a#' at 'tags.2.member.key' {at} Member must satisfy regular expression pattern: \
                 ^([\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]*)$"
            ),
        ),
        (
            |body| body["VpcConfig"] = json!({ "Subnets": ["subnet-1"], "SecurityGroupIds": [] }),
            format!(
                "{one} '[]' at 'vpcConfig.securityGroupIds' {at} Member must have length greater than or equal to 1"
            ),
        ),
        (
            |body| body["AlgorithmSpecification"]["TrainingInputMode"] = json!("Fast"),
            format!(
                "{one} 'Fast' at 'algorithmSpecification.trainingInputMode' {at} Member must satisfy enum value set: \
                 [Pipe, File, FastFile]"
            ),
        ),
        (
            |body| body["StoppingCondition"]["MaxRuntimeInSeconds"] = json!(0),
            format!(
                "{one} '0' at 'stoppingCondition.maxRuntimeInSeconds' {at} Member must have value greater than or equal to 1"
            ),
        ),
        (
            |body| body["StoppingCondition"]["MaxRuntimeInSeconds"] = json!(2_419_201),
            format!(
                "{one} '2419201' at 'stoppingCondition.maxRuntimeInSeconds' {at} Member must have value less than or equal \
                 to 2419200"
            ),
        ),
        (
            |body| body["ResourceConfig"]["VolumeSizeInGB"] = json!(-1),
            format!(
                "{one} '-1' at 'resourceConfig.volumeSizeInGB' {at} Member must have value greater than or equal to 1"
            ),
        ),
        (
            |body| body["RetryStrategy"] = json!({ "MaximumRetryAttempts": 31 }),
            format!(
                "{one} '31' at 'retryStrategy.maximumRetryAttempts' {at} Member must have value less than or equal to 30"
            ),
        ),
    ] {
        assert_eq!(refusal(change), told);
    }
    let several = refusal(|body| {
        body["RoleArn"] = Value::Null;
        body["OutputDataConfig"] = json!({ "KmsKeyId": "a key" });
    });
    assert!(several.starts_with("3 validation errors detected: "), "{several}");
}

#[test]
fn no_tag_of_a_request_is_lost_behind_another_of_its_key() {
    let tag = |value: &str| json!({ "Key": "team", "Value": value });
    let refused = request::tags(&json!({ "Tags": [tag("vision"), tag("speech")] })).unwrap_err();
    assert_eq!(refused.code, "ValidationException");
    let tags = request::tags(&json!({ "Tags": [tag("vision")] })).unwrap();
    assert_eq!(tags["team"], "vision");
}

#[test]
fn an_instance_type_is_one_that_trains() {
    let told = refusal(|body| body["ResourceConfig"]["InstanceType"] = json!("ml.t2.medium"));
    let head = "1 validation error detected: Value 'ml.t2.medium' at 'resourceConfig.instanceType' failed to satisfy \
                constraint: Member must satisfy enum value set: [ml.m4.xlarge, ";
    assert!(told.starts_with(head) && told.ends_with(']'), "{told}");
}

#[test]
fn a_key_for_the_volume_is_refused_where_the_volume_is_the_instances_own() {
    let asked = |instance: &str| {
        let mut body = body("job");
        body["ResourceConfig"]["InstanceType"] = json!(instance);
        body["ResourceConfig"]["VolumeKmsKeyId"] = json!("alias/volume");
        Training::parse(&body).map_err(|error| error.code)
    };
    assert!(asked("ml.m5.large").is_ok());
    for instance in ["ml.g5.xlarge", "ml.p4d.24xlarge", "ml.p6e-gb200.36xlarge"] {
        assert_eq!(asked(instance).unwrap_err(), "ValidationException", "{instance}");
    }
}

/// The first sentence as people reported it who met it; the second by AWS's documentation of the member.
#[test]
fn spot_training_has_a_time_to_wait_and_only_spot_training_has() {
    let only = "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true";
    let enough = "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds";
    let on_demand = refusal(|body| body["StoppingCondition"]["MaxWaitTimeInSeconds"] = json!(300));
    assert_eq!(on_demand, only);
    assert_eq!(refusal(|body| body["EnableManagedSpotTraining"] = json!(true)), enough);
    let short = refusal(|body| {
        body["EnableManagedSpotTraining"] = json!(true);
        body["StoppingCondition"]["MaxWaitTimeInSeconds"] = json!(119);
    });
    assert_eq!(short, enough);
    let mut spot = body("job");
    spot["EnableManagedSpotTraining"] = json!(true);
    spot["StoppingCondition"]["MaxWaitTimeInSeconds"] = json!(120);
    assert!(Training::parse(&spot).is_ok());
}

#[test]
fn what_the_sandbox_does_not_do_for_a_job_is_refused_by_name() {
    let changes: [(Change, &str); 4] = [
        (
            |body| body["TensorBoardOutputConfig"] = json!({ "S3OutputPath": "s3://b/t" }),
            "TensorBoardOutputConfig",
        ),
        (
            |body| body["DebugRuleConfigurations"] = json!([{}]),
            "DebugRuleConfigurations",
        ),
        (
            |body| body["InputDataConfig"][0]["DataSource"] = json!({ "FileSystemDataSource": {} }),
            "InputDataConfig.DataSource.FileSystemDataSource",
        ),
        (
            |body| body["RemoteDebugConfig"] = json!({ "EnableRemoteDebug": true }),
            "RemoteDebugConfig",
        ),
    ];
    for (change, member) in changes {
        let told = refusal(change);
        let expected = format!("The sandbox does not implement {member} of CreateTrainingJob.");
        assert_eq!(told, expected);
    }
    let mut body = body("job");
    body["RemoteDebugConfig"] = json!({ "EnableRemoteDebug": false });
    body["ProfilerRuleConfigurations"] = json!([]);
    assert!(Training::parse(&body).is_ok());
}

#[tokio::test]
async fn a_channel_without_objects_is_refused_when_the_job_is_made() {
    let world = world("true");
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": SERVICE }, "Action": "sts:AssumeRole"
    }] });
    world.iam(ACCOUNT).create_role("bare", "/", trust.into(), "").unwrap();
    for (uri, bucket, role) in [
        ("s3://sagemaker-b/none", "sagemaker-b", "example-role"),
        ("s3://nowhere/data", "nowhere", "example-role"),
        ("s3://sagemaker-b/data", "sagemaker-b", "bare"),
    ] {
        let mut body = body("job");
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        body["RoleArn"] = json!(role);
        body["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = json!(uri);
        let refused = create_unasked(&world, &body).unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            (
                "ValidationException",
                format!(
                    "No S3 objects found under S3 URL \"{uri}\" given in input data source. Please ensure that the bucket \
                     exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that the role \
                     \"{role}\" has \"s3:ListBucket\" permissions on bucket \
                     \"{bucket}\"."
                )
                .as_str()
            )
        );
    }
}
