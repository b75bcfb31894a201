"""Site chrome and page furniture: where the document proper begins, where its signature block ends it.

Nothing is cut from the text; furniture is only kept out of passages. What counts as furniture is data (data/furniture.yml).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import yaml

from knowledge.tables import DATA
from knowledge.text import fold


@dataclass(frozen=True, slots=True)
class Extent:
    """Half-open, in code points. front ≤ start ≤ closing ≤ end; between `front` and `start` stand title and legal basis."""

    front: int
    start: int
    closing: int
    end: int
    recipients: tuple[int, int] = (0, 0)
    """Half-open; empty when there are none."""
    signature: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class _Patterns:
    title: re.Pattern[str]
    first_heading: re.Pattern[str]
    closing: re.Pattern[str]
    recipients: re.Pattern[str]
    signature: re.Pattern[str]
    appended: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    with (DATA / "furniture.yml").open(encoding="utf-8") as handle:
        table = yaml.safe_load(handle)
    return _Patterns(*(re.compile(table[name], re.MULTILINE) for name in ("title", "first_heading", "closing", "recipients", "signature", "appended")))


def extent(text: str) -> Extent:
    """Where front matter, body and closing of an NFC text stand. A text without an administrative frame is all body."""
    flat = fold(text)
    patterns = _patterns()
    title = patterns.title.search(flat)
    recipients = patterns.recipients.search(flat)
    end = recipients.start() if recipients else len(text)
    if title is None:
        return Extent(0, 0, end, end)
    first = patterns.first_heading.search(flat, title.end(), end)
    closing = patterns.closing.search(flat, first.end() if first else title.end(), end)
    start = first.start() if first else title.end()
    return Extent(title.end(), start, closing.start() if closing else end, end, *_tail(flat, end, patterns))


def _tail(flat: str, end: int, patterns: _Patterns) -> tuple[tuple[int, int], tuple[int, int]]:
    """Recipients and signature, blanks and marks at their ends left out."""
    appended = patterns.appended.search(flat, end)
    last = appended.start() if appended else len(flat)
    signature = patterns.signature.search(flat, end, last)
    between = signature.start() if signature else last
    return _within(flat, end, between), _within(flat, between, last) if signature else (last, last)


def _within(flat: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not flat[start].isalnum():
        start += 1
    while end > start and not flat[end - 1].isalnum():
        end -= 1
    return start, end
