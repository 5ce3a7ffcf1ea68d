"""scikit-learn models, as they were fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import skops.io
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from daytwo.batch import Array, Batch
from daytwo.runtimes.feed import feeder
from daytwo.signature import Field, Signature

_SKOPS = "model.skops"
_PICKLE = "model.pkl"


class SklearnRuntime:
    """Estimators and pipelines: skops where all its types are trusted, else cloudpickle (which executes when loaded)."""

    name = "sklearn"
    packages = ("scikit-learn", "skops", "cloudpickle")

    def save(self, model: Any, folder: Path) -> None:
        """Write ``model.skops``, or ``model.pkl`` where skops cannot vouch for every type in the model."""
        data = _skops_bytes(model)
        if data is None:
            (folder / _PICKLE).write_bytes(cloudpickle.dumps(model))
        else:
            (folder / _SKOPS).write_bytes(data)

    def executes(self, folder: Path) -> str | None:
        """``a pickle`` where there is one, else None."""
        return "a pickle" if (folder / _PICKLE).exists() else None

    def load(self, folder: Path, signature: Signature, *, threads: int | None = None) -> SklearnModel:
        """The estimator; ``threads`` bounds ``n_jobs`` wherever it has one (None: 1, since a pool costs milliseconds)."""
        if (folder / _PICKLE).exists():
            estimator = cloudpickle.loads((folder / _PICKLE).read_bytes())
        else:
            estimator = skops.io.load(folder / _SKOPS)
        jobs = jobs_of(estimator)
        if jobs:
            estimator.set_params(**dict.fromkeys(jobs, threads or 1))
        return SklearnModel(estimator, signature)


class SklearnModel:
    """A fitted estimator that answers with the outputs of its signature."""

    releases_gil = True

    def __init__(self, estimator: Any, signature: Signature) -> None:
        self.estimator = estimator
        self._feed = feeder(signature)
        self._answer = answerer(estimator, signature.outputs)

    def predict(self, batch: Batch) -> Batch:
        """Every output of the signature, in its dtype."""
        return Batch.from_columns(self._answer(self._feed(batch)))


def answerer(estimator: Any, outputs: tuple[Field, ...]) -> Callable[[Any], Mapping[str, Array]]:
    """A function from what the estimator is fed with to its outputs by name."""
    wanted = {field.name: field for field in outputs}
    if {"class", "probabilities"} <= wanted.keys() and _argmax_decides(estimator):
        return lambda data: _from_probabilities(estimator, wanted, data)
    steps = [(field, _METHODS[field.name](estimator)) for field in outputs]
    return lambda data: {field.name: as_field(method(data), field) for field, method in steps}


def as_field(values: Any, field: Field) -> Array:
    """What scikit-learn returned, as the output field is stored: dense, in its dtype and shape (rows, \\*shape)."""
    if isinstance(values, list):  # a forest's probabilities for several outputs: one (rows, classes) for each
        values = np.stack(values, axis=1)
    if hasattr(values, "toarray"):
        values = values.toarray()
    array = np.asarray(values)
    return np.ascontiguousarray(array.astype(field.storage, copy=False)).reshape(len(array), *field.shape)


def _argmax_decides(estimator: Any) -> bool:
    """Forests decide by the largest mean probability, so one walk through the trees answers both questions."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return isinstance(last, RandomForestClassifier | ExtraTreesClassifier) and last.n_outputs_ == 1


def _from_probabilities(estimator: Any, wanted: Mapping[str, Field], data: Any) -> dict[str, Array]:
    probabilities = estimator.predict_proba(data)
    labels = estimator.classes_.take(np.argmax(probabilities, axis=1))
    answers = {"class": labels, "probabilities": probabilities}
    return {name: as_field(answers[name], field) for name, field in wanted.items()}


def _value_method(estimator: Any) -> Callable[[Any], Any]:
    method: Callable[[Any], Any] = getattr(estimator, "predict" if hasattr(estimator, "predict") else "transform")
    return method


def _probabilities_method(estimator: Any) -> Callable[[Any], Any]:
    classes = getattr(estimator, "classes_", None)

    def ask(data: Any) -> Any:
        answer = estimator.predict_proba(data)
        if isinstance(answer, list):
            return np.stack([_of_one(part, known) for part, known in zip(answer, classes or [], strict=True)], axis=1)
        return answer

    return ask


def _of_one(probabilities: Array, classes: Any) -> Array:
    """The probability of label 1, zero where the label was never seen in training."""
    known = list(classes)
    return probabilities[:, known.index(1)] if 1 in known else np.zeros(len(probabilities))


_METHODS: Mapping[str, Callable[[Any], Callable[[Any], Any]]] = {
    "class": lambda estimator: estimator.predict,
    "probabilities": _probabilities_method,
    "score": lambda estimator: estimator.decision_function,
    "value": _value_method,
}


def jobs_of(estimator: Any) -> dict[str, Any]:
    """Every ``n_jobs`` of an estimator and of what is inside it, by parameter."""
    if not isinstance(estimator, BaseEstimator):
        return {}
    return {name: value for name, value in estimator.get_params().items() if name.rpartition("__")[2] == "n_jobs"}


def _skops_bytes(model: Any) -> bytes | None:
    try:
        data = bytes(skops.io.dumps(model))
        return None if skops.io.get_untrusted_types(data=data) else data
    except Exception:  # noqa: BLE001  skops raises many kinds for what it cannot describe; a pickle answers them all
        return None
