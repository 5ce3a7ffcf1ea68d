"""The models that everything is measured on.

Run as a program it fits them and writes what the benchmark needs into a folder, so that the benchmark's own process
loads no numerical library (it would share pages with the servers and make them look smaller than they are):

    python subjects.py FOLDER [NAME …]

writes ``FOLDER/NAME/model.joblib``, ``rows.npy``, ``labels.npy``, ``body.json`` and ``answers.json``. Without names it
is iris and forest, the two that ``make bench`` measures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

#: Rows whose answers are verified before and after the load.
_VERIFIED_ROWS = 16
_Fitted = tuple[Any, Any, Any]


def iris() -> _Fitted:
    """A scaled logistic regression: 4 numbers in, 3 classes. The service around it is the cost."""
    rows, labels = load_iris(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(rows, labels), rows, labels


def forest() -> _Fitted:
    """A random forest of 100 trees on breast cancer: 30 numbers in, 2 classes. The model is the cost."""
    rows, labels = load_breast_cancer(return_X_y=True)
    return RandomForestClassifier(n_estimators=100, random_state=0).fit(rows, labels), rows, labels


def boosting() -> _Fitted:
    """Gradient boosting over 100 trees: 20 numbers in, a number out."""
    rows, values = make_friedman1(2000, n_features=20, noise=0.5, random_state=0)
    return _portable(HistGradientBoostingRegressor(random_state=0).fit(rows, values)), rows, values


def mlp() -> _Fitted:
    """A scaled network of 64 and 32 units on handwritten digits: 64 numbers in, 10 classes."""
    rows, labels = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), MLPClassifier((64, 32), max_iter=300, random_state=0)).fit(rows, labels)
    _portable(model[-1])
    return model, rows, labels


def _portable(model: Any) -> Any:
    """Without its random generator, which only fitting uses: a pickle of it from numpy 2 does not load under numpy 1."""
    for name in ("_feature_subsample_rng", "_random_state"):
        vars(model).pop(name, None)
    return model


SUBJECTS: dict[str, Callable[[], _Fitted]] = {"iris": iris, "forest": forest, "boosting": boosting, "mlp": mlp}


def write(name: str, folder: Path) -> None:
    """Fits a subject and writes its files."""
    folder.mkdir(parents=True, exist_ok=True)
    model, rows, labels = SUBJECTS[name]()
    joblib.dump(model, folder / "model.joblib")
    np.save(folder / "rows.npy", rows)
    np.save(folder / "labels.npy", labels)
    (folder / "body.json").write_text(json.dumps({"feature_vector": rows[0].tolist()}), encoding="utf-8")
    asked = rows[:: len(rows) // _VERIFIED_ROWS][:_VERIFIED_ROWS]
    answers = [[row.tolist(), answer.item()] for row, answer in zip(asked, model.predict(asked), strict=True)]
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    for subject in sys.argv[2:] or ("iris", "forest"):
        write(subject, Path(sys.argv[1]) / subject)
