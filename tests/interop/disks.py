"""Every file that any process writes on any disk of this machine, read as soon as it is closed: is a secret in it?"""

import ctypes
import os
import pathlib
import struct
import threading

import pytest

CLOSE_WRITE = 0x8
MARK_ADD, MARK_FILESYSTEM = 0x1, 0x100
CLOEXEC, NONBLOCK, UNLIMITED_QUEUE, UNLIMITED_MARKS = 0x1, 0x2, 0x10, 0x20
EVENT = struct.Struct("=IBBHQii")
IN_MEMORY = {"tmpfs", "ramfs", "devtmpfs", "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs"}
# The kernel's own views of memory and settings: nothing that is written there reaches a disk.
IN_MEMORY |= {"debugfs", "tracefs", "bpf", "pstore", "configfs", "fusectl", "hugetlbfs", "binfmt_misc", "nsfs"}
MOST = 8 << 20


def disks():
    """One mount point of every file system that is not in memory."""
    found = {}
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ", 1)
        device, place = before.split()[2], before.split()[4]
        if after.split()[0] not in IN_MEMORY:
            found.setdefault(device, place.encode().decode("unicode_escape"))
    return list(found.values())


class Disks:
    """Watches by fanotify, which is root's alone: elsewhere the test is passed over."""

    def __init__(self, *secrets):
        # Text as it is, and as NumPy keeps it.
        self._secrets = [form for secret in secrets for form in (secret.encode(), secret.encode("utf-32-le"))]
        self.leaks, self.read, self.overflowed = [], 0, False
        libc = ctypes.CDLL(None, use_errno=True)
        flags = CLOEXEC | NONBLOCK | UNLIMITED_QUEUE | UNLIMITED_MARKS
        self._events = libc.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC | os.O_LARGEFILE)
        if self._events < 0:
            pytest.skip(f"files cannot be watched on this machine: {os.strerror(ctypes.get_errno())}")
        watched = 0
        for place in disks():
            mark = ctypes.c_uint64(CLOSE_WRITE)
            watched += libc.fanotify_mark(self._events, MARK_ADD | MARK_FILESYSTEM, mark, -100, place.encode()) == 0
        if watched == 0:
            os.close(self._events)
            pytest.skip(f"no disk can be watched on this machine: {os.strerror(ctypes.get_errno())}")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self):
        while True:
            was_over = self._over.is_set()
            try:
                events = os.read(self._events, 65536)
            except BlockingIOError:
                if was_over:
                    return
                self._over.wait(0.01)
                continue
            at = 0
            while at < len(events):
                length, _, _, _, _, file, _ = EVENT.unpack_from(events, at)
                at += length
                if file < 0:
                    self.overflowed = True
                    continue
                self._look(file)

    def _look(self, file):
        try:
            content, self.read = os.pread(file, MOST, 0), self.read + 1
            if any(secret in content for secret in self._secrets):
                self.leaks.append(os.readlink(f"/proc/self/fd/{file}"))
        except OSError:
            pass
        finally:
            os.close(file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        os.close(self._events)


def holding(secrets, *folders):
    """The files below folders that hold a secret."""
    forms = [form for secret in secrets for form in (secret.encode(), secret.encode("utf-32-le"))]
    found = []
    for folder in folders:
        for path in pathlib.Path(folder).rglob("*"):
            try:
                if path.is_file() and not path.is_symlink() and any(form in path.read_bytes() for form in forms):
                    found.append(path)
            except OSError:
                # Somebody else's, and gone again.
                pass
    return found
