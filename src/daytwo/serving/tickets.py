"""Requests that wait for the model, and the pieces of them that it is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from daytwo.batch import Batch
from daytwo.errors import DaytwoError

#: Told once: the outputs for a request's rows, or why there are none.
Answered = Callable[[Batch | DaytwoError], None]

#: Requests of more rows are looked at one by one where it is asked what comes before another.
_LARGE_ROWS = 256
#: What a waiting request holds beside its rows: its connection, its head, its place in the queue.
_OVERHEAD_BYTES = 4096


_NO_ROWS = Batch((), 0, {}, None)


def _nobody(said: Batch | DaytwoError) -> None:
    """Who answers when the caller is gone."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A request that waits for the model; it has at least one row.

    asked:    when its caller asked (of ``time.perf_counter``)
    since:    when it began to wait here
    deadline: when nobody waits for it any more
    begun:    how many of its rows the model was given
    done:     whether its caller was told, or is gone
    """

    batch: Batch
    answered: Answered
    asked: float
    since: float
    deadline: float
    begun: int = 0
    done: bool = False
    _parts: dict[int, Batch] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Rows that the model has not been given yet."""
        return self.batch.rows - self.begun

    def let_go(self) -> None:
        """Hold nothing any more."""
        self.batch, self.begun, self.answered = _NO_ROWS, 0, _nobody
        self._parts.clear()

    def next(self, rows: int) -> Piece:
        """The next ``rows`` of it."""
        start, self.begun = self.begun, self.begun + rows
        whole = rows == self.batch.rows
        return Piece(self, start, self.batch if whole else self.batch.take(slice(start, start + rows)))

    def gather(self, piece: Piece, outputs: Batch) -> Batch | None:
        """Keep the outputs of one piece; all of them in order once they are complete."""
        if piece.batch.rows == self.batch.rows:
            return outputs
        self._parts[piece.start] = outputs
        if sum(part.rows for part in self._parts.values()) < self.batch.rows:
            return None
        return Batch.stack([self._parts[start] for start in sorted(self._parts)])


@dataclass(slots=True, eq=False)
class Piece:
    """Consecutive rows of one ticket, from row ``start`` on; mostly all of them."""

    ticket: Ticket
    start: int
    batch: Batch


class Queue:
    """Tickets in order of their arrival. One that is too large for a batch gives a piece, and then lets the others have
    their turn.

    rows, nbytes: of all that nobody has left, and that the model has not been given
    """

    def __init__(self) -> None:
        self._tickets: deque[Ticket] = deque()
        self._large: set[Ticket] = set()
        self.rows = 0
        self.nbytes = 0.0

    def __len__(self) -> int:
        return len(self._tickets)

    def __iter__(self) -> Iterator[Ticket]:
        return iter(self._tickets)

    def add(self, ticket: Ticket) -> None:
        """To the end."""
        self._tickets.append(ticket)
        if ticket.batch.rows > _LARGE_ROWS:
            self._large.add(ticket)
        self.rows += ticket.batch.rows
        self.nbytes += _weight(ticket)

    def drop(self, ticket: Ticket) -> None:
        """What the model has not been given of ``ticket`` will never be; it stands here, without weight, until met."""
        if ticket.left:
            self._forget(ticket, ticket.left)
        self._large.discard(ticket)
        ticket.let_go()

    def turns(self, max_rows: int) -> int:
        """How many rows come before a small request that came now, where no batch has more than ``max_rows``."""
        return self.rows - sum(max(0, ticket.left - max_rows) for ticket in self._large)

    def take(self, max_rows: int, max_bytes: int) -> list[Piece]:
        """The pieces of the next batch: at least one, if any is there, and as many as fit."""
        pieces: list[Piece] = []
        room, space = max_rows, max_bytes
        while self._tickets and room > 0:
            ticket = self._tickets[0]
            if ticket.done:
                self._tickets.popleft()
                continue
            batch = ticket.batch
            row_bytes = batch.nbytes // batch.rows
            rows = min(ticket.left, room, max(1, space // max(1, row_bytes)))
            splits = batch.rows > max_rows or batch.nbytes > max_bytes
            if pieces and (rows * row_bytes > space or (rows < ticket.left and not splits)):
                break
            self._tickets.popleft()
            self._forget(ticket, rows)
            pieces.append(ticket.next(rows))
            room, space = room - rows, space - rows * row_bytes
            if ticket.left:
                self._tickets.append(ticket)
            else:
                self._large.discard(ticket)
        return pieces

    def _forget(self, ticket: Ticket, rows: int) -> None:
        self.rows -= rows
        self.nbytes -= _weight(ticket) * rows / ticket.batch.rows if self.rows else self.nbytes


def _weight(ticket: Ticket) -> int:
    return ticket.batch.nbytes + _OVERHEAD_BYTES
