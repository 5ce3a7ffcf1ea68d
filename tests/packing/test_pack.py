from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import models
from daytwo.bundle import BundleWriter, open_bundle, staged
from daytwo.errors import CompileFailed, DaytwoError, PackingError
from daytwo.monitoring import Counts
from daytwo.packing import pack
from daytwo.packing.pack import Built, Options, build
from daytwo.predictor import Predictor


def filled(writer: BundleWriter, model: Any, X: Any, y: Any, **options: Any) -> Built:
    """A bundle filled from a model."""
    return build(
        writer, model, X, y, name="m", options=Options(**options), folder=Path("/"), tell=lambda _: None
    )  # fmt: skip


@pytest.fixture
def writer(tmp_path: Path):
    """Where a bundle is filled."""
    with staged(tmp_path / "stage") as writer:
        yield writer


@pytest.mark.parametrize("name", models.ALL)
def test_every_kind_of_model_becomes_a_bundle_that_answers_as_it_does(writer: BundleWriter, name: str):
    model, X, y = models.ALL[name]()
    built = filled(writer, model, X, y)
    built.seal(writer, "m", "1")
    bundle = open_bundle(writer.path)
    first = bundle.signature.outputs[0].name
    expected = model.predict(X) if hasattr(model, "predict") else model.transform(X)
    for runtime in bundle.runtimes:
        predictor = Predictor.load(bundle, trust=True, runtime=runtime)
        assert predictor.check_examples() >= 32
        answer = predictor.predict(X)[first]
        if answer.dtype.kind == "f":
            np.testing.assert_allclose(answer, expected, rtol=1e-6, atol=1e-6)
        else:
            assert answer.tolist() == np.asarray(expected).tolist()
    assert Counts.from_json(bundle.drift_reference()).of(bundle.signature.names[0], "input").sum() == len(X)
    assert bundle.manifest.rows == len(X)


def test_what_would_execute_is_said(writer: BundleWriter):
    assert filled(writer, *models.plain()).executes == {"model/model.pkl": "a pickle"}


def test_a_model_that_skops_vouches_for_executes_nothing(writer: BundleWriter):
    assert filled(writer, *models.regression()).executes == {}


def test_provenance_says_what_was_packed_and_with_what(writer: BundleWriter):
    built = filled(writer, *models.iris(), notes=("a note",))
    assert built.provenance["model"] == "StandardScaler, LogisticRegression"
    assert built.provenance["notes"] == ["a note"]
    assert "scikit-learn" in built.provenance["packages"]
    assert "git" not in built.provenance


def test_metrics_say_what_they_were_measured_on(writer: BundleWriter):
    built = filled(writer, *models.iris(), metrics={"accuracy": 0.5, "own": 1}, evaluated_on="a held-out month")
    assert built.metrics["accuracy"] == 0.5
    assert built.metrics["own"] == 1.0
    assert built.metrics["log_loss"] > 0
    assert built.tags == {"evaluated_on": "a held-out month"}


def test_without_metrics_there_is_nothing_to_say_of_them(writer: BundleWriter):
    built = filled(writer, *models.transformer(), tags={"team": "a"})
    assert built.metrics == {}
    assert built.tags == {"team": "a"}


def test_the_lock_is_of_the_form_that_serves_and_of_the_original(writer: BundleWriter):
    filled(writer, *models.iris())
    lock = open_bundle(writer.path).lock()
    assert (lock["serve"]["runtime"], lock["native"]["runtime"]) == ("onnx", "sklearn")
    assert "scikit-learn" not in lock["serve"]["packages"]


@pytest.mark.parametrize(
    ("name", "mode", "runtimes"),
    [("iris", "never", ("sklearn",)), ("iris", "require", ("onnx", "sklearn")), ("plain", "auto", ("python",))],
)
def test_modes_of_compiling(writer: BundleWriter, name: str, mode: Any, runtimes: tuple[str, ...]):
    built = filled(writer, *models.ALL[name](), compile=mode)
    assert open_bundle(writer.path).runtimes == runtimes
    assert len(built.compiled) == (0 if mode == "never" else 1)


def test_a_plain_object_cannot_be_required_to_compile(writer: BundleWriter):
    with pytest.raises(CompileFailed, match="Threshold is a plain Python object"):
        filled(writer, *models.plain(), compile="require")


def test_packing_leaves_the_model_as_it_was(writer: BundleWriter):
    model, X, y = models.cancer(trees=3)
    before = {name: repr(value) for name, value in model.get_params().items()}
    filled(writer, model, X, y)
    assert {name: repr(value) for name, value in model.get_params().items()} == before


def test_code_from_here_travels_inside(writer: BundleWriter):
    X = np.arange(40.0).reshape(20, 2)
    model = make_pipeline(FunctionTransformer(lambda data: data * 2), LinearRegression()).fit(X, X[:, 0])
    assert list(filled(writer, model, X, None).executes.values()) == ["a pickle"]


class Locked:
    """A model that cannot be pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


def test_a_model_that_cannot_be_saved(writer: BundleWriter):
    with pytest.raises(PackingError, match=r"Locked cannot be saved: TypeError: cannot pickle '_thread\.lock'"):
        filled(writer, Locked(), models.iris()[1], None)


class Forgetful:
    """A model that is not itself when it comes back."""

    def __init__(self) -> None:
        self.offset = 1.0

    def __getstate__(self) -> dict[str, float]:
        return {"offset": 0.0}

    def predict(self, X: Any) -> Any:
        return np.asarray(X).sum(axis=1) + self.offset


def test_a_model_that_comes_back_as_another_is_caught(writer: BundleWriter):
    with pytest.raises(
        PackingError, match=r"what was packed does not answer as the model does: .* row 0: value expected"
    ):
        filled(writer, Forgetful(), models.iris()[1], None)


class Moody:
    """A model that answers a number of rows it feels like."""

    def predict(self, X: Any) -> Any:
        return np.asarray(X)[: len(X) // 2, 0] if len(X) < 150 else np.asarray(X)[:, 0]


def test_a_model_that_fails_on_fewer_rows_is_caught(writer: BundleWriter):
    with pytest.raises(PackingError, match="what was packed does not answer as the model does"):
        filled(writer, Moody(), models.iris()[1], None)


@pytest.mark.parametrize("step", ["reference", "lock", "choose", "compile_model", "open_bundle"])
def test_whatever_fails_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str):
    def fail(*_: Any, **__: Any) -> None:
        raise PackingError("no")

    monkeypatch.setattr(pack, step, fail)
    with pytest.raises(DaytwoError, match="no"), staged(tmp_path) as writer:
        filled(writer, *models.iris())
    assert list(tmp_path.iterdir()) == []
