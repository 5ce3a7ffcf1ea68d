"""The columns that flow through a graph as scikit-learn's would, and where each comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from daytwo.batch import Array

Forward = Callable[[Array], Array]


class Untranslatable(Exception):
    """Why a model, or one part of it, has no exact ONNX form here. ``str()`` is a clause for the evidence."""


@dataclass(frozen=True)
class Origin:
    """Where a number comes from: a field, and the non-decreasing or non-increasing map from it to here."""

    field: str
    forward: tuple[Forward, ...] = ()

    def then(self, step: Forward) -> Origin:
        """The origin of what ``step`` makes of this."""
        return Origin(self.field, (*self.forward, step))

    def __call__(self, values: Array) -> Array:
        for step in self.forward:
            values = step(values)
        return values


@dataclass(frozen=True)
class Column:
    """One column: column ``index`` of ``tensor`` (rows, ``width``), which is held as ``held``. Text: a tensor (rows,).

    dtype: what it is to scikit-learn; ``object`` for text. ``held`` has room for all its values.
    label: the name by which a ColumnTransformer may select it
    fill:  what stands for a missing text from here on, or None
    none:  whether a missing text is None to scikit-learn, not NaN
    """

    tensor: str
    index: int
    width: int
    held: np.dtype[Any]
    dtype: np.dtype[Any]
    label: str = ""
    origin: Origin | None = None
    fill: str | None = None
    none: bool = False


@dataclass(frozen=True)
class Answer:
    """One output of a model: its tensor, and whether it holds positions in the field's categories."""

    tensor: str
    indexed: bool = False


Frame = tuple[Column, ...]
#: ``class``, ``probabilities``, ``value``, ``score``; and ``decision`` (rows, classes) for whom it may concern, of two
#: classes the first being 0. All numbers are doubles, all ``class`` answers of classifiers positions in ``classes_``.
Answers = dict[str, Answer]


@dataclass(frozen=True)
class Boundary:
    """Where trees decide: thresholds on a number, or on nothing that a field can be pushed to (origin None)."""

    origin: Origin | None
    thresholds: Array


def frame_of(tensor: str, width: int, dtype: Any, columns: Sequence[Column] = (), step: Forward | None = None) -> Frame:
    """The columns of ``tensor``. ``columns`` and ``step`` say what each was made from, and by what monotone map.

    ``step`` maps an array (values, width) column by column.
    """
    kind = np.dtype(dtype)
    made = tuple(Column(tensor, index, width, kind, kind) for index in range(width))
    if len(columns) != width or step is None:
        return made
    return tuple(
        replace(new, label=old.label, origin=old.origin and old.origin.then(_only(step, new.index, width)))
        for new, old in zip(made, columns, strict=True)
    )


def joint_dtype(frame: Frame) -> np.dtype[Any]:
    """The dtype of the one array that numpy makes of these columns."""
    return np.result_type(*[column.dtype for column in frame])


def float_dtype(frame: Frame) -> np.dtype[Any]:
    """What scikit-learn's float check makes of these columns: float32 where all are, else float64."""
    joint = joint_dtype(frame)
    return joint if joint == np.float32 else np.dtype(np.float64)


def _only(step: Forward, index: int, width: int) -> Forward:
    def alone(values: Array) -> Array:
        wide = np.zeros((len(values), width), dtype=values.dtype)
        wide[:, index] = values
        return step(wide)[:, index]

    return alone
