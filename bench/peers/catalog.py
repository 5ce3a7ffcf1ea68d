"""The peers: one folder each beside this file, described by its ``peer.toml``."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: Regressors: the article's service would round their answers.
REGRESSORS = ("boosting",)
#: How many times daytwo's throughput of a peer's, at 32 connections, where its peer.toml names no other.
BEHIND = 10.0


@dataclass(frozen=True)
class Variant:
    """One way in which a peer serves, at its best documented setting; ``setting`` says which and why."""

    name: str
    title: str
    setting: str
    command: tuple[str, ...]
    peer: str
    ceiling: bool = False
    path: str = "/predict"
    form: str = "article"
    verified: bool = True
    prepare: tuple[tuple[str, ...], ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    ready_timeout_s: float = 60.0
    stop_timeout_s: float = 15.0
    behind: Mapping[str, float] = field(default_factory=dict)

    def target(self, model: str) -> float | None:
        """How many times its throughput daytwo's has to be on a model; None where nobody has said."""
        return self.behind.get(model) if self.behind else BEHIND


@dataclass(frozen=True)
class Peer:
    """A folder: its environment, and the variants that run in it.

    ``environment`` names the environment (another peer's may be shared; empty: none is needed), ``python`` the
    interpreter it is made with, ``source`` a project to install into it, ``needs`` the programs that must be there.
    """

    folder: Path
    package: str = ""
    environment: str | None = None
    python: str = ""
    source: str = ""
    needs: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.name

    @property
    def requirements(self) -> Path:
        """What is installed."""
        return self.folder / "requirements.txt"


def read(folder: Path) -> Peer:
    """The peer of a folder; ValueError where its description is wrong."""
    described: dict[str, Any] = tomllib.loads((folder / "peer.toml").read_text(encoding="utf-8"))
    ceiling = described.pop("ceiling", False)
    try:
        variants = tuple(
            Variant(**_frozen(one), peer=folder.name, ceiling=ceiling) for one in described.pop("services")
        )
        peer = Peer(folder, **_frozen(described), variants=variants)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder.name}/peer.toml: {error}") from error
    return peer


def _frozen(table: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as tuples, two levels deep."""
    return {
        key: tuple(tuple(item) if isinstance(item, list) else item for item in value) if isinstance(value, list) else value
        for key, value in table.items()
    }  # fmt: skip


def peers(folder: Path = HERE) -> list[Peer]:
    """Every peer, by name."""
    return [read(file.parent) for file in sorted(folder.glob("*/peer.toml"))]


def filled(text: str, peer: Peer, model: str, values: Mapping[str, str]) -> str:
    """``text`` with what is known before a port is: ``{here}``, ``{model}``, ``{baseline}``, ``{runner}``, ``{PATH}``
    and ``values``."""
    baseline = HERE.parent / "baseline" / ("regression" if model in REGRESSORS else "")
    known = {"here": str(peer.folder), "model": model, "baseline": str(baseline), "runner": sys.executable}
    for name, value in (known | {"PATH": os.environ.get("PATH", "")} | dict(values)).items():
        text = text.replace(f"{{{name}}}", value)
    return text
