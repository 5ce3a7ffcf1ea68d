"""Traps that users fell into: each is a model and a table on which an answer was wrong, or a compilation lost."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

import daytwo
from daytwo.errors import InvalidInput, PackingError

RNG = np.random.default_rng(0)
ROWS = 200
COLUMNS = {
    "bool": RNG.random(ROWS) > 0.5,
    "float32": RNG.normal(size=ROWS).astype("float32"),
    "float64": RNG.normal(size=ROWS),
    "int8": RNG.integers(-9, 9, ROWS).astype("int8"),
    "int32": RNG.integers(0, 99, ROWS).astype("int32"),
    "int64": RNG.integers(0, 99, ROWS),
    "uint8": RNG.integers(0, 99, ROWS).astype("uint8"),
}
Y = np.arange(ROWS) % 2


@pytest.mark.parametrize(("one", "other"), list(combinations(COLUMNS, 2)), ids="-".join)
def test_a_table_of_any_two_dtypes_compiles(one: str, other: str, registry: Path) -> None:
    table = pd.DataFrame({one: COLUMNS[one], other: COLUMNS[other]})
    model = LogisticRegression(max_iter=500).fit(table, Y)
    bundle = daytwo.pack(model, table, Y, name="pair", registry=registry, compile="require")
    said = daytwo.load(bundle).predict(table)
    assert said["class"].tolist() == model.predict(table).tolist()


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_identifiers_beyond_53_bits_are_not_taken_for_their_neighbours(dtype: str, registry: Path) -> None:
    start = 2**62 if dtype == "int64" else 2**63
    ids = (np.array(start, dtype="uint64") + RNG.integers(0, 20, ROWS).astype("uint64") * np.uint64(2048)).astype(dtype)
    table = pd.DataFrame({"id": ids})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=500)).fit(table, ids % 3)
    bundle = daytwo.pack(model, table, ids % 3, name="ids", registry=registry)
    unseen = table + np.array(1, dtype=dtype)
    said = daytwo.load(bundle, trust=True).predict(unseen)
    assert said["class"].tolist() == model.predict(unseen).tolist()


@pytest.mark.parametrize("name", ["class", "value", "probabilities", "t1", "c0", "float64s", "text:class"])
def test_a_column_of_text_may_be_called_anything(name: str, registry: Path) -> None:
    table = pd.DataFrame({name: RNG.choice(["a", "b", "c"], ROWS), "x": COLUMNS["float64"]})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=500)).fit(table, Y)
    bundle = daytwo.pack(model, table, Y, name="named", registry=registry, compile="require")
    assert daytwo.load(bundle).predict(table)["class"].tolist() == model.predict(table).tolist()


@pytest.mark.parametrize("missing", [None, np.nan], ids=str)
def test_none_and_nan_are_told_apart_as_the_model_does(missing: object, registry: Path) -> None:
    text = RNG.choice(np.array(["a", "b", missing], dtype=object), ROWS)
    table = pd.DataFrame({"plan": pd.Series(text, dtype=object)})
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=missing), encoder)
    model = make_pipeline(columns, LogisticRegression()).fit(table, Y)
    bundle = daytwo.pack(model, table, Y, name="none", registry=registry)
    for runtime in ("auto", "native"):
        said = daytwo.load(bundle, trust=True, runtime=runtime).predict(table)
        np.testing.assert_allclose(said["probabilities"], model.predict_proba(table), atol=1e-9)


def test_a_number_beyond_what_was_proven_is_the_callers_and_named(registry: Path) -> None:
    rows = np.column_stack([COLUMNS["float64"], COLUMNS["float64"] * 2])
    bundle = daytwo.pack(DecisionTreeClassifier(random_state=0).fit(rows, Y), rows, Y, name="tree", registry=registry)
    with pytest.raises(InvalidInput, match=r"x1: expected a number within ±.*, got 1e\+39"):
        daytwo.load(bundle).predict([[1.0, 1e39]])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"metrics": {"auc": "x"}}, "metrics: auc must be a finite number"),
        ({"metrics": {"auc": float("nan")}}, "metrics: auc must be a finite number"),
        ({"tags": {"team": object()}}, "tags: team must be text"),
        ({"compile": "bogus"}, "compile: expected one of auto, require, never"),
    ],
    ids=["text", "nan", "tag", "mode"],
)
def test_options_are_judged_before_the_work(options: dict[str, object], sentence: str, registry: Path) -> None:
    with pytest.raises(PackingError, match=sentence):
        daytwo.pack(None, None, name="x", registry=registry, **options)  # type: ignore[arg-type]


def test_trust_may_come_from_the_environment(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.column_stack([COLUMNS["float64"], COLUMNS["float64"] * 2])
    tree = DecisionTreeClassifier(random_state=0).fit(rows, Y)
    bundle = daytwo.pack(tree, rows, Y, name="tree", registry=registry, compile="never")
    monkeypatch.setenv("DAYTWO_TRUST", "1")
    assert daytwo.load(bundle).runtime == "sklearn"
