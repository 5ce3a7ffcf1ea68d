"""A bundle and its runtime, loaded: conform, run, and predict, which is both. Synchronous; no server knows less.

The endpoint conforms each request and runs each joined batch; batch scoring uses the same two. That online equals
batch is therefore a matter of structure.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from daytwo import _plugins
from daytwo.batch import Batch
from daytwo.bundle import Bundle, Examples, environment
from daytwo.errors import CorruptBundle, ExamplesFailed, InvalidInput, PredictionFailed, TrustRequired, UnknownReference
from daytwo.runtimes import Model
from daytwo.signature import Signature


class Predictor:
    """A loaded model with the signature it answers to.

    >>> predictor = Predictor.load(bundle)                  # doctest: +SKIP
    >>> predictor.predict({"age": [34], "plan": ["pro"]})   # doctest: +SKIP
    Batch(1 rows; class: object, probabilities: float64[2])
    """

    def __init__(
        self, model: Model, signature: Signature, *, name: str, version: str, runtime: str, bundle: Bundle | None = None
    ) -> None:
        self.model = model
        self.signature = signature
        self.name = name
        self.version = version
        self.runtime = runtime
        self.bundle = bundle

    @classmethod
    def load(
        cls, bundle: Bundle, *, trust: bool = False, threads: int | None = None, runtime: str = "auto"
    ) -> Predictor:
        """Load the model of ``bundle``.

        runtime: ``auto`` takes the compiled form where parity was proven and the native form otherwise; ``native`` and
                 the name of a compiled form insist
        trust:   whether a form whose loading executes code may be loaded
        threads: limit of the model's own parallelism; None leaves it to the library

        Raises TrustRequired, EnvironmentMismatch, MissingLibrary, CorruptBundle, UnknownReference.
        """
        chosen, folder = cls.require(bundle, trust=trust, runtime=runtime)
        loader = _plugins.runtime(chosen)()
        executes = loader.executes(folder)
        if executes and not trust:  # the files themselves may say more than the manifest did
            raise TrustRequired(bundle.reference, executes)
        try:
            model = loader.load(folder, bundle.signature, threads=threads)
        except (ImportError, MemoryError):
            raise
        except Exception as error:
            raise CorruptBundle(bundle.path, f"its {chosen} model cannot be loaded ({type(error).__name__})") from error
        return cls(model, bundle.signature, name=bundle.name, version=bundle.version, runtime=chosen, bundle=bundle)

    @staticmethod
    def require(bundle: Bundle, *, trust: bool = False, runtime: str = "auto") -> tuple[str, Path]:
        """Which runtime would load which folder, once all that can be known without a model library is known.

        Raises TrustRequired, EnvironmentMismatch, UnknownReference.
        """
        chosen, folder = _choose(bundle, runtime)
        executes = [what for path, what in bundle.would_execute() if (bundle.path / path).is_relative_to(folder)]
        if executes and not trust:
            raise TrustRequired(bundle.reference, executes[0])
        environment.require(bundle.lock(), chosen, executes=bool(executes))
        return chosen, folder

    @property
    def reference(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    def conform(self, raw: Any) -> Batch:
        """Anything tabular as a Batch that fits the signature; InvalidInput where it does not."""
        return self.signature.conform(raw)

    def run(self, batch: Batch) -> Batch:
        """The model on a Batch that fits. Raises PredictionFailed where the model raises, and InvalidInput where this
        form of it does not answer for a number that is otherwise allowed (beyond a proven limit).
        """
        try:
            return self.model.predict(batch)
        except InvalidInput:
            raise
        except Exception as error:
            raise PredictionFailed(self.reference, error) from error

    def predict(self, raw: Any) -> Batch:
        """Conform, then run."""
        return self.run(self.conform(raw))

    def check_examples(self) -> int:
        """Run the bundle's own examples, together and the first of them alone; returns how many rows passed.

        Raises ExamplesFailed. A predictor without a bundle has none, and passes with 0.
        """
        if self.bundle is None:
            return 0
        examples = self.bundle.examples()
        failures = self._failures(examples) + self._failures(_first_of(examples))
        if failures:
            raise ExamplesFailed(self.reference, failures)
        return examples.rows

    def _failures(self, examples: Examples) -> list[str]:
        return examples.compare(self.run(self.conform(examples.inputs))) if examples.rows else []


def _first_of(examples: Examples) -> Examples:
    first = slice(0, 1)
    return replace(examples, inputs=examples.inputs.take(first), outputs=examples.outputs.take(first))


def _choose(bundle: Bundle, runtime: str) -> tuple[str, Path]:
    compiled = [evidence.runtime for evidence in bundle.manifest.compiled if evidence.accepted]
    if runtime == "auto":
        runtime = compiled[0] if compiled else "native"
    if runtime in ("native", bundle.manifest.runtime):
        return bundle.manifest.runtime, bundle.native_path
    if (folder := bundle.compiled_path(runtime)) is not None:
        return runtime, folder
    forms = ", ".join(["native", *compiled])
    raise UnknownReference(f"{bundle.reference} as {runtime}", f"this bundle holds: {forms}")
