"""Where everything lies inside a bundle, and which paths and names are allowed at all. Format 1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from daytwo.errors import InvalidName

#: The format that is written, and those that are read. How to change it: docs/reference/bundle-format.md.
FORMAT = 1
READABLE_FORMATS = (1,)

MANIFEST = "manifest.json"
SIGNATURE = "signature.json"
EXAMPLES = "examples.npz"
REFERENCE = "reference.json"
LOCK = "environment/lock.json"
REQUIREMENTS = "environment/requirements.txt"
NATIVE_REQUIREMENTS = "environment/requirements-native.txt"
NATIVE = "model"
COMPILED = "compiled"

#: Every bundle of format 1 has these, and at least one file below ``model/``.
REQUIRED = (SIGNATURE, EXAMPLES, REFERENCE, LOCK)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_name(kind: str, name: str) -> str:
    """``name`` itself where it can name a ``kind`` (``model name``, ``model alias``); raises InvalidName otherwise.

    >>> check_name("model name", "churn-eu")
    'churn-eu'
    """
    if not _NAME.fullmatch(name):
        raise InvalidName(kind, name)
    return name


def check_path(path: str) -> str:
    """``path`` itself where it is a plain relative path inside a bundle; raises ValueError otherwise.

    >>> check_path("model/model.onnx")
    'model/model.onnx'
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or any(c in path for c in "\\:\0\n\r") or path == MANIFEST:
        raise ValueError(f"{path!r} is not a path inside a bundle")
    return str(PurePosixPath(path))


def absent(paths: Iterable[str]) -> list[str]:
    """What a whole bundle has and ``paths`` lacks.

    >>> absent(["signature.json", "examples.npz", "reference.json", "environment/lock.json"])
    ['model/']
    """
    present = set(paths)
    gone = [name for name in REQUIRED if name not in present]
    return gone if any(path.startswith(f"{NATIVE}/") for path in present) else [*gone, f"{NATIVE}/"]
