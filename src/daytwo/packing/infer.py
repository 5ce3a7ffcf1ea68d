"""The inputs of a signature, learnt from data: names, dtypes, shapes, categories, ranges, missing or not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from daytwo.batch import DTYPES, Array, is_missing
from daytwo.errors import PackingError, brief
from daytwo.packing.align import closest, refuse_duplicates
from daytwo.runtimes.feed import NONE_OBJECT
from daytwo.signature import Category, Container, Field
from daytwo.tables import array_of, columns_of, is_frame, kind_of, native_dtype

#: Text with at most so many distinct values, each seen twice or more on average, is categorical.
MAX_CATEGORIES = 50

#: Beginnings of the names of dtypes that no request can carry.
_UNSUPPORTED = ("complex", "timedelta", "duration", "list", "array", "struct", "binary", "decimal", "period",
                "interval", "time3", "time6", "void", "null")  # fmt: skip
#: And their whole names, as polars writes them (pandas' ``object`` is something else).
_UNSUPPORTED_NAMES = ("Object", "Time")
#: What a nullable integer or boolean is called, by pandas, polars and Arrow, without what follows it.
_NULLABLE = {"boolean": "bool", "bool": "bool", "double": "float64", "float": "float32", "halffloat": "float16"}
#: What pandas calls its own nullable dtype for one of Arrow's, where it is not that name capitalised.
_NULLABLE_OF = {
    "bool": "boolean",
    "double": "Float64",
    "float": "Float32",
    "string": "string",
    "large_string": "string",
}


class Inferred(NamedTuple):
    """The inputs of a :class:`~daytwo.signature.Signature`, and what the model is fed with."""

    fields: tuple[Field, ...]
    container: Container
    array_dtype: str | None


@dataclass(frozen=True)
class _Column:
    """One column: as the table holds it, and as numpy holds it."""

    name: str
    raw: Any
    values: Array


def infer_inputs(
    X: Any, *, names: Collection[str] | None = None, allow_missing: Collection[str] | bool = ()
) -> Inferred:
    """What the columns of ``X`` are.

    X:             an array of shape (rows, fields); an array of more dimensions is one tensor called ``input``; or a
                   pandas or polars DataFrame
    names:         of an array's columns (default ``x0``, ``x1``, …)
    allow_missing: names of fields in which missing values are allowed though none was seen; True for all

    Raises PackingError, naming the column, for dtypes that no request can carry, infinities and mixed types.
    """
    inferred = _from_table(X) if is_frame(X) else _from_array(np.asarray(X), names)
    return _allow(inferred, allow_missing)


def _from_table(table: Any) -> Inferred:
    refuse_duplicates([str(name) for name in table.columns])
    fields = []
    for name, raw in columns_of(table).items():
        native = native_dtype(raw) or ""
        if native in _UNSUPPORTED_NAMES or native.lower().startswith(_UNSUPPORTED):
            raise _unsupported(name, native)
        field = _field(_Column(name, raw, _values(name, raw)))
        if native == "object" and _is_none(field, raw):
            native = NONE_OBJECT
        fields.append(replace(field, native=_restorable(native)))
    container: Container = "polars" if kind_of(table) == "polars" else "pandas"
    return Inferred(tuple(fields), container, None)


def _restorable(native: str) -> str:
    """The dtype to feed the model with: of pandas' Arrow dtypes the nullable one that means the same."""
    if not native.endswith("[pyarrow]"):
        return native
    plain = native.removesuffix("[pyarrow]")
    if plain.startswith("timestamp"):
        return f"datetime64[{plain.removeprefix('timestamp[').removesuffix(']').replace('tz=', '')}]"
    return _NULLABLE_OF.get(plain, plain.capitalize().replace("Uint", "UInt"))


def _from_array(array: Array, names: Collection[str] | None) -> Inferred:
    if array.dtype.kind in "US":
        array = array.astype(object)
    if array.ndim > 2:
        return Inferred((_tensor(array),), "array", str(array.dtype))
    if array.dtype.kind not in "biufOM" or (array.dtype.kind in "biuf" and str(array.dtype) not in DTYPES):
        raise _unsupported("X", str(array.dtype))
    labels = tuple(names) if names is not None else tuple(f"x{index}" for index in range(array.shape[1]))
    refuse_duplicates(labels)
    fields = []
    for index, name in enumerate(labels):
        column = array[:, index]
        field = _field(_Column(name, None, _values(name, column)))
        fields.append(replace(field, native=NONE_OBJECT) if _is_none(field, column) else field)
    return Inferred(tuple(fields), "array", str(array.dtype))


def _is_none(field: Field, raw: Any) -> bool:
    """Whether what is missing in a column of text is None (and not NaN), which imputers and encoders tell apart."""
    return field.dtype == "string" and any(value is None for value in raw)


def _tensor(array: Array) -> Field:
    if array.dtype.kind not in "biuf" or str(array.dtype) not in DTYPES:
        raise _unsupported("X", str(array.dtype))
    _refuse_infinite("X", array)
    low, high = _range(array.ravel())
    missing = bool(is_missing(array).any())
    return Field("input", str(array.dtype), tuple(array.shape[1:]), minimum=low, maximum=high, missing=missing)


