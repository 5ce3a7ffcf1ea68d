"""Ways to say a request and an answer on the wire. A dialect only translates between bytes and these two values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from daytwo.batch import Batch

#: How the caller spoke, and so how it is answered: one row, a list of rows, or columns.
Form = Literal["row", "rows", "columns"]


@dataclass(slots=True)
class Request:
    """A decoded request: rows that fit the signature, and the ids that the caller chose (or None)."""

    batch: Batch
    form: Form
    prediction_ids: Sequence[str | None] | None = None


@dataclass(slots=True)
class Answer:
    """What the model said to a Request: outputs for its rows, in order, one prediction id a row."""

    outputs: Batch
    form: Form
    prediction_ids: Sequence[str]
    probabilities: bool = False
