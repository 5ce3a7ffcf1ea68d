"""What a caller reads. The words are held here, since they are what a caller has."""

from __future__ import annotations

from typing import Any

import pytest

from daytwo.dialects.native import NativeDialect
from daytwo.errors import InvalidInput
from daytwo.signature import Field, Signature
from drawn import OUTPUTS, said_in

PEOPLE = NativeDialect(
    Signature(
        (
            Field("age", "int8"),
            Field("plan", "string", categories=("basic", "pro"), unseen="refuse"),
            Field("income", "float64", missing=True),
        ),
        OUTPUTS,
        container="pandas",
    ),
    model="churn",
    version="3",
)
FLOWER = NativeDialect(
    Signature(tuple(Field(name, "float64") for name in ("e", "vector")), OUTPUTS), model="iris", version="1"
)
GOOD = {"age": 34, "plan": "pro", "income": 1.5}
AGE, PLAN, INCOME = "an integer from -128 to 127", "one of 'basic', 'pro'", "a finite number or null"
GONE, STRANGE = "nothing: the field is missing", "an unknown field"
ID = "1 to 128 letters, digits, '.', '_', ':' or '-'"
IDS = f"{ID}, or a list of them, one a row"
OBJECT = "a JSON object with the model's fields"
ROW = "3 values (age, plan, income)"
BESIDE = "values by position or by name, not both"


def without(name: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name} | more


