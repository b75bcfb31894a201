"""The one way text is prepared for lexical search: folded syllables and their neighbours in pairs.

Measured on these documents: folded uni+bigrams find the same with and without diacritics; accented syllables collapse on stripped queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from knowledge.text import words


def terms(text: str) -> list[str]:
    """Folded syllables, then bigrams joined by an underscore."""
    return with_pairs(words(text))


def with_pairs(syllables: Sequence[str]) -> list[str]:
    """Syllables followed by their bigrams."""
    return [*syllables, *(f"{a}_{b}" for a, b in pairwise(syllables))]
