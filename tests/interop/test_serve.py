"""`strongroom serve` in a model server's container: a read-only /opt/ml/model of tokens, and a command that reads it."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from conftest import STRONGROOM
from test_train import Container

TRAINED = """
import os, pathlib
host, model = os.environ["SM_CURRENT_HOST"], pathlib.Path(os.environ["SM_MODEL_DIR"])
(model / "deep").mkdir()
(model / "deep" / ("weights-of-" + host)).write_text("top secret weights of " + host)
(model / "config.json").write_text("top secret config")
"""
SERVER = """
import os, pathlib, sys
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
assert model == pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "model")
print(os.getpid(), model)
for path in sorted(model.rglob("*")):
    if path.is_file():
        print(path.relative_to(model), path.read_text())
print(sys.argv[1:])
sys.exit(3)
"""


class Server:
    """A model's folder as SageMaker makes it for hosting, read-only."""

    def __init__(self, container, root):
        self.container, self.root = container, root
        (root / "model").mkdir(parents=True)
        self.memory = root.parent / "memory"
        self.memory.mkdir()

    def takes(self, folder):
        shutil.copytree(folder, self.root / "model", dirs_exist_ok=True)

    def run(self, *command):
        environment = self.container.world.environment(self.container.home) | {
            "STRONGROOM_ML_ROOT": str(self.root),
            "STRONGROOM_MEMORY_ROOT": str(self.memory),
        }
        process = subprocess.Popen(
            [STRONGROOM, "serve", "--", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        output, said = process.communicate(timeout=60)
        return process, output.splitlines(), said

    def has_nothing_in_memory(self):
        until = time.monotonic() + 60
        while list(self.memory.iterdir()):
            assert time.monotonic() < until
            time.sleep(0.05)

    def refuses(self, *words):
        process, output, said = self.run(sys.executable, "-c", SERVER)
        assert (process.returncode, output) == (1, []), said
        for word in words:
            assert word in said
        assert not list(self.memory.iterdir())


@pytest.fixture
def server(sandbox, tmp_path):
    container = Container(sandbox, tmp_path / "ml", tmp_path)
    container.hyperparameters["strongroom_model_key"] = "new"
    server = Server(container, tmp_path / "hosting")
    for host in ("algo-1", "algo-2"):
        container.config["resourceconfig"] = {"current_host": host, "hosts": ["algo-1", "algo-2"]}
        container.put("input/data/train/a_chunk_of_secrets", container.fernet.encrypt(b"data"))
        status, _, said = container.python(TRAINED)
        assert status == 0, said
        server.takes(container.root / "model")
        shutil.rmtree(container.root / "model")
    return server


def test_the_server_takes_its_place_and_finds_the_model_of_all_hosts_in_memory(server):
    (server.root / "model/code").mkdir()
    (server.root / "model/code/inference.py").write_text("print()")
    for path in [*(server.root / "model").rglob("*"), server.root / "model"]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    process, output, said = server.run(sys.executable, "-c", SERVER, "--port", "8080")
    assert process.returncode == 3, said
    pid, model = output[0].split()
    assert int(pid) == process.pid
    assert model.startswith(f"{server.memory}/")
    assert output[1:] == [
        "code/inference.py print()",
        "config.json top secret config",
        "deep/weights-of-algo-1 top secret weights of algo-1",
        "deep/weights-of-algo-2 top secret weights of algo-2",
        "['--port', '8080']",
    ]
    assert "left model/code/inference.py as it is: not encrypted" in said
    server.has_nothing_in_memory()
    subprocess.run(["chmod", "-R", "u+w", server.root], check=True)


def test_a_server_that_runs_keeps_its_plaintext_when_another_starts(server):
    holding = "import os, time; print(os.environ['SM_MODEL_DIR'], flush=True); input(); print(os.listdir(os.environ['SM_MODEL_DIR']))"
    environment = server.container.world.environment(server.container.home) | {
        "STRONGROOM_ML_ROOT": str(server.root),
        "STRONGROOM_MEMORY_ROOT": str(server.memory),
    }
    first = subprocess.Popen(
        [STRONGROOM, "serve", "--", sys.executable, "-c", holding],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert os.path.isdir(first.stdout.readline().strip())
    process, _, said = server.run("true")
    assert process.returncode == 0, said
    assert "config.json" in first.communicate("\n", timeout=60)[0]


def test_the_plaintext_lasts_as_long_as_the_server_or_what_it_began_however_it_ends(server):
    environment = server.container.world.environment(server.container.home) | {
        "STRONGROOM_ML_ROOT": str(server.root),
        "STRONGROOM_MEMORY_ROOT": str(server.memory),
    }
    # The worker goes on when the server is killed, and reads the model once more.
    script = 'exec 3<&0; (read line <&3; cat "$SM_MODEL_DIR/config.json") & echo begun; exec sleep 1000'
    process = subprocess.Popen(
        [STRONGROOM, "serve", "--", "sh", "-c", script],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    process.kill()
    assert process.wait(timeout=60) == -9
    assert list(server.memory.iterdir())
    output, _ = process.communicate("\n", timeout=60)
    assert output == "top secret config"
    server.has_nothing_in_memory()


def test_what_is_not_as_the_bundles_list_it_is_refused_before_the_server_starts(server):
    model = server.root / "model"
    one, two = model / "deep/weights-of-algo-1", model / "deep/weights-of-algo-2"
    token = one.read_bytes()
    one.write_bytes(two.read_bytes())
    server.refuses("deep/weights-of-algo-1", "not the token that a bundle lists")
    one.write_bytes(b"plain weights")
    server.refuses("deep/weights-of-algo-1", "not encrypted")
    one.unlink()
    server.refuses("deep/weights-of-algo-1", "not there")
    one.write_bytes(token[:-8] + (b"AAAA" if token[-8:-4] != b"AAAA" else b"BBBB") + token[-4:])
    server.refuses("deep/weights-of-algo-1")
    one.write_bytes(token)
    (model / "smuggled").write_bytes(token)
    server.refuses("smuggled")
    (model / "smuggled").unlink()
    (model / "smuggled").symlink_to("/etc/passwd")
    server.refuses("smuggled", "link")


def test_without_a_bundle_or_without_the_key_it_says_so(server):
    model = server.root / "model"
    for bundle in model.glob("strongroom.*.json"):
        bundle.unlink()
    server.refuses("strongroom.json")


def test_a_server_that_is_not_there_is_refused_before_there_is_plaintext(server):
    process, output, said = server.run("no-such-server")
    assert (process.returncode, output) == (1, [])
    assert "no-such-server" in said
    assert not list(server.memory.iterdir())
