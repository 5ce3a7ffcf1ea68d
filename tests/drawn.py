"""Signatures, rows that fit them and values that do not, drawn by hypothesis; and when two batches are the same."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from daytwo.batch import DTYPES, Batch
from daytwo.signature import Field, Signature
from daytwo.signature.casts import SAFE_INTEGER, limits_of

OUTPUTS = (Field("class", "int64", categories=(0, 1)),)
#: Names that mean something to somebody.
HARD_NAMES = (
    "class", "columns", "records", "feature_vector", "feature_vectors", "prediction_id", "model", "self", "", " ", "_",
    "a b", 'a "quoted" name', "it's", "a.b", "a[0]", "größe (cm)", "名前", "new\nline", "\x00", "{", "__proto__", "0",
)  # fmt: skip

names = st.one_of(st.sampled_from(HARD_NAMES), st.text(max_size=8), st.from_regex(r"[a-z]{1,6}", fullmatch=True))
shapes = st.sampled_from([(), (), (), (2,), (1,), (2, 3)])


def scalars(dtype: str, *, missing: bool = False) -> st.SearchStrategy[Any]:
    """One value of ``dtype`` as JSON says it; never null."""
    kind = DTYPES[dtype].kind
    if kind in "iu":
        low, high = limits_of(dtype, nullable=missing)
        whole = st.integers(max(low, -SAFE_INTEGER), min(high, SAFE_INTEGER)).map(float)
        return st.integers(low, high) | whole
    if kind == "f":
        width = DTYPES[dtype].itemsize * 8
        small = st.integers(-1000, 1000)
        return st.floats(width=width, allow_nan=False, allow_infinity=False) | small  # type: ignore[arg-type]
    return {"b": st.booleans(), "O": st.text(max_size=6), "M": moments}[kind]


moments = st.one_of(
    st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)).map(dt.datetime.isoformat),  # noqa: DTZ001  none is UTC
    st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-5, minutes=30))]),
                 min_value=dt.datetime(1900, 1, 1), max_value=dt.datetime(2100, 1, 1)).map(dt.datetime.isoformat),  # noqa: DTZ001
    st.dates().map(dt.date.isoformat),
)  # fmt: skip


@st.composite
def fields(draw: st.DrawFn, name: st.SearchStrategy[str] = names, dtype: str | None = None) -> Field:
    dtype = dtype or draw(st.sampled_from(sorted(DTYPES)))
    item = Field(draw(name), dtype, shape=draw(shapes), missing=draw(st.booleans()))
    if dtype == "datetime" or draw(st.booleans()):
        return item
    known = draw(st.lists(scalars(dtype, missing=item.missing), min_size=1, max_size=4, unique=True))
    kept = tuple(_plain(dtype)(value) for value in known)
    return Field(item.name, dtype, item.shape, kept, draw(st.sampled_from(["allow", "refuse"])), missing=item.missing)


def _plain(dtype: str) -> Callable[[Any], Any]:
    return {"i": int, "u": int, "f": float}.get(DTYPES[dtype].kind, lambda value: value)


@st.composite
def signatures(draw: st.DrawFn, **options: Any) -> Signature:
    return Signature(
        tuple(draw(st.lists(fields(**options), min_size=1, max_size=4, unique_by=lambda f: f.name))), OUTPUTS
    )


def matrices() -> st.SearchStrategy[Signature]:
    """Signatures whose fields are stored as one dtype, each with its own rules."""
    like = st.sampled_from([("float64", "int64", "int8", "bool", "uint64"), ("float32",), ("int64",), ("bool",)])
    return like.flatmap(lambda dtypes: _alike(dtypes).filter(lambda s: s.matrix_dtype is not None))


@st.composite
def _alike(draw: st.DrawFn, dtypes: tuple[str, ...]) -> Signature:
    made = []
    for index in range(draw(st.integers(1, 4))):
        dtype = draw(st.sampled_from(dtypes))
        plain = len(dtypes) == 1 and dtype != "float32"
        missing = not plain and (dtype not in ("float64", "float32") or draw(st.booleans()))
        made.append(Field(f"x{index}", dtype, missing=missing))
    return Signature(tuple(made), OUTPUTS)


def values(item: Field) -> st.SearchStrategy[Any]:
    """One row's value of ``item`` as JSON says it."""
    one = st.sampled_from(item.categories or ()) if item.closed else scalars(item.dtype, missing=item.missing)
    if item.missing:
        one = one | st.none()
    for size in reversed(item.shape):
        one = st.lists(one, min_size=size, max_size=size)
    return one


