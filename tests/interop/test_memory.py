"""No half of a data key, nor what it expands to, is left in a process that has done its work.

The sandbox is another process. A debug build has the portable cipher, a release build the woven one: run both.
"""

import base64
import json
import secrets
import subprocess
import sys
import time

import pytest
import stopped
from conftest import STRONGROOM, World, _sandbox, _stopped
from cryptography.fernet import Fernet
from secrets_of import found_in, inverse, needles, round_keys, sha256_state
from terminal import ENTER, ESC, Dashboard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

# Several pieces, so that every thread of the cipher has something to do.
TABLE = b"rooms,age,price\n" + b"".join(b"%d,%d,%d\n" % (i % 9, i % 40, i) for i in range(100_000))


class Desk:
    """A world, a key, a bucket, and one encrypted object in it."""

    def __init__(self, world, home):
        self.world, self.home = world, home
        self.kms, self.s3 = world.client("kms"), world.client("s3")
        self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.kms.create_alias(AliasName="alias/memory", TargetKeyId=self.key)
        self.bucket = "sagemaker-memory"
        self.s3.create_bucket(Bucket=self.bucket)
        (home / "table.csv").write_bytes(TABLE)

    def uri(self, name):
        return f"s3://{self.bucket}/{name}"

    def data_key(self, name):
        metadata = self.s3.head_object(Bucket=self.bucket, Key=name)["Metadata"]
        key_object = self.s3.get_object(Bucket=self.bucket, Key=metadata["strongroom-data-key-object"])
        return self.kms.decrypt(CiphertextBlob=key_object["Body"].read())["Plaintext"]

    def look(self, name):
        wanted = needles(self.data_key(name))
        return lambda pid: found_in(pid, wanted)

    def put(self, name):
        done = subprocess.run(
            [STRONGROOM, "encrypt", "table.csv", self.uri(name), "--key", self.key],
            cwd=self.home,
            env=self.world.environment(self.home),
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def desk(tmp_path):
    process = _sandbox(tmp_path, "--empty")
    said = json.loads(process.stdout.readline())
    world = World(
        said["AWS_ENDPOINT_URL"], said["AWS_ACCESS_KEY_ID"], said["AWS_SECRET_ACCESS_KEY"], said["AWS_DEFAULT_REGION"]
    )
    home = tmp_path / "home"
    home.mkdir()
    yield Desk(world, home)
    _stopped(process)


def test_the_scan_knows_what_it_looks_for_and_finds_what_is_there():
    # FIPS 197, A.1; the inverse as its appendix B has it for the first column; FIPS 180-4's example "abc".
    keys = round_keys(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    assert keys[1].hex() == "a0fafe1788542cb123a339392a6c7605"
    assert keys[10].hex() == "d014f9a8c9ee2589e13f0cc8b6630ca6"
    assert inverse(bytes.fromhex("db135345f20a225c01010101c6c6c6c6")) != keys[1]
    assert inverse(bytes.fromhex("8e4da1bc9fdc589d01010101d5d5d7d6"))[:8].hex() == "db135345f20a225c"
    block = b"abc\x80".ljust(63, b"\0") + b"\x18"
    assert b"".join(word.to_bytes(4, "big") for word in sha256_state(block)).hex().startswith("ba7816bf8f01cfea414140de")

    data_key = secrets.token_bytes(32)
    script = (
        "import sys, time; kept = bytes.fromhex(sys.stdin.readline()); print('ready', flush=True); time.sleep(1000)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(data_key.hex() + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "ready\n"
    found = found_in(process.pid, needles(data_key))
    process.kill()
    process.wait()
    assert {line.split(" near ")[0] for line in found} == {"the signing half", "the AES half"}


def test_a_dashboard_that_has_previewed_and_decrypted_has_nothing_of_the_data_key(desk):
    desk.put("table.csv")
    look = desk.look("table.csv")
    folder = desk.home / "work"
    folder.mkdir()
    with Dashboard(desk.world, folder, desk.home) as dashboard:
        dashboard.wait("table.csv").keys("3").keys("G").keys("P").wait("wiped when closed")
        dashboard.keys(ESC).gone("Esc close")
        assert not settled(dashboard.pid, look), "after the preview"
        dashboard.keys("d").wait("Decrypt").keys(ENTER)
        until = time.monotonic() + 60
        while not (folder / "table.csv").exists():
            assert time.monotonic() < until, dashboard.text()
            time.sleep(0.1)
        assert (folder / "table.csv").read_bytes() == TABLE
        assert not settled(dashboard.pid, look), "after decrypting"


def settled(pid, look):
    """What is left once the threads that worked have ended their work."""
    found = []
    for _ in range(10):
        time.sleep(0.5)
        found = stopped.paused(pid, look)
        if not found:
            break
    return found


def test_a_command_has_nothing_of_the_data_key_when_it_ends(desk):
    desk.put("table.csv")
    look = desk.look("table.csv")
    for arguments in (
        ("decrypt", desk.uri("table.csv"), "-o", "plain.csv"),
        ("decrypt", desk.uri("table.csv"), "-o", "-"),
        ("verify", desk.uri("table.csv")),
    ):
        assert stopped.run(desk.world, desk.home, look, *arguments) == (0, []), arguments

    # Its data key is not known before it is there: looked up while the process waits at its end.
    status, found = stopped.run(
        desk.world, desk.home, lambda pid: desk.look("new.csv")(pid), "encrypt", "table.csv", desk.uri("new.csv"), "--key", desk.key
    )  # fmt: skip
    assert (status, found) == (0, [])


def test_train_has_nothing_of_the_data_key_while_its_command_runs_nor_when_it_ends(desk, tmp_path):
    answer = desk.kms.generate_data_key(KeyId=desk.key, NumberOfBytes=32)
    wanted = needles(answer["Plaintext"])
    desk.s3.put_object(Bucket=desk.bucket, Key="dont_look", Body=answer["CiphertextBlob"])
    root = tmp_path / "ml"
    for folder in ("input/config", "input/data/train", "model", "output"):
        (root / folder).mkdir(parents=True)
    fernet = Fernet(base64.urlsafe_b64encode(answer["Plaintext"]))
    (root / "input/data/train/table.csv").write_bytes(fernet.encrypt(TABLE))
    told = {"ciphertext_s3_key": "dont_look", "key_bucket": desk.bucket, "kms_key_id": desk.key, "strongroom_plaintext": "volume"}
    (root / "input/config/hyperparameters.json").write_text(json.dumps(told))
    script = (
        "import os, pathlib, sys; pathlib.Path(os.environ['SM_MODEL_DIR'], 'weights').write_bytes(b'w' * 2_000_000); "
        "pathlib.Path('ready').touch(); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [STRONGROOM, "train", "--", sys.executable, "-c", script],
        env=desk.world.environment(desk.home) | {"STRONGROOM_ML_ROOT": str(root)},
        cwd=desk.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not (desk.home / "ready").exists():
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        assert not settled(process.pid, lambda pid: found_in(pid, wanted)), "while COMMAND runs"
        process.stdin.close()
        assert stopped.at_exit(process, lambda pid: found_in(pid, wanted)) == (0, [])
    finally:
        process.kill()
    assert fernet.decrypt((root / "model/weights").read_bytes()) == b"w" * 2_000_000
