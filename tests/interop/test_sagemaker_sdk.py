"""The SageMaker Python SDK, version 2 and version 3, as it is: only AWS_ENDPOINT_URL tells it where to go."""

import io
import os
import pathlib
import subprocess
import tarfile

import pytest
from sagemaker_job import role_for_training
from test_boto3_way import log_of
from test_sandbox import world

SCRIPTS = pathlib.Path(__file__).parent / "scripts"
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/sdk:latest"
# What stands for the image: it says what it was given, and keeps its data as the model.
TRAIN = 'echo "$1 $WORD loss=0.25"; cat /opt/ml/input/config/hyperparameters.json; cp input/data/train/x /opt/ml/model'
SCRIPT = """
import json, os, shutil
print("epochs", json.loads(os.environ["SM_HPS"])["epochs"], os.environ["WORD"])
shutil.copy(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "x"), os.environ["SM_MODEL_DIR"])
"""
# Each host says what it was given, and leaves its share of the shards; told to wait it waits.
SHARE = """
host=$(grep -o '"current_host":"[^"]*' /opt/ml/config/resourceconfig.json | cut -d'"' -f4)
echo "$host $WORD $# $2"
ls /opt/ml/processing/input/shards > /opt/ml/processing/output/$host
if [ -e /opt/ml/processing/input/shards/wait ]; then sleep 1000 & wait; fi
exit $(cat /opt/ml/processing/input/shards/status 2>/dev/null || echo 0)
"""
QUIET = """
SchemaVersion: "1.0"
SageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}
"""


