"""Real training images, built, pushed and run by this machine's docker; passed over, with the reason, where there is none.

Nothing can be pulled here, so the base image is this machine's own Python, imported. What the Dockerfile's default base
image brings is not tested.
"""

import base64
import io
import json
import os
import pathlib
import tarfile
import time

import pytest
from conftest import Cli
from docker_engine import Registry, docker, free_port, import_image, import_python, libraries, need_docker, prepare
from names import NameServer, TlsServer
from sagemaker_job import completed, role_for_training, start
from terminal import BACKSPACE, ENTER, ESC, Dashboard
from test_boto3_way import finished, housing, log_of
from test_sandbox import world

SHELL_IMAGE = "strongroom-interop-image:latest"
BASE = "strongroom-interop-python:latest"
ALONE = "strongroom-interop-alone:latest"
SCRIPT = b"""#!/bin/sh
echo "role $AWS_ACCESS_KEY_ID" | cut -c1-9
echo "word $WORD $DOCKER_HOST"
read line < /opt/ml/input/data/train/x
echo "$line" > /opt/ml/model/copy
trap 'echo tidied; exit 0' TERM
if test -f /opt/ml/input/data/train/wait; then echo waiting; while :; do sleep 0.1; done; fi
"""


@pytest.fixture(scope="module")
def shell_image():
    """A shell, what it needs, and a program called train: enough of a system to be a training image."""
    need_docker()
    programs = [pathlib.Path(path).resolve() for path in ("/bin/sh", "/bin/cut", "/bin/sleep")]
    files = [(f"bin/{name}", program) for name, program in zip(("sh", "cut", "sleep"), programs)]
    files += [(path, path) for path in libraries(*programs)]
    import_image(SHELL_IMAGE, [*files, ("bin/train", SCRIPT)], "ENV PATH=/bin")
    yield SHELL_IMAGE
    docker("rmi", "--force", SHELL_IMAGE)


