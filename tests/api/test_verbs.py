"""What the registry's verbs answer: list, show, diff, promote, rollback, delete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import daytwo
import models
from daytwo.api.delete import delete
from daytwo.api.diff import diff
from daytwo.api.list_ import list_
from daytwo.api.promote import promote
from daytwo.api.rollback import rollback
from daytwo.api.show import show
from daytwo.errors import AliasInUse, UnknownReference


@pytest.fixture
def two_versions() -> None:
    """iris:1 on an array, iris:2 on a table with names and word labels."""
    for trained in (models.iris, models.iris_named):
        model, X, y = trained()
        daytwo.pack(model, X, y, name="iris", compile="never", tags={"from": trained.__name__})


@pytest.mark.usefixtures("two_versions")
class TestWithTwoVersions:
    """An alias moves forward, is shown, moves back, and protects what it points at."""

    def test_the_newest_comes_first(self, registry: Path):
        assert [item.reference for item in list_()] == ["iris:2", "iris:1"]
        assert list_(registry=registry) == list_("iris")

    def test_an_alias_goes_and_comes_back(self):
        assert promote("iris:1", "prod", why="first").previous is None
        assert promote("iris:2", "prod", why="second", who="me").previous == "1"
        shown = show("iris@prod")
        assert (shown.bundle.reference, shown.aliases) == ("iris:2", ("prod",))
        assert [(m.version, m.why) for m in shown.history] == [("2", "second")]
        back = rollback("iris", "prod", why="third")
        assert (back.version, back.previous) == ("1", "2")
        assert show("iris:2").aliases == ()

    def test_what_an_alias_points_at_stays(self):
        promote("iris:1", "prod")
        with pytest.raises(AliasInUse, match="@prod"):
            delete("iris:1")
        assert delete("iris:2") == "iris:2"
        assert [item.reference for item in list_()] == ["iris:1"]

    def test_a_path_is_a_reference(self, registry: Path):
        shown = show(str(registry / "iris" / "1"))
        assert (shown.bundle.reference, shown.aliases, shown.history) == ("iris:1", (), ())

    def test_what_is_shown_is_json(self):
        promote("iris", "prod")
        document = json.loads(json.dumps(show("iris").to_json()))
        assert document["aliases"] == ["prod"]
        assert document["manifest"]["tags"]["from"] == "iris_named"

    def test_fields_that_came_and_went_are_told(self):
        found = diff("iris:1", "iris:2")
        changes = {(change.subject, change.name): change for change in found.changes}
        assert changes["input", "x0"].after is None
        assert changes["input", "sepal_length"].before is None
        assert changes["output", "class"].before["dtype"] == "int64"
        assert changes["tag", "from"].after == "iris_named"
        assert found.breaks_callers
        assert json.loads(json.dumps(found.to_json()))["breaks_callers"] is True

    def test_a_bundle_does_not_differ_from_itself(self):
        found = diff("iris:1", "iris:1")
        assert (found.changes, found.breaks_callers) == ((), False)


def test_other_scores_do_not_break_callers():
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="iris", compile="never")
    daytwo.pack(model, X[:120], y[:120], name="iris", compile="never")
    found = diff("iris:1", "iris:2")
    assert found.changes
    assert not found.breaks_callers


def test_an_empty_registry_lists_nothing_and_knows_nothing():
    assert list_() == ()
    for verb in (show, delete, lambda ref: promote(ref, "prod")):
        with pytest.raises(UnknownReference):
            verb("iris:1")
