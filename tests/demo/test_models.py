"""The demo's models are fitted, on real data, and honest about it."""

from __future__ import annotations

import pytest

from daytwo.demo.models import trained
from daytwo.demo.requests import PATIENT, bad_requests, good_requests


@pytest.mark.parametrize("model", list(trained()), ids=lambda model: model.name)
def test_they_are_good_on_rows_that_they_have_not_seen(model):
    assert len(model.X) + model.rows in (150, 569, 442)
    assert model.model.score(model.X, model.y) > 0.35


def test_the_patient_has_the_fields_of_the_model():
    table = next(model.X for model in trained() if model.name == "diabetes")
    assert set(PATIENT) == set(table.columns)
    assert table["glucose"].isna().any()
    assert PATIENT["blood_pressure"] in set(table["blood_pressure"])


def test_there_are_good_and_bad_requests():
    good = good_requests({"mean_radius": 1.0})
    assert good[0].body == {"feature_vector": [5.1, 3.5, 1.4, 0.2]}
    assert {request.status for request in good} == {200}
    assert {request.status for request in bad_requests()} == {400, 404, 422}
