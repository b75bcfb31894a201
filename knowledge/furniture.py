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


@dataclass(frozen=True, slots=True)
class _Patterns:
    title: re.Pattern[str]
    first_heading: re.Pattern[str]
    closing: re.Pattern[str]
    recipients: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    with (DATA / "furniture.yml").open(encoding="utf-8") as handle:
        table = yaml.safe_load(handle)
    return _Patterns(*(re.compile(table[name], re.MULTILINE) for name in ("title", "first_heading", "closing", "recipients")))


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
    return Extent(title.end(), start, closing.start() if closing else end, end)