class Client:
    """A version of the SDK in a world: its script, run by a Python that has it."""

    def __init__(self, mine, folder, version, script):
        self.python = os.environ.get(f"SAGEMAKER_{version}")
        if self.python is None:
            pytest.skip(f"no SageMaker Python SDK of version {version}: tests/interop/run brings it")
        self.world, self.folder, self.script = mine, folder, script
        self.role = role_for_training(mine, f"r{version}")
        self.bucket = f"sagemaker-sdk{version}"
        self.s3 = mine.client("s3")
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key="data/x", Body=b"data\n")
        self.key = mine.client("kms").create_key()["KeyMetadata"]["Arn"]
        (folder / "quiet.yaml").write_text(QUIET)

    def run(self, *more, role=None):
        return subprocess.run(
            [self.python, SCRIPTS / self.script, IMAGE, role or self.role, self.bucket, self.key, *more],
            env=self.world.environment(self.folder)
            | {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(self.folder / "quiet.yaml"), "COLUMNS": "1000"},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def may_not_yet(self):
        """The output's KMS key is not the role's to use: SageMaker says which permission it lacks."""
        refused = self.run()
        assert refused.returncode != 0
        said = " ".join((refused.stdout + refused.stderr).split())
        assert "Artifact upload failed: AccessDenied (403)" in said, said
        assert f"is not authorized to perform: kms:GenerateDataKey on resource: {self.key}" in said, said

    def grant(self):
        self.world.client("kms").create_grant(
            KeyId=self.key, GranteePrincipal=self.role, Operations=["GenerateDataKey", "Decrypt"]
        )

    def trains(self, *more):
        """The job, its log, and its model, which is under the key."""
        done = self.run(*more)
        assert done.returncode == 0, done.stdout + done.stderr
        name, uri = done.stdout.split()[-2:]
        place = dict(zip(("Bucket", "Key"), uri.removeprefix("s3://").split("/", 1)))
        model = self.s3.get_object(**place)
        assert (model["ServerSideEncryption"], model["SSEKMSKeyId"]) == ("aws:kms", self.key)
        with tarfile.open(fileobj=io.BytesIO(model["Body"].read())) as archive:
            assert archive.extractfile("x").read() == b"data\n"
        job = self.world.client("sagemaker").describe_training_job(TrainingJobName=name)
        assert job["TrainingJobStatus"] == "Completed"
        return job, log_of(self.world.client("logs"), name)

    def shares(self, how, is_well=True, **more):
        """A processing job on two hosts over these shards: what the SDK said, and the job."""
        for key, body in ({f"{number:04}": b"" for number in range(5)} | more).items():
            self.s3.put_object(Bucket=self.bucket, Key=f"shards/{key}", Body=body)
        (self.folder / "share.sh").write_text(SHARE)
        done = self.run(str(self.folder / "share.sh"), how)
        assert (done.returncode == 0) == is_well, done.stdout + done.stderr
        sagemaker = self.world.client("sagemaker")
        newest = sagemaker.list_processing_jobs(SortBy="CreationTime", SortOrder="Descending")
        name = newest["ProcessingJobSummaries"][0]["ProcessingJobName"]
        return done.stdout + done.stderr, sagemaker.describe_processing_job(ProcessingJobName=name)


@pytest.fixture
def mine(tmp_path):
    with world(tmp_path, "--image", f"{IMAGE}={TRAIN}") as made:
        yield made


def test_an_estimator_of_version_2_fits_under_an_output_kms_key_by_a_grant(mine, tmp_path):
    client = Client(mine, tmp_path, 2, "estimator.py")
    client.may_not_yet()
    client.grant()
    job, lines = client.trains()
    assert lines == ["train a b loss=0.25", '{"epochs":"3"}']
    assert [metric["Value"] for metric in job["FinalMetricDataList"]] == [0.25]
    tags = mine.client("sagemaker").list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert {"Key": "team", "Value": "vision"} in tags


def test_a_model_trainer_of_version_3_trains_under_an_output_kms_key_by_a_grant(mine, tmp_path):
    client = Client(mine, tmp_path, 3, "model_trainer.py")
    client.may_not_yet()
    client.grant()
    _, lines = client.trains()
    assert lines[0] == "train a b loss=0.25"

    # The same with a script of one's own, which the SDK's driver starts in the image.
    (tmp_path / "source").mkdir()
    (tmp_path / "source/train.py").write_text(SCRIPT)
    job, lines = client.trains(str(tmp_path / "source"))
    assert job["AlgorithmSpecification"]["ContainerEntrypoint"] == ["/bin/bash"]
    assert "epochs 3 a b" in lines, lines


def test_version_3_refuses_a_role_whose_policies_allow_no_training(mine, tmp_path):
    client = Client(mine, tmp_path, 3, "model_trainer.py")
    iam = mine.client("iam")
    iam.detach_role_policy(RoleName="r3", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    refused = client.run()
    assert refused.returncode != 0 and "ec2:CreateNetworkInterface" in refused.stdout + refused.stderr


SCRIPT_OF = {2: "processor.py", 3: "processor3.py"}


@pytest.mark.parametrize("version", [2, 3])
def test_a_script_processor_runs_on_two_hosts_is_waited_for_with_its_logs_described_and_stopped(mine, tmp_path, version):
    client = Client(mine, tmp_path, version, SCRIPT_OF[version])
    client.grant()
    said, job = client.shares("wait")
    assert f"Completed {job['ProcessingJobName']}" in said, said
    for host in ("algo-1", "algo-2"):
        assert f"{host} a b 2 two words" in said, said
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["AppSpecification"]["ContainerEntrypoint"] == ["sh", "/opt/ml/processing/input/code/share.sh"]
    assert job["ProcessingOutputConfig"]["KmsKeyId"] == client.key
    assert mine.client("sagemaker").list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"][0]["Key"] == "team"
    shards = []
    for host in ("algo-1", "algo-2"):
        share = client.s3.get_object(Bucket=client.bucket, Key=f"results/{host}")
        assert (share["ServerSideEncryption"], share["SSEKMSKeyId"]) == ("aws:kms", client.key)
        shards += share["Body"].read().decode().split()
    assert sorted(shards) == [f"{number:04}" for number in range(5)]

    _, job = client.shares("stop", wait=b"")
    assert job["ProcessingJobStatus"] == "Stopped"

    client.s3.delete_object(Bucket=client.bucket, Key="shards/wait")
    said, job = client.shares("wait", False, status=b"3")
    assert job["ProcessingJobStatus"] == "Failed" and "exit code: 3" in job["FailureReason"]
    assert "UnexpectedStatusException" in said, said
