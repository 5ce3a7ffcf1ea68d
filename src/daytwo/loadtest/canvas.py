"""A drawing of dots in the characters of a terminal: each holds two by four, in Braille."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

#: The bit of each dot of a character, by row and column.
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_EMPTY = 0x2800


class Canvas:
    """``width`` by ``height`` characters. Positions are shares of each, (0, 0) at the lower left.

    A character has one style: that of the last dot or mark in it. Marks stand before dots.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._dots = [[0] * width for _ in range(height)]
        self._marks: dict[tuple[int, int], str] = {}
        self._styles: dict[tuple[int, int], str] = {}

    def line(self, start: tuple[float, float], end: tuple[float, float], style: str, gap: int = 1) -> None:
        """Dots from ``start`` to ``end``; with ``gap`` over 1 only every so many of them."""
        (x0, y0), (x1, y1) = self._dot(*start), self._dot(*end)
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(0, steps + 1, gap):
            share = step / steps
            self._set(round(x0 + (x1 - x0) * share), round(y0 + (y1 - y0) * share), style)

    def mark(self, at: tuple[float, float], sign: str, style: str) -> None:
        """One character instead of dots."""
        x, y = self._dot(*at)
        if 0 <= x < 2 * self.width and 0 <= y < 4 * self.height:
            cell = y // 4, x // 2
            self._marks[cell], self._styles[cell] = sign, style

    def rows(self) -> Iterator[list[tuple[str, str]]]:
        """The lines from top to bottom, each as runs of text with their style."""
        for row in range(self.height):
            cells = [
                (self._character(row, column), self._styles.get((row, column), "")) for column in range(self.width)
            ]
            yield [("".join(c for c, _ in run), style) for style, run in groupby(cells, key=lambda cell: cell[1])]

    def _dot(self, x: float, y: float) -> tuple[int, int]:
        return round(x * (2 * self.width - 1)), round((1 - y) * (4 * self.height - 1))

    def _set(self, x: int, y: int, style: str) -> None:
        if 0 <= x < 2 * self.width and 0 <= y < 4 * self.height:
            row, column = y // 4, x // 2
            self._dots[row][column] |= _BITS[y % 4][x % 2]
            if (row, column) not in self._marks:
                self._styles[row, column] = style

    def _character(self, row: int, column: int) -> str:
        dots = self._dots[row][column]
        return self._marks.get((row, column)) or (chr(_EMPTY + dots) if dots else " ")
