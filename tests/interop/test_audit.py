"""An audit names what the original libraries wrote: Amazon's S3 encryption client, the AWS Encryption SDK, cryptography."""

import json
import os
import pathlib
import random
import subprocess

import pytest

from conftest import Cli

SCRIPT = pathlib.Path(__file__).parent / "scripts" / "encryption_clients.py"
PYTHON = os.environ.get("ENCRYPTION_CLIENTS", "/nowhere")
BODY = b"x,y\n1,2\n2,4\n3,6\n" * 9


@pytest.fixture(scope="module")
def audited(sandbox, tmp_path_factory):
    """Rows by key, the summary, and the KMS key of everything."""
    if not pathlib.Path(PYTHON).exists():
        pytest.skip("no environment with the encryption clients")
    home = tmp_path_factory.mktemp("audit")
    s3, kms = sandbox.client("s3"), sandbox.client("kms")
    bucket = "audited-libraries"
    s3.create_bucket(Bucket=bucket)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/audited", TargetKeyId=key)
    subprocess.run([PYTHON, SCRIPT, bucket, key], env=sandbox.environment(home), check=True, timeout=120)

    cli = Cli(sandbox, home)
    (home / "own.csv").write_bytes(BODY)
    cli.run("encrypt", "own.csv", f"s3://{bucket}/own/", "--key", "alias/audited")
    s3.put_object(Bucket=bucket, Key="s3/plain.csv", Body=BODY)
    s3.put_object(Bucket=bucket, Key="s3/kms.csv", Body=BODY, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(
        Bucket=bucket, Key="s3/customer.csv", Body=BODY, SSECustomerAlgorithm="AES256", SSECustomerKey=os.urandom(32)
    )
    # What only looks like a message of the SDK in its first bytes.
    noise = random.Random(7)
    for number in range(40):
        start = bytes([1, 0x80, 3, 0x78]) if number % 2 else bytes([2, 5, 0x78])
        s3.put_object(Bucket=bucket, Key=f"noise/{number}", Body=start + noise.randbytes(700))
    done = cli.run("audit", f"s3://{bucket}/", "--json", check=False)
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    summary = rows.pop()["summary"]
    names = {row["source"].removeprefix(f"s3://{bucket}/"): row for row in rows}
    return names, summary, key


def kinds(rows, prefix):
    return {name: row["kind"] for name, row in rows.items() if name.startswith(prefix)}


def test_every_version_of_the_s3_encryption_client_is_named(audited):
    rows, _, key = audited
    assert kinds(rows, "s3ec/") == {
        "s3ec/v1": "s3-encryption-client-v1",
        "s3ec/v2": "s3-encryption-client-v2",
        "s3ec/v3": "s3-encryption-client-v3",
        "s3ec/beside": "s3-encryption-client-v2",
        "s3ec/beside.instruction": "s3-instruction-file",
    }
    assert rows["s3ec/v1"]["kms_key_id"] == key
    assert not any(row["wrong"] for name, row in rows.items() if name.startswith("s3ec/"))


def test_every_message_of_the_encryption_sdk_is_named_with_its_key_raw_and_in_base64(audited):
    rows, _, key = audited
    messages = {name: row for name, row in rows.items() if name.startswith("sdk/")}
    assert len(messages) == 24
    assert {row["kind"] for row in messages.values()} == {"aws-encryption-sdk"}
    assert {row["kms_key_id"] for row in messages.values()} == {key}


def test_fernet_strongroom_and_what_s3_encrypts_are_named(audited):
    rows, summary, key = audited
    assert kinds(rows, "fernet/") == {"fernet/token": "fernet"}
    assert kinds(rows, "own/") == {"own/own.csv": "strongroom-bound"}
    assert kinds(rows, "s3/") == {
        "s3/plain.csv": "sse-s3",
        "s3/kms.csv": "sse-kms",
        "s3/customer.csv": "sse-c",
    }
    assert summary["unread"] == {"SSE-C": 1}
    [used] = summary["kms_keys"]
    assert (used["kms_key_id"], used["alias"], used["state"]) == (key, "alias/audited", "Enabled")


def test_what_only_begins_like_a_message_is_not_guessed_to_be_one(audited):
    rows, _, _ = audited
    assert set(kinds(rows, "noise/").values()) == {"sse-s3"}
