"""ONNX models through onnxruntime. Loading one reads data and executes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from daytwo.batch import Array, Batch
from daytwo.runtimes._ort import ort
from daytwo.runtimes._wiring import MISSING_TEXT, Wiring, guarded, session_feeder, wire
from daytwo.signature import Field, Signature

__all__ = ["MISSING_TEXT", "OnnxModel", "OnnxRuntime", "Wiring", "open_session", "wire"]

MODEL_FILE = "model.onnx"
IO_FILE = "io.json"


class OnnxRuntime:
    """ONNX models. A folder without ``io.json`` (a model that came as ONNX) is wired by names, types and order."""

    name = "onnx"
    packages = ("onnxruntime",)

    def save(self, model: Any, folder: Path, *, wiring: Wiring | None = None) -> None:
        """Write ``model.onnx`` from a ModelProto, its bytes or a path, and ``io.json`` where a ``wiring`` is given."""
        if hasattr(model, "SerializeToString"):
            model = model.SerializeToString()
        data = bytes(model) if isinstance(model, bytes | bytearray) else Path(model).read_bytes()
        (folder / MODEL_FILE).write_bytes(data)
        if wiring is not None:
            (folder / IO_FILE).write_text(json.dumps(wiring.to_json(), indent=1) + "\n", encoding="utf-8")

    def executes(self, folder: Path) -> None:
        """Always None: an ONNX file is data."""

    def load(self, folder: Path, signature: Signature, *, threads: int | None = None) -> OnnxModel:
        """The model; ``threads`` per call (None: 1, which for small batches is fastest and sums in a fixed order)."""
        session = open_session(str(folder / MODEL_FILE), threads)
        file = folder / IO_FILE
        wiring = Wiring.from_json(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
        return OnnxModel(session, signature, wiring or wire(session, signature))


class OnnxModel:
    """A session, and the shortest way from a Batch to its inputs and from its outputs to a Batch."""

    releases_gil = True

    def __init__(self, session: ort.InferenceSession, signature: Signature, wiring: Wiring) -> None:
        self.session = session
        feed = session_feeder(session, signature, wiring)
        self._feed = feed if wiring.limit is None else guarded(feed, wiring)
        self._run = session.run
        self._names = tuple(field.name for field in signature.outputs)
        self._tensors = [wiring.outputs[name] for name in self._names]
        self._finish = [_finisher(field, field.name in wiring.indexed) for field in signature.outputs]
        if wiring.nan_refused:
            self._finish = [_numbers_only(finish, self._names[i]) for i, finish in enumerate(self._finish)]

    def predict(self, batch: Batch) -> Batch:
        """Every output of the signature, in its dtype and shape."""
        rows = batch.rows
        values = self._run(self._tensors, self._feed(batch))
        columns = {
            name: finish(value, rows) for name, finish, value in zip(self._names, self._finish, values, strict=True)
        }
        return Batch(self._names, rows, columns, None)


def open_session(model: str | bytes, threads: int | None = None) -> ort.InferenceSession:
    """An optimised CPU session that prints nothing; ``threads`` per call (None: 1)."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a server's cores have better to do
    # This optimisation keeps a double factor as a float32 attribute: an error of 1e-8 that nobody asked for.
    rounding = ["MatMulScaleFusion"]
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"], disabled_optimizers=rounding)


def _numbers_only(finish: Callable[[Any, int], Array], name: str) -> Callable[[Any, int], Array]:
    """``finish`` that raises ValueError where it would answer NaN."""

    def checked(value: Any, rows: int) -> Array:
        array = finish(value, rows)
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise ValueError(f"the model has no {name} for this input")
        return array

    return checked


def _finisher(field: Field, indexed: bool) -> Callable[[Any, int], Array]:
    """From a session's output to the field's column: (rows, \\*shape) in its dtype."""
    dtype, shape, rank = field.storage, field.shape, 1 + len(field.shape)
    if indexed:
        labels = np.empty(len(field.categories or ()), dtype=dtype)
        labels[:] = field.categories
        if dtype == np.int64 and np.array_equal(labels, np.arange(len(labels))):
            return lambda value, rows: value if value.ndim == 1 else value.reshape(rows)
        return lambda value, rows: labels[value if value.ndim == 1 else value.reshape(rows)]

    def finish(value: Any, rows: int) -> Array:
        if isinstance(value, list):  # a ZipMap: one mapping from label to probability for each row
            value = np.array([[row[label] for label in field.categories or row] for row in value])
        if value.dtype != dtype:
            value = value.astype(dtype)
        whole: Array = value if value.ndim == rank else value.reshape(rows, *shape)
        return whole

    return finish
