"""The outline of an administrative document: which blocks are headings, how they nest, and which passages hang under them.

Headings carry Phần, Chương, Mục, Điều, A., I., 1., 1.1., a), -, + or Markdown's #, or are a project by name ("Dự án 2:"); a heading may
stand alone on its line, end in a colon and lead a list, or share its line with its text ("2. Sở Tài chính: Chủ trì …"). A number that
cannot be right (Hà Nam's second "I." inside section I) is read by what it looks like. Words that headings are known by are data
(data/outline.yml).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import repeat
from typing import Literal

import yaml

from knowledge.blocks import LEVELS, NAMED, Block, Marker, blocks
from knowledge.furniture import extent
from knowledge.model import Passage, Section, Span
from knowledge.tables import DATA

_MAX_HEADING = 300
"""Characters. Hà Nam's section IV has headings of 250."""
_MAX_BARE_HEADING = 90
"""Characters, for a heading that ends in a full stop ("3.1. Mục tiêu.")."""
_NUMBERED: tuple[Marker, ...] = (*NAMED, "capital", "roman", "article", "number", "subnumber")
_ENDS_SENTENCE = re.compile(r"[.;!?…]\**$|\./\.$")


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    with (DATA / "outline.yml").open(encoding="utf-8") as handle:
        return {name: re.compile(pattern) for name, pattern in yaml.safe_load(handle).items()}


@dataclass(frozen=True, slots=True)
class Outline:
    """Sections in order of appearance, and passages in order."""

    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class _Open:
    """A heading or list lead that is open at this point of the walk. A Markdown heading without a marker has level 0."""

    level: int
    hashes: int
    title: str
    span: Span
    is_section: bool


def outline(text: str, document_id: str) -> Outline:
    """Sections and passages of an NFC text. Every passage satisfies `text[p.span.start:p.span.end] == p.text`."""
    body = extent(text)
    walk = _Walk(text, document_id)
    for block in blocks(text, body.front, body.start):
        walk.aside(block.start, block.end, "front")
    for block in _renumbered(text, map(_named, repeat(text), blocks(text, body.start, body.closing))):
        walk.take(block)
    for block in blocks(text, body.closing, body.end):
        walk.aside(block.start, block.end, "closing")
    for start, end in (body.recipients, body.signature):
        if start < end:
            walk.aside(start, end, "closing")
    return Outline(tuple(_closed(walk.sections, body.closing)), tuple(walk.passages))


