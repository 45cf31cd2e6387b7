"""PyPI's sagemaker-training as it is, inside `strongroom train`: what it finds, and that its scripts see plaintext."""

import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest
from conftest import STRONGROOM, Cli
from sagemaker_job import completed, role_for_training, start
from test_sandbox import world
from test_train import HOUSING, Container

TOOLKIT = pathlib.Path(os.environ.get("SAGEMAKER_TOOLKIT", "/nowhere"))
if not TOOLKIT.is_dir():
    pytest.skip("no SageMaker training toolkit: tests/interop/run brings it", allow_module_level=True)
PYTHON, TRAIN = str(TOOLKIT / "python"), str(TOOLKIT / "train")

#: What COMMAND is given, and what the toolkit makes of the tree that it is given.
BOTH = """
import json, os
given = dict(os.environ)
from sagemaker_training.environment import Environment
print("SAID" + json.dumps([Environment().to_env_vars(), given]))
"""
#: As SageMaker delivers them: texts, some of them JSON.
HYPERPARAMETERS = {
    "epochs": "5",
    "learning-rate": "0.1",
    "quick": "true",
    "nothing": "null",
    "word": "plain",
    "quoted": json.dumps("in quotes \u00e9 \U0001f511"),
    "seed": "123456789012345678901",
    "a": "1",
    "list": '[1, "a", null, false, "it\'s"]',
    "deep": '{"b": [true, null], "a": "x", "c": {"d": 1}}',
    "sagemaker_program": json.dumps("train.py"),
    "sagemaker_container_log_level": "10",
    "sagemaker_mpi_enabled": "true",
    "sagemaker_job_name": json.dumps("job-1"),
    "_tuning_objective_metric": "loss",
}
TWO_GROUPS = {
    "current_host": "algo-2",
    "current_instance_type": "ml.m5.large",
    "current_group_name": "b",
    "hosts": ["algo-1", "algo-2"],
    "instance_groups": [
        {"instance_group_name": "a", "instance_type": "ml.m5.large", "hosts": ["algo-1"]},
        {"instance_group_name": "b", "instance_type": "ml.m5.large", "hosts": ["algo-2"]},
    ],
    "network_interface_name": "eth1",
}
#: The toolkit looks a host up before it starts a script.
ONE_HOST = {"current_host": "localhost", "hosts": ["localhost"], "network_interface_name": "lo"}


@pytest.fixture
def container(sandbox, tmp_path):
    made = Container(sandbox, tmp_path / "ml", tmp_path)
    made.config["resourceconfig"] = ONE_HOST
    return made


def variables(container):
    """The toolkit's variables of the private tree, and those that strongroom has set. A shell would drop some of them."""
    status, output, log = container.run(PYTHON, "-c", BOTH)
    assert status == 0, log
    return json.loads(next(line for line in output.splitlines() if line.startswith("SAID"))[4:])


def different(theirs, ours):
    return {name: (value, ours.get(name)) for name, value in theirs.items() if ours.get(name) != value}


@pytest.mark.parametrize("resources", [ONE_HOST, TWO_GROUPS], ids=["one host", "two groups"])
def test_every_variable_of_the_toolkit_is_there_and_is_its_own(container, resources):
    container.config |= {"hyperparameters": HYPERPARAMETERS, "resourceconfig": resources}
    container.config["inputdataconfig"] = {"train": {"TrainingInputMode": "File"}, "hold-out": {"ContentType": "csv"}}
    theirs, ours = variables(container)
    assert different(theirs, ours) == {}
    # What we add: names that a shell can say.
    more = {name for name in ours if name.startswith("SM_")} - set(theirs)
    assert more == {"SM_CHANNEL_HOLD_OUT", "SM_HP_LEARNING_RATE"}
    assert not [name for name in theirs if "STRONGROOM" in name]


def test_a_job_that_says_nothing_has_the_toolkits_defaults(container):
    assert different(*variables(container)) == {}


def test_numbers_keep_the_digits_that_they_came_with_which_the_toolkits_do_not(container):
    container.config["hyperparameters"] = {"rate": "0.10", "small": "1e-5", "huge": "123456789012345678901234567890.5"}
    theirs, ours = variables(container)
    assert (theirs["SM_HP_RATE"], ours["SM_HP_RATE"]) == ("0.1", "0.10")
    assert (theirs["SM_HP_SMALL"], ours["SM_HP_SMALL"]) == ("1e-05", "1e-5")
    assert ours["SM_HP_HUGE"] == "123456789012345678901234567890.5"


