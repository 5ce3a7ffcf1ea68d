"""Inputs with the outputs that a model gave when it was packed: the bundle's own test.

Written as an ``npz`` that holds no pickle: every array is of a plain dtype. Text is UTF-8 bytes with offsets, so that
missing values, empty text and NUL survive; the names of columns are in a JSON header and not names of members.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from daytwo.batch import Array, Batch, is_missing
from daytwo.errors import CorruptBundle, brief

#: More than this, unpacked, is no set of examples.
_MAX_UNPACKED_BYTES = 512 * 1024 * 1024
_SORTS = {"b": "true or false", "i": "integers", "u": "integers", "f": "numbers", "O": "text", "M": "datetimes"}


@dataclass(frozen=True)
class Examples:
    """Rows with what must come out of them.

    inputs, outputs: with the same number of rows
    rtol, atol:      numbers may differ by ``atol + rtol * abs(expected)``; everything else must be equal
    """

    inputs: Batch
    outputs: Batch
    rtol: float = 1e-6
    atol: float = 1e-9

    def __post_init__(self) -> None:
        if self.inputs.rows != self.outputs.rows:
            raise ValueError(f"{self.inputs.rows} rows of inputs, {self.outputs.rows} of outputs")

    @property
    def rows(self) -> int:
        """How many examples there are."""
        return self.inputs.rows

    def save(self, path: Path) -> None:
        """Write them to ``path``. Raises TypeError where a column holds something else than plain values."""
        path.write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: Path) -> Examples:
        """The inverse of :meth:`save`. Raises CorruptBundle where the file is not what ``save`` writes."""
        data = path.read_bytes()
        try:
            return cls.from_bytes(data)
        except (ValueError, KeyError, TypeError, IndexError, EOFError, MemoryError, NotImplementedError,
                OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
            raise CorruptBundle(path.parent, f"{path.name} cannot be read ({error})") from None

    def to_bytes(self) -> bytes:
        """The same examples give the same bytes."""
        header = {
            "rtol": self.rtol,
            "atol": self.atol,
            "inputs": _describe(self.inputs),
            "outputs": _describe(self.outputs),
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            _put(archive, "header", np.frombuffer(json.dumps(header).encode(), dtype=np.uint8))
            for part, batch in (("inputs", self.inputs), ("outputs", self.outputs)):
                for index, (_, column) in enumerate(batch.items()):
                    for suffix, array in _pack_column(column):
                        _put(archive, f"{part}.{index}.{suffix}", array)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Examples:
        """The inverse of :meth:`to_bytes`."""
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_UNPACKED_BYTES:
                raise ValueError("it would unpack to too much")
            header = json.loads(_get(archive, "header").tobytes())
            batches = [_read_batch(archive, part, header[part]) for part in ("inputs", "outputs")]
            return cls(batches[0], batches[1], float(header["rtol"]), float(header["atol"]))

    def compare(self, actual: Batch) -> list[str]:
        """Every way in which ``actual`` is not what was expected, in words; empty where all is well.

        Numbers within the tolerances are equal, and NaN equals NaN; labels, text and the like are equal or not.
        """
        if actual.rows != self.rows:
            return [f"expected {self.rows} rows, got {actual.rows}"]
        failures = [
            f"an output {name!r} came that was not expected" for name in actual.names if name not in self.outputs
        ]
        for name, expected in self.outputs.items():
            if name in actual:
                failures += self._compare_column(name, expected, actual[name])
            else:
                failures.append(f"the output {name!r} did not come")
        return failures

    def _compare_column(self, name: str, expected: Array, actual: Array) -> list[str]:
        if actual.shape != expected.shape:
            return [f"{name} expected shape {list(expected.shape)}, got {list(actual.shape)}"]
        sorts = _SORTS.get(expected.dtype.kind), _SORTS.get(actual.dtype.kind)
        if sorts[0] != sorts[1]:
            return [f"{name} expected {sorts[0]}, got {sorts[1] or actual.dtype}"]
        wrong = ~self._equal(expected, actual)
        return [_difference(name, tuple(at), expected, actual) for at in np.argwhere(wrong).tolist()]

    def _equal(self, expected: Array, actual: Array) -> Array:
        both_missing = is_missing(expected) & is_missing(actual)
        if expected.dtype.kind == "f":
            wide = expected.astype(np.float64), actual.astype(np.float64)
            return np.isclose(wide[1], wide[0], rtol=self.rtol, atol=self.atol) | both_missing
        return np.asarray(expected == actual, dtype=np.bool_) | both_missing


def _difference(name: str, at: tuple[int, ...], expected: Array, actual: Array) -> str:
    row, rest = at[0], at[1:]
    where = name + (f"[{', '.join(map(str, rest))}]" if rest else "")
    return f"row {row}: {where} expected {_word(expected[at])}, got {_word(actual[at])}"


def _word(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return str(value)
    return brief(value.item() if isinstance(value, np.generic) else value)


def _describe(batch: Batch) -> dict[str, Any]:
    text = [column.dtype.kind == "O" for _, column in batch.items()]
    return {"names": list(batch.names), "text": text, "matrix": batch.matrix is not None, "rows": batch.rows}


def _pack_column(column: Array) -> Iterator[tuple[str, Array]]:
    if column.dtype.kind != "O":
        if column.dtype.kind not in "biufM":
            raise TypeError(f"examples cannot hold values of dtype {column.dtype}")
        yield "values", np.ascontiguousarray(column)
        return
    wrong = next((value for value in column.flat if not (value is None or isinstance(value, str))), None)
    if wrong is not None:
        raise TypeError(f"examples cannot hold {brief(wrong)} of type {type(wrong).__name__} among text")
    encoded = [b"" if value is None else value.encode("utf-8", "surrogatepass") for value in column.flat]
    yield "shape", np.array(column.shape, dtype=np.int64)
    yield "missing", is_missing(column).ravel()
    yield "ends", np.cumsum([len(text) for text in encoded], dtype=np.int64)
    yield "bytes", np.frombuffer(b"".join(encoded), dtype=np.uint8)


def _unpack_text(archive: zipfile.ZipFile, key: str) -> Array:
    shape, missing, ends, data = (_get(archive, f"{key}.{part}") for part in ("shape", "missing", "ends", "bytes"))
    text, starts = data.tobytes(), [0, *ends.tolist()][: len(ends)]
    values = np.empty(len(missing), dtype=object)
    for index, (start, end) in enumerate(zip(starts, ends.tolist(), strict=True)):
        values[index] = None if missing[index] else text[start:end].decode("utf-8", "surrogatepass")
    return values.reshape(tuple(shape.tolist()))


def _read_batch(archive: zipfile.ZipFile, part: str, header: dict[str, Any]) -> Batch:
    columns: dict[str, Array] = {}
    for index, (name, text) in enumerate(zip(header["names"], header["text"], strict=True)):
        key = f"{part}.{index}"
        columns[name] = _unpack_text(archive, key) if text else _get(archive, f"{key}.values")
    if not header["matrix"]:
        return Batch.from_columns(columns)
    names, values = tuple(columns), list(columns.values())
    return Batch.from_matrix(names, np.stack(values, axis=1) if values else np.empty((header["rows"], 0)))


def _put(archive: zipfile.ZipFile, key: str, array: Array) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    # A fixed date (the format's earliest) and mode keep the bytes the same from one packing to the next.
    info = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    archive.writestr(info, buffer.getvalue())


def _get(archive: zipfile.ZipFile, key: str) -> Array:
    array: Array = np.lib.format.read_array(io.BytesIO(archive.read(f"{key}.npy")), allow_pickle=False)
    return array
