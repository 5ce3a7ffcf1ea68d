"""A sound bundle passes; whatever is wrong with one is a finding and not a stack trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import daytwo
import models
from daytwo.api.check import check
from daytwo.bundle import environment
from daytwo.checks import CheckReport
from daytwo.errors import EnvironmentMismatch, UnknownReference

BUDGET_S = 0.001


def statuses(report: CheckReport) -> dict[tuple[str, str], str]:
    return {(finding.subject, finding.form): finding.status for finding in report.findings}


@pytest.mark.parametrize("trained", [models.iris, models.mixed, models.cancer], ids=lambda f: f.__name__)
def test_a_sound_bundle_passes_in_every_form(trained):
    model, X, y = trained()
    bundle = daytwo.pack(model, X, y, name="some")
    report = check("some", trust=True, budget_s=BUDGET_S)
    assert report.passed, str(report)
    assert (report.reference, report.digest) == ("some:1", bundle.digest)
    found = statuses(report)
    for form in ("onnx", "native"):
        assert found["environment", form] == found["examples", form] == "passed"
    assert found["parity", "onnx"] == found["bad input", ""] == "passed"
    assert {(cost.form, cost.rows) for cost in report.costs} == {
        ("onnx", 1), ("onnx", 1000), ("native", 1), ("native", 1000)
    }  # fmt: skip


def test_a_changed_file_is_found_and_nothing_is_loaded(registry: Path):
    model, X, y = models.iris()
    bundle = daytwo.pack(model, X, y, name="iris")
    file = next(bundle.native_path.iterdir())
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    report = check("iris")
    assert not report.passed
    assert statuses(report) == {("digests", ""): "failed"}
    assert file.name in report.findings[0].detail


class Doubler:
    """A model that nobody but pickle can save."""

    def predict(self, X):
        return [float(2 * row[0]) for row in X]


def test_a_pickle_that_must_serve_fails_without_trust_and_passes_with():
    daytwo.pack(Doubler(), [[1.0], [2.0], [3.5]], name="doubler")
    without = check("doubler", budget_s=BUDGET_S)
    assert not without.passed
    assert statuses(without)["environment", "native"] == "failed"
    assert "--trust" in str(without)
    assert check("doubler", trust=True, budget_s=BUDGET_S).passed


def test_evidence_that_was_refused_is_told_and_does_not_fail():
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="plain", compile="never")
    report = check("plain", trust=True, budget_s=BUDGET_S)
    assert report.passed
    assert ("parity", "onnx") not in statuses(report) or statuses(report)["parity", "onnx"] == "skipped"


@pytest.mark.parametrize(("compiled", "status"), [("auto", "skipped"), ("never", "failed")])
def test_what_the_original_needs_may_be_absent_where_the_compiled_form_serves(compiled, status: str, monkeypatch):
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="iris", compile=compiled)
    require = environment.require

    def without_sklearn(lock, runtime: str, *, executes: bool) -> None:
        if runtime == "sklearn":
            raise EnvironmentMismatch(["scikit-learn is not installed"], "install it")
        require(lock, runtime, executes=executes)

    monkeypatch.setattr(environment, "require", without_sklearn)
    report = check("iris", trust=True, budget_s=BUDGET_S)
    assert statuses(report)["environment", "native"] == status
    assert report.passed == (status == "skipped")


def test_what_differs_here_is_told(monkeypatch):
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="iris")
    monkeypatch.setattr(environment, "differences", lambda lock, part: ["numpy 1.0 instead of 2.0"])
    report = check("iris", trust=True, budget_s=BUDGET_S)
    assert report.passed
    assert "onnx loads here; numpy 1.0 instead of 2.0" in str(report)


def test_what_is_not_there_is_not_a_finding():
    with pytest.raises(UnknownReference):
        check("nobody")


def test_the_report_is_json():
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="iris")
    document = json.loads(json.dumps(check("iris", budget_s=BUDGET_S).to_json()))
    assert document["passed"] is True
