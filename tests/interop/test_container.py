"""A real training image, run by this machine's docker; passed over where there is none."""

import io
import json
import pathlib
import re
import subprocess
import tarfile
import time

import pytest
from test_boto3_way import TRUST, finished, log_of
from test_sandbox import world

IMAGE = "strongroom-interop-image:latest"
SCRIPT = """#!/bin/sh
echo "role $AWS_ACCESS_KEY_ID" | cut -c1-9
read line < /opt/ml/input/data/train/x
echo "$line" > /opt/ml/model/copy
trap 'echo tidied; exit 0' TERM
if test -f /opt/ml/input/data/train/wait; then echo waiting; while :; do sleep 0.1; done; fi
"""


def docker(*arguments, **options):
    return subprocess.run(["docker", *arguments], capture_output=True, timeout=60, **options)


@pytest.fixture(scope="module")
def image():
    """A shell, what it needs, and a program called train: enough of a system to be a training image."""
    try:
        if docker("info").returncode != 0:
            pytest.skip("no docker daemon answers")
    except (OSError, subprocess.TimeoutExpired):
        pytest.skip("there is no docker")
    programs = [pathlib.Path(path).resolve() for path in ("/bin/sh", "/bin/cut", "/bin/sleep")]
    libraries = set()
    for program in programs:
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        libraries |= set(re.findall(r"(/\S+) \(0x", listed))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, program in zip(("sh", "cut", "sleep"), programs):
            archive.add(program, f"bin/{name}")
        for library in libraries:
            archive.add(pathlib.Path(library).resolve(), library.lstrip("/"))
        train = tarfile.TarInfo("bin/train")
        train.mode, train.size = 0o755, len(SCRIPT)
        archive.addfile(train, io.BytesIO(SCRIPT.encode()))
    made = docker("import", "--change", "ENV PATH=/bin", "-", IMAGE, input=packed.getvalue())
    assert made.returncode == 0, made.stderr
    yield IMAGE
    docker("rmi", "--force", IMAGE)


def trainer(mine, image):
    """A role and a bucket in a world, and how to start a job of the image there."""
    s3, sagemaker, iam = (mine.client(name) for name in ("s3", "sagemaker", "iam"))
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    s3.create_bucket(Bucket="sagemaker-c")
    s3.put_object(Bucket="sagemaker-c", Key="data/x", Body=b"hello\n")

    def train(name):
        source = {"S3DataType": "S3Prefix", "S3Uri": "s3://sagemaker-c/data"}
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=role,
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            OutputDataConfig={"S3OutputPath": "s3://sagemaker-c/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 120},
        )

    return train


def waiting(logs, name, until):
    while "waiting" not in log_of(logs, name) if streams(logs, name) else True:
        assert time.monotonic() < until
        time.sleep(0.2)


def containers():
    return docker("ps", "--all", "--quiet", "--filter", "name=strongroom-").stdout


def test_an_image_trains_in_its_container_and_is_gone_when_stopped(image, tmp_path):
    with world(tmp_path, "--image", f"{image}=docker") as mine:
        s3, sagemaker, logs = (mine.client(name) for name in ("s3", "sagemaker", "logs"))
        train = trainer(mine, image)

        train("whole")
        job = finished(sagemaker, "whole")
        lines = log_of(logs, "whole")
        assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
        assert lines == ["role ASIA"]
        model = s3.get_object(Bucket="sagemaker-c", Key="output/whole/output/model.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(model)) as archive:
            assert archive.extractfile("copy").read() == b"hello\n"

        s3.put_object(Bucket="sagemaker-c", Key="data/wait", Body=b"x")
        train("stopped")
        until = time.monotonic() + 60
        while sagemaker.describe_training_job(TrainingJobName="stopped")["SecondaryStatus"] != "Training":
            assert time.monotonic() < until
            time.sleep(0.2)
        waiting(logs, "stopped", until)
        sagemaker.stop_training_job(TrainingJobName="stopped")
        assert finished(sagemaker, "stopped")["TrainingJobStatus"] == "Stopped"
        assert "tidied" in log_of(logs, "stopped")
        assert containers() == b""


def test_a_killed_sandbox_takes_its_container_with_it(image, tmp_path):
    with world(tmp_path, "--image", f"{image}=docker") as mine:
        train = trainer(mine, image)
        mine.client("s3").put_object(Bucket="sagemaker-c", Key="data/wait", Body=b"x")
        train("killed")
        until = time.monotonic() + 60
        waiting(mine.client("logs"), "killed", until)
        assert containers() != b""
        mine.process.kill()
        while containers() != b"":
            assert time.monotonic() < until, "the container outlives the sandbox"
            time.sleep(0.2)


def streams(logs, name):
    groups = logs.describe_log_groups()["logGroups"]
    return bool(groups) and bool(
        logs.describe_log_streams(logGroupName=groups[0]["logGroupName"], logStreamNamePrefix=name + "/")["logStreams"]
    )
