"""Every deliberate error of daytwo.

DaytwoError
├── InvalidInput             what a caller sent does not fit the signature
│   ├── MalformedBody        the bytes are not what the content type says
│   ├── UnsupportedMediaType
│   ├── NotAcceptable        the answer is wanted in no form that there is
│   ├── BodyTooLarge
│   └── TooManyRows
├── UnknownModel             no such model or version is being served
├── NotReady                 the server is starting, draining or failed its own examples
├── Overloaded               refused at once rather than answered too late
├── SlowBody                 the caller took too long to send its body
├── TimedOut                 no answer within the time that a request may take
├── PredictionFailed         the model itself raised
├── BundleError              the artifact
│   ├── CorruptBundle        a digest, a size or a file is not what the manifest says
│   ├── UnsupportedFormat    written by a newer (or unknown) daytwo
│   ├── EnvironmentMismatch  this interpreter or its packages cannot run the bundle
│   └── ExamplesFailed       the bundle's own examples do not come out as they did when packed
├── RegistryError
│   ├── UnknownReference
│   ├── AliasInUse
│   └── InvalidName
├── PackingError             the model or the data cannot become a bundle
│   └── CompileFailed        `--compile require`, and parity was not proven
├── TrustRequired            loading would execute code that nobody has vouched for
├── MissingLibrary           an optional library is needed: `pip install 'daytwo[x]'`
├── InvalidSetting
└── OutsideFailure           disk, port or network failed

Each class holds its fields and builds its own sentence; none knows a status code or an exit code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from reprlib import Repr
from typing import Any

#: How many problems one answer lists; the rest is counted.
MAX_PROBLEMS = 20


class DaytwoError(Exception):
    """The base of every error that daytwo raises on purpose. ``str()`` is one clear sentence."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are rebuilt by calling their class with the message, and these classes are not called like that.
        return _revive, (type(self), self.args, self.__dict__)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input.

    field:    where, as the caller wrote it: ``age``, ``feature_vector[2]``, ``records[3].plan``; empty for the whole
    expected: what would have been right
    got:      what came, short
    """

    field: str
    expected: str
    got: str

    def __str__(self) -> str:
        # A caller may call a field what it likes; a sentence, and a line of a log, is one line.
        field = self.field if self.field.isprintable() else repr(self.field)
        return f"{f'{field}: ' if field else ''}expected {self.expected}, got {self.got}"


class InvalidInput(DaytwoError):
    """What a caller sent does not fit the signature. Holds the first :data:`MAX_PROBLEMS` that were found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems[:MAX_PROBLEMS])
        more = len(problems) - 1
        super().__init__(str(self.problems[0]) + (f" (and {more} more)" if more else ""))

    @classmethod
    def at(cls, field: str, expected: str, got: str) -> InvalidInput:
        return cls([Problem(field, expected, got)])


class MalformedBody(InvalidInput):
    """The bytes are not what the content type says they are."""


class UnsupportedMediaType(InvalidInput):
    """No dialect reads this content type."""


class NotAcceptable(InvalidInput):
    """No dialect writes any of the media types that the caller accepts."""


class BodyTooLarge(InvalidInput):
    """The body is over the server's limit; it was not read to the end."""

    def __init__(self, limit_bytes: int, got: str) -> None:
        self.limit_bytes, self.got = limit_bytes, got
        super().__init__([Problem("body", f"at most {limit_bytes:,} bytes", got)])


class TooManyRows(InvalidInput):
    """More rows than one request may carry."""

    def __init__(self, limit: int, rows: int) -> None:
        self.limit, self.rows = limit, rows
        super().__init__([Problem("body", f"at most {limit:,} rows in one request", f"{rows:,} rows")])


class UnknownModel(DaytwoError):
    """No such model or version is being served here."""

    def __init__(self, name: str, version: str | None, served: Sequence[str]) -> None:
        self.name, self.version, self.served = name, version, tuple(served)
        asked = f"{name}:{version}" if version else name
        super().__init__(f"no model {asked!r} is served here; served: {', '.join(served) or 'none'}")


class NotReady(DaytwoError):
    """The server is starting, draining, or failed its own examples."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not ready: {reason}")


class Overloaded(DaytwoError):
    """Refused at once rather than answered too late. ``reason`` is one of ``daytwo.metrics.REASONS``."""

    def __init__(self, reason: str, why: str, retry_after_s: float) -> None:
        self.reason, self.why, self.retry_after_s = reason, why, max(1, math.ceil(retry_after_s))
        super().__init__(f"overloaded: {why}; try again in {self.retry_after_s} s")


class SlowBody(DaytwoError):
    """The caller took too long to send its body."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(f"the body did not arrive within {limit_s:g} s")


class TimedOut(DaytwoError):
    """The model took too long: it was still at work, or at work for others, when the request's time was up."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(f"no answer within {limit_s:g} s")


class PredictionFailed(DaytwoError):
    """The model itself raised. The sentence carries the model's own message, never a stack trace."""

    def __init__(self, model: str, cause: BaseException | str) -> None:
        self.model = model
        self.cause = cause if isinstance(cause, str) else f"{type(cause).__name__}: {_first_line(cause)}"
        super().__init__(f"{model} failed on this input: {self.cause}")


class BundleError(DaytwoError):
    """Something about the artifact."""