def _values(name: str, raw: Any) -> Array:
    try:
        values = array_of(raw)
    except (TypeError, ValueError, OverflowError) as error:
        raise _unsupported(name, native_dtype(raw) or str(error)) from None
    if values.ndim != 1:
        raise _unsupported(name, f"nested values such as {brief(values[0].tolist())}")
    if values.dtype.kind not in "biufMO":
        raise _unsupported(name, str(values.dtype))
    if values.dtype.kind == "O":
        _refuse_mixed(name, values)
    _refuse_infinite(name, values)
    return values


def _field(column: _Column) -> Field:
    missing = bool(is_missing(column.values).any())
    low, high = _range(column.values)
    categories = _categories(column)
    return Field(
        column.name, _dtype(column), categories=categories, minimum=low, maximum=high, missing=missing
    )  # fmt: skip


def _dtype(column: _Column) -> str:
    kind, native = column.values.dtype.kind, (native_dtype(column.raw) or "").lower()
    if kind in "OM":
        return "string" if kind == "O" else "datetime"
    plain = native.removesuffix("[pyarrow]")
    plain = _NULLABLE.get(plain, plain)
    if plain in DTYPES and plain not in ("string", "datetime"):
        return plain
    if column.raw is not None and native == "object" and _all_of(column.raw, bool | np.bool_):
        return "bool"
    if str(column.values.dtype) not in DTYPES:
        raise _unsupported(column.name, str(column.values.dtype))
    return str(column.values.dtype)


def _categories(column: _Column) -> tuple[Category, ...] | None:
    declared = _declared(column.raw)
    if declared is not None:
        return declared
    values = column.values
    if values.dtype.kind != "O":
        return None
    present = values[~is_missing(values)].tolist()
    distinct = sorted(set(present))
    return tuple(distinct) if 0 < 2 * len(distinct) <= len(present) and len(distinct) <= MAX_CATEGORIES else None


def _declared(raw: Any) -> tuple[Category, ...] | None:
    """The categories that the table's own dtype declares, in its order."""
    native = native_dtype(raw) or ""
    if native == "category":
        return tuple(raw.cat.categories.tolist())
    if native.startswith("Enum"):
        return tuple(raw.dtype.categories.to_list())
    if native.startswith("Categorical"):
        return tuple(sorted(value for value in raw.unique().to_list() if value is not None))
    return None


def _range(values: Array) -> tuple[float | None, float | None]:
    """The smallest and largest value, datetimes in microseconds since 1970; None, None for text or where all miss."""
    present = values[~is_missing(values)]
    if values.dtype.kind == "O" or not present.size:
        return None, None
    if values.dtype.kind == "M":
        present = present.astype("datetime64[us]").astype(np.int64)
    return float(present.min()), float(present.max())


def _allow(inferred: Inferred, allowed: Collection[str] | bool) -> Inferred:
    names = [field.name for field in inferred.fields]
    wanted = set(names) if allowed is True else set(allowed or ())
    for name in wanted - set(names):
        raise PackingError(f"allow_missing names {name!r}, which is no column of X: {closest(name, names)}")
    fields = tuple(replace(f, missing=f.missing or f.name in wanted) for f in inferred.fields)
    if inferred.array_dtype and np.dtype(inferred.array_dtype).kind in "biu" and any(f.missing for f in fields):
        # An array of integers cannot hold NaN: the model will be fed with float64, and so that is what its fields are.
        fields = tuple(replace(field, dtype="float64") for field in fields)
        return Inferred(fields, inferred.container, "float64")
    return Inferred(fields, inferred.container, inferred.array_dtype)


def _refuse_infinite(name: str, values: Array) -> None:
    if values.dtype.kind == "f" and np.isinf(values).any():
        row = int(np.argwhere(np.isinf(values))[0][0])
        raise PackingError(f"{name} is infinite in row {row}: a request cannot carry that; make it missing or finite")


def _refuse_mixed(name: str, values: Array) -> None:
    odd = next((value for value in values.tolist() if value is not None and not isinstance(value, str)), None)
    if odd is None:
        return
    if any(isinstance(value, str) for value in values.tolist()):
        raise PackingError(f"{name} mixes text with {brief(odd)} ({type(odd).__name__}): make it one or the other")
    if isinstance(odd, int):
        raise PackingError(f"{name} holds integers beyond 53 bits beside missing values: fill them, or make it text")
    raise _unsupported(name, f"{type(odd).__name__} objects such as {brief(odd)}")


def _all_of(raw: Any, kinds: Any) -> bool:
    present = [value for value in raw if value is not None and value == value]
    return bool(present) and all(isinstance(value, kinds) for value in present)


def _unsupported(name: str, what: str) -> PackingError:
    return PackingError(
        f"{name} holds {what}, which a request cannot carry: use numbers, booleans, text, categories or datetimes"
    )
