"""Which modules a pickle would import, read from its opcodes. Nothing is executed."""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import Any

#: cloudpickle brings a module back by calling this with the module's name.
_BY_NAME = ("cloudpickle.cloudpickle", "subimport")


def modules_in(folder: Path) -> set[str]:
    """The full names of all modules that the pickles below ``folder`` (files ending in ``.pkl``) would import."""
    return {name for file in sorted(folder.rglob("*.pkl")) for name in modules_of(file.read_bytes())}


def modules_of(data: bytes) -> set[str]:
    """The full names of all modules that unpickling ``data`` would import.

    >>> import pickle, fractions
    >>> sorted(modules_of(pickle.dumps(fractions.Fraction(1, 2))))
    ['fractions']
    """
    modules: set[str] = set()
    texts: list[Any] = ["", ""]  # the last two texts that were pushed: STACK_GLOBAL takes a module and a name
    memo: dict[int, Any] = {}
    last: Any = None
    by_name = False
    argument: Any
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name == "MEMOIZE":
            memo[len(memo)] = last
            continue
        if name in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[int(argument)] = last
            continue
        last = memo.get(int(argument)) if name in ("BINGET", "LONG_BINGET", "GET") else argument
        if name == "GLOBAL":
            modules.add(argument.partition(" ")[0])
        elif name == "STACK_GLOBAL":
            modules.add(str(texts[-2]))
            last = (texts[-2], texts[-1])
            by_name = last == _BY_NAME
        elif isinstance(last, str):
            texts = [texts[-1], last]
            if by_name:
                modules.add(last)
            by_name = False
        else:
            by_name = last == _BY_NAME
    return modules
