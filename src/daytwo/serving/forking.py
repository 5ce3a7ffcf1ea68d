"""The template: a process that has loaded the models, serves nobody, and is copied for every worker.

A copy shares all memory that neither side writes to. It is safe only from a process with a single thread and nothing
open to the outside, which is looked into before the first one is made.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

#: Where to look for what a process has open, and for its threads.
_DESCRIPTORS, _THREADS = Path("/proc/self/fd"), Path("/proc/self/task")
#: What must not be shared with a copy: connections, pipes, the kernel's event queues, devices; and files, for all copies
#: would read on from where any of them stopped.
_LIVE = {"socket:": "a socket", "pipe:": "a pipe", "anon_inode:": "an event queue", "/dev/": "a device"}
_HARMLESS = ("/dev/null", "/dev/urandom", "/dev/random", "/dev/zero")
#: A thread that was ended is still listed for a moment.
_ENDING_S = 0.5
_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Post:
    """A worker's place and what it is given, as file descriptors.

    listener: the socket that all accept from
    metrics:  the shared block
    orphaned: reads end-of-file when the supervisor is gone
    """

    worker: int
    workers: int
    listener: int
    metrics: int
    orphaned: int


def open_descriptors() -> frozenset[str]:
    """What this process has open, as the kernel names it."""
    found = set()
    for link in _DESCRIPTORS.iterdir():
        try:
            found.add(str(link.readlink()))
        except FileNotFoundError:  # the one that lists the folder
            continue
    return frozenset(found)


def impediment(before: frozenset[str]) -> str | None:
    """Why this process must not be copied, or None where it may be.

    before: :func:`open_descriptors` as they were before anything was loaded
    """
    opened = [name for name in open_descriptors() - before if name not in _HARMLESS]
    for start, what in _LIVE.items():
        if any(name.startswith(start) for name in opened):
            return f"loading left {what} open"
    if opened:
        return f"loading left a file open ({min(opened)})"
    left = _threads_after_fork()
    return f"loading left threads beside the main one: {', '.join(left)}" if left else None


def breed(control: socket.socket, become: Callable[[Post], int]) -> int:
    """Copy this process for every post that comes by ``control``. Returns twice over: in the template 0, when the
    supervisor hangs up; in each copy what ``become`` returned there.
    """
    # What is loaded stays; a collector that walked through it would write to, and so unshare, every page of it.
    gc.collect()
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, 3)
        if not message:
            return 0
        post = Post(*json.loads(message), *descriptors)
        try:
            pid = _copy()
        except OSError as error:
            answer: dict[str, int | str] = {"failed": error.strerror or str(error)}
        else:
            if pid == 0:
                control.close()
                _come_of_age()
                return become(post)
            answer = {"pid": pid}
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(json.dumps(answer).encode())


def _copy() -> int:
    """A copy of this process, as a child of the supervisor: 0 in the copy, its process id in the template.

    The process between them ends at once; whom it leaves behind falls to the nearest ancestor that adopts orphans.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as told, os.fdopen(writing, "wb", buffering=0) as tell:
        between = os.fork()
        if between == 0:
            try:
                copy = os.fork()
            except OSError:
                os._exit(1)
            if copy == 0:
                return 0
            tell.write(str(copy).encode())
            os._exit(0)
        tell.close()
        pid = told.read()
    os.waitpid(between, 0)
    if not pid:
        raise OSError("there is no room for another process")
    return int(pid)


def _come_of_age() -> None:
    """What a fresh interpreter would have of its own: a session, and numpy's random numbers (Python's are seeded anew
    by itself).
    """
    os.setsid()
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        numpy_random.seed()


def _threads_after_fork() -> list[str]:
    """The threads beside the main one that are left once this process has forked: libraries that know of forks, as
    OpenBLAS does, end theirs before one and start them again when they need them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads: this is how we find out
        child = os.fork()
        if child == 0:
            os._exit(0)
    os.waitpid(child, 0)
    until = monotonic() + _ENDING_S
    while (names := _threads()) and monotonic() < until:
        sleep(0.01)
    return names


def _threads() -> list[str]:
    names = []
    for thread in _THREADS.iterdir():
        try:
            names.append((thread / "comm").read_text(encoding="utf-8", errors="replace").strip())
        except OSError:  # it has just ended
            continue
        if thread.name == str(os.getpid()):
            names.pop()
    return sorted(names)
