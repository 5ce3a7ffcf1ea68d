"""Inputs that a signature must refuse, made from the signature itself, one wrong thing at a time.

Each must end in InvalidInput that names the field: an answer to such a row would be a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from daytwo.batch import DTYPES, Batch
from daytwo.errors import InvalidInput
from daytwo.signature import Field, Signature

#: How many fields of one kind (same dtype, shape, missing or not, …) are tried: the twentieth float teaches nothing.
_FIELDS_PER_KIND = 4
_UNHEARD_OF = "a_field_unheard_of"


@dataclass(frozen=True, slots=True)
class BadInput:
    """One row with one thing wrong.

    what:    the wrong thing, in words
    field:   the field that the refusal must name; empty where it is about the whole
    columns: the row, as columns of one value
    """

    what: str
    field: str
    columns: Mapping[str, list[Any]]


def bad_inputs(signature: Signature, row: Batch) -> Iterator[BadInput]:
    """Every bad input for ``signature``, made out of ``row``, a Batch of one good row."""
    good = {field.name: field.plain(row[field.name])[:1] for field in signature.inputs}
    yield from _bad_names(signature, good)
    kinds: Counter[tuple[object, ...]] = Counter()
    for field in signature.inputs:
        kind = (field.dtype, len(field.shape), field.missing, field.unseen, field.categories is None)
        kinds[kind] += 1
        if kinds[kind] <= _FIELDS_PER_KIND:
            for what, value in _bad_values(field):
                yield BadInput(what, field.name, good | {field.name: [_shaped(field, value)]})


def refusal(conform: Callable[[Any], object], bad: BadInput) -> str | None:
    """None where ``conform`` refuses ``bad`` as it must; otherwise what it did instead, in words."""
    told = f"{bad.what}{f' in {bad.field}' if bad.field else ''}"
    try:
        conform(dict(bad.columns))
    except InvalidInput as error:
        named = [problem.field for problem in error.problems]
        if any(name == bad.field or name.startswith(f"{bad.field}[") for name in named):
            return None
        return f"{told}: refused without naming the field ({error})"
    except Exception as error:  # noqa: BLE001  whatever it is, it is not the refusal that a caller can act on
        return f"{told}: raised {type(error).__name__} instead of a refusal"
    return f"{told}: was accepted"


def _bad_names(signature: Signature, good: Mapping[str, list[Any]]) -> Iterator[BadInput]:
    first = signature.names[0]
    without = {name: values for name, values in good.items() if name != first}
    yield BadInput("a missing field", first, without)
    yield BadInput("an unknown field", _UNHEARD_OF, {**good, _UNHEARD_OF: [1]})
    yield BadInput("a misspelt field", f"{first}_", {**without, f"{first}_": good[first]})
    if len(good) > 1:
        yield BadInput("columns of different lengths", "", {**good, first: good[first] * 2})


def _bad_values(field: Field) -> Iterator[tuple[str, Any]]:
    """(what, value) for every value that ``field`` must refuse."""
    if not field.missing:
        yield "null", None
    yield from _KINDS[DTYPES[field.dtype].kind](field)
    if field.categories is not None and field.unseen == "refuse":
        yield from _unseen(field)


def _bad_floats(field: Field) -> Iterator[tuple[str, Any]]:
    yield "a text for a number", "many"
    yield "Infinity", float("inf")
    if not field.missing:
        yield "NaN", float("nan")
    if field.dtype != "float64":
        yield f"a number beyond {field.dtype}", 2.0 * float(np.finfo(DTYPES[field.dtype]).max)


def _bad_integers(field: Field) -> Iterator[tuple[str, Any]]:
    limits = np.iinfo(DTYPES[field.dtype])
    yield "a text for a number", "many"
    yield "a fraction for an integer", 1.5
    yield f"a number above {field.dtype}", int(limits.max) + 1
    yield f"a number below {field.dtype}", int(limits.min) - 1


def _bad_booleans(field: Field) -> Iterator[tuple[str, Any]]:
    yield "a text for a boolean", "perhaps"
    yield "a number for a boolean", 7


def _bad_texts(field: Field) -> Iterator[tuple[str, Any]]:
    yield "a number for a text", 7


def _bad_instants(field: Field) -> Iterator[tuple[str, Any]]:
    yield "a text that is no datetime", "the day before yesterday"


def _unseen(field: Field) -> Iterator[tuple[str, Any]]:
    known = set(field.categories or ())
    if DTYPES[field.dtype].kind == "O":
        yield "an unseen category", next(text for n in range(len(known) + 1) if (text := f"unseen-{n}") not in known)
    elif DTYPES[field.dtype].kind != "b":
        yield "an unseen category", next(n for n in range(len(known) + 1) if n not in known)


_KINDS: Mapping[str, Callable[[Field], Iterator[tuple[str, Any]]]] = {
    "f": _bad_floats, "i": _bad_integers, "u": _bad_integers, "b": _bad_booleans, "O": _bad_texts, "M": _bad_instants,
}  # fmt: skip


def _shaped(field: Field, value: Any) -> Any:
    """``value`` in the shape of one row of ``field``."""
    return np.full(field.shape, value, dtype=object).tolist() if field.shape else value
