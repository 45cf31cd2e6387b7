use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::call as ask;
use super::super::tests::{body, finished, world};
use super::*;
use crate::iam::{self, Form};

/// The world's administrator under one more statement.
fn guarded(world: &World, statement: Value) -> Caller {
    let owner = world.owner();
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let document = utf8_percent_encode(&policy, NON_ALPHANUMERIC);
    let form = format!("UserName=strongroom&PolicyName=guard&PolicyDocument={document}");
    iam::call(world, &owner, "PutUserPolicy", &Form::parse(form.as_bytes())).unwrap();
    owner
}

fn network(subnets: &[&str], groups: &[&str]) -> Value {
    json!({ "VpcConfig": { "Subnets": subnets, "SecurityGroupIds": groups } })
}

/// A guardrail's condition, what a request says, and whether a Deny under that condition lets it through.
fn guardrails() -> Vec<(Value, Value, bool)> {
    let key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let no_vpc = json!({ "Null": { "sagemaker:VpcSubnets": "true" } });
    let other_subnets = json!({ "ForAnyValue:StringNotEquals": { "sagemaker:VpcSubnets": ["subnet-1", "subnet-2"] } });
    let other_groups = json!({ "ForAnyValue:StringNotEquals": { "sagemaker:VpcSecurityGroupIds": ["sg-1"] } });
    let no_output_key = json!({ "Null": { "sagemaker:OutputKmsKey": "true" } });
    let other_output_key = json!({ "ArnNotEquals": { "sagemaker:OutputKmsKey": key } });
    let no_volume_key = json!({ "Null": { "sagemaker:VolumeKmsKey": "true" } });
    let open_network = json!({ "Bool": { "sagemaker:NetworkIsolation": "false" } });
    let open_traffic = json!({ "Bool": { "sagemaker:InterContainerTrafficEncryption": "false" } });
    let large = json!({ "ForAnyValue:StringNotLike": { "sagemaker:InstanceTypes": ["ml.m5.*", "ml.c5.*"] } });
    let long = json!({ "NumericGreaterThan": { "sagemaker:MaxRuntimeInSeconds": "3600" } });
    let no_team = json!({ "Null": { "aws:RequestTag/team": "true" } });
    let other_team = json!({ "StringNotEquals": { "aws:RequestTag/team": "vision" } });
    let other_tags = json!({ "ForAnyValue:StringNotEquals": { "aws:TagKeys": ["team", "cost"] } });
    let volume = |key: Value| {
        json!({ "ResourceConfig": {
            "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1, "VolumeKmsKeyId": key
        } })
    };
    let instance =
        |kind: &str| json!({ "ResourceConfig": { "InstanceType": kind, "InstanceCount": 1, "VolumeSizeInGB": 1 } });
    let output = |key: Value| json!({ "OutputDataConfig": { "S3OutputPath": "s3://sagemaker-b/o", "KmsKeyId": key } });
    let seconds = |seconds: u64| json!({ "StoppingCondition": { "MaxRuntimeInSeconds": seconds } });
    let known_subnets = network(&["subnet-1", "subnet-2"], &["sg-1"]);
    let encrypted = json!({ "EnableInterContainerTrafficEncryption": true });
    let tag = |key: &str, value: &str| json!({ "Tags": [{ "Key": key, "Value": value }] });
    vec![
        (no_vpc.clone(), json!({}), false),
        (no_vpc, network(&["subnet-9"], &["sg-1"]), true),
        (other_subnets.clone(), known_subnets, true),
        (other_subnets, network(&["subnet-1", "subnet-9"], &["sg-1"]), false),
        (other_groups.clone(), network(&["subnet-1"], &["sg-1"]), true),
        (other_groups, network(&["subnet-1"], &["sg-1", "sg-2"]), false),
        (no_output_key.clone(), json!({}), false),
        (no_output_key.clone(), output(json!("")), false),
        (no_output_key, output(json!("alias/x")), true),
        (other_output_key.clone(), output(json!(key)), true),
        (other_output_key, output(json!("alias/x")), false),
        (no_volume_key.clone(), json!({}), false),
        (no_volume_key, volume(json!(key)), true),
        (open_network.clone(), json!({}), false),
        (open_network.clone(), json!({ "EnableNetworkIsolation": false }), false),
        (open_network, json!({ "EnableNetworkIsolation": true }), true),
        (open_traffic.clone(), json!({}), false),
        (open_traffic, encrypted, true),
        (large.clone(), instance("ml.m5.large"), true),
        (large, instance("ml.p4d.24xlarge"), false),
        (long.clone(), seconds(3600), true),
        (long, seconds(3601), false),
        (no_team.clone(), json!({}), false),
        (no_team.clone(), tag("cost", "1"), false),
        (no_team, tag("team", "x"), true),
        (other_team.clone(), tag("team", "vision"), true),
        (other_team, tag("team", "speech"), false),
        (other_tags.clone(), tag("cost", "1"), true),
        (other_tags, tag("owner", "me"), false),
    ]
}

