"""The outline of an administrative document: which blocks are headings, how they nest, and which passages hang under them.

Headings carry I., 1., 1.1., a), -, + or Markdown's #; a heading may stand alone on its line, end in a colon and lead a list, or share its line with
its text ("2. Sở Tài chính: Chủ trì …"). A number that cannot be right (Hà Nam's second "I." inside section I) is read by what it looks like.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from knowledge.blocks import LEVELS, Block, blocks
from knowledge.furniture import Extent, extent
from knowledge.model import Passage, Section, Span

_INLINE_HEADING = re.compile(r"(?P<title>[^.;:\n]{3,130}):\**\s+(?=[A-ZĐÀ-Ỹ])")
_ENDS_SENTENCE = re.compile(r"[.;!?…]\**$|\./\.$")
_MAX_HEADING = 300
"""Characters. Hà Nam's section IV has headings of 250."""
_MAX_BARE_HEADING = 90
"""Characters, for a heading that ends in a full stop ("3.1. Mục tiêu.")."""
_SHORTEST = 3
"""Spaces in the shortest paragraph that says something; a byline ("Thiên Bảo") does not."""
_SUBJECT = re.compile(
    r"(?P<body>(?:Đề nghị\s+)?(?:(?:Giám đốc\s+)?(?:[Cc]ác\s+)?[Ss]ở|Ban|Hội|[UỦ][ỷỶyỳy]\s?ban|UBND|Công an|Đài|Báo|Liên đoàn|Các\s+cơ\s+quan)\b.{0,90}?)"
    r"\s+(?:chủ trì|có trách nhiệm|chỉ đạo|tham gia|căn cứ|phối hợp|là cơ quan)",
)


@dataclass(frozen=True, slots=True)
class Outline:
    """Sections in order of appearance, and passages in order."""

    sections: tuple[Section, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class _Open:
    """A heading or list lead that is open at this point of the walk."""

    level: int
    title: str
    span: Span
    is_section: bool


def outline(text: str, document_id: str) -> Outline:
    """Sections and passages of an NFC text. Every passage satisfies `text[p.span.start:p.span.end] == p.text`."""
    body = extent(text)
    walk = _Walk(text, document_id, body)
    for block in _renumbered(text, [b for b in blocks(text) if body.front <= b.start < body.end]):
        walk.take(block)
    walk.close()
    return Outline(tuple(_closed(walk.sections, body.end)), tuple(walk.passages))


class _Walk:
    """One pass over the blocks. Keeps the stack of open headings."""

    def __init__(self, text: str, document_id: str, body: Extent) -> None:
        self.text = text
        self.document_id = document_id
        self.body = body
        self.stack: list[_Open] = []
        self.sections: list[Section] = []
        self.passages: list[Passage] = []

    def take(self, block: Block) -> None:
        if block.start < self.body.start:
            self._passage(block.start, block.end, "front")
            return
        if block.start >= self.body.closing:
            self.stack.clear()
            self._passage(block.start, block.end, "closing")
            return
        words = self.text[block.start : block.end]
        if block.marker == "none" and not block.hashes and not block.bold and words.count(" ") < _SHORTEST:
            return
        level = self._level(block)
        if block.marker == "none" and _SUBJECT.match(words):
            level = LEVELS["number"]
        while self.stack and self.stack[-1].level >= level:
            self.stack.pop()
        if words.endswith(":") or self._is_heading(block, words):
            self._open(block.start, block.end, level, block)
            if len(words) > _MAX_BARE_HEADING * 2:
                self._passage(block.start, block.end, "body", under=self.stack[:-1])
            return
        inline = _INLINE_HEADING.match(words, block.body - block.start)
        if inline and block.marker in ("roman", "number", "subnumber", "letter"):
            self._open(block.start, block.start + inline.end("title"), level, block)
            self._passage(block.start + inline.end(), block.end, "body")
            return
        if block.marker in ("number", "letter"):
            self._passage(block.start, block.end, "body")
            subject = _SUBJECT.match(words, block.body - block.start)
            if subject:
                end = block.start + subject.end("body")
                self.stack.append(_Open(level, _title(self.text, block.start, end), Span(block.start, end), is_section=False))
            return
        self._passage(block.start, block.end, "body")

    def close(self) -> None:
        """The list of recipients and the signature, each whole."""
        self.stack.clear()
        for start, end in (self.body.recipients, self.body.signature):
            if start < end:
                self._passage(start, end, "closing")

    def _level(self, block: Block) -> int:
        """A Markdown heading without a marker of its own sits just under what is open; a bare paragraph under everything."""
        if block.marker == "none" and block.hashes:
            return min(self.stack[-1].level + 1 if self.stack else 1, 6)
        return block.level

    def _is_heading(self, block: Block, words: str) -> bool:
        if block.hashes or (block.bold and block.marker != "none"):
            return True
        if block.marker not in ("roman", "number", "subnumber", "letter") or len(words) > _MAX_HEADING:
            return False
        if _ENDS_SENTENCE.search(words):
            return len(words) <= _MAX_BARE_HEADING and block.marker in ("roman", "subnumber") and not words.endswith(";")
        return True

    def _open(self, start: int, end: int, level: int, block: Block) -> None:
        title = _title(self.text, start, end)
        self.stack.append(_Open(level, title, Span(start, end), is_section=True))
        depth = sum(1 for item in self.stack if item.is_section)
        path = tuple(item.title for item in self.stack)
        self.sections.append(Section(title, depth, Span(start, end), Span(start, end), path))
        if block.marker in ("roman", "number", "subnumber"):
            self._passage(start, end, "heading", under=self.stack[:-1])

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


def _title(text: str, start: int, end: int) -> str:
    return re.sub(r"[\s*]+", " ", text[start:end]).strip().rstrip(":")


def _renumbered(text: str, found: Iterable[Block]) -> Iterator[Block]:
    """A Roman numeral that does not count on and is not set in capitals is a slip for an Arabic one ("I. Mục đích" inside section I)."""
    last = 0
    for block in found:
        if block.marker == "roman" and block.ordinal is not None:
            capitals = text[block.body : block.end].upper() == text[block.body : block.end]
            if block.ordinal <= last and not capitals:
                yield replace(block, marker="number")
                continue
            last = block.ordinal
        yield block


def _closed(sections: Sequence[Section], end: int) -> Iterator[Section]:
    """Each section reaches down to the next heading of its level or above."""
    for at, section in enumerate(sections):
        following = next((s.span.start for s in sections[at + 1 :] if s.level <= section.level), end)
        yield replace(section, span=Span(section.span.start, following))

