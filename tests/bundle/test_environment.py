from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest

from daytwo.bundle import environment
from daytwo.errors import EnvironmentMismatch

HERE = environment.python_minor()
NUMPY = metadata.version("numpy")


def lock(python: str = HERE, **serve: Any) -> dict[str, Any]:
    part = {"runtime": "onnx", "requires": ["numpy"], "packages": {"numpy": NUMPY}} | serve
    native = {"runtime": "sklearn", "requires": ["no-such-library"], "packages": {"no-such-library": "1"}}
    return {"python": python, "serve": part, "native": native, "daytwo": {"version": "1", "packages": {}}}


def test_the_same_environment_is_fine():
    environment.require(lock(), "onnx", executes=True)
    assert environment.differences(lock(), "serve") == []


def test_a_runtime_that_the_lock_does_not_know_is_left_to_its_examples():
    environment.require(lock(), "treelite", executes=True)
    environment.require({}, "onnx", executes=True)


@pytest.mark.parametrize(
    ("made", "runtime", "said"),
    [
        (lock(), "sklearn", r"no-such-library is not installed; pip install -r environment/requirements-native.txt"),
        (lock(requires=["gone[fast]"]), "onnx", r"gone\[fast\] is not installed; pip install -r environment/requirements.txt"),
        (lock(modules=["no_such_module"]), "onnx", r"the module no_such_module \(code of the model that no package brings\) is not found"),
        (lock(python="3.1"), "onnx", rf"the model is a pickle of Python 3.1, this is {HERE}; .* with Python 3.1"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_one_sentence(made: dict[str, Any], runtime: str, said: str):
    with pytest.raises(EnvironmentMismatch, match=said):
        environment.require(made, runtime, executes=True)


def test_other_versions_are_told_but_not_refused():
    made = lock(python="3.1", packages={"numpy": "0.1", "gone": "2"})
    environment.require(made, "onnx", executes=False)
    assert environment.differences(made, "serve") == [
        f"Python {HERE} instead of 3.1",
        f"numpy {NUMPY} instead of 0.1",
        "gone is not installed",
    ]


def test_another_distribution_that_brings_the_module_will_do():
    environment.require(lock(requires=["json"]), "onnx", executes=False)


def test_requirements_are_pinned_and_name_daytwo():
    made = lock() | {"daytwo": {"version": "0.9", "packages": {"fastapi": "0.115.0"}}}
    lines = environment.requirements(made, "serve").splitlines()
    assert lines[1:] == ["daytwo==0.9", "fastapi==0.115.0", f"numpy=={NUMPY}"]
