from __future__ import annotations

import os
from pathlib import Path

import pytest
import rich.console

import daytwo
import models
from daytwo import _plugins
from daytwo.bundle import open_bundle
from daytwo.errors import BundleError, InvalidName, OutsideFailure, PackingError
from daytwo.registry.local import LocalRegistry


def test_each_call_is_the_next_version(registry: Path):
    first = daytwo.pack(*models.iris(), name="iris", compile="never")
    second = daytwo.pack(*models.iris(), name="iris", compile="never", registry=registry)
    assert [first.reference, second.reference] == ["iris:1", "iris:2"]
    assert first.path == registry / "iris" / "1"
    assert LocalRegistry(registry).open("iris").digest == second.digest
    assert "iris" in second._repr_html_()


def test_a_bundle_in_a_folder_of_ones_own(tmp_path: Path):
    bundle = daytwo.pack(*models.iris(), name="iris", compile="never", output=tmp_path / "deep" / "bundle")
    assert bundle.path == tmp_path / "deep" / "bundle"
    assert bundle.reference == "iris:1"
    assert open_bundle(bundle.path).digest == bundle.digest
    with pytest.raises(BundleError, match="exists, and a bundle never overwrites"):
        daytwo.pack(*models.iris(), name="iris", output=bundle.path)
    with pytest.raises(PackingError, match="exclude each other"):
        daytwo.pack(*models.iris(), name="iris", output=tmp_path / "other", registry=tmp_path)


def test_what_is_being_done_is_told():
    told: list[str] = []
    daytwo.pack(*models.iris(), name="iris", progress=told.append)
    assert told[0] == "asking the model"
    assert told[-1] == "proving the bundle"
    assert len(told) >= 7


def test_nothing_is_printed_where_nobody_watches(capfd: pytest.CaptureFixture[str]):
    daytwo.pack(*models.iris(), name="iris", compile="never")
    assert capfd.readouterr() == ("", "")


class Line:
    """Where a notebook shows a line that can change."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, html: str) -> None:
        self.shown.append(html)


def test_in_a_notebook_a_line_tells_it_and_ends_empty(monkeypatch: pytest.MonkeyPatch):
    line = Line()
    fakes = {"IPython.display:display": lambda *_, **__: line, "IPython.display:HTML": str}
    real = _plugins.load
    monkeypatch.setattr(_plugins, "load", lambda target, purpose: fakes.get(target) or real(target, purpose))
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    daytwo.pack(*models.iris(), name="iris", compile="never")
    assert line.shown[0] == "<i>packing: asking the model</i>"
    assert line.shown[-1] == ""


def test_on_a_terminal_a_line_tells_it_and_goes_away(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(rich.console.Console, "is_terminal", True)
    daytwo.pack(*models.iris(), name="iris", compile="never")
    out, err = capfd.readouterr()
    assert out == ""
    assert "packing" in err


def test_a_bad_name_is_refused_before_any_work():
    with pytest.raises(InvalidName):
        daytwo.pack(None, None, name="No Name")


def test_what_fails_leaves_no_version_behind(registry: Path):
    model, X, _ = models.iris()
    with pytest.raises(PackingError, match="X has 150 rows, y has 2"):
        daytwo.pack(model, X, [1, 2], name="iris")
    assert LocalRegistry(registry).list() == ()
    assert [path for path in registry.rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_a_registry_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideFailure):
        daytwo.pack(*models.iris(), name="iris", registry=tmp_path / "file")


def test_the_same_work_gives_the_same_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    # A pickle, for skops writes the time of day into its files.
    one, two = (daytwo.pack(*models.plain(), name="plain", registry=tmp_path / folder) for folder in "ab")
    assert one.digest == two.digest
    assert one.manifest.created == "1970-01-01T00:00:00Z"
    assert os.fspath(tmp_path) not in (one.path / "manifest.json").read_text()
