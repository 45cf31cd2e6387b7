"""What benches/compare runs: every round measures each contender once; the table shows medians of wall time.

Strongroom, openssl, age and the AWS CLI are timed as whole processes, start and KMS call included. Python's Fernet is
timed inside its process, from reading the file to writing the result, without start and imports; the fernet crate without
reading and writing as well.

With --files it is many files instead of one: encrypted, verified and decrypted as a prefix beside `aws s3 cp --recursive` of the
plain files with its defaults, and beside an earlier strongroom if BEFORE names one. --latency delays every answer of the sandbox.
Ratios are medians of those within a round.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import boto3

STRONGROOM = os.environ["STRONGROOM"]
FERNET_CRATE = os.environ.get("FERNET_CRATE")
BUCKET = "compare-bucket"
ME = str(pathlib.Path(__file__).resolve())
BIN = pathlib.Path(sys.executable).parent


def child(operation, path, *rest):
    """One of Python's own contenders, in a process of its own; prints its seconds."""
    from cryptography.fernet import Fernet

    plain, key = pathlib.Path(path), b"A" * 43 + b"="
    fernet, token = Fernet(key), plain.with_name("python-token")
    if operation == "decrypt" and not token.exists():
        token.write_bytes(fernet.encrypt(plain.read_bytes()))
    s3 = boto3.client("s3") if operation == "upload" else None
    begun = time.perf_counter()
    if operation == "encrypt":
        with open(os.devnull, "wb") as null:
            null.write(fernet.encrypt(plain.read_bytes()))
    elif operation == "decrypt":
        plain.with_name("python-back").write_bytes(fernet.decrypt(token.read_bytes()))
    else:
        token.write_bytes(fernet.encrypt(plain.read_bytes()))
        s3.upload_file(str(token), BUCKET, "python")
    print(time.perf_counter() - begun)


def run(arguments, output=subprocess.DEVNULL):
    """Runs a process to its end: seconds of wall time, MiB of peak memory, what it printed."""
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=said if output is None else output,
            stderr=subprocess.PIPE,
        )
        memory = 0
        while process.poll() is None:
            memory = max(memory, peak(process.pid))
            time.sleep(0.005)
        seconds = time.perf_counter() - begun
        if process.returncode != 0:
            sys.exit(f"{arguments}: {process.stderr.read().decode()}")
        said.seek(0)
        return seconds, memory, said.read().decode()


