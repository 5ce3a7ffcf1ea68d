"""What may be copied, and what a copy has of its own. Each in a process of its own, since pytest's has threads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has what it needs")

START = """
import os, socket, threading, time
from daytwo.serving.forking import impediment, open_descriptors
before = open_descriptors()
"""

SESSION = """
import onnx.helper as h
from daytwo.runtimes.onnx import open_session
ends = [h.make_tensor_value_info(name, 1, [None, 2]) for name in "xy"]
graph = h.make_graph([h.make_node("Tanh", ["x"], ["y"])], "g", ends[:1], ends[1:])
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
session = open_session(model.SerializeToString(), 1)
"""


def said(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("load", "why"),
    [
        ("", "None"),
        ("import numpy; numpy.ones((600, 600)) @ numpy.ones((600, 600))", "None"),
        ("file = open(os.devnull)", "None"),
        ("file = open(os.__file__)", "loading left a file open"),
        ("ours = socket.socketpair()", "loading left a socket open"),
        ("ours = os.pipe()", "loading left a pipe open"),
        ("import select; ours = select.epoll()", "loading left an event queue open"),
        ("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "beside the main one"),
        (SESSION, "None"),
    ],
    ids=[
        "nothing",
        "blas at work",
        "a harmless file",
        "file",
        "socket",
        "pipe",
        "epoll",
        "thread",
        "session of one thread",
    ],
)
def test_an_impediment_is_named(load: str, why: str) -> None:
    assert why in said(f"{START}\n{load}\nprint(impediment(before), flush=True)\nos._exit(0)")


COPIES = """
import json, os, random, socket, sys, time
import numpy
from daytwo.serving.forking import breed
from daytwo.serving.template import Copy, adopt_orphans
from daytwo.serving.ids import PredictionIds

def become(post):
    while os.getppid() != supervisor:  # the process between them has not ended yet
        time.sleep(0.001)
    os.write(post.metrics, json.dumps([post.worker, post.workers, os.getpid(), os.getppid(), os.getsid(0),
        numpy.random.random(), random.random(), PredictionIds().new()]).encode() + b"\\n")
    return 7

adopt_orphans(True)
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
supervisor = os.getpid()
template = os.fork()
if template == 0:
    ours.close()
    raise SystemExit(breed(theirs, become))
theirs.close()
reading, writing = os.pipe()
pids = []
for worker in range(2):
    socket.send_fds(ours, [json.dumps([worker, 2]).encode()], [writing, writing, writing])
    pids.append(json.loads(ours.recv(100))["pid"])
copies = [Copy(pid) for pid in pids]
codes = [copy.wait(10) for copy in copies]
ours.close()
left = os.waitstatus_to_exitcode(os.waitpid(template, 0)[1])
found = sorted(json.loads(line) for line in os.read(reading, 4096).splitlines())
print(json.dumps({"found": found, "pids": pids, "codes": codes, "left": left, "supervisor": supervisor}))
"""


def test_a_copy_is_the_supervisors_child_with_a_session_and_chance_of_its_own() -> None:
    told = json.loads(said(COPIES))
    first, second = told["found"]
    assert [first[:2], second[:2]] == [[0, 2], [1, 2]]
    assert [first[2], second[2]] == told["pids"] == [first[4], second[4]]
    assert {first[3], second[3]} == {told["supervisor"]}
    assert all(a != b for a, b in zip(first[5:], second[5:], strict=True)), "numpy, random, ids"
    assert (told["codes"], told["left"]) == ([7, 7], 0)
