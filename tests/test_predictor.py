from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from daytwo import _plugins
from daytwo.batch import Batch
from daytwo.bundle import Bundle, Evidence, Examples, open_bundle, place, staged
from daytwo.bundle.environment import python_minor
from daytwo.errors import (
    CorruptBundle,
    EnvironmentMismatch,
    ExamplesFailed,
    InvalidInput,
    PredictionFailed,
    TrustRequired,
    UnknownReference,
)
from daytwo.predictor import Predictor
from daytwo.runtimes.python import PythonRuntime
from daytwo.signature import Field, Signature

SIGNATURE = Signature(
    (Field("a", "float64"), Field("b", "float64")), (Field("value", "float64"),), array_dtype="float64"
)
INPUTS = Batch.from_matrix(("a", "b"), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
PYTHON = {"runtime": "python", "requires": ["cloudpickle"], "packages": {"cloudpickle": version("cloudpickle")}}


class Line:
    """10·a + b, and one more for each row that came together, should it be told to."""

    def __init__(self, company: float = 0.0) -> None:
        self.company = company

    def predict(self, X: Any) -> Any:
        return X @ np.array([10.0, 1.0]) + self.company * len(X)


class Raises:
    def predict(self, X: Any) -> Any:
        raise ArithmeticError("the line is broken\nfor good")


class Odd:
    """A runtime of somebody else: its model answers with a constant, and it says of itself what it executes."""

    name = "odd"
    said: str | None = None
    wrong: Exception | None = None

    def executes(self, folder: Path) -> str | None:
        return self.said

    def load(self, folder: Path, signature: Signature, *, threads: int | None = None) -> Any:
        if self.wrong is not None:
            raise self.wrong
        answer = float((folder / "answer").read_text())
        return type("Model", (), {"predict": lambda _, b: Batch.from_columns({"value": np.full(b.rows, answer)})})()


def pack(folder: Path, model: Any, *, compiled: bool = False, outputs: Any = None, python: str | None = None) -> Bundle:
    """A bundle of ``model``, whose examples are those of a line; with a compiled form that always answers 7."""
    values = INPUTS.matrix @ np.array([10.0, 1.0]) if outputs is None else np.array(outputs)
    lock = {"python": python or python_minor(), "serve": PYTHON, "daytwo": {"version": "0", "packages": {}}}
    with staged(folder) as writer:
        writer.write_signature(SIGNATURE)
        writer.write_examples(Examples(INPUTS, Batch.from_columns({"value": values})))
        writer.write_reference({"rows": 3})
        writer.write_lock(lock)
        PythonRuntime().save(model, writer.folder("model"))
        if compiled:
            writer.write_bytes("compiled/odd/answer", b"7")
        evidence = (Evidence("odd", accepted=True, rows=3),) if compiled else ()
        writer.seal("line", "3", task="regression", runtime="python", compiled=evidence,
                    executes={"model/model.pkl": "a pickle"}, rows=3)  # fmt: skip
        place(writer, folder / "bundle")
    return open_bundle(folder / "bundle")


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> type[Odd]:
    real = _plugins.runtime
    monkeypatch.setattr(_plugins, "runtime", lambda name: Odd if name == "odd" else real(name))
    monkeypatch.setattr(Odd, "said", None)
    return Odd


def test_a_bundle_predicts(tmp_path: Path):
    predictor = Predictor.load(pack(tmp_path, Line()), trust=True)
    assert (predictor.reference, predictor.runtime, predictor.signature) == ("line:3", "python", SIGNATURE)
    assert predictor.predict({"b": [2, 4], "a": [1, 3]})["value"].tolist() == [12.0, 34.0]


@pytest.mark.parametrize(
    "raw",
    [
        [{"a": 1, "b": 2}],
        [[1, 2]],
        np.array([[1, 2]]),
        pd.DataFrame({"b": [2], "a": [1]}),
        pl.DataFrame({"b": [2], "a": [1]}),
        INPUTS.take(slice(0, 1)),
    ],
    ids=lambda raw: type(raw).__name__,
)
def test_predict_is_conform_and_run(raw: Any):
    predictor = Predictor(_model(Line()), SIGNATURE, name="line", version="3", runtime="python")
    batch = predictor.conform(raw)
    assert batch.matrix is not None
    assert predictor.run(batch)["value"].tolist() == predictor.predict(raw)["value"].tolist() == [12.0]


def _model(model: Any) -> Any:
    def predict(batch: Batch) -> Batch:
        return Batch.from_columns({"value": model.predict(batch.matrix)})

    return type("Model", (), {"predict": staticmethod(predict)})()


def test_what_does_not_fit_never_reaches_the_model():
    predictor = Predictor(_model(Raises()), SIGNATURE, name="line", version="3", runtime="python")
    with pytest.raises(InvalidInput, match=r"^a: expected a finite number, got 'x'$"):
        predictor.predict({"a": ["x"], "b": [1]})


def test_a_model_that_raises_is_told_by_its_name(tmp_path: Path):
    predictor = Predictor.load(pack(tmp_path, Raises()), trust=True)
    with pytest.raises(
        PredictionFailed, match=r"^line:3 failed on this input: ArithmeticError: the line is broken$"
    ) as caught:
        predictor.predict([[1, 2]])
    assert isinstance(caught.value.__cause__, ArithmeticError)
    with pytest.raises(PredictionFailed):
        predictor.check_examples()


# -- which form ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "chosen"), [("auto", "odd"), ("odd", "odd"), ("native", "python"), ("python", "python")]
)
def test_a_proven_form_is_taken_unless_another_is_asked_for(tmp_path: Path, odd: type[Odd], asked: str, chosen: str):
    predictor = Predictor.load(pack(tmp_path, Line(), compiled=True), trust=True, runtime=asked)
    assert predictor.runtime == chosen
    assert predictor.predict([[1, 2]])["value"].tolist() == [7.0 if chosen == "odd" else 12.0]


