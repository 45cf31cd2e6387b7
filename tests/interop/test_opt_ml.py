"""A script with only /opt/ml paths written into it, and somebody who reads along in every folder on disk all the time."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from conftest import STRONGROOM, Cli
from sagemaker_job import role_for_training
from test_boto3_way import finished, log_of
from test_sandbox import world
from test_train import HOUSING, REPLACING, WRITING, Container, appears, ends, mounted
from watcher import Watcher

SECRET = b"top secret"
#: Knows no variable of ours: its root stands for /opt/ml. Asked to, it is in the middle of a file all the time.
SCRIPT = """
import itertools, os, pathlib, sys, time
root, then = pathlib.Path(sys.argv[1]), sys.argv[2]
print(os.getpid(), sorted(path.name for path in (root / "checkpoints").glob("*")), flush=True)
rows = (root / "input/data/train/a_chunk_of_secrets").read_text()
assert rows.startswith("rooms,age,price"), rows[:20]
assert "rooms" in (root / "input/data/train/deep/other").read_text()
(root / "input/data/train/cache").write_text("top secret cache")
(root / "output/tensors/step").mkdir(parents=True)
def write(name):
    (root / "model" / f"weights-{name}").write_text("top secret weights " * 1000)
    (root / "output/data" / f"plot-{name}").write_text("top secret plot")
    (root / "output/tensors/step" / f"{name}").write_text("top secret tensors")
    half = root / "checkpoints/half"
    half.write_text("top secret epoch " * 1000)
    half.rename(root / "checkpoints" / f"epoch-{name}")
for number in range(3):
    write(number)
    time.sleep(0.05)
print("ready", flush=True)
if then == "wait":
    time.sleep(1000)
if then == "write":
    for number in itertools.count():
        write(f"late-{number % 5}")
if then == "fill":
    with open(root / "model/huge", "wb") as file:
        while True:
            file.write(b"top secret" * 10000)
"""
#: What SageMaker uploads, at the end or all the time, or may read.
PUBLIC = ("checkpoints", "strongroom-checkpoints", "model", "output/data", "input/data/train/deep", "input/config")
#: Seconds until the next look, where there is no inotify: what takes so long was not seen at once.
NEXT_LOOK = 5

pytestmark = pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="there is no file system in memory")


class Scene:
    """A job whose plaintext is in memory, and a watch of everything else that it has: /opt/ml, its home, TMPDIR."""

    def __init__(self, sandbox, folder, memory):
        self.container = Container(sandbox, folder / "ml", folder)
        self.memory = memory
        (folder / "tmp").mkdir()
        self.container.variables |= {"STRONGROOM_MEMORY_ROOT": str(memory), "TMPDIR": str(folder / "tmp")}
        del self.container.hyperparameters["strongroom_plaintext"]
        self.container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
        self.root = self.container.root
        for public in PUBLIC:
            (self.root / public).mkdir(parents=True, exist_ok=True)
        self.container.put("input/data/train/deep/other", self.container.fernet.encrypt(HOUSING))
        self.delivered = self.inputs()
        self.watcher = Watcher([SECRET, HOUSING[:40]], folder)

    def inputs(self):
        folder = self.root / "input/data"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def start(self, then, **options):
        process = self.container.start(sys.executable, "-c", SCRIPT, str(self.root), then, **options)
        first = process.stdout.readline().split(maxsplit=1)
        assert len(first) == 2, process.communicate()
        self.found = eval(first[1])
        ready = process.stdout.readline()
        assert ready == "ready\n", process.communicate()
        return process, int(first[0])

    def is_clean(self, brief=()):
        """Everything is where SageMaker put it and holds tokens, and nothing was plain meanwhile, but for what could be for
        a moment."""
        sightings = self.watcher.close()
        assert [sighting for sighting in sightings if sighting.stays] == []
        assert {sighting.path for sighting in sightings} <= {str(self.root / path) for path in brief}, sightings
        if not brief:
            assert self.watcher.unread == set()
        assert self.watcher.reads > 10
        self.container.holds_no_plaintext(SECRET)
        assert self.inputs() == self.delivered
        assert not list(self.memory.iterdir())

    def opens(self, name):
        return self.container.fernet.decrypt((self.root / name).read_bytes())


@pytest.fixture
def memory():
    with tempfile.TemporaryDirectory(prefix="strongroom-interop-", dir="/dev/shm") as folder:
        yield pathlib.Path(folder)


@pytest.fixture
def scene(sandbox, tmp_path, memory):
    scene = Scene(sandbox, tmp_path, memory)
    yield scene
    scene.watcher.close()


def limited(folder, size):
    """A prefix of a command in whose eyes a folder is a file system in memory with so much room."""
    small = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    small += [f'mount -t tmpfs -o size={size} none "{folder}" && exec "$@"', "sh"]
    if subprocess.run([*small, "true"], capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    return small


def ends_by_itself(scene):
    process, _ = scene.start("end")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert scene.opens("strongroom-checkpoints/epoch-2").startswith(SECRET)


def is_stopped(number, then):
    def happens(scene):
        process, command = scene.start(then)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 128 + number, said
        ends(command)
        assert scene.opens("strongroom-checkpoints/epoch-2").startswith(SECRET)

    return happens


def has_its_command_killed(then):
    def happens(scene):
        process, command = scene.start(then)
        os.kill(command, signal.SIGKILL)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGKILL, said

    return happens


def is_killed(then):
    """The container may go on: its command does not, nothing plain is on disk, and the next start sweeps the memory."""

    def happens(scene):
        process, command = scene.start(then)
        appears(scene.root / "strongroom-checkpoints/epoch-2")
        process.kill()
        process.communicate(timeout=60)
        ends(command)
        assert scene.watcher.plain() == set()
        assert (scene.root / "model").is_symlink() and (scene.root / "input/data/train").is_symlink()
        assert list(scene.memory.iterdir())
        process, _ = scene.start("end")
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0 and "removed plaintext that an earlier run left" in said, said
        assert {"epoch-0", "epoch-1", "epoch-2"} <= set(scene.found)

    return happens


def is_ended_while_it_decrypts(number):
    """Between the data key and COMMAND; a killed one's memory is swept by the next start."""

    def happens(scene):
        large = HOUSING * 2000
        scene.container.put("input/data/train/large", scene.container.fernet.encrypt(large))
        scene.delivered = scene.inputs()
        process = scene.container.start(sys.executable, "-c", "print('ran')")
        while not any(path.name.startswith(".strongroom") for path in scene.memory.iterdir()):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(number)
        output, said = process.communicate(timeout=60)
        assert output == "" and process.returncode in (-number, 128 + number), said
        assert scene.watcher.plain() == set()
        ends_by_itself(scene)

    return happens


