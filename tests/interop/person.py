"""A person with an access key of their own at the command line and the dashboard: done, or refused by name."""

import os
import re
import subprocess

import pytest
from conftest import STRONGROOM, World
from terminal import ENTER, ESC, HOME, Dashboard

PATIENCE = 20
TAB, BACK_TAB, CLEAR, REDRAW = "\t", "\x1b[Z", "\x15", "\x0c"
# Whatever is edited changes a little.
EDITOR = """sed -i 's/"kms:ListGrants"/"kms:ListGrants", "kms:ListRetirableGrants"/;s/"kms:\\*"/["kms:*", "kms:List*"]/'"""
FRAMES = re.compile(r"[│╭╮╰╯─┃]|\s")


class Refused(Exception):
    """What was to be seen is not there, but that this action is denied; or, of what goes on without it, what it lacks."""

    def __init__(self, text, is_partial):
        super().__init__(text)
        self.is_partial = is_partial


class Person:
    """Works in a folder; `lacks` an action, which a refusal is to name, or nothing."""

    def __init__(self, world, home, lacks=None, said=None):
        self.world, self.home, self.lacks, self._said = world, home, lacks, said
        self._dashboard = None

    def run(self, *arguments):
        """The command line; its standard output if it does what it is asked."""
        done = subprocess.run(
            [STRONGROOM, *map(str, arguments)],
            env=self.world.environment(self.home),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            text=True,
        )
        self.heed(done.stdout + done.stderr)
        if done.returncode != 0:
            pytest.fail(f"without {self.lacks}, strongroom {arguments[0]} ends with {done.returncode}: {done.stderr}")
        return done.stdout

    def sit_down(self, pane):
        """The dashboard with one pane alone on the screen."""
        if self._dashboard is None:
            variables = {"EDITOR": EDITOR, "PATH": f"{self._tools()}:{os.environ['PATH']}"}
            self._dashboard = Dashboard(self.world, self.home, self.home, size=(200, 50), variables=variables)
            self.see("up to date", "region", "us-east-1", any_of=True)
            # Nor the details, whose words would stand between those of a sentence over both.
            self.keys("z", "i")
        return self.keys(pane)

    def _tools(self):
        """A docker that does as if: its own calls are none of the program's."""
        docker = self.home / "tools" / "docker"
        docker.parent.mkdir(exist_ok=True)
        docker.write_text("#!/bin/sh\n[ -t 0 ] || cat > /dev/null\n")
        docker.chmod(0o755)
        return docker.parent

    def get_up(self):
        if self._dashboard is not None:
            self._dashboard.__exit__()
            self._dashboard = None

    def text(self):
        return self._dashboard.text()

    def keys(self, *typed):
        for keys in typed:
            self._dashboard.keys(keys)
        return self

    def see(self, *words, any_of=False):
        """Waits for words on the screen, or for the refusal."""
        holds = any if any_of else all

        def is_shown(text):
            told = " ".join(text.split())
            return holds(word in told for word in words) or self.is_refused(text)

        shown = self._dashboard.until(is_shown, PATIENCE)
        self.heed(self.text())
        if not shown:
            self._missed(f"{words} do not appear")
        return self

    def until(self, holds):
        """Waits until the screen is so, or for the refusal."""
        if not self._dashboard.until(lambda text: holds(text) or self.is_refused(text), PATIENCE):
            self._missed("it goes no further")
        self.heed(self.text())
        return self

    def is_there(self, words):
        """Whether a row begins so; the cursor is on it then."""
        return self._dashboard.go_to(words, self.is_refused)

    def select(self, words):
        """Moves the cursor onto the row that begins so."""
        return self._until_found(lambda: self.is_there(words), f"no row `{words}`")

    def action(self, label):
        """Does one of the further actions of what the cursor is on, once it is offered."""

        def offered():
            self.keys("a").see("do it")
            if self.is_there(label):
                return True
            self.keys(ESC)
            self._dashboard.until(lambda text: "do it" not in text, 10)
            return False

        self._until_found(offered, f"`{label}` is not offered")
        return self.keys(ENTER)

    def take(self, name):
        """Takes one of a form's choices once it is listed."""
        return self.keys(name).see(f"▸ {name}")

    def agree(self):
        """Agrees to a question by typing the word that it asks for."""
        asked = "To agree, type: "
        self.see(asked)
        rest = self.text().rsplit(asked, 1)[1]
        self.keys(re.split("[│\n]", rest)[0].strip(), ENTER)
        self._dashboard.until(lambda text: asked not in text, 20)
        return self

    def _until_found(self, found, complaint):
        for _ in range(40):
            if found():
                return self
            self.heed(self.text())
            self._dashboard.until(self.is_refused, 0.4)
        self._missed(complaint)

    def messages(self):
        """Every message, in full."""
        if self._dashboard is None:
            return ""
        self.keys(ESC, ESC, "!")
        self._dashboard.until(lambda text: "╭ Messages" in text, 5)
        self.keys(ENTER)
        self._dashboard.until(self.is_refused, 2)
        return self.text()

    def _missed(self, what):
        """What was to come does not: unless that is a refusal that only the messages tell."""
        seen = self.text()
        self.heed(self.messages())
        pytest.fail(f"without {self.lacks}, {what}:\n{seen}")

    def heed(self, text):
        """Ends what is done if this says that it is refused."""
        if self.is_refused(text):
            raise Refused(text, not self._is_denied(text))

    def is_refused(self, text):
        """Whether this says that the action is denied, or is missed."""
        is_said = self._said is not None and squeezed(self._said) in squeezed(text)
        return is_said or self._is_denied(text)

    def _is_denied(self, text):
        """Whether it says, across the ends of lines, that the action is denied."""
        if self.lacks is None:
            return False
        after = squeezed(text).split(f"notauthorizedtoperform:{self.lacks}")[1:]
        return any(not rest[:1].isalpha() or rest.startswith(("on", "because", "with")) for rest in after)


def squeezed(text):
    """Without frames and spaces, which are elsewhere where a line is broken."""
    return FRAMES.sub("", text)


def user(admin, world, name):
    """A user without any policy; the world as their access key sees it."""
    iam = admin["iam"]
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return World(world.endpoint, key["AccessKeyId"], key["SecretAccessKey"], world.variables["AWS_REGION"])
