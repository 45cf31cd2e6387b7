"""Somebody else's AWS: moto's server, reached by --endpoint-url."""

import base64
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte
import pytest
from conftest import STRONGROOM, Cli
from cryptography.fernet import Fernet

COLUMNS, LINES = 120, 36


class Dashboard:
    """The dashboard in a pseudo-terminal, read off a screen."""

    def __init__(self, world, home, *arguments):
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        environment = world.environment(home) | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environment.pop("AWS_ENDPOINT_URL")
        self.process = subprocess.Popen(
            [STRONGROOM, *arguments],
            env=environment,
            cwd=home,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inside)

    def read(self, seconds):
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if not ready:
            return
        try:
            self.stream.feed(os.read(self.terminal, 65536))
        except OSError:
            pass

    def text(self):
        return "\n".join(self.screen.display)

    def wait_for(self, *words, seconds=60):
        until = time.monotonic() + seconds
        while not all(word in self.text() for word in words):
            if time.monotonic() > until or self.process.poll() is not None:
                pytest.fail(f"the screen never showed {words}:\n{self.text()}")
            self.read(0.2)

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def ended(self, seconds=60):
        until = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.1)
        return self.process.poll()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.terminal)


@pytest.fixture
def moto_cli(moto, tmp_path):
    return Cli(moto, tmp_path)


@pytest.fixture
def moto_key(moto):
    kms = moto.client("kms")
    arn = kms.create_key(Description="moto's own")["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=f"alias/moto-{arn[-8:]}", TargetKeyId=arn)
    return arn


def test_the_dashboard_shows_motos_key_and_bucket_and_leaves_on_q(moto, moto_key, tmp_path):
    bucket = f"moto-bucket-{moto_key[-8:]}"
    moto.client("s3").create_bucket(Bucket=bucket)
    with Dashboard(moto, tmp_path, "--endpoint-url", moto.endpoint, f"s3://{bucket}/") as dashboard:
        dashboard.wait_for(f"moto-{moto_key[-8:]}", bucket)
        dashboard.type("q")
        assert dashboard.ended() == 0


def test_what_went_up_to_moto_comes_down_and_opens_in_python(moto, moto_cli, moto_key, tmp_path):
    bucket = f"moto-data-{moto_key[-8:]}"
    s3 = moto.client("s3")
    s3.create_bucket(Bucket=bucket)
    plaintext = os.urandom(9 * 1024 * 1024)
    (tmp_path / "secret.bin").write_bytes(plaintext)
    endpoint = ("--endpoint-url", moto.endpoint)
    [said] = moto_cli.json(*endpoint, "encrypt", tmp_path / "secret.bin", f"s3://{bucket}/data/", "--key", moto_key)
    assert said["kms_key_id"] == moto_key
    moto_cli.run(*endpoint, "decrypt", f"s3://{bucket}/data/secret.bin", "-o", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == plaintext

    place = said["data_key_uri"].removeprefix(f"s3://{bucket}/")
    wrapped = s3.get_object(Bucket=bucket, Key=place)["Body"].read()
    data_key = moto.client("kms").decrypt(CiphertextBlob=wrapped)["Plaintext"]
    token = s3.get_object(Bucket=bucket, Key="data/secret.bin")["Body"].read()
    assert Fernet(base64.b64encode(data_key)).decrypt(token) == plaintext
