#!/usr/bin/env python3
"""Figures of the sandbox: calls a second beside moto's, start-up and slowest calls of a very large world.

Run it with the environment of tests/interop: target/interop-venv/bin/python benches/sandbox.py [PATH OF STRONGROOM]
"""

import base64
import concurrent.futures
import http.client
import json
import multiprocessing
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
from botocore.config import Config

STRONGROOM = sys.argv[1] if len(sys.argv) > 1 else "target/release/strongroom"
CONNECTIONS, SECONDS = 8, 5.0
FILL = "keys=100000,grants=50000,objects=100000,jobs=100000"


def started(*options):
    begun = time.monotonic()
    process = subprocess.Popen(
        [STRONGROOM, "sandbox", "--json", "--empty", *options],
        env={"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir()},
        stdout=subprocess.PIPE,
    )
    said = json.loads(process.stdout.readline())
    return process, said, time.monotonic() - begun


def moto():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = pathlib.Path(sys.executable).parent / "moto_server"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([str(server), "-H", "127.0.0.1", "-p", str(port)], **quiet)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    return process, {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def client(said, service):
    return boto3.client(
        service,
        endpoint_url=said["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=said["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=said["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def calls(said, operation, body, until):
    """One connection's calls until then: a signed request is good for minutes, so it is signed once."""
    credentials = botocore.credentials.Credentials(said["AWS_ACCESS_KEY_ID"], said["AWS_SECRET_ACCESS_KEY"])
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"}
    request = botocore.awsrequest.AWSRequest("POST", said["AWS_ENDPOINT_URL"] + "/", data=body, headers=headers)
    botocore.auth.SigV4Auth(credentials, "kms", "us-east-1").add_auth(request)
    signed = dict(request.headers.items())
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(said["AWS_ENDPOINT_URL"]).netloc)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    count = 0
    while time.time() < until:
        connection.request("POST", "/", body, signed)
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        count += 1
    return count


def threads(arguments):
    said, operation, body, until, connections = arguments
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(lambda _: calls(said, operation, body, until), range(connections)))


def throughput(name, said):
    kms = client(said, "kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["CiphertextBlob"]
    bodies = {
        "GenerateDataKey": json.dumps({"KeyId": key, "KeySpec": "AES_256"}),
        "Decrypt": json.dumps({"KeyId": key, "CiphertextBlob": base64.b64encode(blob).decode()}),
    }
    for operation, body in bodies.items():
        until = time.time() + SECONDS
        with multiprocessing.Pool(2) as pool:
            work = [(said, operation, body, until, CONNECTIONS // 2)] * 2
            count = sum(pool.map(threads, work))
        print(f"{name:<12} {operation:<16} {count / SECONDS:8.0f} calls/s over {CONNECTIONS} connections")


def slowest(call, clients, times=20):
    """Times of a call on the wire: signed once by boto3, then sent again as it was."""
    sent = []
    for one in clients:
        one.meta.events.register("before-send", lambda request, **_: sent.append(request), unique_id="sent")
    call()
    for one in clients:
        one.meta.events.unregister("before-send", unique_id="sent")
    place = urllib.parse.urlsplit(sent[-1].url)
    path = f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"
    headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in sent[-1].headers.items()}
    body = sent[-1].body if sent[-1].body is None or isinstance(sent[-1].body, (bytes, str)) else b"x"
    connection = http.client.HTTPConnection(place.netloc)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        connection.request(sent[-1].method, path, body, headers)
        response = connection.getresponse()
        response.read()
        taken.append(time.perf_counter() - begun)
        assert response.status == 200, response.status
    return sorted(taken)


def scale(folder):
    begun = time.monotonic()
    process, said, _ = started("--dir", str(folder), "--fill", FILL)
    print(f"filled with {FILL} in {time.monotonic() - begun:.1f} s")
    process.send_signal(signal.SIGTERM)
    process.wait()
    process, said, seconds = started("--dir", str(folder))
    print(f"start-up from disk {seconds:.2f} s, {cpu(process.pid)}")
    process.kill()
    process.wait()
    process, said, seconds = started("--dir", str(folder))
    print(f"start-up from disk after kill -9 {seconds:.2f} s, {cpu(process.pid)}")
    try:
        measure(folder, process, said)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def measure(folder, process, said):
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"on disk {size / 1e6:.0f} MB, in memory {memory(process.pid)}")
    kms, s3, sagemaker = (client(said, name) for name in ("kms", "s3", "sagemaker"))
    key = kms.describe_key(KeyId="alias/fill")["KeyMetadata"]["KeyId"]
    grantee = "arn:aws:iam::111122223333:role/fill-7"
    last = kms.list_keys(Limit=1000)["NextMarker"]
    jobs = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 100}
    iam = client(said, "iam")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}]}
    if not any(role["RoleName"] == "fill-7" for role in iam.list_roles()["Roles"]):
        iam.create_role(RoleName="fill-7", AssumeRolePolicyDocument=json.dumps(trust))
    session = client(said, "sts").assume_role(RoleArn=grantee, RoleSessionName="bench")["Credentials"]
    granted = boto3.client(
        "kms",
        endpoint_url=said["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    recent = {"LastModifiedTimeAfter": time.time() - 3600}
    measured = {
        "ListKeys, first 100": lambda: kms.list_keys(),
        "ListKeys, 1000 behind 1000": lambda: kms.list_keys(Limit=1000, Marker=last),
        "ListAliases, first 50": lambda: kms.list_aliases(),
        "ListAliases of a key": lambda: kms.list_aliases(KeyId=key),
        "ListGrants, first 50": lambda: kms.list_grants(KeyId=key),
        "ListGrants to a grantee": lambda: kms.list_grants(KeyId=key, GranteePrincipal=grantee),
        "ListRetirableGrants": lambda: kms.list_retirable_grants(RetiringPrincipal=grantee),
        "CreateGrant by a taken name": lambda: kms.create_grant(
            KeyId=key, GranteePrincipal=grantee, Operations=["Decrypt", "Encrypt"], Name="grant-000007"
        ),
        "Encrypt by a grant": lambda: granted.encrypt(KeyId=key, Plaintext=b"x"),
        "DescribeKey": lambda: kms.describe_key(KeyId=key),
        "ListObjectsV2, first 1000": lambda: s3.list_objects_v2(Bucket="sagemaker-fill", Prefix="data/"),
        "ListObjectsV2, last 1000": lambda: s3.list_objects_v2(
            Bucket="sagemaker-fill", Prefix="data/", StartAfter="data/part-098999.csv"
        ),
        "ListObjectsV2 by delimiter": lambda: s3.list_objects_v2(Bucket="sagemaker-fill", Delimiter="/"),
        "HeadObject": lambda: s3.head_object(Bucket="sagemaker-fill", Key="data/part-050000.csv"),
        "PutObject": lambda: s3.put_object(Bucket="sagemaker-fill", Key="data/new", Body=b"x"),
        "ListTrainingJobs, newest 100": lambda: sagemaker.list_training_jobs(**jobs),
        "ListTrainingJobs by name": lambda: sagemaker.list_training_jobs(SortBy="Name", SortOrder="Ascending"),
        "ListTrainingJobs by status": lambda: sagemaker.list_training_jobs(SortBy="Status", SortOrder="Ascending"),
        "ListTrainingJobs of the last hour": lambda: sagemaker.list_training_jobs(**jobs, **recent),
        "ListTrainingJobs of a name that is not": lambda: sagemaker.list_training_jobs(**jobs, NameContains="zz"),
        "DescribeTrainingJob": lambda: sagemaker.describe_training_job(TrainingJobName="fill-000007"),
    }
    for name, call in measured.items():
        taken = slowest(call, (kms, s3, sagemaker, granted))
        print(f"{name:<40} median {taken[len(taken) // 2] * 1e3:6.1f} ms   slowest {taken[-1] * 1e3:6.1f} ms")


def memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return f"{int(line.split()[1]) / 1024:.0f} MB"
    return "?"


def cpu(pid):
    """The honest figure where other work goes on: time on the processors, the threads' together."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = (int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13])
    return f"CPU {user:.2f} s and {system:.2f} s in the kernel"


def main():
    for name, (process, said, *_) in {"strongroom": started(), "moto": moto()}.items():
        try:
            throughput(name, said)
        finally:
            process.terminate()
            process.wait()
    with tempfile.TemporaryDirectory() as folder:
        scale(pathlib.Path(folder) / "world")


if __name__ == "__main__":
    main()