TOLD: list[tuple[str, Any, list[tuple[str, str, str]]]] = [
    # the whole
    ("null", None, [("body", OBJECT, "null")]),
    ("a number", 7, [("body", OBJECT, "7")]),
    ("a text", "pro", [("body", OBJECT, "'pro'")]),
    ("an empty object", {}, [("age", AGE, GONE), ("plan", PLAN, GONE), ("income", INCOME, GONE)]),
    ("an empty list", [], [("body", "at least 1 row", "none")]),
    # one record
    ("a missing field", without("plan"), [("plan", PLAN, GONE)]),
    ("a missing field that may be null", without("income"), [("income", INCOME, GONE)]),
    ("an extra field", {**GOOD, "shoe_size": 43}, [("shoe_size", "one of age, plan, income", STRANGE)]),
    ("a misspelt field", without("income", incme=1.5), [("incme", "'income'", STRANGE), ("income", INCOME, GONE)]),
    ("a field twice", {**GOOD, "Plan": "pro"}, [("Plan", "one of age, plan, income", STRANGE)]),
    ("a text for a number", {**GOOD, "age": "34"}, [("age", AGE, "'34'")]),
    ("a fraction", {**GOOD, "age": 34.5}, [("age", AGE, "34.5")]),
    ("nearly whole", {**GOOD, "age": 33.99999999}, [("age", AGE, "33.99999999")]),
    ("a boolean", {**GOOD, "age": True}, [("age", AGE, "true")]),
    ("null", {**GOOD, "age": None}, [("age", AGE, "null")]),
    ("too large", {**GOOD, "age": 128}, [("age", AGE, "128")]),
    ("NaN", {**GOOD, "income": float("nan")}, [("income", INCOME, "NaN")]),
    ("infinity", {**GOOD, "income": float("-inf")}, [("income", INCOME, "-Infinity")]),
    ("a list", {**GOOD, "income": [1, None]}, [("income", INCOME, "[1, null]")]),
    ("an object", {**GOOD, "income": {"amount": 1}}, [("income", INCOME, "{'amount': 1}")]),
    ("an unseen category", {**GOOD, "plan": "platinum"}, [("plan", PLAN, "'platinum'")]),
    ("all of it", {"age": "x", "plan": 1, "income": "y"}, [("age", AGE, "'x'"), ("plan", PLAN, "1"), ("income", INCOME, "'y'")]),
    ("a long text", {**GOOD, "plan": "x" * 1000}, [("plan", PLAN, "'" + "x" * 57 + ".…")]),
    ("a bad id", {**GOOD, "prediction_id": "a b"}, [("prediction_id", ID, "'a b'")]),
    # many records
    ("a bad value in a row", [GOOD, {**GOOD, "age": "x"}], [("[1].age", AGE, "'x'")]),
    ("a missing field in a row", [GOOD, without("plan")], [("[1].plan", PLAN, GONE)]),
    ("an extra field in a row", [{**GOOD, "size": 1}], [("[0].size", "one of age, plan, income", STRANGE)]),
    ("no record", [GOOD, 7], [("[1]", OBJECT, "7")]),
    ("a list for a record", [[34, "pro", 1.5]], [("[0]", OBJECT, "[34, 'pro', 1.5]")]),
    ("a bad value in records", {"records": [GOOD, GOOD, GOOD, {**GOOD, "plan": "x"}]}, [("records[3].plan", PLAN, "'x'")]),
    ("no records", {"records": []}, [("records", "at least 1 row", "none")]),
    ("records are one", {"records": GOOD}, [("records", "a list of records", "{'age': 34, 'income': 1.5, 'plan': 'pro'}")]),
    ("records are null", {"records": None}, [("records", "a list of records", "null")]),
    ("no record in records", {"records": ["x"]}, [("records[0]", OBJECT, "'x'")]),
    # columns
    ("a bad value in a column", {"columns": {"age": [1, 2, "x"], "plan": ["pro"] * 3, "income": [1] * 3}}, [("columns.age[2]", AGE, "'x'")]),
    ("a missing column", {"columns": {"age": [1], "income": [1]}}, [("columns.plan", PLAN, GONE)]),
    ("a misspelt column", {"columns": {"age": [1], "plans": ["pro"], "income": [1]}}, [("columns.plans", "'plan'", STRANGE), ("columns.plan", PLAN, GONE)]),
    ("an id among columns", {"columns": {**{k: [v] for k, v in GOOD.items()}, "prediction_id": ["a"]}},
     [("columns.prediction_id", "one of age, plan, income", STRANGE)]),
    ("a value for a column", {"columns": {**{k: [v] for k, v in GOOD.items()}, "age": 1}}, [("columns.age", f"a list of values, each {AGE}", "1")]),
    ("columns of no rows", {"columns": {"age": [], "plan": [], "income": []}},
     [(f"columns.{name}", "at least 1 row", "none") for name in GOOD]),
    ("columns of several lengths", {"columns": {"age": [1, 2], "plan": ["pro"], "income": [1]}},
     [("columns", "columns with the same number of rows", "age has 2, plan has 1, income has 1")]),
    ("columns are a list", {"columns": [GOOD]}, [("columns", "a JSON object of columns", "[{'age': 34, 'income': 1.5, 'plan': 'pro'}]")]),
    ("columns are nothing", {"columns": []}, [("columns", "a JSON object of columns", "[]")]),
    # by position
    ("a bad value in a vector", {"feature_vector": [34, "x", 1.5]}, [("feature_vector[1]", f"{PLAN} (plan)", "'x'")]),
    ("several", {"feature_vector": ["x", "y", 1]}, [("feature_vector[0]", f"{AGE} (age)", "'x'"), ("feature_vector[1]", f"{PLAN} (plan)", "'y'")]),
    ("too few", {"feature_vector": [34, "pro"]}, [("feature_vector", ROW, "2")]),
    ("too many", {"feature_vector": [34, "pro", 1, 2]}, [("feature_vector", ROW, "4")]),
    ("none", {"feature_vector": []}, [("feature_vector", ROW, "0")]),
    ("no vector", {"feature_vector": 5.1}, [("feature_vector", f"a list of {ROW}", "5.1")]),
    ("a record for a vector", {"feature_vector": {"age": 34}}, [("feature_vector", f"a list of {ROW}", "{'age': 34}")]),
    ("rows for a vector", {"feature_vector": [[34, "pro", 1]]}, [("feature_vector", ROW, "1")]),
    ("ragged", {"feature_vectors": [[34, "pro", 1], [34]]}, [("feature_vectors[1]", ROW, "1")]),
    ("a bad value in vectors", {"feature_vectors": [[34, "pro", 1], [34, "pro", "x"]]}, [("feature_vectors[1][2]", f"{INCOME} (income)", "'x'")]),
    ("one vector", {"feature_vectors": [34, "pro", 1]}, [("feature_vectors[0]", f"a list of {ROW}", "34")]),
    ("no vectors", {"feature_vectors": []}, [("feature_vectors", "at least 1 row", "none")]),
    ("vectors are null", {"feature_vectors": None}, [("feature_vectors", "a list of rows", "null")]),
    # several ways at once
    ("a field beside", {"feature_vector": [34, "pro", 1], "age": 34}, [("age", BESIDE, "a field beside 'feature_vector'")]),
    ("a field beside records", {"records": [GOOD], "age": 34}, [("age", "every field in 'records'", "a field beside 'records'")]),
    ("two forms", {"feature_vector": [34, "pro", 1], "records": []}, [("records", "rows in one form, not in several", "'records' beside 'feature_vector'")]),
    ("a stranger beside", {"records": [GOOD], "model": "iris"}, [("model", "only 'records' and 'prediction_id'", STRANGE)]),
    ("a misspelt form", {"feature_vectr": [34, "pro", 1]}, [("feature_vectr", "'feature_vector'", STRANGE)]),
    ("a form of somebody else", {"instances": [[34, "pro", 1]]},
     [("instances", "one of age, plan, income", STRANGE), ("age", AGE, GONE), ("plan", PLAN, GONE), ("income", INCOME, GONE)]),
    # ids
    ("a bad id of many", {"feature_vectors": [[34, "pro", 1]], "prediction_id": 7}, [("prediction_id", IDS, "7")]),
    ("a bad id in a list", {"records": [GOOD], "prediction_id": ["a b"]}, [("prediction_id[0]", ID, "'a b'")]),
    ("a list in a list", {"records": [GOOD], "prediction_id": ["a", ["b"]]}, [("prediction_id[1]", ID, "['b']")]),
    ("no ids", {"records": [GOOD], "prediction_id": []}, [("prediction_id", IDS, "[]")]),
    ("a bad id in a record", {"records": [{**GOOD, "prediction_id": 7}]}, [("records[0].prediction_id", ID, "7")]),
    ("a list for the id of one row", {"feature_vector": [34, "pro", 1], "prediction_id": ["a"]}, [("prediction_id", ID, "['a']")]),
]  # fmt: skip


