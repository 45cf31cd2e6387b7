"""What strongroom rotates, and what it encrypts where it is, opens in Python: with C of the metadata, and of the key object."""

import base64
import os

import pytest
from cryptography.fernet import Fernet

from conftest import Cli

BUCKET = "sealed-in-place"
SIZES = {"empty": 0, "one": 1, "block": 16, "table.csv": 4000, "large": 10 << 20}


@pytest.fixture(scope="module")
def place(sandbox, tmp_path_factory):
    home = tmp_path_factory.mktemp("sealed")
    s3, kms = sandbox.client("s3"), sandbox.client("kms")
    s3.create_bucket(Bucket=BUCKET)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/sealed", TargetKeyId=key)
    return Cli(sandbox, home), s3, kms, home


def opened(s3, kms, key):
    """The plaintext, by both ways to C."""
    answer = s3.get_object(Bucket=BUCKET, Key=key)
    token, said = answer["Body"].read(), answer["Metadata"]
    stored = s3.get_object(Bucket=BUCKET, Key=said["strongroom-data-key-object"])["Body"].read()
    assert stored == base64.b64decode(said["strongroom-data-key"])
    data_key = kms.decrypt(CiphertextBlob=stored, KeyId=said["strongroom-kms-key-id"])["Plaintext"]
    return Fernet(base64.b64encode(data_key)).decrypt(token)


def test_rotated_tokens_open_to_what_they_were(place):
    cli, s3, kms, home = place
    bodies = {name: os.urandom(size) for name, size in SIZES.items()}
    (home / "in").mkdir()
    for name, body in bodies.items():
        (home / "in" / name).write_bytes(body)
    cli.run("encrypt", "in", f"s3://{BUCKET}/rotated/", "--key", "alias/sealed")
    before = {name: s3.get_object(Bucket=BUCKET, Key=f"rotated/{name}")["Body"].read() for name in bodies}
    cli.run("rotate", f"s3://{BUCKET}/rotated/")
    for name, body in bodies.items():
        assert opened(s3, kms, f"rotated/{name}") == body
        assert s3.get_object(Bucket=BUCKET, Key=f"rotated/{name}")["Body"].read() != before[name]


def test_objects_encrypted_in_place_open_to_what_they_were(place):
    cli, s3, kms, _ = place
    bodies = {name: os.urandom(size) for name, size in SIZES.items() if size}
    for name, body in bodies.items():
        s3.put_object(Bucket=BUCKET, Key=f"plain/{name}", Body=body, ContentType="text/csv", Metadata={"own": "kept"})
    cli.run("encrypt", f"s3://{BUCKET}/plain/", f"s3://{BUCKET}/plain/", "--key", "alias/sealed")
    for name, body in bodies.items():
        assert opened(s3, kms, f"plain/{name}") == body
        head = s3.head_object(Bucket=BUCKET, Key=f"plain/{name}")
        assert (head["ContentType"], head["Metadata"]["own"]) == ("text/csv", "kept")
