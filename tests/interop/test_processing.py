"""Processing jobs as a boto3 user makes them: inputs in shares, outputs, messages, a host that dies, a stop; and AWS's waiter."""

import json
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from sagemaker_job import role_for_training
from test_sandbox import world

IMAGE = "bulk:1"
# Each host says what it was given, and leaves it; told to wait it waits.
COMMAND = """
host=$(grep -o '"current_host":"[^"]*' config/resourceconfig.json | cut -d'"' -f4)
echo "$host runs as $(grep -o '"ProcessingJobName":"[^"]*' config/processingjobconfig.json | cut -d'"' -f4)"
ls processing/input/shards > processing/output/$host
if [ "$WAIT" = yes ]; then trap 'echo told to end; exit 0' TERM; sleep 1000 & wait; fi
printf "$host is done" > output/message
exit ${STATUS:-0}
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    with world(tmp_path_factory.mktemp("processing"), "--image", f"{IMAGE}={COMMAND}") as mine:
        mine.role = role_for_training(mine, "worker")
        s3 = mine.client("s3")
        s3.create_bucket(Bucket="sagemaker-bulk")
        for number in range(10):
            s3.put_object(Bucket="sagemaker-bulk", Key=f"shards/{number:04}.jsonl", Body=b"{}\n")
        yield mine


def create(mine, name, hosts=4, environment=None, **more):
    return mine.client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=mine.role,
        AppSpecification={"ImageUri": IMAGE},
        Environment=environment or {},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": hosts, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        ProcessingInputs=[
            {
                "InputName": "shards",
                "S3Input": {
                    "S3Uri": "s3://sagemaker-bulk/shards/",
                    "LocalPath": "/opt/ml/processing/input/shards",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "ShardedByS3Key",
                },
            }
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"s3://sagemaker-bulk/results/{name}",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        **more,
    )


def finished(mine, name):
    """By the waiter that boto3 has for it."""
    sagemaker = mine.client("sagemaker")
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    try:
        waiter.wait(ProcessingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    except boto3.exceptions.botocore.exceptions.WaiterError:
        pass
    return sagemaker.describe_processing_job(ProcessingJobName=name)


def results(mine, name):
    s3 = mine.client("s3")
    rows = s3.list_objects_v2(Bucket="sagemaker-bulk", Prefix=f"results/{name}/").get("Contents", [])
    return {
        row["Key"].rsplit("/", 1)[1]: s3.get_object(Bucket="sagemaker-bulk", Key=row["Key"])["Body"].read().decode()
        for row in rows
    }


def faults(mine, *said):
    """Sets what goes wrong from now on."""
    url = mine.endpoint + "/_strongroom/control"
    request = AWSRequest("POST", url, data=json.dumps({"faults": said}), headers={"Content-Type": "application/json"})
    variables = mine.variables
    credentials = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(credentials, "strongroom", variables["AWS_REGION"]).add_auth(request)
    prepared = request.prepare()
    signed = urllib.request.Request(url, data=request.data.encode(), headers=dict(prepared.headers), method="POST")
    urllib.request.urlopen(signed).close()


def refused(call, **arguments):
    with pytest.raises(ClientError) as told:
        call(**arguments)
    return told.value.response["Error"]


def test_four_hosts_share_the_shards_and_leave_their_results(mine):
    arn = create(mine, "share", Tags=[{"Key": "team", "Value": "vision"}])["ProcessingJobArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:111122223333:processing-job/share"
    job = finished(mine, "share")
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Completed", "algo-1 is done"), job
    assert job["ProcessingInputs"][0]["AppManaged"] is False
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    shares = results(mine, "share")
    assert set(shares) == {f"algo-{number}" for number in range(1, 5)}
    shards = sorted(shard for share in shares.values() for shard in share.split())
    assert shards == [f"{number:04}.jsonl" for number in range(10)]
    tags = mine.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "team", "Value": "vision"}]
    streams = mine.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="share/"
    )["logStreams"]
    hosts = [stream["logStreamName"].rsplit("-", 1)[0] for stream in streams]
    assert hosts == [f"share/algo-{number}" for number in range(1, 5)]


def test_a_host_that_fails_fails_the_job_with_what_it_left(mine):
    create(mine, "fails", 2, {"STATUS": "3"})
    job = finished(mine, "fails")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: , exit code: 3"
    assert job["ExitMessage"] in ("algo-1 is done", "algo-2 is done")
    assert results(mine, "fails") == {}


def test_a_host_that_dies_fails_the_job_and_the_next_one_is_whole(mine):
    faults(mine, "sagemaker:kill=200ms")
    create(mine, "dies", 3, {"WAIT": "yes"})
    job = finished(mine, "dies")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: "), job
    faults(mine)
    create(mine, "again", 3)
    assert finished(mine, "again")["ProcessingJobStatus"] == "Completed"
    assert len(results(mine, "again")) == 3


def test_a_job_is_stopped_and_keeps_what_it_has(mine):
    sagemaker = mine.client("sagemaker")
    create(mine, "stops", 2, {"WAIT": "yes"})
    while not sagemaker.describe_processing_job(ProcessingJobName="stops").get("ProcessingStartTime"):
        pass
    sagemaker.stop_processing_job(ProcessingJobName="stops")
    job = finished(mine, "stops")
    assert job["ProcessingJobStatus"] == "Stopped" and "FailureReason" not in job
    again = refused(sagemaker.stop_processing_job, ProcessingJobName="stops")
    assert again["Code"] == "ValidationException" and "in status Stopped" in again["Message"]


def test_a_job_that_takes_too_long_is_stopped(mine):
    create(mine, "long", 1, {"WAIT": "yes"}, StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = finished(mine, "long")
    assert job["ProcessingJobStatus"] == "Stopped" and "MaxRuntimeInSeconds" in job["FailureReason"]


def test_jobs_are_listed_by_status_and_name_page_by_page(mine):
    sagemaker = mine.client("sagemaker")
    for name in ("list-a", "list-b", "list-c"):
        create(mine, name, 1)
        finished(mine, name)
    pages = sagemaker.get_paginator("list_processing_jobs").paginate(
        NameContains="list-", SortBy="Name", SortOrder="Descending", PaginationConfig={"PageSize": 2}
    )
    rows = [row for page in pages for row in page["ProcessingJobSummaries"]]
    assert [row["ProcessingJobName"] for row in rows] == ["list-c", "list-b", "list-a"]
    assert {row["ProcessingJobStatus"] for row in rows} == {"Completed"}
    assert sagemaker.list_processing_jobs(NameContains="list-", StatusEquals="Failed")["ProcessingJobSummaries"] == []
    taken = refused(lambda **more: create(mine, "list-a", **more))
    assert taken["Code"] == "ResourceInUse"
    missing = refused(sagemaker.describe_processing_job, ProcessingJobName="nobody")
    assert missing["Code"] == "ValidationException" and "Could not find requested job" in missing["Message"]


def test_whoever_starts_a_job_needs_its_right_and_that_to_pass_the_role(mine):
    iam = mine.client("iam")
    iam.create_user(UserName="limited")
    made = iam.create_access_key(UserName="limited")["AccessKey"]
    credentials = {
        "AccessKeyId": made["AccessKeyId"],
        "SecretAccessKey": made["SecretAccessKey"],
        "SessionToken": None,
    }
    sagemaker = mine.client("sagemaker", credentials)
    request = {
        "ProcessingJobName": "limited",
        "RoleArn": mine.role,
        "AppSpecification": {"ImageUri": IMAGE},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    }

    def allow(*actions):
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        iam.put_user_policy(
            UserName="limited",
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    assert "sagemaker:CreateProcessingJob" in refused(sagemaker.create_processing_job, **request)["Message"]
    allow("sagemaker:CreateProcessingJob")
    assert "iam:PassRole" in refused(sagemaker.create_processing_job, **request)["Message"]
    allow("sagemaker:CreateProcessingJob", "iam:PassRole")
    sagemaker.create_processing_job(**request)
    assert "sagemaker:StopProcessingJob" in refused(sagemaker.stop_processing_job, ProcessingJobName="limited")["Message"]
