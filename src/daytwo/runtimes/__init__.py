"""How one library saves, loads and runs a model. One file per library; each imports its library plainly at its top."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from daytwo.batch import Batch
from daytwo.signature import Signature


class Model(Protocol):
    """A loaded model: a Batch that fits the signature's inputs in, a Batch of its outputs out.

    releases_gil: whether a long call lets other Python threads run
    """

    releases_gil: bool

    def predict(self, batch: Batch) -> Batch:
        """Outputs for every row, in order. Pure: the same rows give the same outputs, alone or in company."""
        ...


class Runtime(Protocol):
    """One library.

    name:     as the manifest writes it
    packages: the distributions that loading needs (for the environment lock)
    """

    name: str
    packages: tuple[str, ...]

    def save(self, model: Any, folder: Path) -> None:
        """Write ``model`` into the empty ``folder``."""
        ...

    def executes(self, folder: Path) -> str | None:
        """What loading ``folder`` would execute (``a pickle``), or None where loading only reads data.

        Answered from the files alone, before any model library is imported.
        """
        ...

    def load(self, folder: Path, signature: Signature, *, threads: int | None = None) -> Model:
        """The model in ``folder``; ``threads`` limits its own parallelism (None: the library's default)."""
        ...
