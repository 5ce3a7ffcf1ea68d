"""Ways to say a request and an answer on the wire. A dialect only translates between bytes and the values here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, overload

from daytwo.batch import Batch

#: How the caller spoke, and so how it is answered: one row, a list of rows, or columns.
Form = Literal["row", "rows", "columns"]

Headers = tuple[tuple[bytes, bytes], ...]

#: The dialects of a served model by name, each with the media type in which it answers, as Content-Type and Accept say.
MEDIA_TYPES: Mapping[str, str] = {
    "native": "application/json",
    "arrow": "application/vnd.apache.arrow.stream",
    "npy": "application/x-npy",
}


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


@dataclass(slots=True)
class Payload:
    """An Answer on the wire: its bytes, and the headers that go with them (Content-Length left out)."""

    body: bytes
    headers: Headers


class Dialect(Protocol):
    """One wire form, for one model."""

    def decode(self, body: bytes | bytearray) -> Request:
        """The Request in ``body``. Raises MalformedBody, InvalidInput, TooManyRows."""
        ...

    def encode(self, answer: Answer) -> Payload:
        """An Answer on the wire."""
        ...


@dataclass(frozen=True, slots=True)
class RowIds(Sequence[str]):
    """One id a row, made of one for all: ``id-0``, ``id-1``, …. None of them is written before it is asked for.

    >>> list(RowIds("mine", 3)), RowIds("mine", 3)[1:]
    (['mine-0', 'mine-1', 'mine-2'], ['mine-1', 'mine-2'])
    """

    base: str
    rows: int

    def __len__(self) -> int:
        return self.rows

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [f"{self.base}-{row}" for row in range(self.rows)[index]]
        return f"{self.base}-{range(self.rows)[index]}"
