"""Puts questions that ask alike together: TF-IDF of folded words and word pairs, then leader clustering. Deterministic.

Leader clustering (Hartigan, Clustering Algorithms, 1975, ch. 3): in one pass each question joins the leader it is most alike, or leads a
group of its own. The commonest wording comes first, so that leaders are what people say most; no number of groups is guessed beforehand.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.lexicon import Lexicon
from knowledge.places import Gazetteer
from knowledge.text import fold, marked_words

ALIKE = 0.35
"""Cosine from which a question joins a group: the step of 0.05 with the best F1 of pairs on tests/eval/train.jsonl, where questions that
share an evidence count as alike; tests/directory/test_question_groups.py tries it on heldout.jsonl."""


@dataclass(frozen=True)
class Terms:
    """Reads a question as what it is about: words that carry nothing, and provinces, which are counted apart, are left out."""

    lexicon: Lexicon
    gazetteer: Gazetteer

    def __call__(self, text: str) -> Counter[str]:
        """Folded words and pairs of neighbours, with how often each stands there."""
        typed = self.lexicon.normalise(text)
        places = {at for mention in self.gazetteer.mentions(typed) for at in range(mention.start, mention.end)}
        marked = enumerate(marked_words(typed))
        words = [fold(word) for at, word in marked if at not in places and not self.lexicon.is_stopword(word)]
        return Counter(words + [f"{one} {other}" for one, other in pairwise(words)])


@dataclass(frozen=True)
class Grouping:
    """Which texts belong together. `groups`: positions in the texts that were handed in, the leader first, the largest group first."""

    groups: tuple[tuple[int, ...], ...]
    _index: _Leaders

    def nearest(self, terms: Counter[str]) -> int | None:
        """The position in `groups` of the one that a text like this would join; None: it asks something else."""
        return self._index.nearest(terms)


def group(texts: Sequence[Counter[str]], alike: float = ALIKE) -> Grouping:
    """Groups texts by their terms. Texts without any term are alike. Deterministic; O(texts x leaders that share a term with one)."""
    same: dict[frozenset[tuple[str, int]], list[int]] = {}
    for at, terms in enumerate(texts):
        same.setdefault(frozenset(terms.items()), []).append(at)
    frequency = Counter(term for terms in texts for term in terms)
    rare = {term: math.log((1 + len(texts)) / (1 + number)) + 1 for term, number in frequency.items()}
    index, members = _Leaders(rare, alike), list[list[int]]()
    for positions in sorted(same.values(), key=lambda found: (-len(found), found[0])):
        terms = texts[positions[0]]
        if (found := index.nearest(terms)) is None:
            index.add(terms)
            members.append(list(positions))
        else:
            members[found] += positions
    order = sorted(range(len(members)), key=lambda at: (-len(members[at]), members[at][0]))
    return Grouping(tuple(tuple(members[at]) for at in order), index.reordered(order))


class _Leaders:
    """An inverted index of the leaders' vectors, of length 1 each."""

    def __init__(self, rare: Mapping[str, float], alike: float) -> None:
        self._rare = rare
        self._alike = alike
        self._postings: dict[str, list[tuple[int, float]]] = {}
        self._number = 0
        self._empty: int | None = None

    def add(self, terms: Counter[str]) -> None:
        """One more leader."""
        if not terms:
            self._empty = self._number
        for term, weight in self._vector(terms).items():
            self._postings.setdefault(term, []).append((self._number, weight))
        self._number += 1

    def nearest(self, terms: Counter[str]) -> int | None:
        """The leader that is most alike, the earlier one of two; None where none is alike enough."""
        if not terms:
            return self._empty
        likeness: dict[int, float] = {}
        for term, weight in self._vector(terms).items():
            for leader, its_weight in self._postings.get(term, ()):
                likeness[leader] = likeness.get(leader, 0.0) + weight * its_weight
        best = max(likeness, key=lambda leader: (round(likeness[leader], 9), -leader), default=None)
        return best if best is not None and likeness[best] >= self._alike else None

    def reordered(self, order: Sequence[int]) -> _Leaders:
        """The same leaders under other numbers: the one that was `order[i]` is i."""
        place = {old: new for new, old in enumerate(order)}
        other = _Leaders(self._rare, self._alike)
        other._postings = {term: [(place[leader], weight) for leader, weight in found] for term, found in self._postings.items()}
        other._number, other._empty = self._number, None if self._empty is None else place[self._empty]
        return other

    def _vector(self, terms: Counter[str]) -> dict[str, float]:
        """TF-IDF of length 1. A term that none of the texts has is as rare as can be."""
        rarest = max(self._rare.values(), default=1.0)
        weights = {term: number * self._rare.get(term, rarest) for term, number in terms.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items()}
