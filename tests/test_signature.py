from __future__ import annotations

import datetime as dt
import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daytwo.batch import DTYPES, Batch
from daytwo.errors import MAX_PROBLEMS, InvalidInput
from daytwo.signature import Field, Signature
from drawn import assert_same, columns_of, fields, matrices, records_of, rows_of, said, signatures, wrong

PEOPLE = Signature(
    inputs=(
        Field("age", "int8", minimum=18, maximum=92),
        Field("plan", "string", categories=("basic", "pro"), unseen="refuse", missing=True),
        Field("income", "float64", missing=True),
        Field("since", "datetime"),
    ),
    outputs=(Field("class", "string", categories=("left", "stayed")),),
    container="pandas",
)
ROWS: list[list[Any]] = [[34, "pro", 1.5, "2026-01-02T03:04:05Z"], [-1, None, None, "2026-01-02"]]
PIXELS = Signature((Field("image", "float32", (2, 2), missing=True),), ())
LARGEST = float(np.finfo(np.float32).max)


def problems(signature: Signature | Field, raw: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidInput) as caught:
        signature.conform(raw)
    return [(p.field, p.expected, p.got) for p in caught.value.problems]


def one(dtype: str, **more: Any) -> Signature:
    return Signature((Field("x", dtype, **more),), ())


# -- Field ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("x", "bool"), "true or false"),
        (Field("x", "int8"), "an integer from -128 to 127"),
        (Field("x", "uint64"), "an integer from 0 to 18446744073709551615"),
        (Field("x", "uint64", missing=True), "an integer from 0 to 9007199254740991 or null"),
        (Field("x", "int64"), "a 64-bit integer"),
        (Field("x", "int64", missing=True), "an integer of at most 53 bits or null"),
        (Field("x", "float64", missing=True), "a finite number or null"),
        (Field("x", "float32"), "a finite number within ±3.40282e+38"),
        (Field("x", "float16"), "a finite number within ±65504"),
        (Field("x", "string"), "a string"),
        (Field("x", "datetime"), "an ISO 8601 datetime"),
        (Field("x", "float32", (2, 3)), "an array of shape [2, 3], each a finite number within ±3.40282e+38"),
        (Field("x", "string", categories=("a", "b")), "a string"),
        (Field("x", "string", categories=("a", "b"), unseen="refuse"), "one of 'a', 'b'"),
        (Field("x", "bool", categories=(True,), unseen="refuse"), "one of true"),
        (
            Field("x", "int64", categories=tuple(range(20)), unseen="refuse"),
            "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_expected_in_words(field: Field, expected: str):
    assert field.expected == expected


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: Field("x", "complex64"), "x: dtype must be one of bool, int8.*got 'complex64'"),
        (lambda: Field("x", "string", unseen="refuse"), "x: unseen values cannot be refused where no categories"),
        (lambda: Field("x", "string", categories=(), unseen="refuse"), "x: unseen values cannot be refused"),
        (lambda: Signature((Field("x", "bool"), Field("x", "int8")), ()), r"must be unique: \['x', 'x'\]"),
        (lambda: Signature((), (Field("y", "bool"), Field("y", "int8"))), r"must be unique: \['y', 'y'\]"),
    ],
)
def test_what_cannot_be_is_refused(made: Any, why: str):
    with pytest.raises(ValueError, match=why):
        made()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("missing", [False, True])
def test_storage_has_a_place_for_what_is_missing(dtype: str, missing: bool):
    item = Field("x", dtype, missing=missing)
    assert item.storage == ("float64" if missing and item.kind in "biu" else DTYPES[dtype])
    assert item.numeric == (dtype not in ("string", "datetime"))


@given(fields(), st.data())
def test_plain_values_are_the_way_back(item: Field, data: st.DataObject):
    signature = Signature((item,), ())
    column = signature.conform(columns_of(signature, data.draw(rows_of(signature))))[item.name]
    plain = item.plain(column)
    json.dumps(plain, allow_nan=False)
    again = item.conform(plain)
    assert again.dtype == column.dtype
    np.testing.assert_array_equal(again, column)


# -- Signature -----------------------------------------------------------------------------------------------------


