"""A document's text as blocks that a page can show: headings with anchors, paragraphs, list items, and the cited words marked.

The words are the document's own; only Markdown's marks (leading #, **) and rules of dashes are turned into form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from knowledge.model import Document, Section, Span

_RULE = re.compile(r"[-–—_*=\s]{3,}")
_HASHES = re.compile(r"\s*#{1,6}\s+")
_BOLD = "**"
_ITEM = re.compile(r"[\s*#]*[-–•]\s")
_DEEP_ITEM = re.compile(r"[\s*#]*\+\s")


@dataclass(frozen=True, slots=True)
class Run:
    """Words of one form. Line ends inside are meant."""

    text: str
    bold: bool
    marked: bool


@dataclass(frozen=True, slots=True)
class ViewBlock:
    """One heading, paragraph, list item or rule. `level` is the heading's in the page, 2 to 4; `anchor` its id."""

    kind: Literal["heading", "paragraph", "item", "deep_item", "rule"]
    runs: tuple[Run, ...] = ()
    level: int = 0
    anchor: str | None = None

    @property
    def marked(self) -> bool:
        """Whether any of the cited words stand in it."""
        return any(run.marked for run in self.runs)


def view(document: Document, cited: Span | None = None) -> list[ViewBlock]:
    """The whole text in order. `cited` must lie inside the text (see `readable`)."""
    found: list[ViewBlock] = []
    at, depth = 0, 1
    for number, section in enumerate(sorted(document.sections, key=lambda s: s.heading.start), start=1):
        start, end = _with_marks(document.text, section.heading)
        if start < at:
            continue
        found += _body(document.text, at, start, cited)
        depth = min(section.level + 1, depth + 1, 4)
        found.append(ViewBlock("heading", _runs(document.text, start, end, cited), depth, anchor(number)))
        at = end
    found += _body(document.text, at, len(document.text), cited)
    return found


def anchor(number: int) -> str:
    """The id of the nth heading, counted from 1."""
    return f"muc-{number}"


def contents(document: Document) -> list[tuple[str, Section]]:
    """Anchor and section of the two outer levels, in order."""
    ordered = sorted(document.sections, key=lambda s: s.heading.start)
    return [(anchor(number), section) for number, section in enumerate(ordered, start=1) if section.level <= 2]


def readable(start: str | None, end: str | None, length: int) -> Span | None:
    """The span an address asks for, or None where it is no span of a text of `length` code points."""
    if not (start and end and start.isascii() and start.isdigit() and end.isascii() and end.isdigit()) or len(start) + len(end) > 20:
        return None
    span = Span(int(start), int(end))
    return span if span.start < span.end <= length else None


def _with_marks(text: str, heading: Span) -> tuple[int, int]:
    """The heading with the Markdown marks around it on its line."""
    start, end = heading.start, heading.end
    while start > 0 and text[start - 1] in "#* \t":
        start -= 1
    while end < len(text) and text[end] in "*: \t":
        end += 1
    return start, end


def _body(text: str, start: int, end: int, cited: Span | None) -> Iterator[ViewBlock]:
    for line_start, line_end in _paragraphs(text, start, end):
        words = text[line_start:line_end]
        if _RULE.fullmatch(words):
            yield ViewBlock("rule")
            continue
        kind: Literal["deep_item", "item", "paragraph"] = "paragraph"
        if _DEEP_ITEM.match(words):
            kind = "deep_item"
        elif _ITEM.match(words):
            kind = "item"
        runs = _runs(text, line_start, line_end, cited)
        if runs:
            yield ViewBlock(kind, runs)


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Lines that are not blank; those broken by Markdown's two spaces, or inside one bold run, taken together."""
    first: int | None = None
    at = start
    while at < end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        if text[at:stop].strip():
            first = at if first is None else first
            goes_on = text[at:stop].endswith("  ") or text[first:stop].count(_BOLD) % 2 == 1
            if not (goes_on and text[stop + 1 : _line_end(text, stop + 1, end)].strip()):
                yield first, stop
                first = None
        at = stop + 1


def _line_end(text: str, at: int, end: int) -> int:
    found = text.find("\n", at, end)
    return end if found < 0 else found


def _runs(text: str, start: int, end: int, cited: Span | None) -> tuple[Run, ...]:
    """The words from `start` to `end` without Markdown's marks, cut where the form changes."""
    hashes = _HASHES.match(text, start, end)
    at = hashes.end() if hashes else start
    runs: list[Run] = []
    bold = False
    while at < end:
        mark = text.find(_BOLD, at, end)
        stop = end if mark < 0 else mark
        runs += _cut(text, at, stop, cited, bold)
        at, bold = stop + len(_BOLD), not bold
    return tuple(runs) if any(run.text.strip() for run in runs) else ()


def _cut(text: str, start: int, end: int, cited: Span | None, bold: bool) -> Iterator[Run]:
    inside = Span(min(max(cited.start, start), end), min(max(cited.end, start), end)) if cited else Span(end, end)
    for piece, marked in ((Span(start, inside.start), False), (inside, True), (Span(inside.end, end), False)):
        if piece.start < piece.end:
            yield Run(piece.of(text), bold, marked)
