"""References as things to serve: bundles from the registry, or model files that were never packed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from daytwo import _plugins
from daytwo.bundle import Bundle
from daytwo.errors import TrustRequired, UnknownReference
from daytwo.predictor import Predictor
from daytwo.registry.local import LocalRegistry
from daytwo.serving.service import Served
from daytwo.settings import ServeSettings

#: Files that ``serve`` takes for a first look, without packing.
MODEL_FILES = (".joblib", ".onnx", ".pkl", ".pickle", ".skops")


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


def _served(reference: str | Path | Bundle, registry: Path, settings: ServeSettings) -> Served:
    if not isinstance(reference, Bundle) and Path(reference).suffix in MODEL_FILES and Path(reference).is_file():
        return _served_file(Path(reference), settings)
    bundle = reference if isinstance(reference, Bundle) else LocalRegistry(registry).open(reference)
    Predictor.require(bundle, trust=settings.trust, runtime=settings.runtime)
    threads = 1 if settings.workers > 1 else None
    load = partial(Predictor.load, bundle, trust=settings.trust, runtime=settings.runtime, threads=threads)
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
