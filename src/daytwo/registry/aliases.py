"""The aliases of one model: a log of moves, of which where each alias points now is the sum."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from daytwo.bundle.disk import disk, write_whole
from daytwo.errors import RegistryError, brief
from daytwo.registry import AliasMove

FILE = "aliases.jsonl"


def read(folder: Path) -> tuple[AliasMove, ...]:
    """Every move of every alias, the oldest first; none where there is no log yet. RegistryError where it is damaged."""
    file = folder / FILE
    with disk(f"reading {file}"):
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return ()
    try:
        return tuple(_move(line) for line in data.splitlines())
    except (ValueError, TypeError, KeyError) as error:
        raise RegistryError(f"the log of aliases {file} was damaged: {error}") from None


def append(folder: Path, moves: Iterable[AliasMove], move: AliasMove) -> None:
    """Write the log with one more move. The file is replaced as a whole, so the move and its record are one."""
    lines = [json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in (*moves, move)]
    write_whole(folder / FILE, "".join(lines).encode("utf-8"))


def current(moves: Iterable[AliasMove]) -> dict[str, str]:
    """Alias → version, by name of alias."""
    return dict(sorted({item.alias: item.version for item in moves}.items()))


def trail(moves: Iterable[AliasMove], alias: str) -> list[AliasMove]:
    """The promotions of ``alias`` that hold, the present one last: a promotion adds one, a rollback takes one away."""
    held: list[AliasMove] = []
    for move in moves:
        if move.alias == alias and move.action == "rollback":
            del held[-1:]
        elif move.alias == alias:
            held.append(move)
    return held


def _move(line: bytes) -> AliasMove:
    data = json.loads(line)
    move = AliasMove(**{item.name: data[item.name] for item in fields(AliasMove)})
    if not all(isinstance(value, str) for value in (move.alias, move.version, move.digest, move.who, move.why)):
        raise ValueError(f"a move is not written as moves are: {brief(data)}")
    return move
