#!/usr/bin/env python3
"""An audit of many objects on the sandbox, beside a boto3 script with 32 threads that does the same reads.

Run it with the environment of tests/interop:
    target/interop-venv/bin/python benches/audit.py [PATH OF STRONGROOM] [--objects N] [--rounds N]

Both list the prefix and read each object's first 512 bytes by one ranged GET; both are processes of their own and start up within
their time. They take turns, so that whatever else the machine does meets both. The calls of an audit are counted by a proxy that
signs every request again, over fewer objects.
"""

import argparse
import collections
import http.client
import http.server
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

BUCKET, PREFIX, THREADS, COUNTED = "sagemaker-fill", "data/", 32, 2_000


def reads(bucket, prefix):
    """What a person would write: list, read the beginning of each with 32 threads, count by kind."""
    import concurrent.futures

    import boto3
    from botocore.config import Config

    s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, max_pool_connections=THREADS))
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)

    def kind(row):
        more = {"Range": "bytes=0-511"} if row["Size"] else {}
        answer = s3.get_object(Bucket=bucket, Key=row["Key"], **more)
        first = answer["Body"].read()
        if "strongroom-version" in answer["Metadata"]:
            return "strongroom"
        return "fernet" if first.startswith(b"gAAAAA") else answer.get("ServerSideEncryption", "plain")

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        rows = (row for page in pages for row in page.get("Contents", []))
        print(json.dumps(collections.Counter(pool.map(kind, rows))))


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes on, signed anew, and counts."""

    protocol_version = "HTTP/1.1"
    calls, world = collections.Counter(), {}
    lock, local = threading.Lock(), threading.local()

    def passed(self):
        from botocore.auth import S3SigV4Auth, SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        host = urllib.parse.urlsplit(self.world["AWS_ENDPOINT_URL"]).netloc
        service = self.headers["Authorization"].split("/")[3]
        kept = ("range", "x-amz-target", "content-type", "x-amz-content-sha256")
        headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
        request = AWSRequest(self.command, f"http://{host}{self.path}", data=body, headers=headers)
        credentials = Credentials(self.world["AWS_ACCESS_KEY_ID"], self.world["AWS_SECRET_ACCESS_KEY"])
        (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, "us-east-1").add_auth(request)
        if not hasattr(self.local, "upstream"):
            self.local.upstream = http.client.HTTPConnection(host)
        self.local.upstream.request(self.command, self.path, body, dict(request.headers.items()))
        answer = self.local.upstream.getresponse()
        content = answer.read()
        listing = "list-type" in self.path
        name = self.headers.get("X-Amz-Target") or f"{self.command} {'list' if listing else 'object'}"
        with self.lock:
            self.calls[name] += 1
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = passed

    def log_message(self, *_):
        pass


def counted(strongroom, world, objects):
    Proxy.world = world
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    through = world | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}"}
    summary = audited(strongroom, through, "part-000" if objects > COUNTED else "")[1]
    seen = summary["objects"]
    gets = Proxy.calls["GET object"]
    print(f"calls for {seen} objects: {dict(Proxy.calls)}")
    assert gets <= seen and not any(name.startswith("HEAD") for name in Proxy.calls), "more than one call an object"
    server.shutdown()


def environment(world):
    return {"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(), "AWS_EC2_METADATA_DISABLED": "true", **world}


def audited(strongroom, world, more=""):
    begun = time.monotonic()
    command = [strongroom, "audit", f"s3://{BUCKET}/{PREFIX}{more}", "--json"]
    process = subprocess.Popen(command, env=environment(world), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    last = collections.deque(process.stdout, maxlen=1)
    process.wait()
    return time.monotonic() - begun, json.loads(last[0])["summary"]


def script(world):
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, __file__, "--reads"], env=environment(world), stdout=subprocess.PIPE, check=True
    )
    return time.monotonic() - begun, json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("strongroom", nargs="?", default="target/release/strongroom")
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--reads", action="store_true")
    args = parser.parse_args()
    if args.reads:
        return reads(BUCKET, PREFIX)
    strongroom = str(pathlib.Path(args.strongroom).resolve())
    process = subprocess.Popen(
        [strongroom, "sandbox", "--json", "--empty", "--fill", f"objects={args.objects}"],
        env={"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir()},
        stdout=subprocess.PIPE,
    )
    try:
        said = json.loads(process.stdout.readline())
        world = {name: value for name, value in said.items() if name.startswith("AWS_") and isinstance(value, str)}
        counted(strongroom, world, args.objects)
        ours, theirs = [], []
        for _ in range(args.rounds):
            seconds, summary = audited(strongroom, world)
            ours.append(seconds)
            assert summary["objects"] == args.objects and summary["whole"] and not summary["unread"], summary
            seconds, kinds = script(world)
            theirs.append(seconds)
            assert sum(kinds.values()) == args.objects, kinds
        for name, taken in [("strongroom audit", ours), (f"boto3, {THREADS} threads", theirs)]:
            middle = statistics.median(taken)
            print(f"{name:<18} {middle:7.1f} s   {args.objects / middle:7.0f} objects/s")
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"strongroom is {statistics.median(theirs) / statistics.median(ours):.1f} times as fast")
        print(f"the most resident of either: {most / 1024:.0f} MiB")
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
