from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import daytwo
from daytwo import _plugins
from daytwo.errors import DaytwoError, MissingLibrary

ROOT = Path(__file__).parent.parent
#: Where the name that is imported is not that of the distribution.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "pynvml": "nvidia-ml-py", "backports": "backports.zstd"}
#: What comes with another package of the same extra.
BROUGHT = {"scipy"}


class Absent:
    """Makes one library impossible to find."""

    def __init__(self, library: str) -> None:
        self.library = library

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == self.library:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module of one's own, to be filled with text."""
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path / "borrowed_for_a_test.py"
    sys.modules.pop("borrowed_for_a_test", None)


@pytest.mark.parametrize(
    "table", [_plugins.PUBLIC, _plugins.RUNTIMES, _plugins.DIALECTS], ids=["names", "runtimes", "dialects"]
)
def test_every_name_leads_somewhere(table: dict[str, str]):
    for name, target in table.items():
        assert _plugins.load(target, name) is not None


@pytest.mark.parametrize("name", sorted(_plugins.RUNTIMES))
def test_runtimes_are_called_as_they_are_asked_for(name: str):
    assert _plugins.runtime(name).name == name


def test_a_missing_library_becomes_what_to_install(module: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "meta_path", [Absent("polars"), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "polars", raising=False)
    module.write_text("import polars.selectors\n")
    with pytest.raises(MissingLibrary, match=r"^reading this table needs polars: pip install 'daytwo\[polars\]'$"):
        _plugins.load("borrowed_for_a_test:read", "reading this table")


def test_a_library_that_no_extra_brings_is_somebody_elses_business(module: Path):
    module.write_text("import there_is_no_such_library\n")
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_library"):
        _plugins.load("borrowed_for_a_test:read", "reading")


def test_a_library_that_is_there_and_broken_says_so_itself(module: Path):
    module.write_text("from polars import what_polars_never_had\n")
    with pytest.raises(ImportError, match="what_polars_never_had"):
        _plugins.load("borrowed_for_a_test:read", "reading")


def test_an_unknown_runtime_is_told_with_those_that_are_known():
    with pytest.raises(DaytwoError, match=r"no runtime is called 'cobol'; known: onnx, python, sklearn"):
        _plugins.runtime("cobol")


def test_other_packages_bring_runtimes(monkeypatch: pytest.MonkeyPatch):
    own = EntryPoint("columnar", "daytwo.batch:Batch", "daytwo.runtimes")
    fake = EntryPoint("onnx", "daytwo.batch:Batch", "daytwo.runtimes")
    monkeypatch.setattr(_plugins, "entry_points", lambda group: [own, fake])
    assert _plugins.runtime("columnar") is daytwo.Batch
    assert _plugins.runtime("onnx") is not daytwo.Batch
    with pytest.raises(DaytwoError, match="known: columnar, onnx, python, sklearn"):
        _plugins.runtime("cobol")


def test_every_library_is_brought_by_the_extra_that_is_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        extra: {Requirement(line).name for line in lines} for extra, lines in project["optional-dependencies"].items()
    }
    for library, extra in _plugins.EXTRAS.items():
        assert library in BROUGHT or DISTRIBUTIONS.get(library, library) in extras[extra], library


def test_what_the_package_offers_is_what_the_table_says():
    assert set(daytwo.__all__) == {*_plugins.PUBLIC, "__version__"}
    assert sorted(dir(daytwo)) == sorted(daytwo.__all__)