MANY = """
import pathlib, sys
for number in range(300):
    pathlib.Path(sys.argv[1], "model", f"part-{number}").write_text("top secret part " * 5000)
"""


def is_ended_while_it_encrypts(number):
    """After COMMAND, when some of the model is tokens and where SageMaker finds it, and the rest is in memory."""

    def happens(scene):
        process = scene.container.start(sys.executable, "-c", MANY, str(scene.root))
        said = ""
        while "encrypted part-" not in said:
            said = process.stderr.readline()
            assert said
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        print(process.returncode, said[-300:])
        assert process.returncode in (0, -number, 128 + number), said
        assert scene.watcher.plain() == set()
        tokens = [path for path in (scene.root / "model").glob("part-*") if path.is_file()]
        print(len(tokens))
        assert tokens and all(scene.container.fernet.decrypt(path.read_bytes()).startswith(SECRET) for path in tokens)
        ends_by_itself(scene)

    return happens


def has_no_memory_left(scene):
    process, _ = scene.start("fill", before=limited(scene.memory, "4M"))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "No space left" in said
    assert scene.opens("model/weights-2").startswith(SECRET)


def has_too_little_memory(scene):
    process = scene.container.start(sys.executable, "-c", "print('ran')", before=limited(scene.memory, "4K"))
    output, said = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, ""), said
    assert "strongroom_plaintext" in scene.container.failure()


def starts_again_elsewhere(scene):
    """Another host's disk has only what SageMaker copied there: the checkpoints' tokens."""
    process, _ = scene.start("write")
    appears(scene.root / "strongroom-checkpoints/epoch-2")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, said
    for folder in ("model", "output", "checkpoints"):
        shutil.rmtree(scene.root / folder)
    for folder in ("model", "output/data"):
        (scene.root / folder).mkdir(parents=True)
    ends_by_itself(scene)
    assert {"epoch-0", "epoch-1", "epoch-2"} <= set(scene.found)


