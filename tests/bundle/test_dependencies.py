from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from daytwo.bundle.dependencies import Need, lock
from daytwo.errors import PackingError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs made-up distributions: name, version, requirements, modules."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    def install(name: str, version: str, *requires: str, modules: tuple[str, ...] = ()) -> None:
        folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        head = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {r}" for r in requires)]
        (folder / "METADATA").write_text("\n".join(head) + "\n")
        files = [module.replace(".", "/") + ".py" for module in modules]
        (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        for file in files:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).write_text("class Thing:\n    pass\n")

    return install


def test_a_lock_is_what_one_bundle_needs_and_no_more(installed: Any):
    installed(
        "Model_Lib",
        "1.2",
        "helper>=1",
        "fast; extra == 'speed'",
        "windows-only; sys_platform == 'win32'",
        "absent; python_version > '3'",
    )
    installed("helper", "3.4", "model-lib")  # a circle
    installed("fast", "0.1", "faster[most]")
    installed("faster", "0.2", "fastest; extra == 'most'", "slower; extra == 'least'")
    installed("fastest", "0.3")
    installed("slower", "0.4")
    installed("windows-only", "9")
    installed("unrelated", "9")
    plain = lock(Need("x", ("model-lib",)))
    assert plain["serve"] == {
        "runtime": "x",
        "requires": ["model-lib"],
        "packages": {"helper": "3.4", "model-lib": "1.2"},
    }
    rich = lock(Need("x", ("model-lib[speed]",)))["serve"]
    assert set(rich["packages"]) == {"model-lib", "helper", "fast", "faster", "fastest"}


def test_the_lock_of_a_compiled_form_has_no_scikit_learn():
    made = lock(Need("onnx", ("onnxruntime",)), Need("sklearn", ("scikit-learn",)))
    assert made["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert made["serve"]["packages"]["onnxruntime"] == metadata.version("onnxruntime")
    assert "scikit-learn" not in made["serve"]["packages"]
    assert {"scikit-learn", "scipy", "numpy", "joblib", "threadpoolctl"} <= set(made["native"]["packages"])
    assert "pytest" not in {**made["serve"]["packages"], **made["native"]["packages"], **made["daytwo"]["packages"]}


def test_what_is_needed_and_not_installed_cannot_be_locked():
    with pytest.raises(PackingError, match="the bundle needs no-such-library, which is not installed here"):
        lock(Need("x", ("no-such-library",)))


def pickled(folder: Path, module: str) -> Path:
    folder.mkdir()
    thing = __import__(module, fromlist=["Thing"]).Thing()
    (folder / "model.pkl").write_bytes(cloudpickle.dumps(thing))
    return folder


def test_a_pickle_needs_what_it_imports(installed: Any, tmp_path: Path):
    installed("booster-lib", "7", modules=("booster",))
    installed("cloud-storage", "1", modules=("cloudspace.storage",))
    installed("cloud-vision", "2", modules=("cloudspace.vision",))
    part = lock(Need("python", (), pickled(tmp_path / "one", "booster")))["serve"]
    assert part == {"runtime": "python", "requires": ["booster-lib"], "packages": {"booster-lib": "7"}}
    part = lock(Need("python", (), pickled(tmp_path / "two", "cloudspace.vision")))["serve"]
    assert part["packages"] == {"cloud-vision": "2"}  # the one of the namespace that is meant


def test_code_that_no_package_brings_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_features.py").write_text("class Thing:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    part = lock(Need("python", (), pickled(tmp_path / "model", "my_features")))["serve"]
    assert part == {"runtime": "python", "requires": [], "packages": {}, "modules": ["my_features"]}


def test_another_distribution_of_the_same_module_is_locked_in_its_stead(installed: Any):
    installed("fast-runtime-gpu", "2.0", modules=("fast_runtime.core",))
    part = lock(Need("x", ("fast-runtime",)))["serve"]
    assert (part["requires"], part["packages"]) == (["fast-runtime-gpu"], {"fast-runtime-gpu": "2.0"})
