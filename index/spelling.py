"""Slips of the finger: a typed syllable that no passage holds is read as a known one that fits its neighbour ("chinh xach" → "chinh sach"),
or as two that stand side by side ("daotao").

Only the combination decides: a correction counts when it makes a pair of syllables that stands in the documents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from index.model import Paraphrase, Query

_LETTERS = "abcdefghiklmnopqrstuvxy"


@dataclass(frozen=True)
class Spelling:
    """The syllables and pairs of an index."""

    syllables: frozenset[str]
    after: dict[str, frozenset[str]]
    """Syllable → those that follow it somewhere."""
    before: dict[str, frozenset[str]]
    """Syllable → those that precede it somewhere."""

    @classmethod
    def of(cls, terms: Iterable[str]) -> Spelling:
        """From the terms of an index: syllables, and pairs joined by an underscore."""
        syllables: set[str] = set()
        after: defaultdict[str, set[str]] = defaultdict(set)
        before: defaultdict[str, set[str]] = defaultdict(set)
        for term in terms:
            first, _, second = term.partition("_")
            if second:
                after[first].add(second)
                before[second].add(first)
            else:
                syllables.add(first)
        return cls(
            frozenset(syllables),
            {word: frozenset(others) for word, others in after.items()},
            {word: frozenset(others) for word, others in before.items()},
        )

    def mended(self, query: Query) -> Query:
        """The query with a paraphrase for each slip that a neighbour explains."""
        known = {word for paraphrase in query.paraphrases for word in paraphrase.words}
        found = []
        for at, word in enumerate(query.terms):
            if word in self.syllables or word in known or not word.isalpha():
                continue
            left = query.terms[at - 1] if at else ""
            right = query.terms[at + 1] if at + 1 < len(query.terms) else ""
            phrases = [
                *_halves(word, self.after),
                *(f"{left} {near}" for near in _near(word) if near in self.after.get(left, ())),
                *(f"{near} {right}" for near in _near(word) if near in self.before.get(right, ())),
            ]
            if phrases:
                found.append(Paraphrase((word,), tuple(dict.fromkeys(phrases))[:3]))
        return replace(query, paraphrases=(*query.paraphrases, *found)) if found else query


def _halves(word: str, after: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Two syllables typed as one word ("daotao")."""
    return (f"{word[:at]} {word[at:]}" for at in range(2, len(word) - 1) if word[at:] in after.get(word[:at], ()))


def _near(word: str) -> Iterator[str]:
    """Everything one slip away: a letter missing, too many, wrong, or two swapped."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in _LETTERS:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]
