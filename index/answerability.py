"""Whether what was found answers what was asked: a small calibrated model over the signals of search, and demands that must be held.

Logistic regression over the signals, trained by tools/train.py on tests/eval/train.jsonl; its coefficients are data
(data/answerability.json).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from index.analysis import has_quantity, with_pairs, years_in
from index.asking import Asking
from index.kinds import Kinds
from index.model import Hit, Query
from index.reranking import FEATURES as SIGNALS
from index.search import Retriever
from knowledge.errors import IndexFault

DATA = Path(__file__).parent / "data"
_LOOKED_AT = 3
_OUTERMOST = 3.0
"""Standard deviations: a signal beyond counts as this far."""
_MANNER = 1.0
"""Log-odds that the manner of asking adds or takes at most: how people ask is learned from few writers."""
_WHOLE, _PHRASE, _RARE = 0.98, 0.5, 4.0
"""Coverage that is as good as all; share of pairs that makes a phrase; inverse document frequency of a word in about 2% of the passages."""
FEATURES = (
    "coverage_first",
    "coverage_best",
    "unknown_share",
    "unknown_count",
    "dense",
    "lexical",
    "pairs",
    "figure_missing",
    "place_named",
    "year_missing",
    "year_after",
    "paraphrases",
    "clause",
    "found",
    "second",
    "missing_rarity",
    "how_many",
    "who",
    "whether",
    "asking",
    "lacking",
    "figure_clause",
    "fused",
    "own_said",
)
_WEIGHED = ("coverage_figure_clause", "fused", "own_said")
"""Signals of the re-ranker that tell here too."""


@dataclass(frozen=True)
class Answerability:
    """The trained model. `threshold`: answer from this probability on (chosen on train, each writer by the others' model)."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    threshold: float
    asking: Asking
    kinds: Kinds

    @classmethod
    def load(cls, path: Path = DATA / "answerability.json") -> Answerability:
        """From the data file. IndexFault when it was trained for other features."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        if tuple(raw["features"]) != FEATURES:
            raise IndexFault("answerability.json was trained for other features: run make train.")
        parts = (tuple(raw["mean"]), tuple(raw["scale"]), tuple(raw["coefficients"]))
        return cls(*parts, raw["intercept"], raw["threshold"], Asking.load(), Kinds.load())

    def probability(self, values: Sequence[float]) -> float:
        """That the question is answered by what was found, 0…1."""
        scaled = [(v - m) / s for v, m, s in zip(values, self.mean, self.scale, strict=True)]
        odds = self.intercept + sum(c * v for c, v in zip(self.coefficients, within(scaled), strict=True))
        return 1 / (1 + math.exp(-odds))

    def chance(self, query: Query, hits: Sequence[Hit], retriever: Retriever) -> float:
        """That the question is answered by what was found, 0…1."""
        return self.probability(self._features(query, hits, retriever)) if hits else 0.0

    def answers(self, query: Query, hits: Sequence[Hit], retriever: Retriever) -> bool:
        """Whether the question is answered by what was found. One that stands there whole, with a rare word or as a phrase, is."""
        if not hits or not query.terms:
            return False
        values = self._features(query, hits, retriever)
        told = dict(zip(FEATURES, values, strict=True))
        whole = told["coverage_first"] > _WHOLE and told["clause"] > _WHOLE
        telling = told["pairs"] >= _PHRASE or max(map(retriever.rarity, query.terms)) >= _RARE
        return (whole and telling) or self.probability(values) >= self.threshold

    def _features(self, query: Query, hits: Sequence[Hit], retriever: Retriever) -> tuple[float, ...]:
        return features(query, hits, retriever, self.asking.value(query), self.kinds)


def within(scaled: Sequence[float]) -> list[float]:
    """Signals in standard deviations, none beyond the outermost."""
    return [max(-_OUTERMOST, min(_OUTERMOST, value)) for value in scaled]


def features(query: Query, hits: Sequence[Hit], retriever: Retriever, asking: float, kinds: Kinds) -> tuple[float, ...]:
    """The signals, in the order of FEATURES. `asking`: what Asking says of the question.
    `hits`: of the twelve best those that hold what is demanded, best first, not empty."""
    first, top = hits[0], hits[:_LOOKED_AT]
    asked = list(dict.fromkeys(query.terms))
    paraphrased = {word for paraphrase in query.paraphrases for word in paraphrase.words}
    unknown = [term for term in asked if not retriever.knows(term) and term not in paraphrased and term not in query.light]
    pairs = with_pairs(query.terms)[len(query.terms) :]
    held = [retriever.terms_of(hit) for hit in top]
    pair_share = max(sum(pair in terms for pair in pairs) / len(pairs) for terms in held) if pairs else 0.0
    said_years = frozenset[int]().union(*(years_in(f"{hit.passage.text} {' '.join(hit.passage.path)}") for hit in top))
    last = first.document.metadata.outlook_to or first.document.metadata.valid_to
    weighed = dict(zip(SIGNALS, first.signals, strict=False))
    return (
        first.coverage,
        max(hit.coverage for hit in top),
        len(unknown) / max(1, len(asked)),
        float(min(len(unknown), 4)),
        first.dense,
        math.log1p(first.lexical),
        pair_share,
        float(query.asked == "how_many" and not has_quantity(first.passage.text)),
        float(bool(query.provinces or query.numbers)),
        float(bool(query.years) and said_years.isdisjoint(query.years)),
        float(bool(query.years) and last is not None and max(query.years) > last.year),
        float(min(len(query.paraphrases), 4)),
        max(retriever.clause_coverage(query, hit) for hit in top),
        float(len(hits)),
        hits[1].score / first.score if len(hits) > 1 and first.score else 0.0,
        retriever.wanted(query).rarest_missing(retriever.own_terms_of(first)),
        float(query.asked == "how_many"),
        float(query.asked == "who"),
        float(query.asked == "whether"),
        max(-_MANNER, min(_MANNER, asking)),
        float(kinds.lacking(query, hits[:1])),
        *(weighed.get(name, 0.0) for name in _WEIGHED),
    )
