from __future__ import annotations

import pytest

from daytwo.bundle.layout import absent, check_name, check_path
from daytwo.errors import InvalidName


@pytest.mark.parametrize("name", ["a", "0", "churn", "churn-eu.v2_b", "a" * 64])
def test_names(name: str):
    assert check_name("model alias", name) == name


@pytest.mark.parametrize("name", ["", "..", "-a", "_a", "A", "a b", "a/b", "a:b", "a@b", "é", "a" * 65])
def test_no_names(name: str):
    with pytest.raises(InvalidName, match="cannot be a model alias"):
        check_name("model alias", name)


@pytest.mark.parametrize("path", ["a", "model/model.pkl", "compiled/onnx/model.onnx", ".hidden", "a b", "ü"])
def test_paths(path: str):
    assert check_path(path) == path


def test_a_whole_bundle_lacks_nothing():
    assert absent(["signature.json", "examples.npz", "reference.json", "environment/lock.json", "model/x"]) == []
    assert absent([]) == ["signature.json", "examples.npz", "reference.json", "environment/lock.json", "model/"]
