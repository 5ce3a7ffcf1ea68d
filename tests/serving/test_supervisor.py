from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# A supervisor over workers that note that they live, and end with code 0 on SIGTERM.
WORKER = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
(folder / f"{sys.argv[sys.argv.index('--worker') + 1]}-{os.getpid()}").touch()
fd = int(sys.argv[sys.argv.index('--orphaned') + 1])
while os.read(fd, 1):
    pass
"""
SUPERVISOR = """
import json, socket, sys
from daytwo.serving.instruments import Layout
from daytwo.serving.supervisor import Supervisor
listener = socket.create_server(("127.0.0.1", 0))
command = [sys.executable, *json.loads(sys.argv[1])]
sys.exit(Supervisor(command, 2, listener, Layout([("a", "1")])).run())
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = json.dumps(["-c", WORKER, str(tmp_path)])
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, command])
    yield process
    process.kill()
    process.wait()


def workers(folder: Path, count: int) -> dict[int, int]:
    """Process id → worker number of everything that ever started, once there are ``count``."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        found = {int(pid): int(number) for number, _, pid in (path.name.partition("-") for path in folder.iterdir())}
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{count} workers were expected, there are {len(found)}")


def gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_a_worker_that_dies_is_started_again_in_its_place(tmp_path: Path, supervisor: subprocess.Popen[bytes]) -> None:
    first = workers(tmp_path, 2)
    victim = next(iter(first))
    os.kill(victim, signal.SIGKILL)
    everyone = workers(tmp_path, 3)
    (new,) = everyone.keys() - first.keys()
    assert everyone[new] == first[victim]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_stops_all_and_exits_0(
    tmp_path: Path, supervisor: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    started = workers(tmp_path, 2)
    time.sleep(0.2)
    supervisor.send_signal(number)
    assert supervisor.wait(10) == 0
    assert all(gone(pid) for pid in started)


def test_workers_end_when_the_supervisor_is_killed(tmp_path: Path, supervisor: subprocess.Popen[bytes]) -> None:
    started = workers(tmp_path, 2)
    supervisor.kill()
    supervisor.wait()
    assert all(gone(pid) for pid in started)
