"""Writes a run into the README and the page about the benchmark, between their markers, and its plots beside the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peers import plots, tables

_MARK = "peers"


def publish(document: Mapping[str, Any], repository: Path) -> list[Path]:
    """The files that were written."""
    readme, page = repository / "README.md", repository / "docs" / "explanation" / "benchmarks.md"
    for file, text in ((readme, tables.compact(document)), (page, tables.whole(document))):
        file.write_text(between(file.read_text(encoding="utf-8"), text), encoding="utf-8")
    return [readme, page, *plots.draw(document, repository / "docs" / "bench")]


def between(page: str, text: str) -> str:
    """``page`` with ``text`` between its markers; ValueError where it has none."""
    begin, end = page.find(f"<!-- {_MARK}:begin"), page.find(f"<!-- {_MARK}:end -->")
    if begin < 0 or end < begin:
        raise ValueError(f"the page has no markers {_MARK}:begin and {_MARK}:end")
    start = page.index("-->", begin) + len("-->")
    return f"{page[:start]}\n{text}\n{page[end:]}"
