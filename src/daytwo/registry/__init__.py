"""Names to bundles: ``name:version`` and ``name@alias``. Versions never change, aliases move, and every move is logged."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from daytwo.bundle import Bundle, BundleWriter
from daytwo.bundle.layout import check_name
from daytwo.errors import RegistryError, UnknownReference

#: The highest version; it moves by itself and cannot be an alias.
LATEST = "latest"

#: A version: 1, 2, 3, …
NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a user means by ``name``, ``name:3``, ``name@prod`` or a path: one name with at most one of the others.

    name:    the model, or None where the reference is a path
    version: ``"3"``, or None
    alias:   ``"prod"``, or None; without version and alias the latest version is meant
    path:    the folder of a bundle, or None
    """

    name: str | None = None
    version: str | None = None
    alias: str | None = None
    path: Path | None = None

    @classmethod
    def parse(cls, text: str | Path | Reference) -> Reference:
        """Read a reference. What holds a ``/``, or begins with ``.`` or ``~``, is a path.

        Raises InvalidName for a name or alias that cannot be one, UnknownReference for a version that cannot be one.

        >>> Reference.parse("churn:3")
        Reference(name='churn', version='3', alias=None, path=None)
        >>> str(Reference.parse("churn@latest"))
        'churn'
        """
        if isinstance(text, Reference):
            return text
        if isinstance(text, Path) or text.startswith((".", "~")) or os.sep in text:
            return cls(path=_at_home(Path(text)))
        for mark in (":", "@"):
            name, found, rest = text.partition(mark)
            if found:
                return cls._of(text, check_name("model name", name), mark, rest)
        return cls(check_name("model name", text))

    @classmethod
    def _of(cls, text: str, name: str, mark: str, rest: str) -> Reference:
        if rest == LATEST:
            return cls(name)
        if mark == "@":
            return cls(name, alias=check_name("model alias", rest))
        if not NUMBER.fullmatch(rest):
            raise UnknownReference(text, f"a version is a number from 1 up, or 'latest'; an alias is written {name}@…")
        return cls(name, version=rest)

    def __str__(self) -> str:
        if self.path is not None:
            return str(self.path)
        rest = f":{self.version}" if self.version else f"@{self.alias}" if self.alias else ""
        return f"{self.name}{rest}"


@dataclass(frozen=True, slots=True)
class Listed:
    """One version, as a listing shows it.

    created:    ISO 8601 in UTC
    digest:     of its manifest, ``sha256:…``
    size_bytes: of all its files
    problem:    what is damaged, its own files or its model's log of aliases, or None; what cannot be known is empty
    """

    name: str
    version: str
    aliases: tuple[str, ...] = ()
    created: str = ""
    task: str = ""
    digest: str = ""
    size_bytes: int = 0
    problem: str | None = None

    @property
    def reference(self) -> str:
        """``churn:3``."""
        return f"{self.name}:{self.version}"

    @property
    def short_digest(self) -> str:
        """The first twelve digits of the digest, enough to tell two versions apart."""
        return self.digest.removeprefix("sha256:")[:12]


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One line of an alias's log.

    action:   ``promote`` or ``rollback``
    version:  where the alias points since then; ``digest`` is that version's
    previous: where it pointed before, or None
    when:     ISO 8601 in UTC
    who, why: as the mover said
    """

    alias: str
    action: str
    version: str
    previous: str | None
    digest: str
    when: str
    who: str
    why: str


class Registry(Protocol):
    """Where bundles are kept. Errors are UnknownReference, InvalidName, AliasInUse, CorruptBundle, OutsideFailure."""

    def stage(self, name: str) -> contextlib.AbstractContextManager[BundleWriter]:
        """A place to fill the next version of ``name`` in; nothing of it is left where it is not published."""
        ...

    def publish(self, writer: BundleWriter, seal: Callable[[str], object]) -> Bundle:
        """Make what was staged the next version; ``seal`` is called with that version and seals the writer."""
        ...

    def resolve(self, reference: str | Path | Reference) -> Path:
        """The folder of the bundle that is meant."""
        ...

    def open(self, reference: str | Path | Reference) -> Bundle:
        """The bundle that is meant, verified."""
        ...

    def list(self, name: str | None = None) -> tuple[Listed, ...]:
        """All versions (of ``name``), by name, the newest version first."""
        ...

    def aliases(self, name: str) -> dict[str, str]:
        """Alias → version."""
        ...

    def promote(
        self, reference: str | Path | Reference, alias: str, *, why: str = "", who: str | None = None
    ) -> AliasMove:
        """Point ``alias`` at a version."""
        ...

    def rollback(self, name: str, alias: str, *, why: str = "", who: str | None = None) -> AliasMove:
        """Point ``alias`` at the version it pointed at before."""
        ...

    def history(self, name: str, alias: str | None = None) -> tuple[AliasMove, ...]:
        """Every move of ``alias`` (of all aliases), the oldest first."""
        ...

    def delete(self, reference: str | Path | Reference) -> str:
        """Remove one version, for good; its number is never used again. The full reference of what was removed."""
        ...


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except (RuntimeError, ValueError):  # nobody of that name has a home: then it is a name like any other
        return path


def versioned(reference: Reference, doing: str) -> Reference:
    """``reference`` itself where it means a model of the registry; raises RegistryError for a path."""
    if reference.name is None:
        raise RegistryError(
            f"{doing} needs a model of the registry (name, name:version, name@alias), not the path {reference}"
        )
    return reference