def rows_of(signature: Signature, *, least: int = 1, most: int = 4) -> st.SearchStrategy[list[list[Any]]]:
    """Rows that fit, by position, as JSON says them."""
    row = st.tuples(*(values(item) for item in signature.inputs)).map(list)
    return st.lists(row, min_size=least, max_size=most)


@st.composite
def said(draw: st.DrawFn, signature: st.SearchStrategy[Signature] | None = None) -> tuple[Signature, list[list[Any]]]:
    """A signature, and rows that fit it."""
    drawn = draw(signature if signature is not None else signatures() | matrices())
    return drawn, draw(rows_of(drawn))


def wrong(item: Field) -> st.SearchStrategy[Any]:
    """A value that ``item`` must refuse, as Python's json writes it (``NaN`` and ``Infinity`` included)."""
    common: list[Any] = [[], {}, [[]], {"value": 1}]
    if not item.missing:
        common.append(None)
    return st.sampled_from(common + _WRONG[item.kind](item))


def _wrong_integers(item: Field) -> list[Any]:
    low, high = limits_of(item.dtype, nullable=item.missing)
    return ["1", True, 0.5, low - 1, high + 1, 10**30, float("inf"), float("nan"), 1e300, 34.00000001]


def _wrong_floats(item: Field) -> list[Any]:
    too_large = 10**400 if item.dtype == "float64" else 2.0 * float(np.finfo(item.storage).max)
    return ["1.5", True, False, float("inf"), float("-inf"), float("nan"), too_large]


_WRONG: dict[str, Callable[[Field], list[Any]]] = {
    "i": _wrong_integers,
    "u": _wrong_integers,
    "f": _wrong_floats,
    "b": lambda item: ["true", 2, -1, 0.5, float("nan")],
    "O": lambda item: [1, 1.5, True, float("nan")],
    "M": lambda item: [1, 1.5, True, "tomorrow", "2026-02-30", "1700000000", ""],
}


def columns_of(signature: Signature, rows: list[list[Any]]) -> dict[str, list[Any]]:
    return dict(zip(signature.names, map(list, zip(*rows, strict=True)), strict=True))


def records_of(signature: Signature, rows: list[list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(signature.names, row, strict=True)) for row in rows]


def documents(signature: Signature, rows: list[list[Any]]) -> dict[str, Any]:
    """The same rows in every form of the native dialect that can say them."""
    records = records_of(signature, rows)
    forms: dict[str, Any] = {
        "feature_vectors": {"feature_vectors": rows},
        "list": records,
        "records": {"records": records},
        "columns": {"columns": columns_of(signature, rows)},
    }
    if len(rows) == 1:
        forms |= {"feature_vector": {"feature_vector": rows[0]}, "record": records[0]}
    return {form: body for form, body in forms.items() if form in ("list", "record") or form not in signature.names}


def said_in(document: Any) -> bytes:
    return json.dumps(document).encode()


def assert_same(one: Batch, other: Batch) -> None:
    """The same names, rows, dtypes, shapes and values, missing ones included."""
    assert one.names == other.names
    assert one.rows == other.rows
    assert (one.matrix is None) == (other.matrix is None)
    for name in one.names:
        assert one[name].dtype == other[name].dtype, name
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
