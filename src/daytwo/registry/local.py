"""A registry in a local directory, which may be a shared one.

::

    churn/
      1/  2/  …            one bundle each, put there by one rename
      aliases.jsonl        every move of every alias
      .deleted/2/          empty: the number 2 was used, and never is again
      .lock                held while a version is added or removed, or an alias moves
      .daytwo-staging-…/   a bundle that is being packed
"""

from __future__ import annotations

import contextlib
import difflib
import getpass
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from daytwo.bundle import Bundle, BundleWriter, open_bundle, place, staged
from daytwo.bundle.disk import disk, sync_folder
from daytwo.bundle.layout import check_name
from daytwo.bundle.locks import Lock
from daytwo.bundle.read import read_manifest
from daytwo.bundle.write import timestamp
from daytwo.errors import (
    AliasInUse,
    BundleError,
    CorruptBundle,
    OutsideFailure,
    RegistryError,
    UnknownReference,
)
from daytwo.registry import LATEST, AliasMove, Listed, Reference, aliases, tree, versioned

_LOCK = ".lock"

Ref = str | Path | Reference


class LocalRegistry:
    """The registry in the folder ``root``, which is made when the first version is published.

    Any number of processes may use it at once; a process that dies leaves no half version and blocks nobody.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().absolute()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[BundleWriter]:
        """A place to fill the next version of ``name`` in, to be used as ``with``."""
        with staged(self.root / check_name("model name", name)) as writer:
            yield writer

    def publish(self, writer: BundleWriter, seal: Callable[[str], object]) -> Bundle:
        """Make what was staged the next version. ``seal`` is called once, with that version, and seals ``writer``."""
        folder = writer.path.parent
        if folder.parent != self.root:
            raise RegistryError(f"{writer.path} was not staged in the registry {self.root}")
        with disk(f"publishing {folder.name}"):
            writer.flush()  # outside the lock: digesting a large model must not keep others waiting
            with Lock(folder / _LOCK):
                target = folder / str(tree.next_version(folder))
                seal(target.name)
                _check_sealed(writer, target)
                place(writer, target)
            sync_folder(self.root)
        return open_bundle(target, verify=False)

    def resolve(self, reference: Ref) -> Path:
        """The folder of the bundle that is meant. Raises UnknownReference, saying what there is instead."""
        return self._find(reference)[0]

    def open(self, reference: Ref) -> Bundle:
        """The bundle that is meant, verified; behind an alias also that it is what was promoted."""
        path, digest = self._find(reference)
        try:
            bundle = open_bundle(path, digest=digest)
        except (BundleError, UnknownReference, OutsideFailure):
            if path.exists():
                raise
            return self.open(reference)  # it was deleted while it was read: what is meant by now?
        if Reference.parse(reference).path is None and bundle.reference != f"{path.parent.name}:{path.name}":
            raise CorruptBundle(path, f"it says that it is {bundle.reference}")
        return bundle

    def list(self, name: str | None = None) -> tuple[Listed, ...]:
        """All versions (of ``name``), by name, the newest first. A damaged one is listed with its problem."""
        names = tree.names_in(self.root) if name is None else [self._known(name)]
        return tuple(listed for item in names for listed in self._listing(item))

    def aliases(self, name: str) -> dict[str, str]:
        """Alias → version. Raises UnknownReference where there is no such model."""
        return aliases.current(aliases.read(self.root / self._known(name)))

    def history(self, name: str, alias: str | None = None) -> tuple[AliasMove, ...]:
        """Every move of ``alias`` (of all aliases of ``name``), the oldest first."""
        moves = aliases.read(self.root / self._known(name))
        return tuple(move for move in moves if alias in (None, move.alias))

    def promote(self, reference: Ref, alias: str, *, why: str = "", who: str | None = None) -> AliasMove:
        """Point ``alias`` at a version, which is verified first. Where it points there already, nothing is logged.

        who: the one who moves it; default: the user's login name
        """
        if check_name("model alias", alias) == LATEST:
            raise RegistryError("'latest' is always the highest version and cannot be moved: choose another alias")
        bundle = self.open(versioned(Reference.parse(reference), "promoting"))
        with self._moving(bundle.name) as (folder, moves):
            self._version(folder.name, bundle.version, bundle.reference)  # nobody deleted it meanwhile
            held = aliases.trail(moves, alias)
            if held and held[-1].version == bundle.version:
                return held[-1]
            previous = held[-1].version if held else None
            move = AliasMove(alias, "promote", bundle.version, previous, bundle.digest, *_signed(who, why))
            aliases.append(folder, moves, move)
        return move

    def rollback(self, name: str, alias: str, *, why: str = "", who: str | None = None) -> AliasMove:
        """Point ``alias`` at the version it pointed at before; once more goes one further back.

        Raises RegistryError where there is no such version, or where it was deleted.
        """
        with self._moving(self._known(name)) as (folder, moves):
            held = aliases.trail(moves, check_name("model alias", alias))
            if not held:
                raise self._no_alias(f"{name}@{alias}", name)
            if len(held) == 1:
                raise RegistryError(
                    f"{name}@{alias} cannot be rolled back: it never pointed elsewhere than at {held[0].version}"
                )
            before = held[-2]
            if before.version not in map(str, tree.versions_in(self.root / name)):
                raise RegistryError(
                    f"{name}@{alias} cannot be rolled back: {name}:{before.version} was deleted; promote another"
                )
            move = AliasMove(alias, "rollback", before.version, held[-1].version, before.digest, *_signed(who, why))
            aliases.append(folder, moves, move)
        return move

    def delete(self, reference: Ref) -> str:
        """Remove one version for good; its number is never used again. Returns its full reference.

        Raises AliasInUse while an alias points at it. It is gone at once, also where removing its files is slow.
        """
        wanted = versioned(Reference.parse(reference), "deleting")
        if wanted.version is None:
            raise RegistryError(f"deleting needs a version, {wanted.name}:3, so that it is clear which one goes")
        folder = self.resolve(wanted)
        with self._moving(folder.parent.name) as (home, moves):
            if users := [alias for alias, version in aliases.current(moves).items() if version == folder.name]:
                raise AliasInUse(str(wanted), users)
            self._version(home.name, folder.name, str(wanted))
            (home / tree.DELETED).mkdir(exist_ok=True)
            folder.rename(home / tree.DELETED / folder.name)
            sync_folder(home)
            tree.empty_tombs(home / tree.DELETED)
        return str(wanted)

    def _find(self, reference: Ref) -> tuple[Path, str | None]:
        """The folder, and the digest that it must have where an alias recorded one."""
        wanted = Reference.parse(reference)
        if wanted.path is not None:
            return tree.bundle_folder(wanted.path), None
        name = self._known(wanted.name or "")
        if wanted.alias is None:
            return self._version(name, wanted.version, str(wanted)), None
        return self._behind(wanted, name, wanted.alias)

    def _behind(self, wanted: Reference, name: str, alias: str) -> tuple[Path, str]:
        held = aliases.trail(aliases.read(self.root / name), alias)
        if not held:
            raise self._no_alias(str(wanted), name)
        try:
            return self._version(name, held[-1].version, str(wanted)), held[-1].digest
        except UnknownReference:
            if held == aliases.trail(aliases.read(self.root / name), alias):
                raise
            return self._behind(wanted, name, alias)  # the alias moved on, and the version was deleted, in between

    def _version(self, name: str, version: str | None, reference: str) -> Path:
        """The folder of ``version``, or of the latest for None."""
        versions = [str(number) for number in tree.versions_in(self.root / name)]
        found = versions[-1] if version is None and versions else version
        if found is None or found not in versions:
            raise UnknownReference(reference, f"{name} has the versions {_some(versions)}")
        return self.root / name / found

    def _known(self, name: str) -> str:
        """``name`` itself where the registry has a version of it; raises UnknownReference in helpful words otherwise."""
        if tree.versions_in(self.root / check_name("model name", name)):
            return name
        raise UnknownReference(name, self._instead(name))

    def _instead(self, name: str) -> str:
        if Path(name).exists():
            return f"it is no model of the registry; for the path, write ./{name}"
        names = tree.names_in(self.root)
        if not names:
            return f"the registry {self.root} is empty"
        close = difflib.get_close_matches(name, names, n=3)
        return f"did you mean {' or '.join(close)}?" if close else f"the registry {self.root} has {_some(names)}"

    def _no_alias(self, reference: str, name: str) -> UnknownReference:
        known = [f"@{item}" for item in aliases.current(aliases.read(self.root / name))]
        return UnknownReference(reference, f"{name} has {'the aliases ' + _some(known) if known else 'no aliases'}")

    def _listing(self, name: str) -> Iterator[Listed]:
        folder = self.root / name
        try:
            pointing, problem = aliases.current(aliases.read(folder)), None
        except (RegistryError, OutsideFailure) as error:
            pointing, problem = {}, str(error)
        for version in reversed(tree.versions_in(folder)):
            here = tuple(alias for alias, target in pointing.items() if target == str(version))
            listed = tree.listed(folder / str(version), here)
            if listed is not None:
                yield replace(listed, problem=listed.problem or problem)

    @contextlib.contextmanager
    def _moving(self, name: str) -> Iterator[tuple[Path, tuple[AliasMove, ...]]]:
        """The folder of a model and its log, while nobody else may change either."""
        folder = self.root / name
        with disk(f"changing {folder}"), Lock(folder / _LOCK):
            yield folder, aliases.read(folder)


def _check_sealed(writer: BundleWriter, target: Path) -> None:
    manifest, _ = read_manifest(writer.path)
    if (manifest.name, manifest.version) != (target.parent.name, target.name):
        raise ValueError(f"sealed as {manifest.name}:{manifest.version} instead of {target.parent.name}:{target.name}")


def _some(names: Iterable[str]) -> str:
    """At most twelve names, the last ones, as a reader wants them."""
    known = list(names)
    return ("…, " if len(known) > 12 else "") + ", ".join(known[-12:])


def _signed(who: str | None, why: str) -> tuple[str, str, str]:
    """When, who and why. A log tells the true time, whatever SOURCE_DATE_EPOCH says."""
    if who is None:
        try:
            who = getpass.getuser()
        except (KeyError, OSError):  # a container's user need not have a name
            who = "unknown"
    return timestamp({}), who, why
