"""A faster form of a model, accepted only when it is proven to answer as the model does."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from daytwo.batch import Batch
from daytwo.bundle.manifest import Evidence
from daytwo.errors import CompileFailed, sentence
from daytwo.packing.onnx.frame import Untranslatable
from daytwo.packing.onnx.graph import ML_OPSET, OPSET
from daytwo.packing.onnx.translate import Translation, translate
from daytwo.packing.parity_proof import Proof, prove
from daytwo.runtimes.onnx import OnnxRuntime
from daytwo.runtimes.sklearn import SklearnModel, jobs_of
from daytwo.signature import Signature

Mode = Literal["auto", "require", "never"]
Progress = Callable[[str], None]


def compile_model(
    model: Any,
    signature: Signature,
    data: Batch,
    task: str,
    folder: Path,
    *,
    mode: Mode = "auto",
    progress: Progress | None = None,
) -> list[Evidence]:
    """Compile a fitted scikit-learn ``model`` to ONNX and prove it; an accepted form is left in ``folder/onnx``.

    ``data`` fits the signature's inputs and has at least one row. ``auto`` records why nothing was accepted,
    ``require`` raises CompileFailed, ``never`` does nothing and returns no evidence. The model is not changed.
    """
    if mode == "never":
        return []
    tell = progress or (lambda _: None)
    target = folder / OnnxRuntime.name
    target.mkdir(parents=True, exist_ok=True)
    with _in_order(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries say about each other, and about the proof's strange rows
        evidence = _attempts(model, signature, data, target, tell)
    if not evidence.accepted:
        shutil.rmtree(target)
        if mode == "require":
            raise CompileFailed([evidence.reason or "no reason"])
    return [evidence]


def _attempts(model: Any, signature: Signature, data: Batch, target: Path, tell: Progress) -> Evidence:
    """As scikit-learn computes; and where that was float32, once more in float64 for what skl2onnx translates."""
    first = _attempt(model, signature, data, target, tell, wide=False)
    narrow = any(field.dtype == "float32" for field in signature.inputs)
    if first.accepted or not narrow or "skl2onnx:" not in str(first.details.get("parts", "")):
        return first
    second = _attempt(model, signature, data, target, tell, wide=True)
    return second if second.accepted else first


def _attempt(model: Any, signature: Signature, data: Batch, target: Path, tell: Progress, *, wide: bool) -> Evidence:
    tell("translating the model to ONNX")
    try:
        translation = translate(model, signature, wide=wide)
    except Untranslatable as why:
        return _evidence(None, None, str(why))
    except Exception as error:  # noqa: BLE001  a library's surprise about a model is a reason, not a failure to pack
        return _evidence(None, None, f"the translation failed: {sentence(error)}")
    tell("proving that the ONNX form answers as the model does")
    runtime = OnnxRuntime()
    try:
        runtime.save(translation.model, target, wiring=translation.wiring)
        compiled = runtime.load(target, signature)
        proof = prove(SklearnModel(model, signature), compiled, signature, data, translation.boundaries)
    except Exception as error:  # noqa: BLE001  likewise: onnxruntime refuses, or the model refuses its own data
        return _evidence(translation, None, sentence(error))
    wiring = replace(translation.wiring, limit=proof.limit, nan_refused=proof.nan_refused)
    runtime.save(translation.model, target, wiring=wiring)
    return _evidence(translation, proof, proof.reason)


def _evidence(translation: Translation | None, proof: Proof | None, reason: str | None) -> Evidence:
    details: dict[str, str | int | float] = {"opset": OPSET, "opset_ml": ML_OPSET}
    details |= {name: version(name) for name in ("onnx", "onnxruntime", "scikit-learn", "skl2onnx")}
    if translation is not None:
        details["parts"] = ", ".join(translation.parts)
    if proof is None:
        return Evidence(OnnxRuntime.name, False, reason, details=details)
    details |= {
        "border_rows": proof.border_rows,
        "refused_alike": proof.refused_alike,
        "thresholds": proof.thresholds,
        "thresholds_pushed": proof.thresholds_pushed,
    }
    if proof.limit is not None:
        details["limit"] = proof.limit
    return Evidence(
        OnnxRuntime.name, reason is None, reason, rows=proof.rows, edge_rows=proof.edge_rows,
        threshold_rows=proof.threshold_rows, label_flips=proof.found.label_flips, worst_error=proof.found.worst_error,
        tolerance=proof.judge.tolerance, details=details,
    )  # fmt: skip


@contextmanager
def _in_order(model: Any) -> Iterator[None]:
    """The model on one thread, so that its sums come in a fixed order; as it was, afterwards.

    It is faster, too: thousands of short calls gain nothing from threads, and on a busy machine wait for them.
    """
    jobs = jobs_of(model)
    if jobs:
        model.set_params(**dict.fromkeys(jobs, 1))
    try:
        with threadpool_limits(1):
            yield
    finally:
        if jobs:
            model.set_params(**jobs)
