"""What the program's exit code says, and the one table from error to code."""

from __future__ import annotations

from collections.abc import Mapping

from daytwo import errors

DONE = 0
FOUND_WANTING = 1
WRONG_USE = 2
OUTSIDE_FAILED = 3
NOT_ENOUGH_DATA = 4
#: What shells expect of a program that Ctrl-C ended.
INTERRUPTED = 130

MEANINGS: Mapping[int, str] = {
    DONE: "done",
    FOUND_WANTING: "checked and found wanting",
    WRONG_USE: "wrong use or bad input",
    OUTSIDE_FAILED: "something outside failed: a disk, a port, a network, a missing library",
    NOT_ENOUGH_DATA: "not enough data to say",
    INTERRUPTED: "interrupted",
}

#: From error class to exit code; a class that is not named here has the code of its nearest ancestor.
EXIT_CODES: Mapping[type[errors.DaytwoError], int] = {
    errors.DaytwoError: WRONG_USE,
    errors.BundleError: FOUND_WANTING,
    errors.UnsupportedFormat: OUTSIDE_FAILED,
    errors.EnvironmentMismatch: OUTSIDE_FAILED,
    errors.CompileFailed: FOUND_WANTING,
    errors.PredictionFailed: OUTSIDE_FAILED,
    errors.NotReady: OUTSIDE_FAILED,
    errors.Overloaded: OUTSIDE_FAILED,
    errors.SlowBody: OUTSIDE_FAILED,
    errors.MissingLibrary: OUTSIDE_FAILED,
    errors.OutsideFailure: OUTSIDE_FAILED,
}


def exit_code(error: errors.DaytwoError) -> int:
    """The exit code for an error.

    >>> exit_code(errors.UnknownReference("churn", "no such model"))
    2
    """
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)
