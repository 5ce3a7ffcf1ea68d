"""The same curves in a terminal, on a page and as a picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from daytwo.loadtest.canvas import Canvas
from daytwo.loadtest.curves import LatencyThroughput, spectrum, spectrum_stages
from daytwo.loadtest.page import page
from daytwo.loadtest.png import png
from daytwo.loadtest.report import Report
from daytwo.loadtest.scales import Scale
from daytwo.loadtest.verdict import Wanted
from loadtest.made import report, result, results

WANTED = Wanted(850.0, 0.02)


def test_the_curve_is_of_arrivals_and_of_the_ramp_before_there_are_any():
    whole = LatencyThroughput.of(report(WANTED))
    assert whole is not None
    assert whole.open
    assert [x for x, _ in whole.curves["p99"]] == [100.0, 250.0, 500.0, 800.0, 900.0, 1100.0]
    assert (whole.capacity, whole.wanted_s, whole.wanted_rate) == (800.0, 0.02, 850.0)
    early = LatencyThroughput.of(report(given=results()[:4]))
    assert early is not None
    assert not early.open
    assert LatencyThroughput.of(report(given=results()[:1])) is None


def test_a_wanted_rate_far_away_does_not_squeeze_the_rest():
    far = LatencyThroughput.of(report(Wanted(1e6)))
    assert far is not None
    assert far.wanted_rate is None
    assert far.x.high < 2000


def test_the_spectrum_goes_as_deep_as_there_are_answers():
    points = spectrum(result("open", 1000, rate=1000.0))
    assert [points[0][0], points[-1][0]] == [0.0, 3.0]
    assert [y for _, y in points] == sorted(y for _, y in points)
    assert spectrum(result("open", 0, rate=1.0))[:1] != points[:1]
    assert len(spectrum_stages(report(WANTED))) == 4


@pytest.mark.parametrize(
    ("low", "high", "log"), [(0.0, 7.0, False), (0.0, 123456.0, False), (1e-4, 3.0, True), (0.02, 0.3, True)]
)
def test_ticks_are_round_and_within(low: float, high: float, log: bool):
    ticks = Scale(low, high, log).ticks()
    assert 2 <= len(ticks) <= 9
    assert all(low <= tick <= high for tick in ticks)
    assert ticks == sorted(set(ticks))


def test_dots_are_where_they_belong():
    canvas = Canvas(4, 2)
    canvas.line((0.0, 0.0), (1.0, 0.0), "a")
    canvas.mark((1.0, 1.0), "●", "b")
    canvas.line((0.0, 5.0), (0.0, 9.0), "c")
    top, bottom = canvas.rows()
    assert top == [("   ", ""), ("●", "b")]
    assert bottom == [("⣀⣀⣀⣀", "a")]


MADE = {
    "whole": lambda: report(WANTED),
    "ramp only": lambda: report(given=results()[:4]),
    "one stage": lambda: report(given=results()[:1], ended="the <server> ended"),
    "failures": lambda: report(given=[*results(), result("open", 5, rate=1200.0, failed=9)]),
}


@pytest.mark.parametrize("name", MADE)
def test_the_page_is_whole_and_loads_nothing(name: str):
    text = page(MADE[name]()).decode()
    assert not re.search(r"https?://(?!127\.0\.0\.1)|<script|<link|<img|@import|url\(", text)
    assert "prefers-color-scheme:dark" in text
    assert "<server>" not in text
    for picture in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        root = ET.fromstring(picture)
        coordinates = [
            float(value) for node in root.iter() for key, value in node.items() if key in ("cx", "x1", "x2", "cy")
        ]
        assert all(0 <= value <= 1000 for value in coordinates)
    assert not re.search(r"\bnan\b", text)


def test_the_page_marks_what_was_found_and_wanted():
    text = page(report(WANTED)).decode()
    for words in ("capacity 800/s", "wanted p99 20.0 ms", "wanted 850/s", "knee at 4", "not met", "Percentiles"):
        assert words in text


def test_names_are_escaped():
    made = report()
    hostile = Report(
        made.setting.__class__(**(made.setting.to_json() | {"target": "<b>x"})), made.wanted, made.results, made.verdict
    )
    assert "<b>x" not in page(hostile).decode()


def test_the_picture_is_a_png():
    assert png(report(WANTED)).startswith(b"\x89PNG\r\n")
    with pytest.raises(Exception, match="too little was measured"):
        png(report(given=results()[:1]))
