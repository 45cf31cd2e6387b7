"""What is copied of an object is pasted elsewhere: Python that opens it, and a URL of what is stored."""

import os
import re
import subprocess
import sys
import urllib.request

import pytest
from terminal import ENTER, Dashboard

PLAIN = b"id,price\n1,452600.0\n"


@pytest.fixture
def dashboard(sandbox, tmp_path):
    folder = tmp_path / "desk"
    folder.mkdir()
    with Dashboard(sandbox, folder, tmp_path) as opened:
        opened.wait("KMS keys")
        yield opened


def open_object(dashboard, uri):
    """Opens it by its name, and waits until it is known what it is."""
    dashboard.keys("O")
    dashboard.wait("Commands").keys(uri)
    dashboard.wait(uri).keys(ENTER)
    row = re.compile("▸ [◆ ] " + re.escape(uri.rsplit("/", 1)[1]) + " .*(strongroom|sse-s3|plain)")
    assert dashboard.until(row.search, 60), dashboard.text()


def python(world, home, lines):
    """Runs lines as a person pastes them, and then prints what they opened."""
    done = subprocess.run(
        [sys.executable, "-c", lines + "import sys; sys.stdout.buffer.write(data)"],
        env=world.environment(home) | {"PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("name,options", [("a.csv", []), ("b \"é.csv", ["--context", "team=blue"])])
def test_the_python_that_is_copied_opens_the_object(cli, sandbox, dashboard, bucket, key, tmp_path, name, options):
    (tmp_path / name).write_bytes(PLAIN)
    cli.run("encrypt", tmp_path / name, f"s3://{bucket}/in/", "--key", key, *options)
    open_object(dashboard, f"s3://{bucket}/in/{name}")
    dashboard.keys("U").wait("Python that opens it")
    lines = dashboard.copied(lambda: dashboard.keys("p"))
    assert python(sandbox, tmp_path, lines) == PLAIN


def test_a_plain_object_is_read_by_the_python_that_is_copied(sandbox, dashboard, bucket, tmp_path):
    sandbox.client("s3").put_object(Bucket=bucket, Key="in/plain.csv", Body=PLAIN)
    open_object(dashboard, f"s3://{bucket}/in/plain.csv")
    dashboard.keys("U").wait("Python that opens it")
    lines = dashboard.copied(lambda: dashboard.keys("p"))
    assert python(sandbox, tmp_path, lines) == PLAIN


def test_the_presigned_url_reads_the_ciphertext(cli, sandbox, dashboard, bucket, key, tmp_path):
    (tmp_path / "a.csv").write_bytes(PLAIN)
    cli.run("encrypt", tmp_path / "a.csv", f"s3://{bucket}/in/", "--key", key)
    open_object(dashboard, f"s3://{bucket}/in/a.csv")
    dashboard.keys("U").wait("presigned URL")
    url = dashboard.copied(lambda: dashboard.keys("s"))
    stored = sandbox.client("s3").get_object(Bucket=bucket, Key="in/a.csv")["Body"].read()
    assert urllib.request.urlopen(url).read() == stored != PLAIN
    assert "X-Amz-Signature" not in dashboard.wait("whoever has it").text()
