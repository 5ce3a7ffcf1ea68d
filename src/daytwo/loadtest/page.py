"""The report as one page: self-contained, light or dark as its reader's screen is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from daytwo.loadtest.curves import LatencyThroughput, spectrum, spectrum_stages
from daytwo.loadtest.report import Report, duration, per_second, short_duration
from daytwo.loadtest.scales import Scale
from daytwo.loadtest.stages import QUANTILES, Result
from daytwo.loadtest.style import STYLE
from daytwo.loadtest.svg import Chart

_SECTIONS = {"ramp": "One row each, more and more connections", "batch": "More and more rows in each request",
             "open": "One row each, arriving at random"}  # fmt: skip
#: Three of them stand side by side.
_SMALL = (350.0, 270.0)


def page(report: Report) -> bytes:
    """The page, UTF-8."""
    title = f"{escape(report.setting.target)} under load"
    body = "".join(_parts(report))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    ).encode()


def _parts(report: Report) -> Iterator[str]:
    yield _head(report)
    if report.ended:
        yield f'<p class="warn">Ended early: {escape(report.ended)}</p>'
    yield _cards(report)
    yield _list(report.sentences)
    if (picture := LatencyThroughput.of(report)) is not None:
        yield _figure("Latency over throughput", _main(picture), _keys(picture))
    charts = [chart for chart in (_spectrum(report), _ramp(report), _batches(report)) if chart]
    yield f'<div class="row">{"".join(charts)}</div>'
    for kind, heading in _SECTIONS.items():
        if results := report.of(kind):
            yield f"<h2>{heading}</h2>{_table(kind, results)}"
    yield _method(report)


def _head(report: Report) -> str:
    setting = report.setting
    workers = "" if setting.workers is None else f" · {setting.workers} worker{'s' * (setting.workers > 1)}"
    own = "a server of its own" if setting.started else setting.url
    return f"<h1>{escape(setting.target)} <small>under load</small></h1><p class='sub'>{escape(own)}{workers} · {setting.when}</p>"


def _cards(report: Report) -> str:
    verdict, wanted = report.verdict, report.wanted
    cards: list[tuple[str, str, str]] = []
    if verdict.capacity_per_s is not None:
        p99 = "no rate was borne" if verdict.capacity_p99_s is None else f"p99 {duration(verdict.capacity_p99_s)}"
        cards.append(("capacity", f"{per_second(verdict.capacity_per_s)}<i>/s</i>", p99))
    if verdict.knee_connections is not None:
        cards.append(
            ("peak", f"{per_second(verdict.peak_per_s)}<i>/s</i>", f"knee at {verdict.knee_connections} connections")
        )
    if verdict.best_rows_per_s is not None:
        cards.append(
            (
                "rows",
                f"{per_second(verdict.best_rows_per_s)}<i>/s</i>",
                "single rows are enough" if verdict.best_rows == 1 else f"{verdict.best_rows:,} rows each are enough",
            )
        )
    if wanted.rate is not None and verdict.replicas is not None:
        each = f"--workers {verdict.workers}" if verdict.workers else "each like this one"
        cards.append(("replicas", f"{verdict.replicas:,}", f"{each}, for {per_second(wanted.rate)}/s"))
    elif verdict.safe_per_s:
        cards.append(("plan with", f"{per_second(verdict.safe_per_s)}<i>/s</i>", "of one replica like this"))
    if wanted.anything and not report.ended:
        said = {True: ("met", "good"), False: ("not met", "bad"), None: ("cannot be said", "")}[verdict.met]
        what = ", ".join([*([f"{per_second(wanted.rate)}/s"] if wanted.rate else []),
                          *([f"p99 {duration(wanted.p99_s)}"] if wanted.p99_s else [])])  # fmt: skip
        cards.append(("wanted", f'<span class="{said[1]}">{said[0]}</span>', what))
    drawn = "".join(f"<div><span>{name}</span><b>{value}</b><small>{note}</small></div>" for name, value, note in cards)
    return f'<section class="cards">{drawn}</section>'


def _list(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _figure(title: str, chart: str, keys: Sequence[tuple[str, str]]) -> str:
    legend = "".join(f'<span class="key {style}">{escape(name)}</span>' for style, name in keys)
    return f"<figure><figcaption>{escape(title)}<span class='keys'>{legend}</span></figcaption>{chart}</figure>"


def _keys(picture: LatencyThroughput) -> list[tuple[str, str]]:
    return [(f"s{number}", name) for number, name in enumerate(picture.curves)]


def _main(picture: LatencyThroughput) -> str:
    what = "requests arriving per second" if picture.open else "requests answered per second"
    chart = Chart(picture.x, picture.y, what, "latency", _number, short_duration)
    if picture.wanted_s is not None:
        chart.level(picture.wanted_s, f"wanted p99 {duration(picture.wanted_s)}", "wanted")
    if picture.capacity is not None:
        chart.moment(picture.capacity, f"capacity {per_second(picture.capacity)}/s", "capacity")
    if picture.wanted_rate is not None:
        chart.moment(picture.wanted_rate, f"wanted {per_second(picture.wanted_rate)}/s", "wanted")
    for number, (name, points) in enumerate(picture.curves.items()):
        chart.curve(points, f"s{number}", [f"{name} {duration(y)} at {per_second(x)}/s" for x, y in points])
    return chart.render("Latency over throughput")


def _spectrum(report: Report) -> str:
    """Every quantile of some open stages, the rare ones drawn out."""
    stages = spectrum_stages(report)
    curves = [spectrum(result) for result in stages]
    if not curves:
        return ""
    deepest = max(point[0] for points in curves for point in points)
    y = Scale.logarithmic([value for points in curves for _, value in points])
    ticks = [0.0, *(number + 1.0 for number in range(int(deepest))), *([0.30103] if deepest < 3 else [])]
    chart = Chart(
        Scale(0.0, max(deepest, 1.0)), y, "percentile", "latency", _percentile, short_duration, size=_SMALL, ticks=ticks
    )
    for number, points in enumerate(curves):
        chart.curve(points, f"q{number}")
    keys = [(f"q{number}", f"{per_second(r.stage.rate or 0.0)}/s") for number, r in enumerate(stages)]
    return _figure("Percentiles", chart.render("Latency by percentile"), keys)


def _ramp(report: Report) -> str:
    results = [result for result in report.of("ramp") if result.ok]
    if len(results) < 2:
        return ""
    points = [(float(result.stage.connections), result.per_s) for result in results]
    x = Scale(1.0, points[-1][0], log=True)
    y = Scale.linear([value for _, value in points])
    ticks = [count for count, _ in points]
    chart = Chart(x, y, "connections", "answered per second", _number, _number, size=_SMALL, ticks=ticks)
    if report.verdict.knee_connections is not None:
        chart.moment(float(report.verdict.knee_connections), f"knee at {report.verdict.knee_connections}", "capacity")
    titles = [f"{per_second(r.per_s)}/s over {r.stage.connections}, p99 {duration(r.latency(0.99))}" for r in results]
    chart.curve(points, "s0", titles)
    return _figure("Throughput by connections", chart.render("Throughput by connections"), [])


def _batches(report: Report) -> str:
    results = [result for result in report.of("batch") if result.ok]
    if len(results) < 2:
        return ""
    points = [(float(result.stage.rows), result.rows_per_s) for result in results]
    x = Scale(1.0, points[-1][0], log=True)
    y = Scale.linear([value for _, value in points])
    chart = Chart(
        x, y, "rows in a request", "rows per second", _number, _number, size=_SMALL, ticks=[p[0] for p in points]
    )
    chart.curve(points, "s1", [f"{per_second(r.rows_per_s)} rows/s, p99 {duration(r.latency(0.99))}" for r in results])
    return _figure("Rows by size of request", chart.render("Rows per second by rows in a request"), [])


def _table(kind: str, results: Sequence[Result]) -> str:
    first = {"ramp": "connections", "batch": "rows each", "open": "arriving/s"}[kind]
    names = [first, "rows/s" if kind == "batch" else "answered/s", *QUANTILES, "max", "refused", "timed out", "errors",
             "server CPU", "client CPU"]  # fmt: skip
    head = "".join(f"<th>{name}</th>" for name in names)
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(_row(kind, result) for result in results)}</table></div>'


def _row(kind: str, result: Result) -> str:
    load = {"ramp": f"{result.stage.connections:,}", "batch": f"{result.stage.rows:,}",
            "open": per_second(result.stage.rate or 0.0)}[kind]  # fmt: skip
    cells = [load, per_second(result.rows_per_s if kind == "batch" else result.per_s)]
    cells += [duration(result.latency(q)) for q in QUANTILES.values()]
    cells.append(duration(result.tally.latencies.max_s))
    for count in (result.tally.rejected, result.timed_out, result.errors):
        cells.append(f'<span class="bad">{count:,}</span>' if count else "0")
    cells.append("–" if result.server_cpu is None else f"{result.server_cpu:.0%}")
    cells.append(f"{result.tally.cpu:.0%}{'*' if result.client_limited else ''}")
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _method(report: Report) -> str:
    setting = report.setting
    opened = report.of("open")
    late = max((r.tally.lateness.quantile(0.99) for r in opened if r.tally.lateness.count), default=0.0)
    proven = (
        ""
        if setting.verified is None
        else f" {setting.verified} examples came out as they did when packed, before anything was timed."
    )
    clients = f"{setting.clients} process{'es' * (setting.clients > 1)}"
    where = "the machine that served" if setting.local else "another machine than served"
    versions = ", ".join(f"{name} {number}" for name, number in setting.versions.items())
    return (
        f"<h2>How it was measured</h2><p>Rows: {escape(setting.rows)}.{proven} The load came from {clients} over kept"
        f" HTTP/1.1 connections, on {where} ({setting.cores} cores). With more and more connections, and more and more rows,"
        " each connection sends its next request when the last is answered. Requests at random arrive as a Poisson"
        " process, whatever the answers do, and their latency runs from when they were due, not from when they could be"
        f" sent; the client itself was at most {duration(late)} late for 99 of 100. Percentiles are of a histogram"
        " whose buckets are 0.8% wide. Capacity is the highest rate at which, and below which, every request was answered"
        " with a prediction, no queue was left, and the p99 stayed within what was wanted. * marks stages in which the"
        f" client had no time to spare.</p><p class='sub'>{escape(versions)}</p>"
    )


def _number(value: float) -> str:
    """A round number on an axis.

    >>> _number(20000.0), _number(0.5)
    ('20,000', '0.5')
    """
    return f"{value:,.10g}"


def _percentile(depth: float) -> str:
    """The percentile at a depth of the spectrum.

    >>> _percentile(0.30103), _percentile(2.0), _percentile(3.0)
    ('50', '99', '99.9')
    """
    return f"{100 * (1 - 10**-depth):.6g}"
