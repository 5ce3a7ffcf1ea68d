"""What the dialects of arrays have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from daytwo.batch import Array, Batch
from daytwo.errors import InvalidInput, TooManyRows
from daytwo.signature import Signature


def refuse_rows(rows: int, max_rows: int) -> None:
    """Raise InvalidInput where there is no row, and TooManyRows where there are too many."""
    if rows == 0:
        raise InvalidInput.at("body", "at least 1 row", "none")
    if rows > max_rows:
        raise TooManyRows(max_rows, rows)


def conform_rows(signature: Signature, raw: Array | Mapping[str, Array]) -> Batch:
    """``raw`` by the signature's own rules; what is wrong with the whole of it is wrong with the body."""
    try:
        return signature.conform(raw)
    except InvalidInput as error:
        raise InvalidInput([replace(p, field=p.field or "body") for p in error.problems]) from None
