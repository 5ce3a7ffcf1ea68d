"""Integer counts of what went into a model, what came out, and how wrong it was.

A :class:`Quantity` is one thing that is counted (the field ``age``, the probability of ``yes``, the residual), with
the cells it falls into: :class:`Bins` for what has an order, :class:`Levels` for what has not. :class:`Counts` holds
one integer per cell of every quantity. Counts over the same quantities add, exactly: over batches, workers, replicas
and batch jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from daytwo.batch import Array, Batch
from daytwo.monitoring.cells import Bins, Levels, Lines
from daytwo.monitoring.measures import Measure, measured

Part = Literal["input", "output", "error"]


@dataclass(frozen=True)
class Quantity:
    """One thing that is counted.

    part:    whether it is an input, an output or an error
    field:   the name of the field or output; of errors, the output that is wrong
    measure: what of the field is counted (see :mod:`daytwo.monitoring.measures`)
    item:    which entry of a tensor, or None
    cells:   where its values fall
    label:   what the entry is called (a class), or None
    """

    part: Part
    field: str
    measure: Measure
    cells: Bins | Levels
    item: int | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """A short name: ``age``, ``probabilities[yes]``, ``note.length``, ``value.residual``."""
        entry = "" if self.item is None else f"[{self.item if self.label is None else self.label}]"
        return self.field + entry + ("" if self.measure == "value" else f".{self.measure}")

    def to_json(self) -> dict[str, Any]:
        """A JSON object that leaves out what is None."""
        out = {"field": self.field, "measure": self.measure, "item": self.item, "label": self.label}
        return {key: value for key, value in out.items() if value is not None} | self.cells.to_json()

    @classmethod
    def from_json(cls, part: Part, data: Mapping[str, Any]) -> Quantity:
        """The inverse of :meth:`to_json`."""
        cells: Bins | Levels
        if "levels" in data:
            cells = Levels(tuple(tuple(value) if isinstance(value, list) else value for value in data["levels"]))
        else:
            cells = Bins(tuple(float(edge) for edge in data["edges"]), data["maximum"])
        return cls(part, data["field"], data["measure"], cells, data.get("item"), data.get("label"))


class Layout:
    """The quantities of one model, and how a batch is folded into their cells. Built once, used for every batch."""

    def __init__(self, quantities: Iterable[Quantity]) -> None:
        self.quantities = tuple(quantities)
        self.starts = np.cumsum([0, *(quantity.cells.size for quantity in self.quantities)])
        self.size = int(self.starts[-1])

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Layout) and self.quantities == other.quantities)

    def __hash__(self) -> int:
        return hash(self.quantities)

    def slot(self, index: int) -> slice:
        """Where the cells of quantity ``index`` lie."""
        return slice(int(self.starts[index]), int(self.starts[index + 1]))

    @cached_property
    def _binned(self) -> Mapping[Part, _Binned]:
        return {part: _Binned(self, part) for part in ("input", "output", "error")}

    @cached_property
    def _leveled(self) -> Mapping[Part, list[int]]:
        every = list(enumerate(self.quantities))
        return {
            part: [i for i, q in every if q.part == part and isinstance(q.cells, Levels)]
            for part in ("input", "output", "error")
        }

    def fold(self, part: Part, batch: Batch, truth: Batch | None) -> npt.NDArray[np.int64]:
        """The counts of one part of one batch, in an array of all cells."""
        out = np.zeros(self.size, dtype=np.int64)
        binned = self._binned[part]
        if binned.indices and batch.rows:
            tally = binned.lines.count(binned.matrix(batch, truth))
            for index, start in zip(binned.indices, binned.lines.starts, strict=True):
                out[self.slot(index)] = tally[start : start + self.quantities[index].cells.size]
        for index in self._leveled[part]:
            quantity = self.quantities[index]
            assert isinstance(quantity.cells, Levels)
            out[self.slot(index)] = quantity.cells.count(values_of(quantity, batch, truth))
        return out


def values_of(quantity: Quantity, batch: Batch, truth: Batch | None) -> Any:
    """What ``quantity`` counts in a batch, one value per row."""
    known = truth[quantity.field] if truth is not None else None
    return measured(quantity.measure, quantity.item, batch[quantity.field], known)


class _Binned:
    """The quantities of one part that have bins, and these bins together."""

    def __init__(self, layout: Layout, part: Part) -> None:
        chosen = [(i, q, q.cells) for i, q in enumerate(layout.quantities) if q.part == part]
        bins = [(i, q, cells) for i, q, cells in chosen if isinstance(cells, Bins)]
        self.indices = [i for i, _, _ in bins]
        self.lines = Lines([cells for _, _, cells in bins])
        self._quantities = [q for _, q, _ in bins]
        plain = all(q.measure == "value" and q.item is None for q in self._quantities)
        #: The fields, where their values are counted as they stand in the batch.
        self._fields = tuple(q.field for q in self._quantities) if plain else None

    def matrix(self, batch: Batch, truth: Batch | None) -> Array:
        """Their values, (rows, quantities): the batch's own matrix where that is what it holds."""
        own = batch.matrix
        if own is not None and batch.names == self._fields:
            return own
        out = np.empty((batch.rows, len(self._quantities)))
        for column, quantity in enumerate(self._quantities):
            out[:, column] = values_of(quantity, batch, truth)
        return out


