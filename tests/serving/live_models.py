"""Small models with answers that are known beforehand, packed for the servers under test."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import daytwo

#: The article's request, and its answer.
SETOSA = {"feature_vector": [5.1, 3.5, 1.4, 0.2]}
#: A good record for ``people``.
PERSON = {"age": 41, "income": 3200.5, "plan": "pro"}
#: What ``moody`` takes for one batch.
MOODY_S = 0.15
#: What ``toll`` takes for each row.
TOLL_S = 0.005
#: What ``moody`` does not come to an end with.
HANGS_ON = 12345.5


def line(a: float, b: float) -> float:
    """What the model ``line`` answers to ``[a, b]``: no two requests of a test have the same answer."""
    return 1000.0 * a + b


def pack_all(registry: Path) -> None:
    """Packs every model below as version 1."""
    pack_iris(registry)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 1000, (200, 2)).astype(np.float64)
    daytwo.pack(LinearRegression().fit(rows, line(*rows.T)), rows, name="line", registry=registry)
    _pack_people(registry, rng)
    _pack_moody(registry)
    _pack_toll(registry)


def pack_iris(registry: Path) -> None:
    """The article's model."""
    rows, labels = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(rows, labels)
    daytwo.pack(model, rows, labels, name="iris", registry=registry)


def _pack_people(registry: Path, rng: np.random.Generator) -> None:
    """Named columns: a small integer, a number that may be missing, and a category that must be known."""
    people = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 300).astype(np.int16),
            "income": rng.uniform(500.0, 9000.0, 300),
            "plan": rng.choice(["basic", "pro", "team"], 300),
        }
    )
    people.loc[::10, "income"] = np.nan
    stays = (people["age"] > 50) ^ (people["plan"] == "pro")
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="error"), ["plan"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
    )
    model = make_pipeline(columns, LogisticRegression()).fit(people, stays.astype(int))
    daytwo.pack(model, people, stays.astype(int), name="people", registry=registry)


def _pack_moody(registry: Path) -> None:
    """Pure Python, slow, and it raises on a number that its signature allows. It is as its environment makes it:
    ``MOODY_LOAD_S`` seconds to load, ``MOODY_FACTOR`` times the right answer, no load at all while the file
    ``MOODY_BREAKS_WHEN`` is there. Over HANGS_ON it thinks for a minute."""

    class Moody:  # defined here, so that it travels by value
        def __init__(self) -> None:
            self.factor = 2.0

        def __setstate__(self, state: dict[str, Any]) -> None:
            time.sleep(float(os.environ.get("MOODY_LOAD_S", "0")))
            if os.path.exists(os.environ.get("MOODY_BREAKS_WHEN", "")):  # noqa: PTH110  it travels without imports
                raise RuntimeError("broken")
            self.__dict__.update(state)

        def predict(self, rows: Any) -> Any:
            time.sleep(MOODY_S)
            if (rows[:, 0] < -1e6).any():
                raise ValueError("not in the mood")
            if (rows[:, 0] == HANGS_ON).any():
                time.sleep(60)
            return rows[:, 0] * self.factor * float(os.environ.get("MOODY_FACTOR", "1"))

    rows = np.arange(-20.0, 20.0).reshape(-1, 1)
    daytwo.pack(Moody(), rows, name="moody", registry=registry)


def _pack_toll(registry: Path) -> None:
    """Takes its time for every row, so that no batch makes it faster."""

    class Toll:  # as above
        def predict(self, rows: Any) -> Any:
            time.sleep(TOLL_S * len(rows))
            return rows[:, 0] + 1.0

    rows = np.arange(-20.0, 20.0).reshape(-1, 1)
    daytwo.pack(Toll(), rows, name="toll", registry=registry)
