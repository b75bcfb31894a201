"""How much of a question stands somewhere, weighted by how rare its words are. Comparable across searches, 0…1."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

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
        return cls(weighted, sum(weight for _, weight, _ in weighted))

    def share(self, held: Set[str]) -> float:
        """How much of it is among `held` terms; 0 where nothing is asked for."""
        found = 0.0
        for term, weight, alternatives in self.weighted:
            if term in held or (alternatives and any(phrase <= held for phrase in alternatives)):
                found += weight
        return found / self.total if self.total else 0.0

    def rarest_missing(self, held: Set[str]) -> float:
        """The weight of the rarest term that `held` does not cover; 0 when all are."""
        missing = (w for term, w, others in self.weighted if term not in held and not any(phrase <= held for phrase in others))
        return max(missing, default=0.0)


def _weight(term: str, alternatives: tuple[frozenset[str], ...], rarity: Callable[[str], float]) -> float:
    """The inverse document frequency of a term, or of the office's rarest word for it where that is lower: a slip of the finger
    ("nhêu") or a word that no plan holds is not more telling than what it stands for."""
    meant = [max(rarity(word) for word in phrase if "_" not in word) for phrase in alternatives]
    return min([rarity(term), *meant])
