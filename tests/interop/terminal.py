"""A person at the dashboard: keys typed into a pseudo-terminal, the screen read by a terminal emulator."""

import base64
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time

import pyte
from conftest import STRONGROOM

COLUMNS, ROWS = 140, 45
# How long a screen may take to come to be so, in seconds. Generous: the machine may be busy.
PATIENCE = 120
# Esc as terminals of the `CSI u` form send it: the byte alone is this key only after a silence.
ENTER, ESC, DOWN, HOME, BACKSPACE = "\r", "\x1b[27u", "\x1b[B", "\x1b[H", "\x7f"


class Dashboard:
    """strongroom in a world, started in a folder."""

    def __init__(self, world, folder, home, size=(COLUMNS, ROWS), variables=None, arguments=()):
        columns, rows = size
        self._master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = subprocess.Popen(
            [STRONGROOM, *arguments],
            cwd=folder,
            env=world.environment(home) | {"TERM": "xterm-256color"} | (variables or {}),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self._screen = pyte.Screen(columns, rows)
        self._printed = bytearray()
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self):
        return self._process.pid

    def _read(self):
        stream = pyte.ByteStream(self._screen)
        while True:
            try:
                read = os.read(self._master, 65536)
            except OSError:
                return
            if not read:
                return
            with self._lock:
                self._printed += read
                stream.feed(read)

    def text(self):
        with self._lock:
            return "\n".join(line.rstrip() for line in self._screen.display)

    def picture(self, path, save):
        """What is shown now, saved there."""
        with self._lock:
            save(self._screen, path)

    def copied(self, act):
        """What is put on the clipboard (OSC 52) by what `act` does."""
        before = len(self._printed)
        act()
        until = time.monotonic() + PATIENCE
        while True:
            with self._lock:
                found = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)", bytes(self._printed[before:]))
            if found:
                return base64.b64decode(found[-1]).decode()
            assert time.monotonic() < until, f"nothing was copied:\n{self.text()}"
            time.sleep(0.05)

    def wait(self, words, seconds=PATIENCE):
        until = time.monotonic() + seconds
        while words not in (text := self.text()):
            assert time.monotonic() < until, f"`{words}` does not appear:\n{text}"
            assert self._process.poll() is None, f"it has ended with {self._process.returncode}:\n{text}"
            time.sleep(0.05)
        return self

    def gone(self, words, seconds=PATIENCE):
        until = time.monotonic() + seconds
        while words in (text := self.text()):
            assert time.monotonic() < until, f"`{words}` stays:\n{text}"
            time.sleep(0.05)
        return self

    def until(self, holds, seconds):
        """Whether the screen comes to be so within a time."""
        until = time.monotonic() + seconds
        while not holds(self.text()):
            if time.monotonic() > until or self._process.poll() is not None:
                return False
            time.sleep(0.03)
        return True

    def go_to(self, words, or_else=lambda text: False):
        """Whether a row that begins with these words, behind its signs, is there; from the top down, with the cursor on it."""
        words = words.split()

        def stands():
            rows = self._cursors()
            return any(words == row[at : at + len(words)] for row in rows for at in (0, 1, 2))

        # Before there is a row nothing is chosen by going to the first: what comes above it is then under the cursor.
        self.until(lambda _: self._cursors(), 0.4)
        self.keys(HOME)
        time.sleep(0.1)
        for _ in range(60):
            if stands():
                return True
            rows = self._cursors()
            self.keys(DOWN)
            if or_else(self.text()) or not self.until(lambda _: self._cursors() != rows, 0.4):
                return stands()
        return False

    def keys(self, typed):
        os.write(self._master, typed.encode())
        return self

    def choose(self, label):
        """Moves down until the cursor is on a row that begins with these words, and takes it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            rows = self._cursors()
            if any(row[: len(label.split())] == label.split() for row in rows):
                return self.keys(ENTER)
            self.keys(DOWN)
            moved = time.monotonic() + 2
            while self._cursors() == rows and time.monotonic() < moved:
                time.sleep(0.02)
            # Rows may still be on their way: from the top again.
            if self._cursors() == rows:
                self.keys(HOME)
        raise AssertionError(f"there is no row `{label}`:\n{self.text()}")

    def _cursors(self):
        return [part.split() for line in self.text().splitlines() for part in line.split("▸")[1:]]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._master)
