"""Words and where they stand on a page. Lengths are in points, y downwards."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2


@dataclass(frozen=True, slots=True)
class Word:
    """Letters without blanks, and where they stand. `sure`: 0 to 1, below 1 only when recognised from a picture."""

    text: str
    box: Box
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was found. `cells`: rectangles that ruled lines make, row by row, each row from left to right."""

    width: float
    height: float
    words: tuple[Word, ...]
    tables: tuple[tuple[tuple[Box, ...], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """Words side by side without a wide blank between them."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(word.text for word in self.words)

    @property
    def x0(self) -> float:
        """Left end."""
        return self.words[0].box.x0

    @property
    def x1(self) -> float:
        """Right end."""
        return max(word.box.x1 for word in self.words)

    @property
    def y(self) -> float:
        """Middle."""
        return statistics.fmean(word.box.middle[1] for word in self.words)

    @property
    def height(self) -> float:
        """Of its tallest usual letters."""
        return statistics.median(word.box.y1 - word.box.y0 for word in self.words)


@dataclass(frozen=True, slots=True)
class Row:
    """What stands at one height of a page, parted by wide blanks."""

    lines: tuple[Line, ...]

    @property
    def y(self) -> float:
        """Middle."""
        return statistics.fmean(line.y for line in self.lines)

    @property
    def text(self) -> str:
        """Its parts as cells."""
        return " | ".join(line.text for line in self.lines)
