"""A faster form of a model, accepted only when it is proven to answer as the model does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from daytwo.batch import Batch
from daytwo.bundle.manifest import Evidence
from daytwo.errors import CompileFailed
from daytwo.packing.onnx_graph import OPSET, Untranslatable
from daytwo.packing.onnx_translate import Translation, translate
from daytwo.packing.parity import TOLERANCE, Comparison, compare
from daytwo.runtimes.onnx import OnnxRuntime
from daytwo.runtimes.sklearn import SklearnModel
from daytwo.signature import Signature

Mode = Literal["auto", "require", "never"]
Progress = Callable[[str], None]

#: Rows of the packing data that are compared; more are sampled down to this, the same ones each time.
MAX_ROWS = 10_000


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

    ``data`` fits the signature's inputs. ``auto`` records why nothing was accepted, ``require`` raises CompileFailed,
    ``never`` does nothing and returns no evidence.
    """
    if mode == "never":
        return []
    tell = progress or (lambda text: None)
    tell("compiling to ONNX")
    target = folder / OnnxRuntime.name
    target.mkdir(parents=True, exist_ok=True)
    try:
        translation = translate(model, signature)
        evidence = _prove(model, translation, signature, data, target)
    except Untranslatable as reason:
        evidence = Evidence(OnnxRuntime.name, False, str(reason), tolerance=TOLERANCE, details=_versions())
    if not evidence.accepted:
        shutil.rmtree(target)
        if mode == "require":
            raise CompileFailed([evidence.reason or "no reason"])
    return [evidence]


def _prove(model: Any, translation: Translation, signature: Signature, data: Batch, target: Path) -> Evidence:
    runtime = OnnxRuntime()
    runtime.save(translation.model, target, wiring=translation.wiring)
    original, compiled = SklearnModel(model, signature), runtime.load(target, signature)
    rows = sample(data, MAX_ROWS)
    found = compare(original.predict(rows), compiled.predict(rows), signature)
    reason = None if found.equal else f"{found.label_flips} label flips, worst error {found.worst_error:.3g}"
    return Evidence(
        OnnxRuntime.name, found.equal, reason, rows=rows.rows, label_flips=found.label_flips,
        worst_error=found.worst_error, tolerance=TOLERANCE,
        details={**_versions(), "parts": ", ".join(translation.parts)},
    )  # fmt: skip


def sample(data: Batch, limit: int) -> Batch:
    """At most ``limit`` rows, in order, the same ones each time."""
    if data.rows <= limit:
        return data
    return data.take(np.sort(np.random.default_rng(0).choice(data.rows, limit, replace=False)))


def _versions() -> dict[str, str | int | float]:
    return {"opset": OPSET, **{name: version(name) for name in ("skl2onnx", "onnx", "onnxruntime", "scikit-learn")}}
