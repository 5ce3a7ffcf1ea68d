"""The environments of the peers: made by uv, each in a folder of the cache, and kept until its requirements change."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from peers.catalog import HERE, Peer

_INSTALL_TIMEOUT_S = 900.0
_REPOSITORY = HERE.parents[1]


class Unavailable(Exception):
    """A peer that cannot be had here; the message says why."""


@dataclass(frozen=True)
class Environment:
    """An environment that is there. ``size_bytes``: all of its site-packages, compiled files included."""

    folder: Path
    size_bytes: int = 0
    python_version: str = ""
    packages: dict[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, str]:
        """What a peer's commands may name."""
        return {"python": str(self.folder / "bin" / "python"), "bin": str(self.folder / "bin")}


def cache() -> Path:
    """Where the environments are: ``PEERS_CACHE``, or ``.cache/peers`` in the repository."""
    return Path(os.environ.get("PEERS_CACHE") or _REPOSITORY / ".cache" / "peers").absolute()


def provide(peer: Peer, folder: Path, say: Callable[[str], None]) -> Environment:
    """The environment of ``peer`` below ``folder``, made where it is missing or out of date; Unavailable if it fails."""
    missing = [program for program in peer.needs if not shutil.which(program)]
    if missing:
        raise Unavailable(f"needs {', '.join(missing)}, which is not installed")
    if peer.environment == "":
        return Environment(folder)
    place = folder / (peer.environment or peer.name)
    if peer.environment is None:
        _make(peer, place, say)
    if not (place / "bin" / "python").exists():
        raise Unavailable(f"shares the environment of {peer.environment}, which is not there")
    return _described(place)


def _make(peer: Peer, place: Path, say: Callable[[str], None]) -> None:
    stamp = place / "stamp"
    wanted = _fingerprint(peer)
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        say(f"Installing {peer.name} …")
        shutil.rmtree(place, ignore_errors=True)
        _uv("venv", "--quiet", "--python", peer.python or _base_python(), str(place))
        _install(place, "--requirement", str(peer.requirements))
    if peer.source:  # always anew: it is what is being worked on
        _install(place, "--reinstall-package", peer.package, str((peer.folder / peer.source).resolve()))
    stamp.write_text(wanted, encoding="ascii")


def _install(place: Path, *what: str) -> None:
    if what[:1] == ("--requirement",) and not Path(what[1]).read_text(encoding="utf-8").strip():
        return
    _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(place / "bin" / "python"), *what)


def _uv(*arguments: str) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    # An environment variable of an activated environment would make uv install there.
    environ = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONHOME")}
    environ.setdefault("UV_CACHE_DIR", str(_REPOSITORY / ".cache" / "uv"))  # nothing is written outside this folder
    try:
        done = subprocess.run(
            [uv, *arguments], capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False, env=environ
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"uv {arguments[0]}: {error}") from error
    if done.returncode:
        raise Unavailable(f"uv {arguments[0]} failed: {_last(done.stderr)}")


def _last(text: str) -> str:
    """What an installer says at the end, on one line."""
    return " ".join(text.split())[-300:]


def _base_python() -> str:
    """The interpreter behind the one that runs this."""
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")


def _fingerprint(peer: Peer) -> str:
    text = peer.requirements.read_text(encoding="utf-8") + (peer.python or _base_python())
    return hashlib.sha256(text.encode()).hexdigest()


def _described(place: Path) -> Environment:
    packages = next(place.glob("lib/python*/site-packages"))
    names = (entry.name.removesuffix(".dist-info").rpartition("-") for entry in packages.glob("*.dist-info"))
    versions = {name.replace("_", "-").lower(): version for name, _, version in names}
    version = packages.parent.name.removeprefix("python")
    for line in (place / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        if line.startswith("version_info"):
            version = line.partition("=")[2].strip()
    return Environment(place, _size(packages), version, dict(sorted(versions.items())))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
