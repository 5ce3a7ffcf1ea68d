"""JSON as bundles hold it: UTF-8, strict, readable; and reading its members with their types checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

_WORDS = {str: "text", int: "an integer", float: "a number", bool: "true or false", list: "a list", dict: "an object"}
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def render(value: Any) -> bytes:
    """``value`` as JSON bytes, indented by two, ended by a newline. Raises ValueError for NaN and infinities."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def parse(data: bytes, name: str) -> Any:
    """The inverse of :func:`render`. Raises ValueError, in words that begin with ``name``, for anything doubtful."""
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_refuse_twice)
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{name} is not valid JSON ({error})") from None


def parse_object(data: bytes, name: str) -> dict[str, Any]:
    """As :func:`parse`, for a document that must be an object."""
    return expect(parse(data, name), dict, name)


def expect(value: Any, kind: type[T], where: str) -> T:
    """``value`` itself where it is of ``kind``; raises ValueError in words otherwise. A boolean is no number."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # type: ignore[return-value]  # T is float here
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where} should be {_WORDS[kind]}, not {_kind(value)}")
    return value


def member(data: Mapping[str, Any], key: str, kind: type[T], default: T | None = None) -> T:
    """``data[key]``, of ``kind``. Where it is absent: ``default``, or ValueError when that is None."""
    if key not in data:
        if default is None:
            raise ValueError(f"{key!r} is missing")
        return default
    return expect(data[key], kind, repr(key))


def mapping(data: Mapping[str, Any], key: str, kind: type[T]) -> dict[str, T]:
    """``data[key]`` as an object whose values are all of ``kind``; empty where it is absent."""
    return {name: expect(value, kind, f"{key!r}: {name!r}") for name, value in member(data, key, dict, {}).items()}


def number_to_json(value: float) -> float | str:
    """A float as JSON can hold it: NaN and infinities as text."""
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def number_from_json(data: Mapping[str, Any], key: str) -> float:
    """The inverse of :func:`number_to_json`."""
    value = data.get(key)
    return _NOT_FINITE[value] if isinstance(value, str) and value in _NOT_FINITE else member(data, key, float)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return out


def _kind(value: Any) -> str:
    return "null" if value is None else _WORDS.get(type(value), type(value).__name__)
