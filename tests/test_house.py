"""What keeps the house in order: imports point down, nothing grows too large, everything public says what it is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import daytwo
from daytwo import errors
from daytwo._plugins import PUBLIC

SRC = Path(daytwo.__file__).parent
FILES = sorted(SRC.rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in FILES}

#: A module imports its own folder and lower ranks only.
RANKS = {
    **dict.fromkeys(("errors", "batch", "tables", "_plugins"), 0),
    **dict.fromkeys(("signature", "settings", "metrics"), 1),
    **dict.fromkeys(("bundle", "runtimes", "dialects", "monitoring", "checks"), 2),
    **dict.fromkeys(("predictor", "registry", "exporters", "prediction_log", "client"), 3),
    **dict.fromkeys(("packing", "serving", "scoring", "loadtest", "deploy", "demo"), 4),
    **dict.fromkeys(("api", "testing"), 5),
    **dict.fromkeys(("cli", "__main__"), 6),
}
#: The ranks whose members may know each other: the base, and what only composes.
SOCIABLE = (0, 1, 5, 6)
_TARGET = re.compile(r"daytwo(\.\w+)+:\w+")


def module_of(file: Path) -> str:
    parts = file.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def folder_of(module: str) -> str:
    """``daytwo.serving.batcher`` belongs to ``serving``; ``daytwo`` itself to nobody."""
    return module.partition(".")[2].partition(".")[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module of ours that is imported, also through a ``module:attribute`` for the loader of plug-ins."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "daytwo":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "daytwo")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _TARGET.fullmatch(node.value):
            yield node.value.partition(":")[0]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "daytwo" and node.attr in PUBLIC:
            yield PUBLIC[node.attr].partition(":")[0]


MODULES = {module_of(file): file for file in FILES}
#: The table of names is not an import: it is what others load by name.
TABLES = ("daytwo", "daytwo._plugins", "daytwo.cli")
EDGES = {
    module: {target for target in imported(TREES[file]) if target not in ("daytwo", module)}
    for module, file in MODULES.items()
    if module not in TABLES
}


@pytest.mark.parametrize("module", sorted(EDGES))
def test_imports_point_down(module: str):
    mine = folder_of(module)
    rank = RANKS[mine]
    for target in EDGES[module]:
        theirs = folder_of(target)
        fine = theirs == mine or RANKS[theirs] < rank or (RANKS[theirs] == rank and rank in SOCIABLE)
        assert fine, f"{module} (rank {rank}) must not import {target} (rank {RANKS[theirs]})"


def test_there_is_no_circle_of_imports():
    list(TopologicalSorter(EDGES).static_order())


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_nothing_of_ours_is_imported_inside_a_function(file: Path):
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
            ours = [n for n in inner if "daytwo" in ast.unparse(n)]
            assert not ours, f"{node.name} imports inside itself: {ast.unparse(ours[0])}"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_files_and_functions_stay_small(file: Path):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= 60, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_everything_public_says_what_it_is(file: Path):
    silent = [name for name, node in public(TREES[file]) if ast.get_docstring(node) is None]
    assert not silent, f"no docstring: {', '.join(silent)}"


def public(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The module, its public classes and functions, and their methods but for those that a base class describes."""
    yield "the module", tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} <= {"Protocol"}:
                methods = [m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)]
                yield from ((f"{node.name}.{m.name}", m) for m in methods if not m.name.startswith("_"))


def modules_after(statement: str) -> set[str]:
    """The top names of all modules that are loaded after ``statement``, in a fresh process."""
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_daytwo_loads_only_numpy():
    allowed = modules_after("import numpy") | set(sys.stdlib_module_names) | {"daytwo"}
    assert modules_after("import daytwo") <= allowed
    assert modules_after("import daytwo; daytwo.Signature; daytwo.Batch; daytwo.InvalidInput") <= allowed


def test_the_command_line_starts_light():
    loaded = modules_after("from daytwo import cli")
    assert not loaded & {"numpy", "rich", "pydantic", "fastapi", "sklearn", "onnxruntime"}


def test_every_name_on_daytwo_is_there():
    for name in daytwo.__all__:
        assert getattr(daytwo, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        daytwo.nothing  # noqa: B018


def test_no_module_hides_a_name_on_daytwo():
    """Whoever imported ``daytwo.load.…`` would find a module where the function is."""
    assert not {name for name in daytwo.__all__ if f"daytwo.{name}" in MODULES}


def test_the_tree_of_errors_is_the_one_that_is_drawn():
    drawn = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^(?P<indent>[│├└─\s]*)(?P<name>[A-Z]\w+)", line)
        if found and isinstance(getattr(errors, found["name"], None), type):
            depth = len(found["indent"]) // 4
            path = [*path[:depth], found["name"]]
            drawn[found["name"]] = path[-2] if len(path) > 1 else None
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.DaytwoError)]
    real = {k.__name__: k.__base__.__name__ if k is not errors.DaytwoError else None for k in kinds}
    assert drawn == real


def test_nothing_is_left_unfinished():
    marks = re.compile(r"\b(TODO|FIXME|XXX|raise NotImplementedError)\b|pragma: no cover|mark\.xfail")
    own = Path(__file__)
    for file in [*FILES, *(f for f in own.parent.rglob("*.py") if f != own)]:
        assert not marks.search(file.read_text(encoding="utf-8")), file
