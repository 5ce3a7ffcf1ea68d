"""Reading ``/metrics`` as Prometheus would."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from serving.live import Live

#: ``(name, ((label, value), …))``
Series = tuple[str, tuple[tuple[str, str], ...]]


def scrape(live: Live) -> dict[Series, float]:
    """Every series and its value."""
    answer = live.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [s for family in text_string_to_metric_families(answer.body.decode()) for s in family.samples]
    found = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples}
    assert len(found) == len(samples), "a series appears twice"
    return found


def total(series: dict[Series, float], name: str, **labels: str) -> float:
    """The sum of the series called ``name`` that have ``labels``."""
    return sum(v for (n, held), v in series.items() if n == name and labels.items() <= dict(held).items())


def value(live: Live, name: str, **labels: str) -> float:
    """Likewise, scraped now."""
    return total(scrape(live), name, **labels)
