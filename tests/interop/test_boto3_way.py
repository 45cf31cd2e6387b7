"""The workflow that people run today with boto3, whole, against the sandbox: every call, every refusal."""

import base64
import io
import json
import os
import tarfile
import time
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from cryptography.fernet import Fernet

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
POLL = 0.2


def console_policy(account, person):
    """The console's default policy: account, administrators, users, persistent resources."""
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    admin = ["Create", "Describe", "Enable", "List", "Put", "Update", "Revoke", "Disable", "Get", "Delete"]
    admin = [f"kms:{verb}*" for verb in admin]
    admin += ["kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"]
    grants = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
    everyone = {"AWS": person}
    return {
        "Version": "2012-10-17",
        "Id": "key-consolepolicy-3",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "Allow access for Key Administrators",
                "Effect": "Allow",
                "Principal": everyone,
                "Action": admin,
                "Resource": "*",
            },
            {"Sid": "Allow use of the key", "Effect": "Allow", "Principal": everyone, "Action": use, "Resource": "*"},
            {
                "Sid": "Allow attachment of persistent resources",
                "Effect": "Allow",
                "Principal": everyone,
                "Action": grants,
                "Resource": "*",
                "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            },
        ],
    }


def refused(call, **arguments):
    """The error of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]


def housing():
    rows = ["rooms,age,price"]
    rows += [f"{i % 9},{i % 40},{100 + 30 * (i % 9) - (i % 40)}" for i in range(500)]
    return "\n".join(rows).encode() + b"\n"


def finished(sagemaker, name, seconds=120):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] in ("Completed", "Stopped", "Failed"):
            return job
        time.sleep(POLL)
    pytest.fail(f"{name} is still {job['TrainingJobStatus']} / {job['SecondaryStatus']}")


def log_of(logs, name):
    group = "/aws/sagemaker/TrainingJobs"
    lines = []
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name + "/")["logStreams"]
    for stream in streams:
        token = None
        while True:
            more = {"nextToken": token} if token else {}
            page = logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True, **more
            )
            lines += [event["message"] for event in page["events"]]
            if page["nextForwardToken"] == token:
                break
            token = page["nextForwardToken"]
    return lines


@pytest.fixture
def scene(sandbox):
    """Key, encrypted data, key object, bucket and role, made as the notebook makes them."""
    sts, kms, s3, iam = (sandbox.client(name) for name in ("sts", "kms", "s3", "iam"))

    # A key of one's own.
    me = sts.get_caller_identity()
    created = kms.create_key(
        Policy=json.dumps(console_policy(me["Account"], me["Arn"])),
        Description="example key",
        KeyUsage="ENCRYPT_DECRYPT",
        Origin="AWS_KMS",
        CustomerMasterKeySpec="SYMMETRIC_DEFAULT",
    )["KeyMetadata"]
    key, arn = created["KeyId"], created["Arn"]
    assert (created["KeyState"], created["KeySpec"]) == ("Enabled", "SYMMETRIC_DEFAULT")
    short = kms.encrypt(KeyId=key, Plaintext=b"a short message")
    assert short["KeyId"] == arn
    assert kms.decrypt(CiphertextBlob=short["CiphertextBlob"])["Plaintext"] == b"a short message"

    # The data, encrypted.
    data_key = kms.generate_data_key(KeyId=key, NumberOfBytes=32)
    assert kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    fernet = Fernet(base64.b64encode(data_key["Plaintext"]))
    bucket = time.strftime("sagemaker-%Y-%m-%d-%H-%M-%S") + "-" + key[:8]
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="data/a_chunk_of_secrets", Body=fernet.encrypt(housing()))
    s3.put_object(Bucket=bucket, Key="dont_look", Body=data_key["CiphertextBlob"])

    # A role that may use the key only once it is granted.
    trust = json.loads(json.dumps(TRUST))
    trust["Statement"].append({"Effect": "Allow", "Principal": {"AWS": me["Arn"]}, "Action": "sts:AssumeRole"})
    name = f"example-role-{key[:8]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    return SimpleNamespace(**locals())


def test_the_workflow_up_to_the_job_and_its_clean_up(sandbox, scene):
    sts, kms, s3 = (sandbox.client(name) for name in ("sts", "kms", "s3"))
    key, role, bucket, data_key = scene.key, scene.role, scene.bucket, scene.data_key
    session = sts.assume_role(RoleArn=role, RoleSessionName="proof")["Credentials"]
    as_role = sandbox.client("kms", session)
    denied = refused(as_role.encrypt, KeyId=key, Plaintext=b"x")
    assert denied["Code"] == "AccessDeniedException"
    assert "is not authorized to perform: kms:Encrypt" in denied["Message"]

    grant = kms.create_grant(KeyId=key, GranteePrincipal=role, Operations=["Decrypt", "Encrypt"])
    as_role.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])
    assert [row["GrantId"] for row in kms.list_grants(KeyId=key)["Grants"]] == [grant["GrantId"]]

    # Revoked means refused.
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert refused(as_role.encrypt, KeyId=key, Plaintext=b"x")["Code"] == "AccessDeniedException"

    # Clean-up, with a change of mind.
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x")["Code"] == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x")["Code"] == "DisabledException"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]

    assert refused(s3.delete_bucket, Bucket=bucket)["Code"] == "BucketNotEmpty"
    for row in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=row["Key"])
    s3.delete_bucket(Bucket=bucket)


def test_the_job_fails_without_the_grant_and_trains_with_it(sandbox, scene):
    kms, s3, sagemaker, logs = (sandbox.client(name) for name in ("kms", "s3", "sagemaker", "logs"))
    key, arn, role, bucket, data_key, fernet, me = (
        getattr(scene, name) for name in ("key", "arn", "role", "bucket", "data_key", "fernet", "me")
    )

    def train(job):
        sagemaker.create_training_job(
            TrainingJobName=job,
            RoleArn=role,
            AlgorithmSpecification={
                "TrainingImage": f"{me['Account']}.dkr.ecr.us-east-1.amazonaws.com/example-image:latest",
                "TrainingInputMode": "File",
            },
            HyperParameters={
                "ciphertext_s3_key": "dont_look",
                "kms_key_id": key,
                "train_channel": "train",
                "train_file": "a_chunk_of_secrets",
                "key_bucket": bucket,
            },
            InputDataConfig=[
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
            OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            StoppingCondition={"MaxRuntimeInSeconds": 120},
        )
        return finished(sagemaker, job)

    # Without the grant the job fails, in KMS's words.
    failed = train(f"denied-{os.getpid()}")
    assert failed["TrainingJobStatus"] == "Failed"
    assert "AccessDenied" in failed["FailureReason"]
    assert "is not authorized to perform: kms:Decrypt" in failed["FailureReason"]

    kms.create_grant(KeyId=key, GranteePrincipal=role, Operations=["Decrypt", "Encrypt"])

    # With it the job trains, and says so.
    job = f"granted-{os.getpid()}"
    done = train(job)
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    lines = log_of(logs, job)
    assert any("unwrapped data key of " + arn in line for line in lines), lines
    assert any(line.startswith("epoch=20 loss=") for line in lines), lines
    assert not any(base64.b64encode(data_key["Plaintext"]).decode() in line for line in lines)

    # The model is a token under the same data key.
    place = done["ModelArtifacts"]["S3ModelArtifacts"]
    assert place == f"s3://{bucket}/output/{job}/output/model.tar.gz"
    body = s3.get_object(Bucket=bucket, Key=place.removeprefix(f"s3://{bucket}/"))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        members = {os.path.normpath(member.name): member for member in archive.getmembers() if member.isfile()}
        assert set(members) == {"model.bin", "strongroom.json"}
        token = archive.extractfile(members["model.bin"]).read()
        bundle = json.load(archive.extractfile(members["strongroom.json"]))
    model = json.loads(fernet.decrypt(token))
    assert model["kind"] == "linear-regression"
    assert model["columns"] == ["rooms", "age", "price"]
    assert base64.b64decode(bundle["data_key"]) == data_key["CiphertextBlob"]
    assert bundle["kms_key_id"] == arn
