"""Plain Python objects with a ``predict`` method, saved with cloudpickle: loading one always executes code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from daytwo.batch import Array, Batch
from daytwo.runtimes.feed import feeder
from daytwo.signature import Field, Signature

_PICKLE = "model.pkl"


class PythonRuntime:
    """Any object with ``predict(X)``, and ``predict_proba(X)`` where the signature has probabilities."""

    name = "python"
    packages = ("cloudpickle",)

    def save(self, model: Any, folder: Path) -> None:
        """Write ``model.pkl``. A class defined in a notebook or script travels inside it by value."""
        (folder / _PICKLE).write_bytes(cloudpickle.dumps(model))

    def executes(self, folder: Path) -> str:
        """Always ``a pickle``."""
        return "a pickle"

    def load(self, folder: Path, signature: Signature, *, threads: int | None = None) -> PythonModel:
        """The object; ``threads`` has no meaning here."""
        return PythonModel(cloudpickle.loads((folder / _PICKLE).read_bytes()), signature)


class PythonModel:
    """An object with ``predict`` that answers with the outputs of its signature."""

    releases_gil = False

    def __init__(self, model: Any, signature: Signature) -> None:
        self.model = model
        self._feed = feeder(signature)
        self._steps = [(field, getattr(model, _METHODS[field.name])) for field in signature.outputs]

    def predict(self, batch: Batch) -> Batch:
        """Every output of the signature, in its dtype and shape."""
        data = self._feed(batch)
        return Batch.from_columns({field.name: _as_field(ask(data), field, batch.rows) for field, ask in self._steps})


_METHODS = {
    "class": "predict",
    "value": "predict",
    "probabilities": "predict_proba",
    "score": "decision_function",
}


def _as_field(values: Any, field: Field, rows: int) -> Array:
    array = np.asarray(values).astype(field.storage, copy=False)
    if array.shape != (rows, *field.shape) and array.size != rows * int(np.prod(field.shape, initial=1)):
        raise ValueError(f"{field.name} has shape {list(array.shape)}, expected {[rows, *field.shape]}")
    return array.reshape(rows, *field.shape)
