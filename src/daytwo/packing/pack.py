"""From a model and its data to a filled and proven bundle, ready to be sealed under the version it gets."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daytwo import _plugins
from daytwo.batch import Array
from daytwo.bundle import BundleWriter, Evidence, Examples, Manifest, open_bundle
from daytwo.bundle.dependencies import Need, lock
from daytwo.bundle.layout import COMPILED, NATIVE
from daytwo.bundle.provenance import provenance
from daytwo.errors import BundleError, CompileFailed, DaytwoError, PackingError, PredictionFailed, sentence
from daytwo.monitoring.reference import reference
from daytwo.packing.compile import Mode, Progress, compile_model
from daytwo.packing.examples import choose
from daytwo.packing.parity import Judge
from daytwo.packing.scores import score
from daytwo.packing.study import Study, study, truth_batch
from daytwo.predictor import Predictor

#: The version a bundle is sealed under while it is proven; no registry gives it away.
_DRAFT = "0"


@dataclass(frozen=True)
class Options:
    """What the one who packs may choose.

    compile:       ``auto``, ``require`` or ``never``
    allow_missing: fields in which missing values are allowed though the data has none; True for all
    metrics:       more metrics, or better ones, measured elsewhere: they are added to those computed here
    evaluated_on:  what the rows are that metrics are computed on, as a tag says it
    tags:          free text by name
    notes:         what a reader should know of how the model came, for the provenance
    """

    compile: Mode = "auto"
    allow_missing: Collection[str] | bool = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    evaluated_on: str = "packing data"
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Built:
    """What the manifest of a filled bundle will say, all but name and version."""

    task: str
    runtime: str
    compiled: tuple[Evidence, ...]
    metrics: Mapping[str, float]
    provenance: Mapping[str, Any]
    executes: Mapping[str, str]
    tags: Mapping[str, str]
    rows: int

    def seal(self, writer: BundleWriter, name: str, version: str) -> Manifest:
        """Write the manifest; again under another version where there is one already."""
        return writer.seal(
            name, version, task=self.task, runtime=self.runtime, compiled=self.compiled, metrics=self.metrics,
            provenance=self.provenance, executes=self.executes, tags=self.tags, rows=self.rows,
        )  # fmt: skip


def build(
    writer: BundleWriter, model: Any, X: Any, y: Any, *, name: str, options: Options, folder: Path, tell: Progress
) -> Built:
    """Fill ``writer`` with everything but the manifest, and prove that it answers as ``model`` does.

    name:   the model's name, for messages
    folder: the working directory, whose git commit goes into the provenance
    tell:   is told what is being done, in words

    Raises PackingError (CompileFailed) where it cannot be done; the caller removes what was written.
    """
    tell("asking the model")
    found = study(model, X, y, allow_missing=options.allow_missing)
    writer.write_signature(found.signature)
    tell("saving the model")
    native = _save(found, writer.folder(NATIVE))
    compiled = _compile(found, writer, options.compile, tell)
    tell("choosing examples")
    writer.write_examples(_examples(found))
    tell("measuring")
    metrics = _metrics(found, options)
    writer.write_reference(reference(found.signature, found.inputs, found.answers, truth_batch(found)).to_json())
    tell("locking the environment")
    needs = _lock(found, compiled, writer)
    tags = dict(options.tags) | ({"evaluated_on": _evaluated(found, options)} if metrics else {})
    packages = needs.get("native", needs["serve"])["packages"]
    origin = provenance(folder, os.environ, packages) | {"model": found.what}
    origin |= {"notes": list(options.notes)} if options.notes else {}
    built = Built(found.task, found.runtime, compiled, metrics, origin, native, tags, found.rows)
    tell("proving the bundle")
    _prove(built, writer, name)
    return built


def _save(found: Study, folder: Path) -> dict[str, str]:
    """Write the native form; returns what of it would execute when loaded, by path."""
    try:
        found.save(folder)
    except (DaytwoError, OSError, MemoryError):
        raise
    except Exception as error:  # what pickling raises depends on what is inside the model
        raise PackingError(f"{found.what} cannot be saved: {sentence(error)}") from error
    executes = _plugins.runtime(found.runtime)().executes(folder)
    files = [file.name for file in folder.iterdir()]
    path = f"{NATIVE}/{files[0]}" if len(files) == 1 else NATIVE
    return {path: executes} if executes else {}


def _compile(found: Study, writer: BundleWriter, mode: Mode, tell: Progress) -> tuple[Evidence, ...]:
    if mode == "never" or found.runtime == "onnx":  # which is what others are compiled to
        return ()
    if found.runtime == "python":
        reason = f"{found.what} is a plain Python object, not a model of scikit-learn"
        if mode == "require":
            raise CompileFailed([reason])
        return (Evidence("onnx", False, reason),)
    evidence = compile_model(
        found.model, found.signature, found.inputs, found.task, writer.folder(COMPILED), mode=mode, progress=tell
    )
    _remove_if_empty(writer.path / COMPILED)
    return tuple(evidence)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()


def _examples(found: Study) -> Examples:
    rows = choose(found.signature, found.inputs, found.answers, _single(found.truth))
    # What parity was proven within: a compiled form must pass the examples of its original.
    judge = Judge.of(found.signature, found.answers)
    floor = 1.0 if "probabilities" in found.answers else max(judge.floors.values(), default=1.0)
    return Examples(
        found.inputs.take(rows), found.answers.take(rows), rtol=judge.tolerance, atol=judge.tolerance * floor
    )


def _single(truth: Array | None) -> Array | None:
    return truth if truth is not None and truth.ndim == 1 else None


def _metrics(found: Study, options: Options) -> dict[str, float]:
    numbers = found.inputs.matrix if found.task == "cluster" else None
    computed = score(found.task, found.signature.outputs, found.answers, found.truth, numbers)
    return computed | {name: float(value) for name, value in options.metrics.items()}


def _evaluated(found: Study, options: Options) -> str:
    asked = found.inputs.rows
    return options.evaluated_on + (f", {asked:,} of {found.rows:,} rows" if asked < found.rows else "")


def _lock(found: Study, compiled: tuple[Evidence, ...], writer: BundleWriter) -> Mapping[str, Any]:
    native = Need(found.runtime, found.packages, writer.path / NATIVE)
    accepted = [evidence.runtime for evidence in compiled if evidence.accepted]
    serve = Need(accepted[0], _plugins.runtime(accepted[0]).packages) if accepted else None
    needs = lock(serve, native) if serve else lock(native)
    writer.write_lock(needs)
    return needs


def _prove(built: Built, writer: BundleWriter, name: str) -> None:
    """Open what was written as anyone would, load each of its forms, and run its examples through them."""
    built.seal(writer, name, _DRAFT)
    try:
        bundle = open_bundle(writer.path)
        for runtime in bundle.runtimes:
            Predictor.load(bundle, trust=True, runtime=runtime).check_examples()
    except (BundleError, PredictionFailed) as error:
        raise PackingError(f"what was packed does not answer as the model does: {error}") from error
