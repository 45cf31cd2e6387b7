"""`strongroom train` in a container made by hand: the boto3 way's /opt/ml, with moto and the sandbox for KMS and S3."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import STRONGROOM
from cryptography.fernet import Fernet
from watcher import Watcher

HOUSING = b"rooms,age,price\n" + b"".join(b"%d,%d,%d\n" % (i % 9, i % 40, 100 + 30 * (i % 9) - i % 40) for i in range(500))


class Container:
    """A folder shaped like /opt/ml, a data key, and the environment of a training image."""

    def __init__(self, world, root, home):
        self.world, self.root, self.home = world, root, home
        kms, self.s3 = world.client("kms"), world.client("s3")
        self.arn = kms.create_key()["KeyMetadata"]["Arn"]
        self.bucket = "sagemaker-train-" + self.arn[-12:]
        self.s3.create_bucket(Bucket=self.bucket)
        answer = kms.generate_data_key(KeyId=self.arn, NumberOfBytes=32)
        self.data_key, self.wrapped = answer["Plaintext"], answer["CiphertextBlob"]
        self.fernet = Fernet(base64.b64encode(self.data_key))
        self.s3.put_object(Bucket=self.bucket, Key="dont_look", Body=self.wrapped)
        self.hyperparameters = {
            "ciphertext_s3_key": "dont_look",
            "key_bucket": self.bucket,
            "kms_key_id": self.arn,
            "strongroom_plaintext": "volume",
        }
        #: Documents of input/config that are not as a plain job has them.
        self.config = {}
        self.variables = {}
        for folder in ("input/config", "input/data/train", "model", "output"):
            (root / folder).mkdir(parents=True)
        self.put("input/data/train/a_chunk_of_secrets", self.fernet.encrypt(HOUSING))

    def put(self, name, content):
        (self.root / name).write_bytes(content)

    def start(self, *command, before=(), stdin=subprocess.DEVNULL):
        config = self.root / "input/config"
        # As the SageMaker SDK sends them: JSON inside JSON.
        quoted = {name: json.dumps(value) for name, value in self.hyperparameters.items()}
        documents = {"inputdataconfig": {"train": {"TrainingInputMode": "File"}}} | self.config
        documents["hyperparameters"] = quoted | self.config.get("hyperparameters", {})
        for name, document in documents.items():
            (config / f"{name}.json").write_text(json.dumps(document))
        environment = self.world.environment(self.home) | {"STRONGROOM_ML_ROOT": str(self.root)} | self.variables
        return subprocess.Popen(
            [*before, STRONGROOM, "train", "--", *command],
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command):
        process = self.start(*command)
        output, said = process.communicate(timeout=120)
        return process.returncode, output, said

    def python(self, script):
        return self.run(sys.executable, "-c", script)

    def files(self, folder):
        return {str(path.relative_to(self.root / folder)) for path in (self.root / folder).rglob("*") if path.is_file()}

    def failure(self):
        return (self.root / "output/failure").read_text()

    def holds_no_plaintext(self, *secrets):
        assert not [path for path in self.root.iterdir() if path.name.startswith(".strongroom")]
        for folder in ("model", "output", "checkpoints", "strongroom-checkpoints"):
            assert not (self.root / folder).is_symlink()
            for path in (self.root / folder).rglob("*"):
                if path.is_file():
                    assert not any(secret in path.read_bytes() for secret in secrets), path


def appears(path, seconds=60):
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} does not appear"
        time.sleep(0.1)


def ends(pid, seconds=60):
    """Waits until there is no such process, or only what its parent has not asked after."""
    until = time.monotonic() + seconds
    while True:
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        assert time.monotonic() < until, f"{pid} runs on"
        time.sleep(0.1)


@pytest.fixture(params=["moto", "sandbox"])
def container(request, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Container(request.getfixturevalue(request.param), tmp_path / "ml", home)


@pytest.fixture
def role(sandbox):
    """A role of the sandbox that may read S3 and use no key, with a session of it."""
    iam, sts = sandbox.client("iam"), sandbox.client("sts")
    me = sts.get_caller_identity()["Arn"]
    trust = {"Effect": "Allow", "Principal": {"AWS": me}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName="container-role", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="container-role", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    return arn, sts.assume_role(RoleArn=arn, RoleSessionName="job")["Credentials"]


def test_without_the_grant_kmss_own_words_are_the_reason_and_with_it_the_job_trains(sandbox, role, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    arn, session = role
    container.variables = {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
    status, output, said = container.python("print('ran')")
    assert (status, output) == (1, "")
    reason = container.failure()
    assert "AccessDeniedException" in reason
    assert "User: arn:aws:sts::111122223333:assumed-role/container-role/job" in reason
    assert f"is not authorized to perform: kms:Decrypt on resource: {container.arn}" in reason
    assert "kms:Decrypt" in said

    sandbox.client("kms").create_grant(KeyId=container.arn, GranteePrincipal=arn, Operations=["Decrypt"])
    status, _, said = container.run(STRONGROOM, "reference-trainer")
    assert status == 0, said


def test_the_reference_trainer_trains_and_python_opens_its_model(container):
    container.hyperparameters["epochs"] = "5"
    status, output, said = container.run(STRONGROOM, "reference-trainer")
    assert status == 0, said
    assert f"strongroom: unwrapped data key of {container.arn}" in said
    assert "strongroom: decrypted train/a_chunk_of_secrets" in said
    assert "strongroom: encrypted model.bin" in said
    losses = [float(line.split("loss=")[1]) for line in output.splitlines() if line.startswith("epoch=")]
    assert len(losses) == 5 and losses[-1] < losses[0]
    assert container.files("model") == {"model.bin", "strongroom.json"}
    model = json.loads(container.fernet.decrypt((container.root / "model/model.bin").read_bytes()))
    assert (model["kind"], model["rows"]) == ("linear-regression", 500)
    bundle = json.loads((container.root / "model/strongroom.json").read_text())
    assert base64.b64decode(bundle["data_key"]) == container.wrapped
    container.holds_no_plaintext(b"linear-regression")


def test_the_command_sees_plaintext_in_private_folders_and_its_output_is_left_alone(container):
    container.hyperparameters["learning-rate"] = 0.5
    status, output, said = container.python(
        "import os, pathlib, stat\n"
        "train = pathlib.Path(os.environ['SM_CHANNEL_TRAIN'])\n"
        "print((train / 'a_chunk_of_secrets').read_text().splitlines()[0])\n"
        "print(oct(stat.S_IMODE(train.parents[2].stat().st_mode)), os.environ['SM_HP_LEARNING_RATE'])\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'sub').mkdir()\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'sub', 'w').write_text('top secret weights')\n"
        "pathlib.Path(os.environ['SM_OUTPUT_DATA_DIR'], 'plot').write_text('top secret plot')\n"
    )
    assert status == 0, said
    assert output.splitlines() == ["rooms,age,price", "0o700 0.5"]
    assert container.fernet.decrypt((container.root / "model/sub/w").read_bytes()) == b"top secret weights"
    assert container.fernet.decrypt((container.root / "output/data/plot").read_bytes()) == b"top secret plot"
    container.holds_no_plaintext(b"top secret")


@pytest.mark.skipif(not pathlib.Path("/dev/shm").is_dir(), reason="there is no file system in memory")
def test_plaintext_is_in_memory_unless_told_otherwise(container):
    del container.hyperparameters["strongroom_plaintext"]
    status, output, said = container.python("import os; print(os.environ['SM_CHANNEL_TRAIN'])")
    assert status == 0, said
    folder = pathlib.Path(output.strip())
    assert folder.is_relative_to("/dev/shm")
    assert not folder.exists() and not folder.parents[2].exists()


def test_what_the_command_writes_to_opt_ml_itself_is_encrypted_too(container):
    (container.root / "output/data").mkdir()
    status, _, said = container.python(
        f"open('{container.root}/model/careless', 'w').write('top secret')\n"
        f"open('{container.root}/output/data/careless', 'w').write('top secret')\n"
    )
    assert status == 0, said
    assert container.fernet.decrypt((container.root / "model/careless").read_bytes()) == b"top secret"
    container.holds_no_plaintext(b"top secret")


def test_the_commands_status_and_its_own_words_are_passed_on(container):
    status, _, _ = container.python("import sys; sys.exit(7)")
    assert status == 7
    assert "exited with status 7" in container.failure()
    status, _, _ = container.python(
        "import os, sys; open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('no convergence'); sys.exit(1)"
    )
    assert (status, container.failure()) == (1, "no convergence")
    status, _, _ = container.python(f"import sys; open('{container.root}/output/failure', 'w').write('own'); sys.exit(1)")
    assert (status, container.failure()) == (1, "own")
    container.holds_no_plaintext(HOUSING[:40])


def test_a_stopped_job_stops_its_command_and_leaves_no_plaintext(container):
    process = container.start(
        sys.executable,
        "-c",
        "import os, time, pathlib\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'partial').write_text('top secret')\n"
        "print('ready', flush=True)\n"
        "time.sleep(1000)\n",
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, said
    assert container.fernet.decrypt((container.root / "model/partial").read_bytes()) == b"top secret"
    assert "signal 15" in container.failure()
    container.holds_no_plaintext(b"top secret")


def test_a_new_key_for_the_model_leaves_the_old_one_behind(container):
    container.hyperparameters["strongroom_model_key"] = "new"
    status, _, said = container.run(STRONGROOM, "reference-trainer")
    assert status == 0, said
    bundle = json.loads((container.root / "model/strongroom.json").read_text())
    wrapped = base64.b64decode(bundle["data_key"])
    assert wrapped != container.wrapped
    fresh = container.world.client("kms").decrypt(CiphertextBlob=wrapped)["Plaintext"]
    assert fresh != container.data_key
    Fernet(base64.b64encode(fresh)).decrypt((container.root / "model/model.bin").read_bytes())


def test_checkpoints_are_encrypted_while_the_command_runs_and_restored_at_its_restart(container):
    container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
    process = container.start(
        sys.executable,
        "-c",
        "import os, pathlib, sys\n"
        "pathlib.Path(os.environ['STRONGROOM_CHECKPOINT_DIR'], 'epoch-1').write_text('top secret')\n"
        "print('ready', flush=True)\n"
        "import time; time.sleep(1000)\n",
    )
    assert process.stdout.readline() == "ready\n"
    kept = container.root / "strongroom-checkpoints/epoch-1"
    appears(kept)
    assert container.fernet.decrypt(kept.read_bytes()) == b"top secret"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    status, output, said = container.python(
        "import os; print(open(os.environ['STRONGROOM_CHECKPOINT_DIR'] + '/epoch-1').read())"
    )
    assert (status, output) == (0, "top secret\n"), said
    container.holds_no_plaintext(b"top secret")


def test_a_wrong_data_key_fails_the_job_before_the_command_runs(container):
    container.put("input/data/train/a_chunk_of_secrets", Fernet(Fernet.generate_key()).encrypt(HOUSING))
    status, output, _ = container.python("print('ran')")
    assert (status, output) == (1, "")
    assert "train/a_chunk_of_secrets" in container.failure()
    container.holds_no_plaintext(HOUSING[:40])


def manifest_of(container, files, prefix=None):
    """Of version 1, or of version 2 where the channel's prefix is given."""
    manifest = {
        "version": 1 if prefix is None else 2,
        "data_keys": [{"data_key": base64.b64encode(container.wrapped).decode(), "kms_key_id": container.arn}],
        "channels": {"train": files if prefix is None else {"prefix": prefix, "files": files}},
    }
    body = json.dumps(manifest).encode()
    container.s3.put_object(Bucket=container.bucket, Key="manifests/m.json", Body=body)
    container.hyperparameters |= {
        "strongroom_manifest": f"s3://{container.bucket}/manifests/m.json",
        "strongroom_manifest_sha256": hashlib.sha256(body).hexdigest(),
    }


