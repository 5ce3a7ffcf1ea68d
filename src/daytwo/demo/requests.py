"""The requests that the demo sends: good ones in every form, and bad ones of every sort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: A patient for the diabetes model; glucose was not measured.
PATIENT: Mapping[str, Any] = {
    "age": 59, "sex": "male", "bmi": 32.1, "blood_pressure": "high", "cholesterol": 157.0, "glucose": None,
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request and what should become of it.

    what: what it shows, for a person
    body: JSON, or raw bytes
    """

    what: str
    path: str
    body: Any
    status: int = 200


def good_requests(tissue: Mapping[str, float]) -> tuple[Request, ...]:
    """Every form that a request may have; ``tissue`` is a row for the cancer model."""
    two = [dict(PATIENT), {**PATIENT, "age": 31, "sex": "female", "bmi": 21.4, "blood_pressure": "low"}]
    return (
        Request("the article's request", "/predict", {"feature_vector": [5.1, 3.5, 1.4, 0.2]}),
        Request("one record, with probabilities", "/models/cancer/predict?probabilities=true", dict(tissue)),
        Request("words beside numbers, one missing", "/models/diabetes/predict", dict(PATIENT)),
        Request("two records at once", "/models/diabetes/predict", two),
    )


def bad_requests() -> tuple[Request, ...]:
    """Bad input of every sort, each with the status it must get."""
    misspelt = {("cholesterin" if name == "cholesterol" else name): value for name, value in PATIENT.items()}
    return (
        Request("too few numbers", "/predict", {"feature_vector": [5.1, 3.5]}, 422),
        Request("a word for a number", "/models/diabetes/predict", {**PATIENT, "age": "old"}, 422),
        Request("a misspelt field", "/models/diabetes/predict", misspelt, 422),
        Request("not JSON at all", "/predict", b'{"feature_vector": [5.1, 3.5', 400),
        Request("a model that is not served", "/models/titanic/predict", {"age": 30}, 404),
    )
