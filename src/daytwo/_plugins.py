"""Names to things, imported only when asked for: the one sanctioned laziness.

The public names of ``daytwo``, the runtimes and the dialects are tables of ``module:attribute``. Others add runtimes through the
entry-point group ``daytwo.runtimes``. A library that is missing becomes a sentence that says what to install.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from daytwo.errors import DaytwoError, MissingLibrary

PUBLIC: Mapping[str, str] = {
    "Batch": "daytwo.batch:Batch",
    "Bundle": "daytwo.bundle:Bundle",
    "DaytwoError": "daytwo.errors:DaytwoError",
    "Field": "daytwo.signature:Field",
    "InvalidInput": "daytwo.errors:InvalidInput",
    "Predictor": "daytwo.predictor:Predictor",
    "Signature": "daytwo.signature:Signature",
    "app": "daytwo.api.app:app",
    "check": "daytwo.api.check:check",
    "load": "daytwo.api.load:load",
    "pack": "daytwo.api.pack:pack",
    "serve": "daytwo.api.serve:serve",
}

RUNTIMES: Mapping[str, str] = {
    "onnx": "daytwo.runtimes.onnx:OnnxRuntime",
    "python": "daytwo.runtimes.python:PythonRuntime",
    "sklearn": "daytwo.runtimes.sklearn:SklearnRuntime",
}

DIALECTS: Mapping[str, str] = {
    "native": "daytwo.dialects.native:NativeDialect",
    "arrow": "daytwo.dialects.arrow:ArrowDialect",
    "npy": "daytwo.dialects.npy:NpyDialect",
}

#: The extra that brings each library, for the sentence of MissingLibrary.
EXTRAS: Mapping[str, str] = {
    "cloudpickle": "sklearn",
    "joblib": "sklearn",
    "onnx": "sklearn",
    "pandas": "sklearn",
    "pyarrow": "arrow",
    "scipy": "sklearn",
    "skl2onnx": "sklearn",
    "sklearn": "sklearn",
    "skops": "sklearn",
    "polars": "polars",
    "pynvml": "gpu",
    "matplotlib": "plot",
    "backports": "zstd",
}


def load(target: str, purpose: str) -> Any:
    """The object at ``module:attribute``. Raises MissingLibrary where a library that an extra brings is absent."""
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in EXTRAS:
            raise MissingLibrary(library, EXTRAS[library], purpose) from None
        raise


def runtime(name: str) -> Any:
    """The runtime class called ``name``, built in or from an installed package. Raises DaytwoError where there is none.

    A built-in one cannot be replaced.
    """
    if name in RUNTIMES:
        return load(RUNTIMES[name], f"the {name} runtime")
    others = {entry.name: entry for entry in entry_points(group="daytwo.runtimes")}
    if name in others:
        return others[name].load()
    raise DaytwoError(f"no runtime is called {name!r}; known: {', '.join(sorted({*RUNTIMES, *others}))}")