def test_a_form_that_is_not_there_is_told_with_those_that_are(tmp_path: Path):
    bundle = pack(tmp_path, Line(), compiled=True)
    with pytest.raises(UnknownReference, match=r"'line:3 as onnx': this bundle holds: native, odd"):
        Predictor.load(bundle, trust=True, runtime="onnx")


# -- trust ---------------------------------------------------------------------------------------------------------


def test_what_executes_is_not_loaded_without_trust(tmp_path: Path):
    bundle = pack(tmp_path, Line())
    for refuse in (Predictor.load, Predictor.require):
        with pytest.raises(TrustRequired, match="line:3 holds a pickle, which runs code"):
            refuse(bundle)
    assert Predictor.require(bundle, trust=True) == ("python", bundle.path / "model")


def test_what_only_reads_data_needs_no_trust_though_its_original_would(tmp_path: Path, odd: type[Odd]):
    bundle = pack(tmp_path, Line(), compiled=True)
    assert Predictor.load(bundle).runtime == "odd"
    with pytest.raises(TrustRequired):
        Predictor.load(bundle, runtime="native")


def test_a_runtime_that_says_more_than_the_manifest_is_believed(tmp_path: Path, odd: type[Odd]):
    odd.said = "a script"
    bundle = pack(tmp_path, Line(), compiled=True)
    with pytest.raises(TrustRequired, match="holds a script"):
        Predictor.load(bundle)
    assert Predictor.load(bundle, trust=True).runtime == "odd"


# -- what can go wrong ---------------------------------------------------------------------------------------------


def test_another_python_is_no_place_for_a_pickle(tmp_path: Path):
    with pytest.raises(EnvironmentMismatch, match=r"a pickle of Python 2\.7"):
        Predictor.load(pack(tmp_path, Line(), python="2.7"), trust=True)


@pytest.mark.parametrize(
    ("wrong", "raised"),
    [(ValueError("bad magic"), CorruptBundle), (ModuleNotFoundError("x"), ModuleNotFoundError), (MemoryError(), MemoryError)],
)  # fmt: skip
def test_a_model_that_does_not_load(
    tmp_path: Path, odd: type[Odd], monkeypatch: pytest.MonkeyPatch, wrong: Exception, raised: type[Exception]
):
    monkeypatch.setattr(odd, "wrong", wrong)
    with pytest.raises(raised) as caught:
        Predictor.load(pack(tmp_path, Line(), compiled=True))
    if raised is CorruptBundle:
        assert "its odd model cannot be loaded (ValueError)" in str(caught.value)


# -- its own test --------------------------------------------------------------------------------------------------


def test_examples_that_come_out_are_counted(tmp_path: Path):
    assert Predictor.load(pack(tmp_path, Line()), trust=True).check_examples() == 3


def test_examples_that_do_not_come_out_fail(tmp_path: Path):
    predictor = Predictor.load(pack(tmp_path, Line(), outputs=[12.0, 34.0, 57.0]), trust=True)
    with pytest.raises(ExamplesFailed, match=r"^line:3 does not reproduce its own examples: row 2: value") as caught:
        predictor.check_examples()
    assert len(caught.value.failures) == 1


def test_a_row_must_come_out_alone_as_it_does_in_company(tmp_path: Path):
    together = [12.0 + 0.3, 34.0 + 0.3, 56.0 + 0.3]
    predictor = Predictor.load(pack(tmp_path, Line(company=0.1), outputs=together), trust=True)
    with pytest.raises(ExamplesFailed, match="value"):
        predictor.check_examples()


def test_what_was_never_packed_has_no_examples():
    predictor = Predictor(_model(Line()), SIGNATURE, name="line", version="0", runtime="python")
    assert predictor.check_examples() == 0


@pytest.mark.parametrize("threads", [None, 1, 4])
def test_the_limit_of_threads_reaches_the_runtime(
    tmp_path: Path, odd: type[Odd], monkeypatch: pytest.MonkeyPatch, threads: int | None
):
    told: list[int | None] = []
    load: Callable[..., Any] = Odd.load
    monkeypatch.setattr(
        odd,
        "load",
        lambda self, folder, signature, *, threads: (told.append(threads), load(self, folder, signature))[1],
    )
    Predictor.load(pack(tmp_path, Line(), compiled=True), threads=threads)
    assert told == [threads]
