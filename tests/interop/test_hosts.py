"""Jobs of several hosts: what SageMaker merges of their models opens, whichever data keys they made."""

import base64
import copy
import io
import json
import sys
import tarfile

import pytest
from cryptography.fernet import Fernet
from test_train import Container

NAMES = [f"algo-{number}" for number in range(1, 5)]
SCRIPT = """
import json, os, pathlib
host, model = os.environ["SM_CURRENT_HOST"], pathlib.Path(os.environ["SM_MODEL_DIR"])
parts = sorted(path.read_text() for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
(model / "shards").mkdir()
(model / "shards" / host).write_text(json.dumps(parts))
(model / "config.json").write_text("as " + host + " has it")
"""


def hosts(container, tmp_path):
    """A job's hosts, each with its share of forty files and a folder of its own."""
    for number, name in enumerate(NAMES):
        host = copy.copy(container)
        host.root = tmp_path / name
        for folder in ("input/config", "input/data/train", "model", "output"):
            (host.root / folder).mkdir(parents=True)
        host.config = {
            "resourceconfig": {"current_host": name, "hosts": NAMES},
            "inputdataconfig": {"train": {"TrainingInputMode": "File", "S3DistributionType": "ShardedByS3Key"}},
        }
        for part in range(number, 40, len(NAMES)):
            host.put(f"input/data/train/part-{part:02}", host.fernet.encrypt(b"part %02d" % part))
        yield host


def packed(folder, files):
    path = folder / "model.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture(params=["same", "new"])
def merged(request, sandbox, tmp_path):
    """What is left of each file name, as where SageMaker copies hosts' models over each other; and the data keys."""
    container = Container(sandbox, tmp_path / "first", tmp_path)
    container.hyperparameters["strongroom_model_key"] = request.param
    running = [(host, host.start(sys.executable, "-c", SCRIPT)) for host in hosts(container, tmp_path)]
    files = {}
    for host, process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        host.holds_no_plaintext(b"part ", b"as algo")
        files |= {name: (host.root / "model" / name).read_bytes() for name in sorted(host.files("model"))}
    bundles = {name: json.loads(files[f"strongroom.{name}.json"]) for name in NAMES}
    keys = {bundle["data_key"] for bundle in bundles.values()}
    assert len(keys) == (1 if request.param == "same" else len(NAMES))
    return files, bundles


def test_the_merged_model_of_all_hosts_opens_and_of_files_of_one_name_it_is_told_whose_is_lost(merged, cli, tmp_path):
    files, _ = merged
    model = packed(tmp_path, files)
    opened = {file["path"].rsplit("/out/", 1)[1]: file for file in cli.json("decrypt", model, "-o", tmp_path / "out")}
    assert set(opened) == {"config.json", *(f"shards/{name}" for name in NAMES)}
    parts = [part for name in NAMES for part in json.loads((tmp_path / "out/shards" / name).read_text())]
    assert sorted(parts) == [f"part {part:02}" for part in range(40)]
    assert (tmp_path / "out/config.json").read_text() == "as algo-4 has it"
    assert (opened["config.json"]["host"], opened["config.json"]["lost_of"]) == ("algo-4", NAMES[:3])
    assert opened["shards/algo-1"]["host"] is None
    assert {file["bound"] for file in opened.values()} == {"inside"}

    said = cli.run("decrypt", model, "-o", tmp_path / "again").stderr.decode()
    assert "config.json: it is the file of algo-4; that of algo-1, algo-2, algo-3 had the same name and is lost" in said
    assert "shards" not in said
    verdicts = cli.json("verify", model)
    assert [verdict["intact"] for verdict in verdicts] == [True]
    assert verdicts[0]["contested"] == [{"name": "config.json", "host": "algo-4", "lost_of": NAMES[:3]}]


def test_every_host_opens_with_the_data_key_of_its_own_bundle_alone(merged, sandbox):
    files, bundles = merged
    for name, bundle in bundles.items():
        wrapped = base64.b64decode(bundle["data_key"])
        key = sandbox.client("kms").decrypt(CiphertextBlob=wrapped)["Plaintext"]
        token = files[f"shards/{name}"]
        assert len(json.loads(Fernet(base64.b64encode(key)).decrypt(token))) == 10


