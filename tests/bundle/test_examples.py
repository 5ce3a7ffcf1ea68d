from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bundles import examples, forge_file, is_sentence, make
from daytwo.batch import DTYPES, Array, Batch
from daytwo.bundle import Examples, open_bundle
from daytwo.errors import CorruptBundle

ROWS = 4


@st.composite
def columns(draw: st.DrawFn) -> Array:
    """Any column that a Batch may hold, of ROWS rows: every datatype, scalars and tensors."""
    shape = (ROWS, *draw(st.lists(st.integers(0, 3), max_size=2)))
    name = draw(st.sampled_from(sorted(DTYPES)))
    if name == "string":
        count = int(np.prod(shape))
        column = np.empty(count, dtype=object)
        column[:] = draw(st.lists(st.none() | st.text(st.characters()), min_size=count, max_size=count))
        return column.reshape(shape)
    return draw(arrays.arrays(DTYPES[name], shape))


def same(one: Batch, other: Batch) -> None:
    assert one.names == other.names
    assert (one.rows, one.matrix is None) == (other.rows, other.matrix is None)
    for (_, a), (_, b) in zip(one.items(), other.items(), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if a.dtype.kind == "O":
            assert a.tolist() == b.tolist()
        else:
            assert a.tobytes() == b.tobytes()  # NaN, NaT and minus zero included


@given(st.dictionaries(st.text(), columns(), min_size=1), st.dictionaries(st.text(), columns(), min_size=1))
def test_any_columns_come_back_as_they_were(inputs: dict[str, Array], outputs: dict[str, Array]):
    before = Examples(Batch.from_columns(inputs), Batch.from_columns(outputs), rtol=1e-5, atol=0.1)
    after = Examples.from_bytes(before.to_bytes())
    same(before.inputs, after.inputs)
    same(before.outputs, after.outputs)
    assert (after.rtol, after.atol) == (1e-5, 0.1)
    assert after.compare(before.outputs) == []


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_matrix_comes_back_as_a_matrix(rows: int):
    batch = Batch.from_matrix(("a", "b"), np.arange(rows * 2, dtype=np.float32).reshape(rows, 2))
    after = Examples.from_bytes(Examples(batch, batch).to_bytes())
    same(batch, after.inputs)


def test_the_same_examples_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch):
    first = examples().to_bytes()
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert examples().to_bytes() == first


def test_nothing_in_the_file_is_a_pickle(tmp_path: Path):
    path = tmp_path / "examples.npz"
    examples().save(path)
    with np.load(path, allow_pickle=False) as members:  # numpy itself can read it, with pickles forbidden
        assert all(members[name].dtype != object for name in members.files)


@pytest.mark.parametrize(
    ("values", "said"),
    [([1, "a"], "cannot hold 1 of type int among text"), ([b"x", None], "cannot hold b'x' of type bytes among text"), ([1 + 2j], "dtype complex128")],
)  # fmt: skip
def test_what_is_no_plain_value_is_refused_when_it_is_written(values: list[Any], said: str):
    column = np.array(values, dtype=None if isinstance(values[0], complex) else object)
    batch = Batch.from_columns({"a": column})
    with pytest.raises(TypeError, match=said):
        Examples(batch, batch).to_bytes()


def test_inputs_and_outputs_have_the_same_rows():
    one, two = (Batch.from_columns({"a": np.zeros(rows)}) for rows in (1, 2))
    with pytest.raises(ValueError, match="1 rows of inputs, 2 of outputs"):
        Examples(one, two)


def npz(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def npy(array: Array, *, pickled: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=pickled)
    return buffer.getvalue()


def header(**changes: Any) -> bytes:
    part = {"names": ["a"], "text": [False], "matrix": False, "rows": 1}
    document = {"rtol": 0.0, "atol": 0.0, "inputs": part, "outputs": part} | changes
    return npy(np.frombuffer(json.dumps(document).encode(), dtype=np.uint8))


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("a pickle was executed",))


