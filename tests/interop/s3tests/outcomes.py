"""Runs ceph's s3-tests against an endpoint and holds the outcomes against expected.txt.

expected.txt says of every test what becomes of it, under headings: `passes`, `refused: FEATURE` (the sandbox does not
serve it and says so) or `differs: WHY`. A test that does otherwise makes the run fail; `--write` moves those that pass
now, and lists the others under `differs: not looked at`.
"""

import argparse
import collections
import itertools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as xml

import boto3

COMMIT = "8f0ae7b"
# The suite's own, and those of its second user and of its user of a tenant.
ACCOUNTS = ("111122223333", "444455556666", "777788889999")
EXPECTED = pathlib.Path(__file__).with_name("expected.txt")
PASSES, UNSEEN = "passes", "differs: not looked at"


def main():
    arguments, rest = parsed()
    suite = arguments.suite.resolve()
    at = subprocess.run(["git", "-C", suite, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    if not at.startswith(COMMIT):
        print(f"note: the suite is at {at[:7] or 'no commit'}, expected.txt was made with {COMMIT}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        server = None
        try:
            if "AWS_ENDPOINT_URL" not in os.environ:
                server = moto(folder) if arguments.moto else sandbox(folder)
            (folder / "s3tests.conf").write_text(configuration(os.environ))
            outcomes = asked(suite, folder, arguments, rest)
        finally:
            if server:
                ended(server)
    # What moto does is counted only.
    sys.exit(told(outcomes, {} if arguments.moto else expected(), arguments, whole="-k" not in rest))


def ended(server):
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suite", type=pathlib.Path, help="a checkout of s3-tests")
    parser.add_argument("--moto", action="store_true", help="count moto instead of the sandbox")
    parser.add_argument("--write", action="store_true", help="write expected.txt anew")
    parser.add_argument("--jobs", "-n", default="4", help="processes at a time")
    parser.add_argument("--list", action="store_true", help="print every test that does not pass, and why")
    parser.add_argument("--json", type=pathlib.Path, help="write the outcomes here")
    parser.add_argument("--log", type=pathlib.Path, help="keep pytest's log here")
    return parser.parse_known_args()


def sandbox(folder):
    accounts = [word for account in ACCOUNTS for word in ("--account", account)]
    process = subprocess.Popen(
        [os.environ["STRONGROOM"], "sandbox", "--json", "--empty", *accounts],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=open(folder / "server.err", "wb"),
    )
    said = json.loads(process.stdout.readline() or sys.exit((folder / "server.err").read_text()))
    os.environ.update({name: value for name, value in said.items() if name.startswith("AWS_")})
    for account in said["accounts"][1:]:
        of = account["id"]
        os.environ |= {f"{name}_{of}": value for name, value in account.items() if name != "id"}
    return process


def moto(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = open(folder / "server.err", "wb")
    command = [pathlib.Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=1).close()
            return process
        except OSError:
            time.sleep(0.1)
    sys.exit("moto_server does not answer")


def configuration(world):
    """The suite's users: the endpoint's own, and another account's, or a second user where there is none."""
    host, port = re.fullmatch(r"https?://([^:/]+):(\d+)/?", world["AWS_ENDPOINT_URL"]).groups()
    main = user(world, world["AWS_ACCESS_KEY_ID"], world["AWS_SECRET_ACCESS_KEY"], "main")
    kms = client(world, "kms", main)
    keys = {name: kms.create_key()["KeyMetadata"]["KeyId"] for name in ("kms_keyid", "kms_keyid2")}
    others = [
        another(world, main, account, name) for account, name in zip(ACCOUNTS[1:], ("alt", "tenant"), strict=True)
    ]
    sections = {
        "fixtures": {"bucket prefix": "s3tests-{random}-"},
        "s3 main": main | keys | {"api_name": "us-east-1"},
        "s3 alt": others[0],
        "s3 tenant": others[1] | {"tenant": "tenant"},
        "iam": main,
        "iam root": main,
        "iam alt root": others[0],
    }
    text = f"[DEFAULT]\nhost = {host}\nport = {port}\nis_secure = False\nlc_debug_interval = 1\n"
    for name, values in sections.items():
        text += f"\n[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
    return text


def client(world, service, of):
    return boto3.client(
        service,
        endpoint_url=world["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=of["access_key"],
        aws_secret_access_key=of["secret_key"],
    )


def user(world, access_key, secret_key, name):
    """As the suite's file has a user, who is known to S3 by an id of the account."""
    said = {"access_key": access_key, "secret_key": secret_key}
    owner = client(world, "s3", said).list_buckets()["Owner"]
    return said | {"user_id": owner["ID"], "display_name": owner.get("DisplayName", ""), "email": f"{name}@example.com"}


def another(world, main, account, name):
    """Another account's user, as `strongroom sandbox` prints it, or one of the same account who may do everything."""
    if key := world.get(f"AWS_ACCESS_KEY_ID_{account}"):
        return user(world, key, world[f"AWS_SECRET_ACCESS_KEY_{account}"], name)
    iam, called = client(world, "iam", main), f"s3tests-{name}"
    try:
        iam.create_user(UserName=called)
    except iam.exceptions.EntityAlreadyExistsException:
        pass
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName=called, PolicyName="anything", PolicyDocument=json.dumps(anything))
    key = iam.create_access_key(UserName=called)["AccessKey"]
    return user(world, key["AccessKeyId"], key["SecretAccessKey"], name)


def asked(suite, folder, arguments, rest):
    """Outcome and last line of every test."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not fails_on_aws"]
    command += ["-p", "opened", "-n", arguments.jobs, "--timeout=120", "--tb=short", f"--junit-xml={report}"]
    command += [*rest, "s3tests/functional"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "S3TEST_CONF": str(folder / "s3tests.conf"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(pathlib.Path(__file__).parent),
        "HOME": str(folder),
    }
    with open(folder / "pytest.log", "wb") as log:
        subprocess.run(command, cwd=suite, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if arguments.log:
        shutil.copy(folder / "pytest.log", arguments.log)
    if not report.exists():
        sys.exit((folder / "pytest.log").read_text()[-3000:])
    outcomes = {}
    for case in xml.parse(report).getroot().iter("testcase"):
        # Of a test that took its process along there is not even a name.
        if case.get("name") is None:
            continue
        name = case.get("classname").rsplit(".", 1)[-1] + "::" + case.get("name")
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        if case.find("skipped") is not None:
            outcomes[name] = ("skipped", case.find("skipped").get("message", ""))
        elif wrong is None:
            outcomes[name] = ("passed", "")
        else:
            said = (wrong.get("message") or wrong.text or "").strip()
            outcomes[name] = ("failed", said.splitlines()[0][:300] if said else "")
    return outcomes


def expected():
    """What becomes of each test, by expected.txt."""
    known, heading = {}, None
    for line in EXPECTED.read_text().splitlines() if EXPECTED.exists() else []:
        if line.startswith("== "):
            heading = line[3:]
        elif line and not line.startswith("#"):
            known[line] = heading
    return known


def told(outcomes, known, arguments, whole):
    counts = collections.Counter(outcome for outcome, _ in outcomes.values())
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())), "of", len(outcomes))
    if arguments.json:
        arguments.json.write_text(json.dumps(outcomes, indent=0, sort_keys=True))
    if arguments.list:
        for name, (outcome, why) in sorted(outcomes.items()):
            if outcome != "passed":
                print(f"{outcome} {name}: {why}")
    if arguments.moto:
        return 0
    by_heading = collections.Counter(known.get(name, UNSEEN).split(":")[0] for name in outcomes)
    print("expected:", ", ".join(f"{count} {heading}" for heading, count in sorted(by_heading.items())))
    lost = sorted(n for n, (o, _) in outcomes.items() if o != "passed" and known.get(n, UNSEEN) in (PASSES, UNSEEN))
    won = sorted(n for n, (o, _) in outcomes.items() if o == "passed" and known.get(n) != PASSES)
    for name in lost:
        print(f"does not pass: {name}: {outcomes[name][1]}")
    for name in won:
        print(f"passes now: {name}")
    if arguments.write:
        write(known | dict.fromkeys(won, PASSES) | dict.fromkeys(lost, UNSEEN), outcomes if whole else None)
        return 0
    return 1 if lost or won else 0


def write(known, asked_now):
    """Headings in order, names in order; what the suite no longer has is dropped."""
    groups = collections.defaultdict(list)
    for name, heading in known.items():
        if asked_now is None or name in asked_now:
            groups[heading].append(name)
    order = sorted(groups, key=lambda heading: (heading == PASSES, heading))
    said = itertools.takewhile(lambda line: line.startswith("#"), EXPECTED.read_text().splitlines())
    text = "".join(f"{line}\n" for line in said)
    for heading in order:
        text += f"\n== {heading}\n" + "".join(f"{name}\n" for name in sorted(groups[heading]))
    EXPECTED.write_text(text)


if __name__ == "__main__":
    main()
