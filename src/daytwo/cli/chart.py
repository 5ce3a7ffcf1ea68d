"""The curve of latency over throughput, in a terminal."""

from __future__ import annotations

from itertools import pairwise

from rich.text import Text

from daytwo.loadtest.canvas import Canvas
from daytwo.loadtest.curves import LatencyThroughput
from daytwo.loadtest.report import per_second, short_duration

_STYLES = {"p50": "cyan", "p90": "blue", "p99": "magenta"}
_MARK = "●"
_LEFT = 9
_MOST_WIDE = 110
_HEIGHT = 14


def chart(picture: LatencyThroughput, width: int) -> Text:
    """The picture in lines of at most ``width`` characters, with axes and a legend."""
    canvas = Canvas(min(width, _MOST_WIDE) - _LEFT - 2, _HEIGHT)
    _references(canvas, picture)
    for name, points in picture.curves.items():
        placed = [(picture.x.place(x), picture.y.place(y)) for x, y in points]
        for start, end in pairwise(placed):
            canvas.line(start, end, _STYLES[name])
    for name, points in picture.curves.items():
        for x, y in points:
            canvas.mark((picture.x.place(x), picture.y.place(y)), _MARK, _STYLES[name])
    return Text("\n").join([_legend(picture), *_body(canvas, picture), *_axis(canvas, picture)])


def _references(canvas: Canvas, picture: LatencyThroughput) -> None:
    """What is wanted, and what was borne."""
    if picture.wanted_s is not None:
        at = picture.y.place(picture.wanted_s)
        canvas.line((0.0, at), (1.0, at), "red", gap=3)
    if picture.wanted_rate is not None:
        at = picture.x.place(picture.wanted_rate)
        canvas.line((at, 0.0), (at, 1.0), "red", gap=3)
    if picture.capacity is not None:
        at = picture.x.place(picture.capacity)
        canvas.line((at, 0.0), (at, 1.0), "green", gap=2)


def _legend(picture: LatencyThroughput) -> Text:
    out = Text(" " * _LEFT + " ")
    for name in picture.curves:
        out.append(f"{_MARK} {name}  ", _STYLES[name])
    if picture.capacity is not None:
        out.append(f"┊ capacity {per_second(picture.capacity)}/s  ", "green")
    if picture.wanted_s is not None or picture.wanted_rate is not None:
        out.append("┄ wanted", "red")
    return out


def _body(canvas: Canvas, picture: LatencyThroughput) -> list[Text]:
    """The canvas with the latencies on its left."""
    labels: dict[int, str] = {}
    for tick in picture.y.ticks(6):
        row = round((1 - picture.y.place(tick)) * (canvas.height - 1))
        labels.setdefault(row, short_duration(tick))
    lines = []
    for number, runs in enumerate(canvas.rows()):
        line = Text()
        line.append(f"{labels.get(number, ''):>{_LEFT - 1}} {'┤' if number in labels else '│'}", "dim")
        for text, style in runs:
            line.append(text, style)
        lines.append(line)
    return lines


def _axis(canvas: Canvas, picture: LatencyThroughput) -> list[Text]:
    """The rates below, and what they are."""
    rule, words = ["─"] * canvas.width, [" "] * (canvas.width + _LEFT + 2)
    for tick in picture.x.ticks(max(3, canvas.width // 14)):
        column = round(picture.x.place(tick) * (canvas.width - 1))
        label = f"{tick:,.10g}"
        start = max(0, min(column - len(label) // 2 + _LEFT + 1, len(words) - len(label)))
        if set(words[max(0, start - 1) : start + len(label) + 1]) <= {" "}:
            rule[column] = "┬"
            words[start : start + len(label)] = label
    what = "requests arriving per second" if picture.open else "requests answered per second"
    return [
        Text(" " * _LEFT + "└" + "".join(rule), "dim"),
        Text("".join(words).rstrip(), "dim"),
        Text(f"{what:>{canvas.width + _LEFT + 1}}", "dim"),
    ]
