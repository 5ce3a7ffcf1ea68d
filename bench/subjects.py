"""The two models that everything is measured on: a scaled logistic regression on iris, a forest on breast cancer.

Run as a program it fits them and writes what the benchmark needs into a folder, so that the benchmark's own process
loads no numerical library (it would share pages with the servers and make them look smaller than they are):

    python subjects.py FOLDER      → FOLDER/{iris,forest}/model.joblib, rows.npy, labels.npy, body.json, answers.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

#: Rows whose answers are verified before and after the load.
_VERIFIED_ROWS = 16


def fitted(name: str) -> tuple[Any, Any, Any]:
    """``(model, rows, labels)`` of a subject."""
    if name == "iris":
        rows, labels = load_iris(return_X_y=True)
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(rows, labels), rows, labels
    rows, labels = load_breast_cancer(return_X_y=True)
    return RandomForestClassifier(n_estimators=100, random_state=0).fit(rows, labels), rows, labels


def write(name: str, folder: Path) -> None:
    """Fits a subject and writes its files."""
    folder.mkdir(parents=True, exist_ok=True)
    model, rows, labels = fitted(name)
    joblib.dump(model, folder / "model.joblib")
    np.save(folder / "rows.npy", rows)
    np.save(folder / "labels.npy", labels)
    (folder / "body.json").write_text(json.dumps({"feature_vector": rows[0].tolist()}), encoding="utf-8")
    asked = rows[:: len(rows) // _VERIFIED_ROWS][:_VERIFIED_ROWS]
    answers = [[row.tolist(), int(label)] for row, label in zip(asked, model.predict(asked), strict=True)]
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    for subject in ("iris", "forest"):
        write(subject, Path(sys.argv[1]) / subject)
