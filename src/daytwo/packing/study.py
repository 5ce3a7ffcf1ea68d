"""Everything that is learnt of a model by asking it: its signature, and its answers to the data it came with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from daytwo import _plugins
from daytwo.batch import Array, Batch
from daytwo.errors import InvalidInput, PackingError
from daytwo.packing.align import align, as_data, target
from daytwo.packing.infer import infer_inputs
from daytwo.packing.outputs import ask, check_model, describe, runtime_of
from daytwo.packing.probe import probe
from daytwo.packing.scores import check_truth
from daytwo.packing.sessions import describe_session
from daytwo.runtimes.feed import feeder
from daytwo.runtimes.onnx import OnnxRuntime
from daytwo.signature import Signature
from daytwo.tables import kind_of

#: Rows that a model is asked about; of more, so many are drawn at random, the same ones each time.
MAX_ROWS = 100_000


@dataclass(frozen=True)
class Study:
    """A model, and what is known of it.

    model:     the estimator or object itself
    runtime:   the runtime of its native form
    what:      the model in a word or two: the name of its class
    packages:  the distributions that the native form needs
    task:      see :mod:`daytwo.packing.outputs`
    signature: its inputs and outputs
    inputs:    rows of the data that fit the signature, at most :data:`MAX_ROWS`
    answers:   what the model answered for them
    truth:     the target for them, or None
    rows:      how many rows the data had
    save:      writes the native form into a folder
    """

    model: Any
    runtime: str
    what: str
    packages: tuple[str, ...]
    task: str
    signature: Signature
    inputs: Batch
    answers: Batch
    truth: Array | None
    rows: int
    save: Callable[[Path], None]


def study(model: Any, X: Any, y: Any = None, *, allow_missing: Collection[str] | bool = ()) -> Study:
    """Ask ``model`` about the rows of ``X``.

    model:         a fitted estimator or pipeline of scikit-learn, any object with ``predict``, or an onnx.ModelProto
    X, y:          the data it was fitted on, or data like it; y may be None
    allow_missing: fields in which missing values are allowed though X has none; True for all

    Raises PackingError, in one sentence, for whatever keeps the model from being packed.
    """
    if isinstance(model, onnx.ModelProto):
        return _study_session(model, X, y, allow_missing)
    check_model(model)
    data, names = _aligned(model, X)
    rows, truth = len(data), target(y, len(data))
    inferred = infer_inputs(data, names=names, allow_missing=allow_missing)
    seen = [item.missing for item in infer_inputs(data, names=names).fields] if allow_missing else None
    data, truth = _sampled(data, truth)
    described = describe(model, data, truth)
    signature = Signature(inferred.fields, described.outputs, inferred.container, inferred.array_dtype)
    inputs = _conform(signature, data)
    feed = feeder(signature)
    observed = seen or [item.missing for item in signature.inputs]
    signature = probe(signature, inputs, lambda batch: ask(model, feed(batch)), observed=observed)
    if truth is not None:
        truth = check_truth(described.task, described.outputs, described.answers, truth)
    runtime = _plugins.runtime(runtime_of(model))()
    return Study(
        model=model, runtime=runtime.name, what=_name_of(model), packages=runtime.packages, task=described.task,
        signature=signature, inputs=inputs, answers=described.answers, truth=truth, rows=rows,
        save=lambda folder: runtime.save(model, folder),
    )  # fmt: skip


def _aligned(model: Any, X: Any) -> tuple[Any, tuple[str, ...] | None]:
    """As :func:`align`; but a table stays one where that is what the model takes, although it knows no names."""
    data, names = align(model, X)
    if names is not None and _raises(model, data[:1]) and not _raises(model, X[:1]):
        return X, None
    return data, names


def _raises(model: Any, data: Any) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is only asked whether it takes this
            ask(model, data)
    except Exception:  # noqa: BLE001  whatever it is, the model does not take this
        return True
    return False


def _study_session(model: Any, X: Any, y: Any, allow_missing: Collection[str] | bool) -> Study:
    data = as_data(X)
    rows, truth = len(data), target(y, len(data))
    data, truth = _sampled(data, truth)
    try:
        session = describe_session(model, data, allow_missing)
    except InvalidInput as error:
        raise _unfit(error) from error
    described = session.described
    if truth is not None:
        truth = check_truth(described.task, described.outputs, described.answers, truth)
    runtime = OnnxRuntime()
    return Study(
        model=session.proto, runtime=runtime.name, what=model.producer_name or "ONNX", packages=runtime.packages,
        task=described.task, signature=session.signature, inputs=session.inputs, answers=described.answers,
        truth=truth, rows=rows, save=lambda folder: runtime.save(session.proto, folder, wiring=session.wiring),
    )  # fmt: skip


def truth_batch(found: Study) -> Batch | None:
    """The target as the truth of an output, so that errors can be counted; None where there is none."""
    if found.truth is None or found.task in ("cluster", "transform"):
        return None
    if found.task == "outlier" and not set(np.unique(found.truth).tolist()) <= {-1, 1}:
        return None
    return Batch.from_columns({"value" if found.task == "regression" else "class": found.truth})


def _sampled(data: Any, truth: Array | None) -> tuple[Any, Array | None]:
    if len(data) <= MAX_ROWS:
        return data, truth
    rows = np.sort(np.random.default_rng(0).choice(len(data), size=MAX_ROWS, replace=False))
    taken = data.iloc[rows] if kind_of(data) == "pandas" else data[rows]
    return taken, None if truth is None else truth[rows]


def _conform(signature: Signature, data: Any) -> Batch:
    try:
        return signature.conform(data)
    except InvalidInput as error:
        raise _unfit(error) from error


def _unfit(error: InvalidInput) -> PackingError:
    return PackingError(f"X does not fit the signature learnt from it: {error}")


def _name_of(model: Any) -> str:
    """``RandomForestClassifier``; of a pipeline, its steps: ``StandardScaler, LogisticRegression``."""
    steps = getattr(model, "steps", None)
    return ", ".join(type(step).__name__ for _, step in steps) if steps else type(model).__name__
