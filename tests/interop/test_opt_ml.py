"""A script with only /opt/ml paths written into it, and somebody who reads along in every public folder all the time."""

import os
import pathlib
import signal
import stat
import subprocess
import sys
import threading

import pytest
from test_train import HOUSING, Container, appears, ends

SECRET = b"top secret"
#: Knows no variable of ours: its root stands for /opt/ml.
SCRIPT = """
import os, pathlib, sys, time
root, then = pathlib.Path(sys.argv[1]), sys.argv[2]
print(os.getpid(), sorted(path.name for path in (root / "checkpoints").glob("*")), flush=True)
rows = (root / "input/data/train/a_chunk_of_secrets").read_text()
assert rows.startswith("rooms,age,price"), rows[:20]
assert "rooms" in (root / "input/data/train/deep/other").read_text()
(root / "input/data/train/cache").write_text("top secret cache")
for number in range(3):
    (root / "model" / f"weights-{number}").write_text("top secret weights " * 1000)
    (root / "output/data" / f"plot-{number}").write_text("top secret plot")
    half = root / "checkpoints/half"
    half.write_text("top secret epoch " * 1000)
    half.rename(root / "checkpoints" / f"epoch-{number}")
    time.sleep(0.05)
print("ready", flush=True)
if then == "wait":
    time.sleep(1000)
if then == "fill":
    with open(root / "model/huge", "wb") as file:
        while True:
            file.write(b"top secret" * 10000)
"""


class Watcher(threading.Thread):
    """Reads what lies in the public folders, again and again; links lead to what is not public."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self.root, self.seen, self.looks, self.stopped = root, set(), 0, threading.Event()
        self.start()

    def run(self):
        while not self.stopped.is_set():
            self.looks += 1
            # By descriptors: a folder that becomes a link meanwhile is not followed.
            for folder, folders, files, opened in os.fwalk(self.root):
                folders[:] = [name for name in folders if not name.startswith(".strongroom-plaintext-")]
                for name in files:
                    self.look(opened, name, f"{folder}/{name}")

    def look(self, folder, name, path):
        try:
            if not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
                return
            with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
                content = file.read()
        except OSError:
            return
        if SECRET in content or HOUSING[:40] in content:
            self.seen.add(path)

    def saw(self):
        self.stopped.set()
        self.join()
        assert self.looks > 3
        return self.seen


class Scene:
    def __init__(self, sandbox, tmp_path):
        self.container = Container(sandbox, tmp_path / "ml", tmp_path)
        self.memory = tmp_path / "memory"
        self.memory.mkdir()
        self.container.variables["STRONGROOM_MEMORY_ROOT"] = str(self.memory)
        del self.container.hyperparameters["strongroom_plaintext"]
        self.container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
        self.root = self.container.root
        for folder in ("checkpoints", "strongroom-checkpoints", "output/data", "input/data/train/deep"):
            (self.root / folder).mkdir(parents=True)
        self.container.put("input/data/train/deep/other", self.container.fernet.encrypt(HOUSING))
        self.delivered = self.inputs()
        self.watcher = Watcher(self.root)

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

    def is_clean(self):
        """Everything is where SageMaker put it, and holds tokens."""
        assert self.watcher.saw() == set()
        self.container.holds_no_plaintext(SECRET)
        assert self.inputs() == self.delivered
        assert not list(self.memory.iterdir())

    def opens(self, name):
        return self.container.fernet.decrypt((self.root / name).read_bytes())


@pytest.fixture
def scene(sandbox, tmp_path):
    return Scene(sandbox, tmp_path)


def test_it_finds_its_data_and_what_it_writes_is_never_plain_where_others_look(scene):
    process, _ = scene.start("end")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    scene.is_clean()
    assert scene.opens("model/weights-2").startswith(SECRET)
    assert scene.opens("output/data/plot-2") == b"top secret plot"
    assert scene.opens("strongroom-checkpoints/epoch-2").startswith(SECRET)
    assert not (scene.root / "model/cache").exists()


@pytest.mark.parametrize("number", ["TERM", "HUP"])
def test_stopped_it_leaves_tokens(scene, number):
    process, command = scene.start("wait")
    process.send_signal(getattr(signal, f"SIG{number}"))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, f"SIG{number}"), said
    ends(command)
    scene.is_clean()
    assert scene.opens("strongroom-checkpoints/epoch-2").startswith(SECRET)


def test_killed_itself_it_leaves_tokens(scene):
    process, command = scene.start("wait")
    os.kill(command, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL, said
    scene.is_clean()


def test_with_strongroom_killed_only_links_and_tokens_remain_and_a_restart_finds_the_checkpoints(scene):
    process, command = scene.start("wait")
    appears(scene.root / "strongroom-checkpoints/epoch-2")
    process.kill()
    process.communicate(timeout=60)
    ends(command)
    assert (scene.root / "model").is_symlink() and (scene.root / "input/data/train").is_symlink()
    assert list(scene.memory.iterdir())

    process, _ = scene.start("end")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert scene.found == ["epoch-0", "epoch-1", "epoch-2"]
    scene.is_clean()


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


def test_with_no_memory_left_it_fails_and_leaves_tokens(scene):
    small = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    small += [f'mount -t tmpfs -o size=4M none "{scene.memory}" && exec "$@"', "sh"]
    if subprocess.run([*small, "true"], capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    process, _ = scene.start("fill", before=small)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "No space left" in said
    scene.is_clean()
    assert scene.opens("model/weights-2").startswith(SECRET)


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
