from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.errors import DaytwoError, InvalidName, RegistryError, UnknownReference
from daytwo.registry import Listed, Reference, versioned


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("churn", Reference("churn")),
        ("churn:latest", Reference("churn")),
        ("churn@latest", Reference("churn")),
        ("churn:3", Reference("churn", version="3")),
        ("churn@prod", Reference("churn", alias="prod")),
        ("churn-eu.v2_b@blue.1", Reference("churn-eu.v2_b", alias="blue.1")),
        ("./churn", Reference(path=Path("churn"))),
        ("models/churn:3", Reference(path=Path("models/churn:3"))),
        ("/models/churn", Reference(path=Path("/models/churn"))),
        ("..", Reference(path=Path(".."))),
        ("churn/", Reference(path=Path("churn"))),
        ("~/churn", Reference(path=Path.home() / "churn")),
        ("~nobody-of-that-name/churn", Reference(path=Path("~nobody-of-that-name/churn"))),
        ("~\0", Reference(path=Path("~\0"))),
        (Path("churn"), Reference(path=Path("churn"))),
        (Reference("churn"), Reference("churn")),
    ],
)
def test_what_is_meant(text: str | Path | Reference, meant: Reference):
    assert Reference.parse(text) == meant


@pytest.mark.parametrize(
    "text", ["", "Churn", "churn eu", "churn@", "churn@Prod", ":3", "@prod", "churn:3:4@x y@", "-x"]
)
def test_names_that_cannot_be(text: str):
    with pytest.raises((InvalidName, UnknownReference)):
        Reference.parse(text)


@pytest.mark.parametrize(
    "text", ["churn:", "churn:prod", "churn:0", "churn:03", "churn:-1", "churn:1.5", "churn:v3", "churn:٣"]
)
def test_versions_that_cannot_be(text: str):
    with pytest.raises(
        UnknownReference, match="a version is a number from 1 up, or 'latest'; an alias is written churn@"
    ):
        Reference.parse(text)


@given(st.text())
def test_any_text_is_a_reference_or_one_of_our_errors(text: str):
    try:
        meant = Reference.parse(text)
    except DaytwoError:
        return
    assert meant.path is not None or Reference.parse(str(meant)) == meant


def test_only_models_of_the_registry_can_be_promoted_or_deleted():
    with pytest.raises(RegistryError, match=r"deleting needs a model of the registry .*, not the path models/x"):
        versioned(Reference.parse("models/x"), "deleting")


def test_a_digest_is_shown_short():
    assert Listed("churn", "3", digest="sha256:" + "ab" * 32).short_digest == "abababababab"
