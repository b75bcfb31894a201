"""Site chrome and page furniture: where the document proper begins, where its signature block ends it.

Nothing is cut from the text; furniture is only kept out of passages. What counts as furniture is data (data/furniture.yml).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    recipients: tuple[int, int]
    """Half-open; empty when there are none."""
    signature: tuple[int, int]


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    with (DATA / "furniture.yml").open(encoding="utf-8") as handle:
        table = yaml.safe_load(handle)
    return {name: re.compile(pattern, re.MULTILINE) for name, pattern in table.items()}


def is_page_number(line: str) -> bool:
    """Whether a line holds the number of a page and nothing else."""
    return _patterns()["page_number"].fullmatch(line) is not None


def is_stamp(line: str) -> bool:
    """Whether an NFC line is a seal, a mark of an electronic signature or a gazette's head, and no part of the document."""
    return _patterns()["stamp"].fullmatch(line) is not None


def stamps(text: str) -> tuple[str, ...]:
    """The lines of an NFC text that are seals or marks, each once."""
    return tuple(dict.fromkeys(line.strip(" *") for line in text.split("\n") if is_stamp(line)))


def extent(text: str) -> Extent:
    """Where front matter, body and closing of an NFC text stand. A text without an administrative frame is all body, but for its byline."""
    flat = fold(text)
    patterns = _patterns()
    title = next((found for found in patterns["title"].finditer(flat) if text[found.start() : found.end()].isupper()), None)
    front = title.end() if title else 0
    recipients = patterns["recipients"].search(flat, front)
    end = recipients.start() if recipients else len(text) if title else _byline(text)
    tail = _tail(flat, end) if recipients else ((end, end), (end, end))
    if title is None:
        return Extent(0, 0, end, end, *tail)
    first = patterns["first_heading"].search(flat, front, end)
    start = first.start() if first else front
    closing = max((found.start() for found in patterns["closing"].finditer(flat, start, end)), default=end)
    return Extent(front, start, closing, end, *tail)


def _byline(text: str) -> int:
    """Where the name under an article stands, after its last sentence; the text's end when there is none."""
    above, _, last = text.rstrip().rpartition("\n")
    name = last.strip(" *_")
    is_name = above.rstrip()[-1:] in (".", "!", "?", "…") and name.istitle() and _patterns()["byline"].fullmatch(name)
    return len(above) if is_name else len(text)


def _tail(flat: str, end: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Recipients and signature, blanks and marks at their ends left out."""
    appended = _patterns()["appended"].search(flat, end)
    last = appended.start() if appended else len(flat)
    signature = _patterns()["signature"].search(flat, end, last)
    between = signature.start() if signature else last
    return _within(flat, end, between), _within(flat, between, last)


def _within(flat: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not flat[start].isalnum():
        start += 1
    while end > start and not flat[end - 1].isalnum():
        end -= 1
    return start, end
