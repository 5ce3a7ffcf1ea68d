"""What a bundle needs to be served, found from what is installed here: the making of an environment lock.

Apart from ``environment.py``, which reads locks, so that a server does not import a parser of requirements.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from daytwo import __version__
from daytwo.bundle.environment import OWN, python_minor, version_of
from daytwo.bundle.pickles import modules_in
from daytwo.errors import PackingError


@dataclass(frozen=True, slots=True)
class Need:
    """What one form of a model needs.

    runtime:  its runtime
    packages: the distributions that loading asks for, extras in brackets (``uvicorn[standard]``)
    folder:   where the form lies, so that the modules its pickles import are found; None where it holds none
    """

    runtime: str
    packages: tuple[str, ...]
    folder: Path | None = None


def lock(serve: Need, native: Need | None = None) -> dict[str, Any]:
    """The lock of a bundle that serves with ``serve`` and can fall back to ``native``, from what is installed here.

    Raises PackingError where a package that is needed is not installed.
    """
    parts = {"serve": _part(serve)} | ({"native": _part(native)} if native else {})
    own = _closure([OWN]) if version_of(OWN) else {}
    own.pop(OWN, None)
    server = {"version": __version__, "packages": own}
    return {"python": python_minor(), "implementation": sys.implementation.name, **parts, OWN: server}


def _part(need: Need) -> dict[str, Any]:
    brought, unknown = _packages_of(modules_in(need.folder) if need.folder else ())
    roots = sorted({*(_installed_as(name) for name in need.packages), *brought})
    part: dict[str, Any] = {"runtime": need.runtime, "requires": roots, "packages": _closure(roots)}
    return part | ({"modules": unknown} if unknown else {})


def _installed_as(package: str) -> str:
    """``package``, or what brings the same module here in its stead: onnxruntime-gpu for onnxruntime."""
    name = Requirement(package).name
    if version_of(name) is not None:
        return package
    others = metadata.packages_distributions().get(name.replace("-", "_"), [])
    return canonicalize_name(others[0]) if others else package


def _closure(roots: Iterable[str]) -> dict[str, str]:
    """Name → version of ``roots`` and all they require here, markers and extras respected."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(Requirement(root), True) for root in roots]
    while waiting:
        wanted, root = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        version = version_of(name)
        if version is None:
            if root:
                raise PackingError(
                    f"the bundle needs {name}, which is not installed here: its version cannot be locked"
                )
            continue  # what works here without it works there without it
        found[name] = version
        waiting += [(item, False) for item in _requires(name, extras)]
    return dict(sorted(found.items()))


def _requires(name: str, extras: frozenset[str]) -> list[Requirement]:
    listed = [Requirement(text) for text in metadata.distribution(name).requires or ()]
    return [item for item in listed if item.marker is None or _applies(item, extras)]


def _applies(item: Requirement, extras: frozenset[str]) -> bool:
    assert item.marker is not None
    return any(item.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _packages_of(modules: Iterable[str]) -> tuple[list[str], list[str]]:
    """The distributions that bring ``modules``, and the modules that none brings; the standard library is left out."""
    apart = {*sys.stdlib_module_names, OWN, "__main__"}
    wanted = sorted(name for name in modules if name.partition(".")[0] not in apart)
    if not wanted:
        return [], []
    brings = metadata.packages_distributions()
    packages, unknown = set(), set()
    for module in wanted:
        top = module.partition(".")[0]
        known = brings.get(top, [])
        packages.update(known if len(set(known)) < 2 else [name for name in known if _has(name, module)] or known)
        if not known:
            unknown.add(top)
    return sorted(canonicalize_name(name) for name in packages), sorted(unknown)


def _has(distribution: str, module: str) -> bool:
    """Whether a distribution, one of several below one namespace, brings ``module``."""
    path = module.replace(".", "/")
    files = metadata.files(distribution) or ()
    return any(str(file) in (f"{path}.py", f"{path}/__init__.py") or str(file).startswith(f"{path}.") for file in files)
