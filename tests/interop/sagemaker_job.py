"""Training jobs as a boto3 user makes them: a role that SageMaker may assume, one channel, and a wait for the end."""

import json

from test_boto3_way import TRUST, finished, log_of


def role_for_training(world, name):
    """A role with AmazonSageMakerFullAccess, which allows no use of any key; its ARN."""
    iam = world.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    return arn


def start(
    world, name, role, image, bucket, prefix="data", environment=None, hosts=1, entrypoint=(), **hyperparameters
):
    """A job on s3://BUCKET/PREFIX as the channel train."""
    algorithm = {"TrainingImage": image, "TrainingInputMode": "File"}
    if entrypoint:
        algorithm["ContainerEntrypoint"] = list(entrypoint)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{prefix}", "S3DataDistributionType": "FullyReplicated"}
    world.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=role,
        AlgorithmSpecification=algorithm,
        HyperParameters=hyperparameters,
        Environment=environment or {},
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 120},
    )


def completed(world, name):
    """Waits for the end, which must be a good one: the model's URI and the log."""
    job = finished(world.client("sagemaker"), name)
    lines = log_of(world.client("logs"), name)
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    return job["ModelArtifacts"]["S3ModelArtifacts"], lines