@given(signatures() | matrices())
def test_a_signature_survives_json(signature: Signature):
    again = Signature.from_json(json.loads(json.dumps(signature.to_json())))
    assert again == signature
    assert pickle.loads(pickle.dumps(again)) == signature


def test_what_is_default_is_not_written():
    written = one("float64").to_json()
    assert written == {"inputs": [{"name": "x", "dtype": "float64"}], "outputs": [], "container": "array"}
    assert "array_dtype" in Signature((), (), array_dtype="float32").to_json()


def test_what_a_later_daytwo_writes_beside_is_not_minded():
    assert Field.from_json({"name": "x", "dtype": "int8", "unit": "years"}) == Field("x", "int8")


def test_fields_by_name():
    assert PEOPLE.names == ("age", "plan", "income", "since")
    assert PEOPLE.input("plan").closed
    with pytest.raises(KeyError, match="nothing"):
        PEOPLE.input("nothing")
    assert PEOPLE.output("nothing") is None
    assert PEOPLE.output("class") is PEOPLE.outputs[0]
    other = PEOPLE.with_outputs([Field("value", "float64")])
    assert (other.inputs, other.outputs[0].name) == (PEOPLE.inputs, "value")


@pytest.mark.parametrize(
    ("inputs", "dtype"),
    [
        ([Field("a", "float64"), Field("b", "float64", missing=True)], "float64"),
        ([Field("a", "float64"), Field("b", "int8", missing=True)], "float64"),
        ([Field("a", "int64"), Field("b", "int64")], "int64"),
        ([Field("a", "bool")], "bool"),
        ([Field("a", "float64"), Field("b", "int64")], None),
        ([Field("a", "float32", (2,))], None),
        ([Field("a", "string")], None),
        ([Field("a", "datetime")], None),
        ([], None),
    ],
)
def test_numbers_of_one_dtype_are_a_matrix(inputs: list[Field], dtype: str | None):
    assert Signature(tuple(inputs), ()).matrix_dtype == (np.dtype(dtype) if dtype else None)


# -- conform: what fits --------------------------------------------------------------------------------------------


def typed(item: Field, column: np.ndarray) -> Any:
    """A stored column as polars would hold it."""
    names = {"bool": pl.Boolean, "string": pl.String, "datetime": pl.Datetime("us"), "float16": pl.Float32}
    inner: Any = names.get(item.dtype) or getattr(pl, item.dtype.replace("uint", "UInt").replace("int", "Int").title()
                                                  .replace("Uint", "UInt"))  # fmt: skip
    plain = item.plain(column)
    if item.kind == "M":
        plain = column.astype("M8[us]").tolist()
    for size in reversed(item.shape):
        inner = pl.Array(inner, size)
    return pl.Series(item.name, plain, dtype=inner)


@given(said())
def test_whatever_the_same_rows_come_as_they_are_the_same_batch(case: tuple[Signature, list[list[Any]]]):
    signature, rows = case
    columns = columns_of(signature, rows)
    batch = signature.conform(columns)
    plain = {item.name: item.plain(batch[item.name]) for item in signature.inputs}
    table = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    backwards = dict(reversed(columns.items()))
    ways: list[Any] = [
        batch,
        records_of(signature, rows),
        tuple(records_of(signature, rows)),
        backwards,
        plain,
        table,
        table.set_index(np.arange(len(rows))[::-1]),
        {name: table[name].to_numpy() for name in signature.names},
        Batch.from_columns({name: batch[name] for name in reversed(signature.names)}),
        pl.DataFrame({item.name: typed(item, batch[item.name]) for item in signature.inputs}),
        rows if len(signature.inputs) > 1 or not signature.inputs[0].shape else [row[0] for row in rows],
    ]
    if not any(item.shape for item in signature.inputs):
        array = np.empty((len(rows), len(signature.names)), dtype=object)
        array[:] = rows
        ways.append(array)
    for way in ways:
        assert_same(signature.conform(way), batch)


@given(said())
def test_conform_leaves_what_fits_as_it_is(case: tuple[Signature, list[list[Any]]]):
    signature, rows = case
    once = signature.conform(columns_of(signature, rows))
    assert once.rows == len(rows)
    assert all(once[item.name].dtype == item.storage for item in signature.inputs)
    assert_same(signature.conform(once), once)


