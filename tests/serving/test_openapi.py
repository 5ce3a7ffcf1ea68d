from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from daytwo.batch import Batch
from daytwo.dialects import MEDIA_TYPES
from daytwo.dialects.native import NativeDialect
from daytwo.predictor import Predictor
from daytwo.serving.openapi import example_bodies
from daytwo.serving.rest import Application
from daytwo.serving.service import Served
from daytwo.signature import Field, Signature
from serving.service import LINE, Line, served, service
from serving.test_rest import asker

MIXED = Signature(
    inputs=(
        Field("age", "int64", minimum=18, maximum=90),
        Field("plan", "string", categories=("basic", "pro"), unseen="refuse", missing=True),
        Field("since", "datetime", missing=True),
        Field("columns", "bool"),
    ),
    outputs=(Field("class", "string", categories=("no", "yes")),),
    container="pandas",
)
EXAMPLE = Batch.from_columns(
    {
        "age": np.array([30, 40]),
        "plan": np.array(["pro", None], dtype=object),
        "since": np.array(["2020-01-01", "NaT"], dtype="M8[us]"),
        "columns": np.array([True, False]),
    }
)


def mixed() -> Served:
    return Served("mixed", "1", MIXED, lambda: Predictor(Line(), LINE, name="m", version="1", runtime="x"), EXAMPLE)


def test_names_that_look_alike_stay_apart() -> None:
    made = service(
        served(name="a.b"), served(name="a_b"), served(name="a", version="1"), served(name="a_1"), load=False
    )
    said = asker(Application(made))("GET", "/openapi.json").json()
    ids = [operation["operationId"] for path in said["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made = service(mixed(), served(), load=False)
    said: dict[str, Any] = asker(Application(made))("GET", "/openapi.json").json()
    return said


def test_every_media_type_is_documented(document: dict[str, Any]) -> None:
    predict = document["paths"]["/predict"]["post"]
    assert set(predict["requestBody"]["content"]) == set(MEDIA_TYPES.values())
    assert set(predict["responses"]["200"]["content"]) == set(MEDIA_TYPES.values())
    assert "406" in predict["responses"]


def test_every_way_to_predict_is_documented(document: dict[str, Any]) -> None:
    paths = {path for path in document["paths"] if path.endswith("predict")}
    assert paths == {
        "/predict",
        "/models/mixed/predict",
        "/models/mixed/versions/1/predict",
        "/models/line/predict",
        "/models/line/versions/1/predict",
    }
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_the_fields_stand_there_with_type_range_and_categories(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert "seen when packed: 18 to 90" in text
    assert '["basic", "pro"]' in text
    assert "date-time" in text


def test_every_reference_points_at_something(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [r for value in node.values() for r in references(value)]
        return [r for value in node for r in references(value)] if isinstance(node, list) else []

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def test_two_models_keep_their_own_schemas(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    fields = [tuple(schema.get("properties", {})) for schema in schemas.values()]
    assert any("age" in names for names in fields)
    assert any("a" in names and "b" in names for names in fields)


@pytest.mark.parametrize("made", [mixed(), served()], ids=["mixed", "line"])
def test_every_example_is_accepted_as_it_stands(made: Served) -> None:
    endpoint = service(made, load=False).catalog.default
    bodies = example_bodies(endpoint, made.example)
    assert {"record", "list", "feature_vector"} <= bodies.keys()
    dialect = NativeDialect(made.signature, model="m", version="1")
    for body in bodies.values():
        assert dialect.decode(json.dumps(body).encode()).batch.rows >= 1


def test_trying_it_out_succeeds(document: dict[str, Any]) -> None:
    ask = asker(Application(service()))
    examples = ask("GET", "/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]
    for example in examples["application/json"]["examples"].values():
        assert ask("POST", "/predict", json=example["value"]).status_code == 200