@dataclass(frozen=True, eq=False)
class Counts:
    """One integer per cell of every quantity. Frozen: observing and adding give new Counts.

    >>> age = Quantity("input", "age", "value", Bins((0.0, 30.0), 60.0))
    >>> none = Counts.none([age])
    >>> young = none.observe(Batch.from_columns({"age": np.array([20.0, 70.0])}))
    >>> (young + young).of("age").tolist()
    [0, 2, 0, 2, 0]
    """

    layout: Layout
    cells: npt.NDArray[np.int64]

    @classmethod
    def none(cls, quantities: Iterable[Quantity]) -> Counts:
        """Nothing seen yet of ``quantities``."""
        layout = Layout(quantities)
        return cls(layout, np.zeros(layout.size, dtype=np.int64))

    def empty(self) -> Counts:
        """Nothing seen yet of the same quantities: how a window over this reference begins."""
        return Counts(self.layout, np.zeros(self.layout.size, dtype=np.int64))

    def observe(self, inputs: Batch | None = None, outputs: Batch | None = None, truth: Batch | None = None) -> Counts:
        """These counts plus what one batch adds; whatever is not given is not counted.

        inputs, outputs: Batches that fit the signature
        truth:           columns named as the outputs they are the truth of (``class`` or ``value``), for the same rows
                         as ``outputs``, which must be given too: only then are errors counted
        """
        cells = self.cells.copy()
        if inputs is not None:
            cells += self.layout.fold("input", inputs, None)
        if outputs is not None:
            cells += self.layout.fold("output", outputs, None)
            if truth is not None:
                cells += self.layout.fold("error", outputs, truth)
        return Counts(self.layout, cells)

    def __add__(self, other: Counts) -> Counts:
        """Both together. Raises ValueError where they do not count the same quantities."""
        if self.layout != other.layout:
            raise ValueError("counts over different quantities cannot be added")
        return Counts(self.layout, self.cells + other.cells)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        return self.layout == other.layout and bool(np.array_equal(self.cells, other.cells))

    __hash__ = None  # type: ignore[assignment]  # holds an array

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What is counted, in order."""
        return self.layout.quantities

    def of(self, name: str, part: Part | None = None) -> npt.NDArray[np.int64]:
        """The cells of the quantity called ``name`` (in ``part``, where a name is in several). KeyError where none."""
        for index, quantity in enumerate(self.quantities):
            if quantity.name == name and part in (None, quantity.part):
                return self.cells[self.layout.slot(index)]
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """A JSON object: ``inputs``, ``outputs`` and ``errors``, each a list of quantities with their ``counts``."""
        out: dict[str, Any] = {f"{part}s": [] for part in ("input", "output", "error")}
        for index, quantity in enumerate(self.quantities):
            counts = self.cells[self.layout.slot(index)].tolist()
            out[f"{quantity.part}s"].append(quantity.to_json() | {"counts": counts})
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Counts:
        """The inverse of :meth:`to_json`. Raises ValueError where a list of counts has the wrong length."""
        quantities, cells = [], []
        for part in ("input", "output", "error"):
            for item in data.get(f"{part}s", ()):
                quantity = Quantity.from_json(part, item)
                if len(item["counts"]) != quantity.cells.size:
                    raise ValueError(
                        f"{quantity.name}: {quantity.cells.size} counts expected, got {len(item['counts'])}"
                    )
                quantities.append(quantity)
                cells.extend(item["counts"])
        return cls(Layout(quantities), np.array(cells, dtype=np.int64))
