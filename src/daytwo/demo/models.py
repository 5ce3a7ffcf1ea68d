"""Three models as a data scientist would leave them in a notebook, with the data they were fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from daytwo.demo.events import Trained

_SEED = 7


def trained() -> Iterator[Trained]:
    """The three models, each fitted as it is asked for."""
    yield iris()
    yield cancer()
    yield diabetes()


def iris() -> Trained:
    """The article's model: four measurements as an array, the class as a number."""
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    return _fit("iris", "scaled logistic regression on a numpy array", model, X, y)


def cancer() -> Trained:
    """A forest of 100 trees over a DataFrame of thirty measurements, with labels that are words."""
    data = load_breast_cancer(as_frame=True)
    X = data.data.rename(columns=lambda name: name.replace(" ", "_"))
    y = data.target_names[data.target.to_numpy()]
    model = RandomForestClassifier(n_estimators=100, random_state=_SEED)
    return _fit("cancer", "random forest of 100 trees on a DataFrame", model, X, y)


def diabetes() -> Trained:
    """Numbers beside categories, some missing: a table as tables are, through encoders and imputers into boosting."""
    raw = load_diabetes(as_frame=True, scaled=False)
    X, y = _mixed(raw.data), raw.target
    numbers, words = ["age", "bmi", "cholesterol", "glucose"], ["sex", "blood_pressure"]
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    model = make_pipeline(columns, GradientBoostingRegressor(n_estimators=50, max_depth=2, random_state=_SEED))
    return _fit("diabetes", "gradient boosting on mixed columns, some missing", model, X, y)


def _fit(name: str, what: str, model: Any, X: Any, y: Any) -> Trained:
    """Fitted on three fifths of the rows; the rest is what it is packed with, so that its scores are honest."""
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=_SEED)
    return Trained(name, what, len(X_train), model.fit(X_train, y_train), X_test, y_test)


def _mixed(raw: pd.DataFrame) -> pd.DataFrame:
    """Readable columns of the diabetes set: two categories made of numbers, and every twelfth glucose not measured."""
    return pd.DataFrame(
        {
            "age": raw["age"].astype("int64"),
            "sex": np.where(raw["sex"] == 1, "female", "male"),
            "bmi": raw["bmi"],
            "blood_pressure": pd.cut(raw["bp"], [0, 80, 100, 999], labels=["low", "normal", "high"]).astype(str),
            "cholesterol": raw["s1"],
            "glucose": raw["s6"].where(np.arange(len(raw)) % 12 != 0),
        }
    )
