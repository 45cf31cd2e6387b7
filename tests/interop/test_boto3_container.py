"""The boto3 way's container on data that strongroom uploaded, and strongroom's on data that boto3 and Python uploaded."""

import base64
import io
import json
import sys
import tarfile

import pytest
from conftest import STRONGROOM, Cli
from cryptography.fernet import Fernet, InvalidToken
from sagemaker_job import completed, role_for_training, start
from test_boto3_way import housing
from test_sandbox import world

THEIRS = "111122223333.dkr.ecr.us-east-1.amazonaws.com/boto3-way:latest"
OURS = "111122223333.dkr.ecr.us-east-1.amazonaws.com/strongroom-way:latest"

# What such a container does: its own hyperparameters, its own KMS call, its own Fernet, all in memory.
SCRIPT = '''
import base64, json, os, pathlib

import boto3
from cryptography.fernet import Fernet, InvalidToken

root = pathlib.Path(os.environ.get("STRONGROOM_ML_ROOT", "/opt/ml"))
told = json.loads((root / "input/config/hyperparameters.json").read_text())
s3, kms = boto3.client("s3"), boto3.client("kms")
wrapped = s3.get_object(Bucket=told["key_bucket"], Key=told["ciphertext_s3_key"])["Body"].read()
key = kms.decrypt(CiphertextBlob=wrapped, KeyId=told.get("kms_key_id") or told["master_key_id"])["Plaintext"]
fernet = Fernet(base64.b64encode(key))
data = (root / "input/data" / told["train_channel"] / told["train_file"]).read_bytes()
try:
    Fernet(Fernet.generate_key()).decrypt(data)
except InvalidToken:
    print("another key opens nothing")
names, *rows = (line.split(",") for line in fernet.decrypt(data).decode().splitlines())
prices = [float(row[names.index("price")]) for row in rows]
model = json.dumps({"kind": "mean", "rows": len(rows), "price": sum(prices) / len(prices)})
(root / "model/model.bin").write_bytes(fernet.encrypt(model.encode()))
'''


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A world in which the two images are told apart."""
    folder = tmp_path_factory.mktemp("boto3-container")
    script = folder / "train.py"
    script.write_text(SCRIPT)
    theirs, ours = f"{sys.executable} {script}", f"{STRONGROOM} train -- {STRONGROOM} reference-trainer"
    with world(folder, "--image", f"{THEIRS}={theirs}", "--image", f"{OURS}={ours}") as made:
        made.role = role_for_training(made, "trainer")
        yield made


def granted_key(mine):
    kms = mine.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_grant(KeyId=arn, GranteePrincipal=mine.role, Operations=["Decrypt", "Encrypt"])
    return arn


def model_of(mine, uri):
    """The members of model.tar.gz."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body = mine.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


@pytest.mark.parametrize("names_key_by", ["kms_key_id", "master_key_id"])
def test_a_container_of_the_boto3_way_trains_on_what_strongroom_uploaded(mine, tmp_path, names_key_by):
    arn, bucket = granted_key(mine), f"sagemaker-theirs-{names_key_by.replace('_', '-')}"
    mine.client("s3").create_bucket(Bucket=bucket)
    (tmp_path / "housing.csv").write_bytes(housing())
    cli = Cli(mine, tmp_path)
    cli.run("encrypt", "housing.csv", f"s3://{bucket}/data/", "--key", arn, "--data-key-name", "dont_look")

    job = "theirs-" + names_key_by.replace("_", "-")
    told = {"ciphertext_s3_key": "dont_look", "key_bucket": bucket, names_key_by: arn}
    start(mine, job, mine.role, THEIRS, bucket, train_channel="train", train_file="housing.csv", **told)
    uri, lines = completed(mine, job)
    assert lines == ["another key opens nothing"]

    # Their model is a token under the same data key: Python opens it, and so does strongroom, told where C is.
    [(name, token)] = model_of(mine, uri).items()
    assert name == "model.bin"
    wrapped = mine.client("s3").get_object(Bucket=bucket, Key="dont_look")["Body"].read()
    key = mine.client("kms").decrypt(CiphertextBlob=wrapped)["Plaintext"]
    model = json.loads(Fernet(base64.b64encode(key)).decrypt(token))
    assert (model["kind"], model["rows"]) == ("mean", 500)
    with pytest.raises(InvalidToken):
        Fernet(Fernet.generate_key()).decrypt(token)
    cli.run("decrypt", uri, "-o", "model", "--data-key", f"s3://{bucket}/dont_look", "--key", arn)
    assert json.loads((tmp_path / "model/model.bin").read_text()) == model


@pytest.mark.parametrize("names_key_by", ["kms_key_id", "master_key_id"])
def test_strongroom_trains_on_what_boto3_and_python_uploaded(mine, tmp_path, names_key_by):
    arn, bucket = granted_key(mine), f"sagemaker-ours-{names_key_by.replace('_', '-')}"
    kms, s3 = mine.client("kms"), mine.client("s3")
    s3.create_bucket(Bucket=bucket)
    data_key = kms.generate_data_key(KeyId=arn, NumberOfBytes=32)
    fernet = Fernet(base64.b64encode(data_key["Plaintext"]))
    s3.put_object(Bucket=bucket, Key="data/a_chunk_of_secrets", Body=fernet.encrypt(housing()))
    s3.put_object(Bucket=bucket, Key="dont_look", Body=data_key["CiphertextBlob"])

    job = "ours-" + names_key_by.replace("_", "-")
    told = {"ciphertext_s3_key": "dont_look", "key_bucket": bucket, names_key_by: arn}
    start(mine, job, mine.role, OURS, bucket, **told)
    uri, lines = completed(mine, job)
    assert any(f"unwrapped data key of {arn}" in line for line in lines), lines

    # Python opens the model with nothing but the data key, strongroom with nothing but the bundle beside it.
    members = model_of(mine, uri)
    model = json.loads(fernet.decrypt(members["model.bin"]))
    assert (model["kind"], model["rows"]) == ("linear-regression", 500)
    Cli(mine, tmp_path).run("decrypt", uri, "-o", "model")
    assert json.loads((tmp_path / "model/model.bin").read_text()) == model
