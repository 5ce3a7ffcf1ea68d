"""Real models, tiny: each a cached function that returns (model, X, y). Nobody may change what it returns."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Trained = tuple[Any, Any, Any]


@cache
def iris() -> Trained:
    """A scaled logistic regression on an array; labels 0, 1, 2."""
    X, y = load_iris(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(X, y), X, y


@cache
def iris_named() -> Trained:
    """As :func:`iris`, on a pandas table, with labels that are words."""
    data = load_iris(as_frame=True)
    X = data.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
    y = pd.Series(data.target_names[data.target], name="species")
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(X, y), X, y


@cache
def cancer(trees: int = 5) -> Trained:
    """A small forest on an array of thirty columns; labels 0, 1."""
    X, y = load_breast_cancer(return_X_y=True)
    return RandomForestClassifier(trees, max_depth=5, random_state=0).fit(X, y), X, y


def customers(rows: int = 200, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """A table as tables are: numbers with gaps, integers, booleans, a category, words with gaps; and who left."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "balance": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(7, 2, rows)),
            "active": rng.random(rows) < 0.7,
            "plan": pd.Categorical(rng.choice(["basic", "plus", "pro"], rows), categories=["basic", "plus", "pro"]),
            "country": np.where(rng.random(rows) < 0.05, None, rng.choice(["de", "fr", "it", "us"], rows)),
        }
    )
    y = pd.Series(np.where((X["age"] < 40) & ~X["active"] | (X["plan"] == "basic"), "left", "stayed"), name="outcome")
    return X, y


def _columns() -> ColumnTransformer:
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "balance"]),
            ("strict", OneHotEncoder(handle_unknown="error"), ["plan"]),
            ("words", words, ["country"]),
            ("as it is", "passthrough", ["active"]),
        ]
    )


@cache
def mixed() -> Trained:
    """A pipeline of imputers and encoders on :func:`customers`; an unseen ``plan`` raises, an unseen country does not."""
    X, y = customers()
    return make_pipeline(_columns(), LogisticRegression(max_iter=500)).fit(X, y), X, y


@cache
def multilabel() -> Trained:
    """A forest that answers three labels per row, each 0 or 1."""
    X, y = make_multilabel_classification(n_samples=120, n_features=6, n_classes=3, random_state=0)
    return RandomForestClassifier(5, max_depth=4, random_state=0).fit(X, y), X, y


@cache
def regression() -> Trained:
    """A linear regression on an array of ten columns."""
    X, y = load_diabetes(return_X_y=True)
    return LinearRegression().fit(X, y), X, y


@cache
def multi_output() -> Trained:
    """A linear regression that answers two values per row."""
    X, y = load_diabetes(return_X_y=True)
    targets = np.column_stack([y, y**0.5])
    return LinearRegression().fit(X, targets), X, targets


@cache
def outliers() -> Trained:
    """An isolation forest; there is no y."""
    X, _ = load_iris(return_X_y=True)
    return IsolationForest(n_estimators=10, random_state=0).fit(X), X, None


@cache
def clusters() -> Trained:
    """Three means on iris; y holds the species, which the model never saw."""
    X, y = load_iris(return_X_y=True)
    return KMeans(3, n_init=1, random_state=0).fit(X), X, y


@cache
def transformer() -> Trained:
    """Scaling and two principal components; there is no y."""
    X, _ = load_iris(return_X_y=True)
    return make_pipeline(StandardScaler(), PCA(2)).fit(X), X, None


class Threshold:
    """A plain Python object: ``high`` where the first column is at or above a limit."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def predict(self, X: Any) -> list[str]:
        """One label per row."""
        return ["high" if row[0] >= self.limit else "low" for row in np.asarray(X)]


class Sum:
    """A plain Python object that answers a number."""

    def predict(self, X: Any) -> Any:
        """The sum of each row."""
        return np.asarray(X, dtype=np.float64).sum(axis=1)


@cache
def plain() -> Trained:
    """A plain Python object with labels."""
    X, _ = load_iris(return_X_y=True)
    return Threshold(5.8), X, np.array(Threshold(5.8).predict(X), dtype=object)


@cache
def plain_number() -> Trained:
    """A plain Python object with numbers."""
    X, _ = load_iris(return_X_y=True)
    return Sum(), X, X.sum(axis=1)


#: Every kind of model, by name.
ALL = {
    "iris": iris,
    "iris_named": iris_named,
    "cancer": cancer,
    "mixed": mixed,
    "multilabel": multilabel,
    "regression": regression,
    "multi_output": multi_output,
    "outliers": outliers,
    "clusters": clusters,
    "transformer": transformer,
    "plain": plain,
    "plain_number": plain_number,
}
