"""Columns of Arrow as numpy arrays that a Field can conform: views where the layout allows.

Only validated columns come here, and only of the types that :func:`takes` lets through: some others hold next to no
bytes for any number of values, and would fill the memory when they are written out.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from daytwo.batch import Array
from daytwo.errors import InvalidInput
from daytwo.signature import Field
from daytwo.signature.casts import SAFE_INTEGER

#: Texts that share their bytes (views) may be written out to as much as this.
_MAX_TEXT_BYTES = 1 << 30


def takes(kind: pa.DataType, item: Field) -> bool:
    """Whether a column of ``kind`` may hold values of ``item``; which ones do, its values tell."""
    kind = _bare(kind)
    for size in item.shape:
        if types.is_null(kind):
            return True
        if types.is_fixed_size_list(kind):
            if kind.list_size != size:
                return False
        elif not (types.is_list(kind) or types.is_large_list(kind)):
            return False
        kind = _bare(kind.value_type)
    if types.is_dictionary(kind):
        kind = kind.value_type
    return types.is_null(kind) or _is_plain(kind)


def column_of(column: pa.ChunkedArray, item: Field) -> Array:
    """The values of a column, shape (rows, \\*item.shape); missing ones are NaN, NaT or None."""
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    array = _storage(array)
    if types.is_null(array.type):
        return np.full(len(array), None, dtype=object)
    return _tensor(array, item) if item.shape else _values(array)


def _bare(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _storage(array: pa.Array) -> pa.Array:
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _is_plain(kind: pa.DataType) -> bool:
    is_one = (types.is_boolean, types.is_integer, types.is_floating, types.is_string, types.is_large_string,
              types.is_string_view, types.is_timestamp, types.is_date)  # fmt: skip
    return any(test(kind) for test in is_one)


def _tensor(array: pa.Array, item: Field) -> Array:
    """Lists of one size as one array; where one is missing or has another size, the lists themselves."""
    inner = array
    for size in item.shape:
        if types.is_null(inner.type) or inner.null_count or not _all_of(inner, size):
            return np.fromiter(array.to_pylist(), dtype=object, count=len(array))
        inner = _storage(inner.flatten())
    if types.is_null(inner.type):
        return np.full((len(array), *item.shape), None, dtype=object)
    return _values(inner).reshape(len(array), *item.shape)


def _all_of(lists: pa.Array, size: int) -> bool:
    return (
        types.is_fixed_size_list(lists.type) or pc.all(pc.equal(pc.list_value_length(lists), size)).as_py() is not False
    )


def _values(array: pa.Array) -> Array:
    kind = array.type
    if types.is_dictionary(kind):
        return _looked_up(array)
    if types.is_integer(kind) and array.null_count:
        return _with_nan(array)
    if types.is_timestamp(kind) or types.is_date(kind):
        return _instants(array)
    if types.is_string_view(kind):
        _refuse_shared(array)
    values: Array = array.to_numpy(zero_copy_only=False)
    return values


def _looked_up(array: pa.DictionaryArray) -> Array:
    """The value of each row; texts are not copied, rows share them."""
    dictionary = array.dictionary
    if types.is_null(dictionary.type) or len(dictionary) == 0:
        return np.full(len(array), None, dtype=object)
    values = _values(dictionary)
    if not array.null_count:
        present: Array = values[array.indices.to_numpy(zero_copy_only=False)]
        return present
    looked: Array = values[array.indices.fill_null(0).to_numpy(zero_copy_only=False)]
    missing = array.indices.is_null().to_numpy(zero_copy_only=False)
    if looked.dtype.kind in "fM":
        looked[missing] = np.nan if looked.dtype.kind == "f" else np.datetime64("NaT")
        return looked
    looked = looked.astype(object)
    looked[missing] = None
    return looked


def _with_nan(array: pa.Array) -> Array:
    """Integers with missing ones as floats, or as the objects that they are where a float would round one."""
    whole = array.fill_null(0).to_numpy(zero_copy_only=False)
    missing = array.is_null().to_numpy(zero_copy_only=False)
    exact = int(whole.min()) >= -SAFE_INTEGER and int(whole.max()) <= SAFE_INTEGER
    values: Array = whole.astype(np.float64 if exact else object)
    values[missing] = np.nan if exact else None
    return values


def _instants(array: pa.Array) -> Array:
    """Instants in microseconds; nanoseconds are cut, what lies beyond the microseconds' reach raises ArrowInvalid."""
    nanoseconds = types.is_timestamp(array.type) and array.type.unit == "ns"
    zone = array.type.tz if types.is_timestamp(array.type) else None  # the values are in UTC whatever it says
    moments = pc.cast(array, pa.timestamp("us", zone), safe=not nanoseconds)
    values: Array = moments.to_numpy(zero_copy_only=False)
    return values


def _refuse_shared(array: pa.Array) -> None:
    """Raise InvalidInput where views of the same bytes would be written out to too many."""
    views = np.frombuffer(array.buffers()[1], np.int32).reshape(-1, 4)  # each begins with the length of its text
    size = int(views[array.offset : array.offset + len(array), 0].sum(dtype=np.int64)) if len(array) else 0
    if size > _MAX_TEXT_BYTES:
        raise InvalidInput.at("body", f"texts of at most {_MAX_TEXT_BYTES:,} bytes in one column", f"{size:,}")
