"""The environment lock: exactly the packages that one bundle needs to be served, and what differs here.

::

    {"python": "3.11", "implementation": "cpython",
     "serve":  {"runtime": "onnx", "requires": ["onnxruntime"], "packages": {"numpy": "2.5.1", …}},
     "native": {"runtime": "sklearn", "requires": [...], "packages": {...}, "modules": ["features"]},
     "daytwo": {"version": "0.1.0", "packages": {...}}}

``serve`` is what the bundle serves with; ``native`` is there only where a compiled form serves, and is what its original
needs. ``requires`` is what loading asks for, ``packages`` that and everything it requires in turn. ``modules`` are
modules that the model's pickle imports and that no installed package brings: a server must find them by other means.
``daytwo`` is what the server itself needs, whatever the bundle.
"""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from daytwo.errors import EnvironmentMismatch

#: The part of a lock that is about daytwo itself.
OWN = "daytwo"


def requirements(lock: Mapping[str, Any], part: str) -> str:
    """A part of a lock (``serve`` or ``native``), with what daytwo needs, as the text of a requirements.txt."""
    packages = {**lock[OWN]["packages"], **lock[part]["packages"], OWN: lock[OWN]["version"]}
    head = (
        f"# what serving this bundle with {lock[part]['runtime']} needs, as it was packed on Python {lock['python']}\n"
    )
    return head + "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))


def part_of(lock: Mapping[str, Any], runtime: str) -> str | None:
    """Which part of a lock, ``serve`` or ``native``, is about ``runtime``; None where neither is."""
    return next((part for part in ("serve", "native") if lock.get(part, {}).get("runtime") == runtime), None)


def missing(lock: Mapping[str, Any], part: str) -> list[str]:
    """Packages and modules that loading asks for and that are not here, in words."""
    needs = lock[part]
    packages = [f"{name} is not installed" for name in needs["requires"] if not _is_here(name.partition("[")[0])]
    return packages + [
        f"the module {name} (code of the model that no package brings) is not found"
        for name in needs.get("modules", ())
        if importlib.util.find_spec(name) is None
    ]


def differences(lock: Mapping[str, Any], part: str) -> list[str]:
    """All that is not here as it was when the bundle was packed, in words: for a reader, not a reason to refuse."""
    here = f"Python {python_minor()} instead of {lock['python']}"
    found = [] if lock["python"] == python_minor() else [here]
    for name, version in lock[part]["packages"].items():
        actual = version_of(name)
        if actual != version:
            found.append(f"{name} {actual} instead of {version}" if actual else f"{name} is not installed")
    return found


def require(lock: Mapping[str, Any], runtime: str, *, executes: bool) -> None:
    """Raises EnvironmentMismatch where the bundle cannot be served with ``runtime`` here.

    That is: a package or module that loading asks for is absent; or the model is code (``executes``), which one minor
    version of Python writes and another may not read. Other versions of packages are left to the bundle's examples.
    """
    part = part_of(lock, runtime)
    if part is None:
        return
    found = missing(lock, part)
    if executes and lock["python"] != python_minor():
        found.append(f"the model is a pickle of Python {lock['python']}, this is {python_minor()}")
    if found:
        text = "requirements.txt" if part == "serve" else "requirements-native.txt"
        raise EnvironmentMismatch(
            found, f"pip install -r environment/{text} (in the bundle) with Python {lock['python']}"
        )


def _is_here(name: str) -> bool:
    """Also where another distribution brings the same module: onnxruntime-gpu instead of onnxruntime."""
    return version_of(name) is not None or importlib.util.find_spec(name.replace("-", "_")) is not None


def version_of(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def python_minor() -> str:
    """This Python, as locks name it: ``3.11``."""
    return ".".join(platform.python_version_tuple()[:2])
