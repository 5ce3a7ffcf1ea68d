from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import onnx
import pytest
import skops.io
from skl2onnx import to_onnx

import models
from daytwo.errors import PackingError
from daytwo.packing.models import SUFFIXES, load_model


def answers(model: Any) -> list:
    """What a model answers for iris."""
    return model.predict(models.iris()[1]).tolist()


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("model.joblib", joblib.dump),
        ("model.joblib", lambda model, path: joblib.dump(model, path, compress=3)),
        ("model.pkl", lambda model, path: path.write_bytes(pickle.dumps(model))),
        ("model.pkl", lambda model, path: path.write_bytes(pickle.dumps(model, protocol=0))),
        ("model.pickle", lambda model, path: path.write_bytes(cloudpickle.dumps(model))),
        ("model.PKL", joblib.dump),
        ("model.skops", skops.io.dump),
    ],
)
def test_a_model_comes_back_from_its_file(tmp_path: Path, name: str, save: Any):
    model = models.iris()[0]
    save(model, tmp_path / name)
    found = load_model(tmp_path / name)
    assert answers(found.model) == answers(model)
    assert found.notes == ()


def test_skops_files_with_types_that_skops_does_not_trust_are_loaded_all_the_same(tmp_path: Path):
    skops.io.dump(models.cancer()[0], tmp_path / "forest.skops")
    assert load_model(tmp_path / "forest.skops").model.predict(models.cancer()[1][:1]).shape == (1,)


def test_onnx_files_are_model_protos(tmp_path: Path):
    X = models.iris()[1].astype(np.float32)
    onnx.save(to_onnx(models.iris()[0], X[:1]), tmp_path / "model.onnx")
    assert isinstance(load_model(tmp_path / "model.onnx").model, onnx.ModelProto)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.joblib", b"", "is empty"),
        ("model.txt", b"x", r"is no model file: known are \.joblib, \.pkl, \.pickle, \.skops, \.onnx"),
        ("model.pkl", b"\x80\x04\x95", "cannot be loaded as a model"),
        ("model.pkl", b"garbage", "cannot be loaded as a model"),
        ("model.joblib", pickle.dumps(models.plain_number()[0])[:-20], "cannot be loaded as a model"),
        ("model.pkl", b"<html>not found</html>", "is text, not a pickle"),
        ("model.pkl", b"version https://git-lfs.github.com/spec/v1\n", r"a pointer of Git LFS \(git lfs pull"),
        ("model.skops", b"garbage", "not a skops file: those are zip files"),
        ("model.onnx", b"garbage", "is not an ONNX model"),
        ("model.onnx", onnx.ModelProto(ir_version=8).SerializeToString(), "its graph has no output"),
        ("model.pkl", pickle.dumps([1, 2]), "holds an object of type list, not a model"),
        ("model.pkl", pickle.dumps({"a": 1}), "holds a dict with 'a', not a model$"),
    ],
)
def test_files_that_hold_no_model(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PackingError, match=message) as caught:
        load_model(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_paths_that_are_no_file(tmp_path: Path):
    with pytest.raises(PackingError, match="there is no file"):
        load_model(tmp_path / "model.pkl")
    with pytest.raises(PackingError, match="is a folder, not a model file"):
        load_model(tmp_path)


def test_a_zip_that_is_called_a_pickle(tmp_path: Path):
    skops.io.dump(models.iris()[0], tmp_path / "model.pkl")
    with pytest.raises(PackingError, match=r"is a zip file, not a pickle: is it a \.skops file"):
        load_model(tmp_path / "model.pkl")


def test_a_truncated_skops_file(tmp_path: Path):
    skops.io.dump(models.iris()[0], tmp_path / "model.skops")
    data = (tmp_path / "model.skops").read_bytes()
    (tmp_path / "model.skops").write_bytes(data[: len(data) // 2])
    with pytest.raises(PackingError, match="not a skops file"):
        load_model(tmp_path / "model.skops")


def test_a_dict_that_holds_a_model_says_which(tmp_path: Path):
    joblib.dump({"scaler": None, "clf": models.iris()[0]}, tmp_path / "model.joblib")
    with pytest.raises(PackingError, match="'scaler', 'clf', not a model; 'clf' is one: save it alone"):
        load_model(tmp_path / "model.joblib")


def test_a_library_that_is_absent_is_named(tmp_path: Path):
    (tmp_path / "model.pkl").write_bytes(b"cno_such_library.models\nModel\n.")
    with pytest.raises(PackingError, match="needs the module no_such_library, which is not installed"):
        load_model(tmp_path / "model.pkl")


def test_a_class_that_has_gone_from_its_library(tmp_path: Path):
    (tmp_path / "model.pkl").write_bytes(b"csklearn.linear_model\nOldRegression\n.")
    with pytest.raises(PackingError, match="saved with other versions of its libraries"):
        load_model(tmp_path / "model.pkl")


def test_code_that_lived_in_a_script_must_be_packed_there(tmp_path: Path):
    script = "import pickle\nclass M:\n    predict = None\npickle.dump(M(), open('model.pkl', 'wb'))"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    with pytest.raises(PackingError, match=r"lived in the notebook or script .* pack it there with daytwo\.pack"):
        load_model(tmp_path / "model.pkl")


def test_another_version_of_scikit_learn_becomes_one_note(tmp_path: Path):
    data = pickle.dumps(models.iris()[0])
    version = __import__("sklearn").__version__
    (tmp_path / "model.pkl").write_bytes(data.replace(version.encode(), b"0.9.9"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_model(tmp_path / "model.pkl").notes == (f"saved with scikit-learn 0.9.9, packed with {version}",)


def test_the_suffixes():
    assert set(SUFFIXES) == {".joblib", ".pkl", ".pickle", ".skops", ".onnx"}
