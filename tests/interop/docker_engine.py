"""This machine's docker, and what stands in for the images and registries that it could pull from and push to."""

import base64
import io
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request

import bcrypt
import pytest

ROOT = pathlib.Path(__file__).parents[2]


def docker(*arguments, timeout=120, **options):
    return subprocess.run(["docker", *arguments], capture_output=True, timeout=timeout, **options)


def need_docker():
    """Passes the test over where no daemon answers."""
    try:
        if docker("info").returncode != 0:
            pytest.skip("no docker daemon answers")
    except (OSError, subprocess.TimeoutExpired):
        pytest.skip("there is no docker")


def libraries(*programs):
    """The shared libraries that programs of this machine load."""
    found = set()
    for program in programs:
        listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        found |= set(re.findall(r"(/\S+) \(0x", listed))
    return sorted(found)


def import_image(name, files, *changes):
    """An image of one layer: pairs of a path in the image and a path here, or the bytes of a program."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for inside, content in files:
            if isinstance(content, bytes):
                member = tarfile.TarInfo(inside.lstrip("/"))
                member.mode, member.size = 0o755, len(content)
                archive.addfile(member, io.BytesIO(content))
            else:
                archive.add(pathlib.Path(content).resolve(), inside.lstrip("/"))
    options = [word for change in changes for word in ("--change", change)]
    made = docker("import", *options, "-", name, input=packed.getvalue())
    assert made.returncode == 0, made.stderr


def import_python(name, *tools, more=(), changes=(), certificates=True):
    """A base image as official Python ones are: the interpreter and its library, a shell, certificates, and these tools."""
    python, shell = pathlib.Path(sys.executable).resolve(), pathlib.Path("/bin/sh").resolve()
    library = pathlib.Path(os.__file__).parent
    modules = sorted((library / "lib-dynload").glob("*.so"))
    without = {"test", "site-packages", "idlelib", "tkinter", "turtledemo", "ensurepip", "__pycache__"}
    programs = {tool: pathlib.Path(shutil.which(tool)).resolve() for tool in tools}
    files = [("/usr/bin/python3", python), ("/bin/sh", shell)]
    files += [(f"/bin/{tool}", program) for tool, program in programs.items()]
    files += [(path, path) for path in libraries(python, shell, *programs.values(), *modules)]
    files += [(str(path), path) for path in library.iterdir() if path.name not in without and "config-" not in path.name]
    bundle = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    files += [(str(bundle), bundle)] if certificates and bundle.exists() else []
    files += more
    files += [("/tmp/.keep", b""), ("/etc/nsswitch.conf", b"hosts: files dns\n")]
    environment = (f"ENV PYTHONHOME={library.parents[1]}", "ENV PATH=/usr/local/bin:/usr/bin:/bin")
    import_image(name, files, *environment, *changes)


def static_program():
    """The program as the tests have built it, linked statically. Its dependencies are taken as they are, which `cargo
    rustc` would not: outside of tests they have other features. Of what has programs beside it, that bench is the quickest to
    build."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    wrapper = target / "link-statically"
    wrapper.write_text(
        "#!/bin/sh\n"
        'case " $* " in\n'
        '*" --crate-name strongroom "*" --crate-type bin "*) exec "$@" -C target-feature=+crt-static ;;\n'
        '*) exec "$@" ;;\n'
        "esac\n"
    )
    wrapper.chmod(0o755)
    built = subprocess.run(
        ["cargo", "test", "--locked", "--no-run", "--bench", "calls"],
        cwd=ROOT,
        env=os.environ | {"RUSTC_WORKSPACE_WRAPPER": str(wrapper)},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert built.returncode == 0, built.stderr
    return target / "debug/strongroom"


def prepare(folder, base):
    """assets/container/prepare, with a debug build."""
    if shutil.which("cargo") is None:
        pytest.skip("there is no cargo to link strongroom statically with")
    done = subprocess.run(
        [ROOT / "assets/container/prepare", folder, base],
        env=os.environ | {"STRONGROOM": str(static_program())},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Registry:
    """Debian's docker-registry on loopback, which lets in who has the password of ECR's authorization token."""

    def __init__(self, folder, port, password):
        program = shutil.which("docker-registry")
        if program is None:
            pytest.skip("there is no docker-registry to push to (Debian: apt-get install docker-registry)")
        self.host, self._password = f"127.0.0.1:{port}", password
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        (folder / "htpasswd").write_text(f"AWS:{hashed}\n")
        settings = {
            "version": "0.1",
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
            "http": {"addr": self.host},
            "auth": {"htpasswd": {"realm": "ecr", "path": str(folder / "htpasswd")}},
        }
        (folder / "config.yml").write_text(json.dumps(settings))
        self._process = subprocess.Popen(
            [program, "serve", folder / "config.yml"],
            stdin=subprocess.DEVNULL,
            stdout=open(folder / "registry.log", "wb"),
            stderr=subprocess.STDOUT,
        )
        until = time.monotonic() + 60
        while self.status("") != 200:
            assert time.monotonic() < until and self._process.poll() is None, (folder / "registry.log").read_text()
            time.sleep(0.1)

    def status(self, path, known=True):
        """What a GET of /v2/PATH is answered with."""
        accepted = "application/vnd.docker.distribution.manifest.v2+json"
        request = urllib.request.Request(f"http://{self.host}/v2/{path}", headers={"Accept": accepted})
        if known:
            login = base64.b64encode(f"AWS:{self._password}".encode()).decode()
            request.add_header("Authorization", f"Basic {login}")
        try:
            return urllib.request.urlopen(request, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def pull(self, image, home):
        """Pulls an image with a login of one's own."""
        options = {"env": os.environ | {"DOCKER_CONFIG": str(home)}}
        login = docker(
            "login", "--username", "AWS", "--password-stdin", self.host, input=self._password.encode(), **options
        )
        assert login.returncode == 0, login.stderr
        pulled = docker("pull", image, **options)
        assert pulled.returncode == 0, pulled.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)
