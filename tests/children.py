"""Processes of a test: they say ``ready``, and are gone when the test is."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Lets a child import what tests share.
HEAD = f"import sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"


@contextlib.contextmanager
def child(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that runs Python ``code`` and has said ``ready``; it is killed at the end."""
    command = [sys.executable, "-c", HEAD + code, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
