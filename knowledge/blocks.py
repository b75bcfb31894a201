"""A document's lines as blocks: what each one is marked with, and which run on over a page break.

A block is a paragraph, a list item or a heading line. Its span leaves out Markdown's marks (#, **) and list bullets, never words; a page
break inside a sentence stays in its block, so slicing the document gives the source unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from knowledge.furniture import is_page_number, is_stamp

Marker = Literal[
    "part", "chapter", "division", "capital", "roman", "article", "number", "subnumber", "letter", "dash", "plus", "none"
]  # fmt: skip

LEVELS: dict[Marker, int] = {
    "part": 1, "chapter": 2, "division": 3, "capital": 3, "roman": 4, "article": 5, "number": 6, "subnumber": 7, "letter": 8, "dash": 9,
    "plus": 10, "none": 11,
}  # fmt: skip
"""How deep a marker sits (Nghị định 30/2020/NĐ-CP, Phụ lục I: phần, chương, mục, điều, khoản, điểm; then bullets)."""
NAMED: tuple[Marker, ...] = ("part", "chapter", "division")
"""Markers that may stand alone on a line, their title on the next."""

_GAP = r"(?:\s+(?=\S)|(?=[^\W\d_a-z][^\W\d_]))"
"""After a marker: blanks, or none before a word in capitals or with one ("1.Mục tiêu", as it is often typed and recognised)."""
_MARKERS: tuple[tuple[Marker, re.Pattern[str]], ...] = (
    (
        "part",
        re.compile(
            r"(?:Phần|PHẦN)\s+(?:(?i:thứ)\s+)?(?P<mark>[IVX]+|\d{1,2}|(?i:nhất|hai|ba|tư|bốn|năm|sáu|bảy))\s*(?:[.:]\s*|$|(?=\n)|\s(?=[^\W\d_a-z]))"
        ),
    ),
    ("chapter", re.compile(r"(?:Chương|CHƯƠNG)\s+(?P<mark>[IVXL]+|\d{1,2})\s*(?:[.:]\s*|$|(?=\n)|\s(?=[^\W\d_a-z]))")),
    ("division", re.compile(r"(?:Mục|MỤC)\s+(?P<mark>[IVXL]+|\d{1,2})\s*(?:[.:]\s*|$|(?=\n)|\s(?=[^\W\d_a-z]))")),
    ("article", re.compile(r"(?:Điều|ĐIỀU)\s+(?P<mark>\d{1,3})[a-zđ]?\s*(?:[.:]\s*|$)")),
    ("capital", re.compile(r"(?P<mark>[A-HĐK])\s*[.)]\s+(?=\S)")),
    ("roman", re.compile(rf"(?P<mark>[IVXL]+)\s*[.)]{_GAP}")),
    ("subnumber", re.compile(rf"(?P<mark>\d{{1,2}}(?:\.\d{{1,2}})+)\s*[.)]?{_GAP}")),
    ("number", re.compile(rf"(?P<mark>\d{{1,2}})\s*[.)]{_GAP}")),
    ("letter", re.compile(rf"(?P<mark>[a-zđ])\s*\){_GAP}")),
    ("dash", re.compile(rf"(?P<mark>[-–•]){_GAP}")),
    ("plus", re.compile(rf"(?P<mark>\+){_GAP}")),
)
_LONGEST_NAME = 200
"""Characters of a title on a line of its own."""
_OPENING = re.compile(r"\s*(?P<hashes>#{1,6}\s+)?(?P<stars>\*{1,3})?\s*")
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50}


@dataclass(frozen=True, slots=True)
class Block:
    """One line or paragraph. `start:end` is its words with their number or letter, without a bullet."""

    start: int
    end: int
    body: int
    """Where the words begin, after the marker."""
    marker: Marker
    ordinal: int | None
    hashes: int
    bold: bool
    """The whole line is bold."""

    @property
    def level(self) -> int:
        """How deep its marker sits, 1 to 11."""
        return LEVELS[self.marker]


def roman_value(numeral: str) -> int:
    """IV → 4. Takes letters of I, V, X, L."""
    values = [_ROMAN[letter] for letter in numeral]
    return sum(-value if any(later > value for later in values[at + 1 :]) else value for at, value in enumerate(values))


def blocks(text: str, start: int = 0, end: int | None = None) -> Iterator[Block]:
    """The blocks of `text[start:end]` (NFC) in order, page breaks inside a sentence or list item healed; none reaches over `end`."""
    pending: Block | None = None
    for line in _logical_lines(text, start, len(text) if end is None else end):
        block = _block(text, *line)
        if block is None:
            continue
        if pending is not None and (_runs_on(text, pending, block) or _names(text, pending, block)):
            pending = replace(pending, end=block.end)
            continue
        if pending is not None:
            yield pending
        pending = block
    if pending is not None:
        yield pending


def _logical_lines(text: str, at: int, stop: int) -> Iterator[tuple[int, int]]:
    """Lines, those of one bold run (`**` opened and closed two lines later) taken together."""
    while at < stop:
        end = _line_end(text, at, stop)
        marks = text.count("**", at, end)
        while marks % 2 and end < stop:
            following = _line_end(text, end + 1, stop)
            if not text[end + 1 : following].strip():
                break
            marks += text.count("**", end + 1, following)
            end = following
        yield at, end
        at = end + 1


def _line_end(text: str, at: int, stop: int) -> int:
    found = text.find("\n", at, stop)
    return stop if found < 0 else found


def _block(text: str, start: int, end: int) -> Block | None:
    opening = _OPENING.match(text, start, end)
    at = opening.end() if opening else start
    stop = end
    while stop > at and (text[stop - 1].isspace() or text[stop - 1] in "*_#"):
        stop -= 1
    if at >= stop or not any(char.isalnum() for char in text[at:stop]) or is_page_number(text[start:end]) or is_stamp(text[start:end]):
        return None
    hashes = len((opening["hashes"] or "").strip()) if opening else 0
    bold = bool(opening and opening["stars"]) and "**" in text[stop:end]
    marker, mark, body = _marker(text, at, stop)
    inner = _OPENING.match(text, body, stop)
    if marker in ("dash", "plus"):
        at = body = inner.end() if inner else body
    ordinal = roman_value(mark) if marker == "roman" else int(mark.split(".")[-1]) if marker in ("number", "subnumber") else None
    return Block(at, stop, body, marker, ordinal, hashes, bold)


def _marker(text: str, at: int, stop: int) -> tuple[Marker, str, int]:
    for name, pattern in _MARKERS:
        found = pattern.match(text, at, stop)
        if found and not (name == "capital" and not text[found.end() : stop].isupper()):
            return name, found["mark"], found.end()
    return "none", "", at


def _runs_on(text: str, before: Block, block: Block) -> bool:
    """A page break cut a sentence or an item: the next line has no marker and begins in lower case."""
    first = next((char for char in text[block.body : block.end] if char.isalpha()), "")
    return block.marker == "none" and not block.hashes and first.islower() and not before.hashes and text[before.end - 1] not in ".:"


def _names(text: str, before: Block, block: Block) -> bool:
    """The title of a part or chapter stands on the line below its number."""
    alone = before.marker in NAMED and not text[before.body : before.end].strip(" *")
    return alone and block.marker == "none" and block.end - block.start <= _LONGEST_NAME


def is_marked(line: str) -> bool:
    """Whether a line begins with a number, letter or bullet of a list or heading."""
    return bool(line.strip()) and _marker(line.lstrip(), 0, len(line.lstrip()))[0] != "none"
