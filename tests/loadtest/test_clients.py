"""Client processes: together they are one client, and they are gone when they are not needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from daytwo.errors import OutsideFailure
from daytwo.loadtest.client import Errand
from daytwo.loadtest.clients import clients
from daytwo.loadtest.driver import Address
from daytwo.loadtest.stages import Stage
from loadtest.made import said, serving

BODIES = [b'{"name":"Zo\xc3\xab"}', b'{"a":2}']


def test_an_errand_survives_its_line():
    errand = Errand(Address("::1", 1, "/p?a=b", True), Stage("open", 3, 1.0, 8, 2.5), tuple(BODIES), 0.2, 2.0, 7)
    line = errand.write()
    assert line.count("\n") == 1
    assert Errand.read(line) == errand


@pytest.mark.parametrize("count", [1, 2])
def test_several_are_one_client(count: int):
    bodies: set[bytes] = set()

    def answer(number: int, raw: bytes) -> bytes:
        bodies.add(raw.partition(b"\r\n\r\n")[2])
        return said()

    told: list[float] = []
    with serving(answer) as address, clients(count, address, lambda: 3.0, local=True) as some:
        ramp = some.run(Stage("ramp", 4, 0.3), BODIES, 5.0, told.append)
        opened = some.run(Stage("open", 4, 0.5, rate=100.0), BODIES, 5.0)
        alone = some.run(Stage("ramp", 1, 0.2), BODIES, 5.0)
    assert bodies == set(BODIES)
    assert min(ramp.ok, alone.ok) > 0
    assert 15 < opened.ok < 110
    assert (ramp.failures, opened.failures, alone.failures) == (0, 0, 0)
    assert told
    assert ramp.server_cpu == 0.0


def test_they_end_with_the_block():
    with clients(2, Address("127.0.0.1", 1, "/")) as some:
        processes = list(some._processes)
        assert all(process.poll() is None for process in processes)
    assert all(process.poll() is not None for process in processes)


def test_one_that_dies_is_one_sentence():
    with clients(1, Address("127.0.0.1", 1, "/")) as some:
        some._processes[0].kill()
        some._processes[0].wait()
        with pytest.raises(OutsideFailure, match="load generator"):
            some.run(Stage("ramp", 1, 0.1), [b"{}"], 1.0)


def test_a_client_ends_with_its_input_also_within_a_stage():
    command = [sys.executable, "-m", "daytwo.loadtest.client"]
    errand = Errand(Address("127.0.0.1", 1, "/"), Stage("ramp", 1, 600.0), (b"{}",), 0.0, 1.0, 0)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        out, _ = process.communicate(errand.write(), timeout=60)
    assert (process.returncode, out) == (0, "")
