"""The README's pictures, taken of the real program on its own sandbox by keystrokes.

`STRONGROOM_PICTURES=../../assets tests/interop/run test_pictures.py` puts them where the README shows them; without it they
are only taken. A font of equal widths is needed (DejaVu Sans Mono), found by fontconfig.
"""

import os
import pathlib
import shutil
import tempfile
import time

import pytest
from pictures import save
from terminal import ENTER, ESC, HOME, Dashboard

FOLDER = os.environ.get("STRONGROOM_PICTURES")
WIDE, NORMAL = (200, 50), (120, 36)

pytestmark = pytest.mark.skipif(not shutil.which("fc-match"), reason="no fontconfig, which finds a font")


class Alone:
    """No world but the sandbox that the program brings."""

    def environment(self, home):
        return {"PATH": os.environ["PATH"], "HOME": str(home), "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


@pytest.fixture
def sandbox():
    # Its name is in the pictures, where evidence is written.
    with tempfile.TemporaryDirectory(prefix="home-") as home:
        yield lambda size: Dashboard(Alone(), home, home, size=size, arguments=["--sandbox"])


def taken(dashboard, name, tmp_path):
    """The picture of this name, of what the screen shows now."""
    path = pathlib.Path(FOLDER or tmp_path) / f"{name}.png"
    dashboard.picture(path, save)
    assert path.stat().st_size > 10_000


def stand(dashboard, words):
    """Puts the cursor on the row that begins with these words, which may still be on its way."""
    until = time.monotonic() + 60
    while not dashboard.go_to(words):
        assert time.monotonic() < until, f"there is no row `{words}`:\n{dashboard.text()}"


def uploaded(dashboard):
    """housing.csv, encrypted under the key training-data, with the cursor on it."""
    dashboard.wait("PendingDeletion").wait("housing.csv")
    stand(dashboard, "training-data")
    dashboard.keys("5")
    stand(dashboard, "housing.csv")
    dashboard.wait("e encrypts housing.csv").keys("e").wait("Encrypt and upload").keys("y").wait("Encrypted and uploaded")
    dashboard.keys("3")
    stand(dashboard, "housing.csv 13.7")


def trained(dashboard, end):
    dashboard.keys("t").wait("▸ example-role").keys(ENTER).wait("Started the job train-").wait(f"has ended: {end}")


def granted(dashboard):
    dashboard.keys("2").keys("n").wait("▸ example-role").keys(ENTER).wait("The grant works")


def test_the_dashboard_with_a_chain_that_is_broken_at_its_job(sandbox, tmp_path):
    with sandbox(WIDE) as dashboard:
        uploaded(dashboard)
        dashboard.keys("v").wait("verified")
        trained(dashboard, "Failed")
        dashboard.keys("4")
        dashboard.keys(HOME)
        dashboard.wait("AccessDenied").wait("strongroom: decrypt a data key")
        taken(dashboard, "broken-chain", tmp_path)


def test_the_dashboard_where_the_whole_chain_holds(sandbox, tmp_path):
    with sandbox((160, 40)) as dashboard:
        uploaded(dashboard)
        dashboard.keys("v").wait("verified")
        granted(dashboard)
        dashboard.keys("3")
        trained(dashboard, "Completed")
        dashboard.keys("3")
        stand(dashboard, "housing.csv 13.7")
        dashboard.wait("Verified").wait("✓ train-")
        taken(dashboard, "screen", tmp_path)


def test_the_story_of_a_grant_as_a_matrix(sandbox, tmp_path):
    with sandbox(NORMAL) as dashboard:
        dashboard.wait("PendingDeletion")
        stand(dashboard, "training-data")
        dashboard.keys(":").keys("proof story").keys(ENTER).wait("▸ example-role").keys(ENTER)
        dashboard.wait("It holds.")
        taken(dashboard, "proof", tmp_path)


def test_who_can_use_a_key_and_who_did(sandbox, tmp_path):
    with sandbox((160, 40)) as dashboard:
        uploaded(dashboard)
        granted(dashboard)
        dashboard.keys("3")
        trained(dashboard, "Completed")
        dashboard.keys("1")
        stand(dashboard, "training-data")
        # Events come late: what the job did is there some seconds after.
        time.sleep(5)
        dashboard.keys("M").wait("CreateGrant").wait("all read")
        taken(dashboard, "who", tmp_path)


def test_a_job_with_its_curve(sandbox, tmp_path):
    with sandbox(NORMAL) as dashboard:
        uploaded(dashboard)
        granted(dashboard)
        dashboard.keys("3")
        trained(dashboard, "Completed")
        dashboard.keys("4")
        dashboard.keys(HOME)
        dashboard.keys("l").wait("epoch=")
        taken(dashboard, "job", tmp_path)
        dashboard.keys(ESC)
