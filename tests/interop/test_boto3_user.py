"""The complete boto3 way as an IAM user with only the policies it needs, step by step, as AWS would answer each."""

import base64
import io
import json
import os
import tarfile
import time

import pytest
from cryptography.fernet import Fernet
from test_boto3_way import TRUST, console_policy, finished, housing, log_of, refused

ACCOUNT = "111122223333"
# The notebook's own list, as AWS-managed policies; and what that list lacks, as the user's own.
MANAGED = [
    "IAMFullAccess",
    "AWSKeyManagementServicePowerUser",
    "AmazonEC2ContainerRegistryFullAccess",
]
OWN = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::sagemaker-*", "arn:aws:s3:::sagemaker-*/*"]},
        {
            "Effect": "Allow",
            "Action": ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob"],
            "Resource": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/*",
        },
        {
            "Effect": "Allow",
            "Action": ["logs:DescribeLogStreams", "logs:GetLogEvents"],
            "Resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs:*",
        },
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/user-way-role"},
    ],
}


class User:
    """Clients of one access key."""

    def __init__(self, world, key):
        credentials = {**key, "SessionToken": None}
        services = ("sts", "kms", "s3", "iam", "sagemaker", "logs", "ecr")
        for service in services:
            setattr(self, service, world.client(service, credentials))


@pytest.fixture(scope="module")
def me(sandbox):
    iam = sandbox.client("iam")
    iam.create_user(UserName="scientist")
    for policy in MANAGED:
        iam.attach_user_policy(UserName="scientist", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    iam.put_user_policy(UserName="scientist", PolicyName="own", PolicyDocument=json.dumps(OWN))
    return User(sandbox, iam.create_access_key(UserName="scientist")["AccessKey"])


def denied(call, **arguments):
    error = refused(call, **arguments)
    assert error["Code"] in ("AccessDeniedException", "AccessDenied"), error
    return error["Message"]


def test_the_whole_way_as_a_user_with_only_the_policies_it_needs(sandbox, me):
    # Who am I, and what may I not?
    who = me.sts.get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/scientist"
    assert denied(me.s3.list_buckets).endswith("because no identity-based policy allows the s3:ListAllMyBuckets action")
    denied(me.sagemaker.list_training_jobs)
    denied(me.logs.describe_log_groups)

    # A key of one's own. Somebody else's is out of reach: the power user may make keys, not use them.
    foreign = sandbox.client("kms").create_key()["KeyMetadata"]["KeyId"]
    assert "because no identity-based policy allows" in denied(me.kms.encrypt, KeyId=foreign, Plaintext=b"x")
    denied(me.kms.create_grant, KeyId=foreign, GranteePrincipal=who["Arn"], Operations=["Encrypt"])
    assert me.kms.describe_key(KeyId=foreign)["KeyMetadata"]["KeyState"] == "Enabled"
    only_attachment = console_policy(ACCOUNT, who["Arn"])
    only_attachment["Statement"] = [only_attachment["Statement"][0], only_attachment["Statement"][3]]
    locked_out = refused(me.kms.create_key, Policy=json.dumps(only_attachment))
    assert locked_out["Code"] == "MalformedPolicyDocumentException"
    key = me.kms.create_key(
        Policy=json.dumps(console_policy(ACCOUNT, who["Arn"])),
        Description="example key",
        KeyUsage="ENCRYPT_DECRYPT",
        Origin="AWS_KMS",
        CustomerMasterKeySpec="SYMMETRIC_DEFAULT",
    )["KeyMetadata"]
    key, arn = key["KeyId"], key["Arn"]
    short = me.kms.encrypt(KeyId=key, Plaintext=b"a short message")
    assert me.kms.decrypt(CiphertextBlob=short["CiphertextBlob"])["Plaintext"] == b"a short message"

    # The data, encrypted; the data key only as C.
    data_key = me.kms.generate_data_key(KeyId=key, NumberOfBytes=32)
    assert data_key["KeyId"] == arn and len(data_key["Plaintext"]) == 32
    assert me.kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    fernet = Fernet(base64.b64encode(data_key["Plaintext"]))
    bucket = time.strftime("sagemaker-%Y-%m-%d-%H-%M-%S") + f"-user-{os.getpid()}"
    denied(me.s3.create_bucket, Bucket="some-other-bucket")
    me.s3.create_bucket(Bucket=bucket)
    me.s3.put_object(Bucket=bucket, Key="data/a_chunk_of_secrets", Body=fernet.encrypt(housing()))

    # The role: trusted by SageMaker and by me; AmazonSageMakerFullAccess says nothing of my key.
    trust = json.loads(json.dumps(TRUST))
    trust["Statement"].append({"Effect": "Allow", "Principal": {"AWS": who["Arn"]}, "Action": "sts:AssumeRole"})
    role = me.iam.create_role(RoleName="user-way-role", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    me.iam.attach_role_policy(
        RoleName="user-way-role", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    )
    session = me.sts.assume_role(RoleArn=role, RoleSessionName="example")["Credentials"]
    as_role = sandbox.client("kms", session)
    message = denied(as_role.encrypt, KeyId=key, Plaintext=b"x")
    assert message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/user-way-role/example is not authorized to perform: kms:Encrypt "
        f"on resource: {arn} because no identity-based policy allows the kms:Encrypt action"
    )
    assert as_role.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == arn

    # The grant: allowed by kms:Create* of the administrators' statement.
    grant = me.kms.create_grant(KeyId=key, GranteePrincipal=role, Operations=["Decrypt", "Encrypt"])
    assert len(grant["GrantId"]) == 64
    sealed = as_role.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert as_role.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    denied(as_role.generate_data_key, KeyId=key, NumberOfBytes=32)
    denied(as_role.create_grant, KeyId=key, GranteePrincipal=role, Operations=["GenerateDataKey"])
    [listed] = me.kms.list_grants(KeyId=key)["Grants"]
    assert (listed["GrantId"], listed["GranteePrincipal"]) == (grant["GrantId"], role)
    assert sorted(listed["Operations"]) == ["Decrypt", "Encrypt"]

    # C beside the data, and an image.
    me.s3.put_object(Bucket=bucket, Key="dont_look", Body=data_key["CiphertextBlob"])
    repository = me.ecr.create_repository(repositoryName=f"user-image-{os.getpid()}")["repository"]
    assert me.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    # The job: InProgress first, then Completed.
    job = f"user-job-{os.getpid()}"
    request = {
        "TrainingJobName": job,
        "RoleArn": role,
        "AlgorithmSpecification": {
            "TrainingImage": repository["repositoryUri"] + ":latest",
            "TrainingInputMode": "File",
        },
        "HyperParameters": {
            "ciphertext_s3_key": "dont_look",
            "kms_key_id": key,
            "train_channel": "train",
            "train_file": "a_chunk_of_secrets",
            "key_bucket": bucket,
        },
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{bucket}/data",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
    }
    me.sagemaker.create_training_job(**request)
    assert me.sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"] == "InProgress"
    assert refused(me.sagemaker.create_training_job, **request)["Code"] == "ResourceInUse"
    done = finished(me.sagemaker, job)
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    steps = [step["Status"] for step in done["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert done["BillableTimeInSeconds"] >= 1
    lines = log_of(me.logs, job)
    assert any(line.startswith("epoch=") for line in lines), lines

    # The model opens with the data key.
    place = done["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
    with tarfile.open(fileobj=io.BytesIO(me.s3.get_object(Bucket=bucket, Key=place)["Body"].read())) as archive:
        model = json.loads(fernet.decrypt(archive.extractfile("model.bin").read()))
    assert model["kind"] == "linear-regression"

    # A role that SageMaker may not assume, and one that I may not pass.
    other = json.dumps({"Version": "2012-10-17", "Statement": [trust["Statement"][1]]})
    untrusting = me.iam.create_role(RoleName="user-untrusting", AssumeRolePolicyDocument=other)["Role"]["Arn"]
    error = refused(me.sagemaker.create_training_job, **{**request, "TrainingJobName": job + "-2", "RoleArn": untrusting})
    assert error["Code"] == "ValidationException" and "Could not assume role" in error["Message"]
    me.iam.put_user_policy(
        UserName="scientist",
        PolicyName="no-pass",
        PolicyDocument=json.dumps({"Statement": [{"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}]}),
    )
    error = refused(me.sagemaker.create_training_job, **{**request, "TrainingJobName": job + "-3"})
    assert "iam:PassRole" in error["Message"] and "explicit deny" in error["Message"]
    me.iam.delete_user_policy(UserName="scientist", PolicyName="no-pass")

    # Revoked: denied again, and nothing is left of the grant.
    me.kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    denied(as_role.decrypt, CiphertextBlob=sealed)
    assert me.kms.list_grants(KeyId=key)["Grants"] == []

    # Clean-up, with a change of mind.
    gone = me.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (gone["KeyState"], gone["PendingWindowInDays"]) == ("PendingDeletion", 7)
    assert refused(me.kms.encrypt, KeyId=key, Plaintext=b"x")["Code"] == "KMSInvalidStateException"
    assert refused(me.kms.enable_key, KeyId=key)["Code"] == "KMSInvalidStateException"
    me.kms.cancel_key_deletion(KeyId=key)
    assert me.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    assert refused(me.kms.decrypt, CiphertextBlob=sealed)["Code"] == "DisabledException"
    me.kms.enable_key(KeyId=key)
    assert me.kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    assert refused(me.s3.delete_bucket, Bucket=bucket)["Code"] == "BucketNotEmpty"
    names = [{"Key": row["Key"]} for row in me.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert len(me.s3.delete_objects(Bucket=bucket, Delete={"Objects": names})["Deleted"]) == len(names)
    me.s3.delete_bucket(Bucket=bucket)
    me.ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)
    me.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
