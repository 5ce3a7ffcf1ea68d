"""What is sent: rows as request bodies of one row or many, from a bundle's examples, a file or a server's own example."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daytwo.batch import Batch
from daytwo.errors import InvalidInput, OutsideFailure, UnknownReference
from daytwo.signature import Signature

#: How many different bodies are sent in turn.
_DIFFERENT = 256
#: The bytes that all bodies of one stage may have together.
_STAGE_BYTES = 16 << 20
_MANY = ("feature_vectors", "records", "columns")

Row = list[Any] | dict[str, Any]


@dataclass(frozen=True)
class Bodies:
    """Rows, by position or by name; or bodies that are somebody else's business, sent as they are.

    rows:   in the native dialect, or empty where ``opaque`` are sent
    opaque: bodies that are not looked into
    """

    rows: tuple[Row, ...] = ()
    opaque: tuple[bytes, ...] = ()

    @property
    def divisible(self) -> bool:
        """Whether they are rows, of which bodies with many can be made."""
        return bool(self.rows) and not self.opaque

    def of(self, count: int) -> list[bytes]:
        """Bodies of ``count`` rows each, the rows taken in turn; opaque ones, which count as one row, stand beside."""
        if count == 1:
            return [*(_dump(_one(row)) for row in self.rows), *self.opaque][:_DIFFERENT]
        first = self._body(0, count)
        different = max(1, min(_DIFFERENT, len(self.rows), _STAGE_BYTES // len(first)))
        return [first, *(self._body(number * count, count) for number in range(1, different))]

    def _body(self, start: int, count: int) -> bytes:
        return _dump(_many([self.rows[(start + offset) % len(self.rows)] for offset in range(count)]))


def from_batch(signature: Signature, inputs: Batch) -> Bodies:
    """The rows of ``inputs``, by position where the signature is one matrix and by name otherwise."""
    columns = [field.plain(inputs[field.name]) for field in signature.inputs]
    rows = zip(*columns, strict=True)
    if signature.matrix_dtype is not None:
        return Bodies(tuple(list(row) for row in rows))
    return Bodies(tuple(dict(zip(signature.names, row, strict=True)) for row in rows))


def from_parsed(document: Any) -> Bodies:
    """A parsed JSON document: one of the native dialect's forms of many rows, a list of rows, or one body as it is."""
    if isinstance(document, dict) and len(document) == 1 and (key := next(iter(document))) in _MANY:
        content = document[key]
        if key == "columns" and isinstance(content, dict):
            return Bodies(tuple(dict(zip(content, row, strict=False)) for row in zip(*content.values(), strict=False)))
        document = content
    if isinstance(document, list) and document and all(isinstance(row, dict | list) for row in document):
        return Bodies(tuple(document))
    if isinstance(document, dict) and isinstance(document.get("feature_vector"), list) and len(document) == 1:
        return Bodies((document["feature_vector"],))
    return Bodies(opaque=(_dump(document),))


def from_file(path: Path, signature: Signature | None = None) -> Bodies:
    """The rows in a file: CSV with names in its first line, JSON, or JSON Lines with one body a line.

    signature: the fields that are wanted, with their types; columns of a table that are none are left out

    Raises UnknownReference where there is no such file, InvalidInput where it does not hold rows.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UnknownReference(str(path), "there is no such file") from None
    except UnicodeDecodeError:
        raise InvalidInput.at(str(path), "text in UTF-8: CSV, JSON or JSON Lines", "other bytes") from None
    except OSError as error:
        raise OutsideFailure(f"{path} cannot be read: {error.strerror}") from None
    if path.suffix.lower() == ".csv":
        bodies = Bodies(tuple(_csv_rows(text, signature)))
    elif path.suffix.lower() in (".jsonl", ".ndjson"):
        parts = [
            from_parsed(_parse(line, f"{path}, line {n}"))
            for n, line in enumerate(text.splitlines(), 1)
            if line.strip()
        ]
        bodies = Bodies(sum((p.rows for p in parts), ()), sum((p.opaque for p in parts), ()))
    else:
        bodies = from_parsed(_parse(text, str(path)))
    if not bodies.rows and not bodies.opaque:
        raise InvalidInput.at(str(path), "at least one row", "none")
    return bodies


def records(bodies: Bodies) -> Bodies:
    """Opaque bodies as the rows by name that they are for a model of ours."""
    return Bodies((*bodies.rows, *(json.loads(body) for body in bodies.opaque))) if bodies.opaque else bodies


def _csv_rows(text: str, signature: Signature | None) -> list[dict[str, Any]]:
    table = csv.DictReader(io.StringIO(text))
    words = {field.name for field in signature.inputs if field.kind in "OM"} if signature else set()
    names = [name for name in table.fieldnames or () if signature is None or name in signature.names]
    return [{name: _value(row[name] or "", text=name in words) for name in names} for row in table]


def _value(cell: str, *, text: bool) -> Any:
    """What a cell says: nothing, a number, true or false, or text."""
    if not cell:
        return None
    if text:
        return cell
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    try:
        number = float(cell)
    except ValueError:
        return cell
    return int(cell) if cell.lstrip("+-").isdigit() else number if number - number == 0.0 else cell


def _one(row: Row) -> Any:
    return {"feature_vector": row} if isinstance(row, list) else row


def _many(rows: Sequence[Row]) -> Any:
    """Many rows in the shortest form: names are said once."""
    first = rows[0]
    if isinstance(first, list):
        return {"feature_vectors": rows}
    records = [row for row in rows if isinstance(row, dict) and row.keys() == first.keys()]
    if len(records) < len(rows):
        return rows
    return {"columns": {name: [row[name] for row in records] for name in first}}


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput.at(where, "JSON (or a .csv file)", str(error)) from None


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
