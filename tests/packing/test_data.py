from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

import models
from daytwo.errors import PackingError
from daytwo.packing.data import read_data, read_table


@pytest.fixture
def write(tmp_path: Path):
    """A function that writes a file and returns its path."""

    def call(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return call


@pytest.mark.parametrize(
    ("text", "dtypes"),
    [
        ("a,b\n1,0.5\n2,1\n", {"a": "int64", "b": "float64"}),
        ("a,b\n1,\n,2.5\n", {"a": "float64", "b": "float64"}),
        ("a\ntrue\nfalse\n", {"a": "bool"}),
        ("a\nx\n\ny\n", {"a": "str"}),
        ("a,b\nx,1\nNA,2\n", {"a": "str", "b": "int64"}),
        ("a\n2024-01-01\n2024-01-02\n", {"a": "datetime64[ms]"}),
        ("a\n2024-01-01 12:00:00\n", {"a": "datetime64[s]"}),
        ("a\n12:30:00\n", {"a": "str"}),
        ("a,b\n1,\n2,\n", {"a": "int64", "b": "float64"}),
        ("a;b\n1;2\n", {"a": "int64", "b": "int64"}),
        ("a\tb\n1\t2\n", {"a": "int64", "b": "int64"}),
        ("a|b\n1|2\n", {"a": "int64", "b": "int64"}),
        ('a,b\n1,"two\nlines"\n', {"a": "int64", "b": "str"}),
        ("\ufeffä,b\n1,2\n", {"ä": "int64", "b": "int64"}),
        (",a\n0,5\n1,6\n", {"a": "int64"}),
        (",a\n7,5\n9,6\n", {"": "int64", "a": "int64"}),
    ],
)
def test_types_of_csv(write, text: str, dtypes: dict[str, str]):
    table = read_table(write("data.csv", text))
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == dtypes


def test_missing_text_is_missing_and_not_empty(write):
    table = read_table(write("data.csv", "a,b\nx,1\n,2\nNA,3\n"))
    assert table["a"].isna().tolist() == [False, True, True]


def test_gzipped_csv(write):
    assert read_table(write("data.csv.gz", gzip.compress(b"a;b\n1;2\n"))).to_dict("list") == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.csv", "a,b\n1,2\n3\n", "line 3: Expected 2 columns, got 1"),
        ("data.csv", "a,b\n1,2\n3,4,5\n", "line 3: Expected 2 columns, got 3"),
        ("data.csv", "", "is empty"),
        ("data.csv", "\n\n", "is empty"),
        ("data.csv", b"a\n\xff\xfe\n", "cannot be read as CSV: .*(UTF|utf)"),
        ("data.csv.gz", "not gzip", "cannot be read as CSV"),
        ("data.parquet", "not parquet", "cannot be read as Parquet"),
        ("data.txt", "a\n1\n", r"neither CSV \(.csv, .*\) nor Parquet"),
    ],
)
def test_damaged_files_are_said_to_be_so(write, name: str, content: str | bytes, message: str):
    with pytest.raises(PackingError, match=message) as caught:
        read_table(write(name, content))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(PackingError, match="there is no file"):
        read_table(tmp_path / "nothing.csv")


@pytest.mark.parametrize("suffix", [".parquet", ".pq"])
def test_parquet_keeps_the_types_it_was_written_with(tmp_path: Path, suffix: str):
    X, _ = models.customers(20)
    X["since"] = pd.Timestamp("2024-01-01", tz="UTC")
    X.to_parquet(tmp_path / f"data{suffix}")
    pd.testing.assert_frame_equal(read_table(tmp_path / f"data{suffix}"), X)


def test_a_folder_of_parquet_files(tmp_path: Path):
    X, _ = models.customers(20)
    (tmp_path / "lake").mkdir()
    X[:10].to_parquet(tmp_path / "lake" / "1.parquet")
    X[10:].to_parquet(tmp_path / "lake" / "2.parquet")
    assert len(read_table(tmp_path / "lake")) == 20


def test_the_target_is_taken_out(write):
    path = write("data.csv", "a,b,y,z\n1,2,3,4\n")
    X, y = read_data(path, "y")
    assert (list(X.columns), y.tolist()) == (["a", "b", "z"], [3])
    X, y = read_data(path, ["z", "y"])
    assert (list(X.columns), y.to_dict("list")) == (["a", "b"], {"z": [4], "y": [3]})
    X, y = read_data(path)
    assert (list(X.columns), y) == (["a", "b", "y", "z"], None)


def test_a_target_that_is_not_there_is_named_with_what_was_meant(write):
    with pytest.raises(PackingError, match="no column 'targt' to be the target: did you mean 'target'"):
        read_data(write("data.csv", "a,target\n1,2\n"), "targt")
