"""The documentation is complete, its links lead somewhere, and what it shows runs."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from pathlib import Path

import click
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import daytwo
from daytwo.cli import VERBS, program
from daytwo.settings import ServeSettings, resolve

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TUTORIAL = ROOT / "docs" / "tutorial" / "from-notebook-to-prediction.ipynb"
#: Lines of console blocks that are about other programs.
OTHERS = ("make", "pip", "curl", "cd", "git", "uvicorn", "python", "kill")


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


GENERATOR = runpy.run_path(str(ROOT / "scripts" / "reference.py"))


@pytest.mark.parametrize("name", sorted(GENERATOR["PAGES"]))
def test_the_generated_pages_are_what_the_code_says(name: str):
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == GENERATOR["rendered"](name), "run `make docs`"


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*"):
        if page.suffix in (".md", ".ipynb") and page.name != "index.md" and ".ipynb_checkpoints" not in page.parts:
            assert f"({page.relative_to(ROOT / 'docs')})" in index, page


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_to_headings_lead_somewhere(page: Path):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            text = ((page.parent / target) if target else page).read_text(encoding="utf-8")
            headings = [h.lower().replace(" ", "-") for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
            assert anchor in headings, f"{page.name} links to #{anchor}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=page_id)
def test_commands_that_are_shown_can_be_given(page: Path):
    lines = [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]
    for line in lines:
        for words in commands(line):
            if words[0] == "daytwo":
                given(words[1:])
            else:
                assert words[0] in (*OTHERS, "echo", "jq"), line


def commands(line: str) -> list[list[str]]:
    """The commands of a line of shell: those of its pipe, and those within ``$(…)``."""
    inner = re.findall(r"\$\(([^)]*)\)", line)
    plain = re.sub(r"\$\([^)]*\)", "X", line)
    parts = shlex.split(plain, comments=True)
    out: list[list[str]] = [[]]
    for part in parts:
        if part == "|":
            out.append([])
        else:
            out[-1].append(part)
    return [words for words in [*out, *(shlex.split(text) for text in inner)] if words]


def given(words: list[str]) -> None:
    """Parse a verb's arguments as click would; raises where it would refuse them."""
    if words[0].startswith("-"):
        return
    assert words[0] in VERBS, words
    command = program.get_command(click.Context(program), words[0])
    assert command is not None
    command.make_context(words[0], list(words[1:]))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=page_id)
def test_python_that_is_shown_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(X, y)
    daytwo.pack(model, X, y, name="iris")
    daytwo.pack(model, X, y, name="churn", compile="never", output="churn-3")
    namespace: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, page_id(page), "exec"), namespace)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "json")], ids=page_id)
def test_json_that_is_shown_is_json(page: Path):
    for block in blocks(page, "json"):
        json.loads(block)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=page_id)
def test_settings_that_are_shown_are_settings(page: Path, tmp_path: Path):
    for block in blocks(page, "toml"):
        (tmp_path / "daytwo.toml").write_text(block)
        resolve(ServeSettings, environment={}, folder=tmp_path)


def test_the_changelog_has_a_place_for_what_comes():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import nbformat
    from nbclient import NotebookClient

    for name in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    notebook = nbformat.read(TUTORIAL, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "".join(str(output) for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "tumour is sound" not in said
    assert "tumour:1 is sound" in said
    assert "mean_radios: expected" in said
    assert "callers would not notice" in said


def test_the_tutorial_is_kept_without_its_output():
    for cell in json.loads(TUTORIAL.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs"), "clear the output: it is made by whoever reads"
