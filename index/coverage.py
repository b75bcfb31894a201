"""How much of a question stands somewhere, weighted by how rare its words are. Comparable across searches, 0…1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from index.analysis import terms
from index.model import Query

LIGHT = 0.2
"""What a word that carries little counts beside others."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question asks for: each of its terms once, with its weight and the paraphrases that cover it as well."""

    weighted: tuple[tuple[str, float, tuple[frozenset[str], ...]], ...]
    """(term, weight, alternatives): the term itself or all terms of one alternative must be held."""
    total: float
    weights: Mapping[str, float] = field(repr=False, compare=False)
    """By term, the same again for looking many up at once."""
    terms: frozenset[str] = field(repr=False, compare=False)
    replaceable: tuple[tuple[tuple[str, ...], tuple[frozenset[str], ...]], ...] = field(repr=False, compare=False)
    """(terms, alternatives): the terms that the same alternatives stand for."""

    @classmethod
    def of(cls, query: Query, rarity: Callable[[str], float]) -> Wanted:
        """`rarity`: the weight of a term, its inverse document frequency."""
        alternatives: dict[str, list[frozenset[str]]] = {}
        for paraphrase in query.paraphrases:
            phrases = [frozenset(terms(phrase)) for phrase in paraphrase.official]
            for word in paraphrase.words:
                alternatives.setdefault(word, []).extend(phrases)
        weighted = tuple(
            (term, _weight(term, others, rarity) * (LIGHT if term in query.light else 1.0), others)
            for term in dict.fromkeys(query.terms)
            for others in [tuple(alternatives.get(term, ()))]
        )
        weights = {term: weight for term, weight, _ in weighted}
        replaceable: dict[tuple[frozenset[str], ...], list[str]] = {}
        for term, _, others in weighted:
            replaceable.setdefault(others, []).append(term)
        replaceable.pop((), None)
        grouped = tuple((tuple(replaced), others) for others, replaced in replaceable.items())
        return cls(weighted, math.fsum(weights.values()), weights, frozenset(weights), grouped)

    def within(self, held: frozenset[str]) -> Wanted:
        """The same for whatever is part of `held`, looked up faster: without the alternatives that cannot stand there."""
        groups = []
        for replaced, others in self.replaceable:
            if possible := tuple([phrase for phrase in others if phrase <= held]):
                groups.append((replaced, possible))
        return Wanted(self.weighted, self.total, self.weights, self.terms & held, tuple(groups))

    def share(self, held: frozenset[str]) -> float:
        """How much of it is among `held` terms; 0 where nothing is asked for."""
        if not self.total or not (self.terms or self.replaceable):
            return 0.0
        found = self.terms & held
        for replaced, others in self.replaceable:
            if not found.issuperset(replaced) and any(phrase <= held for phrase in others):
                found = found.union(replaced)
        return math.fsum([self.weights[term] for term in found]) / self.total  # fsum: whatever the order of a set

    def rarest_missing(self, held: frozenset[str]) -> float:
        """The weight of the rarest term that `held` does not cover; 0 when all are."""
        missing = (w for term, w, others in self.weighted if term not in held and not any(phrase <= held for phrase in others))
        return max(missing, default=0.0)


def _weight(term: str, alternatives: tuple[frozenset[str], ...], rarity: Callable[[str], float]) -> float:
    """The inverse document frequency of a term, or of the office's rarest word for it where that is lower: a slip of the finger
    ("nhêu") or a word that no plan holds is not more telling than what it stands for."""
    meant = [max(rarity(word) for word in phrase if "_" not in word) for phrase in alternatives]
    return min([rarity(term), *meant])
