"""Where a bundle comes from: the commit, the notebook, Python and packages. Nothing about a host or a user."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from daytwo import __version__
from daytwo.bundle.environment import version_of

_PATIENCE_S = 5.0


def provenance(folder: Path, environ: Mapping[str, str], packages: Iterable[str] = ()) -> dict[str, Any]:
    """What is known about how a bundle is being made.

    folder:   the working directory, whose git commit is taken where it has one
    environ:  the environment, for the notebook's name
    packages: the distributions whose versions are of interest; those that are not installed are left out

    The same work on another machine gives the same answer: no paths, no URLs, no names of users or hosts.
    """
    versions = {name: version for name in sorted(set(packages)) if (version := version_of(name))}
    out: dict[str, Any] = {"daytwo": __version__, "python": platform.python_version(), "packages": versions}
    if git := _git(folder, environ):
        out["git"] = git
    if notebook := environ.get("JPY_SESSION_NAME"):
        out["notebook"] = PureWindowsPath(notebook).name  # knows both separators
    return out


def _git(folder: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """The commit, and whether tracked files differ from it; empty where there is no git or no commit."""
    commit = _ask(folder, environ, "rev-parse", "--verify", "HEAD")
    if not commit:
        return {}
    changed = _ask(folder, environ, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit} | ({} if changed is None else {"dirty": bool(changed)})


def _ask(folder: Path, environ: Mapping[str, str], *words: str) -> str | None:
    # fsmonitor is a program that the repository's own configuration names; reading must not start it
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *words]
    quiet = {**environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)  # noqa: S603  git and fixed words
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