def test_an_image_trains_in_its_container_and_is_gone_when_stopped(shell_image, tmp_path):
    with world(tmp_path, "--image", f"{shell_image}=docker") as mine:
        s3, sagemaker, logs = (mine.client(name) for name in ("s3", "sagemaker", "logs"))
        role = role_for_training(mine, "r")
        s3.create_bucket(Bucket="sagemaker-c")
        s3.put_object(Bucket="sagemaker-c", Key="data/x", Body=b"hello\n")

        # Which docker itself must not obey.
        environment = {"WORD": "a 'b' #c=$d", "DOCKER_HOST": "unix:///nowhere"}
        start(mine, "whole", role, shell_image, "sagemaker-c", environment=environment)
        _, lines = completed(mine, "whole")
        assert lines == ["role ASIA", "word a 'b' #c=$d unix:///nowhere"]
        model = s3.get_object(Bucket="sagemaker-c", Key="output/whole/output/model.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(model)) as archive:
            assert archive.extractfile("copy").read() == b"hello\n"

        s3.put_object(Bucket="sagemaker-c", Key="data/wait", Body=b"x")
        start(mine, "stopped", role, shell_image, "sagemaker-c")
        until = time.monotonic() + 60
        while sagemaker.describe_training_job(TrainingJobName="stopped")["SecondaryStatus"] != "Training":
            assert time.monotonic() < until
            time.sleep(0.2)
        waiting(logs, "stopped", until)
        sagemaker.stop_training_job(TrainingJobName="stopped")
        assert finished(sagemaker, "stopped")["TrainingJobStatus"] == "Stopped"
        assert "tidied" in log_of(logs, "stopped")
        assert containers() == b""


# Says which host it is, and where the names of all of them lead.
HOSTS = "; ".join(
    [
        "read told < /opt/ml/input/config/resourceconfig.json",
        r"host=${told#*\"current_host\":\"}",
        r"host=${host%%\"*}",
        'while read line; do case $line in *algo-*) echo "$line" ;; esac; done < /etc/hosts > /opt/ml/model/$host',
        'echo "$host here"',
    ]
)


def test_several_hosts_are_containers_that_know_each_other_by_name(shell_image, tmp_path):
    with world(tmp_path, "--image", f"{shell_image}=docker") as mine:
        role = role_for_training(mine, "r")
        s3 = mine.client("s3")
        s3.create_bucket(Bucket="sagemaker-c")
        s3.put_object(Bucket="sagemaker-c", Key="data/x", Body=b"hello\n")
        start(mine, "three", role, shell_image, "sagemaker-c", hosts=3, entrypoint=["/bin/sh", "-c", HOSTS])
        _, lines = completed(mine, "three")
        hosts = ["algo-1", "algo-2", "algo-3"]
        assert sorted(lines) == [f"{host} here" for host in hosts]
        model = s3.get_object(Bucket="sagemaker-c", Key="output/three/output/model.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(model)) as archive:
            assert sorted(archive.getnames()) == hosts
            known = {archive.extractfile(host).read().decode() for host in hosts}
        assert len(known) == 1, known
        addresses = dict(reversed(line.split()) for line in known.pop().splitlines())
        assert sorted(addresses) == hosts and len(set(addresses.values())) == 3
        assert all(address.startswith("127.") for address in addresses.values())
        assert containers() == b""


def test_a_killed_sandbox_takes_its_container_with_it(shell_image, tmp_path):
    with world(tmp_path, "--image", f"{shell_image}=docker") as mine:
        s3, logs = (mine.client(name) for name in ("s3", "logs"))
        role = role_for_training(mine, "r")
        s3.create_bucket(Bucket="sagemaker-c")
        for name in ("x", "wait"):
            s3.put_object(Bucket="sagemaker-c", Key=f"data/{name}", Body=b"hello\n")
        start(mine, "killed", role, shell_image, "sagemaker-c")
        until = time.monotonic() + 60
        waiting(logs, "killed", until)
        assert containers() != b""
        mine.process.kill()
        while containers() != b"":
            assert time.monotonic() < until, "the container outlives the sandbox"
            time.sleep(0.2)


def waiting(logs, name, until):
    while "waiting" not in log_of(logs, name) if streams(logs, name) else True:
        assert time.monotonic() < until
        time.sleep(0.2)


def containers():
    return docker("ps", "--all", "--quiet", "--filter", "name=strongroom-").stdout


def streams(logs, name):
    groups = logs.describe_log_groups()["logGroups"]
    return bool(groups) and bool(
        logs.describe_log_streams(logGroupName=groups[0]["logGroupName"], logStreamNamePrefix=name + "/")["logStreams"]
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder that assets/container/prepare has filled, on a base image with Python."""
    need_docker()
    folder = tmp_path_factory.mktemp("image")
    prepare(folder, BASE)
    import_python(BASE)
    yield folder
    docker("rmi", "--force", BASE)


def test_the_training_image_is_built_tried_pushed_and_trains_in_a_real_container(prepared, tmp_path):
    """From the dashboard: repository, image, push, dry run; then a job on encrypted data, to the decrypted model."""
    host = f"127.0.0.1:{free_port()}"
    image = f"{host}/example-image:latest"
    home = tmp_path / "home"
    home.mkdir()
    with world(tmp_path, "--registry", host, "--image", f"{image}=docker") as mine:
        token = mine.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().removeprefix("AWS:")
        with Registry(tmp_path, int(host.split(":")[1]), password) as registry:
            try:
                assert registry.status("", known=False) == 401
                build_push_and_try(mine, prepared, home, image)
                assert registry.status("example-image/manifests/latest") == 200
                holds_no_credential(mine, image, password, home)

                # What runs is what was pushed.
                built = docker("inspect", "--format", "{{.Id}} {{.Architecture}}", image).stdout
                docker("rmi", "--force", image)
                registry.pull(image, tmp_path / "docker")
                assert docker("inspect", "--format", "{{.Id}} {{.Architecture}}", image).stdout == built
                assert built.split()[1] == b"amd64"
                trains(mine, image, tmp_path)
            finally:
                docker("rmi", "--force", image)
        assert containers() == b""


def build_push_and_try(mine, folder, home, image):
    with Dashboard(mine, folder, home) as dashboard:
        dashboard.wait("train.py").keys("4").keys("a").wait("new repository").choose("new repository")
        dashboard.wait("New ECR repository").keys(ENTER).wait("The repository ").wait(" is there.")
        mine.client("ecr").describe_repositories(repositoryNames=["example-image"])
        dashboard.keys("4").keys("a").wait("build image").choose("build image")
        dashboard.wait("Build a training image").keys(ENTER).wait("Built and pushed", seconds=300)
        dashboard.keys(ESC).gone("Training image").keys("4").keys("a").wait("try image").choose("try image")
        dashboard.wait("Try a training image").keys(BACKSPACE * len("example-image:latest")).keys(image).keys(ENTER)
        # Over a made-up /opt/ml without a data key it says which hyperparameters are missing.
        dashboard.wait("ended with 1").wait("ciphertext_s3_key")


def holds_no_credential(mine, image, password, home):
    layers = docker("history", "--no-trunc", image).stdout.decode()
    settings = docker("inspect", image).stdout.decode()
    assert "strongroom" in layers and "Entrypoint" in settings
    for secret in (password, mine.variables["AWS_SECRET_ACCESS_KEY"], mine.variables["AWS_ACCESS_KEY_ID"]):
        assert secret not in layers + settings
    assert not (home / ".docker").exists()


def trains(mine, image, folder):
    kms, s3 = mine.client("kms"), mine.client("s3")
    role = role_for_training(mine, "trainer")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="sagemaker-image")
    (folder / "housing.csv").write_bytes(housing())
    cli = Cli(mine, folder)
    cli.run("encrypt", "housing.csv", "s3://sagemaker-image/data/", "--key", arn, "--data-key-name", "dont_look")
    told = {"ciphertext_s3_key": "dont_look", "key_bucket": "sagemaker-image", "kms_key_id": arn, "epochs": "7"}

    start(mine, "denied", role, image, "sagemaker-image", **told)
    failed = finished(mine.client("sagemaker"), "denied")
    assert failed["TrainingJobStatus"] == "Failed" and "kms:Decrypt" in failed["FailureReason"], failed

    kms.create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Decrypt", "Encrypt"])
    start(mine, "granted", role, image, "sagemaker-image", **told)
    uri, lines = completed(mine, "granted")
    assert any("strongroom: decrypted train/housing.csv" in line for line in lines), lines
    assert len([line for line in lines if line.startswith("epoch=")]) == 7, lines
    cli.run("decrypt", uri, "-o", "model")
    model = json.loads((folder / "model/model.json").read_text())
    assert (model["kind"], model["columns"], model["rows"]) == ("linear-regression", ["rooms", "age", "price"], 500)


def test_the_static_program_finds_names_and_trusts_certificates_with_nothing_around_it(prepared, tmp_path):
    """The first stage alone is an image of one file. DNS and TLS are what a static program may well fail at."""
    built = docker("build", "--platform", "linux/amd64", "--target", "strongroom", "--tag", ALONE, prepared)
    assert built.returncode == 0, built.stderr
    try:
        with TlsServer(tmp_path, "aws.strongroom.test") as aws, NameServer({"aws.strongroom.test": "127.0.0.1"}) as names:
            (tmp_path / "resolv.conf").write_text(f"nameserver {names.address}\n")

            def doctor(*certificates, host="aws.strongroom.test"):
                mounts = [("resolv.conf", "/etc/resolv.conf"), *certificates]
                done = docker(
                    "run", "--rm", "--network", "host",
                    *(f"--mount=type=bind,readonly,source={tmp_path / name},target={at}" for name, at in mounts),
                    "--env", "AWS_ACCESS_KEY_ID=AKIAMADEUP", "--env", "AWS_SECRET_ACCESS_KEY=made-up",
                    ALONE, "/strongroom", "--region", "us-east-1", "--endpoint-url", f"https://{host}:{aws.port}",
                    "doctor", "--json",
                )  # fmt: skip
                return done.stdout.decode() + done.stderr.decode()

            trusted = ("ca.pem", "/etc/ssl/certs/ca-certificates.crt")
            assert "arn:aws:iam::999988887777:user/by-tls" in doctor(trusted)
            assert aws.served > 0
            distrusted = doctor(("other.pem", "/etc/ssl/certs/ca-certificates.crt"))
            assert "by-tls" not in distrusted and "Debian: ca-certificates" in distrusted, distrusted
            unknown = doctor(trusted, host="elsewhere.strongroom.test")
            assert "by-tls" not in unknown and "dns" in unknown, unknown
    finally:
        docker("rmi", "--force", ALONE)