@given(said(), st.data())
def test_a_batch_fits_part_by_part(case: tuple[Signature, list[list[Any]]], data: st.DataObject):
    signature, rows = case
    cut = data.draw(st.integers(0, len(rows)))
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    stacked = Batch.stack([signature.conform(columns_of(signature, part)) for part in parts])
    assert_same(stacked, signature.conform(columns_of(signature, rows)))


NATIVE = [
    ("int8", pd.Series([34, -1], dtype="int8"), pl.Series([34, -1], dtype=pl.Int8), [34, -1]),
    ("int8", pd.Series([34.0, -1.0]), pl.Series([34.0, -1.0]), [34, -1]),
    ("int8", pd.Series([34, -1], dtype="Int64"), pl.Series([34, -1], dtype=pl.Int64), [34, -1]),
    ("uint64", pd.Series([2**64 - 1, 0], dtype="uint64"), pl.Series([2**64 - 1, 0], dtype=pl.UInt64), [2**64 - 1, 0]),
    ("float32", pd.Series([0.5, 2]), pl.Series([0.5, 2.0]), [0.5, 2.0]),
    ("bool", pd.Series([True, False]), pl.Series([True, False]), [True, False]),
    ("string", pd.Series(["a", "b"], dtype="category"), pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
    ("string", pd.Series(["a", "b"], dtype="str"), pl.Series(["a", "b"], dtype=pl.Enum(["b", "a"])), ["a", "b"]),
    ("datetime", pd.Series(pd.to_datetime(["2026-01-02", "2026-01-03"])),
     pl.Series([dt.date(2026, 1, 2), dt.date(2026, 1, 3)]), ["2026-01-02T00:00:00.000000Z", "2026-01-03T00:00:00.000000Z"]),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "pandas", "polars", "values"), NATIVE)
def test_tables_in_their_own_dtypes(dtype: str, pandas: pd.Series, polars: pl.Series, values: list[Any]):
    signature = one(dtype)
    for table in (pd.DataFrame({"x": pandas}), pl.DataFrame({"x": polars})):
        column = signature.conform(table)["x"]
        assert column.dtype == DTYPES[dtype]
        assert signature.inputs[0].plain(column) == values


@pytest.mark.parametrize(
    ("dtype", "pandas", "polars"),
    [
        ("int16", pd.Series([7, None], dtype="Int16"), pl.Series([7, None], dtype=pl.Int16)),
        ("int16", pd.Series([7.0, np.nan]), pl.Series([7.0, np.nan])),
        ("bool", pd.Series([True, None], dtype="boolean"), pl.Series([True, None])),
        ("bool", pd.Series([True, None], dtype=object), pl.Series([True, None])),
        ("float32", pd.Series([0.5, None]), pl.Series([0.5, None])),
        ("string", pd.Series(["a", None], dtype="category"), pl.Series(["a", None])),
        ("string", pd.Series([np.nan, np.nan]), pl.Series([None, None])),
        ("datetime", pd.Series(pd.to_datetime(["2026-01-02", None])), pl.Series([dt.date(2026, 1, 2), None])),
        ("datetime", pd.Series([np.nan, np.nan]), pl.Series([None, None], dtype=pl.Float32)),
    ],
)
def test_missing_is_missing_in_every_table(dtype: str, pandas: pd.Series, polars: pl.Series):
    signature = one(dtype, missing=True)
    batches = [signature.conform(pd.DataFrame({"x": pandas})), signature.conform(pl.DataFrame({"x": polars}))]
    assert_same(*batches)
    assert signature.inputs[0].plain(batches[0]["x"])[1] is None
    for table in (pd.DataFrame({"x": pandas}), pl.DataFrame({"x": polars})):
        told = {field: got for field, _, got in problems(one(dtype), table)}
        assert told["x[1]"] in ("null", "NaN")


def test_a_matrix_of_the_right_dtype_is_not_copied():
    signature = Signature((Field("a", "float32"), Field("b", "float32")), ())
    matrix = np.ones((3, 2), dtype=np.float32)
    assert signature.conform(matrix).matrix is matrix
    assert signature.conform(matrix.astype(np.float64)).matrix.dtype == np.float32
    gaps = np.array([[1.0, np.nan]])
    loose = Signature((Field("a", "float64", missing=True), Field("b", "float64", missing=True)), ())
    assert loose.conform(gaps).matrix is gaps


