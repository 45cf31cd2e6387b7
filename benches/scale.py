#!/usr/bin/env python3
"""What 10 million objects of 100 TB take on SageMaker Processing: hours, calls against quotas, cost. A model, not a run.

    benches/scale.py                                       the table, from the rates below
    benches/scale.py --measure STRONGROOM [--objects N]    measures the rates on the sandbox of this program first

What is measured is the work of one core: seconds of processor time (user and system, of strongroom alone) for each object that a
host audits, for each that the machine that begins lists or merges, and for each GiB that is verified, or decrypted and encrypted
again. The sandbox runs beside it on the same machine, so elapsed times say nothing; the time of the processor does.

What is assumed is said in the table's own words: latency of a ranged GET, objects in flight of one host, of how much of a virtual
processor is a core, what S3 and KMS allow a second, list prices. Change them where yours are others.
"""

import argparse
import concurrent.futures
import contextlib
import json
import math
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

OBJECTS, BYTES, DATA_KEYS = 10_000_000, 100e12, 20_000
SHARD = 1000

# Processor seconds of one core; measured by --measure (see MEASURED).
RATES = {"audit": 2073e-6, "list": 92e-6, "merge": 34e-6, "verify": 2.86, "rotate": 10.4}
MEASURED = "4,000 objects and 256 MiB, a debug build beside other work on two cores: what a release takes is less"

LATENCY, IN_FLIGHT = 0.025, 64  # a ranged GET's first byte in the same region; what one host has under way
CORE = 0.6  # of a virtual processor: two are one core of the hardware
S3_GET, S3_PUT = 5500, 3500  # requests a second of one partitioned prefix
KMS = 5500  # symmetric operations a second of an account, the lowest of all regions
PRICE_GET, PRICE_PUT, PRICE_KMS = 0.0004e-3, 0.005e-3, 0.03e-4  # of one request, us-east-1
# Virtual processors, network in bytes a second without bursts, price of an hour as ml. instance, us-east-1.
TYPES = {"ml.m5.xlarge": (4, 1.25e9 / 8, 0.23), "ml.m5.4xlarge": (16, 5e9 / 8, 0.922), "ml.c5n.9xlarge": (36, 50e9 / 8, 2.33)}


