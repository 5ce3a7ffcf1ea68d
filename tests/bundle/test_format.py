"""Bundles of every format that was ever written stay readable; and the page about the format is true."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from daytwo.bundle import Evidence, FileEntry, Manifest, layout, open_bundle
from daytwo.bundle.layout import FORMAT, READABLE_FORMATS

GOLDEN = Path(__file__).parent / "golden"
PAGE = (Path(__file__).parents[2] / "docs/reference/bundle-format.md").read_text(encoding="utf-8")
DIGESTS = {1: "sha256:857a5d2431be5e8852554d23c1667ab2155ae4c23f6f4a50153b45610c79beb2"}


def test_there_is_a_golden_bundle_of_every_format():
    assert set(DIGESTS) == set(READABLE_FORMATS)
    assert max(READABLE_FORMATS) == FORMAT


@pytest.mark.parametrize(("number", "digest"), DIGESTS.items())
def test_a_golden_bundle_opens(number: int, digest: str):
    bundle = open_bundle(GOLDEN / f"format-{number}", digest=digest)
    assert (bundle.reference, bundle.manifest.task, bundle.manifest.rows) == ("churn:3", "classification", 100)
    assert bundle.manifest.metrics == {"accuracy": 0.93, "roc_auc": 0.98}
    assert bundle.runtimes == ("onnx", "sklearn")
    assert bundle.manifest.compiled[1].worst_error == float("inf")
    assert bundle.would_execute() == (("model/model.pkl", "a pickle"),)
    assert bundle.lock()["serve"]["packages"] == {"numpy": "2.0.0"}
    assert bundle.drift_reference() == {"rows": 100}
    assert [field.dtype for field in bundle.signature.inputs] == ["int64", "string", "datetime"]


@pytest.mark.parametrize("number", DIGESTS)
def test_the_examples_of_a_golden_bundle_are_what_they_were(number: int):
    examples = open_bundle(GOLDEN / f"format-{number}").examples()
    assert examples.inputs["plan"].tolist() == ["basic", None, "pro"]
    assert examples.inputs["since"].astype(str).tolist() == [
        "2020-01-01T00:00:00.000000",
        "NaT",
        "2024-02-29T12:00:00.000000",
    ]
    assert examples.outputs["class"].tolist() == ["left", "stayed", "stayed"]
    assert np.array_equal(examples.outputs["probabilities"], [[0.9, 0.1], [0.25, 0.75], [0.0, 1.0]])
    assert (examples.rtol, examples.atol) == (1e-6, 1e-9)


def test_the_page_names_every_path_and_member():
    paths = [
        layout.MANIFEST,
        *layout.REQUIRED,
        layout.REQUIREMENTS,
        layout.NATIVE_REQUIREMENTS,
        "model/",
        "compiled/<runtime>/",
    ]
    kinds = (Manifest, FileEntry, Evidence)
    members = [field.name for kind in kinds for field in dataclasses.fields(kind)]
    assert not [name for name in [*paths, *members, "checksum"] if f"`{name}`" not in PAGE]


def test_the_page_verifies_a_bundle_without_daytwo(tmp_path: Path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "churn-3").symlink_to(GOLDEN / "format-1")
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"churn 3 {DIGESTS[1]}\n"
