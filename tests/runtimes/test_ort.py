"""onnxruntime keeps to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("given", "left"), [({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0"}, "0")], ids=["unasked", "asked"]
)
def test_it_is_told_so_unless_somebody_says_otherwise(given: dict[str, str], left: str, tmp_path: Path):
    code = "import os, daytwo.runtimes.onnx; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    # It never reports from what it takes for a build server.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    # With the answer alone for the one who asks for reports: a test sends none.
    environment |= given | ({"CI": "true"} if given else {})
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == left
    if not given:
        assert list(tmp_path.iterdir()) == [], "nothing was written about this machine"
