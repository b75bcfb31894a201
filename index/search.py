"""From a Query to Hits: BM25 over the people's words and the office's and a little dense similarity; then the trained second look at the
best of them, which knows the kind of question (reranking.py).

Scores are fused after scaling each to its own best (weighted, not reciprocal rank: RRF with a weak dense model was worse, docs/decisions/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice

import numpy as np
import numpy.typing as npt

from index.analysis import terms, with_pairs
from index.coverage import Wanted
from index.lexical import LexicalIndex
from index.model import Hit, Query
from index.reranking import Candidate, Reranker, Trait, View, asks_the_press, features
from index.snapshot import Snapshot
from index.spelling import Spelling
from knowledge.model import Document, Passage
from knowledge.places import Gazetteer
from knowledge.text import fold

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """How the signals are mixed. Chosen on tests/eval/train.jsonl, reported on other sets."""

    light: float = 0.2
    """A word that says how people speak counts this much beside others."""
    official: float = 0.6
    """A paraphrase counts this much beside the typed words."""
    dense: float = 0.1


@dataclass(frozen=True, slots=True)
class Scope:
    """Which documents a question is about, and what was named but is not held."""

    document_ids: frozenset[str] | None
    """None: all."""
    missing_provinces: tuple[str, ...] = ()
    missing_numbers: tuple[str, ...] = ()
    outdated: frozenset[str] = frozenset()
    """Not looked into although nothing else is excluded: another document stands in for them on the day asked for,
    or they for another only later."""


_LOOKED_AT = 20
"""Candidates of the first look that get a second one."""
_MORE = 4
"""So many more of the headings, which what stands under them would crowd out, and of a newspaper's account where that is asked for."""
_NEAR = 200
"""Passages whose similarity to the question is looked up."""


_KEPT = 4096
"""Passages whose words are kept prepared."""


