"""A disk that is really full: a file system of a few kilobytes, mounted where only the command that is run sees it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest


def run_on_small_disk(
    code: str, folder: Path, *arguments: object, size: str = "64k"
) -> subprocess.CompletedProcess[str]:
    """Run Python ``code`` while ``folder`` is a disk of ``size``; the test is skipped where the system forbids that."""
    folder.mkdir(exist_ok=True)
    mount = f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(folder))}"
    try:
        able = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("this system lets nobody mount a small disk")
    words = shlex.join([sys.executable, "-c", code, *map(str, arguments)])
    command = ["unshare", "-rm", "sh", "-c", f"{mount} && {words}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def run_with_small_files(code: str, *arguments: object, limit: int = 20_000) -> subprocess.CompletedProcess[str]:
    """Run Python ``code`` where no file may grow beyond ``limit`` bytes: as a full disk, and possible everywhere."""
    setting = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
    command = [sys.executable, "-c", setting + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
