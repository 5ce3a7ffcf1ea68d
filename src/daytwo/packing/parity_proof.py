"""The proof that a compiled form answers as its original: on data, at edges, on both sides of decisions, far out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from daytwo.batch import Batch
from daytwo.errors import sentence
from daytwo.packing.onnx.frame import Boundary
from daytwo.packing.parity import Comparison, Judge
from daytwo.packing.parity_rows import border_rows, edge_rows, far_rows, sample
from daytwo.packing.thresholds import threshold_rows
from daytwo.runtimes import Model
from daytwo.signature import Signature

MAX_ROWS = 10_000
MAX_THRESHOLD_ROWS = 10_000
_SINGLE_ROWS = 32

#: How far from zero a number may be: first unlimited, then less and less, until both forms agree out there.
LIMITS = (float(np.finfo(np.float64).max), float(np.finfo(np.float32).max), 1e30, 1e18, 1e12)

#: How close two rows on either side of a decision are brought, as a share of the distance of two real rows.
_NEARNESS = {"float64": 1e-9, "float32": 1e-4}


class Disproof(Exception):
    """Why the two forms are not equal, and how far."""

    def __init__(self, reason: str, found: Comparison | None = None) -> None:
        self.found = found or Comparison()
        super().__init__(reason)


@dataclass
class Proof:
    """What was compared, and how it came out.

    limit:      the largest number for which it holds; None where there is no limit
    nan_refused: whether an answer of NaN has to be refused, because the original refuses such rows
    """

    judge: Judge
    rows: int = 0
    edge_rows: int = 0
    threshold_rows: int = 0
    border_rows: int = 0
    refused_alike: int = 0
    thresholds: int = 0
    thresholds_pushed: int = 0
    limit: float | None = None
    nan_refused: bool = False
    found: Comparison = field(default_factory=Comparison)
    reason: str | None = None


def prove(original: Model, compiled: Model, signature: Signature, data: Batch, boundaries: Sequence[Boundary]) -> Proof:
    """Compare the two on every kind of row; ``reason`` in the answer says where the proof failed."""
    rows = sample(data, MAX_ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries say about strange rows is known: that is what they are for
        expected = original.predict(rows)
        proof = Proof(Judge.of(signature, expected))
        try:
            _run(proof, original, compiled, signature, rows, expected, boundaries)
        except Disproof as why:
            proof.reason = str(why)
            proof.found += why.found
    return proof


def _run(
    proof: Proof, original: Model, compiled: Model, signature: Signature, rows: Batch, expected: Batch,
    boundaries: Sequence[Boundary],
) -> None:  # fmt: skip
    pair = _Pair(proof, original, compiled)
    proof.rows = pair.agree(rows, "on the data")
    edges = edge_rows(signature, rows)
    proof.edge_rows = pair.agree(edges, "on edge rows")
    beside, proof.thresholds_pushed = threshold_rows(signature, rows, boundaries, MAX_THRESHOLD_ROWS)
    proof.thresholds = sum(boundary.thresholds.size for boundary in boundaries)
    proof.threshold_rows = pair.agree(beside, "beside tree thresholds")
    steps = "class" if signature.output("class") is not None else "value" if boundaries else None
    if steps is not None:
        wide = any(item.dtype == "float64" for item in signature.inputs)
        nearness = _NEARNESS["float64" if wide else "float32"]
        borders = border_rows(signature, rows, compiled.predict, expected[steps], nearness=nearness)
        proof.border_rows = pair.agree(borders, "where the answer changes")
    proof.limit = pair.reach(signature, rows)
    alone = Batch.stack([sample(rows, _SINGLE_ROWS), sample(edges, _SINGLE_ROWS)])
    pair.alone(alone)
    pair.settle()


class _Pair:
    """The original and the compiled form, asked the same."""

    def __init__(self, proof: Proof, original: Model, compiled: Model) -> None:
        self._proof, self._original, self._compiled = proof, original, compiled
        self._nan_answered = False

    def agree(self, rows: Batch, where: str, *, nan_refuses: bool = True) -> int:
        """How many rows were compared; Disproof where they differ.

        nan_refuses: whether NaN in an answer will do where the original refuses the row
        """
        if rows.rows == 0:
            return 0
        found = self._compare(rows, nan_refuses)
        reason = self._proof.judge.reason(found, where)
        if reason:
            raise Disproof(reason, found)
        self._proof.found += found
        return rows.rows

    def _compare(self, rows: Batch, nan_refuses: bool) -> Comparison:
        want, have = _ask(self._original, rows), _ask(self._compiled, rows)
        if isinstance(want, Batch) and isinstance(have, Batch):
            self._nan_answered |= _has_nan(want)
            return self._proof.judge.compare(want, have)
        if rows.rows > 1:  # one of them refuses some row: find which
            halves = rows.split([rows.rows // 2, rows.rows - rows.rows // 2])
            return self._compare(halves[0], nan_refuses) + self._compare(halves[1], nan_refuses)
        if isinstance(have, Batch) and not (nan_refuses and _has_nan(have)):
            raise Disproof(f"it answers a row that the original refuses ({_why(want)})")
        if isinstance(want, Batch):
            raise Disproof(f"it refuses a row that the original answers ({_why(have)})")
        self._proof.refused_alike += 1
        self._proof.nan_refused |= isinstance(have, Batch)
        return Comparison(1)

    def reach(self, signature: Signature, rows: Batch) -> float | None:
        """The first of LIMITS at which both forms agree about far rows; None where there need be no limit."""
        why: Disproof | None = None
        lenient = (False, True) if self._proof.nan_refused else (False,)
        for nan_refuses, limit in product(lenient, LIMITS):
            far = far_rows(signature, rows, limit)
            if not far.rows:
                return None
            before = self._nan_answered
            try:
                where = f"on numbers as far out as {limit:g}"
                compared = self.agree(far, where, nan_refuses=nan_refuses)
                self.settle()
            except Disproof as error:
                why, self._nan_answered = error, before
            else:
                self._proof.edge_rows += compared
                return None if limit == LIMITS[0] else limit
        raise why or Disproof("no limit was tried")

    def settle(self) -> None:
        """NaN cannot be both an answer and a refusal."""
        if self._proof.nan_refused and self._nan_answered:
            raise Disproof("it answers NaN both where the original does and where the original refuses the row")

    def alone(self, rows: Batch) -> None:
        """Each row alone must be answered as in company."""
        together = _ask(self._compiled, rows)
        if not isinstance(together, Batch):
            return  # some edge row is refused; the rows before it have been compared one by one
        alone = Batch.stack([self._compiled.predict(rows.take(slice(i, i + 1))) for i in range(rows.rows)])
        reason = self._proof.judge.reason(self._proof.judge.compare(together, alone), "between one row and many")
        if reason:
            raise Disproof(reason)


def _ask(model: Model, rows: Batch) -> Batch | Exception:
    try:
        return model.predict(rows)
    except Exception as error:  # noqa: BLE001  whatever a model raises is its refusal
        return error


def _has_nan(answers: Batch) -> bool:
    return any(bool(np.isnan(column).any()) for _, column in answers.items() if column.dtype.kind == "f")


def _why(error: Batch | Exception) -> str:
    return sentence(error) if isinstance(error, Exception) else ""
