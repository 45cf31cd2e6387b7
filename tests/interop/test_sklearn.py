"""An unmodified scikit-learn script on encrypted CSV: its model opens in Python, and its plaintext is on no disk, ever."""

import io
import os
import pathlib
import random
import shutil
import signal
import sys
import time

import joblib
import numpy as np
import pytest
from conftest import STRONGROOM, Cli
from disks import Disks, holding
from sagemaker_job import completed, role_for_training, start
from test_sandbox import world
from test_train import Container

SCRIPT = pathlib.Path(__file__).parent / "scripts/flowers.py"
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/flowers:latest"
SPECIES = ["setosa", "versicolor", "virginica"]

pytestmark = pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="there is no file system in memory")


@pytest.fixture
def secret():
    """Part of every row, and of the model: it is found wherever plaintext is. In halves, so that this is not."""
    return "classified-" + os.urandom(12).hex()


def flowers(secret):
    """Measurements that tell species apart."""
    dice = random.Random(7)
    rows = ["length,width,species"]
    for index in range(300):
        kind = index % 3
        rows.append(f"{2 * kind + dice.gauss(5, 0.3):.3f},{kind + dice.gauss(2, 0.2):.3f},{SPECIES[kind]}-{secret}")
    return "\n".join(rows).encode() + b"\n"


@pytest.fixture
def container(sandbox, tmp_path, secret):
    home = tmp_path / "home"
    home.mkdir()
    made = Container(sandbox, tmp_path / "ml", home)
    # In memory, as is the default.
    del made.hyperparameters["strongroom_plaintext"]
    made.variables |= {"TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    made.put("input/data/train/a_chunk_of_secrets", made.fernet.encrypt(flowers(secret)))
    return made


def predicts(model, secret):
    told = model.predict(np.array([[5.0, 2.0], [7.0, 3.0], [9.0, 4.0]]))
    assert list(told) == [f"{kind}-{secret}" for kind in SPECIES]


def left_in_memory():
    # A program that a job brings is nothing plain, and its folder goes with the container.
    entries = [path for path in pathlib.Path("/dev/shm").iterdir() if path.name.startswith(".strongroom")]
    return [path for path in entries if not path.name.startswith(".strongroom-program-")]


def nothing_is_left(container, secret):
    assert not left_in_memory()
    assert holding([secret], container.root, container.home, "/dev/shm") == []


def children(process):
    """Of every thread: COMMAND is spawned by one of its own."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def test_its_model_comes_out_of_the_job_encrypted_and_opens_in_python(tmp_path, secret):
    command = f"{STRONGROOM} train -- {sys.executable} {SCRIPT}"
    with world(tmp_path, "--image", f"{IMAGE}={command}") as mine:
        kms, s3, role = mine.client("kms"), mine.client("s3"), role_for_training(mine, "flowers")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Decrypt", "Encrypt"])
        s3.create_bucket(Bucket="sagemaker-flowers")
        (tmp_path / "flowers.csv").write_bytes(flowers(secret))
        cli = Cli(mine, tmp_path)
        cli.run("encrypt", "flowers.csv", "s3://sagemaker-flowers/data/", "--key", arn, "--data-key-name", "dont_look")

        told = {"ciphertext_s3_key": "dont_look", "key_bucket": "sagemaker-flowers", "kms_key_id": arn}
        start(mine, "flowers", role, IMAGE, "sagemaker-flowers", **told, **{"n-estimators": "25"})
        uri, lines = completed(mine, "flowers")
        accuracy = [float(line.split("=")[1]) for line in lines if line.startswith("accuracy=")]
        assert len(accuracy) == 1 and accuracy[0] > 0.9, lines

        bucket, key = uri.removeprefix("s3://").split("/", 1)
        packed = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        (tmp_path / "packed").mkdir()
        shutil.unpack_archive(_file(tmp_path / "model.tar.gz", packed), tmp_path / "packed")
        assert holding([secret], tmp_path / "packed") == []
        cli.run("decrypt", uri, "-o", "model")
        model = joblib.load(tmp_path / "model/model.joblib")
        assert len(model.estimators_) == 25
        predicts(model, secret)


def _file(path, content):
    path.write_bytes(content)
    return path


def test_its_plaintext_is_on_no_disk_at_any_time(container, secret, tmp_path):
    with Disks(secret) as disks:
        # The watcher sees what it should: a file that is written, closed and removed at once.
        _file(tmp_path / "bait", secret.encode()).unlink()
        status, output, said = container.run(sys.executable, str(SCRIPT))
    assert (status, output[:9]) == (0, "accuracy="), said
    assert not disks.overflowed and disks.read > 3
    assert [path.removesuffix(" (deleted)") for path in disks.leaks] == [str(tmp_path / "bait")]
    predicts(joblib.load(io.BytesIO(container.fernet.decrypt((container.root / "model/model.joblib").read_bytes()))), secret)
    nothing_is_left(container, secret)


@pytest.mark.parametrize("end", ["stopped", "failed", "killed"])
def test_nothing_plain_is_left_however_it_ends(container, secret, end):
    script = SCRIPT.read_text() + {
        "stopped": "\n    print('trained', flush=True); import time; time.sleep(1000)\n",
        "killed": "\n    print('trained', flush=True); import time; time.sleep(1000)\n",
        "failed": "\n    print('trained', flush=True); raise SystemExit(3)\n",
    }[end]
    process = container.start(sys.executable, "-c", script)
    assert process.stdout.readline().startswith("accuracy=")
    assert process.stdout.readline() == "trained\n"
    if end == "stopped":
        process.send_signal(signal.SIGTERM)
    elif end == "killed":
        [child] = children(process)
        assert left_in_memory() and holding([secret], *left_in_memory())
        os.kill(child, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == {"stopped": 143, "failed": 3, "killed": 137}[end], said
    nothing_is_left(container, secret)
    model = container.fernet.decrypt((container.root / "model/model.joblib").read_bytes())
    predicts(joblib.load(io.BytesIO(model)), secret)


def test_a_script_that_dumps_straight_into_opt_ml_model_leaves_no_plaintext_there(container, secret):
    script = SCRIPT.read_text().replace("args.model_dir,", f"'{container.root}/model',")
    assert str(container.root) in script
    status, _, said = container.run(sys.executable, "-c", script)
    assert status == 0, said
    model = container.fernet.decrypt((container.root / "model/model.joblib").read_bytes())
    predicts(joblib.load(io.BytesIO(model)), secret)
    nothing_is_left(container, secret)


def test_what_the_command_leaves_running_is_ended_before_its_output_is_encrypted(container, secret):
    """A worker that outlives its parent could write plaintext where everything is a token already."""
    worker = (
        "import os, time\n"
        "while True:\n"
        f"    open('{container.root}/model/late', 'w').write('{secret}')\n"
        "    time.sleep(0.01)\n"
    )
    script = (
        "import os, subprocess, sys, time\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {worker!r}])\n"
        "print(worker.pid, flush=True)\n"
        f"while not os.path.exists('{container.root}/model/late'): time.sleep(0.01)\n"
    )
    status, output, said = container.run(sys.executable, "-c", script)
    assert status == 0, said
    until = time.monotonic() + 60
    while pathlib.Path(f"/proc/{output.strip()}").exists() and _is_running(int(output)):
        assert time.monotonic() < until, "the worker goes on"
        time.sleep(0.05)
    assert container.fernet.decrypt((container.root / "model/late").read_bytes()) in (b"", secret.encode())
    nothing_is_left(container, secret)


def _is_running(pid):
    """A zombie that nobody has reaped is not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