def bound_entry(container, token, name, length, prefix=None):
    """The binding MAC as the format describes it, of version 1 or 2, by another implementation."""
    import hmac

    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    header = base64.urlsafe_b64decode(token)[:25]
    version = b"1" if prefix is None else b"2"
    key = HKDF(SHA256(), 32, salt=None, info=b"strongroom/%b/metadata" % version).derive(container.data_key)
    place = [name.encode()] if prefix is None else [name.encode(), prefix.encode()]
    said = b"".join(
        len(part).to_bytes(8, "big") + part for part in (version, *place, header, str(length).encode())
    )
    placed = {} if prefix is None else {"version": 2, "prefix": prefix}
    return placed | {
        "data_key": 0,
        "header": base64.b64encode(header).decode(),
        "length": length,
        "name": name,
        "mac": base64.b64encode(hmac.digest(key, said, "sha256")).decode(),
    }


def test_a_manifest_opens_what_it_lists_and_nothing_else(container):
    path = container.root / "input/data/train/a_chunk_of_secrets"
    entry = bound_entry(container, path.read_bytes(), "data/a_chunk_of_secrets", len(HOUSING))
    manifest_of(container, {"a_chunk_of_secrets": entry})
    status, _, said = container.run(STRONGROOM, "reference-trainer")
    assert status == 0, said
    assert "unbound" not in said

    container.put("input/data/train/smuggled", container.fernet.encrypt(b"poison"))
    status, output, _ = container.python("print('ran')")
    assert (status, output) == (1, "")
    assert "train/smuggled" in container.failure()


