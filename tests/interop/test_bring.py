"""strongroom brought to images that have none, by a channel: real containers of images with nothing of ours in them."""

import base64
import json
import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import Cli
from docker_engine import ROOT, Registry, docker, free_port, import_image, import_python, need_docker, static_program
from names import NameServer, TlsServer
from sagemaker_job import completed, role_for_training
from test_boto3_way import finished, housing, log_of
from test_container import containers
from test_sandbox import world

# A shell and Python, which checks what was brought; a shell and coreutils; and an image without a shell.
PYTHON = "strongroom-interop-her-own:latest"
COREUTILS = "strongroom-interop-coreutils:latest"
SHELLLESS = "strongroom-interop-shellless:latest"
TOOLS = ("cp", "chmod", "mkdir", "rm")
BUCKET = "sagemaker-bring"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program as assets/container/prepare makes it, in a debug build."""
    need_docker()
    if shutil.which("cargo") is None:
        pytest.skip("there is no cargo to link strongroom statically with")
    to = tmp_path_factory.mktemp("program") / "strongroom"
    subprocess.run(["strip", "-o", to, static_program()], check=True)
    return to


@pytest.fixture(scope="module")
def images(program):
    script = [("/opt/program/train.py", ROOT / "assets/container/train.py")]
    import_python(PYTHON, *TOOLS, more=script)
    import_python(COREUTILS, *TOOLS, "sha256sum", "mktemp", more=script, certificates=False)
    import_image(SHELLLESS, [("/train", program)])
    yield
    for image in (PYTHON, COREUTILS, SHELLLESS):
        docker("rmi", "--force", image)


def prepared(mine, folder):
    """A key, encrypted rows, and a role that may use it."""
    arn = mine.client("kms").create_key()["KeyMetadata"]["Arn"]
    mine.client("s3").create_bucket(Bucket=BUCKET)
    (folder / "housing.csv").write_bytes(housing())
    cli = Cli(mine, folder)
    cli.run("encrypt", "housing.csv", f"s3://{BUCKET}/data/", "--key", arn)
    role = role_for_training(mine, "trainer")
    mine.client("kms").create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Decrypt", "Encrypt"])
    return cli


def begin(cli, image, program, name, *options, **more):
    job = ["start", image, "--name", name, "--role", "trainer", "--channel", f"train=s3://{BUCKET}/data/"]
    command = ["--", "python3", "/opt/program/train.py"]
    return cli.run(*job, "--program", program, "--wait", "--json", *options, *command, **more)


@pytest.mark.parametrize("image", [PYTHON, COREUTILS])
def test_an_image_with_a_shell_and_python_trains_on_tokens_to_a_model_that_opens(images, program, tmp_path, image):
    settings = docker("inspect", "--format", "{{json .Config.Entrypoint}} {{json .Config.Cmd}}", image).stdout
    assert settings.split() == [b"null", b"null"]
    with world(tmp_path, "--image", f"{image}=docker") as mine:
        cli = prepared(mine, tmp_path)
        told = [json.loads(line) for line in begin(cli, image, program, "first", "--hp", "epochs=7").stdout.splitlines()]
        assert told[0]["program"]["uploaded"] is True
        lines = [news["text"] for news in told if news["event"] == "log"]
        assert "strongroom: decrypted train/housing.csv" in " ".join(lines), lines
        assert len([line for line in lines if line.startswith("epoch=")]) == 7, lines
        job = mine.client("sagemaker").describe_training_job(TrainingJobName="first")
        assert job["TrainingJobStatus"] == "Completed"
        cli.run("decrypt", job["ModelArtifacts"]["S3ModelArtifacts"], "-o", "model")
        model = json.loads((tmp_path / "model/model.json").read_text())
        assert (model["kind"], model["rows"]) == ("linear-regression", 500)

        # A clone by hand, once what was brought is there and once after somebody has changed it.
        sagemaker = mine.client("sagemaker")
        kept = ("RoleArn", "AlgorithmSpecification", "HyperParameters", "InputDataConfig", "OutputDataConfig",
                "ResourceConfig", "StoppingCondition", "CheckpointConfig")  # fmt: skip
        again = {part: job[part] for part in kept}
        sagemaker.create_training_job(TrainingJobName="again", **again)
        completed(mine, "again")
        place = told[0]["program"]["uri"].removeprefix(f"s3://{BUCKET}/")
        changed = bytearray(pathlib.Path(program).read_bytes())
        changed[-1] ^= 1
        mine.client("s3").put_object(Bucket=BUCKET, Key=place, Body=bytes(changed))
        sagemaker.create_training_job(TrainingJobName="tampered", **again)
        failed = finished(sagemaker, "tampered")
        assert failed["TrainingJobStatus"] == "Failed", failed
        assert "is not the one that was sent" in failed["FailureReason"], failed
        assert not [line for line in log_of(mine.client("logs"), "tampered") if "decrypted" in line or "epoch" in line]
        assert containers() == b""


def test_what_an_image_runs_by_itself_is_read_from_the_registry_that_it_was_pushed_to(images, program, tmp_path):
    host = f"127.0.0.1:{free_port()}"
    image = f"{host}/her-own:1"
    script = [("/opt/program/train.py", ROOT / "assets/container/train.py")]
    with world(tmp_path, "--registry", host, "--image", f"{image}=docker") as mine:
        token = mine.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().removeprefix("AWS:")
        mine.client("ecr").create_repository(repositoryName="her-own")
        options = {"env": os.environ | {"DOCKER_CONFIG": str(tmp_path / "docker")}}
        with Registry(tmp_path, int(host.split(":")[1]), password):
            try:
                import_python(image, *TOOLS, more=script, changes=['ENTRYPOINT ["python3", "/opt/program/train.py"]'])
                login = docker("login", "--username", "AWS", "--password-stdin", host, input=password.encode(), **options)
                assert login.returncode == 0, login.stderr
                pushed = docker("push", image, **options)
                assert pushed.returncode == 0, pushed.stderr
                cli = prepared(mine, tmp_path)
                cli.run(
                    "start", image, "--name", "first", "--role", "trainer", "--program", program, "--wait",
                    "--channel", f"train=s3://{BUCKET}/data/",
                )  # fmt: skip
            finally:
                docker("rmi", "--force", image)
        job = mine.client("sagemaker").describe_training_job(TrainingJobName="first")
        assert job["AlgorithmSpecification"]["ContainerArguments"] == ["python3", "/opt/program/train.py", "train"]
        cli.run("decrypt", job["ModelArtifacts"]["S3ModelArtifacts"], "-o", "model")
        assert json.loads((tmp_path / "model/model.json").read_text())["rows"] == 500


def test_an_image_without_a_shell_is_told_of(images, program, tmp_path):
    with world(tmp_path, "--image", f"{SHELLLESS}=docker") as mine:
        cli = prepared(mine, tmp_path)
        done = begin(cli, SHELLLESS, program, "shellless", check=False)
        said = done.stderr.decode()
        assert done.returncode == 1 and "no /bin/sh" in said and "assets/container" in said, said


def test_names_and_certificates_are_found_in_the_image_or_said_to_be_missing(images, program, tmp_path):
    """With the image's own C library beside it, which a static program must not need, and with sources of names that only
    a dynamic one could load."""
    with TlsServer(tmp_path, "aws.strongroom.test") as aws, NameServer({"aws.strongroom.test": "127.0.0.1"}) as names:
        (tmp_path / "resolv.conf").write_text(f"nameserver {names.address}\n")
        (tmp_path / "sources").write_text("hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n")
        bundle = "/etc/ssl/certs/ca-certificates.crt"

        def doctor(image, *mounted, host="aws.strongroom.test", environment=()):
            mounts = [("resolv.conf", "/etc/resolv.conf"), (program.name, "/brought"), *mounted]
            folders = {program.name: program.parent}
            variables = ["AWS_ACCESS_KEY_ID=AKIAMADEUP", "AWS_SECRET_ACCESS_KEY=made-up", *environment]
            done = docker(
                "run", "--rm", "--network", "host",
                *(f"--mount=type=bind,readonly,source={folders.get(name, tmp_path) / name},target={at}" for name, at in mounts),
                *(word for variable in variables for word in ("--env", variable)),
                "--entrypoint", "/brought", image,
                "--region", "us-east-1", "--endpoint-url", f"https://{host}:{aws.port}", "doctor", "--json",
            )  # fmt: skip
            return done.stdout.decode() + done.stderr.decode()

        trusted = ("ca.pem", bundle)
        sources = ("sources", "/etc/nsswitch.conf")
        for mounted in ((trusted,), (trusted, sources)):
            assert "arn:aws:iam::999988887777:user/by-tls" in doctor(PYTHON, *mounted)
        unknown = doctor(PYTHON, trusted, host="elsewhere.strongroom.test")
        assert "by-tls" not in unknown and "dns" in unknown, unknown
        # No bundle at all: what is missing is said, with what helps; a job's environment can name one.
        missing = doctor(COREUTILS)
        assert "by-tls" not in missing and "ca-certificates" in missing and "AWS_CA_BUNDLE" in missing, missing
        named = doctor(COREUTILS, ("ca.pem", "/opt/own.pem"), environment=["AWS_CA_BUNDLE=/opt/own.pem"])
        assert "by-tls" in named, named