class _Walk:
    """One pass over the blocks. Keeps the stack of open headings."""

    def __init__(self, text: str, document_id: str) -> None:
        self.text = text
        self.document_id = document_id
        self.stack: list[_Open] = []
        self.sections: list[Section] = []
        self.passages: list[Passage] = []

    def aside(self, start: int, end: int, role: Literal["front", "closing"]) -> None:
        """A passage that stands under no heading."""
        self._passage(start, end, role, under=())

    def take(self, block: Block) -> None:
        """A block of the body: a heading, a passage, or a heading with its passage on one line."""
        words = self.text[block.start : block.end]
        level = self._make_room(block, words)
        if words.endswith(":") or self._is_heading(block, words):
            self._open(block.start, block.end, level, block)
            if len(words) > _MAX_BARE_HEADING * 2:
                self._passage(block.start, block.end, "body", under=self.stack[:-1])
            elif block.marker in _NUMBERED:
                self._passage(block.start, block.end, "heading", under=self.stack[:-1])
            return
        inline = _patterns()["inline_heading"].match(words, block.body - block.start)
        if inline and block.marker in (*_NUMBERED, "letter"):
            end = block.start + inline.end("title")
            self._open(block.start, end, level, block)
            if block.marker in _NUMBERED:
                self._passage(block.start, end, "heading", under=self.stack[:-1])
            self._passage(block.start + inline.end(), block.end, "body")
            return
        if block.marker == "article":  # "Điều 1. Phê duyệt Đề án … với các nội dung sau." is named by its number alone
            self._open(block.start, block.start + len(self.text[block.start : block.body].rstrip(" .:")), level, block)
        self._passage(block.start, block.end, "body")
        subject = _patterns()["subject"].match(words, block.body - block.start)
        if subject and block.marker in ("number", "letter"):
            span = Span(block.start, block.start + subject.end("body"))
            self.stack.append(_Open(level, block.hashes, _title(span.of(self.text)), span, is_section=False))

    def _make_room(self, block: Block, words: str) -> int:
        """Closes the headings that this block ends, and returns its level.

        A Markdown heading without a marker of its own closes those with as many # or more, and sits under what is left; where no open
        heading has any, it sits just under all of them.
        """
        if block.marker == "none" and block.hashes:
            if any(item.hashes for item in self.stack):
                while self.stack and not 0 < self.stack[-1].hashes < block.hashes:
                    self.stack.pop()
            return 0
        is_body = block.marker == "none" and _patterns()["subject"].match(words)
        level = LEVELS["number"] if is_body else block.level
        del self.stack[next((at for at, item in enumerate(self.stack) if item.level >= level), len(self.stack)) :]
        return level

    def _is_heading(self, block: Block, words: str) -> bool:
        if block.hashes or (block.bold and block.marker != "none"):
            return True
        if block.marker not in (*_NUMBERED, "letter") or len(words) > _MAX_HEADING:
            return False
        if _ENDS_SENTENCE.search(words):
            return (
                len(words) <= _MAX_BARE_HEADING
                and block.marker in (*NAMED, "capital", "roman", "article", "subnumber")
                and not words.endswith(";")
            )
        return True

    def _open(self, start: int, end: int, level: int, block: Block) -> None:
        title = _title(self.text[start:end])
        self.stack.append(_Open(level, block.hashes, title, Span(start, end), is_section=True))
        depth = sum(1 for item in self.stack if item.is_section)
        path = tuple(item.title for item in self.stack)
        self.sections.append(Section(title, depth, Span(start, end), Span(start, end), path))

    def _passage(
        self, start: int, end: int, role: Literal["body", "front", "closing", "heading"], *, under: Sequence[_Open] | None = None
    ) -> None:
        stack = self.stack if under is None else under
        span = Span(start, end)
        words = span.of(self.text)
        self.passages.append(
            Passage(
                passage_id=passage_id(self.document_id, words, start),
                document_id=self.document_id,
                text=words,
                span=span,
                path=tuple(item.title for item in stack),
                heading_spans=tuple(item.span for item in stack),
                lead=stack[-1].title if stack else None,
                role=role,
            )
        )


def passage_id(document_id: str, words: str, start: int) -> str:
    """16 hex digits over the document, the words and the place they stand."""
    return hashlib.sha256(f"{document_id}\0{start}\0{words}".encode()).hexdigest()[:16]


def _title(words: str) -> str:
    return re.sub(r"[\s*]+", " ", words).strip().rstrip(":")


def _named(text: str, block: Block) -> Block:
    """A project by name and number ("Dự án 2: …") without a number before it is numbered all the same."""
    is_named = block.marker == "none" and _patterns()["named"].match(text, block.body, block.end)
    return replace(block, marker="number") if is_named else block


def _renumbered(text: str, found: Iterable[Block]) -> Iterator[Block]:
    """A Roman numeral that does not count on and is not set in capitals is a slip for an Arabic one ("I. Mục đích" inside section I)."""
    last = 0
    for block in found:
        if block.marker in (*NAMED, "capital"):
            last = 0
        if block.marker == "roman" and block.ordinal is not None:
            capitals = text[block.body : block.end].upper() == text[block.body : block.end]
            if block.ordinal <= last and not capitals:
                yield replace(block, marker="number")
                continue
            last = block.ordinal
        yield block


def _closed(sections: Sequence[Section], end: int) -> Iterator[Section]:
    """Each section reaches down to the next heading of its level or above."""
    following: dict[int, int] = {}
    ends: list[int] = []
    for section in reversed(sections):
        ends.append(min((start for level, start in following.items() if level <= section.level), default=end))
        following[section.level] = section.span.start
    return (replace(section, span=Span(section.span.start, stop)) for section, stop in zip(sections, reversed(ends), strict=True))
