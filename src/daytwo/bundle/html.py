"""How a bundle looks in a notebook: self-contained HTML, every text escaped, no script, at home on light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from daytwo.batch import Batch
from daytwo.bundle.examples import Examples
from daytwo.bundle.manifest import Evidence, Manifest
from daytwo.errors import brief
from daytwo.signature import Field, Signature

_MAX_FIELDS = 40
_MAX_COLUMNS = 30
_SHOWN_ROWS = 3

# Colours are shades of what surrounds them, so that they fit any theme; green and amber are dark enough for white and
# light enough for black.
_LINE = "1px solid rgba(128,128,128,.35)"
_FAINT = "opacity:.65"
_MONO = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.92em"
_GOOD, _WARN = "color:#1f9d57", "color:#c77700"
_CELL = f"text-align:left;vertical-align:top;padding:3px 14px 3px 0;border:0;border-bottom:{_LINE};white-space:nowrap"
_BOX = f"border:{_LINE};border-radius:8px;padding:14px 18px;max-width:880px;line-height:1.45;font-family:system-ui,sans-serif;font-size:13px;color:inherit"


def bundle_html(
    manifest: Manifest,
    signature: Signature,
    digest: str,
    executes: Sequence[tuple[str, str]],
    examples: Examples | None,
) -> str:
    """A self-contained piece of HTML; ``examples`` is None where they cannot be read."""
    parts = [
        _head(manifest, digest),
        _metrics(manifest),
        _section("Inputs", _fields(signature.inputs), len(signature.inputs)),
        _section("Outputs", _fields(signature.outputs), len(signature.outputs)),
        _section("Serves with", _forms(manifest, executes)),
        _examples(examples),
        _section("Made", _origin(manifest)),
    ]
    return f'<div style="{_BOX}">{"".join(parts)}</div>'


def _head(manifest: Manifest, digest: str) -> str:
    name = f'<span style="font-size:1.45em;font-weight:650">{escape(manifest.name)}</span>'
    version = f'<span style="font-size:1.45em;{_FAINT}">:{escape(manifest.version)}</span>'
    facts = " · ".join(
        [escape(manifest.task), f"{manifest.rows:,} rows", _size(manifest.size_bytes), escape(manifest.created)]
    )
    return (
        f'<div>{name}{version}</div><div style="{_FAINT}">{facts}</div>'
        f'<div style="{_MONO};{_FAINT};overflow-wrap:anywhere">{escape(digest)}</div>'
    )


def _metrics(manifest: Manifest) -> str:
    cells = "".join(
        f'<div style="padding-right:28px"><div style="font-size:1.25em">{_number(value)}</div>'
        f'<div style="{_FAINT}">{escape(name)}</div></div>'
        for name, value in manifest.metrics.items()
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:6px 0;margin-top:10px">{cells}</div>' if cells else ""


def _fields(fields: Sequence[Field]) -> str:
    rows = [
        (_code(f.name), escape(_type(f)), escape(_values(f)), "may be missing" if f.missing else "") for f in fields
    ]
    if len(fields) > _MAX_FIELDS:
        rows[_MAX_FIELDS:] = [(f"… and {len(fields) - _MAX_FIELDS} more", "", "", "")]
    return _table(("name", "type", "values", ""), rows)


def _forms(manifest: Manifest, executes: Sequence[tuple[str, str]]) -> str:
    rows = [(_code(item.runtime), _verdict(item), _proof(item)) for item in manifest.compiled]
    compiled = any(item.accepted for item in manifest.compiled)
    rows.append((_code(manifest.runtime), "fallback, as packed" if compiled else "as packed", ""))
    return _table(("runtime", "", "evidence"), rows) + "".join(_note(path, what, compiled) for path, what in executes)


def _note(path: str, what: str, compiled: bool) -> str:
    if compiled:
        return f'<div style="{_FAINT}">only the fallback executes {escape(what)}, {_code(path)}, and needs trust</div>'
    return f'<div style="{_WARN}">⚠ loading {_code(path)} executes {escape(what)}: it needs trust</div>'


def _verdict(item: Evidence) -> str:
    return (
        f'<span style="{_GOOD}">✓ proven equal</span>' if item.accepted else f'<span style="{_WARN}">✗ refused</span>'
    )


def _proof(item: Evidence) -> str:
    if item.reason is not None:
        return f'<span style="white-space:normal">{escape(item.reason)}</span>'
    counts = f"{item.rows:,} rows, {item.edge_rows:,} at the edges, {item.threshold_rows:,} beside thresholds"
    worst = f"worst error {_number(item.worst_error)}, {_number(item.tolerance)} allowed"
    return f'<span style="white-space:normal">{counts}; {item.label_flips:,} flips; {worst}</span>'


def _examples(examples: Examples | None) -> str:
    if examples is None or not examples.rows:
        return ""
    inputs, outputs = list(examples.inputs.names[:_MAX_COLUMNS]), list(examples.outputs.names)
    shown = range(min(_SHOWN_ROWS, examples.rows))
    rows = [
        [*_row(examples.inputs, inputs, at), *(f"<b>{c}</b>" for c in _row(examples.outputs, outputs, at))]
        for at in shown
    ]
    table = _table([*inputs, *(f"→ {name}" for name in outputs)], rows)
    more = (
        f'<div style="{_FAINT}">the first {len(shown)} of {examples.rows}</div>' if examples.rows > len(shown) else ""
    )
    return _section("Examples", table + more, examples.rows)


def _row(batch: Batch, names: Iterable[str], at: int) -> list[str]:
    return [escape(_value(batch[name][at])) for name in names]


def _origin(manifest: Manifest) -> str:
    made = manifest.provenance
    git = made.get("git") if isinstance(made.get("git"), dict) else {}
    changed = " (with changes that were not committed)" if git and git.get("dirty") else ""
    facts = {
        "commit": f"{str(git.get('commit', ''))[:12]}{changed}" if git else "",
        "notebook": str(made.get("notebook", "")),
        "python": str(made.get("python", "")),
        "daytwo": str(made.get("daytwo", "")),
        **{f"tag {name}": value for name, value in manifest.tags.items()},
    }
    known = [f"{escape(name)} {_code(text)}" for name, text in facts.items() if text]
    return " · ".join(known)


def _section(title: str, body: str, count: int | None = None) -> str:
    if not body:
        return ""
    number = f' <span style="font-weight:400;{_FAINT}">{count}</span>' if count is not None else ""
    return (
        f'<div style="margin-top:12px;font-weight:650">{escape(title)}{number}</div>'
        f'<div style="overflow-x:auto">{body}</div>'
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f'<th style="{_CELL};font-weight:400;{_FAINT}">{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>" for row in rows)
    return f'<table style="border-collapse:collapse;margin:2px 0 0 0;color:inherit;font-size:inherit"><tr>{top}</tr>{body}</table>'


def _type(item: Field) -> str:
    shape = f"[{', '.join(map(str, item.shape))}]" if item.shape else ""
    return f"{item.dtype}{shape}"


def _values(item: Field) -> str:
    if item.categories is not None:
        more = f", … ({len(item.categories)})" if len(item.categories) > 8 else ""
        return ", ".join(brief(c, 24) if isinstance(c, str) else str(c) for c in item.categories[:8]) + more
    if item.minimum is None or item.maximum is None:
        return ""
    if item.dtype == "datetime":
        low, high = (str(np.datetime64(int(at), "us"))[:19] for at in (item.minimum, item.maximum))
        return f"{low} … {high}"
    return f"{item.minimum:.6g} … {item.maximum:.6g}"


def _value(value: Any) -> str:
    if isinstance(value, np.ndarray):
        inner = ", ".join(_value(v) for v in value.ravel()[:6])
        return f"[{inner}{', …' if value.size > 6 else ''}]"
    if value is None or value != value:  # NaN and NaT differ from themselves
        return "missing"
    if isinstance(value, np.datetime64):
        return str(value).removesuffix(".000000")
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    return value if isinstance(value, str) and len(value) <= 40 else str(value)[:40]


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else escape(str(value))


def _code(text: str) -> str:
    return f'<span style="{_MONO}">{escape(text)}</span>'


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
