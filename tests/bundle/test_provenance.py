from __future__ import annotations

import getpass
import json
import os
import platform
import socket
import subprocess
from pathlib import Path

import pytest

from daytwo.bundle.provenance import provenance

SECRET = "https://someone:token@git.example.com/team/secret.git"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "very-private-folder"
    folder.mkdir()
    (folder / "train.py").write_text("fit()")
    for words in (
        ["init", "-q"],
        ["remote", "add", "origin", SECRET],
        ["add", "."],
        ["-c", "user.name=Ada Private", "-c", "user.email=ada@example.com", "commit", "-q", "-m", "x"],
    ):
        subprocess.run(["git", "-C", folder, *words], check=True)
    return folder


def test_the_commit_is_known_and_whether_files_differ_from_it(repository: Path):
    clean = provenance(repository, os.environ)["git"]
    assert (len(clean["commit"]), clean["dirty"]) == (40, False)
    (repository / "notes.txt").write_text("what git does not track is nobody's change")
    assert provenance(repository, os.environ)["git"] == clean
    (repository / "train.py").write_text("fit(more)")
    assert provenance(repository, os.environ)["git"] == clean | {"dirty": True}


def test_nothing_of_the_user_the_host_or_its_paths_is_told(repository: Path):
    environ = {**os.environ, "JPY_SESSION_NAME": str(repository / "churn.ipynb")}
    made = provenance(repository, environ, ["numpy", "no-such-library"])
    text = json.dumps(made)
    private = [socket.gethostname(), str(repository), "very-private-folder", str(Path.home()), "Ada", "token", "secret"]
    if getpass.getuser() not in ("root", "python"):  # names that may well stand in a version
        private.append(getpass.getuser())
    assert not [word for word in private if word in text]
    assert set(made) == {"daytwo", "python", "packages", "git", "notebook"}
    assert (made["python"], made["notebook"], list(made["packages"])) == (
        platform.python_version(),
        "churn.ipynb",
        ["numpy"],
    )


@pytest.mark.parametrize("notebook", ["C:\\Users\\ada\\churn.ipynb", "/home/ada/churn.ipynb", "churn.ipynb"])
def test_of_a_notebook_only_its_own_name_is_told(tmp_path: Path, notebook: str):
    assert provenance(tmp_path, {"JPY_SESSION_NAME": notebook})["notebook"] == "churn.ipynb"


def test_outside_of_a_repository_and_without_git_there_is_no_commit(tmp_path: Path, repository: Path):
    assert "git" not in provenance(tmp_path, {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert "git" not in provenance(repository, {"PATH": str(tmp_path)})


def test_a_program_that_a_repository_names_is_not_started(repository: Path, tmp_path: Path):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    subprocess.run(["git", "-C", repository, "config", "core.fsmonitor", program], check=True)
    assert "git" in provenance(repository, os.environ)
    assert not (tmp_path / "started").exists()