class Retriever:
    """Search over one snapshot. Read-only; safe to share between threads."""

    def __init__(self, snapshot: Snapshot, gazetteer: Gazetteer, weights: Weights | None = None, reranker: Reranker | None = None) -> None:
        """`reranker`: by default the trained one of index/data."""
        self.snapshot = snapshot
        self._gazetteer = gazetteer
        self._weights = weights or Weights()
        self._reranker = reranker or Reranker.load()
        documents = snapshot.collection.documents
        lengths = [len(document.passages) for document in documents]
        self._codes = {d.document_id: code for code, d in enumerate(documents)}
        self._starts = np.cumsum([0, *lengths])
        self._of_document = np.repeat(np.arange(len(documents), dtype=np.int32), lengths)
        self._titles = np.fromiter((p.role == "heading" for p in snapshot.passages), dtype=bool, count=len(snapshot.passages))
        self._accounts = np.repeat([snapshot.collection.original(document) is not None for document in documents], lengths)
        self._spelling = Spelling(snapshot.lexical.knows)
        # No cache may hold this object: a snapshot that is out of use has to go at once, and what is frozen (gc) is never looked for.
        self.rarity = lru_cache(maxsize=8192)(partial(_rarity, snapshot.lexical))
        """Inverse document frequency of a term."""
        self.wanted = lru_cache(maxsize=256)(partial(Wanted.of, rarity=self.rarity))
        """What a question asks for, for coverage."""

    def warm(self, passages: Iterable[Passage]) -> None:
        """Reads passages for the second look ahead of the first question, as many as are kept: about a millisecond each."""
        for passage in islice(passages, _KEPT):
            self._view_of(self.snapshot.collection.document(passage.document_id), passage)

    def mended(self, query: Query) -> Query:
        """The query with slips of the finger read as what the documents hold; a number that only names a document is no word of it."""
        numbers = [d.metadata.number or "" for d in self.snapshot.collection.documents] if query.numbers else []
        naming = {n for n in query.numbers if "/" not in n and any(names(n, number) for number in numbers)}
        kept = tuple(term for term in query.terms if term not in naming)
        return self._spelling.mended(replace(query, terms=kept) if kept else query)

    def scope(self, query: Query) -> Scope:
        """The documents that the provinces and numbers of a question point to."""
        collection = self.snapshot.collection
        if not query.numbers and not query.provinces:
            return Scope(None, outdated=collection.outdated(query.day) | collection.awaited(query.day))
        held = [d for d in collection.documents if d.metadata.number and any(names(n, d.metadata.number) for n in query.numbers)]
        unknown = tuple(
            n for n in query.numbers if "/" in n and not any(names(n, d.metadata.number or "") for d in held) and not self._mentioned(n)
        )
        wanted = {name for province in query.provinces for name in self._gazetteer.kin(province)}
        near = [d for d in collection.documents if collection.province(d) in wanted]
        current = dict.fromkeys(collection.current(d, query.day).document_id for d in near)
        awaited = collection.awaited(query.day)
        missing = tuple(
            p for p in query.provinces if not any(collection.province(d) in self._gazetteer.kin(p) for d in collection.documents)
        )
        # A replaced document speaks where it is asked for by its number, else what replaced it does.
        named = [d for d in held if d in near] or held
        if asks_the_press(query):
            named += [d for d in collection.documents if collection.original(d) in named]
        chosen = [d.document_id for d in named] or [name for name in current if name not in awaited]
        if chosen or missing or unknown:
            return Scope(frozenset(chosen), missing, unknown)
        return Scope(None, outdated=collection.outdated(query.day) | awaited)

    def search(self, query: Query, k: int = 10, scope: Scope | None = None) -> list[Hit]:
        """The k best passages, best first. Fewer when fewer share a word or a meaning with the question."""
        candidates = self.candidates(query, max(k, _LOOKED_AT), scope)
        wanted = self.wanted(query)
        signals = features(query, wanted, [candidate for _, candidate in candidates])
        scores = self._reranker.scores(signals, [candidate.fused for _, candidate in candidates])
        best = sorted(range(len(candidates)), key=lambda n: -scores[n])[:k]
        return [self._hit(*candidates[n], wanted, float(scores[n]), tuple(signals[n].tolist())) for n in best]

    def with_reranker(self, reranker: Reranker) -> Retriever:
        """The same search with another second look; what was read of the passages is shared."""
        other = copy(self)
        other._reranker = reranker
        return other

    def candidates(self, query: Query, k: int, scope: Scope | None = None) -> list[tuple[int, Candidate]]:
        """The first look: positions of the k best passages (and a few headings), with the scores they were found by, best first."""
        scope = scope or self.scope(query)
        typed, pairs, official = self._lexical(query)
        lexical, dense = typed + pairs + official, self._dense(query)
        if scope.document_ids is not None or scope.outdated:
            named = scope.outdated if scope.document_ids is None else scope.document_ids
            outside = np.isin(self._of_document, [self._codes[name] for name in named], invert=scope.document_ids is not None)
            lexical[outside] = 0
            dense[outside] = 0
        best = float(lexical.max(initial=0.0))
        fused = (1 - self._weights.dense) * (lexical / best if best > 0 else lexical) + self._weights.dense * np.maximum(dense, 0)
        chosen = dict.fromkeys([*_highest(fused, k), *_highest(np.where(self._titles, fused, 0), _MORE)])
        if asks_the_press(query):
            chosen |= dict.fromkeys(_highest(np.where(self._accounts, fused, 0), _MORE))
        scores = (fused, typed, official, pairs, dense)
        found = [(at, Candidate(self._view(at), *(float(of[at]) for of in scores))) for at in chosen]
        return sorted(found, key=lambda pair: -pair[1].fused)

    def _hit(self, at: int, candidate: Candidate, wanted: Wanted, score: float, signals: tuple[float, ...]) -> Hit:
        view = candidate.view
        lexical = candidate.typed + candidate.pairs + candidate.official
        return Hit(view.passage, self._document_at(at), score, wanted.share(view.terms), lexical, candidate.dense, signals)

    def coverage(self, query: Query, held: frozenset[str]) -> float:
        """How much of the question, weighted by rarity, is among `held` terms; a paraphrase covers the words it stands for."""
        return self.wanted(query).share(held)

    def knows(self, term: str) -> bool:
        """Whether any passage holds the term."""
        return self.snapshot.lexical.knows(term)

    def position(self, hit: Hit) -> int:
        """Where the passage stands in the snapshot."""
        return int(self._starts[self._codes[hit.document.document_id]]) + hit.document.passages.index(hit.passage)

    def terms_of(self, hit: Hit) -> frozenset[str]:
        """Syllables and pairs of a hit, headings and document included."""
        return self._view_of(hit.document, hit.passage).terms

    def own_terms_of(self, hit: Hit) -> frozenset[str]:
        """Syllables and pairs of a hit's own words."""
        return self._view_of(hit.document, hit.passage).own

    def clause_coverage(self, query: Query, hit: Hit) -> float:
        """How much of the question stands in one clause of the passage together with its headings."""
        wanted = self.wanted(query)
        return max(wanted.share(held) for held, _ in self._view_of(hit.document, hit.passage).clauses)

    def _document_at(self, at: int) -> Document:
        return self.snapshot.collection.documents[int(self._of_document[at])]

    def _view(self, at: int) -> View:
        return self._view_of(self._document_at(at), self.snapshot.passages[at])

    def _view_of(self, document: Document, passage: Passage) -> View:
        collection = self.snapshot.collection
        return _read(passage, document.metadata.kind, collection.province(document), collection.original(document) is not None)

    def _lexical(self, query: Query) -> tuple[Scores, Scores, Scores]:
        """BM25 of the typed syllables, of their pairs, and of the office's words for them (the best phrase of each, weighed)."""
        lexical = self.snapshot.lexical
        official = np.zeros(lexical.size, dtype=np.float32)
        for paraphrase in query.paraphrases:
            alternatives = [lexical.scores(terms(phrase)) / max(1.0, len(phrase.split()) / 2) for phrase in paraphrase.official]
            if alternatives:
                official = official + self._weights.official * np.max(alternatives, axis=0)
        heavy, light = ([t for t in query.terms if (t in query.light) is spoken] for spoken in (False, True))
        typed = lexical.scores(heavy) + self._weights.light * lexical.scores(light)
        return typed, lexical.scores(with_pairs(query.terms)[len(query.terms) :]), official

    def _dense(self, query: Query) -> Scores:
        similarity = np.zeros(len(self.snapshot.passages), dtype=np.float32)
        text = " ".join([*query.terms, *(p.official[0] for p in query.paraphrases if p.official)])
        vector = self.snapshot.encoder.encode([text])[0] if text else None
        if vector is None or not vector.any():
            return similarity
        positions, values = self.snapshot.dense.search(vector, _NEAR)
        found = positions >= 0
        similarity[positions[found]] = values[found]
        return similarity

    def _mentioned(self, number: str) -> bool:
        digits, _, rest = fold(number).partition("/")
        written = re.compile(rf"(?<!\d){digits}/(?:\d{{4}}/)?{re.escape(rest)}")  # 94/NĐ-CP is written 94/2010/NĐ-CP
        return any(written.search(fold(d.text)) for d in self.snapshot.collection.documents)


@lru_cache(maxsize=_KEPT)
def _read(passage: Passage, kind: str | None, province: str | None, secondary: bool) -> View:
    """For all snapshots: what is the same in the next one is not read again."""
    return View.of(kind, passage, province, Trait.of(passage, secondary=secondary))


def _rarity(lexical: LexicalIndex, term: str) -> float:
    """Inverse document frequency, as BM25 counts it; a word that no passage holds is as rare as can be."""
    count = lexical.held_by(term)
    return float(np.log(1 + (lexical.size - count + 0.5) / (count + 0.5)))


def _highest(scores: npt.NDArray[np.floating], k: int) -> list[int]:
    """Positions of the k highest scores above zero, highest first; of equal ones the earlier."""
    k = min(k, len(scores))
    if not k:
        return []
    least = np.partition(scores, -k)[-k]
    some = np.flatnonzero((scores >= least) & (scores > 0))
    return [int(at) for at in some[np.argsort(-scores[some], kind="stable")][:k]]


def names(typed: str, number: str) -> bool:
    """Whether a number as typed (2735/KH-UBND, 2735/KH, or 2735 alone) is this document's."""
    return fold(number).startswith(fold(typed) if "/" in typed else f"{typed}/")
