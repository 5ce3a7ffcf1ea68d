"""Whether two models answer alike: label by label, and number by number within a stated tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from daytwo.batch import Array, Batch, is_missing
from daytwo.signature import Signature

#: Allowed error of a number, by the widest float that goes in. The compiled form computes what float64 data goes
#: through in doubles, so real agreement is near 1e-15; scikit-learn itself computes float32 data in float32, whose own
#: rounding is about 1e-7 a step. One wrong turn in one tree of a thousand is far above either.
TOLERANCES: Mapping[str, float] = {"float64": 1e-6, "float32": 1e-5}


@dataclass(frozen=True)
class Comparison:
    """What differed between two answers to the same rows.

    label_flips: rows whose ``class`` differs
    worst_error: the largest error, as :class:`Judge` measures it; infinite where only one of the two is a number
    worst_row:   where that was seen, or the first flip; -1 where all is equal
    """

    rows: int = 0
    label_flips: int = 0
    worst_error: float = 0.0
    worst_row: int = -1

    def __add__(self, other: Comparison) -> Comparison:
        worst = max(self.worst_error, other.worst_error)
        return Comparison(self.rows + other.rows, self.label_flips + other.label_flips, worst)


@dataclass(frozen=True)
class Judge:
    """Compares answers.

    An error is |a - b| / max(|a|, floor): relative to the original's number, but not where that is smaller than the
    output's usual size. A probability's floor is 1.

    tolerance: the largest error that is let pass
    floors:    per output of numbers
    """

    signature: Signature
    tolerance: float
    floors: Mapping[str, float]

    @classmethod
    def of(cls, signature: Signature, usual: Batch) -> Judge:
        """A judge whose floors are the median sizes of the original's answers ``usual``, at most 1."""
        narrow = all(field.dtype == "float32" for field in signature.inputs)
        floors = {}
        for field in signature.outputs:
            if field.name in ("value", "score"):
                sizes = np.abs(usual[field.name])
                sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
                floors[field.name] = min(1.0, float(np.median(sizes))) if sizes.size else 1.0
        return cls(signature, TOLERANCES["float32" if narrow else "float64"], floors)

    def compare(self, expected: Batch, actual: Batch) -> Comparison:
        """All outputs: ``class`` must be equal, numbers within the tolerance, NaN only where both are."""
        flips, errors = np.zeros(expected.rows, dtype=np.bool_), np.zeros(expected.rows)
        for field in self.signature.outputs:
            want, have = expected[field.name], actual[field.name]
            if want.shape != have.shape or want.dtype != have.dtype:
                return Comparison(expected.rows, expected.rows, np.inf, 0)
            if field.name == "class":
                flips |= (want != have).reshape(expected.rows, -1).any(axis=1)
            else:
                each = _errors(want, have, self.floors.get(field.name, 1.0))
                errors = np.maximum(errors, each.reshape(expected.rows, -1).max(axis=1, initial=0.0))
        wrong = flips if flips.any() else errors
        row = int(np.argmax(wrong)) if wrong.any() else -1
        return Comparison(expected.rows, int(flips.sum()), float(np.max(errors, initial=0.0)), row)

    def accepts(self, found: Comparison) -> bool:
        """No flip, and no error over the tolerance."""
        return found.label_flips == 0 and found.worst_error <= self.tolerance

    def reason(self, found: Comparison, where: str) -> str | None:
        """Why ``found`` is not accepted, or None."""
        if self.accepts(found):
            return None
        if found.label_flips:
            return f"{found.label_flips} of {found.rows} labels differ {where}"
        return f"an error of {found.worst_error:.3g} {where}, over {self.tolerance:g}"


def _errors(want: Array, have: Array, floor: float) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.abs(want - have) / np.maximum(floor, np.abs(want))
    same = (want == have) | (is_missing(want) & is_missing(have))
    return np.where(same, 0.0, np.where(np.isnan(errors), np.inf, errors))