@pytest.mark.parametrize("empty", [pd.DataFrame({"x": []}), pl.DataFrame({"x": []}), {"x": []}, np.empty((0, 1))])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_table_without_rows_is_a_batch_without_rows(empty: Any, dtype: str):
    batch = one(dtype).conform(empty)
    assert (batch.rows, batch["x"].dtype) == (0, DTYPES[dtype])


def test_every_row_of_a_tensor_may_be_written_as_lists_or_arrays():
    image = [[1.0, None], [2, 3]]
    expected = PIXELS.conform([{"image": image}, {"image": image}])
    array = np.array([[1.0, np.nan], [2, 3]])
    for way in (
        [image, image],
        np.stack([array, array]),
        {"image": [array, array]},
        pd.DataFrame({"image": [image] * 2}),
    ):
        assert_same(PIXELS.conform(way), expected)
    assert PIXELS.conform({"image": []})["image"].shape == (0, 2, 2)


# -- conform: what does not ------------------------------------------------------------------------------------------

REFUSED: list[tuple[str, Signature, Any, list[tuple[str, str, str]]]] = [
    ("a number", PEOPLE, 5, [("", "a table, a mapping of columns or a list of records", "int")]),
    ("nothing", PEOPLE, None, [("", "a table, a mapping of columns or a list of records", "NoneType")]),
    ("a text", PEOPLE, "age", [("", "a table, a mapping of columns or a list of records", "str")]),
    ("an empty list", PEOPLE, [], [("", "at least one row", "an empty list")]),
    ("a list of numbers", PEOPLE, [1, 2], [("[0]", "records, or rows of values", "1")]),
    ("a list of texts", PEOPLE, ["a"], [("[0]", "records, or rows of values", "'a'")]),
    ("a record too many", PEOPLE, [[34, "pro", 1.5, "2026-01-02"], {"age": 3}], [("[1]", "records, or rows of values", "{'age': 3}")]),
    ("a short row", PEOPLE, [[34, "pro", 1.5, "2026-01-02"], [1]], [("[1]", "4 values", "1")]),
    ("another width", PEOPLE, np.zeros((3, 2)), [("", "an array of shape (rows, 4)", "shape (3, 2)")]),
    ("one dimension", PEOPLE, np.zeros(4), [("", "an array of shape (rows, 4)", "shape (4,)")]),
    ("twins", PEOPLE, pd.DataFrame([[1, 2]], columns=["age", "age"]), [("", "a table whose columns have different names", "DataFrame")]),
    ("scalars", one("string"), {"x": "pro"}, [("x", "a column of values, each a string", "'pro'")]),
    ("a mapping for a column", one("int8"), {"x": {"0": 1}}, [("x", "a column of values, each an integer from -128 to 127", "{'0': 1}")]),
    ("missing", one("int8"), {}, [("x", "an integer from -128 to 127", "nothing: the field is missing")]),
    ("extra", one("bool"), {"x": [True], "zeta": [1]}, [("zeta", "one of x", "an unknown field")]),
    ("misspelt", Signature((Field("income", "bool"),), ()), {"incme": [True]},
     [("incme", "'income'", "an unknown field"), ("income", "true or false", "nothing: the field is missing")]),
    ("not meant, since it is there", Signature((Field("income", "bool"),), ()), {"income": [True], "incme": [True]},
     [("incme", "one of income", "an unknown field")]),
    ("a column short", Signature((Field("a", "bool"), Field("b", "bool")), ()), {"a": [True], "b": [True, True]},
     [("", "columns with the same number of rows", "a has 1, b has 2")]),
    ("some rows", one("int8"), {"x": [1, 1.5, "a", None, True, 128]},
     [(f"x[{row}]", "an integer from -128 to 127", got)
      for row, got in ((1, "1.5"), (2, "'a'"), (3, "null"), (4, "true"), (5, "128"))]),
    ("the only row", one("int8"), {"x": [1.5]}, [("x", "an integer from -128 to 127", "1.5")]),
    ("in records", one("int8"), [{"x": 1}, {"x": 1.5}], [("[1].x", "an integer from -128 to 127", "1.5")]),
    ("in the only record", one("int8"), [{"x": 1.5}], [("[0].x", "an integer from -128 to 127", "1.5")]),
    ("missing in a record", one("int8", missing=True), [{"x": 1}, {}],
     [("[1].x", "an integer from -128 to 127 or null", "nothing: the field is missing")]),
    ("extra in a record", one("int8"), [{"x": 1, "y": 2}], [("[0].y", "one of x", "an unknown field")]),
    ("behind an index", one("int8"), pd.DataFrame({"x": [1.0, 1.5]}, index=[1, 0]), [("x[1]", "an integer from -128 to 127", "1.5")]),
    ("booleans as numbers", one("float64"), {"x": np.array([True])}, [("x", "a finite number", "true")]),
    ("numbers as booleans", one("bool"), {"x": np.array([1.0])}, [("x", "true or false", "1.0")]),
    ("one boolean is missing", one("bool"), {"x": [True, None]}, [("x[1]", "true or false", "null")]),
    ("numbers as texts", one("string"), {"x": np.array([1])}, [("x", "a string", "1")]),
    ("texts as numbers", one("float64"), {"x": np.array(["1.5"])}, [("x", "a finite number", "'1.5'")]),
    ("instants as numbers", one("float64"), {"x": np.array(["2026-01-02"], dtype="M8[D]")},
     [("x", "a finite number", "'2026-01-02'")]),
    ("complex", one("float64"), {"x": np.array([1j])}, [("x", "a finite number", "1j")]),
    ("bytes", one("string"), {"x": np.array([b"a"])}, [("x", "a string", "b'a'")]),
    ("over float32", one("float32"), {"x": [1.0, 2 * LARGEST, -LARGEST]},
     [("x[1]", "a finite number within ±3.40282e+38", str(2 * LARGEST))]),
    ("over float16", one("float16"), {"x": np.array([-(2**63), 65504, 65505])},
     [("x[0]", "a finite number within ±65504", "-9223372036854775808"), ("x[2]", "a finite number within ±65504", "65505")]),
    ("a huge integer", one("float64"), {"x": [10**400]}, [("x", "a finite number", "1" + "0" * 57 + ".…")]),
    ("infinity", one("float64", missing=True), {"x": np.array([np.inf, np.nan])}, [("x[0]", "a finite number or null", "Infinity")]),
    ("integers that float64 cannot tell apart", one("int64", missing=True), {"x": [2**53 + 1]},
     [("x", "an integer of at most 53 bits or null", "9007199254740993")]),
    ("likewise as floats", one("int64"), {"x": np.array([2.0**53])}, [("x", "a 64-bit integer", "9007199254740992.0")]),
    ("likewise among gaps", one("int64", missing=True), {"x": pd.Series([2**53 + 1, None], dtype="Int64")},
     [("x[0]", "an integer of at most 53 bits or null", "9007199254740993")]),
    ("negative", one("uint64"), {"x": np.array([-1])}, [("x", "an integer from 0 to 18446744073709551615", "-1")]),
    ("over int64", one("int64"), {"x": np.array([2**63], dtype=np.uint64)}, [("x", "a 64-bit integer", "9223372036854775808")]),
    ("unseen text", PEOPLE, {"age": [1], "plan": ["platinum"], "income": [1.0], "since": ["2026-01-02"]},
     [("plan", "one of 'basic', 'pro' or null", "'platinum'")]),
    ("unseen numbers", one("int64", categories=(1, 5), unseen="refuse"), {"x": np.array([1, 2, 5])}, [("x[1]", "one of 1, 5", "2")]),
    ("true is no 1", one("int64", categories=(1, 5), unseen="refuse"), {"x": [True]}, [("x", "one of 1, 5", "true")]),
    ("a number for a category", one("string", categories=("1",), unseen="refuse"), {"x": [1]}, [("x", "one of '1'", "1")]),
    ("no instant", one("datetime"), {"x": ["2026-01-02", "tomorrow", 5]},
     [("x[1]", "an ISO 8601 datetime", "'tomorrow'"), ("x[2]", "an ISO 8601 datetime", "5")]),
    ("an instant outside time", one("datetime"), {"x": ["0001-01-01T00:00:00+05:00"]},
     [("x", "an ISO 8601 datetime", "'0001-01-01T00:00:00+05:00'")]),
    ("another shape", PIXELS, np.zeros((2, 2, 3)),
     [("image[0]", PIXELS.inputs[0].expected, "values of shape [2, 3]")]),
    ("ragged", PIXELS, {"image": [[[1, 2], [3, 4]], [[1, 2], [3]]]}, [("image[1]", PIXELS.inputs[0].expected, "[[1, 2], [3]]")]),
    ("flat", PIXELS, {"image": [1.0]}, [("image", PIXELS.inputs[0].expected, "1.0")]),
    ("a value inside", PIXELS, {"image": [[[1, 2], [3, "x"]]]}, [("image[1][1]", PIXELS.inputs[0].expected, "'x'")]),
    ("rows for a scalar", one("float64"), {"x": [[1.0]]}, [("x", "a finite number", "values of shape [1]")]),
    ("unseen inside", one("string", shape=(2,), categories=("a",), unseen="refuse"), {"x": [["a", "b"]]},
     [("x[1]", "an array of shape [2], each one of 'a'", "'b'")]),
    ("a column without a name", Signature((Field("", "bool"),), ()), {"": [1, 2]},
     [('""[0]', "true or false", "1"), ('""[1]', "true or false", "2")]),
]  # fmt: skip


