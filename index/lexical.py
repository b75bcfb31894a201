"""Lexical search: bm25s over folded syllable uni- and bigrams. k1 .9, b .4 beat 1.2/.75 on colloquial questions (docs/decisions/).

bm25s scores; the counts that the scores are made of are kept beside them (counts.py). One document more changes the rarity of every word,
so all scores are worked out again, which takes numpy a moment; the words of the other documents are not counted again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import numpy.typing as npt

from index.counts import Counts, Integers, Terms
from knowledge.errors import SnapshotDamaged

_K1, _B = 0.9, 0.4
_ARRAYS = ("pairs", "starts", "passages", "counts", "scores")

Scores = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]


class LexicalIndex:
    """BM25 scores of all passages for a bag of terms. Positions are those of the passages it was built from."""

    def __init__(self, size: int, terms: Terms, starts: Numbers, passages: Numbers, counts: Numbers, scores: Scores) -> None:
        """`passages`, `counts`, `scores`: term by term; those of the term at place p lie from `starts[p]` to `starts[p + 1]`."""
        self.size = size
        """Passages held."""
        self._terms = terms
        self._starts, self._passages, self._counts, self._scores = starts, passages, counts, scores
        self._engine = bm25s.BM25(k1=_K1, b=_B)
        self._engine.scores = {"data": scores, "indices": passages, "indptr": starts, "num_docs": size}
        self._engine.nonoccurrence_array = None  # in this form of BM25 a word that is not there counts nothing

    @classmethod
    def build(cls, passages: Sequence[Sequence[str]]) -> LexicalIndex:
        """From the syllables of each passage (analysis.syllables), in reading order."""
        return cls._of(Counts.of(passages))

    def changed(self, kept: Integers, new: Sequence[Sequence[str]]) -> LexicalIndex:
        """The same as built anew, of other passages: `kept` says for each where it stands here, -1 for the next one of `new`."""
        from scipy.sparse import csc_array

        rows = csc_array((self._counts, self._passages, self._starts), shape=(self.size, len(self._terms))).tocsr()
        both = Counts(self._terms, rows).beside(Counts.of(new))
        order = np.where(kept < 0, self.size + np.cumsum(kept < 0) - 1, kept)
        return self._of(both.taken(order))

    @classmethod
    def _of(cls, held: Counts) -> LexicalIndex:
        """With the scores as bm25s works them out (its `lucene`), in the same steps of precision."""
        size, columns = held.rows.shape[0], held.rows.tocsc()
        # A passage without a word is as long as one of one word, as it is for bm25s, which cannot hold an empty one.
        lengths = np.maximum(held.rows.sum(axis=1), 1)
        holders = np.diff(columns.indptr)
        rarity = np.log(1 + (size - holders + 0.5) / (holders + 0.5)).astype(np.float32)
        norms = _K1 * ((1 - _B) + _B * lengths / lengths.mean())
        share = columns.data / (norms[columns.indices] + columns.data)
        scores = (np.repeat(rarity, holders) * share).astype(np.float32)
        starts, passages, counts = (each.astype(np.int32) for each in (columns.indptr, columns.indices, columns.data))
        return cls(size, held.terms, starts, passages, counts, scores)

    def save(self, folder: Path) -> None:
        """Into a folder of its own. OSError when it does not fit."""
        folder.mkdir()
        said = {"passages": self.size, "syllables": self._terms.syllables}
        (folder / "terms.json").write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
        arrays: tuple[npt.NDArray[Any], ...] = (self._terms.pairs, self._starts, self._passages, self._counts, self._scores)
        for name, array in zip(_ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """What is in the files is read when it is asked for, and shared by all who have it open. SnapshotDamaged when they do not fit."""
        try:
            said = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
            pairs, *arrays = (np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in _ARRAYS)
            terms, size = Terms(tuple(said["syllables"]), pairs), int(said["passages"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SnapshotDamaged("The lexical index is damaged. Run: trogiup index build.") from error
        starts, *values = arrays
        if len(starts) != len(terms) + 1 or {len(each) for each in values} != {int(starts[-1])}:
            raise SnapshotDamaged("The lexical index is damaged: its files do not belong together. Run: trogiup index build.")
        return cls(size, terms, starts, *values)

    def knows(self, term: str) -> bool:
        """Whether any passage holds the term."""
        return self._terms.place(term) is not None

    def held_by(self, term: str) -> int:
        """How many passages hold the term."""
        at = self._terms.place(term)
        return 0 if at is None else int(self._starts[at + 1] - self._starts[at])

    def scores(self, terms: Sequence[str]) -> Scores:
        """Shape (passages,), float32; terms that no passage holds count nothing."""
        known = [place for place in map(self._terms.place, terms) if place is not None]
        if not known:
            return np.zeros(self.size, dtype=np.float32)
        return np.asarray(self._engine.get_scores_from_ids(known), dtype=np.float32)
