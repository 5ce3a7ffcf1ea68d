"""The dialect of numpy's own file format: what ``numpy.save`` writes, and ``numpy.load`` reads.

A request is one array: shape (rows, fields), the columns by position; (fields,) for one row; structured, with the
fields' names, shape (rows,); for a model of one tensor (rows, \\*shape), or \\*shape for one row. Numbers are read where
they lie in the body. The answer is the model's output, shape (rows, …), or its probabilities when they are asked for;
what else there is to say stands in headers.
"""

from __future__ import annotations

import ast
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy

from daytwo.batch import Array
from daytwo.dialects import MEDIA_TYPES, Answer, Payload, Request, RowIds
from daytwo.dialects._arrays import conform_rows, refuse_rows
from daytwo.errors import InvalidInput, MalformedBody, brief
from daytwo.signature import Signature

#: The longest header that is parsed: some thousand fields by name.
_MAX_HEADER_BYTES = 64 << 10
_KEYS = {"descr", "fortran_order", "shape"}
#: Numbers, booleans, texts and instants. Objects would be a pickle.
_KINDS = "biufUM"
#: Floats that no field is stored as: they would be rounded.
_TOO_WIDE = (np.dtype(np.longdouble),) if np.dtype(np.longdouble) != np.dtype(np.float64) else ()


class NpyDialect:
    """Bytes to Request and Answer to bytes, for one model.

    max_rows: the most rows that one request may carry
    """

    def __init__(self, signature: Signature, *, model: str, version: str, max_rows: int = 1_000_000) -> None:
        self.signature = signature
        self._max_rows = max_rows
        self._tensor = signature.inputs[0].shape if len(signature.inputs) == 1 else ()
        outputs = [item for item in signature.outputs if item.name != "probabilities"] or signature.outputs
        self._main = outputs[0].name
        self._shows = {item.name for item in signature.outputs}
        self._headers = (
            (b"content-type", MEDIA_TYPES["npy"].encode()),
            (b"x-model", model.encode()),
            (b"x-model-version", version.encode()),
        )

    def decode(self, body: bytes | bytearray) -> Request:
        """The Request in ``body``. Raises MalformedBody, InvalidInput, TooManyRows."""
        array = _read(body)
        one_row = not array.dtype.names and array.ndim == max(1, len(self._tensor))
        if one_row:
            array = array[np.newaxis]
        refuse_rows(len(array) if array.ndim else 0, self._max_rows)
        if array.dtype.names:
            if array.ndim != 1:
                raise InvalidInput.at("body", "an array of records of shape (rows,)", f"shape {array.shape}")
            columns = {name: _own(array[name]) for name in array.dtype.names}
            return Request(conform_rows(self.signature, columns), "rows")
        return Request(conform_rows(self.signature, _own(array)), "row" if one_row else "rows")

    def encode(self, answer: Answer) -> Payload:
        """An Answer as one array. The id that stands for all rows is the header ``X-Prediction-Id``."""
        shown = answer.probabilities and "probabilities" in self._shows
        column = answer.outputs["probabilities" if shown else self._main]
        if column.dtype.kind == "O":
            column = np.array(["" if value is None else value for value in column.flat]).reshape(column.shape)
        head = BytesIO()
        npy.write_array_header_1_0(head, npy.header_data_from_array_1_0(np.ascontiguousarray(column)))
        ids = answer.prediction_ids
        base = ids.base if isinstance(ids, RowIds) else ids[0] if len(ids) == 1 else None
        named = ((b"x-prediction-id", base.encode()),) if base is not None else ()
        return Payload(head.getvalue() + column.tobytes(), (*self._headers, *named))


def _own(array: Array) -> Array:
    """``array`` in this machine's byte order and writeable, as models may expect; a view where it is that already."""
    if not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    return array if array.flags.writeable and array.flags.aligned else array.copy()


def _read(body: bytes | bytearray) -> Array:
    """The array that ``body`` holds, as a view of it."""
    dtype, shape, fortran_order, start = _header(body)
    size = prod(shape) * dtype.itemsize
    if len(body) - start != size:
        said = f"{len(body) - start:,} bytes of data"
        raise MalformedBody.at("body", f"{size:,} bytes of data, by its own header", said)
    flat = np.frombuffer(body, dtype, prod(shape), start) if size else np.empty(0, dtype)
    if dtype.kind == "b" and (flat.view(np.uint8) > 1).any():
        raise MalformedBody.at("body", "booleans of 0 or 1", "other bytes")
    try:
        return flat.reshape(shape, order="F" if fortran_order else "C")
    except ValueError:  # beyond what numpy has dimensions, or numbers, for
        raise MalformedBody.at("body", "a shape that an array can have", brief(shape)) from None


def _header(body: bytes | bytearray) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    """Dtype, shape, whether in Fortran's order, and where the data begin.

    It is read here and not by numpy, which knows no version 3 (names beyond latin-1) without reading the array too, and
    would allocate what a header claims before it looks whether that is there.
    """
    if bytes(body[:6]) != npy.MAGIC_PREFIX or len(body) < 12 or body[6] not in (1, 2, 3):
        raise MalformedBody.at("body", "an array as numpy.save writes it", brief(bytes(body[:12])))
    begins = 10 if body[6] == 1 else 12
    length = int.from_bytes(body[8:begins], "little")
    text = bytes(body[begins : begins + length])
    if length > _MAX_HEADER_BYTES or len(text) < length:
        raise MalformedBody.at("body", f"a header of at most {_MAX_HEADER_BYTES:,} bytes", f"one of {length:,}")
    try:
        said = ast.literal_eval(text.decode("utf-8" if body[6] == 3 else "latin-1"))
        if set(said) != _KEYS or not isinstance(said["fortran_order"], bool):
            raise ValueError
        shape = said["shape"]
        if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError
        dtype = npy.descr_to_dtype(said["descr"])
    except (ValueError, TypeError, KeyError, IndexError, SyntaxError, MemoryError, RecursionError, AttributeError):
        raise MalformedBody.at("body", "a header as numpy.save writes it", brief(text)) from None
    _refuse_kinds(dtype)
    return dtype, shape, said["fortran_order"], begins + length


def _refuse_kinds(dtype: np.dtype[Any]) -> None:
    """Raise for what is no value of a model, above all for objects."""
    for name, inner in ((name, dtype[name]) for name in dtype.names) if dtype.names else (("body", dtype),):
        if inner.base.kind not in _KINDS or inner.itemsize == 0 or inner.base in _TOO_WIDE:
            raise InvalidInput.at(name, "numbers, booleans, texts or instants", f"an array of {inner.base}")
