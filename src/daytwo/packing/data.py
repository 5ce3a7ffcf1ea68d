"""Tables out of files, for the command line: CSV and Parquet, as a notebook would have read them.

CSV is read by pyarrow: its types come from all values and not the first few, and a line with too many or too few
values is an error that names the line, where pandas fills up what is short. The result is a pandas table, for that is
what a model from a notebook was most likely fitted on.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from daytwo.errors import PackingError
from daytwo.packing.align import closest

_CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_PARQUET = (".parquet", ".pq")
_DELIMITERS = ",;\t|"


def read_data(path: Path | str, target: str | Sequence[str] | None = None) -> tuple[pd.DataFrame, Any]:
    """The rows of a CSV or Parquet file as X and y; y is None without ``target``.

    target: the column (or columns) that are the truth, and are taken out of X

    Raises PackingError for what is no such file, is damaged or has no column of that name.
    """
    table = read_table(Path(path))
    if target is None:
        return table, None
    wanted = [target] if isinstance(target, str) else list(target)
    columns = [str(name) for name in table.columns]
    for name in wanted:
        if name not in columns:
            raise PackingError(f"{path} has no column {name!r} to be the target: {closest(name, columns)}")
    rest = table.drop(columns=wanted)
    return rest, table[wanted[0]] if len(wanted) == 1 else table[wanted]


def read_table(path: Path) -> pd.DataFrame:
    """A CSV (``.csv``, ``.tsv``, gzipped or not) or Parquet (``.parquet``, ``.pq``, or a folder of them) file.

    A CSV's first line names the columns; they are divided by comma, semicolon, tab or bar. An empty cell, ``NA``,
    ``null`` and ``NaN`` are missing. An unnamed first column that counts the rows, as pandas writes it, is left out.
    """
    name = path.name.lower()
    if not path.exists():
        raise PackingError(f"there is no file {path}")
    if name.endswith(_CSV) and path.is_file():
        return _read_csv(path)
    if name.endswith(_PARQUET) or path.is_dir():
        return _read_parquet(path)
    raise PackingError(f"{path} is neither CSV ({', '.join(_CSV)}) nor Parquet ({', '.join(_PARQUET)})")


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return _to_pandas(pa.parquet.read_table(path))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise PackingError(f"{path} cannot be read as Parquet: {_first_line(error)}") from None


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        parse = pa.csv.ParseOptions(delimiter=_delimiter(path), newlines_in_values=True)
        # One thread: only then does an error name its row.
        read = pa.csv.ReadOptions(use_threads=False)
        convert = pa.csv.ConvertOptions(strings_can_be_null=True)
        table = pa.csv.read_csv(path, read_options=read, parse_options=parse, convert_options=convert)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise PackingError(f"{path} cannot be read as CSV: {_in_lines(_first_line(error))}") from None
    return _without_index(_to_pandas(table))


def _delimiter(path: Path) -> str:
    """The likeliest delimiter: the one that occurs most often in the first line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as file:
        head = "".join(islice(file, 1))
    if not head.strip():
        raise PackingError(f"{path} is empty")
    return max(_DELIMITERS, key=head.count)


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    for index, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(index, field.name, pc.cast(table.column(index), pa.float64()))
        elif pa.types.is_time(field.type):
            table = table.set_column(index, field.name, pc.cast(table.column(index), pa.string()))
    return table.to_pandas(date_as_object=False)


def _without_index(table: pd.DataFrame) -> pd.DataFrame:
    if not len(table.columns) or str(table.columns[0]) not in ("", "Unnamed: 0"):
        return table
    first = table.iloc[:, 0].to_numpy()
    counts = first.dtype.kind == "i" and np.array_equal(first, np.arange(len(first)))
    return table.iloc[:, 1:] if counts else table


def _in_lines(text: str) -> str:
    """Arrow counts rows from the header on, as editors count lines."""
    return text.removeprefix("CSV parse error: ").replace("Row #", "line ")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
