"""Going back to what was just told: where it stands ("nguồn ở đâu"), and the same at more length ("nói rõ hơn")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from actions.answering import LIMIT, Answerer
from actions.citing import Citing
from actions.clauses import clipped, repeats, shown
from actions.guard import bodies
from actions.headings import line_of, unnumbered
from actions.model import Answer, Citation, Cited, Context, ShownHotline
from actions.texts import Texts
from index.analysis import has_quantity, terms
from index.model import Hit, Query
from index.search import Retriever
from knowledge.model import Document, Passage, Span
from knowledge.text import folded_line

_DOCUMENTS = 3
_WORDS, _SHARED = 320, 110
"""Characters of the quote of one source, and of each of several."""
_FULL, _BESIDE = 520, 260
"""Characters of the passage told again, and of one that stands beside it."""
_MUCH = 0.6
"""Share of what a turn asks for that must stand beside the last answer."""
_BEGINNING = 60
"""Characters by which a quote is known in what was told."""
_NEIGHBOURS = 3
_AROUND = 4
"""Passages before and behind the one told last that a turn may be about."""
_DATE = re.compile(r"\d{1,2}/\d{1,2}|[Nn]gày \d")
DAY = re.compile(r"\d{1,2}/\d{1,2}|[Qq]uý [IV1-4]|\b(?:[Tt]háng|[Nn]gày|[Nn]ăm) \d|[Hh][àằ]ng (?:năm|tháng|quý)|định kỳ")
_THIRDS = ("begin", "middle", "end")


@dataclass(frozen=True)
class Recall:
    """Words for what was told before. Tables only; safe to share."""

    texts: Texts

    def source(self, answerer: Answerer, query: Query, context: Context) -> Answer | None:
        """Document, number, date, headings, place and words, for each document told from. None: not known."""
        places = [found for cited in context.cited if (found := _place(answerer, cited))]
        firsts = list({document.document_id: (document, span) for document, span in reversed(places)}.values())[::-1][:_DOCUMENTS]
        if not firsts:
            return None
        citing = Citing(answerer.retriever, answerer.texts)
        words = _WORDS if len(firsts) == 1 else _SHARED
        citations: list[Citation] = []
        dates: list[Citation] = []
        lines: list[str] = []
        for document, span in firsts:
            citation = citing.citation(document, span, query.as_of, _passage(document, span))
            citations.append(citation)
            lines.append(citing.source_of(document))
            lines += self._issued(citing, query, document, dates)
            if citation.heading_path:
                lines.append(self.texts("recall.path", path=" › ".join(clipped(title, 90) for title in citation.heading_path)))
            lines.append(self._position(document, span, citation.page))
            lines.append(self.texts("recall.words", words=clipped(shown(span.of(document.text)), words)))
        while len("\n".join([*lines, self.texts("recall.open")])) > LIMIT:
            lines.pop()
        lines.append(self.texts("recall.open"))
        told = Answer("answer", "\n".join(lines), (*citations, *dates), suggestions=(self.texts("suggestions.more"),), context=context)
        pages = [str(citation.page) for citation in citations if citation.page]
        return answerer.finish(told, allowed=pages)

    def directory(self, hotlines: Sequence[ShownHotline], context: Context) -> Answer:
        """Where the numbers told stand: the directory's own source for each."""
        lines = [self.texts("recall.number", phone=h.phone, name=h.name, source=h.source) for h in hotlines]
        return Answer("answer", "\n".join([self.texts("recall.directory"), *lines]), (), tuple(hotlines), context=context)

    def detail(self, answerer: Answerer, query: Query, context: Context) -> Answer | None:
        """The passage told last in full, and those beside it under the same heading. None: all of that was told."""
        place = next((found for cited in context.cited if (found := _place(answerer, cited))), None)
        passage = _passage(*place) if place else None
        if place is None or passage is None:
            return None
        document = place[0]
        beside = [p for p in _after(document, passage) if p.passage_id not in context.shown and not repeats(p.text, passage.text)]
        whole = [passage] if passage.passage_id not in context.told else []
        if not whole and not beside:
            return None
        citing = Citing(answerer.retriever, answerer.texts)
        source = citing.source([Hit(passage, document, 0, 0, 0, 0)])
        collection = answerer.retriever.snapshot.collection
        notices = tuple(answerer.notices.validity(document, collection, query.as_of, query.moment))
        room = LIMIT - len("\n".join((source, *notices))) - 2
        told, lines = list(whole), [clipped(shown(p.text.replace("\n", " ")), min(_FULL, room)) for p in whole]
        for neighbour in beside[:_NEIGHBOURS]:
            line = self.texts("answer.item", clause=clipped(shown(neighbour.text), _BESIDE))
            if told and len("\n".join([*lines, line])) > room:
                break
            told.append(neighbour)
            lines.append(line)
        if not whole and told[0].path:
            head = f"{unnumbered(told[0].path[-1])}:"
            lines = [head, *lines] if len("\n".join([head, *lines])) <= room else lines
        ids = tuple(dict.fromkeys([*context.shown, *(p.passage_id for p in told)]))
        kept = replace(context, shown=ids, told=tuple(p.passage_id for p in told))
        citations = tuple(citing.citation(document, p.span, query.as_of, p) for p in told[:_NEIGHBOURS])
        suggestions = (self.texts("suggestions.more"),)
        return answerer.finish(Answer("answer", "\n".join(lines), citations, (), notices, suggestions, context=kept), source)

    def told(self, answerer: Answerer, context: Context) -> tuple[Document | None, list[Passage], list[Passage]]:
        """The document told from last, the passages of it that were told, and those around the first of them."""
        document, passages = _told_from(answerer, context)
        if document is None or context.province not in (None, answerer.retriever.snapshot.collection.province(document)):
            return None, [], []
        return document, passages, _around(document, passages[0])

    def nearby(self, answerer: Answerer, query: Query, asks: Query, context: Context) -> list[Hit]:
        """What of the passages told last, or of those around the first, speaks to a turn that leans on them, the best first, then what
        was told.

        `query`: the turn with what it leans on; `asks`: the turn itself, its words those that say what. None where no passage holds
        much of them and what such a question demands. Without words, only a figure or a day is looked for, where it was told.
        """
        document, passages, around = self.told(answerer, context)
        retriever = answerer.retriever
        if document is None or (not asks.terms and asks.asked not in ("when", "how_many")):
            return []
        beside = dict.fromkeys([*passages, *(around if asks.terms else [])])
        hits = [_hit(p, document, query, retriever, 0.0) for p in beside if _says(asks, p, retriever)]
        able = answerer.demands.met(asks, hits)
        if not able:
            return []
        best = max(able, key=lambda hit: _held(asks, hit.passage, retriever) + _held(query, hit.passage, retriever))
        others = [_hit(p, document, query, retriever, 0.0) for p in passages if p != best.passage]
        return [replace(best, score=1.0), *others]

    def _issued(self, citing: Citing, query: Query, document: Document, dates: list[Citation]) -> list[str]:
        """The day as the document has it; its line is quoted too."""
        fact = next((fact for name, fact in document.metadata.facts if name == "issued_on"), None)
        if fact is None:
            return [] if document.metadata.reports_on else [self.texts("recall.undated")]
        dates.append(citing.citation(document, line_of(document, fact), query.as_of))
        return [self.texts("recall.issued", day=" ".join(fact.span.of(document.text).split()))]

    def _position(self, document: Document, span: Span, page: int | None) -> str:
        third = _THIRDS[min(2, 3 * span.start // max(1, len(document.text)))]
        where = self.texts(f"recall.{third}")
        return self.texts("recall.page", page=page, where=where) if page else self.texts("recall.position", where=where)


def cited(answer: Answer, before: Sequence[str]) -> tuple[Cited, ...]:
    """The places that an answer was told from: the passages it shows first, or the lines of a fact."""
    shown_now = answer.context.shown
    new = shown_now[len(before) :] if shown_now[: len(before)] == tuple(before) else shown_now
    told = [c for c in answer.citations if c.passage_id in new or c.passage_id is None]
    told = told or [c for c in answer.citations if shown(c.quote)[:_BEGINNING] in answer.text] or list(answer.citations[:1])
    return tuple((c.document_id, c.start, c.end) for c in told)


def _place(answerer: Answerer, cited: Cited) -> tuple[Document, Span] | None:
    """None when the document is no longer published, or has become shorter."""
    document_id, start, end = cited
    document = next((d for d in answerer.retriever.snapshot.collection.documents if d.document_id == document_id), None)
    return (document, Span(start, end)) if document and start < end <= len(document.text) else None


def _told_from(answerer: Answerer, context: Context) -> tuple[Document | None, list[Passage]]:
    """The document told from last, and the passages of it that were told, first told first; None and nothing where that is not known."""
    places = [found for cited in context.cited if (found := _place(answerer, cited))]
    passages = [passage for document, span in places if document == places[0][0] and (passage := _passage(document, span))]
    return (places[0][0], passages) if passages else (None, [])


def _passage(document: Document, span: Span) -> Passage | None:
    """The passage that holds the end of the span, which may begin with a heading."""
    return next((p for p in document.passages if p.role != "heading" and p.span.start < span.end <= p.span.end), None) or next(
        (p for p in document.passages if p.span.start < span.end <= p.span.end), None
    )


def _around(document: Document, passage: Passage) -> list[Passage]:
    """The passages before and behind in the same part of the document, the nearest first; what follows goes before what precedes."""
    bodies_only = [p for p in document.passages if p.role == "body" and p.path[:1] == passage.path[:1]]
    if passage not in bodies_only:
        return []
    at = bodies_only.index(passage)
    near = [(abs(there - at), there < at, p) for there, p in enumerate(bodies_only) if 0 < abs(there - at) <= _AROUND]
    return [p for _, _, p in sorted(near, key=lambda found: found[:2])]


def _hit(passage: Passage, document: Document, query: Query, retriever: Retriever, score: float) -> Hit:
    return Hit(passage, document, score, _held(query, passage, retriever), 0, 0)


def _says(query: Query, passage: Passage, retriever: Retriever) -> bool:
    """Whether a passage with the heading above it holds much of what is asked for, and a figure, a day or a body where that is asked."""
    if query.terms and _held(query, passage, retriever) < _MUCH:
        return False
    if query.asked == "how_many":
        unheard = query.counted and not set(query.counted) & set(terms(_with_heading(passage)))
        return has_quantity(passage.text) and not unheard
    if query.asked == "when":
        return bool((_DATE if " ngay " in folded_line(query.text) else DAY).search(passage.text))
    return query.asked != "who" or any(bodies(_with_heading(passage)))


def _held(query: Query, passage: Passage, retriever: Retriever) -> float:
    return retriever.coverage(query, frozenset(terms(_with_heading(passage))))


def _with_heading(passage: Passage) -> str:
    return " ".join([*passage.path[-1:], passage.text])


def _after(document: Document, passage: Passage) -> list[Passage]:
    """What stands beside a passage under the same heading, or under it when it is the heading; what follows it first."""
    under = (*passage.path, passage.text) if passage.role == "heading" else passage.path
    beside = [p for p in document.passages if p.role == "body" and p != passage and p.path[: len(under)] == under and under]
    return sorted(beside, key=lambda p: (p.span.start < passage.span.start, p.span.start))
