"""A reference to something that predicts, in this process."""

from __future__ import annotations

from pathlib import Path

from daytwo.bundle import Bundle
from daytwo.predictor import Predictor
from daytwo.registry.local import LocalRegistry
from daytwo.settings import ServeSettings, registry_path, resolve


def load(
    reference: str | Path | Bundle,
    *,
    registry: str | Path | None = None,
    trust: bool | None = None,
    runtime: str = "auto",
) -> Predictor:
    """The Predictor of a bundle, its own examples passed.

    reference: ``name``, ``name:version``, ``name@alias``, the path of a bundle folder, or a Bundle
    registry:  the folder of the registry; default DAYTWO_REGISTRY, else ~/.daytwo/registry
    trust:     whether a form whose loading runs code (a pickle) may be loaded; default DAYTWO_TRUST, else no
    runtime:   ``auto`` (the compiled form where parity was proven), ``native``, or a compiled form's name

    Raises UnknownReference, CorruptBundle, TrustRequired, EnvironmentMismatch, ExamplesFailed.
    """
    bundle = reference if isinstance(reference, Bundle) else LocalRegistry(registry_path(registry)).open(reference)
    trusted = resolve(ServeSettings, {"trust": trust}).trust
    predictor = Predictor.load(bundle, trust=trusted, runtime=runtime)
    predictor.check_examples()
    return predictor