EVIL = npy(np.array([Evil()], dtype=object), pickled=True)
FINE = npy(np.zeros(1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a zip",
        pickle.dumps(Evil()),
        examples().to_bytes()[:-30],
        npz(),
        npz(header=b""),
        npz(header=EVIL),
        npz(header=npy(np.frombuffer(b"[]", dtype=np.uint8))),
        npz(header=npy(np.frombuffer(b"{}", dtype=np.uint8))),
        npz(header=npy(np.frombuffer(b"[" * 100_000, dtype=np.uint8))),
        npz(header=header()),
        npz(header=header(rtol="much"), **{"inputs.0.values": FINE, "outputs.0.values": FINE}),
        npz(header=header(), **{"inputs.0.values": EVIL, "outputs.0.values": FINE}),
        npz(header=header(), **{"inputs.0.values": FINE[:-4], "outputs.0.values": FINE}),
        npz(header=header(), **{"inputs.0.values": npy(np.zeros(2)), "outputs.0.values": FINE}),
        npz(header=header(), **{"inputs.0.values": npy(np.array(1.0)), "outputs.0.values": FINE}),
        npz(header=header(), **{"inputs.0.values": FINE.replace(b"(1,)", b"(9,)"), "outputs.0.values": FINE}),
        npz(header=header(), **{"inputs.0.values": npy(np.zeros(80_000_000)), "outputs.0.values": FINE}),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_a_forged_file_is_refused_and_never_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes):
    bundle = make(tmp_path / "bundle")
    forge_file(bundle, "examples.npz", data)
    opened = open_bundle(bundle)
    with pytest.raises(CorruptBundle, match=r"examples.npz cannot be read") as caught:
        opened.examples()
    assert is_sentence(str(caught.value))
    assert capsys.readouterr().out == ""


def expected(**columns: Any) -> Examples:
    outputs = Batch.from_columns({name: np.asarray(values) for name, values in columns.items()})
    return Examples(Batch.from_columns({"x": np.zeros(outputs.rows)}), outputs, rtol=1e-3, atol=1e-6)


def got(**columns: Any) -> Batch:
    return Batch.from_columns({name: np.asarray(values) for name, values in columns.items()})


TEXT = np.array(["a", "b", None], dtype=object)


@pytest.mark.parametrize(
    ("wanted", "actual"),
    [
        ({"value": [1.0, np.nan]}, {"value": [1.0009, np.nan]}),
        ({"value": [np.inf, -np.inf]}, {"value": [np.inf, -np.inf]}),
        ({"value": [0.0]}, {"value": [1e-7]}),
        ({"value": [1.0]}, {"value": np.array([1.0], dtype=np.float32)}),
        ({"class": TEXT}, {"class": TEXT.copy()}),
        ({"class": [1, 2]}, {"class": np.array([1, 2], dtype=np.int8)}),
        ({"at": np.array(["NaT", "2026-01-01"], "M8[us]")}, {"at": np.array(["NaT", "2026-01-01"], "M8[us]")}),
        ({"p": [[0.1, 0.9]]}, {"p": [[0.10001, 0.9]]}),
    ],
)
def test_what_is_equal_within_tolerances_is_fine(wanted: dict[str, Any], actual: dict[str, Any]):
    assert expected(**wanted).compare(got(**actual)) == []


@pytest.mark.parametrize(
    ("wanted", "actual", "failures"),
    [
        ({"class": TEXT}, {"class": np.array(["a", "c", ""], dtype=object)},
         ["row 1: class expected 'b', got 'c'", "row 2: class expected null, got ''"]),
        ({"class": [1, 2]}, {"class": [1, 3]}, ["row 1: class expected 2, got 3"]),
        ({"class": [True]}, {"class": [False]}, ["row 0: class expected true, got false"]),
        ({"class": [2**53 + 1]}, {"class": [2**53]}, ["row 0: class expected 9007199254740993, got 9007199254740992"]),
        ({"value": [1.0, 2.0]}, {"value": [1.0, 2.1]}, ["row 1: value expected 2.0, got 2.1"]),
        ({"value": [1.0]}, {"value": [np.nan]}, ["row 0: value expected 1.0, got NaN"]),
        ({"value": [np.nan]}, {"value": [1.0]}, ["row 0: value expected NaN, got 1.0"]),
        ({"value": [np.inf]}, {"value": [-np.inf]}, ["row 0: value expected Infinity, got -Infinity"]),
        ({"value": [1e300]}, {"value": np.array([np.inf], np.float32)}, ["row 0: value expected 1e+300, got Infinity"]),
        ({"p": [[0.1, 0.9]]}, {"p": [[0.1, 0.8]]}, ["row 0: p[1] expected 0.9, got 0.8"]),
        ({"p": [[0.1, 0.9]]}, {"p": [0.1]}, ["p expected shape [1, 2], got [1]"]),
        ({"class": [1]}, {"class": np.array(["1"], dtype=object)}, ["class expected integers, got text"]),
        ({"class": [1]}, {"class": [1.0]}, ["class expected integers, got numbers"]),
        ({"a": [1], "b": [1]}, {"a": [1], "c": [1]},
         ["an output 'c' came that was not expected", "the output 'b' did not come"]),
        ({"a": [1, 2]}, {"a": [1]}, ["expected 2 rows, got 1"]),
        ({"at": np.array(["2026-01-01"], "M8[us]")}, {"at": np.array(["NaT"], "M8[us]")},
         ["row 0: at expected 2026-01-01T00:00:00.000000, got NaT"]),
    ],
)  # fmt: skip
def test_what_differs_is_said_in_words(wanted: dict[str, Any], actual: dict[str, Any], failures: list[str]):
    assert expected(**wanted).compare(got(**actual)) == failures
