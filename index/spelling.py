"""Slips of the finger: a typed syllable that no passage holds is read as a known one that fits its neighbour ("chinh xach" → "chinh sach"),
or as two that stand side by side ("daotao").

Only the combination decides: a correction counts when it makes a pair of syllables that stands in the documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from index.model import Paraphrase, Query

_LETTERS = "abcdefghiklmnopqrstuvxy"
_SYLLABLE = 7
"""Letters of the longest ("nghieng"). What is longer than one and a slip, or than two, is not turned over: it may be without end."""


@dataclass(frozen=True)
class Spelling:
    """Of an index: `knows` says whether any passage holds a term, a syllable or a pair joined by an underscore."""

    knows: Callable[[str], bool]

    def mended(self, query: Query) -> Query:
        """The query with a paraphrase for each slip that a neighbour explains."""
        known = {word for paraphrase in query.paraphrases for word in paraphrase.words}
        found = []
        for at, word in enumerate(query.terms):
            if self.knows(word) or word in known or not word.isalpha():
                continue
            left = query.terms[at - 1] if at else ""
            right = query.terms[at + 1] if at + 1 < len(query.terms) else ""
            phrases = [
                *(halves for halves in _halves(word) if self.knows(halves.replace(" ", "_"))),
                *(f"{left} {near}" for near in _near(word) if self.knows(f"{left}_{near}")),
                *(f"{near} {right}" for near in _near(word) if self.knows(f"{near}_{right}")),
            ]
            if phrases:
                found.append(Paraphrase((word,), tuple(dict.fromkeys(phrases))[:3]))
        return replace(query, paraphrases=(*query.paraphrases, *found)) if found else query


def _halves(word: str) -> Iterator[str]:
    """Every way in which it may be two syllables typed as one word ("daotao")."""
    if len(word) > 2 * _SYLLABLE:
        return iter(())
    return (f"{word[:at]} {word[at:]}" for at in range(2, len(word) - 1))


def _near(word: str) -> Iterator[str]:
    """Everything one slip away: a letter missing, too many, wrong, or two swapped."""
    if len(word) > _SYLLABLE + 1:
        return
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