def test_a_manifest_of_version_2_opens_what_was_put_where_the_channel_is(container):
    path = container.root / "input/data/train/a_chunk_of_secrets"
    token = path.read_bytes()
    entry = bound_entry(container, token, "a_chunk_of_secrets", len(HOUSING), prefix="data/")
    manifest_of(container, {"a_chunk_of_secrets": entry}, prefix="data/")
    status, _, said = container.run(STRONGROOM, "reference-trainer")
    assert status == 0, said

    # The same object, listed as another one: a copy put in its stead before the manifest was made.
    container.put("input/data/train/a_chunk_of_secrets", token)
    manifest_of(container, {"a_chunk_of_secrets": entry}, prefix="data/sub/")
    status, output, _ = container.python("print('ran')")
    assert (status, output) == (1, "")
    assert "data/a_chunk_of_secrets" in container.failure()


def test_a_changed_manifest_is_refused(container):
    manifest_of(container, {})
    container.hyperparameters["strongroom_manifest_sha256"] = "0" * 64
    status, output, _ = container.python("print('ran')")
    assert (status, output) == (1, "")
    assert "SHA-256" in container.failure()


def test_a_job_without_data_key_says_which_hyperparameters_to_give(container):
    del container.hyperparameters["ciphertext_s3_key"]
    status, _, said = container.python("print('ran')")
    assert status == 1
    assert "ciphertext_s3_key" in said and "ciphertext_s3_key" in container.failure()


