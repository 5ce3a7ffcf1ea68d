"""The stages fill the time that there is, and no more."""

from __future__ import annotations

import pytest

from daytwo.loadtest.plan import FRACTIONS, REFINEMENTS, Plan


@pytest.mark.parametrize("total_s", [1.0, 15.0, 60.0])
@pytest.mark.parametrize("rate", [None, 333.0])
def test_all_stages_together_take_about_as_long_as_they_may(total_s: float, rate: float | None):
    plan = Plan(total_s, 256, rate)
    refined = [plan.between(1.0, 2.0)] * REFINEMENTS
    stages = [stage for stage in (*plan.ramp(0.001), *plan.batches(), *plan.open(1000.0), *refined) if stage]
    assert 0.8 * total_s < sum(stage.duration_s for stage in stages) <= total_s


def test_connections_double_up_to_the_limit():
    assert [stage.connections for stage in Plan().ramp(0.001)] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert [stage.connections for stage in Plan(max_connections=6).ramp(0.001)] == [1, 2, 4, 6]
    assert [stage.connections for stage in Plan(max_connections=1).ramp(0.001)] == [1]


def test_where_an_answer_takes_long_there_are_fewer_stages():
    assert [stage.connections for stage in Plan(15.0).ramp(0.3)] == [1, 4, 16, 64, 256]


def test_arrivals_are_fractions_of_the_peak_in_order():
    rates = [stage.rate for stage in Plan().open(1000.0)]
    assert rates == [pytest.approx(fraction * 1000.0) for fraction in FRACTIONS]


def test_a_wanted_rate_has_a_stage_of_its_own():
    assert 330.0 in [stage.rate for stage in Plan(rate=330.0).open(1000.0)]
    instead = [stage.rate for stage in Plan(rate=510.0).open(1000.0)]
    assert 510.0 in instead
    assert 500.0 not in instead
    assert max(stage.rate or 0 for stage in Plan(rate=5000.0).open(1000.0)) == pytest.approx(1100.0)


def test_it_looks_closer_between_what_was_borne_and_what_was_not():
    stage = Plan().between(100.0, 200.0)
    assert stage is not None
    assert (stage.kind, stage.rate) == ("open", 150.0)
    assert Plan().between(100.0, 110.0) is None
    assert Plan().between(0.0, 0.0) is None
