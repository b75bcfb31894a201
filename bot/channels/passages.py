"""The documents' own words: a cited passage in its whole, and passages found for collaborators. Pure but for the library and the search."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from bot.channels.model import Block, Button, Reply
from bot.channels.replies import Replies, numeral
from knowledge.errors import UnknownDocument
from knowledge.model import Document, Span, Status
from knowledge.text import folded_line, sentences

MOST = 3_500
"""Characters of a quote in one message."""
ON = "on"
"""`Button.about` of a passage that goes on where the one before was cut: its span is taken as it is."""
A_PAGE = 5
_SHOWN = 280
"""Characters of a found passage."""
_PAGE = re.compile(r"(\d{1,2})\s*:\s*")
_LAST_PAGE = 9
"""Of fifty hits, which is as many as the search gives."""

Search = Callable[[str, str | None, date, int], list[dict[str, Any]]]
"""Text, province, day, how many → citations, best first (search_view.py)."""


class Library(Protocol):
    """The published documents (services.py)."""

    def document(self, document_id: str) -> Document:
        """UnknownDocument."""
        ...

    def documents(self) -> list[Document]:
        """All of them."""
        ...

    def status(self, document_id: str) -> Status:
        """Its validity today."""
        ...


@dataclass(frozen=True)
class Passages:
    """Shows what stands in documents."""

    library: Library
    search: Search
    replies: Replies

    def quoted(self, button: Button, key: str, reply_to: str | None = None) -> Reply:
        """The passage of a button: where it stands, then its words, unchanged; what does not fit comes with the next press."""
        texts = self.replies.texts
        document_id, start, end = button.value.rsplit(":", 2)
        try:
            document = self.library.document(document_id)
        except UnknownDocument:
            return self.replies.say(key, texts("passage.gone"), reply_to=reply_to)
        asked = Span(int(start), min(int(end), len(document.text)))
        if asked.start >= asked.end:
            return self.replies.say(key, texts("passage.gone"), reply_to=reply_to)
        span = asked if button.about == ON else whole(document, asked)
        shown = Span(span.start, cut(document.text, span.start, span.end, MOST))
        path = path_of(document, asked)
        blocks = [Block("source", self.replies.sources([self._citation(document, path)])[0])]
        if path:
            blocks.append(Block("text", texts("passage.path", path=" › ".join(path))))
        blocks.append(Block("quote", shown.of(document.text).strip("\n")))
        more = (Button(texts("button.more"), "passage", f"{document_id}:{shown.end}:{span.end}", ON),) if shown.end < span.end else ()
        return self.replies.say(key, *blocks, buttons=more, reply_to=reply_to)

    def found(self, asked: str, province: str | None, on: date, key: str, reply_to: str | None = None) -> Reply:
        """The hits of one page, numbered, with their citations. `asked`: the words, after "trang N:" where a later page is asked for."""
        texts = self.replies.texts
        page, words = self._page(asked)
        hits = self.search(words, province, on, A_PAGE * page + 1)
        shown = hits[A_PAGE * (page - 1) : A_PAGE * page]
        if not shown:
            return self.replies.say(key, texts("search.nothing", words=words) if page == 1 else texts("search.end"), reply_to=reply_to)
        head = texts("search.found_in", words=words, province=province) if province else texts("search.found", words=words)
        blocks, buttons = [Block("text", head)], []
        for number, hit in enumerate(shown, start=A_PAGE * (page - 1) + 1):
            quote = str(hit["quote"])
            blocks.append(Block("source", texts("search.item", number=number, source=self.replies.sources([hit])[0])))
            blocks.append(Block("quote", quote[: cut(quote, 0, len(quote), _SHOWN)].strip()))
            place = f"{number}"
            buttons.append(Button(texts("button.passage_at", place=place), "passage", f"{hit['document_id']}:{hit['start']}:{hit['end']}"))
        if len(hits) > A_PAGE * page and page < _LAST_PAGE:
            buttons.append(Button(texts("button.more"), "say", texts("search.page", page=page + 1, words=words)))
        return self.replies.say(key, *blocks, buttons=buttons, reply_to=reply_to)

    def _page(self, asked: str) -> tuple[int, str]:
        first, _, rest = asked.partition(" ")
        match = _PAGE.match(rest) if folded_line(first) == folded_line(self.replies.texts("search.page_words")) else None
        return (min(max(int(match[1]), 1), _LAST_PAGE), rest[match.end() :]) if match else (1, asked)

    def _citation(self, document: Document, path: tuple[str, ...]) -> Mapping[str, Any]:
        metadata = document.metadata
        return {
            "document_id": document.document_id,
            "number": metadata.number,
            "title": metadata.title,
            "province": metadata.province,
            "valid_from": metadata.valid_from,
            "valid_to": metadata.valid_to,
            "status": self.library.status(document.document_id),
            "heading_path": path if numeral(path) else (),
        }


def whole(document: Document, asked: Span) -> Span:
    """The passages that a span touches, in their whole; the span itself where no passage holds it."""
    touched = [p.span for p in document.passages if p.span.start < asked.end and asked.start < p.span.end]
    return Span(min([asked.start, *(span.start for span in touched)]), max([asked.end, *(span.end for span in touched)]))


def path_of(document: Document, asked: Span) -> tuple[str, ...]:
    """The headings over the passage in which a span ends: it may begin with the heading of that."""
    return next((p.path for p in reversed(document.passages) if p.span.start < asked.end and asked.start < p.span.end), ())


def cut(text: str, start: int, end: int, most: int) -> int:
    """Where to stop so that at most `most` characters are said: at the end of a sentence, else of a word, else anywhere."""
    if end - start <= most:
        return end
    window = text[start : start + most]
    ends = [stop for _, stop in sentences(window) if most // 2 < stop < most]
    if ends:
        return start + ends[-1]
    blank = window.rfind(" ")
    return start + (blank if blank > most // 2 else most)