USUAL = """
import os, pathlib
root = pathlib.Path(os.environ["STRONGROOM_ML_ROOT"])
print(sorted(path.read_text() for path in (root / "checkpoints").glob("epoch-*")))
(root / "model").mkdir(exist_ok=True)
(root / "model/weights").write_text("top secret weights")
(root / "output/data").mkdir(parents=True, exist_ok=True)
(root / "output/data/plot").write_text("top secret plot")
(root / "output/tensors").mkdir(exist_ok=True)
(root / "output/tensors/0").write_text("top secret tensors")
(root / "checkpoints").mkdir(exist_ok=True)
(root / "checkpoints/epoch-1").write_text("top secret epoch")
"""


@pytest.mark.parametrize("folder", ["strongroom-checkpoints", "checkpoints"])
@pytest.mark.parametrize("made", [True, False], ids=["made by SageMaker", "not there"])
def test_a_script_may_have_opt_ml_written_into_it_and_finds_its_checkpoints_again(sandbox, tmp_path, folder, made):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    if folder != "checkpoints":
        container.hyperparameters["strongroom_checkpoints"] = f"/opt/ml/{folder}"
    if made:
        (container.root / folder).mkdir()
    # What is uploaded holds nothing plain even while the script runs.
    watcher = Watcher([b"top secret"], tmp_path)
    status, output, said = container.python(USUAL)
    assert (status, output) == (0, "[]\n"), said
    seen = {sighting.path for sighting in watcher.close()}
    assert seen and all("/.strongroom-plaintext-" in path for path in seen), seen
    opened = container.fernet.decrypt
    assert opened((container.root / "model/weights").read_bytes()) == b"top secret weights"
    assert opened((container.root / "output/data/plot").read_bytes()) == b"top secret plot"
    assert opened((container.root / "output/tensors/0").read_bytes()) == b"top secret tensors"
    assert opened((container.root / folder / "epoch-1").read_bytes()) == b"top secret epoch"
    container.holds_no_plaintext(b"top secret")
    # A restart begins with what was copied from the checkpoints' folder, and nothing else.
    for folder in ("model", "output"):
        shutil.rmtree(container.root / folder)
    status, output, said = container.python(USUAL)
    assert (status, output) == (0, "['top secret epoch']\n"), said
    container.holds_no_plaintext(b"top secret")


