"""Searching with filters, and what of a hit is shown: its words with those that were asked for marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import yaml

from actions.model import Citation
from bot.services import Services
from index.model import Query
from index.search import Scope
from knowledge.collection import Collection
from knowledge.model import Document, Passage, Status
from knowledge.text import clean_message, fold, folded_line, has_diacritics, marked_words

_TOPICS = Path(__file__).with_name("topics.yml")
_WORD = re.compile(r"\w+")
_LOOKED_AT = 80
"""Passages looked through when a topic narrows them down afterwards."""
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to; None: not narrowed. `year`: the plan's period, outlook included, holds it."""

    province: str | None = None
    topic: str | None = None
    year: int | None = None
    kind: str | None = None
    status: Status | None = None

    @property
    def of_documents(self) -> bool:
        """Whether only some documents are looked into."""
        return any((self.province, self.year, self.kind, self.status))


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a quote; `marked`: they were asked for."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A passage as it is listed."""

    passage_id: str
    citation: Citation
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Topic:
    """What a passage is about."""

    name: str
    label: str
    phrases: tuple[str, ...]

    def holds(self, passage: Passage) -> bool:
        """Whether the passage, its lead or a heading above it names the topic."""
        words = folded_line(" ".join([*passage.path, passage.lead or "", passage.text]))
        return any(phrase in words for phrase in self.phrases)


