"""A program that stops when it is about to end, with all its memory still there: ptrace, as a debugger does it."""

import ctypes
import os
import signal
import subprocess

from conftest import STRONGROOM

CONT, DETACH, SEIZE = 7, 17, 0x4206
TRACE_EXIT, EVENT_EXIT, EVENT_STOP = 0x40, 6, 128
ALL_CHILDREN = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, pid, data=0):
    if _libc.ptrace(request, pid, None, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")


def at_exit(process, look):
    """Lets a child run on until it ends, looks at it then, and gives its status."""
    _ptrace(SEIZE, process.pid, TRACE_EXIT)
    seen = None
    while seen is None:
        _, status = os.waitpid(process.pid, ALL_CHILDREN)
        assert os.WIFSTOPPED(status), f"it ended unseen: {status}"
        event, number = status >> 16, os.WSTOPSIG(status)
        if event == EVENT_EXIT:
            seen = look(process.pid)
            _ptrace(DETACH, process.pid)
        elif event == EVENT_STOP:
            _ptrace(CONT, process.pid)
        else:
            _ptrace(CONT, process.pid, number)
    return process.wait(60), seen


def run(world, home, look, *arguments):
    """strongroom with these arguments: its status, and what `look` saw at its end."""
    process = subprocess.Popen(
        [STRONGROOM, *map(str, arguments)],
        env=world.environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=open(home / "said", "wb"),
    )
    return at_exit(process, look)


def paused(pid, look):
    """What `look` sees of a process that stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        return look(pid)
    finally:
        os.kill(pid, signal.SIGCONT)
