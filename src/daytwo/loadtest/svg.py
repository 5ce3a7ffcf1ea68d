"""Charts as SVG, drawn by us: nothing is loaded from anywhere. Colours are the page's, by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

from daytwo.loadtest.scales import Scale

#: The frame of the plot within the picture: left, top, right, bottom.
_LEFT, _TOP, _RIGHT, _BOTTOM = 58.0, 26.0, 16.0, 42.0
#: A picture that is wider than this is rather scrolled than shrunk.
_WIDE = 600.0

Point = tuple[float, float]


@dataclass
class Chart:
    """One chart with its axes; what is added is drawn in that order.

    x_label, y_label: what the axes are
    x_text, y_text: how a value of the axis is written
    size: width and height of the picture in its own units; a page scales it
    ticks: values written along the x axis; those of its scale where None
    """

    x: Scale
    y: Scale
    x_label: str
    y_label: str
    x_text: Callable[[float], str]
    y_text: Callable[[float], str]
    size: Point = (1000.0, 440.0)
    ticks: Sequence[float] | None = None
    _parts: list[str] = field(default_factory=list)
    _moments: int = 0

    @property
    def width(self) -> float:
        """Of the picture."""
        return self.size[0]

    @property
    def height(self) -> float:
        """Of the picture."""
        return self.size[1]

    def curve(self, points: Sequence[Point], style: str, titles: Sequence[str] = ()) -> None:
        """A line through ``points`` with a dot at each that has a title, shown where a pointer rests on it."""
        placed = [self._at(x, y) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        self._parts.append(f'<polyline class="curve {style}" points="{path}"/>')
        for (x, y), title in zip(placed, titles, strict=False):
            self._parts.append(
                f'<circle class="dot {style}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(title)}</title></circle>'
            )

    def level(self, value: float, label: str, style: str) -> None:
        """A horizontal line at ``value`` with its name."""
        _, y = self._at(self.x.low, value)
        left, right = _LEFT, self.width - _RIGHT
        self._parts.append(f'<line class="mark {style}" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        self._parts.append(f'<text class="name {style}" x="{left + 8}" y="{y - 6:.1f}">{escape(label)}</text>')

    def moment(self, value: float, label: str, style: str) -> None:
        """A vertical line at ``value`` with its name, on the side where there is room."""
        x, _ = self._at(value, self.y.low)
        top, bottom = _TOP, self.height - _BOTTOM
        level = top + 12 + 17 * self._moments  # two that are close must not write over each other
        self._moments += 1
        anchor, shift = ("end", -7) if self.x.place(value) > 0.5 else ("start", 7)
        self._parts.append(f'<line class="mark {style}" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        self._parts.append(
            f'<text class="name {style}" x="{x + shift:.1f}" y="{level}" text-anchor="{anchor}">{escape(label)}</text>'
        )

    def render(self, title: str) -> str:
        """The whole picture; ``title`` is read to those who do not see it."""
        inner = "".join([*self._grid(), *self._parts])
        return f'<svg class="{"wide" if self.width > _WIDE else ""}" viewBox="0 0 {self.width:g} {self.height:g}" role="img" aria-label="{escape(title)}">{inner}</svg>'

    def _at(self, x: float, y: float) -> Point:
        """A point of the data in the picture; what is beyond an axis is drawn at its end."""
        across, up = (min(max(scale.place(value), 0.0), 1.0) for scale, value in ((self.x, x), (self.y, y)))
        return (
            _LEFT + across * (self.width - _LEFT - _RIGHT),
            self.height - _BOTTOM - up * (self.height - _TOP - _BOTTOM),
        )

    def _grid(self) -> list[str]:
        left, right, bottom = _LEFT, self.width - _RIGHT, self.height - _BOTTOM
        parts = []
        for tick in self.y.ticks(6):
            _, y = self._at(self.x.low, tick)
            parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="tick" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{self.y_text(tick)}</text>'
            )
        for tick in self.ticks or self.x.ticks(7):
            x, _ = self._at(tick, self.y.low)
            parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
            parts.append(
                f'<text class="tick" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{self.x_text(tick)}</text>'
            )
        parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
        parts.append(
            f'<text class="label" x="{right}" y="{self.height - 6}" text-anchor="end">{escape(self.x_label)}</text>'
        )
        parts.append(f'<text class="label" x="{left - 50}" y="{_TOP - 15}">{escape(self.y_label)}</text>')
        return parts
