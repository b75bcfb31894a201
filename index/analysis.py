"""The one way text is prepared for lexical search: folded syllables and their neighbours in pairs.

Measured on these documents: folded uni+bigrams find the same with and without diacritics; accented syllables collapse on stripped queries.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from knowledge.text import fold, words

_NO_QUANTITY = re.compile(
    r"\d{1,2}/\d{1,2}(?:/\d{4})?"  # dates
    r"|\d+/[a-z]\S*"  # document numbers
    r"|(?:nam|giai doan|den|nhiem ky|du an|quy|khoa|muc|dieu|so|ngay|thang)\s+\d[\d\s–-]*"  # years, terms, ordinals
    r"|\b(?:19|20)\d\d\b(?!\s*(?:nguoi|tre|ho|trieu))"
)
_QUANTITY = re.compile(r"\d")
_YEAR = re.compile(r"\b20\d\d\b")
_KEPT = 4096
"""Texts whose figures are remembered: the same passages are found again and again."""


@lru_cache(maxsize=_KEPT)
def has_quantity(text: str) -> bool:
    """Whether a number stands in the text that counts or measures something: no date, year, ordinal or document number."""
    return bool(_QUANTITY.search(_NO_QUANTITY.sub(" ", fold(text))))


@lru_cache(maxsize=_KEPT)
def years_in(text: str) -> frozenset[int]:
    """The years that a text names, those inside a span ("giai đoạn 2021 - 2025") included."""
    named = [int(year) for year in _YEAR.findall(text)]
    spans = re.findall(r"\b(20\d\d)\s*[-–]\s*(20\d\d)\b", text)
    return frozenset(named).union(*(range(int(first), int(last) + 1) for first, last in spans if int(first) <= int(last)))


def syllables(text: str) -> list[str]:
    """Folded syllables in order. A percent sign is read as people say it."""
    return words(text.replace("%", " phần trăm "))


def terms(text: str) -> list[str]:
    """Folded syllables, then bigrams joined by an underscore."""
    return with_pairs(syllables(text))


def with_pairs(spoken: Sequence[str]) -> list[str]:
    """Syllables followed by their bigrams."""
    return [*spoken, *(f"{a}_{b}" for a, b in pairwise(spoken))]
