"""Lexical search: bm25s over folded syllable uni- and bigrams. k1 .9, b .4 beat 1.2/.75 on colloquial questions (docs/decisions/)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from knowledge.errors import SnapshotDamaged

_K1, _B = 0.9, 0.4

Scores = npt.NDArray[np.float32]


class LexicalIndex:
    """BM25 scores of all passages for a bag of terms. Positions are those of the texts it was built from."""

    def __init__(self, engine: bm25s.BM25) -> None:
        self._engine = engine
        self._vocabulary: dict[str, int] = engine.vocab_dict

    @classmethod
    def build(cls, documents: Sequence[Sequence[str]]) -> LexicalIndex:
        """From the terms of each passage."""
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG
        engine = bm25s.BM25(k1=_K1, b=_B)
        engine.index([list(terms) or ["∅"] for terms in documents], show_progress=False)
        return cls(engine)

    def save(self, folder: Path) -> None:
        """Into a folder of its own."""
        self._engine.save(str(folder), show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """SnapshotDamaged when the files do not fit."""
        try:
            engine = bm25s.BM25.load(str(folder))
        except Exception as error:  # numpy, json and bm25s each raise their own
            raise SnapshotDamaged("The lexical index is damaged. Run: trogiup index build.") from error
        return cls(engine)

    @property
    def size(self) -> int:
        """Passages held."""
        return int(self._engine.scores["num_docs"])

    @property
    def terms(self) -> Iterable[str]:
        """Every term that a passage holds."""
        return self._vocabulary.keys()

    def knows(self, term: str) -> bool:
        """Whether any passage holds the term."""
        return term in self._vocabulary

    def held_by(self, term: str) -> int:
        """How many passages hold the term."""
        at = self._vocabulary.get(term)
        starts = self._engine.scores["indptr"]
        return 0 if at is None else int(starts[at + 1] - starts[at])

    def scores(self, terms: Sequence[str]) -> Scores:
        """Shape (passages,), float32; terms that no passage holds count nothing."""
        known = [term for term in terms if term in self._vocabulary]
        if not known:
            return np.zeros(self.size, dtype=np.float32)
        return np.asarray(self._engine.get_scores(known), dtype=np.float32)
