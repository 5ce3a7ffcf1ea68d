"""Fitted models out of files: ``.joblib``, ``.pkl``, ``.skops`` and ``.onnx``.

Loading a pickle (which ``.joblib`` and ``.pkl`` are) runs whatever code it holds. A ``.skops`` file is loaded with every
type in it trusted, which may come to the same. An ``.onnx`` file is data. Packing a file is the act of trusting it: pack only what you made, or had from someone you
would let run a program here. Afterwards the bundle says what of it would still execute code.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import onnx
import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from daytwo.errors import DaytwoError, PackingError, sentence


@dataclass(frozen=True)
class LoadedModel:
    """A model from a file.

    model: the estimator or object; of ``.onnx``, an ``onnx.ModelProto``
    notes: what a reader of the bundle should know of the loading, such as another version of scikit-learn
    """

    model: Any
    notes: tuple[str, ...] = ()


def load_model(path: Path | str) -> LoadedModel:
    """The model in a file, by the file's suffix. Raises PackingError with the reason, in one sentence, where it fails.

    Code is executed: see the head of this module.
    """
    path = Path(path)
    if not path.is_file():
        raise PackingError(f"there is no file {path}" if not path.exists() else f"{path} is a folder, not a model file")
    loader = _LOADERS.get(path.suffix.lower())
    if loader is None:
        raise PackingError(f"{path.name} is no model file: known are {', '.join(_LOADERS)}")
    if not path.stat().st_size:
        raise PackingError(f"{path} is empty")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = _read(loader, path)
    return LoadedModel(_check(model, path), _notes(caught))


def _read(loader: Callable[[Path], Any], path: Path) -> Any:
    try:
        return loader(path)
    except DaytwoError:
        raise
    except ModuleNotFoundError as error:
        raise PackingError(f"{path} needs the module {error.name}, which is not installed here") from error
    except AttributeError as error:
        raise PackingError(_absent(path, error)) from error
    except MemoryError:
        raise
    except Exception as error:  # a pickle can raise anything
        raise PackingError(f"{path} cannot be loaded as a model: {sentence(error)}") from error


def _absent(path: Path, error: AttributeError) -> str:
    if "__main__" in str(error):
        return (
            f"{path} needs code that lived in the notebook or script it was saved from ({error}): "
            "pack it there with daytwo.pack(model, X, y, name=…), which takes such code along"
        )
    return f"{path} was saved with other versions of its libraries, and does not fit those installed here ({error})"


def _load_pickle(path: Path) -> Any:
    _refuse_other(path)
    return joblib.load(path)  # which reads what pickle and cloudpickle wrote as well, compressed or not


def _refuse_other(path: Path) -> None:
    """Say what a file is where it has the suffix of something else."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK") and zipfile.is_zipfile(path):
        raise PackingError(f"{path} is a zip file, not a pickle: is it a .skops file?")
    if head.lstrip()[:1] in (b"<", b"{", b"[") or head.startswith(b"version https://git-lfs"):
        kind = "a pointer of Git LFS (git lfs pull gets the file)" if head.startswith(b"version") else "text"
        raise PackingError(f"{path} is {kind}, not a pickle")


def _load_skops(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        raise PackingError(f"{path} is not a skops file: those are zip files")
    try:
        return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise PackingError(f"{path} is not a whole skops file: {sentence(error)}") from error


def _load_onnx(path: Path) -> Any:
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's errors have no common base
        raise PackingError(f"{path} is not an ONNX model: {sentence(error)}") from error
    if not model.graph.output:
        raise PackingError(f"{path} is not an ONNX model: its graph has no output")
    return model


_LOADERS: Mapping[str, Callable[[Path], Any]] = {
    ".joblib": _load_pickle,
    ".pkl": _load_pickle,
    ".pickle": _load_pickle,
    ".skops": _load_skops,
    ".onnx": _load_onnx,
}

#: The suffixes that :func:`load_model` reads.
SUFFIXES = tuple(_LOADERS)


def _check(model: Any, path: Path) -> Any:
    """A file often holds a model beside other things; say so where it does."""
    if hasattr(model, "predict") or hasattr(model, "transform") or isinstance(model, onnx.ModelProto):
        return model
    if isinstance(model, dict):
        inside = [str(key) for key, value in model.items() if hasattr(value, "predict")]
        hint = f"; {inside[0]!r} is one: save it alone" if inside else ""
        raise PackingError(f"{path} holds a dict with {', '.join(map(repr, list(model)[:8]))}, not a model{hint}")
    raise PackingError(f"{path} holds an object of type {type(model).__name__}, not a model with predict or transform")


def _notes(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    """Warnings worth keeping, each once: the first of a version mismatch speaks for all parts of a model."""
    notes: dict[str, None] = {}
    for warning in caught:
        message = warning.message
        if isinstance(message, InconsistentVersionWarning):
            notes[
                f"saved with scikit-learn {message.original_sklearn_version}, "
                f"packed with {message.current_sklearn_version}"
            ] = None
    return tuple(notes)
