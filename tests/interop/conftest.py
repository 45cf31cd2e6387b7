"""Worlds to test in: a strongroom sandbox, or a moto server, each a process of its own on loopback."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import pytest
from botocore.config import Config

STRONGROOM = os.environ["STRONGROOM"]


class World:
    """An AWS at a loopback endpoint, with one user."""

    def __init__(self, endpoint, access_key, secret_key, region):
        self.variables = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
        }

    @property
    def endpoint(self):
        return self.variables["AWS_ENDPOINT_URL"]

    def environment(self, home):
        """What a strongroom process sees: this world, a home of its own, and nothing of ours."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.variables,
        }

    def client(self, service, credentials=None, **config):
        chosen = credentials or {
            "AccessKeyId": self.variables["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": self.variables["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": None,
        }
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.variables["AWS_REGION"],
            aws_access_key_id=chosen["AccessKeyId"],
            aws_secret_access_key=chosen["SecretAccessKey"],
            aws_session_token=chosen["SessionToken"],
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **config),
        )


class Cli:
    """The strongroom binary in a world."""

    def __init__(self, world, home):
        self.world, self.home = world, home

    def run(self, *arguments, check=True, **options):
        done = subprocess.run(
            [STRONGROOM, *map(str, arguments)],
            env=self.world.environment(self.home),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            **options,
        )
        if check and done.returncode != 0:
            pytest.fail(f"strongroom {arguments[0]} ended with {done.returncode}: {done.stderr.decode()}")
        return done

    def json(self, *arguments, **options):
        lines = self.run(*arguments, "--json", **options).stdout.splitlines()
        return [json.loads(line) for line in lines]


def _sandbox(folder, *options, path=os.environ["PATH"]):
    process = subprocess.Popen(
        [STRONGROOM, "sandbox", "--json", *options],
        env={"PATH": path, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=open(folder / "sandbox.err", "wb+"),
    )
    return process


def _stopped(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def empty_world(folder):
    """An empty sandbox, until the generator goes on."""
    process = _sandbox(folder, "--empty")
    line = process.stdout.readline()
    if not line:
        process.wait(20)
        pytest.fail("the sandbox did not start: " + (folder / "sandbox.err").read_text())
    said = json.loads(line)
    assert said["pid"] == process.pid
    yield World(
        said["AWS_ENDPOINT_URL"], said["AWS_ACCESS_KEY_ID"], said["AWS_SECRET_ACCESS_KEY"], said["AWS_DEFAULT_REGION"]
    )
    _stopped(process)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """An empty sandbox that the tests of a session share; each makes its own keys and buckets."""
    yield from empty_world(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    """A moto server."""
    folder = tmp_path_factory.mktemp("moto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = open(folder / "moto.log", "wb+")
    process = subprocess.Popen(
        [str(pathlib.Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        env=os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    endpoint = f"http://127.0.0.1:{port}"
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail("moto_server did not start: " + (folder / "moto.log").read_text())
        try:
            urllib.request.urlopen(endpoint + "/moto-api/", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    else:
        pytest.fail("moto_server does not answer")
    yield World(endpoint, "testing", "testing", "us-east-1")
    _stopped(process)


@pytest.fixture
def cli(sandbox, tmp_path):
    return Cli(sandbox, tmp_path)


@pytest.fixture
def key(sandbox):
    """A KMS key of the sandbox, as ARN."""
    return sandbox.client("kms").create_key(Description="interop")["KeyMetadata"]["Arn"]


@pytest.fixture
def bucket(sandbox, request):
    name = f"sagemaker-interop-{os.getpid()}-{abs(hash(request.node.nodeid)) % 10**10}"
    sandbox.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture(autouse=True, scope="session")
def binary():
    if shutil.which(STRONGROOM) is None:
        pytest.exit(f"{STRONGROOM} is not there", returncode=2)
