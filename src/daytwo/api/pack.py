"""``daytwo.pack``: from a fitted model and its data to a new version in the registry."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, get_args

import numpy as np
from rich.console import Console

from daytwo import _plugins
from daytwo.bundle import Bundle, BundleWriter, open_bundle, place, staged
from daytwo.bundle.layout import check_name
from daytwo.errors import BundleError, PackingError, brief
from daytwo.packing.compile import Mode, Progress
from daytwo.packing.pack import Built, Options, build
from daytwo.registry.local import LocalRegistry
from daytwo.settings import registry_path

#: The version of a bundle that is written to a folder, where no registry counts.
_ALONE = "1"


def pack(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    name: str,
    registry: str | Path | None = None,
    output: str | Path | None = None,
    compile: Mode = "auto",  # noqa: A002  the word of the command line
    allow_missing: Collection[str] | bool = (),
    metrics: Mapping[str, float] | None = None,
    evaluated_on: str = "packing data",
    tags: Mapping[str, str] | None = None,
    notes: Collection[str] = (),
    progress: Progress | None = None,
) -> Bundle:
    """Pack a fitted model into an immutable, tested bundle: the next version of ``name``.

    model:         a fitted estimator or pipeline of scikit-learn, any object with ``predict``, or an onnx.ModelProto
    X:             the rows it was fitted on, or rows like them: an array of shape (rows, fields), or a table of pandas
                   or polars. Names, dtypes, categories and ranges are learnt from it, and examples taken from it
    y:             the truth for these rows, for metrics and for the reference of errors; may be left out
    registry:      the registry's folder; default: ``DAYTWO_REGISTRY`` or ``~/.daytwo/registry``
    output:        a folder to write the bundle to instead; it must not exist
    compile:       ``auto`` keeps a faster form where it is proven equal, ``require`` raises CompileFailed where none
                   is, ``never`` does not try
    allow_missing: names of fields in which missing values are allowed though X has none; True for all
    metrics:       metrics that you measured yourself; they win over those computed here
    evaluated_on:  what X and y are, for the readers of the metrics: say so where they were held out
    tags:          free text by name, kept in the manifest
    notes:         sentences for the provenance
    progress:      is called with what is being done, in words; default: a line on a terminal or in a notebook that
                   goes away, and nothing elsewhere

    Raises PackingError, in one sentence, where it cannot be packed, and InvalidName. Then nothing is left behind.
    """
    check_name("model name", name)
    _check_options(compile, metrics or {}, tags or {})
    options = Options(compile, allow_missing, dict(metrics or {}), evaluated_on, dict(tags or {}), tuple(notes))
    with _told(progress) as tell:

        def fill(writer: BundleWriter) -> Built:
            return build(writer, model, X, y, name=name, options=options, folder=Path.cwd(), tell=tell)

        if output is None:
            home = LocalRegistry(registry_path(registry))
            with home.stage(name) as writer:
                built = fill(writer)
                return home.publish(writer, lambda version: built.seal(writer, name, version))
        if registry is not None:
            raise PackingError("output and registry exclude each other: a bundle is written to one place")
        target = Path(output).expanduser().absolute()
        if target.exists():
            raise BundleError(f"{target} exists, and a bundle never overwrites: choose another place")
        with staged(target.parent) as writer:
            fill(writer).seal(writer, name, _ALONE)
            place(writer, target)
        return open_bundle(target, verify=False)


def _check_options(compile_mode: str, metrics: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
    """Raise PackingError for what would only be found out when all the work is done."""
    if compile_mode not in get_args(Mode):
        raise PackingError(f"compile: expected one of {', '.join(get_args(Mode))}, got {brief(compile_mode)}")
    for name, value in metrics.items():
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise PackingError(f"metrics: {name} must be a finite number, got {brief(value)}")
    for name, value in tags.items():
        if not isinstance(value, str):
            raise PackingError(f"tags: {name} must be text, got {brief(value)}")


@contextlib.contextmanager
def _told(progress: Progress | None) -> Iterator[Progress]:
    """Who is told what is being done: the caller's own, a person who is watching, or nobody."""
    console = Console(stderr=True)
    if progress is not None:
        yield progress
    elif console.is_jupyter:
        with _in_notebook() as tell:
            yield tell
    elif console.is_terminal:
        with console.status("packing") as status:
            yield lambda text: status.update(f"packing: {text}")
    else:
        yield lambda _: None


@contextlib.contextmanager
def _in_notebook() -> Iterator[Progress]:
    """A line below the cell, which ends empty. Rich would want a package of widgets for that, and warn without it."""
    show, html = (_plugins.load(f"IPython.display:{name}", "progress in a notebook") for name in ("display", "HTML"))
    line = show(html(""), display_id=True)
    try:
        yield lambda text: line.update(html(f"<i>packing: {escape(text)}</i>"))
    finally:
        line.update(html(""))