def peak(pid):
    """What the kernel calls the high water mark; rusage would count this process too, from which it was forked."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s*(\d+)", status)
    return int(found.group(1)) / 1024 if found else 0


def inside(arguments):
    """The same, with the seconds that the process itself measured."""
    _, memory, said = run(arguments, output=None)
    return float(said), memory


def bound(*algorithm):
    said = run(["openssl", "speed", "-seconds", "1", "-bytes", "16384", *algorithm], output=None)[2]
    return float(re.search(r"([\d.]+)k\s*$", said.strip()).group(1)) * 1000 / 1e6


class World:
    """A sandbox whose objects are in memory too."""

    def __init__(self, folder, latency=0):
        delayed = ["--fault", f"*:latency={latency}ms"] if latency else []
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder}
        self.process = subprocess.Popen(
            [STRONGROOM, "sandbox", "--empty", "--json", *delayed], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        said = json.loads(self.process.stdout.readline())
        os.environ.update({name: value for name, value in said.items() if name.startswith("AWS_")})
        os.environ.update(HOME=folder, AWS_EC2_METADATA_DISABLED="true", AWS_MAX_ATTEMPTS="1")
        os.environ.pop("XDG_STATE_HOME", None)
        # Or the credentials of the world before would be used again.
        boto3.setup_default_session()
        self.key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def clear(self):
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for entry in page.get("Contents", []):
                self.s3.delete_object(Bucket=BUCKET, Key=entry["Key"])


def contenders(world, folder, plain):
    """Name of the group -> name -> a function that measures once: seconds and MiB."""
    token, back = folder / "token", folder / "back"
    key, s3 = ["--key", world.key], f"s3://{BUCKET}"

    def fresh(*paths):
        for path in paths:
            path.unlink(missing_ok=True)

    def encrypt():
        fresh(folder / "datakey")
        with open(os.devnull, "wb") as null:
            return run([STRONGROOM, "encrypt", plain, "-", *key, "--data-key-out", folder / "datakey"], null)[:2]

    def decrypt():
        fresh(back)
        if not token.exists():
            run([STRONGROOM, "encrypt", plain, token, *key])
        return run([STRONGROOM, "decrypt", token, "-o", back])[:2]

    def download():
        fresh(back)
        return run([STRONGROOM, "decrypt", f"{s3}/strongroom/plain", "-o", back])[:2]

    def openssl(*more):
        secret = ["-K", "00" * 16, "-iv", "00" * 16]
        return lambda: run(["openssl", "enc", *more, "-aes-128-cbc", *secret, "-in", plain, "-out", os.devnull])[:2]

    def age():
        return run(["age", "--encrypt", "-r", recipient(folder), "-o", os.devnull, plain])[:2]

    python = lambda operation: lambda: inside([sys.executable, ME, "--child", operation, plain])
    crate = lambda operation: lambda: inside([FERNET_CRATE, operation, plain])
    groups = {
        "encrypt to /dev/null": {
            "strongroom": encrypt,
            "Python cryptography": python("encrypt"),
            "fernet crate": crate("encrypt"),
            "openssl enc (no MAC)": openssl("-e"),
        },
        "decrypt to a file": {
            "strongroom": decrypt,
            "Python cryptography": python("decrypt"),
            "fernet crate": crate("decrypt"),
        },
        "upload": {
            "strongroom": lambda: run([STRONGROOM, "encrypt", plain, f"{s3}/strongroom/", *key])[:2],
            "aws s3 cp, plain": lambda: run([BIN / "aws", "s3", "cp", "--only-show-errors", plain, f"{s3}/plain"])[:2],
            "Python Fernet + boto3": python("upload"),
        },
        "download and decrypt": {"strongroom": download},
    }
    if not FERNET_CRATE:
        for group in groups.values():
            group.pop("fernet crate", None)
    if shutil.which("age"):
        groups["encrypt to /dev/null"]["age"] = age
    return groups


def recipient(folder):
    identity = folder / "age"
    if not identity.exists():
        run(["age-keygen", "-o", identity])
    return re.search(r"age1\w+", identity.read_text()).group(0)


def measure(mib, rounds):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        folder = pathlib.Path(folder)
        plain = folder / "plain"
        with open(plain, "wb") as file:
            for _ in range(mib):
                file.write(os.urandom(1 << 20))
        world = World(str(folder))
        try:
            groups = contenders(world, folder, plain)
            results = {(group, name): [] for group, them in groups.items() for name in them}
            bounds = {"AES-128-CBC": [], "HMAC-SHA256": []}
            for _ in range(rounds):
                bounds["AES-128-CBC"].append(bound("-evp", "aes-128-cbc"))
                bounds["HMAC-SHA256"].append(bound("-hmac", "sha256"))
                for group, name in results:
                    results[group, name].append(groups[group][name]())
                world.clear()
        finally:
            world.process.terminate()
            world.process.wait()
    table(mib, rounds, results, {name: statistics.median(values) for name, values in bounds.items()})


def many(files, kib, latency, rounds):
    """Folders of small files, as prefixes."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        folder = pathlib.Path(folder)
        plain, back = folder / "plain", folder / "back"
        plain.mkdir()
        for number in range(files):
            (plain / f"{number:06}").write_bytes(os.urandom(kib << 10))
        world = World(str(folder), latency)
        programs = {"strongroom": STRONGROOM} | ({"before": os.environ["BEFORE"]} if "BEFORE" in os.environ else {})
        s3, results = f"s3://{BUCKET}", {}

        def measured(group, name, arguments):
            results.setdefault((group, name), []).append(run(arguments)[:2])

        try:
            for number in range(rounds):
                for name, program in programs.items():
                    prefix = f"{s3}/{name}-{number}/"
                    measured("encrypt", name, [program, "encrypt", plain, prefix, "--key", world.key])
                copied = [BIN / "aws", "s3", "cp", "--only-show-errors", "--recursive"]
                measured("encrypt", "aws s3 cp, plain", [*copied, plain, f"{s3}/plain-{number}/"])
                for name, program in programs.items():
                    prefix = f"{s3}/{name}-{number}/"
                    measured("verify", name, [program, "verify", prefix])
                    measured("decrypt", name, [program, "decrypt", prefix, "-o", back])
                    shutil.rmtree(back)
                measured("decrypt", "aws s3 cp, plain", [*copied, f"{s3}/plain-{number}/", back])
                shutil.rmtree(back)
        finally:
            world.process.terminate()
            world.process.wait()
    print(f"\n{files} files of {kib} KiB, {latency} ms of latency, {rounds} rounds")
    print(f"{'':12} {'':22} {'s':>7} {'MiB':>7} {'strongroom takes':>17}")
    for (group, name), runs in results.items():
        own = results[group, "strongroom"]
        ratio = statistics.median(one[0] / other[0] for one, other in zip(own, runs))
        seconds, memory = statistics.median(run[0] for run in runs), max(run[1] for run in runs)
        print(f"{group:12} {name:22} {seconds:7.1f} {memory:7.0f} {ratio:15.2f} x", flush=True)


def table(mib, rounds, results, bounds):
    size = mib * (1 << 20) / 1e6
    speed = {row: size / statistics.median(seconds for seconds, _ in runs) for row, runs in results.items()}
    print(f"\n{mib} MiB, medians of {rounds} rounds; openssl speed: ", end="")
    print(", ".join(f"{name} {value:.0f} MB/s" for name, value in bounds.items()))
    print(f"{'':22} {'':22} {'MB/s':>7} {'MiB':>7} {'of CBC bound':>13} {'strongroom is':>14}")
    for (group, name), runs in results.items():
        own = speed[group, name]
        memory = max(memory for _, memory in runs)
        share = f"{own / bounds['AES-128-CBC']:.2f}"
        times = f"{speed[group, 'strongroom'] / own:.1f} x"
        print(f"{group:22} {name:22} {own:7.0f} {memory:7.0f} {share:>13} {times:>14}", flush=True)


def main():
    if sys.argv[1:2] == ["--child"]:
        return child(*sys.argv[2:])
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, action="append", help="size of the file; may be repeated")
    parser.add_argument("--files", type=int, help="so many small files instead")
    parser.add_argument("--kib", type=int, default=4, help="size of each of them")
    parser.add_argument("--latency", type=int, default=0, help="milliseconds that every answer is late")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.files:
        return many(arguments.files, arguments.kib, arguments.latency, arguments.rounds)
    for mib in arguments.mib or [256, 1024]:
        measure(mib, arguments.rounds)


if __name__ == "__main__":
    main()