def test_tokens_that_changed_places_between_hosts_are_refused(merged, cli, tmp_path):
    files, _ = merged
    one, two = "shards/algo-1", "shards/algo-2"
    swapped = packed(tmp_path, files | {one: files[two], two: files[one]})
    done = cli.run("decrypt", swapped, "-o", tmp_path / "out", check=False)
    assert done.returncode == 1 and one in done.stderr.decode()
    assert not (tmp_path / "out").exists()


def test_a_host_whose_bundle_is_gone_has_files_that_nobody_lists(merged, cli, tmp_path):
    files, _ = merged
    bundle = files.pop("strongroom.algo-3.json")
    assert bundle
    done = cli.run("decrypt", packed(tmp_path, files), "-o", tmp_path / "out", check=False)
    assert done.returncode == 1 and "shards/algo-3" in done.stderr.decode()


def test_a_file_that_a_bundle_lists_and_the_archive_lacks_is_named(merged, cli, tmp_path):
    files, _ = merged
    del files["shards/algo-2"]
    done = cli.run("decrypt", packed(tmp_path, files), "-o", tmp_path / "out", check=False)
    assert done.returncode == 1 and "shards/algo-2" in done.stderr.decode()


KEEPING = """
import os, pathlib
host, folder = os.environ["SM_CURRENT_HOST"], pathlib.Path(os.environ["STRONGROOM_ML_ROOT"], "checkpoints")
print({path.name: path.read_text() for path in sorted(folder.iterdir())})
(folder / "epoch").write_text("epoch of " + host)
if host == "algo-1":
    (folder / "leader").write_text("written once")
"""


def test_hosts_share_one_place_for_checkpoints_and_each_finds_its_own_again(sandbox, cli, tmp_path):
    container = Container(sandbox, tmp_path / "first", tmp_path)
    container.hyperparameters["strongroom_checkpoints"] = "/opt/ml/strongroom-checkpoints"
    there, found = {}, {}
    for round in range(2):
        folder = tmp_path / str(round)
        folder.mkdir()
        for host in hosts(container, folder):
            # What SageMaker copies back before it starts a job again, to every host.
            for name, content in there.items():
                (host.root / name).parent.mkdir(parents=True, exist_ok=True)
                host.put(name, content)
            status, output, said = host.run(sys.executable, "-c", KEEPING)
            assert status == 0, said
            found[host.root.name] = output.strip()
            host.holds_no_plaintext(b"epoch of", b"written once")
        if round == 0:
            assert set(found.values()) == {"{}"}
            for name in NAMES:
                kept = folder / name / "strongroom-checkpoints"
                there |= {str(path.relative_to(folder / name)): path.read_bytes() for path in kept.rglob("*") if path.is_file()}
            # A checkpoint of each, one more of the first, and each one's bundle.
            assert len(there) == 2 * len(NAMES) + 1
            assert {name for name in there if name.endswith(".json")} == {
                f"strongroom-checkpoints/strongroom.{name}.json" for name in NAMES
            }
    assert found == {name: str({"epoch": f"epoch of {name}", "leader": "written once"}) for name in NAMES}

    # Where SageMaker put them they are whole, and open, whatever lies where the boto3 way has its data key.
    s3, bucket = container.s3, container.bucket
    s3.put_object(Bucket=bucket, Key="dont_look", Body=b"another's data key")
    for name, content in there.items():
        s3.put_object(Bucket=bucket, Key=f"kept/{name}", Body=content)
    place = f"s3://{bucket}/kept/strongroom-checkpoints/"
    verdicts = cli.json("verify", place)
    assert [(verdict["intact"], verdict["bound"]) for verdict in verdicts] == [(True, "inside")] * (len(NAMES) + 1)
    cli.run("decrypt", place, "-o", tmp_path / "opened")
    assert (tmp_path / "opened/strongroom.algo-3/epoch").read_text() == "epoch of algo-3"


BUNDLED = """
import os, pathlib
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
for name in ("strongroom.json", "strongroom.algo-1.json", "weights"):
    (model / name).write_text("the script's own " + name)
"""


def test_a_model_with_files_that_are_called_as_bundles_are_is_kept_whole(sandbox, cli, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    status, _, said = container.python(BUNDLED)
    assert status == 0, said
    files = {name: (container.root / "model" / name).read_bytes() for name in sorted(container.files("model"))}
    assert len(files) == 4
    opened = cli.json("decrypt", packed(tmp_path, files), "-o", tmp_path / "out")
    assert {file["bound"] for file in opened} == {"inside"}
    for name in ("strongroom.json", "strongroom.algo-1.json", "weights"):
        assert (tmp_path / "out" / name).read_text() == "the script's own " + name
