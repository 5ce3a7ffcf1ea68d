from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from bundles import FIELDS, fill, make
from daytwo.bundle import BundleWriter, open_bundle
from daytwo.bundle.write import timestamp
from daytwo.errors import InvalidName


def test_the_same_content_gives_the_same_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    one, other = open_bundle(make(tmp_path / "one")), open_bundle(make(tmp_path / "other"))
    assert one.manifest.created == "2023-11-14T22:13:20Z"
    assert one.digest == other.digest
    assert open_bundle(make(tmp_path / "third", version="2")).digest != one.digest


@pytest.mark.parametrize("epoch", ["", "soon", "-1", "1.5"])
def test_an_epoch_that_is_none_is_ignored(epoch: str):
    now = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert timestamp({"SOURCE_DATE_EPOCH": epoch}, now) == "2026-01-02T02:04:05Z"


def test_a_folder_that_holds_something_is_refused(tmp_path: Path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ValueError, match="is not empty"):
        BundleWriter(tmp_path)


@pytest.mark.parametrize("path", ["../out", "/out", "a/../../out", "manifest.json", "", "a//b"])
def test_nothing_is_written_outside(tmp_path: Path, path: str):
    writer = BundleWriter(tmp_path / "stage")
    for write in (
        lambda: writer.write_bytes(path, b""),
        lambda: writer.folder(path),
        lambda: writer.write_json(path, 1),
    ):
        with pytest.raises(ValueError, match="is not a path inside a bundle"):
            write()
    assert list(tmp_path.iterdir()) == [tmp_path / "stage"]


@pytest.mark.parametrize(
    ("name", "gone"),
    [("signature.json", "signature.json"), ("examples.npz", "examples.npz"), ("reference.json", "reference.json"),
     ("environment/lock.json", "environment/lock.json"), ("model/model.pkl", "model/")],
)  # fmt: skip
def test_what_is_not_whole_cannot_be_sealed(tmp_path: Path, name: str, gone: str):
    writer = fill(BundleWriter(tmp_path / "stage"))
    (writer.path / name).unlink()
    with pytest.raises(ValueError, match=f"a bundle is not whole without {gone}"):
        writer.seal("churn", "1", **FIELDS)
    assert not (writer.path / "manifest.json").exists()


def test_links_are_not_sealed(tmp_path: Path):
    writer = fill(BundleWriter(tmp_path / "stage"))
    (writer.path / "model/link").symlink_to("model.pkl")
    with pytest.raises(ValueError, match="model/link is not a plain file"):
        writer.seal("churn", "1", **FIELDS)


@pytest.mark.parametrize("name", ["", "Churn", "-churn", ".churn", "ch urn", "churn/eu", "a" * 65, "çhurn", "churn\n"])
def test_names_are_what_everything_else_can_use(tmp_path: Path, name: str):
    writer = fill(BundleWriter(tmp_path / "stage"))
    with pytest.raises(InvalidName, match="cannot be a model name"):
        writer.seal(name, "1", **FIELDS)


@pytest.mark.parametrize(
    "change", [{"metrics": {"auc": "good"}}, {"tags": {"n": 1}}, {"provenance": {"x": float("nan")}}]
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, change: dict[str, Any]):
    writer = fill(BundleWriter(tmp_path / "stage"))
    with pytest.raises((ValueError, TypeError)):
        writer.seal("churn", "1", **FIELDS | change)
    assert not (writer.path / "manifest.json").exists()


def test_sealing_again_sees_what_changed_in_between(tmp_path: Path):
    writer = fill(BundleWriter(tmp_path / "stage"))
    writer.seal("churn", "1", **FIELDS)
    writer.write_bytes("model/model.pkl", b"another model")
    writer.seal("churn", "2", **FIELDS)
    assert open_bundle(writer.path).version == "2"


def test_the_lock_is_written_for_people_and_for_pip(tmp_path: Path):
    bundle = make(tmp_path / "bundle")
    assert json.loads((bundle / "environment/lock.json").read_text()) == open_bundle(bundle).lock()
    for name, runtime in (("requirements.txt", "onnx"), ("requirements-native.txt", "sklearn")):
        lines = (bundle / "environment" / name).read_text().splitlines()
        assert lines[0] == f"# what serving this bundle with {runtime} needs, as it was packed on Python 3.11"
        assert lines[1:] == ["daytwo==0.1.0", "fastapi==0.115.0", "numpy==2.0.0"]
