from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from bundles import forge_file, make
from daytwo.bundle import Evidence, open_bundle
from daytwo.errors import CorruptBundle, OutsideFailure

REFUSED = Evidence("treelite", accepted=False, reason="3 rows changed their label")


def test_a_bundle_tells_what_it_is(tmp_path: Path):
    bundle = open_bundle(make(tmp_path / "bundle", version="3"))
    assert (bundle.name, bundle.version, bundle.reference) == ("churn", "3", "churn:3")
    assert repr(bundle) == f"<Bundle churn:3: classification on onnx or sklearn, {bundle.digest[:19]}, {bundle.path}>"
    assert bundle.drift_reference() == {"rows": 100}
    assert bundle.examples().rows == 3


def test_only_what_was_accepted_serves(tmp_path: Path):
    accepted = Evidence("onnx", accepted=True)
    bundle = open_bundle(make(tmp_path / "bundle", compiled=(REFUSED, accepted)))
    assert bundle.runtimes == ("onnx", "sklearn")
    assert bundle.compiled_path("onnx") == bundle.path / "compiled/onnx"
    assert bundle.compiled_path("treelite") is None
    assert bundle.compiled_path("nothing") is None
    assert bundle.native_path == bundle.path / "model"


@pytest.mark.parametrize(
    ("said", "executes"),
    [
        ({"model/model.pkl": "a pickle"}, (("model/model.pkl", "a pickle"),)),
        ({"model": "a pickle"}, (("model", "a pickle"),)),
        ({"model/": "code"}, (("model/", "code"),)),
        ({}, (("model/model.pkl", "a pickle"),)),  # whatever the manifest says or leaves out
        ({"mod": "code"}, (("mod", "code"), ("model/model.pkl", "a pickle"))),
    ],
)
def test_what_would_be_executed_is_known_before_it_is(
    tmp_path: Path, said: dict[str, str], executes: tuple[tuple[str, str], ...]
):
    assert open_bundle(make(tmp_path / "bundle", executes=said)).would_execute() == executes


@pytest.mark.parametrize("name", ["reference.json", "environment/lock.json"])
def test_a_document_that_is_none_is_corrupt_when_it_is_asked_for(tmp_path: Path, name: str):
    forge_file(make(tmp_path / "bundle"), name, b"[1]")
    bundle = open_bundle(tmp_path / "bundle")
    with pytest.raises(CorruptBundle, match=f"{name} should be an object, not a list"):
        bundle.drift_reference() if name == "reference.json" else bundle.lock()


def test_a_file_that_goes_away_afterwards_is_a_failure_outside(tmp_path: Path):
    bundle = open_bundle(make(tmp_path / "bundle"))
    (bundle.path / "examples.npz").unlink()
    with pytest.raises(OutsideFailure, match=r"reading the bundle .* failed: No such file"):
        bundle.examples()


class Reader(HTMLParser):
    """The text and the tags of some HTML; every tag that is opened must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style"}
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_notebook_shows_what_matters(tmp_path: Path):
    bundle = open_bundle(make(tmp_path / "bundle", compiled=(Evidence("onnx", accepted=True, rows=1234), REFUSED)))
    shown = Reader(bundle._repr_html_())
    for words in (
        "churn:1", bundle.digest, "classification", "accuracy", "0.93", "age", "int64", "18 … 92", "'basic', 'pro'",
        "may be missing", "✓ proven equal", "1,234 rows", "✗ refused", "3 rows changed their label", "fallback",
        "model/model.pkl", "executes a pickle", "→ class", "stayed", "tag team", "growth",
    ):  # fmt: skip
        assert words in shown.text, words
    assert shown.tags <= {"div", "span", "table", "tr", "th", "td", "b"}


def test_a_notebook_warns_of_what_would_be_executed(tmp_path: Path):
    shown = Reader(open_bundle(make(tmp_path / "bundle", compiled=(REFUSED,)))._repr_html_())
    assert "⚠ loading model/model.pkl executes a pickle: it needs trust" in shown.text


def test_a_notebook_runs_nothing_of_what_a_bundle_says(tmp_path: Path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"' &amp;"
    fields = {
        "task": evil, "metrics": {evil: 1.0}, "tags": {evil: evil}, "executes": {evil: evil},
        "provenance": {"git": {"commit": evil, "dirty": evil}, "notebook": evil, "python": [evil]},
        "compiled": (Evidence("onnx", accepted=False, reason=evil),), "created": evil, "runtime": evil,
    }  # fmt: skip
    bundle = open_bundle(make(tmp_path / "bundle", **fields))
    shown = Reader(bundle._repr_html_())
    assert shown.tags <= {"div", "span", "table", "tr", "th", "td", "b"}
    assert evil in shown.text


def test_a_notebook_shows_a_bundle_whose_examples_are_gone(tmp_path: Path):
    bundle = open_bundle(make(tmp_path / "bundle"))
    (bundle.path / "examples.npz").unlink()
    assert "Examples" not in bundle._repr_html_()