@pytest.mark.parametrize(("document", "told"), [case[1:] for case in TOLD], ids=[case[0] for case in TOLD])
def test_what_a_caller_reads(document: Any, told: list[tuple[str, str, str]]):
    with pytest.raises(InvalidInput) as caught:
        PEOPLE.decode(said_in(document))
    assert [(p.field, p.expected, p.got) for p in caught.value.problems] == told


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"feature_vector": [5.1, "wide"]}, "feature_vector[1]: expected a finite number (vector), got 'wide'"),
        ({"feature_vector": [None, 1]}, "feature_vector[0]: expected a finite number (e), got null"),
        ({"e": 1}, "vector: expected a finite number, got nothing: the field is missing"),
        ({"e": 1, "vectr": 1}, "vectr: expected 'vector', got an unknown field (and 1 more)"),
    ],
)
def test_it_is_a_sentence(document: Any, said: str):
    with pytest.raises(InvalidInput) as caught:
        FLOWER.decode(said_in(document))
    assert str(caught.value) == said


def test_a_name_without_end_is_cut_and_one_with_two_lines_stays_on_one():
    for document in ({"x" * 10_000: 1}, {"records": [{"e": 1, "vector": 2}], "x" * 10_000: 1}):
        with pytest.raises(InvalidInput) as caught:
            FLOWER.decode(said_in(document))
        assert caught.value.problems[0].field == "x" * 100
    with pytest.raises(InvalidInput) as caught:
        FLOWER.decode(said_in({"e\nERROR": 1}))
    assert "\n" not in str(caught.value)


def test_the_places_inside_a_tensor_are_told():
    image = NativeDialect(
        Signature((Field("image", "float32", (2, 2)), Field("n", "int8")), OUTPUTS), model="m", version="1"
    )
    for document, place in (
        ({"image": [[1, 2], [3, "x"]], "n": 1}, "image[1][1]"),
        ([{"image": [[1, 2], [3]], "n": 1}], "[0].image[1]"),
        ({"columns": {"image": [[[1, 2], [3, None]]], "n": [1]}}, "columns.image[0][1][1]"),
        ({"feature_vectors": [[[[1, 2], [3, True]], 1]]}, "feature_vectors[0][0][1][1]"),
        ({"feature_vector": [[[1, 2]], 1]}, "feature_vector[0]"),
    ):
        with pytest.raises(InvalidInput) as caught:
            image.decode(said_in(document))
        assert [problem.field for problem in caught.value.problems] == [place]


def test_a_wide_vector_is_described_by_its_first_names():
    wide = NativeDialect(
        Signature(tuple(Field(f"x{n}", "float64") for n in range(30)), OUTPUTS), model="m", version="1"
    )
    with pytest.raises(InvalidInput, match=r"expected 30 values \(x0, x1, x2, x3, x4, x5, x6, x7, …\), got 1$"):
        wide.decode(b'{"feature_vector": [1]}')
