"""The tables of the README and of the page about the benchmark, from one document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from loads import FOREIGN_CORES
from peers import figures
from peers.figures import CROWD, MANY, ONE, OURS, Figures

NAMES = {"iris": "iris", "forest": "forest", "boosting": "boosting", "mlp": "MLP"}
_LONG = {
    "iris": "iris, scaled logistic regression",
    "forest": "breast cancer, random forest of 100 trees",
    "boosting": "gradient boosting of 100 trees on 20 numbers",
    "mlp": "digits, network of 64 and 32 units",
}
_NONE = "–"


def compact(document: Mapping[str, Any]) -> str:
    """The README's: each service a row, fastest first, the throughput of every model and the costs on the first."""
    models = figures.models(document)
    by_model = {model: figures.figures(document, model) for model in models}
    first = by_model[models[0]]
    head = ["requests/s at 32 connections", *(NAMES.get(model, model) for model in models)]
    head += [f"{NAMES.get(models[0], models[0])}: median at 1", "p99 at 32", "memory", "start", "installed"]
    rows = []
    for name in sorted(first, key=lambda name: _speed(first[name]), reverse=True):
        throughput = [_rps(by_model[model].get(name), MANY) for model in models]
        rows.append([_title(document, name), *throughput, *_costs(document, first[name])])
    return "\n".join([*_table(head, rows), "", *_problems(document), footnote(document)])


def whole(document: Mapping[str, Any]) -> str:
    """One table for each model, with everything that was measured under load, and what runs in process."""
    parts = []
    for model in figures.models(document):
        found = figures.figures(document, model)
        ordered = sorted(found.values(), key=_speed, reverse=True)
        rows = [[_title(document, one.service), *_loads(one, found.get(OURS))] for one in ordered]
        head = ["", "32: requests/s", "daytwo is", "p50 / p99 / p99.9 ms", "CPU ms a request"]
        head += ["1: p50 / p99 ms", "256: requests/s", "p99 ms", "errors"]
        parts += [f"### {_LONG.get(model, model)}", "", *_table(head, rows), ""]
    return "\n".join([*parts, *_in_process(document), *_problems(document), *_settings(document), footnote(document)])


def _loads(one: Figures, ours: Figures | None) -> Iterator[str]:
    times = figures.ahead(ours, one) if ours else None
    many, single, crowd = (one.phases.get(key) for key in (MANY, ONE, CROWD))
    yield _rps(one, MANY)
    yield f"× {times:.1f}" if times and one.service != OURS else ""
    yield f"{_ms(many.p50_s)} / {_ms(many.p99_s)} / {_ms(many.p999_s)}" if many else _NONE
    yield f"{many.cpu_s_per_1000:.2f}" if many and many.cpu_s_per_1000 else _NONE
    yield f"{_ms(single.p50_s)} / {_ms(single.p99_s)}" if single else _NONE
    yield _rps(one, CROWD)
    yield _ms(crowd.p99_s) if crowd else _NONE
    yield f"{sum(phase.errors for phase in one.phases.values()):,}" if one.phases else _NONE


def _costs(document: Mapping[str, Any], one: Figures) -> Iterator[str]:
    single, many = one.phases.get(ONE), one.phases.get(MANY)
    size = _service(document, one.service)["installed_bytes"]
    yield f"{_ms(single.p50_s)} ms" if single else _NONE
    yield f"{_ms(many.p99_s)} ms" if many else _NONE
    yield f"{one.memory_bytes / 2**20:,.0f} MiB" if one.memory_bytes else _NONE
    yield f"{one.ready_s:.1f} s" if one.ready_s else _NONE
    yield f"{size / 2**20:,.0f} MiB" if size else _NONE


def _in_process(document: Mapping[str, Any]) -> Iterator[str]:
    if found := document.get("in_process"):
        yield "### In process, one row, no server"
        yield ""
        rows = [
            [
                NAMES.get(model, model),
                *(f"{1e6 * forms[form]['p50_s']:,.1f} µs" for form in ("scikit-learn", "onnxruntime")),
            ]
            for model, forms in found.items()
        ]
        yield from _table(["median", "scikit-learn", "onnxruntime, as daytwo compiles it"], rows)
        yield ""


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    told = {}
    for model in figures.models(document):
        for name, one in figures.figures(document, model).items():
            if one.problem:
                told.setdefault((name, one.problem), []).append(NAMES.get(model, model))
    if told:
        yield "¹ What went wrong:"
        yield ""
    for (name, problem), models in told.items():
        yield f"- {_service(document, name)['title']} ({', '.join(models)}): {_quoted(problem)}"
    if told:
        yield ""


def _settings(document: Mapping[str, Any]) -> Iterator[str]:
    yield "### Versions and settings"
    yield ""
    rows = [
        [service["title"], " ".join(filter(None, (service["package"], service["version"]))), service["setting"]]
        for service in document["services"]
    ]
    yield from _table(["", "version", "setting"], rows, left=True)
    yield ""


def footnote(document: Mapping[str, Any]) -> str:
    """When, where and with what this was measured."""
    machine, quick = (
        document["machine"],
        " A quick run: read nothing into small differences." if document["quick"] else "",
    )
    versions = ", ".join(
        dict.fromkeys(f"{s['package']} {s['version']}" for s in document["services"] if s["version"])
    )  # fmt: skip
    return (
        f"{document['date']}, `{document['command']}`, {document['client']} on the same machine: {machine['cores']} cores, "
        f"{machine['processor']}, {machine['memory_bytes'] / 2**30:.0f} GiB, Linux {machine['kernel']}, "
        f"Python {machine['python']}; {versions}.{quick}{_noise(document)}"
    )


def _noise(document: Mapping[str, Any]) -> str:
    slices = [phase for run in document["runs"] for phase in run["phases"].values()]
    noisy = sum(phase["foreign_cores"] > FOREIGN_CORES for phase in slices)
    return f" Other processes used over {FOREIGN_CORES} core during {noisy} of {len(slices)} slices." if noisy else ""


def _title(document: Mapping[str, Any], name: str) -> str:
    service = _service(document, name)
    if name == OURS:
        return f"**{service['title']}**"
    return f"*{service['title']}*" if service["ceiling"] else str(service["title"])


def _service(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(service for service in document["services"] if service["name"] == name)


def _speed(one: Figures) -> float:
    return one.phases[MANY].rps if MANY in one.phases else 0.0


def _rps(one: Figures | None, connections: str) -> str:
    if one is None:
        return ""
    phase = one.phases.get(connections)
    mark = "¹" if one.problem else ""
    return f"{phase.rps:,.0f}{mark}" if phase else f"{_NONE}{mark}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}" if seconds < 0.1 else f"{seconds * 1e3:,.0f}"


def _quoted(text: str) -> str:
    """A message that is somebody else's, in a table or list of ours: on one line, without its own markup."""
    return "`" + text.replace("`", "'").replace("|", "/")[-240:] + "`"


def _table(head: Iterable[str], rows: Iterable[list[str]], *, left: bool = False) -> Iterator[str]:
    cells = list(head)
    join: Callable[[Iterable[str]], str] = lambda parts: "| " + " | ".join(parts) + " |"  # noqa: E731
    yield join(cells)
    yield "|---" + ("|---" if left else "|---:") * (len(cells) - 1) + "|"
    yield from map(join, rows)
