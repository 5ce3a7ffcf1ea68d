"""A model file served as it is, for a first look: what the estimator itself tells, and what packing would add."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
from sklearn.compose import ColumnTransformer

from daytwo.batch import DTYPES, Array, Batch
from daytwo.errors import PackingError
from daytwo.packing.models import load_model
from daytwo.packing.outputs import check_model, describe, runtime_of
from daytwo.packing.sessions import describe_session, input_types
from daytwo.runtimes import Model
from daytwo.runtimes.feed import feeder
from daytwo.runtimes.onnx import OnnxModel, open_session
from daytwo.runtimes.python import PythonModel
from daytwo.runtimes.sklearn import SklearnModel
from daytwo.signature import Field, Signature

#: Rows that an ONNX model is asked, since it does not say what its answers are.
_ROWS = 64


@dataclass(frozen=True)
class FirstLook:
    """A model that was never packed, ready to answer.

    model:     loaded, as its runtime runs it
    signature: guessed; any finite number is accepted for a number
    runtime:   ``sklearn``, ``python`` or ``onnx``
    example:   made-up rows that fit the signature and that the model answers
    notes:     what is only assumed, and what packing would add, one sentence each
    """

    model: Model
    signature: Signature
    runtime: str
    example: Batch
    notes: tuple[str, ...]


def first_look(path: Path | str) -> FirstLook:
    """The model in a file, ready to answer. Loading runs the code in the file: the caller must trust it.

    Raises PackingError where the file holds no model, or the model does not tell what it takes.
    """
    loaded = load_model(path)
    look = _look_at_session if isinstance(loaded.model, onnx.ModelProto) else look_at
    found = look(loaded.model)
    return FirstLook(found.model, found.signature, found.runtime, found.example, (*loaded.notes, *found.notes))


def look_at(model: Any) -> FirstLook:
    """As :func:`first_look`, for an estimator (or object with ``predict``) that is loaded already."""
    check_model(model)
    fields = tuple(_fields(model))
    table = getattr(model, "feature_names_in_", None) is not None
    bare = Signature(fields, (), "pandas" if table else "array", None if table else "float64")
    example = bare.conform({field.name: [_made_up(field)] for field in fields})
    signature = bare.with_outputs(describe(model, feeder(bare)(example)).outputs)
    runtime = runtime_of(model)
    ready = SklearnModel(model, signature) if runtime == "sklearn" else PythonModel(model, signature)
    return FirstLook(ready, signature, runtime, example, tuple(_notes(signature, named=table)))


def _look_at_session(model: Any) -> FirstLook:
    rows = _rows_for(model)
    described = describe_session(model, rows)
    ready = OnnxModel(open_session(described.proto.SerializeToString()), described.signature, described.wiring)
    named = isinstance(rows, pd.DataFrame)
    return FirstLook(ready, described.signature, "onnx", described.inputs, tuple(_notes(described.signature, named)))


def _fields(model: Any) -> Iterator[Field]:
    names, width = getattr(model, "feature_names_in_", None), getattr(model, "n_features_in_", None)
    if names is None and width is None:
        raise PackingError(
            f"{type(model).__name__} does not tell how many fields it takes: pack it with its data, daytwo pack … --data"
        )
    encoded = _categories(model)
    for name in names if names is not None else [f"x{index}" for index in range(int(width or 0))]:
        categories = encoded.get(str(name))
        if categories is None:
            yield Field(str(name), "float64")
        else:
            known = tuple(value for value in categories.tolist() if isinstance(value, str))
            yield Field(str(name), "string", categories=known, missing=len(known) < len(categories))


def _categories(model: Any) -> dict[str, Array]:
    """Column → its categories, where the model's first step is a ColumnTransformer with encoders of text."""
    first = model.steps[0][1] if getattr(model, "steps", None) else model
    out: dict[str, Array] = {}
    for _, part, columns in first.transformers_ if isinstance(first, ColumnTransformer) else ():
        known = getattr(part.steps[-1][1] if getattr(part, "steps", None) else part, "categories_", ())
        if not isinstance(columns, str) and len(known) == len(columns):
            pairs = zip(columns, known, strict=True)
            out |= {str(column): values for column, values in pairs if any(isinstance(v, str) for v in values)}
    return out


def _made_up(field: Field) -> Any:
    return (field.categories or ("",))[0] if field.dtype == "string" else 0.0


def _rows_for(model: Any) -> Any:
    """Random rows that an ONNX model takes. Raises PackingError where their width is not told."""
    types = input_types(model)
    rng = np.random.default_rng(0)
    if len(types) > 1:
        return pd.DataFrame({name: _random(rng, dtype, (_ROWS,)) for name, dtype, _ in types})
    name, dtype, shape = types[0]
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        raise PackingError(
            f"the model's input {name} does not tell its shape: pack it with its data, daytwo pack … --data"
        )
    return _random(rng, dtype, (_ROWS, *shape))


def _random(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> Array:
    if dtype == "string":
        return np.full(shape, "", dtype=object)
    numbers = rng.normal(size=shape)
    return np.round(np.abs(numbers)).astype(DTYPES[dtype]) if DTYPES[dtype].kind in "biu" else numbers


def _notes(signature: Signature, named: bool) -> Iterator[str]:
    names = "the fields' names are the model's own" if named else "the fields are called x0, x1, … by position"
    yield f"guessed: {names}, numbers are float64, no value may be missing unless an encoder knows how"
    yield (
        "packing would add: dtypes, ranges and categories from data, examples the server tests itself with, a faster "
        "compiled form, metrics, a version, an environment lock, the reference for drift"
    )