def load_topics(path: Path = _TOPICS) -> dict[str, Topic]:
    """The topics of topics.yml, by name, in order."""
    rows: Mapping[str, Mapping[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    return {name: Topic(name, row["label"], tuple(folded_line(phrase) for phrase in row["phrases"])) for name, row in rows.items()}


@dataclass(frozen=True)
class Lookup:
    """Searches what the snapshot in use holds. IndexFault from each method while there is none."""

    services: Services
    topics: Mapping[str, Topic]

    @classmethod
    def of(cls, services: Services) -> Lookup:
        """With the topics of the data file."""
        return cls(services, load_topics())

    @property
    def collection(self) -> Collection:
        """What is published."""
        return self.services.answerer().retriever.snapshot.collection

    def choices(self, on: date) -> dict[str, Sequence[Any]]:
        """What each filter can be set to, as far as something is held for it."""
        documents = self.collection.documents
        kinds = [d.metadata.kind for d in documents if d.metadata.kind]
        years = {year for d in documents for year in _years(d)}
        return {
            "province": self.collection.provinces,
            "topic": tuple(self.topics.values()),
            "year": sorted(years),
            "kind": tuple(dict.fromkeys(kinds)),
            "status": [status for status in STATUSES if any(self.collection.status(d, on) == status for d in documents)],
        }

    def search(self, text: str, filters: Filters, on: date, k: int) -> list[Found]:
        """The k best passages; [] for words that say nothing."""
        words = clean_message(text)
        if not words:
            return []
        query = self._query(words, filters, on)
        answerer = self.services.answerer()
        query = answerer.retriever.mended(query)
        scope = self._scope(filters, on) if filters.of_documents else None
        hits = answerer.retriever.search(query, _LOOKED_AT if filters.topic else k, scope)
        topic = self.topics.get(filters.topic or "")
        kept = [hit for hit in hits if topic is None or topic.holds(hit.passage)][:k]
        return [self._found(answerer.cite(hit.document, hit.passage, query), query) for hit in kept]

    def side_by_side(self, text: str, provinces: Sequence[str], filters: Filters, on: date, k: int) -> list[tuple[str, list[Found]]]:
        """The same search in each province."""
        return [(province, self.search(text, replace(filters, province=province), on, k)) for province in provinces]

    def passage(self, passage_id: str, on: date) -> Found | None:
        """One passage in full; None when the snapshot does not hold it."""
        passage = self.collection.passage(passage_id)
        if passage is None:
            return None
        document = self.collection.document(passage.document_id)
        query = self.services.understanding.read(passage.text, on)
        citation = self.services.answerer().cite(document, passage, query)
        whole = replace(citation, quote=passage.text, start=passage.span.start, end=passage.span.end)
        return Found(passage_id, whole, (Piece(passage.text, marked=False),))

    def around(self, passage_id: str, reach: int = 2) -> tuple[list[Passage], list[Passage]]:
        """The passages right before and right after, of the same document."""
        passage = self.collection.passage(passage_id)
        if passage is None:
            return [], []
        rows = self.collection.document(passage.document_id).passages
        at = next(n for n, row in enumerate(rows) if row.passage_id == passage_id)
        return list(rows[max(0, at - reach) : at]), list(rows[at + 1 : at + 1 + reach])

    def _query(self, words: str, filters: Filters, on: date) -> Query:
        query = self.services.understanding.read(words, on)
        return replace(query, provinces=(filters.province,)) if filters.province else query

    def _scope(self, filters: Filters, on: date) -> Scope:
        by_time = filters.status or filters.year  # who asks for an earlier time is shown what was replaced since
        fitting = frozenset(d.document_id for d in self.collection.documents if self._fits(d, filters, on))
        return Scope(fitting if by_time else fitting - self.collection.outdated(on))

    def _fits(self, document: Document, filters: Filters, on: date) -> bool:
        kin = self.services.gazetteer.kin(filters.province) if filters.province else ()
        return (
            (not filters.province or self.collection.province(document) in kin)
            and (not filters.year or filters.year in _years(document))
            and (not filters.kind or document.metadata.kind == filters.kind)
            and (not filters.status or self.collection.status(document, on) == filters.status)
        )

    @staticmethod
    def _found(citation: Citation, query: Query) -> Found:
        pieces = tuple(marked(citation.quote, Wanted.by(query, citation.quote)))
        return Found(citation.passage_id or "", citation, pieces)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The syllables to mark: as they stand with their diacritics, and, of what was typed without any, folded."""

    exact: frozenset[str]
    folded: frozenset[str]

    @classmethod
    def by(cls, query: Query, quote: str) -> Wanted:
        """What was typed, without what only says how people speak, and the office's phrases for it that the quote holds whole."""
        heavy = set(query.terms) - query.light or set(query.terms)
        typed = [word for word in marked_words(query.written_out) if fold(word) in heavy]
        line = folded_line(quote)
        phrases = (phrase for paraphrase in query.paraphrases for phrase in paraphrase.official if folded_line(phrase) in line)
        official = [word for phrase in phrases for word in marked_words(phrase)]
        plain = frozenset() if has_diacritics(query.text) else frozenset(typed)
        return cls(frozenset([*typed, *official]) - plain, plain | (heavy - {fold(word) for word in typed}))

    def holds(self, word: str) -> bool:
        """Whether a word of a document is one of them."""
        return fold(word) in self.folded or not self.exact.isdisjoint(marked_words(word))


def marked(quote: str, wanted: Wanted) -> Iterator[Piece]:
    """The quote cut where wanted words begin and end; together the pieces are the quote."""
    at = 0
    runs: list[tuple[int, int]] = []
    for word in _WORD.finditer(quote):
        if wanted.holds(word[0]):
            if runs and not quote[runs[-1][1] : word.start()].strip():
                runs[-1] = (runs[-1][0], word.end())
            else:
                runs.append(word.span())
    for start, end in runs:
        if at < start:
            yield Piece(quote[at:start], marked=False)
        yield Piece(quote[start:end], marked=True)
        at = end
    if at < len(quote):
        yield Piece(quote[at:], marked=False)


def _years(document: Document) -> range:
    """Every year of its period, outlook included; none where it has no period."""
    m = document.metadata
    if m.valid_from is None:
        return range(0)
    last = max(day.year for day in (m.valid_to or m.valid_from, m.outlook_to or m.valid_from))
    return range(m.valid_from.year, last + 1)
