"""References as things to serve: bundles from the registry, or model files that were never packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from daytwo import _plugins
from daytwo.bundle import Bundle
from daytwo.errors import TrustRequired, UnknownReference
from daytwo.predictor import Predictor
from daytwo.registry.local import LocalRegistry
from daytwo.serving.capacity import Demand, Plan, session_threads
from daytwo.serving.service import Served
from daytwo.settings import ServeSettings

#: Files that ``serve`` takes for a first look, without packing.
MODEL_FILES = (".joblib", ".onnx", ".pkl", ".pickle", ".skops")
#: What they most likely hold; a pickle may hold anything.
_FILE_RUNTIMES = {".onnx": "onnx", ".skops": "sklearn", ".joblib": "sklearn"}


def served(references: Sequence[str | Path | Bundle], registry: Path, settings: ServeSettings) -> list[Served]:
    """Each reference resolved, verified digest by digest, and known to be loadable here as far as that can be known
    before any model library is imported. Raises UnknownReference, CorruptBundle, TrustRequired, EnvironmentMismatch.
    """
    found = [_served(reference, registry, settings) for reference in references]
    twice = {(s.name, s.version) for s in found if sum((o.name, o.version) == (s.name, s.version) for o in found) > 1}
    if twice:
        name, version = min(twice)
        raise UnknownReference(f"{name}:{version}", "it was asked for twice; each version is served once")
    return found


def demand_of(item: Served, reference: str | Path | Bundle, settings: ServeSettings) -> Demand:
    """What a model asks of the machine, from the files that its loading reads."""
    if item.bundle is None:
        file = Path(str(reference))
        return Demand(_FILE_RUNTIMES.get(file.suffix, "python"), file.stat().st_size)
    runtime, folder = Predictor.require(item.bundle, trust=settings.trust, runtime=settings.runtime)
    return Demand(runtime, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))


def with_threads(
    models: Sequence[Served], references: Sequence[str | Path | Bundle], settings: ServeSettings, plan: Plan
) -> list[Served]:
    """``models``, told how many threads of their own they may have. A file that was never packed is loaded by now, with
    its library's own way.
    """
    return [
        replace(item, load=partial(item.load, threads=session_threads(settings.threads, plan, demand)))
        if item.bundle
        else item
        for item, demand in zip(
            models, [demand_of(*pair, settings) for pair in zip(models, references, strict=True)], strict=True
        )
    ]


def _served(reference: str | Path | Bundle, registry: Path, settings: ServeSettings) -> Served:
    if not isinstance(reference, Bundle) and Path(reference).suffix in MODEL_FILES and Path(reference).is_file():
        return _served_file(Path(reference), settings)
    bundle = reference if isinstance(reference, Bundle) else LocalRegistry(registry).open(reference)
    Predictor.require(bundle, trust=settings.trust, runtime=settings.runtime)
    load = partial(Predictor.load, bundle, trust=settings.trust, runtime=settings.runtime)
    example = bundle.signature.conform(bundle.examples().inputs)
    return Served(bundle.name, bundle.version, bundle.signature, load, example, bundle)


def _served_file(path: Path, settings: ServeSettings) -> Served:
    if path.suffix != ".onnx" and not settings.trust:
        raise TrustRequired(str(path), "a pickle" if path.suffix != ".skops" else "a model file")
    first_look = _plugins.load("daytwo.packing.firstlook:first_look", "serving a model file")
    look = first_look(path)
    name = path.stem.lower()
    load = partial(Predictor, look.model, look.signature, name=name, version="0", runtime=look.runtime)
    return Served(name, "0", look.signature, load, look.example, notes=tuple(look.notes))
