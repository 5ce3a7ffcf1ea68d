from __future__ import annotations

import numpy as np
import pytest

from daytwo.batch import Batch
from daytwo.bundle import Examples, Manifest
from daytwo.bundle.html import bundle_html
from daytwo.signature import Field, Signature

MANIFEST = Manifest("m", "1", "2026-01-01T00:00:00Z", "regression", "sklearn")


def html(*inputs: Field, examples: Examples | None = None) -> str:
    return bundle_html(MANIFEST, Signature(inputs, (Field("value", "float64"),)), "sha256:0", (), examples)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (Field("a", "float64", minimum=0.000012, maximum=3.5e9), "1.2e-05 … 3.5e+09"),
        (Field("a", "datetime", minimum=0.0, maximum=1.7e15), "1970-01-01T00:00:00 … 2023-11-14T22:13:20"),
        (Field("a", "int64", categories=tuple(range(20))), "0, 1, 2, 3, 4, 5, 6, 7, … (20)"),
        (Field("a", "float32", shape=(3, 32)), "float32[3, 32]"),
    ],
)
def test_a_field_in_a_few_words(field: Field, said: str):
    assert said in html(field)


def test_a_model_with_a_thousand_fields_stays_readable():
    shown = html(*(Field(f"f{n}", "float64") for n in range(1000)))
    assert "… and 960 more" in shown
    assert len(shown) < 40_000


def test_examples_of_every_kind_of_value():
    columns = {
        "when": np.array(["NaT", "2026-01-01"], "M8[us]"),
        "text": np.array([None, "x" * 500], dtype=object),
        "number": np.array([np.nan, 0.1 + 0.2]),
        "tensor": np.zeros((2, 3, 4)),
    }
    batch = Batch.from_columns(columns)
    shown = html(examples=Examples(batch, batch))
    for words in ("missing", "2026-01-01T00:00:00<", "0.3<", "[0, 0, 0, 0, 0, 0, …]", "x" * 40 + "<"):
        assert words in shown
