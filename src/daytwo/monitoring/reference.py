"""How a model's fields, outputs and errors are divided into cells, learnt from the data it was packed with.

Numbers get about twenty bins of equal mass. A value that alone holds more than one bin's share gets a bin of its own,
so that zeros, constants and defaults are seen moving. Every edge is a value that was observed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from daytwo.batch import DTYPES, Array, Batch, is_missing
from daytwo.monitoring.cells import Bins, Level, Levels
from daytwo.monitoring.counts import Counts, Part, Quantity
from daytwo.monitoring.measures import SUMMARIES, Measure, as_number, measured
from daytwo.signature import Field, Signature

#: Bins of a quantity with many distinct values.
BINS = 20
#: Levels that are counted by themselves; the rest is "other".
LEVELS = 50
#: A tensor with at most so many entries is counted entry by entry, a larger one by its mean, std, min and max.
ENTRIES = 20
#: True and predicted class are counted as pairs for at most so many classes.
CONFUSED = 20


def reference(signature: Signature, inputs: Batch, outputs: Batch, truth: Batch | None = None) -> Counts:
    """What ``signature``'s fields look like in this data, and how wrong the outputs are where ``truth`` is known.

    truth: columns named as the outputs they are the truth of, as in :meth:`Counts.observe`
    """
    quantities = [q for item in signature.inputs for q in _field("input", item, inputs[item.name])]
    quantities += [q for item in signature.outputs for q in _field("output", item, outputs[item.name])]
    for item in signature.outputs if truth is not None else ():
        if truth is not None and item.name in truth:
            quantities += _errors(item, outputs[item.name], truth[item.name])
    return Counts.none(quantities).observe(inputs, outputs, truth)


def _field(part: Part, item: Field, column: Array) -> Iterator[Quantity]:
    if not item.shape:
        yield _scalar(part, item, column)
        return
    entries = int(np.prod(item.shape))
    if entries > ENTRIES:
        for measure in SUMMARIES if item.numeric else ():
            yield Quantity(part, item.name, measure, bins_of(measured(measure, None, column, None)))
        return
    for entry in range(entries):
        values = column.reshape(len(column), -1)[:, entry]
        yield Quantity(part, item.name, "value", _cells(item, values), entry, _label(item, entry))


def _label(item: Field, entry: int) -> str | None:
    """The class that an entry of ``probabilities`` belongs to."""
    if item.categories is None or not _is_real(item) or len(item.categories) != int(np.prod(item.shape)):
        return None
    return str(item.categories[entry])


def _is_real(item: Field) -> bool:
    """Whether it is a number that is no label, however many categories it lists: probabilities list their classes."""
    return bool(item.shape) and DTYPES[item.dtype].kind == "f"


def _scalar(part: Part, item: Field, column: Array) -> Quantity:
    if item.dtype == "string" and item.categories is None:
        return Quantity(part, item.name, "length", bins_of(measured("length", None, column, None)))
    return Quantity(part, item.name, "value", _cells(item, column))


def _cells(item: Field, values: Array) -> Bins | Levels:
    if item.dtype == "bool":
        return Levels((False, True))
    if item.dtype == "string" or (item.categories is not None and not _is_real(item)):
        return levels_of(values, item.categories)
    return bins_of(as_number(values))


def _errors(item: Field, predicted: Array, truth: Array) -> Iterator[Quantity]:
    entries: list[int | None] = list(range(int(np.prod(item.shape)))) if item.shape else [None]
    wrong: Measure = "residual" if item.name == "value" else "correct"
    for entry in entries[:ENTRIES]:
        cells: Bins | Levels = Levels((False, True))
        if wrong == "residual":
            cells = bins_of(measured("residual", entry, predicted, truth))
        yield Quantity("error", item.name, wrong, cells, entry)
    classes = item.categories
    if classes is not None and not item.shape and len(classes) <= CONFUSED:
        yield Quantity("error", item.name, "confusion", Levels(tuple((a, b) for a in classes for b in classes)))


def levels_of(values: Array, known: tuple[Any, ...] | None = None) -> Levels:
    """The :data:`LEVELS` most frequent values, the known categories in their own order.

    >>> levels_of(np.array(["b", "a", "b", None], dtype=object)).values
    ('b', 'a')
    """
    tally: Counter[Level] = Counter(values[~is_missing(values)].tolist())
    candidates = known if known is not None else sorted(tally, key=lambda value: (-tally[value], str(value)))
    if len(candidates) > LEVELS:
        kept = set(sorted(candidates, key=lambda value: -tally[value])[:LEVELS])
        candidates = tuple(value for value in candidates if value in kept)
    return Levels(tuple(candidates))


def bins_of(values: Array, bins: int = BINS) -> Bins:
    """About ``bins`` cells of equal mass over ``values`` (rows,); what is missing or infinite is left out.

    Up to ``bins`` distinct values each get their own cell.

    >>> bins_of(np.array([3.0, 1.0, 1.0, np.nan]))
    Bins(edges=(1.0, 3.0), maximum=3.0)
    >>> bins_of(np.arange(100.0), 4).edges
    (0.0, 25.0, 50.0, 75.0)
    """
    numbers = values.astype(np.float64)
    distinct, tally = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    if not len(distinct):
        return Bins((), None)
    edges = distinct if len(distinct) <= bins else distinct[_cuts(tally, bins)]
    return Bins(tuple(edges.tolist()), float(distinct[-1]))


def _cuts(tally: Array, bins: int) -> Array:
    """The positions in ``tally`` (rows per distinct value, in order) where a bin begins.

    Values that hold a bin's share are bins; the runs between them are divided by mass.
    """
    share = float(tally.sum()) / bins
    heavy = tally >= share
    begins = np.flatnonzero(heavy | np.concatenate([[True], heavy[:-1]]))
    cuts: list[int] = []
    for start, end in pairwise([*begins.tolist(), len(tally)]):
        mass = np.cumsum(tally[start:end])
        parts = max(1, round(float(mass[-1]) / share))
        inner = np.searchsorted(mass, mass[-1] * np.arange(1, parts) / parts, side="left") + 1
        cuts += [start, *(start + inner[inner < end - start]).tolist()]
    return np.unique(cuts)