def test_a_command_that_removes_the_link_has_its_checkpoints_all_the_same(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
    script = "rm -rf $STRONGROOM_ML_ROOT/checkpoints && cd $STRONGROOM_ML_ROOT && mkdir checkpoints && echo top secret > checkpoints/e"
    status, _, said = container.run("sh", "-c", script)
    assert status == 0, said
    assert container.fernet.decrypt((container.root / "strongroom-checkpoints/e").read_bytes()) == b"top secret\n"
    container.holds_no_plaintext(b"top secret")


def test_what_is_written_where_sagemaker_copies_it_from_is_encrypted_and_fails_the_job(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
    script = "cd $STRONGROOM_ML_ROOT && mkdir -p strongroom-checkpoints && echo top secret > strongroom-checkpoints/e"
    status, _, said = container.run("sh", "-c", script)
    assert status == 1
    assert "strongroom-checkpoints/e" in container.failure() and "SageMaker copies" in container.failure(), said
    assert container.fernet.decrypt((container.root / "strongroom-checkpoints/e").read_bytes()) == b"top secret\n"
    container.holds_no_plaintext(b"top secret")


WRITING = """
import os, pathlib, time
folder = pathlib.Path(os.environ["STRONGROOM_ML_ROOT"], "strongroom-checkpoints")
folder.mkdir(exist_ok=True)
with open(folder / "e", "w") as file:
    file.write("top secret ")
    file.flush()
    while (folder / "e").exists():
        time.sleep(0.01)
    file.write("to its end")
input()
"""


def test_it_has_no_name_there_while_it_is_written(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
    process = container.start(sys.executable, "-c", WRITING, stdin=subprocess.PIPE)
    token = container.root / "strongroom-checkpoints/e"
    # The plain file goes before the script goes on, and a token comes while it runs.
    appears(container.root / "strongroom-checkpoints")
    until = time.monotonic() + 60
    while not (token.exists() and token.read_bytes().startswith(b"gAAAAA")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    assert container.fernet.decrypt(token.read_bytes()) == b"top secret to its end"
    _, said = process.communicate("\n", timeout=60)
    assert process.returncode == 1 and "strongroom-checkpoints/e" in container.failure(), said
    container.holds_no_plaintext(b"top secret")


REPLACING = """
import os, pathlib
model = pathlib.Path(os.environ["STRONGROOM_ML_ROOT"], "model")
model.unlink()
model.mkdir()
early = open(model / "early", "w")
early.write("top secret early")
early.flush()
print("made", flush=True)
input()
assert (model / "early").read_text() == "top secret early"
(model / "late").write_text("top secret late")
early.write(", and more")
early.close()
print("done", flush=True)
input()
"""


@pytest.mark.parametrize("killed", [False, True])
def test_a_folder_in_the_place_of_a_link_does_not_stay_and_what_is_in_it_does(sandbox, tmp_path, killed):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    model = container.root / "model"
    process = container.start(sys.executable, "-c", REPLACING, stdin=subprocess.PIPE)
    assert process.stdout.readline() == "made\n", process.communicate()
    until = time.monotonic() + 60
    while not model.is_symlink():
        assert time.monotonic() < until
        time.sleep(0.01)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n", process.communicate()
    if killed:
        process.kill()
        process.communicate(timeout=60)
        assert model.is_symlink()
        assert container.python(USUAL)[0] == 0
    else:
        _, said = process.communicate("\n", timeout=60)
        assert process.returncode == 0 and "was replaced by a folder" in said, said
        opened = {name: container.fernet.decrypt((model / name).read_bytes()) for name in ("early", "late")}
        assert opened == {"early": b"top secret early, and more", "late": b"top secret late"}
    container.holds_no_plaintext(b"top secret")


OWN_LINKS = """
cd "$STRONGROOM_ML_ROOT"
mkdir run1 runck
echo top secret weights > run1/weights
ln -sfn run1 model
ln -sfn "$PWD/runck" checkpoints
echo top secret epoch > checkpoints/epoch
while [ ! -e .strongroom-aside-checkpoints/epoch ]; do sleep 0.1; done
"""


def test_what_a_scripts_own_links_lead_to_is_encrypted_and_checkpoints_while_it_runs(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    status, _, said = container.run("bash", "-ec", OWN_LINKS)
    assert status == 0 and "was replaced by a link to" in said, said
    assert container.fernet.decrypt((container.root / "model/weights").read_bytes()) == b"top secret weights\n"
    assert container.fernet.decrypt((container.root / "checkpoints/epoch").read_bytes()) == b"top secret epoch\n"
    container.holds_no_plaintext(b"top secret")
    assert (container.root / "run1/weights").read_text() == "top secret weights\n"


@pytest.mark.parametrize("name", ["model", "output", "checkpoints"])
@pytest.mark.parametrize("put", ["echo top secret > {}", "ln -s /none {}", "ln -s . {}"])
def test_what_is_no_folder_in_the_place_of_a_link_fails_the_job(sandbox, tmp_path, name, put):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    script = f'cd "$STRONGROOM_ML_ROOT"; rm {name}; {put.format(name)}; echo top secret > "$SM_MODEL_DIR/kept"'
    status, _, said = container.run("bash", "-ec", script)
    assert status == 1 and f"{container.root}/{name}" in container.failure(), said
    assert "in its place" in container.failure()
    assert container.fernet.decrypt((container.root / "model/kept").read_bytes()) == b"top secret\n"
    container.holds_no_plaintext(b"top secret")


@pytest.mark.parametrize(
    "name",
    [".strongroom-aside-model", ".strongroom-aside-output", ".strongroom-aside-output/data", "strongroom-checkpoints"],
)
def test_a_planted_link_is_not_followed_and_fails_the_job(sandbox, tmp_path, name):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
    (container.root / "strongroom-checkpoints").mkdir()
    victim = tmp_path / "victim"
    victim.mkdir()
    for kept in ("kept", "w"):
        (victim / kept).write_text("somebody's own")
    script = f'cd "$STRONGROOM_ML_ROOT"; rm -rf {name}; ln -s {victim} {name}; mkdir -p output/data; '
    script += "for folder in model output/data checkpoints; do echo top secret > $folder/w; done"
    status, _, said = container.run("bash", "-ec", script)
    assert status == 1 and "the training command replaced it" in container.failure(), said
    assert {path.name: path.read_text() for path in victim.iterdir()} == dict.fromkeys(["kept", "w"], "somebody's own")
    for folder in ("model", "output/data", "strongroom-checkpoints"):
        token = container.root / folder / "w"
        assert container.fernet.decrypt(token.read_bytes()) == b"top secret\n", folder


AGAIN = """
cd "$STRONGROOM_ML_ROOT"
echo top secret old > model/old
sleep 0.1
for i in $(seq 100); do
    rm -rf model
    mkdir -p model/a$i/b
    echo top secret $i > model/a$i/b/f
    sleep 0.05
done
rm -rf model
mkdir model
echo top secret new > model/new
"""


def test_folders_are_made_again_as_often_as_the_script_likes_and_only_the_last_ones_files_are_kept(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    status, _, said = container.run("bash", "-ec", AGAIN)
    assert status == 0, said
    assert container.files("model") == {"new", "strongroom.json"}
    assert container.fernet.decrypt((container.root / "model/new").read_bytes()) == b"top secret new\n"
    container.holds_no_plaintext(b"top secret")


REMOVING = """
import os, pathlib, shutil, sys, traceback
try:
    shutil.rmtree(pathlib.Path(os.environ["STRONGROOM_ML_ROOT"], "model"))
except OSError:
    pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text(traceback.format_exc())
    sys.exit(1)
"""


def test_a_script_that_would_remove_a_link_as_a_folder_is_told_what_to_do(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    status, _, said = container.python(REMOVING)
    assert status == 1
    assert f"{container.root}/model, " in said and "to clear one empty it" in said
    assert "empty such a folder instead of removing it" in container.failure()
    assert "rmtree on a symbolic link" in container.failure()


def test_a_containers_first_process_cannot_be_killed_from_inside(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    first = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*first, "true"], capture_output=True).returncode != 0:
        pytest.skip("there can be no processes of their own here")
    script = """
import os, signal
assert os.getppid() == 1
for number in (signal.SIGKILL, signal.SIGSTOP):
    os.kill(1, number)
open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write("top secret weights")
"""
    process = container.start(sys.executable, "-c", script, before=first)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert container.fernet.decrypt((container.root / "model/weights").read_bytes()) == b"top secret weights"
    container.holds_no_plaintext(b"top secret")


def mounted(folder):
    """A prefix of a command in whose eyes a folder is mounted, as SageMaker does it."""
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", f'mount --bind "{folder}" "{folder}" && exec "$@"', "sh"]


def test_a_mounted_checkpoint_folder_refuses_the_job_and_a_mounted_model_folder_does_not(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    if subprocess.run([*mounted(container.root / "model"), "true"], capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    (container.root / "checkpoints").mkdir()
    start = container.start

    def run(folder, *command):
        container.start = lambda *command: start(*command, before=mounted(container.root / folder))
        return container.run(*command)

    status, output, said = run("checkpoints", sys.executable, "-c", "print('ran')")
    assert (status, output) == (1, ""), said
    assert "strongroom_checkpoints" in container.failure() and str(container.root / "checkpoints") in container.failure()
    container.holds_no_plaintext(HOUSING[:40])

    (container.root / "checkpoints").rmdir()
    status, output, said = run("model", sys.executable, "-c", USUAL)
    assert status == 0, said
    assert container.fernet.decrypt((container.root / "model/weights").read_bytes()) == b"top secret weights"
    container.holds_no_plaintext(b"top secret")


WAITING = """
import os, pathlib, signal, subprocess, sys, time
pathlib.Path(os.environ["SM_MODEL_DIR"], "partial").write_text("top secret")
helper = subprocess.Popen(["sleep", "1000"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(os.getpid(), helper.pid, os.environ["SM_CHANNEL_TRAIN"], flush=True)
time.sleep(1000)
"""


def waiting(container):
    """A job whose command waits, with plaintext in memory: the process, the command's, its helper's, and the plaintext."""
    del container.hyperparameters["strongroom_plaintext"]
    process = container.start(sys.executable, "-c", WAITING)
    command, helper, plaintext = process.stdout.readline().split()
    assert pathlib.Path(plaintext, "a_chunk_of_secrets").exists()
    return process, int(command), int(helper), pathlib.Path(plaintext).parents[2]


@pytest.mark.parametrize("number", ["HUP", "INT", "QUIT", "ABRT", "TERM", "USR1", "USR2", "ALRM", "XCPU"])
def test_every_signal_that_ends_a_program_ends_its_command_and_leaves_no_plaintext(sandbox, tmp_path, number):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    process, command, helper, plaintext = waiting(container)
    sent = getattr(signal, f"SIG{number}")
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + sent, said
    ends(command), ends(helper)
    assert not plaintext.exists()
    assert container.fernet.decrypt((container.root / "model/partial").read_bytes()) == b"top secret"
    container.holds_no_plaintext(b"top secret")


def test_a_hangup_that_is_ignored_stays_ignored(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = container.start(sys.executable, "-c", "print('ready', flush=True); input(); print('done')", stdin=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGHUP, old)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    output, said = process.communicate("\n", timeout=60)
    assert (process.returncode, output) == (0, "done\n"), said


@pytest.mark.parametrize("number", ["KILL", "SEGV"])
def test_a_killed_job_takes_its_command_along_and_the_next_start_sweeps_and_trains(sandbox, tmp_path, number):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
    process, command, helper, plaintext = waiting(container)
    sent = getattr(signal, f"SIG{number}")
    # Rust's runtime looks at the first SIGSEGV for a stack that is too small; one that comes by itself comes again at once.
    while process.poll() is None:
        process.send_signal(sent)
        time.sleep(0.1)
    process.communicate(timeout=60)
    assert process.returncode == -sent
    ends(command)
    os.kill(helper, signal.SIGKILL)
    assert plaintext.exists() and (container.root / "model").is_symlink()

    status, output, said = container.python(USUAL)
    assert (status, output) == (0, "[]\n"), said
    assert not plaintext.exists() and "removed plaintext that an earlier run left" in said
    assert container.fernet.decrypt((container.root / "model/weights").read_bytes()) == b"top secret weights"
    container.holds_no_plaintext(b"top secret")


def test_a_panic_is_a_fault_that_fails_the_job_and_leaves_no_plaintext(sandbox, tmp_path):
    """Threads need room: with ever more of it they are refused one after the other, until there is enough for all."""
    panicked, inside = 0, 0
    for megabytes in range(48, 400, 4):
        container = Container(sandbox, tmp_path / f"ml-{megabytes}", tmp_path)
        container.variables["RUST_BACKTRACE"] = "0"
        room = ["sh", "-c", f'ulimit -v {megabytes << 10}; exec "$@"', "sh"]
        process = container.start("sh", "-c", 'echo top secret > "$SM_MODEL_DIR/weights"', before=room)
        _, said = process.communicate(timeout=60)
        # It cannot even be loaded, or there is no room for what has no other way than to end.
        if process.returncode < 0 or process.returncode > 1 or "memory allocation of" in said:
            continue
        if "a fault of strongroom itself" in said:
            panicked += 1
            assert process.returncode == 1, said
            inside += "it panicked, as said above" in said
            assert ("it panicked" in said) == (container.root / "output/failure").exists(), said
        container.holds_no_plaintext(HOUSING[:40], b"top secret")
        if process.returncode == 0 and "a fault" not in said:
            break
    print(megabytes, panicked, inside)
    assert panicked > 0 and process.returncode == 0, said


def test_a_job_that_never_gets_so_far_sweeps_all_the_same(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    process, command, helper, plaintext = waiting(container)
    process.kill()
    process.communicate(timeout=60)
    os.kill(helper, signal.SIGKILL)
    del container.hyperparameters["ciphertext_s3_key"]
    assert container.python("")[0] == 1
    assert not plaintext.exists() and not (container.root / "model").is_symlink()
