"""Nothing is ready before its examples have passed in that process, and a server says why it is not."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from serving.live import STOP_TIMEOUT_S, Live, eventually, serving, started
from serving.live_metrics import value
from serving.live_models import SETOSA

pytestmark = pytest.mark.slow

ROW = {"feature_vector": [4.0]}


def listens(live: Live) -> bool:
    try:
        return live.get("/livez").status == 200
    except OSError:
        return False


def test_while_it_loads_it_lives_but_is_not_ready(packed: Path, tmp_path: Path) -> None:
    with started(packed, "moody", "--trust", log=tmp_path / "log", env={"MOODY_LOAD_S": "3"}) as live:
        assert eventually(lambda: listens(live))
        ready = live.get("/v2/health/ready")
        assert (ready.status, ready.json()["ready"]) == (503, False)
        assert "load" in ready.json()["error"]
        refused = live.post(ROW)
        assert (refused.status, refused.json()["type"]) == (503, "urn:daytwo:error:not-ready")
        assert refused.headers["retry-after"]
        assert eventually(lambda: live.get("/readyz").status == 200)
        assert live.post(ROW).json()["value"] == 8.0
        assert value(live, "daytwo_rejected_total", reason="not_ready") == 1.0


def test_examples_that_fail_keep_it_unready_and_alive(packed: Path, tmp_path: Path) -> None:
    with started(packed, "moody", "--trust", log=tmp_path / "log", env={"MOODY_FACTOR": "1.5"}) as live:
        assert eventually(lambda: listens(live) and "examples" in live.get("/readyz").json()["error"])
        ready = live.get("/v2/health/ready")
        assert (ready.status, ready.json()["ready"], ready.json()["live"]) == (503, False, True)
        assert "moody:1" in ready.json()["error"]
        assert live.post(ROW).status == 503
        assert value(live, "daytwo_ready") == 0.0
        assert "does not reproduce its own examples" in live.output()
        live.terminate()
        assert (live.process.returncode, live.left()) == (0, [])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_while_loading_ends_it_and_it_never_becomes_ready(packed: Path, tmp_path: Path, workers: str) -> None:
    arguments = ("moody", "--trust", "--workers", workers)
    env = {"MOODY_LOAD_S": "2"}
    with started(packed, *arguments, drain_delay=4.0, log=tmp_path / "log", env=env) as live:
        assert eventually(lambda: listens(live) if workers == "1" else len(live.left()) > 1, 20.0)
        live.process.send_signal(signal.SIGTERM)
        seen = set()
        while live.process.poll() is None:
            try:
                seen.add(live.get("/readyz").status)
            except (OSError, EOFError):
                break
            time.sleep(0.1)
        assert seen <= {503}
        live.process.wait(STOP_TIMEOUT_S)
        assert (live.process.returncode, live.left()) == (0, [])


@pytest.mark.parametrize("delay_s", [0.2, 0.6, 1.2])
def test_sigterm_at_any_moment_of_the_start_leaves_nothing(packed: Path, tmp_path: Path, delay_s: float) -> None:
    with started(packed, "iris", "--workers", "2", log=tmp_path / "log") as live:
        time.sleep(delay_s)
        live.terminate()
        assert eventually(lambda: live.left() == [], 5.0)


def test_a_port_that_is_taken_is_told_in_one_sentence(packed: Path, tmp_path: Path) -> None:
    with serving(packed, "iris", log=tmp_path / "first") as first:
        arguments = ("iris", "--port", str(first.port))
        with started(packed, *arguments, log=tmp_path / "second") as second:
            assert second.process.wait(STOP_TIMEOUT_S) == 3
        assert f":{first.port}" in second.output()
        assert "Traceback" not in second.output()
        assert first.post(SETOSA).status == 200


def test_the_default_model_is_the_first_and_others_have_their_paths(packed: Path, tmp_path: Path) -> None:
    with serving(packed, "iris", "line", log=tmp_path / "log") as live:
        assert live.post(SETOSA).json()["model"] == "iris"
        for path in ("/models/line/predict", "/models/line/versions/1/predict"):
            answer = live.post({"feature_vector": [3.0, 4.0]}, path)
            assert (answer.json()["model"], answer.json()["version"]) == ("line", "1")
            assert answer.json()["value"] == pytest.approx(3004.0)
