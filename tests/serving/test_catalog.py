from __future__ import annotations

import pytest

from daytwo.errors import UnknownModel
from daytwo.serving.catalog import Catalog
from serving.service import served, service


@pytest.fixture
def catalog() -> Catalog:
    return service(served(name="a"), served(name="b", version="2"), served(name="b", version="1"), load=False).catalog


def test_the_first_is_the_default_and_the_first_of_a_name_is_its_version(catalog: Catalog) -> None:
    assert catalog.default.name == "a"
    assert catalog.find("b").version == "2"
    assert catalog.find("b", "1").version == "1"
    assert [e.version for e in catalog.versions("b")] == ["2", "1"]
    assert len(catalog) == len(list(catalog)) == 3


@pytest.mark.parametrize(("name", "version"), [("c", None), ("b", "3"), ("", None)])
def test_what_is_not_served_is_named_with_what_is(catalog: Catalog, name: str, version: str | None) -> None:
    with pytest.raises(UnknownModel, match="served: a:1, b:2, b:1"):
        catalog.find(name, version)
