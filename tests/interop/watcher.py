"""Somebody who reads along: whatever is made, written or moved below some folders is read at once. Is a secret in it?

By inotify, so that a file of some milliseconds is read too, or at least known not to have been: then it is in `unread`.
Every folder is held open, and files are read through it: one that moves is read where it is, and a link is not followed.
"""

import ctypes
import dataclasses
import os
import select
import stat
import struct
import threading
import time

MODIFY, CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE = 0x2, 0x8, 0x40, 0x80, 0x100
OVERFLOW, IGNORED, IS_FOLDER = 0x4000, 0x8000, 0x40000000
ONLY_FOLDERS = 0x1000000
HEARD = MODIFY | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE
NAMES = {MODIFY: "modify", CLOSE_WRITE: "close_write", MOVED_TO: "moved_to", CREATE: "create"}
EVENT = struct.Struct("=iIII")
FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: Seconds between two looks at what is plain.
AGAIN = 0.005


@dataclasses.dataclass
class Sighting:
    """A secret under a path: what told of it, and when it was seen first and last."""

    path: str
    event: str
    first: float
    last: float
    #: It was still so when the watch was over.
    stays: bool = False

    @property
    def seconds(self):
        return self.last - self.first


class Watcher:
    """Watches from its making to `close`."""

    def __init__(self, secrets, *folders):
        self.sightings, self.unread, self.reads, self.overflowed = [], set(), 0, False
        self._secrets = list(secrets)
        self._folders = {}
        self._open = {}
        self._moved = {}
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._events = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._events < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._roots = [os.open(folder, FOLDER) for folder in folders]
        for root in self._roots:
            self._add(os.dup(root))
        self._settled, self._over, self._fault = threading.Event(), False, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def settle(self):
        """Waits until everything that happened so far has been read."""
        self._settled.clear()
        os.write(self._wake, b".")
        assert self._settled.wait(60)
        if self._fault is not None:
            raise self._fault

    def plain(self):
        """Paths that a secret is under now."""
        self.settle()
        return {sighting.path for sighting in self._open.values()}

    def close(self):
        """Ends the watch with a look at everything that is there; the sightings."""
        if self._thread.is_alive():
            self.settle()
            self._over = True
            os.write(self._wake, b".")
            self._thread.join()
            if self._fault is not None:
                raise self._fault
            for key in list(self._folders):
                self._list(key)
            self._look_again()
            for sighting in self._open.values():
                sighting.stays = True
            for descriptor in [*self._folders.values(), *self._roots, self._events, self._woken, self._wake]:
                os.close(descriptor)
        assert not self.overflowed, "there was more than could be heard of"
        return self.sightings

    def _run(self):
        try:
            while not self._over:
                ready, _, _ = select.select([self._events, self._woken], [], [], AGAIN if self._open else None)
                self._hear()
                self._look_again()
                if self._woken in ready:
                    os.read(self._woken, 100)
                    self._hear()
                    self._look_again()
                    self._settled.set()
        except Exception as fault:
            self._fault = fault
            self._settled.set()

    def _hear(self):
        while True:
            try:
                events = os.read(self._events, 1 << 16)
            except BlockingIOError:
                return
            at = 0
            while at < len(events):
                key, flags, cookie, length = EVENT.unpack_from(events, at)
                name = events[at + EVENT.size : at + EVENT.size + length].rstrip(b"\0")
                at += EVENT.size + length
                self._heard(key, flags, cookie, os.fsdecode(name))

    def _heard(self, key, flags, cookie, name):
        if flags & OVERFLOW:
            self.overflowed = True
        elif flags & IGNORED:
            os.close(self._folders.pop(key))
        elif key not in self._folders or not name:
            pass
        elif flags & MOVED_FROM:
            self._moved[cookie] = self._path(key, name)
        elif flags & IS_FOLDER:
            if flags & (CREATE | MOVED_TO) and self._enter(key, name):
                self.unread.discard(self._moved.pop(cookie, None))
        elif self._look(key, name, next(word for flag, word in NAMES.items() if flags & flag)):
            # Under its name of before nobody could read it, but it was read now.
            self.unread.discard(self._moved.pop(cookie, None))

    def _path(self, key, name):
        return os.path.join(os.readlink(f"/proc/self/fd/{self._folders[key]}"), name)

    def _enter(self, key, name):
        """Whether it is watched from now on."""
        try:
            self._add(os.open(name, FOLDER, dir_fd=self._folders[key]))
            return True
        except FileNotFoundError:
            self.unread.add(self._path(key, name))
        except NotADirectoryError:
            # A link, by now.
            pass
        return False

    def _add(self, folder):
        key = self._libc.inotify_add_watch(self._events, b"/proc/self/fd/%d" % folder, HEARD | ONLY_FOLDERS)
        if key < 0:
            error = ctypes.get_errno()
            os.close(folder)
            raise OSError(error, "inotify_add_watch")
        if key in self._folders:
            # It only moved.
            os.close(folder)
        else:
            self._folders[key] = folder
            self._list(key)

    def _list(self, key):
        for entry in os.scandir(f"/proc/self/fd/{self._folders[key]}"):
            if entry.is_dir(follow_symlinks=False):
                self._enter(key, entry.name)
            else:
                self._look(key, entry.name, "found")

    def _look(self, key, name, event):
        """Whether there is something to look at."""
        content = self._read(key, name)
        if content is None:
            # One that never had a name is called after its inode, and nobody can find it.
            if not (name.startswith("#") and event in ("modify", "close_write")):
                self.unread.add(self._path(key, name))
            return False
        if any(secret in content for secret in self._secrets):
            self._saw(key, name, event)
        return True

    def _read(self, key, name):
        """Nothing is read of what is no file."""
        folder = self._folders[key]
        try:
            if not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
                return b""
            with open(os.open(name, FILE, dir_fd=folder), "rb") as file:
                self.reads += 1
                return file.read()
        except OSError:
            return None

    def _saw(self, key, name, event):
        now, path = time.monotonic(), self._path(key, name)
        earlier = self._open.get((key, name))
        if earlier is not None and earlier.path == path:
            earlier.last = now
        else:
            self._open[key, name] = Sighting(path, event, now, now)
            self.sightings.append(self._open[key, name])

    def _look_again(self):
        for key, name in list(self._open):
            content = self._read(key, name) if key in self._folders else None
            if content is not None and any(secret in content for secret in self._secrets):
                self._saw(key, name, "folder moved")
            else:
                del self._open[key, name]