CASES = {
    "it ends by itself": ends_by_itself,
    "SIGTERM": is_stopped(signal.SIGTERM, "wait"),
    "SIGTERM in the middle of a file": is_stopped(signal.SIGTERM, "write"),
    "SIGHUP": is_stopped(signal.SIGHUP, "wait"),
    "SIGHUP in the middle of a file": is_stopped(signal.SIGHUP, "write"),
    "its command gets SIGKILL": has_its_command_killed("wait"),
    "its command gets SIGKILL in the middle of a file": has_its_command_killed("write"),
    "SIGKILL": is_killed("wait"),
    "SIGKILL in the middle of a file": is_killed("write"),
    "SIGTERM while it decrypts": is_ended_while_it_decrypts(signal.SIGTERM),
    "SIGKILL while it decrypts": is_ended_while_it_decrypts(signal.SIGKILL),
    "SIGTERM while it encrypts": is_ended_while_it_encrypts(signal.SIGTERM),
    "SIGKILL while it encrypts": is_ended_while_it_encrypts(signal.SIGKILL),
    "no memory left": has_no_memory_left,
    "too little memory from the start": has_too_little_memory,
    "a restart from a checkpoint": starts_again_elsewhere,
}


@pytest.mark.parametrize("case", CASES)
def test_what_it_reads_and_writes_is_never_plain_on_disk(scene, case):
    CASES[case](scene)
    scene.is_clean()


def test_it_finds_its_data_and_what_it_writes_comes_out(scene):
    ends_by_itself(scene)
    assert scene.opens("model/weights-2").startswith(SECRET)
    assert scene.opens("output/data/plot-2") == b"top secret plot"
    assert scene.opens("output/tensors/step/2") == b"top secret tensors"
    assert not (scene.root / "model/cache").exists()
    scene.is_clean()


def test_what_is_put_on_the_volume_on_purpose_is_seen_there(scene):
    """So it would be, were anything else plain on disk."""
    scene.container.hyperparameters["strongroom_plaintext"] = "volume"
    ends_by_itself(scene)
    private = {sighting.path for sighting in scene.watcher.close()}
    assert {path.split("/")[-1] for path in private} >= {"a_chunk_of_secrets", "other", "cache", "weights-2", "plot-2", "epoch-2"}
    assert {path.removeprefix(str(scene.root)).split("/")[1][:22] for path in private} == {".strongroom-plaintext-"}


def test_where_there_can_be_no_link_it_is_plain_until_the_end_and_is_said_to_be(scene):
    """As told; and the watch sees what the links are for."""
    fixed = mounted(scene.root / "model")
    if subprocess.run([*fixed, "true"], capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    process, _ = scene.start("end", before=fixed)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert f"{scene.root}/model stays" in said and "what is written there is encrypted afterwards" in said
    weights = [f"model/weights-{number}" for number in range(3)]
    assert {sighting.path for sighting in scene.watcher.close()} == {str(scene.root / path) for path in weights}
    scene.is_clean(brief=weights)


def test_a_folder_in_the_place_of_a_link_is_plain_for_a_moment_only(scene):
    scene.container.variables["STRONGROOM_ML_ROOT"] = str(scene.root)
    process = scene.container.start(sys.executable, "-c", REPLACING, stdin=subprocess.PIPE)
    assert process.stdout.readline() == "made\n", process.communicate()
    until = time.monotonic() + 60
    while not (scene.root / "model").is_symlink():
        assert time.monotonic() < until
        time.sleep(0.001)
    # Beside what is uploaded, if the link was not there again before the file was made.
    beside = str(scene.root / ".strongroom-taken-model/0/early")
    assert scene.watcher.plain() <= {beside}
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n", process.communicate()
    assert scene.watcher.plain() <= {beside}
    _, said = process.communicate("\n", timeout=60)
    assert process.returncode == 0, said
    was_there = [sighting.seconds for sighting in scene.watcher.close() if sighting.path == str(scene.root / "model/early")]
    print(was_there)
    assert sum(was_there) < NEXT_LOOK
    scene.is_clean(brief=["model/early", beside])


def test_what_is_written_where_sagemaker_copies_it_from_is_plain_for_a_moment_only(scene):
    process = scene.container.start(sys.executable, "-c", WRITING, stdin=subprocess.PIPE)
    token = scene.root / "strongroom-checkpoints/e"
    until = time.monotonic() + 60
    while not (token.exists() and token.read_bytes().startswith(b"gAAAAA")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)
    assert scene.watcher.plain() == set()
    _, said = process.communicate("\n", timeout=60)
    assert process.returncode == 1, said
    was_there = [sighting.seconds for sighting in scene.watcher.close()]
    print(was_there)
    # Perhaps it had gone before it could be read.
    assert was_there or str(token) in scene.watcher.unread
    assert sum(was_there) < NEXT_LOOK
    scene.is_clean(brief=["strongroom-checkpoints/e"])


CUT_OFF = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1], "checkpoints")
(folder / "latest").write_text("top secret whole")
print("whole", flush=True)
input()
file = open(folder / "latest", "w")
file.write("top secret half")
file.flush()
print("half", flush=True)
time.sleep(1000)
"""


def test_a_checkpoint_that_is_cut_off_does_not_replace_the_last_whole_one(scene):
    process = scene.container.start(sys.executable, "-c", CUT_OFF, str(scene.root), stdin=subprocess.PIPE)
    assert process.stdout.readline() == "whole\n"
    appears(scene.root / "strongroom-checkpoints/latest")
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "checkpoint latest was being written" in said
    assert scene.opens("strongroom-checkpoints/latest") == b"top secret whole"
    scene.is_clean()


def test_a_read_only_input_stays_and_the_variable_leads_to_plaintext(scene):
    data = scene.root / "input"
    fixed = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    fixed += [f'mount --bind "{data}" "{data}" && mount -o remount,ro,bind "{data}" && exec "$@"', "sh"]
    if subprocess.run([*fixed, "true"], capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    look = "import os; print(open(os.environ['SM_CHANNEL_TRAIN'] + '/a_chunk_of_secrets').readline())"
    process = scene.container.start(sys.executable, "-c", look, before=fixed)
    output, said = process.communicate(timeout=60)
    assert (process.returncode, output.strip()) == (0, "rooms,age,price"), said
    assert f"{data}/data/train stays" in said and "SM_CHANNEL_" in said
    scene.is_clean()


IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/hard-coded:latest"
#: Is taken back in its first run and goes on in the next.
RESUMING = """
import os, pathlib, sys, time
root = pathlib.Path(os.environ["STRONGROOM_ML_ROOT"])
run = len(list((root / "checkpoints").glob("epoch-*")))
assert (root / "input/data/train/rows").read_text().startswith("rooms")
(root / "model/weights").write_text("top secret weights")
(root / "output/data/plot").write_text("top secret plot")
(root / "checkpoints/epoch-0").write_text("top secret epoch")
if run == 0:
    time.sleep(1000)
