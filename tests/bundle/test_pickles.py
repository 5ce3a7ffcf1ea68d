from __future__ import annotations

import collections
import fractions
import pickle
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from daytwo.bundle.pickles import modules_in, modules_of


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_modules_are_seen_in_every_protocol(protocol: int):
    half, counts = fractions.Fraction(1, 2), collections.Counter("aab")
    data = pickle.dumps([half, half, "decimal", counts, {"x": np.zeros(2)}], protocol)
    seen = modules_of(data)
    assert {"fractions", "collections"} <= seen
    assert "decimal" not in seen
    assert {name.partition(".")[0] for name in seen} <= {
        "fractions",
        "collections",
        "numpy",
        "copyreg",
        "_codecs",
        "__builtin__",
        "builtins",
    }


def test_an_estimators_modules_are_seen():
    seen = {name.partition(".")[0] for name in modules_of(cloudpickle.dumps(LogisticRegression()))}
    assert seen == {"sklearn"}


def test_modules_that_a_function_uses_are_seen():
    model = make_pipeline(FunctionTransformer(lambda x: np.log1p(x) * fractions.Fraction(1, 2)))
    seen = {name.partition(".")[0] for name in modules_of(cloudpickle.dumps(model))}
    assert {"sklearn", "numpy", "fractions", "cloudpickle"} <= seen


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("executed",))


def test_looking_executes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/model.pkl").write_bytes(pickle.dumps(Evil()))
    (tmp_path / "other.onnx").write_bytes(b"no pickle")
    assert modules_in(tmp_path) == {"builtins"}
    assert capsys.readouterr().out == ""
