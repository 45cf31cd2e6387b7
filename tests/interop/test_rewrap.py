"""Data keys that strongroom puts under another KMS key, as Python opens their tokens: boto3 and cryptography, nothing of ours."""

import base64
import json
import subprocess
import urllib.parse

import pytest
from conftest import STRONGROOM
from cryptography.fernet import Fernet

NAMES = [f"{number:02}.csv" for number in range(12)]


def text(name):
    return f"x,y\n{name},2\n".encode() * 40


def opened(sandbox, bucket, key, by_object=False):
    """The plaintext, by what the object says at this moment; the data key from its metadata, or from its key object."""
    s3, kms = sandbox.client("s3"), sandbox.client("kms")
    got = s3.get_object(Bucket=bucket, Key=key)
    said = got["Metadata"]
    name = urllib.parse.unquote(said["strongroom-data-key-object"])
    wrapped = s3.get_object(Bucket=bucket, Key=name)["Body"].read() if by_object else base64.b64decode(said["strongroom-data-key"])
    context = json.loads(base64.b64decode(said["strongroom-context"])) if "strongroom-context" in said else {}
    data_key = kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context, KeyId=said["strongroom-kms-key-id"])
    return Fernet(base64.b64encode(data_key["Plaintext"])).decrypt(got["Body"].read())


@pytest.fixture
def tokens(cli, key, bucket):
    """Tokens under three data keys, one of them with a context."""
    for folder in ("a", "b", "c"):
        (cli.home / folder).mkdir()
        for name in NAMES:
            (cli.home / folder / name).write_bytes(text(name))
        more = ["--context", "project=houses"] if folder == "c" else []
        cli.run("encrypt", folder, f"s3://{bucket}/data/{folder}/", "--key", key, *more)
    return [f"data/{folder}/{name}" for folder in ("a", "b", "c") for name in NAMES]


class TestRewrapped:
    def test_every_token_opens_all_the_while_and_without_the_old_key_afterwards(self, sandbox, cli, key, bucket, tokens):
        kms = sandbox.client("kms")
        new = kms.create_key(Description="new")["KeyMetadata"]["Arn"]
        running = subprocess.Popen(
            [STRONGROOM, "rewrap", f"s3://{bucket}/data/", "--to", new],
            env=sandbox.environment(cli.home),
            stdout=subprocess.DEVNULL,
        )
        reads = 0
        while running.poll() is None:
            for nth, name in enumerate(tokens):
                assert opened(sandbox, bucket, name, by_object=nth % 2) == text(name[-6:])
                reads += 1
        assert running.returncode == 0 and reads > 0
        kms.disable_key(KeyId=key)
        for name in tokens:
            said = sandbox.client("s3").head_object(Bucket=bucket, Key=name)["Metadata"]
            assert said["strongroom-kms-key-id"] == new
            assert opened(sandbox, bucket, name) == opened(sandbox, bucket, name, by_object=True) == text(name[-6:])

    def test_the_boto3_ways_token_is_refused_by_name_and_opens_as_before(self, sandbox, cli, key, bucket):
        s3, kms = sandbox.client("s3"), sandbox.client("kms")
        made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
        s3.put_object(Bucket=bucket, Key="dont_look", Body=made["CiphertextBlob"])
        token = Fernet(base64.b64encode(made["Plaintext"])).encrypt(b"the diagnosis")
        s3.put_object(Bucket=bucket, Key="data/token", Body=token)
        new = kms.create_key(Description="new")["KeyMetadata"]["Arn"]
        done = cli.run("rewrap", f"s3://{bucket}/", "--to", new, "--delete-old-key-objects", check=False)
        assert done.returncode == 1
        assert f"s3://{bucket}/data/token: refused" in done.stdout.decode() and b"convention" in done.stdout
        wrapped = s3.get_object(Bucket=bucket, Key="dont_look")["Body"].read()
        data_key = kms.decrypt(CiphertextBlob=wrapped)["Plaintext"]
        body = s3.get_object(Bucket=bucket, Key="data/token")["Body"].read()
        assert Fernet(base64.b64encode(data_key)).decrypt(body) == b"the diagnosis"
