"""Arrivals know nothing of each other."""

from __future__ import annotations

import math
from itertools import pairwise

from daytwo.loadtest.arrivals import poisson


def test_there_are_as_many_as_the_rate_says_and_in_order():
    moments = list(poisson(1000.0, 20.0, seed=1))
    assert abs(len(moments) - 20_000) < 5 * math.sqrt(20_000)
    assert moments == sorted(moments)
    assert moments[0] > 0
    assert moments[-1] < 20.0


def test_gaps_are_exponential_so_that_bursts_happen():
    gaps = [later - earlier for earlier, later in pairwise(poisson(1000.0, 20.0, seed=2))]
    assert abs(sum(gap < 0.0001 for gap in gaps) / len(gaps) - (1 - math.exp(-0.1))) < 0.02
    assert abs(sum(gap > 0.003 for gap in gaps) / len(gaps) - math.exp(-3)) < 0.02


def test_the_seed_decides():
    assert list(poisson(50.0, 1.0, seed=3)) == list(poisson(50.0, 1.0, seed=3))
    assert list(poisson(50.0, 1.0, seed=3)) != list(poisson(50.0, 1.0, seed=4))
