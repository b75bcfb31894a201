"""From a Query to Hits: BM25 over the people's words and the office's, a little dense similarity, and what the kind of question favours.

Scores are fused after scaling each to its own best (weighted, not reciprocal rank: RRF with a weak dense model was worse, docs/decisions/).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from index.analysis import has_quantity, terms, with_pairs, years_in
from index.model import Hit, Query
from index.snapshot import Snapshot, indexed_text
from index.spelling import Spelling
from knowledge.model import Document, Passage
from knowledge.places import Gazetteer
from knowledge.text import fold, folded_line, sentences

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """How the signals are mixed. Chosen on tests/eval/train.jsonl, reported on other sets."""

    official: float = 0.6
    """A paraphrase counts this much beside the typed words."""
    dense: float = 0.1
    figure: float = 0.2
    """For "bao nhiêu": a passage with a figure."""
    counted: float = 1.3
    """Factor for a passage that puts a number to what is counted ("bao nhiêu dự án": "04 dự án")."""
    year: float = 0.25
    """For a question with a year: a passage of that year, and taken off one of other years."""
    duty: float = 0.25
    """For "ai", "cơ quan nào": a passage under the bodies' tasks."""
    heading: float = 0.15
    """For "khi nào", "ở đâu", "ai là đối tượng": a passage whose heading says so."""
    secondary: float = 0.12
    """Taken off a newspaper's account of a plan that is held itself."""
    front: float = 0.25
    """Taken off title, legal basis and signature, which repeat everything."""
    title: float = 0.3
    """Taken off a heading alone …"""
    asked_title: float = 2.0
    """… unless the question asks for nothing more than it says ("dự án 2 là gì?")."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which documents a question is about, and what was named but is not held."""

    document_ids: frozenset[str] | None
    """None: all."""
    missing_provinces: tuple[str, ...] = ()
    missing_numbers: tuple[str, ...] = ()


_WHOLE = 0.95
"""Coverage from which a heading says all that is asked for."""
_DUTY = re.compile(r" (to chuc thuc hien|che do bao cao|phan cong) ")
_HEADINGS = {
    "whom": re.compile(r" doi tuong "),
    "when": re.compile(r" (thoi gian|giai doan|lo trinh|tien do|quy|nam 20\d\d|che do bao cao) "),
    "where": re.compile(r" (pham vi|dia ban) "),
}