class CorruptBundle(BundleError):
    """A digest, a size or a file is not what the manifest says."""

    def __init__(self, path: object, what: str) -> None:
        self.path, self.what = str(path), what
        super().__init__(f"the bundle at {path} is damaged or was changed: {what}")


class UnsupportedFormat(BundleError):
    """The bundle's format number is not one that this daytwo reads."""

    def __init__(self, path: object, number: object, readable: Sequence[int]) -> None:
        self.path, self.number, self.readable = str(path), number, tuple(readable)
        super().__init__(
            f"the bundle at {path} has format {number!r}; this daytwo reads {', '.join(map(str, readable))}: "
            "upgrade daytwo or pack the model again"
        )


class EnvironmentMismatch(BundleError):
    """This interpreter or its packages cannot run the bundle."""

    def __init__(self, differences: Sequence[str], remedy: str) -> None:
        self.differences, self.remedy = tuple(differences), remedy
        super().__init__(f"this environment cannot run the bundle: {'; '.join(differences)}; {remedy}")


class ExamplesFailed(BundleError):
    """The bundle's own examples do not come out as they did when it was packed."""

    def __init__(self, model: str, failures: Sequence[str]) -> None:
        self.model, self.failures = model, tuple(failures)
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{model} does not reproduce its own examples: {failures[0]}{more}")


class RegistryError(DaytwoError):
    """Something about names, versions and aliases."""


class UnknownReference(RegistryError):
    """The reference names nothing."""

    def __init__(self, reference: str, why: str) -> None:
        self.reference, self.why = reference, why
        super().__init__(f"unknown reference {reference!r}: {why}")


class AliasInUse(RegistryError):
    """A version cannot be deleted while an alias points at it."""

    def __init__(self, reference: str, aliases: Sequence[str]) -> None:
        self.reference, self.aliases = reference, tuple(aliases)
        names = ", ".join(f"@{a}" for a in aliases)
        super().__init__(f"{reference} is in use by {names}: promote another version to it first")


class InvalidName(RegistryError):
    """A model name or alias that cannot be one."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        super().__init__(
            f"{name!r} cannot be a {kind}: use 1 to 64 lower-case letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit"
        )


class PackingError(DaytwoError):
    """The model or the data cannot become a bundle."""


class CompileFailed(PackingError):
    """Compilation was required, and parity with the original was not proven."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(f"no compiled form was proven equal to the model: {'; '.join(reasons)}")


class TrustRequired(DaytwoError):
    """Loading would execute code that nobody has vouched for."""

    def __init__(self, what: str, executes: str) -> None:
        self.what, self.executes = what, executes
        super().__init__(
            f"{what} holds {executes}, which runs code when it is loaded: "
            "if you trust where it comes from, say so with --trust (or DAYTWO_TRUST=1)"
        )


class MissingLibrary(DaytwoError):
    """An optional library is needed."""

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        self.library, self.extra, self.purpose = library, extra, purpose
        super().__init__(f"{purpose} needs {library}: pip install 'daytwo[{extra}]'")


class InvalidSetting(DaytwoError):
    """A flag, an environment variable or a key of the settings file has a value that it cannot have."""

    def __init__(self, where: str, expected: str, got: str) -> None:
        self.where, self.expected, self.got = where, expected, got
        super().__init__(f"{where}: expected {expected}, got {got}")


class OutsideFailure(DaytwoError):
    """Something outside daytwo failed: a disk, a port, a network."""


def sentence(error: BaseException) -> str:
    """An error as one line, whoever raised it."""
    return str(error) if isinstance(error, DaytwoError) else f"{type(error).__name__}: {_first_line(error)}"


def brief(value: Any, limit: int = 60) -> str:
    """A value as it may stand in a message: one line of at most ``limit`` characters. It never raises.

    >>> brief("abc"), brief(None), brief([1, True])
    ("'abc'", 'null', '[1, true]')
    """
    text = _BRIEF.repr(value)
    if not text.isprintable():
        text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


class _Brief(Repr):
    """A short repr in which null, true and NaN are called what whoever calls an API calls them."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 120

    def repr1(self, x: Any, level: int) -> str:
        if getattr(x, "shape", None) == () and hasattr(x, "item"):  # a scalar of numpy
            x = x.item()
        return super().repr1(x, level)

    def repr_NoneType(self, x: None, level: int) -> str:  # noqa: N802  reprlib dispatches on the names of types
        return "null"

    repr_NAType = repr_NaTType = repr_NoneType  # noqa: N815  how pandas says it

    def repr_bool(self, x: bool, level: int) -> str:
        return "true" if x else "false"

    def repr_float(self, x: float, level: int) -> str:
        if math.isfinite(x):
            return repr(x)
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"

    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if x.bit_length() < _LONG_BITS else f"an integer of {x.bit_length()} bits"

    def repr_datetime(self, x: Any, level: int) -> str:
        return repr(x.isoformat())

    repr_date = repr_Timestamp = repr_datetime  # noqa: N815  likewise

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        # reprlib sorts all keys to show four of them, which takes seconds where a caller sends a million.
        return super().repr_dict(dict(islice(x.items(), self.maxdict + 1)), level)


#: Python refuses to write longer integers in decimal.
_LONG_BITS = 10_000
_BRIEF = _Brief()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:300]


def _revive(kind: type[DaytwoError], args: tuple[Any, ...], state: dict[str, Any]) -> DaytwoError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
