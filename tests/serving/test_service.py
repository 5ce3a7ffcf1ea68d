from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daytwo.batch import Batch
from daytwo.errors import ExamplesFailed
from daytwo.predictor import Predictor
from daytwo.serving.service import Served
from serving.service import Line, served, service, value


def failing() -> Served:
    def load() -> Predictor:
        raise ExamplesFailed("line:1", ["row 3: value expected 1.0, got 2.0"])

    return replace(served(), load=load)


def test_a_service_starts_becomes_ready_and_drains() -> None:
    made = service(load=False)
    assert (made.ready, made.serving, made.reason) == (False, False, "the models are being loaded")
    assert made.load()
    assert (made.ready, made.serving, made.reason) == (True, True, "")
    made.drain()
    assert (made.ready, made.serving, made.reason) == (False, True, "the server is shutting down")
    made.close()


def test_a_model_that_fails_its_examples_keeps_the_server_up_unready_and_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = service(served(name="good"), failing(), load=False)
    assert not made.load()
    assert not made.serving
    assert "row 3: value expected 1.0, got 2.0" in made.reason
    assert made.reason in caplog.text


def test_a_model_that_cannot_answer_its_own_rows_is_not_served() -> None:
    def refuse(batch: Batch) -> None:
        raise RuntimeError("no such column")

    made = service(served(Line(refuse)))
    assert "no such column" in made.reason
    assert not made.ready


def test_draining_before_the_models_are_there_does_not_end_in_ready() -> None:
    made = service(load=False)
    made.drain()
    made.load()
    assert not made.ready


def test_metrics_are_text_that_prometheus_reads() -> None:
    made = service()
    families = {f.name: f for f in text_string_to_metric_families(made.render_metrics().decode())}
    assert families["daytwo_ready"].samples[0].value == 1
    info = families["daytwo_model_info"].samples[0].labels
    assert (info["model"], info["version"], info["runtime"]) == ("line", "1", "python")
    assert value(made.instruments, "daytwo_ready") == 1


def test_the_example_is_what_the_model_is_warmed_up_with() -> None:
    seen: list[Batch] = []
    service(served(Line(seen.append)))
    assert {row for batch in seen for row in map(tuple, batch.matrix.tolist())} == {(1.0, 2.0), (3.0, 4.0)}  # type: ignore[union-attr]