class Retriever:
    """Search over one snapshot. Read-only; safe to share between threads."""

    def __init__(self, snapshot: Snapshot, gazetteer: Gazetteer, weights: Weights | None = None) -> None:
        self.snapshot = snapshot
        self._gazetteer = gazetteer
        self._weights = weights or Weights()
        self._documents = [snapshot.collection.document(p.document_id) for p in snapshot.passages]
        self._traits = [self._trait(d, p) for d, p in zip(self._documents, snapshot.passages, strict=True)]
        self._positions = {p.passage_id: at for at, p in enumerate(snapshot.passages)}
        self._spelling = Spelling.of(snapshot.lexical.terms)
        self.rarity = lru_cache(maxsize=8192)(self._rarity_of)
        """Inverse document frequency of a term."""
        self._terms = lru_cache(maxsize=4096)(self._terms_at)

    def mended(self, query: Query) -> Query:
        """The query with slips of the finger read as what the documents hold."""
        return self._spelling.mended(query)

    def scope(self, query: Query) -> Scope:
        """The documents that the provinces and numbers of a question point to."""
        collection = self.snapshot.collection
        held = [d for d in collection.documents if d.metadata.number and any(names(n, d.metadata.number) for n in query.numbers)]
        unknown = tuple(
            n for n in query.numbers if "/" in n and not any(names(n, d.metadata.number or "") for d in held) and not self._mentioned(n)
        )
        wanted = {name for province in query.provinces for name in self._gazetteer.kin(province)}
        near = [d for d in collection.documents if collection.province(d) in wanted]
        missing = tuple(
            p for p in query.provinces if not any(collection.province(d) in self._gazetteer.kin(p) for d in collection.documents)
        )
        chosen = [d for d in held if d in near] or held or near
        return Scope(frozenset(d.document_id for d in chosen) if chosen or missing or unknown else None, missing, unknown)

    def search(self, query: Query, k: int = 10, scope: Scope | None = None) -> list[Hit]:
        """The k best passages, best first. Fewer when fewer share a word or a meaning with the question."""
        scope = scope or self.scope(query)
        lexical, dense = self._lexical(query), self._dense(query)
        if scope.document_ids is not None:
            outside = [d.document_id not in scope.document_ids for d in self._documents]
            lexical, dense = np.where(outside, 0, lexical), np.where(outside, 0, dense)
        best = float(lexical.max(initial=0.0))
        fused = (1 - self._weights.dense) * (lexical / best if best > 0 else lexical) + self._weights.dense * np.maximum(dense, 0)
        fused = fused * self._favour(query)
        candidates = [int(at) for at in np.argsort(-fused, kind="stable")[: k * 3] if fused[at] > 0]
        hits = [self._hit(at, query, float(fused[at]), float(lexical[at]), float(dense[at])) for at in candidates]
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    def _hit(self, at: int, query: Query, score: float, lexical: float, dense: float) -> Hit:
        passage, document = self.snapshot.passages[at], self._documents[at]
        if passage.role == "heading" and self.coverage(query, frozenset(terms(passage.text))) > _WHOLE:
            score *= self._weights.asked_title
        if query.counted and _counts(query.counted, passage.text):
            score *= self._weights.counted
        return Hit(passage, document, score, self.coverage(query, self._terms(at)), lexical, dense)

    def coverage(self, query: Query, held: frozenset[str]) -> float:
        """How much of the question, weighted by rarity, is among `held` terms; a paraphrase covers the words it stands for."""
        covered_by: dict[str, bool] = {}
        for paraphrase in query.paraphrases:
            there = any(all(term in held for term in terms(phrase)) for phrase in paraphrase.official)
            for word in paraphrase.words:
                covered_by[word] = covered_by.get(word, False) or there
        total = found = 0.0
        for term in dict.fromkeys(query.terms):
            weight = self.rarity(term)
            total += weight
            found += weight * (1.0 if term in held or covered_by.get(term, False) else 0.0)
        return found / total if total else 0.0

    def knows(self, term: str) -> bool:
        """Whether any passage holds the term."""
        return self.snapshot.lexical.knows(term)

    def terms_of(self, hit: Hit) -> frozenset[str]:
        """Syllables and pairs of a hit, headings and document included."""
        return self._terms(self._positions[hit.passage.passage_id])

    def clause_coverage(self, query: Query, hit: Hit) -> float:
        """How much of the question stands in one clause of the passage together with its headings."""
        headings = terms(" ".join(hit.passage.path))
        text = hit.passage.text.replace("\n", " ")
        return max(self.coverage(query, frozenset([*headings, *terms(text[start:end])])) for start, end in sentences(text))

    def _lexical(self, query: Query) -> Scores:
        scores = self.snapshot.lexical.scores(with_pairs(query.terms))
        for paraphrase in query.paraphrases:
            alternatives = [
                self.snapshot.lexical.scores(terms(phrase)) / max(1.0, len(phrase.split()) / 2) for phrase in paraphrase.official
            ]
            if alternatives:
                scores = scores + self._weights.official * np.max(alternatives, axis=0)
        return scores

    def _dense(self, query: Query) -> Scores:
        similarity = np.zeros(len(self._documents), dtype=np.float32)
        text = " ".join([*query.terms, *(p.official[0] for p in query.paraphrases if p.official)])
        vector = self.snapshot.encoder.encode([text])[0] if text else None
        if vector is None or not vector.any():
            return similarity
        positions, values = self.snapshot.dense.search(vector, 200)
        found = positions >= 0
        similarity[positions[found]] = values[found]
        return similarity

    def _favour(self, query: Query) -> Scores:
        weights = self._weights
        factor = np.ones(len(self._traits), dtype=np.float32)
        for at, trait in enumerate(self._traits):
            gain = 0.0
            if query.asked == "how_many" and trait.figure:
                gain += weights.figure
            if query.asked == "who" and trait.duty:
                gain += weights.duty
            if query.asked in _HEADINGS and _HEADINGS[query.asked].search(trait.headings):
                gain += weights.heading
            if query.years and trait.years:
                gain += weights.year if trait.years.issuperset(query.years) else -weights.year
            if trait.secondary:
                gain -= weights.secondary
            if trait.front:
                gain -= weights.front
            if trait.title:
                gain -= weights.title
            factor[at] += gain
        return factor

    def _trait(self, document: Document, passage: Passage) -> _Trait:
        headings = folded_line(" ".join(passage.path))
        return _Trait(
            figure=has_quantity(passage.text),
            duty=bool(_DUTY.search(headings)),
            secondary=self.snapshot.collection.original(document) is not None,
            front=passage.role in ("front", "closing"),
            title=passage.role == "heading",
            headings=headings,
            years=years_in(" ".join(passage.path[-2:])) or years_in(passage.text),
        )

    def _terms_at(self, at: int) -> frozenset[str]:
        document = self._documents[at]
        return frozenset(terms(indexed_text(document, self.snapshot.passages[at], self.snapshot.collection.province(document))))

    def _rarity_of(self, term: str) -> float:
        """Inverse document frequency, as BM25 counts it; a word that no passage holds is as rare as can be."""
        count = int(np.count_nonzero(self.snapshot.lexical.scores([term])))
        total = len(self._documents)
        return float(np.log(1 + (total - count + 0.5) / (count + 0.5)))

    def _mentioned(self, number: str) -> bool:
        digits, _, rest = fold(number).partition("/")
        written = re.compile(rf"(?<!\d){digits}/(?:\d{{4}}/)?{re.escape(rest)}")  # 94/NĐ-CP is written 94/2010/NĐ-CP
        return any(written.search(fold(d.text)) for d in self.snapshot.collection.documents)


@dataclass(frozen=True, slots=True)
class _Trait:
    """What a passage is, apart from its words."""

    figure: bool
    duty: bool
    secondary: bool
    front: bool
    title: bool
    headings: str
    years: frozenset[int]
    """Of the headings right above, else of the words."""


def _counts(counted: Sequence[str], text: str) -> bool:
    """Whether a number stands within two words before what is counted."""
    noun = " ".join(counted)
    return bool(re.search(rf"\d%?(?: \w+){{0,2}} {re.escape(noun)} ", folded_line(text)))


def names(typed: str, number: str) -> bool:
    """Whether a number as typed (2735/KH-UBND, 2735/KH, or 2735 alone) is this document's."""
    return fold(number).startswith(fold(typed) if "/" in typed else f"{typed}/")