@pytest.mark.parametrize(("signature", "raw", "told"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_does_not_fit_is_told_field_by_field(signature: Signature, raw: Any, told: list[tuple[str, str, str]]):
    assert problems(signature, raw) == told


def test_every_field_that_is_wrong_is_named():
    raw = {"age": ["x"] * 100, "plan": ["x"] * 100, "income": ["x"] * 100, "since": ["x"] * 100}
    assert {field.partition("[")[0] for field, _, _ in problems(PEOPLE, raw)} == set(PEOPLE.names)


def test_a_table_of_strangers_is_told_briefly():
    wide = Signature(tuple(Field(f"feature_{n}", "float64") for n in range(3000)), ())
    told = problems(wide, {f"featur_{n}": [1.0] for n in range(3000)})
    assert len(told) == MAX_PROBLEMS
    assert told[0] == ("featur_0", "'feature_0'", "an unknown field")
    assert told[-1][1] == "one of " + ", ".join(wide.names[:12]) + ", …"


def test_a_name_without_end_is_cut():
    [(field, _, _), _] = problems(one("bool"), {"x" * 10_000_000: [True]})
    assert field == "x" * 100


@given(said(), st.data())
def test_one_wrong_value_is_refused_by_its_name(case: tuple[Signature, list[list[Any]]], data: st.DataObject):
    signature, rows = case
    index = data.draw(st.integers(0, len(signature.inputs) - 1))
    row = data.draw(st.integers(0, len(rows) - 1))
    item = signature.inputs[index]
    value = data.draw(wrong(item))
    assume(not (item.missing and value != value))  # outside JSON, NaN is how one says that a value is missing
    rows[row][index] = value
    name = item.shown
    rest = "" if len(rows) == 1 else f"[{row}]"
    for raw, place in (
        (columns_of(signature, rows), name + rest),
        (records_of(signature, rows), f"[{row}].{name}"),
        (pd.DataFrame({n: pd.Series(v, dtype=object) for n, v in columns_of(signature, rows).items()}), name + rest),
    ):
        told = problems(signature, raw)
        assert any(field.startswith(place) for field, _, _ in told), (place, told)
        assert all(expected and got for _, expected, got in told)


anything: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=3) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=12,
)


@given(signatures() | matrices(), st.data())
def test_whatever_comes_is_a_batch_or_a_refusal(signature: Signature, data: st.DataObject):
    columns = st.fixed_dictionaries(dict.fromkeys(signature.names, anything))
    raw = data.draw(anything | columns | st.lists(columns, min_size=1, max_size=2))
    try:
        batch = signature.conform(raw)
    except InvalidInput:
        return
    assert_same(signature.conform(batch), batch)


@given(signatures() | matrices(), st.sampled_from("bBhHiIlLqQefdgFDSUMmO"), st.integers(0, 3), st.integers(1, 4))
def test_whatever_array_comes_likewise(signature: Signature, code: str, rows: int, width: int):
    array = np.zeros((rows, width), dtype=code)
    try:
        batch = signature.conform(array)
    except InvalidInput:
        return
    assert batch.rows == rows
