"""A report passes when nothing failed, and says in JSON what it says in words."""

from __future__ import annotations

import json

from daytwo.checks import CheckReport, Finding
from daytwo.checks.cost import Cost


def test_what_is_skipped_does_not_fail():
    skipped = Finding("parity", "skipped", "the original was not loaded")
    assert CheckReport("a:1", "sha256:0", (skipped,)).passed
    assert not CheckReport("a:1", "sha256:0", (skipped, Finding.of("digests", ["one", "two"], ""))).passed


def test_a_failure_shows_the_first_and_counts_the_rest():
    finding = Finding.of("examples", ["row 0", "row 1", "row 2"], "all well", "onnx")
    assert (finding.status, finding.detail) == ("failed", "row 0 (and 2 more)")
    assert finding.lines == ("row 0", "row 1", "row 2")


def test_a_report_is_json():
    report = CheckReport("a:1", "sha256:0", (Finding.of("digests", [], "5 files"),), (Cost("onnx", 2, 9, 0.5, 0.75),))
    document = json.loads(json.dumps(report.to_json()))
    assert document["passed"] is True
    assert document["costs"][0]["per_row_s"] == 0.25
    assert "digests" in str(report)
    assert "a:1 is sound" in str(report)
