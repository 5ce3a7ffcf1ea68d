"""``daytwo demo``: everything works, is told, and is gone afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow


def left_behind(folder: Path) -> list[str]:
    """What a demo whose temporary folder is ``folder`` left: files there, and processes that mention it."""
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [*map(str, folder.iterdir()), *(line for line in lines if str(folder) in line)]


def test_it_tells_the_whole_road_and_leaves_nothing(program, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    said = program("demo", "--json")
    assert (said.code, said.err) == (0, "")
    events = said.json
    kinds = [event["event"] for event in events]
    assert kinds[:3] == ["fitted", "packed", "checked"]
    assert kinds[-2:] == ["timed", "stopped"]
    asked = [event for event in events if event["event"] == "asked"]
    assert [event["status"] for event in asked] == [event["request"]["expected"] for event in asked]
    assert asked[0]["request"]["body"] == {"feature_vector": [5.1, 3.5, 1.4, 0.2]}
    assert asked[0]["answer"]["class"] == 0
    assert left_behind(tmp_path) == []


def test_kept_it_stays_until_it_is_told_to_end(tmp_path: Path):
    command = [sys.executable, "-m", "daytwo", "demo", "--keep"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as demo:
        assert demo.stdout is not None
        told = ""
        while "curl" not in told:
            line = demo.stdout.readline()
            assert line, f"it ended early: {told}"
            told += line
        url = re.findall(r"(http://\S+)/docs", told)[0]
        time.sleep(0.2)
        assert demo.poll() is None
        assert urllib.request.urlopen(f"{url}/v2/health/ready").status == 200
        demo.send_signal(signal.SIGTERM)
        rest, _ = demo.communicate(timeout=30)
    assert demo.returncode == 0
    assert "nothing is left behind" in rest
    assert left_behind(tmp_path) == []
