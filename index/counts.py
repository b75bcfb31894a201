"""How often each term stands in each passage: what BM25 is worked out from, and what is kept when documents come or go.

A term is a folded syllable or a pair of neighbours. Syllables are numbered in their order, a pair is the numbers of its two: so the same
passages give the same arrays, whatever they were put together from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Integers = npt.NDArray[np.int64]
_HALF = 32
"""Bits of a pair that its second syllable takes."""


@dataclass(frozen=True)
class Terms:
    """The terms of an index. The place of a syllable is its number; pairs come after the syllables."""

    syllables: tuple[str, ...]
    """In order."""
    pairs: Integers = field(repr=False)
    """Ascending: number of the first << 32 | number of the second."""

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {syllable: number for number, syllable in enumerate(self.syllables)}

    def __len__(self) -> int:
        return len(self.syllables) + len(self.pairs)

    def place(self, term: str) -> int | None:
        """Of a syllable, or of a pair joined by an underscore; None for one that no passage holds."""
        one, joined, other = term.partition("_")
        first = self._numbers.get(one)
        if first is None or not joined:
            return first
        second = self._numbers.get(other)
        if second is None:
            return None
        pair = first << _HALF | second
        at = int(self.pairs.searchsorted(pair))
        return len(self.syllables) + at if at < len(self.pairs) and self.pairs[at] == pair else None

    def renumbered(self, numbers: Integers) -> Integers:
        """The pairs, where their syllables have other numbers, in the same order as before."""
        first, second = numbers[self.pairs >> _HALF], numbers[self.pairs & ((1 << _HALF) - 1)]
        moved: Integers = first << _HALF | second
        return moved


@dataclass(frozen=True)
class Counts:
    """`rows`: passages by terms, of shape (passages, len(terms)). Every term stands in some passage."""

    terms: Terms
    rows: csr_array

    @classmethod
    def of(cls, passages: Sequence[Sequence[str]]) -> Counts:
        """Of the syllables of each passage, in reading order."""
        from scipy.sparse import coo_array  # only who builds needs it

        seen: dict[str, int] = {}
        lengths = np.fromiter(map(len, passages), dtype=np.int64, count=len(passages))
        spoken = np.fromiter((seen.setdefault(syllable, len(seen)) for syllable in chain.from_iterable(passages)), dtype=np.int64)
        syllables = tuple(sorted(seen))
        numbers = np.empty(len(syllables), dtype=np.int64)
        numbers[[seen[syllable] for syllable in syllables]] = np.arange(len(syllables))
        spoken, passage = numbers[spoken], np.repeat(np.arange(len(passages)), lengths)
        neighbours = np.flatnonzero(passage[1:] == passage[:-1])
        pairs, at = np.unique(spoken[neighbours] << _HALF | spoken[neighbours + 1], return_inverse=True)
        terms = Terms(syllables, pairs)
        places = (np.concatenate([passage, passage[neighbours]]), np.concatenate([spoken, at + len(syllables)]))
        rows = coo_array((np.ones(len(places[0]), dtype=np.int32), places), shape=(len(passages), len(terms))).tocsr()
        rows.sort_indices()
        return cls(terms, rows)

    def beside(self, other: Counts) -> Counts:
        """These passages, then the others."""
        from scipy.sparse import csr_array, vstack

        syllables = tuple(sorted({*self.terms.syllables, *other.terms.syllables}))
        number = {syllable: number for number, syllable in enumerate(syllables)}
        each = [np.array([number[syllable] for syllable in counts.terms.syllables], dtype=np.int64) for counts in (self, other)]
        renumbered = [counts.terms.renumbered(numbers) for counts, numbers in zip((self, other), each, strict=True)]
        terms = Terms(syllables, np.union1d(*renumbered))
        moved = []
        for counts, numbers, pairs in zip((self, other), each, renumbered, strict=True):
            places = np.concatenate([numbers, terms.pairs.searchsorted(pairs) + len(syllables)])
            rows = counts.rows
            moved.append(csr_array((rows.data, places[rows.indices], rows.indptr), shape=(rows.shape[0], len(terms))))
        return Counts(terms, vstack(moved, format="csr"))

    def taken(self, order: Integers) -> Counts:
        """The passages at these positions, in this order; terms that none of them holds are gone."""
        from scipy.sparse import csr_array

        rows = self.rows[order]
        held = np.zeros(len(self.terms), dtype=bool)
        held[rows.indices] = True
        places = np.cumsum(held) - 1
        many = len(self.terms.syllables)
        syllables = tuple(syllable for syllable, is_held in zip(self.terms.syllables, held, strict=False) if is_held)
        terms = Terms(syllables, self.terms.renumbered(places)[held[many:]])
        taken = csr_array((rows.data, places[rows.indices], rows.indptr), shape=(rows.shape[0], len(terms)))
        taken.sort_indices()
        return Counts(terms, taken)
