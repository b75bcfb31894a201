"""Signals between a question and a passage that a bag of words does not have: how much of it one sentence says, and with which marks.

For the candidates of a search. Shares of the question's words weighted by rarity: 0…1, and comparable across questions. How much of the
passage holds, word order and nearness were tried too and gained nothing beside these (on questions as tools/bench_fit.py makes them).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from knowledge.text import fold, marked_words, sentences

Positions = npt.NDArray[np.int64]
Column = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Blend:
    """How BM25 and the signals are mixed. Fitted by tools/bench_fit.py on questions made of Wikipedia sentences."""

    typed: float
    """BM25 of the single syllables …"""
    pairs: float
    """… and of their pairs, both as shares of the best candidate's sum."""
    sentence: float
    marks: float

    def scores(self, typed: Column, pairs: Column, sentence: Column, marks: Column) -> Column:
        """One score for each candidate, shape (candidates,): comparable within one search."""
        best = max(float((typed + pairs).max(initial=0.0)), 1e-9)
        mixed = self.typed * typed / best + self.pairs * pairs / best + self.sentence * sentence + self.marks * marks
        return np.asarray(mixed, dtype=np.float32)


BLEND = Blend(typed=4.69, pairs=8.67, sentence=6.46, marks=2.76)


@dataclass(frozen=True)
class TokenStore:
    """The syllables of all passages in one flat array, as they are marked: 5 bytes a syllable."""

    ids: npt.NDArray[np.int32]
    """Shape (syllables of all passages,)."""
    opens: npt.NDArray[np.bool_]
    """Same shape: whether a sentence starts with this syllable."""
    starts: Positions
    """Shape (passages + 1,): where each passage begins in `ids`."""
    marked: dict[str, int]
    """Marked syllable → id."""
    folded: dict[str, tuple[int, ...]]
    """Folded syllable → ids of all that fold to it."""
    rarity: dict[str, float]
    """Folded syllable → inverse document frequency, as BM25 counts it."""
    unknown: float
    """That of a syllable which no passage holds."""

    @classmethod
    def build(cls, texts: Iterable[str]) -> TokenStore:
        """From the text of each passage."""
        marked: dict[str, int] = {}
        rows: list[npt.NDArray[np.int32]] = []
        opens: list[bool] = []
        held_by: dict[str, int] = {}
        for text in texts:
            said = [marked_words(text[start:end]) for start, end in sentences(text)]
            row = [marked.setdefault(word, len(marked)) for words in said for word in words]
            rows.append(np.array(row, dtype=np.int32))
            opens += [at == 0 for words in said for at in range(len(words))]
            for word in {fold(word) for words in said for word in words}:
                held_by[word] = held_by.get(word, 0) + 1
        forms: dict[str, list[int]] = {}
        for word, at in marked.items():
            forms.setdefault(fold(word), []).append(at)
        count = len(rows)
        return cls(
            ids=np.concatenate([np.zeros(0, np.int32), *rows]),
            opens=np.array(opens, dtype=np.bool_),
            starts=np.cumsum([0, *map(len, rows)], dtype=np.int64),
            marked=marked,
            folded={word: tuple(found) for word, found in forms.items()},
            rarity={word: float(np.log(1 + (count - held + 0.5) / (held + 0.5))) for word, held in held_by.items()},
            unknown=float(np.log(1 + (count + 0.5) / 0.5)),
        )

    def signals(self, asked: Sequence[str], candidates: Positions) -> tuple[Column, Column]:
        """Two columns, shape (candidates,): the share of the question that stands in the passage's best sentence, whatever its marks;
        and the share that stands in the passage with the very marks of the question, zero where the question has none.

        `asked`: the question's syllables, marked as typed (knowledge.text.marked_words).
        """
        slots = {word: slot for slot, word in enumerate(dict.fromkeys(map(fold, asked)))}
        sentence, marks = np.zeros(len(candidates), np.float32), np.zeros(len(candidates), np.float32)
        if not slots or not len(candidates):
            return sentence, marks
        weights = np.array([self.rarity.get(word, self.unknown) for word in slots])
        slot_of = np.full(len(self.marked), -1, dtype=np.int64)
        for word, slot in slots.items():
            slot_of[list(self.folded.get(word, ()))] = slot

        spans = [(int(self.starts[at]), int(self.starts[at + 1])) for at in candidates]
        places = np.fromiter(chain.from_iterable(range(*span) for span in spans), dtype=np.int64)
        passage = np.repeat(np.arange(len(spans)), [end - start for start, end in spans])
        tokens, spoken = self.ids[places], np.cumsum(self.opens[places]) - 1
        found = np.flatnonzero(slot_of[tokens] >= 0)
        tokens, spoken, passage = tokens[found], spoken[found], passage[found]

        of = np.zeros(int(spoken.max(initial=-1)) + 1, dtype=np.int64)
        of[spoken] = passage
        np.maximum.at(sentence, of, _held(spoken, slot_of[tokens], weights, len(of)))
        if any(fold(word) != word for word in asked):
            typed = [self.marked[word] for word in dict.fromkeys(asked) if word in self.marked]
            same = np.isin(tokens, typed)
            marks = _held(passage[same], slot_of[tokens[same]], weights, len(candidates))
        return sentence, marks


def _held(group: Positions, slot: Positions, weights: npt.NDArray[np.float64], count: int) -> Column:
    """The share of all weight that the distinct slots of each group have, shape (count,)."""
    pairs = np.unique(group * len(weights) + slot)
    gathered = np.bincount(pairs // len(weights), weights[pairs % len(weights)], count)
    return np.asarray(gathered / weights.sum(), dtype=np.float32)