def model(act, kind, instances, prefixes):
    """Hours, what bounds them, and calls, of an act on all objects."""
    processors, network, price = TYPES[kind]
    cores = processors * CORE * instances
    reads, writes, copies, kms = {
        "audit": (OBJECTS, 0, 0, 0),
        # Each host unwraps the data keys that it meets.
        "audit --deep": (OBJECTS * 2, 0, 0, DATA_KEYS * instances),
        "rewrap": (OBJECTS, 0, OBJECTS, DATA_KEYS * 3),
        "rotate": (OBJECTS, OBJECTS, 0, DATA_KEYS * instances + OBJECTS // SHARD),
    }[act]
    gib = BYTES / (1 << 30)
    work = OBJECTS * RATES["audit"] + {"audit --deep": gib * RATES["verify"], "rotate": gib * RATES["rotate"]}.get(act, 0)
    moved = {"audit --deep": BYTES, "rotate": BYTES}.get(act, OBJECTS * 512)
    bounds = {
        "latency": OBJECTS * LATENCY * (2 if copies or writes else 1) / (IN_FLIGHT * instances),
        "processor": work / cores,
        "network": moved / (network * instances),
        "S3 reads": reads / (S3_GET * prefixes),
        "S3 writes": (writes + copies) / (S3_PUT * prefixes),
        "KMS": kms / KMS,
    }
    bound = max(bounds, key=bounds.get)
    hours = (bounds[bound] + 300) / 3600  # five minutes until instances are there
    shards = math.ceil(OBJECTS / SHARD)
    gets, puts = reads + 3 * shards, writes + copies + 2 * shards + OBJECTS // 1000
    cost = instances * hours * price + gets * PRICE_GET + puts * PRICE_PUT + kms * PRICE_KMS
    return hours, bound, gets, puts, kms, gets / (hours * 3600), cost


def table():
    rows = [
        ("audit", "ml.m5.xlarge", 1, 1),
        ("audit", "ml.m5.xlarge", 4, 1),
        ("audit", "ml.m5.xlarge", 8, 10),
        ("audit --deep", "ml.m5.4xlarge", 20, 10),
        ("audit --deep", "ml.c5n.9xlarge", 20, 10),
        # Not carried out by other machines yet.
        ("rewrap", "ml.m5.xlarge", 4, 10),
        ("rotate", "ml.c5n.9xlarge", 20, 10),
    ]
    print("| act | instances | prefixes | hours | bound by | S3 reads | S3 writes | reads/s | KMS calls | US$ |")
    print("| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for act, kind, instances, prefixes in rows:
        hours, bound, gets, puts, kms, rate, cost = model(act, kind, instances, prefixes)
        print(
            f"| {act} | {instances} × {kind} | {prefixes} | {hours:.1f} | {bound} | {gets / 1e6:.1f} M | {puts / 1e6:.1f} M "
            f"| {rate:,.0f} | {kms:,} | {cost:,.0f} |"
        )
    begins = OBJECTS * RATES["list"] / 3600, OBJECTS * RATES["merge"] / 3600
    print(f"\nThe machine that begins: {begins[0]:.2f} h of one core to list and write shards, {begins[1]:.2f} h to merge.")


# --- measuring


def used(words, **more):
    """Processor seconds of a program, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, capture_output=True, text=True, **more)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done


@contextlib.contextmanager
def world(program, objects):
    command = [program, "sandbox", "--json", "--fill", f"objects={objects}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said = json.loads(process.stdout.readline())
        yield {name: value for name, value in said.items() if name.startswith("AWS_")} or said["environment"]
    finally:
        process.terminate()
        process.wait()


def measure(program, objects, mebibytes):
    place, folder = "s3://sagemaker-fill/data/", pathlib.Path(tempfile.mkdtemp())
    with world(program, objects) as access:
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), **access}
        start, _ = used([program, "--version"], env=env)
        listing, done = used(
            [program, "audit", place, "--on", "processing", "--image", "i", "--role", "arn:aws:iam::111122223333:role/nobody"],
            env=env,
        )
        act = done.stderr.split("--resume ")[1].split()[0].rstrip(":;,")
        root = folder / "ml"
        shards = root / "processing/input/shards"
        shards.mkdir(parents=True)
        fetch(env, f".strongroom/bulk/{act}/shards/", shards)
        uri = f"s3://sagemaker-fill/.strongroom/bulk/{act}/"
        host = {**env, "STRONGROOM_ML_ROOT": str(root)}
        audit, done = used([program, "bulk-worker", "--act", "audit", "--from", uri], env=host)
        told = json.loads(done.stdout.splitlines()[-1])
        merge, _ = used([program, "audit", place, "--on", "processing", "--resume", act], env=env)
        count = told["objects"]
        (folder / "large").write_bytes(os.urandom(1 << 20) * mebibytes)
        gib = mebibytes / 1024
        own = client(env, "kms").create_key()["KeyMetadata"]["KeyId"]
        key = used([program, "encrypt", "large", "s3://sagemaker-fill/large/", "--key", own], env=env, cwd=folder)
        verify, done = used([program, "verify", "s3://sagemaker-fill/large/large"], env=env)
        assert done.returncode == 0, (key, done)
    RATES.update(
        audit=(audit - start) / count,
        list=(listing - start) / count,
        merge=(merge - start) / count,
        verify=(verify - start) / gib,
        rotate=(key[0] - start + verify - start) / gib,
    )
    told = ", ".join(f"{name} {value * (1e6 if name in ('audit', 'list', 'merge') else 1):.2f}" for name, value in RATES.items())
    print(f"{count:,} objects, {mebibytes} MiB: {told} (µs an object; s a GiB)\n")


def client(env, service):
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env.get("AWS_REGION", "us-east-1"),
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )


def fetch(env, prefix, to):
    s3 = client(env, "s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="sagemaker-fill", Prefix=prefix)
    names = [row["Key"] for page in pages for row in page["Contents"]]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.download_file("sagemaker-fill", key, str(to / key.rsplit("/", 1)[1])), names))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", metavar="STRONGROOM")
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--mebibytes", type=int, default=1024)
    asked = parser.parse_args()
    if asked.measure:
        measure(os.path.abspath(asked.measure), asked.objects, asked.mebibytes)
    else:
        print(f"Rates: {MEASURED}\n", file=sys.stderr)
    table()
