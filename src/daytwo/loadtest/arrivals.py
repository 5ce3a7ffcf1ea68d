"""When requests arrive."""

from __future__ import annotations

import random
from collections.abc import Iterator


def poisson(rate: float, duration_s: float, seed: int) -> Iterator[float]:
    """The moments in [0, ``duration_s``) at which requests of a Poisson process arrive, ``rate`` a second.

    Callers that know nothing of each other arrive like this: sometimes three at once, sometimes none for a while.
    """
    draw = random.Random(seed).expovariate  # noqa: S311  chance, not secrets
    moment = draw(rate)
    while moment < duration_s:
        yield moment
        moment += draw(rate)
