from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.bundle import Evidence, FileEntry, Manifest
from daytwo.bundle.manifest import check_checksum

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
text = st.text(st.characters(exclude_categories=["Cs"]))
counts = st.integers(0, 2**53)
evidence = st.builds(
    Evidence, names, st.booleans(), st.none() | text, counts, counts, counts, counts, st.floats(), st.floats(),
    st.dictionaries(text, text | st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
)  # fmt: skip
entries = st.builds(FileEntry, names, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), counts)
manifests = st.builds(
    Manifest, names, names, text, text, text,
    st.lists(entries, unique_by=lambda entry: entry.path).map(lambda found: tuple(sorted(found, key=lambda e: e.path))),
    st.lists(evidence, max_size=3).map(tuple), st.dictionaries(text, st.floats()),
    st.dictionaries(text, text | st.booleans()), st.dictionaries(text, text), st.dictionaries(text, text), counts,
)  # fmt: skip


@given(manifests)
def test_a_manifest_comes_back_as_it_was(manifest: Manifest):
    data = manifest.to_bytes()
    check_checksum(data)
    again = Manifest.from_json(json.loads(data))
    assert again.to_bytes() == data
    assert repr(again.files) == repr(manifest.files)
    assert repr(again.compiled) == repr(tuple(again.compiled))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e-300, 0.1 + 0.2])
def test_numbers_that_json_cannot_hold_survive(value: float):
    before = Evidence("onnx", accepted=False, reason="it differs", worst_error=value)
    document = json.loads(json.dumps(before.to_json(), allow_nan=False))
    assert repr(Evidence.from_json(document)) == repr(before)


def test_a_text_that_looks_like_the_checksum_does_not_confuse():
    trap: dict[str, Any] = {"checksum": f"sha256:{'0' * 64}"}
    manifest = Manifest("a", "1", "", "", "", tags=trap, provenance=trap)
    check_checksum(manifest.to_bytes())


def test_order_of_files_and_names_does_not_matter():
    one, two = FileEntry("a", "0" * 64, 1), FileEntry("b", "1" * 64, 2)
    first = Manifest("m", "1", "", "", "", files=(one, two), metrics={"x": 1.0, "y": 2.0})
    other = Manifest("m", "1", "", "", "", files=(two, one), metrics={"y": 2.0, "x": 1.0})
    assert first.to_bytes() == other.to_bytes()