# What it says is in the log, which nobody encrypts.
print("went on from", (root / "checkpoints/epoch-0").read_text().removeprefix("top secret "), flush=True)
"""


def test_a_spot_job_of_the_sandbox_leaves_nothing_plain_in_its_world_when_it_is_taken_back(tmp_path):
    """With the world's folder as the disk: what is uploaded lies there too."""
    for folder in ("world", "tmp", "scripts"):
        (tmp_path / folder).mkdir()
    script = tmp_path / "scripts/train.py"
    script.write_text(RESUMING)
    (tmp_path / "scripts/rows").write_bytes(HOUSING)
    command = f"exec env TMPDIR={tmp_path}/tmp {STRONGROOM} train -- {sys.executable} {script}"
    options = ["--dir", tmp_path / "world", "--image", f"{IMAGE}={command}", "--fault", "sagemaker:interrupt=5s"]
    with world(tmp_path, *map(str, options)) as mine:
        kms, s3, role = mine.client("kms"), mine.client("s3"), role_for_training(mine, "hard-coded")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Decrypt", "Encrypt"])
        bucket = "sagemaker-hard-coded"
        s3.create_bucket(Bucket=bucket)
        watcher = Watcher([SECRET, HOUSING[:40]], tmp_path / "world", tmp_path / "tmp")
        cli = Cli(mine, tmp_path / "scripts")
        cli.run("encrypt", "rows", f"s3://{bucket}/data/", "--key", arn, "--data-key-name", "dont_look")
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/data"}
        kept = {"S3Uri": f"s3://{bucket}/kept", "LocalPath": "/opt/ml/strongroom-checkpoints"}
        told = {"ciphertext_s3_key": "dont_look", "key_bucket": bucket, "kms_key_id": arn}
        mine.client("sagemaker").create_training_job(
            TrainingJobName="hard-coded",
            RoleArn=role,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters=told | {"strongroom_checkpoints": kept["LocalPath"]},
            InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 300},
            EnableManagedSpotTraining=True,
            CheckpointConfig=kept,
        )
        job, lines = finished(mine.client("sagemaker"), "hard-coded"), log_of(mine.client("logs"), "hard-coded")
        assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
        assert "Interrupted" in [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
        assert "went on from epoch" in lines
        sightings = watcher.close()
        cli.run("decrypt", job["ModelArtifacts"]["S3ModelArtifacts"], "-o", "model")
        assert (tmp_path / "scripts/model/weights").read_bytes() == b"top secret weights"
    assert sightings == [] and watcher.reads > 10
