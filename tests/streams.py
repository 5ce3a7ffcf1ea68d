"""Rows as Arrow streams and NPY files, written plainly by pyarrow and numpy."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from daytwo.batch import DTYPES, Batch, is_missing
from daytwo.signature import Field, Signature


def stream(table: pa.Table, **options: Any) -> bytes:
    """``table`` as an IPC stream."""
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def read_stream(body: bytes) -> pa.Table:
    return ipc.open_stream(body).read_all()


def npy(array: Any) -> bytes:
    """``array`` as numpy.save writes it."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Stored array in format", category=UserWarning)
        np.save(file, array, allow_pickle=False)
    return file.getvalue()


def arrow_column(item: Field, column: Any) -> pa.Array:
    """A stored column in the type that Arrow has for the field."""
    flat, missing = column.reshape(-1), is_missing(column.reshape(-1))
    kind = {"O": pa.string(), "M": pa.timestamp("us", "UTC")}.get(item.kind) or pa.from_numpy_dtype(DTYPES[item.dtype])
    plain = [None if gone else _plain(item, value) for value, gone in zip(flat.tolist(), missing.tolist(), strict=True)]
    array = pa.array(plain, kind)
    for size in reversed(item.shape):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array


def _plain(item: Field, value: Any) -> Any:
    if item.kind in "iub":
        return {"b": bool}.get(item.kind, int)(value)
    return value


def arrow_table(signature: Signature, batch: Batch) -> pa.Table:
    return pa.table([arrow_column(item, batch[item.name]) for item in signature.inputs], names=list(signature.names))
