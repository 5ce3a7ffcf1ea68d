"""How the fields of a signature map to the tensors of an ONNX model, and a Batch becomes what a session is fed with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from daytwo.batch import Array, Batch, is_missing
from daytwo.errors import BundleError, InvalidInput
from daytwo.runtimes._ort import ort
from daytwo.signature import Field, Signature

#: What stands for a missing text, since a string tensor has no null.
MISSING_TEXT = "\x00missing"

_DTYPES: Mapping[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(double)": np.dtype(np.float64),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(bool)": np.dtype(np.bool_),
    "tensor(string)": np.dtype(object),
    **{f"tensor({sign}int{bits})": np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


@dataclass(frozen=True, slots=True)
class Wiring:
    """How fields map to a session's inputs, and its outputs to the fields of the answer.

    inputs:  (session input, fields): several fields are the columns of one matrix (rows, fields); one field is a
             column (rows, 1), or a tensor where it has a shape
    outputs: field of the answer → session output
    indexed: fields of the answer that come as positions in their categories
    limit:   the largest number, whatever its sign, that the model answers for; None where there is no limit
    nan_refused: whether NaN in an answer means that the model should have refused the row
    """

    inputs: tuple[tuple[str, tuple[str, ...]], ...]
    outputs: Mapping[str, str]
    indexed: frozenset[str] = frozenset()
    limit: float | None = None
    nan_refused: bool = False

    def to_json(self) -> dict[str, Any]:
        """A JSON object; the inverse is :meth:`from_json`."""
        return {
            "inputs": [{"name": name, "fields": list(fields)} for name, fields in self.inputs],
            "outputs": dict(self.outputs),
            "indexed": sorted(self.indexed),
            "limit": self.limit,
            "nan_refused": self.nan_refused,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Wiring:
        """The inverse of :meth:`to_json`."""
        inputs = tuple((item["name"], tuple(item["fields"])) for item in data["inputs"])
        return cls(
            inputs,
            dict(data["outputs"]),
            frozenset(data.get("indexed", ())),
            data.get("limit"),
            bool(data.get("nan_refused", False)),
        )


def wire(session: ort.InferenceSession, signature: Signature) -> Wiring:
    """The wiring of a model that came as ONNX: inputs by name, or all fields as one matrix; outputs by name or type.

    Raises BundleError where it cannot be told.
    """
    names = [item.name for item in session.get_inputs()]
    inputs: tuple[tuple[str, tuple[str, ...]], ...]
    if set(names) == set(signature.names):
        inputs = tuple((name, (name,)) for name in names)
    elif len(names) == 1:
        inputs = ((names[0], signature.names),)
    else:
        raise BundleError(f"the model's inputs are {', '.join(names)}; the signature's {', '.join(signature.names)}")
    return Wiring(inputs, _wire_outputs(session, signature))


def _wire_outputs(session: ort.InferenceSession, signature: Signature) -> dict[str, str]:
    left = {item.name: item.type for item in session.get_outputs()}
    wanted = [field.name for field in signature.outputs]
    if set(wanted) <= left.keys():
        return {name: name for name in wanted}
    wired: dict[str, str] = {}
    for name in wanted:
        real = name in ("probabilities", "value", "score")
        fits = [tensor for tensor, kind in left.items() if _is_real(kind) == real] or list(left)
        if not fits:
            raise BundleError(f"no output of the model can be {name!r}")
        wired[name] = fits[0]
        del left[fits[0]]
    return wired


def _is_real(kind: str) -> bool:
    return kind.startswith("seq") or any(word in kind for word in ("float", "double"))


def session_feeder(
    session: ort.InferenceSession, signature: Signature, wiring: Wiring
) -> Callable[[Batch], dict[str, Any]]:
    """A function from a Batch to a session's inputs by name. One matrix of the right dtype is handed over as it is."""
    metas = {item.name: item for item in session.get_inputs()}
    if len(wiring.inputs) == 1:
        name, fields = wiring.inputs[0]
        dtype = _DTYPES[metas[name].type]
        whole = signature.matrix_dtype is not None and signature.matrix_dtype == dtype  # numpy: None == float64 is True
        if fields == signature.names and whole and len(metas[name].shape) == 2:
            return _matrix_feeder(name)
    parts = [
        (name, _builder([signature.input(f) for f in fields], _DTYPES[metas[name].type], len(metas[name].shape)))
        for name, fields in wiring.inputs
    ]
    return lambda batch: {name: build(batch) for name, build in parts}


def guarded(feed: Callable[[Batch], dict[str, Any]], wiring: Wiring) -> Callable[[Batch], dict[str, Any]]:
    """``feed`` that raises InvalidInput where a number is beyond the wiring's limit.

    A sum of squares within the limit's own square costs half a microsecond and clears nearly every batch.
    """
    limit = float(wiring.limit or 0.0)
    square = limit * limit
    first, fields = wiring.inputs[0]
    rest = wiring.inputs[1:]

    def checked(batch: Batch) -> dict[str, Any]:
        fed = feed(batch)
        array = fed[first]
        if array.dtype.kind != "f" or not float(np.vdot(array, array)) <= square:
            _refuse_beyond(array, fields, limit)
        for name, others in rest:
            _refuse_beyond(fed[name], others, limit)
        return fed

    return checked


def _refuse_beyond(array: Array, fields: tuple[str, ...], limit: float) -> None:
    if array.dtype.kind not in "iuf":
        return
    beyond = np.abs(array.astype(np.float64)) > limit
    if beyond.any():
        row, place = (int(i) for i in np.argwhere(beyond.reshape(len(array), -1))[0])
        name = fields[min(place, len(fields) - 1)]
        got = array.reshape(len(array), -1)[row, place]
        raise InvalidInput.at(name, f"a number within ±{limit:g}, beyond which this model does not answer", f"{got:g}")


def _matrix_feeder(name: str) -> Callable[[Batch], dict[str, Any]]:
    def feed(batch: Batch) -> dict[str, Any]:
        matrix = batch.matrix
        if matrix is None:
            matrix = np.column_stack([column for _, column in batch.items()])
        return {name: matrix}

    return feed


def _builder(fields: list[Field], dtype: np.dtype[Any], rank: int) -> Callable[[Batch], Array]:
    if len(fields) == 1:
        field = fields[0]
        if field.shape or rank == 1:
            return lambda batch: _cast(batch[field.name], field, dtype)
        return lambda batch: _cast(batch[field.name], field, dtype).reshape(-1, 1)

    names = [field.name for field in fields]

    def build(batch: Batch) -> Array:
        if batch.matrix is not None and len(fields) == len(batch.names):
            return batch.matrix.astype(dtype, copy=False)
        matrix = np.empty((batch.rows, len(names)), dtype=dtype)
        for index, name in enumerate(names):
            matrix[:, index] = batch[name]  # numbers only: texts come one by one
        return matrix

    return build


def _cast(column: Array, field: Field, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "O" and field.missing:
        missing = is_missing(column)
        if missing.any():
            column = column.copy()
            column[missing] = MISSING_TEXT
    return column.astype(dtype, copy=False)
