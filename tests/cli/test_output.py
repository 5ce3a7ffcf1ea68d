"""What is printed for programs is JSON, whatever the numbers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.cli.output import Output, number, plain, seconds, size

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(values)
def test_anything_becomes_strict_json(value):
    json.loads(json.dumps(plain(value), allow_nan=False))


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**50))
def test_numbers_are_short(value: float, count: int):
    assert len(number(value)) < 420
    assert len(size(count)) <= 12
    assert len(seconds(abs(value) % 1e5)) <= 12


@pytest.mark.parametrize(
    ("json_", "quiet", "expected"), [(True, True, "{}\n"), (False, True, "x\n"), (False, False, "hi\n")]
)
def test_json_is_stronger_than_quiet(capsys, json_: bool, quiet: bool, expected: str):
    Output(json_, quiet).show({}, lambda: ["hi"], essential="x")
    assert capsys.readouterr().out == expected


def test_quiet_with_nothing_essential_says_nothing(capsys):
    Output(quiet=True).show({}, lambda: ["hi"])
    assert capsys.readouterr().out == ""


def test_a_long_line_is_not_cut_where_nobody_looks(capsys):
    Output().show({}, lambda: ["x" * 150])
    assert capsys.readouterr().out == "x" * 150 + "\n"
