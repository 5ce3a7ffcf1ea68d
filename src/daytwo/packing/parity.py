"""Whether two models answer alike: label by label, and number by number within a stated tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daytwo.batch import Array, Batch, is_missing
from daytwo.signature import Signature

#: Allowed difference of two numbers, as a share of the larger of 1 and the original's size. Both sides compute in
#: doubles, so real agreement is near 1e-15; a wrong turn in one tree of a thousand is far above this.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Comparison:
    """What differed between two answers to the same rows.

    label_flips: rows whose ``class`` differs
    worst_error: the largest |a - b| / max(1, |a|); infinite where only one of the two is a number
    worst_row:   where it was seen, or the first flip
    """

    rows: int
    label_flips: int = 0
    worst_error: float = 0.0
    worst_row: int = -1

    @property
    def equal(self) -> bool:
        """No flip, and no error over the tolerance."""
        return self.label_flips == 0 and self.worst_error <= TOLERANCE

    def __add__(self, other: Comparison) -> Comparison:
        worst = self if self.worst_error >= other.worst_error else other
        flips = self.label_flips + other.label_flips
        return Comparison(self.rows + other.rows, flips, worst.worst_error, worst.worst_row)


def compare(expected: Batch, actual: Batch, signature: Signature) -> Comparison:
    """All outputs of ``signature``: ``class`` must be equal, numbers within the tolerance, NaN only where both are."""
    flips, errors = np.zeros(expected.rows, dtype=np.bool_), np.zeros(expected.rows)
    for field in signature.outputs:
        want, have = expected[field.name], actual[field.name]
        if want.shape != have.shape or want.dtype != have.dtype:
            return Comparison(expected.rows, expected.rows, np.inf, 0)
        if field.name == "class":
            flips |= (want != have).reshape(expected.rows, -1).any(axis=1)
        else:
            errors = np.maximum(errors, _errors(want, have).reshape(expected.rows, -1).max(axis=1, initial=0.0))
    worst = int(np.argmax(flips if flips.any() else errors)) if expected.rows else -1
    return Comparison(expected.rows, int(flips.sum()), float(errors.max(initial=0.0)), worst)


def _errors(want: Array, have: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.abs(want - have) / np.maximum(1.0, np.abs(want))
    same = (want == have) | (is_missing(want) & is_missing(have))
    return np.where(same, 0.0, np.where(np.isnan(errors), np.inf, errors))