#[tokio::test]
async fn guardrails_on_create_training_job_hold() {
    let world = world("true");
    for (number, (condition, change, is_let)) in guardrails().into_iter().enumerate() {
        let deny = json!({
            "Effect": "Deny", "Action": "sagemaker:CreateTrainingJob", "Resource": "*", "Condition": condition
        });
        let caller = guarded(&world, deny);
        let mut body = body(&format!("job-{number}"));
        let members = body.as_object_mut().unwrap();
        members.extend(change.as_object().unwrap().clone());
        let asked = ask(&world, &caller, "CreateTrainingJob", &body);
        assert_eq!(asked.is_ok(), is_let, "{condition} {change} {asked:?}");
        if let Err(error) = asked {
            assert_eq!(error.code, "AccessDeniedException");
            let words = "with an explicit deny in an identity-based policy";
            assert!(error.message.contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn tags_at_creation_need_leave_to_tag() {
    let world = world("true");
    let mut body = body("job-1");
    body["Tags"] = json!([{ "Key": "team", "Value": "vision" }]);
    let deny = |condition: Value| json!({ "Effect": "Deny", "Action": "sagemaker:AddTags", "Resource": "*", "Condition": condition });
    let on_creation = deny(json!({ "StringEquals": { "sagemaker:TaggingAction": "CreateTrainingJob" } }));
    let caller = guarded(&world, on_creation);
    let refused = ask(&world, &caller, "CreateTrainingJob", &body).unwrap_err();
    assert!(refused.message.contains("sagemaker:AddTags"), "{refused}");

    let alone = deny(json!({ "Null": { "sagemaker:TaggingAction": "true" } }));
    let caller = guarded(&world, alone);
    ask(&world, &caller, "CreateTrainingJob", &body).unwrap();
    let resource = "arn:aws:sagemaker:us-east-1:111122223333:training-job/job-1";
    let add = json!({ "ResourceArn": resource, "Tags": [{ "Key": "cost", "Value": "1" }] });
    let refused = ask(&world, &caller, "AddTags", &add).unwrap_err();
    assert!(refused.message.contains("sagemaker:AddTags"), "{refused}");
}

#[tokio::test]
async fn what_a_job_is_tagged_with_decides_who_may_look_and_stop() {
    let world = world("exec sleep 1000");
    let foreign = json!({
        "Effect": "Deny", "Action": ["sagemaker:StopTrainingJob", "sagemaker:DescribeTrainingJob"], "Resource": "*",
        "Condition": { "StringNotEqualsIfExists": { "aws:ResourceTag/team": "vision", "sagemaker:ResourceTag/team": "vision" } }
    });
    let keys = json!({
        "Effect": "Deny", "Action": "sagemaker:DeleteTags", "Resource": "*",
        "Condition": { "ForAnyValue:StringEquals": { "aws:TagKeys": "team" } }
    });
    let caller = guarded(&world, foreign.clone());
    for (name, team) in [("ours", "vision"), ("theirs", "speech")] {
        let mut body = body(name);
        body["Tags"] = json!([{ "Key": "team", "Value": team }]);
        ask(&world, &caller, "CreateTrainingJob", &body).unwrap();
        for operation in ["DescribeTrainingJob", "StopTrainingJob"] {
            let asked = ask(&world, &caller, operation, &json!({ "TrainingJobName": name }));
            assert_eq!(asked.is_ok(), name == "ours", "{operation} {asked:?}");
        }
    }
    let caller = guarded(&world, keys);
    let resource = "arn:aws:sagemaker:us-east-1:111122223333:training-job/theirs";
    let remove = |key: &str| json!({ "ResourceArn": resource, "TagKeys": [key] });
    assert!(ask(&world, &caller, "DeleteTags", &remove("team")).is_err());
    assert!(ask(&world, &caller, "DeleteTags", &remove("other")).is_ok());
    finished(&world, "ours").await;
    world.end_jobs().await;
}