#: Knows nothing of encryption, takes no argument that it does not know, and writes beside itself.
SCRIPT = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--seed", type=int)
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
arguments = parser.parse_args()
rows = [line.split(",") for line in pathlib.Path(arguments.train, "a_chunk_of_secrets").read_text().splitlines()[1:]]
pathlib.Path("scratch").write_text("top secret scratch")
pathlib.Path(os.environ["SM_OUTPUT_INTERMEDIATE_DIR"]).mkdir(exist_ok=True)
pathlib.Path(os.environ["SM_OUTPUT_INTERMEDIATE_DIR"], "progress").write_text("top secret progress")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "plot").write_text("top secret plot")
model = {"sum": sum(int(row[2]) for row in rows) * arguments.epochs, "seed": arguments.seed}
pathlib.Path(arguments.model_dir, "model.json").write_text("top secret " + json.dumps(model))
"""


def packed(script):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("train.py")
        member.size = len(script)
        archive.addfile(member, io.BytesIO(script))
    return file.getvalue()


def without_strongroom(container, folder):
    """The same job on plain data: what its script leaves as the model."""
    for name in ("input/config", "input/data/train", "model", "output/data"):
        (folder / name).mkdir(parents=True)
    for name in ("inputdataconfig", "resourceconfig"):
        (folder / f"input/config/{name}.json").write_bytes((container.root / f"input/config/{name}.json").read_bytes())
    hyperparameters = container.config["hyperparameters"]
    (folder / "input/config/hyperparameters.json").write_text(json.dumps(hyperparameters))
    (folder / "input/data/train/a_chunk_of_secrets").write_bytes(HOUSING)
    environment = container.world.environment(container.home) | {"SAGEMAKER_BASE_DIR": str(folder)}
    subprocess.run([TRAIN], env=environment, check=True, capture_output=True, timeout=120)
    return (folder / "model/model.json").read_bytes()


@pytest.mark.parametrize("place", ["in S3", "in the image"])
def test_an_unmodified_script_of_the_toolkit_trains_on_plaintext_and_leaves_none(container, tmp_path, place):
    container.config["hyperparameters"] = {
        "epochs": "3",
        "seed": "123456789012345678901",
        "sagemaker_program": json.dumps("train.py"),
        # Where the platform does not, the toolkit would copy what is in output/intermediate there, as it is.
        "sagemaker_s3_output": json.dumps(f"s3://{container.bucket}/intermediate"),
    }
    if place == "in S3":
        container.s3.put_object(Bucket=container.bucket, Key="code/sourcedir.tar.gz", Body=packed(SCRIPT.encode()))
        submitted = f"s3://{container.bucket}/code/sourcedir.tar.gz"
        container.config["hyperparameters"]["sagemaker_submit_directory"] = json.dumps(submitted)
    else:
        (container.root / "code").mkdir()
        container.put("code/train.py", SCRIPT.encode())
    status, output, log = container.run(TRAIN)
    assert status == 0, output + log
    model = container.fernet.decrypt((container.root / "model/model.json").read_bytes())
    assert container.fernet.decrypt((container.root / "output/data/plot").read_bytes()) == b"top secret plot"
    progress = container.fernet.decrypt((container.root / "output/intermediate/progress").read_bytes())
    assert progress == b"top secret progress"
    container.holds_no_plaintext(b"top secret", HOUSING[:40])
    assert not (container.root / "code/scratch").exists()
    uploaded = container.s3.list_objects_v2(Bucket=container.bucket, Prefix="intermediate/")
    assert uploaded["KeyCount"] == 0
    if place == "in S3":
        del container.config["hyperparameters"]["sagemaker_s3_output"]
        assert model == without_strongroom(container, tmp_path / "plain")


def test_a_job_of_script_mode_trains_on_encrypted_data_to_a_model_that_opens(tmp_path):
    """As version 2 of the SageMaker SDK makes it of an entry point: the script packed in S3, named by hyperparameters."""
    image, bucket = "111122223333.dkr.ecr.us-east-1.amazonaws.com/toolkit:latest", "sagemaker-toolkit"
    with world(tmp_path, "--image", f"{image}={STRONGROOM} train -- {TRAIN}") as mine:
        kms, s3, role = mine.client("kms"), mine.client("s3"), role_for_training(mine, "toolkit")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Decrypt", "Encrypt"])
        s3.create_bucket(Bucket=bucket)
        (tmp_path / "a_chunk_of_secrets").write_bytes(HOUSING)
        cli = Cli(mine, tmp_path)
        cli.run("encrypt", "a_chunk_of_secrets", f"s3://{bucket}/data/", "--key", arn, "--data-key-name", "dont_look")
        s3.put_object(Bucket=bucket, Key="code/sourcedir.tar.gz", Body=packed(SCRIPT.encode()))

        told = {"ciphertext_s3_key": "dont_look", "key_bucket": bucket, "kms_key_id": arn, "epochs": "3", "seed": "7"}
        told |= {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(f"s3://{bucket}/code/sourcedir.tar.gz"),
            "sagemaker_region": json.dumps("us-east-1"),
        }
        # It would wait for its host's name, which may be nobody's here.
        start(mine, "toolkit", role, image, bucket, environment={"SM_STUDIO_LOCAL_MODE": "true"}, **told)
        uri, lines = completed(mine, "toolkit")
        assert any("Reporting training SUCCESS" in line for line in lines)
        cli.run("decrypt", uri, "-o", "model")
        assert json.loads((tmp_path / "model/model.json").read_text().removeprefix("top secret ")) == {
            "sum": 3 * sum(int(row.split(b",")[2]) for row in HOUSING.splitlines()[1:]),
            "seed": 7,
        }


def test_a_script_of_the_toolkit_that_fails_says_why(container):
    container.config["hyperparameters"] = {"sagemaker_program": json.dumps("train.py")}
    (container.root / "code").mkdir()
    container.put("code/train.py", b"raise SystemExit('no convergence')")
    status, _, _ = container.run(TRAIN)
    assert status == 1
    assert "ExecuteUserScriptError" in container.failure()
