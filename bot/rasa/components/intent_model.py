"""Which intent a list of words has: TF-IDF over syllables and over letters, and a logistic regression. No Rasa in here.

Words come folded, so that text with and without diacritics is one and the same to the model: measured on our examples, that is as good
as training on both forms. Recognising needs numpy alone; only fitting calls scikit-learn.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def syllable_features(words: Sequence[str]) -> list[str]:
    """Single words and pairs of neighbours; the ends of the message count as neighbours."""
    ends = ["<", *words, ">"]
    return [*words, *(f"{left} {right}" for left, right in pairwise(ends))]


def letter_features(words: Sequence[str], shortest: int = 2, longest: int = 5) -> list[str]:
    """Runs of 2 to 5 letters within each word, its edges marked by blanks."""
    padded = [f" {word} " for word in words]
    return [word[at : at + size] for word in padded for size in range(shortest, longest + 1) for at in range(len(word) - size + 1)]


@dataclass(frozen=True)
class TermWeights:
    """A vocabulary with its inverse document frequencies; `idf` has one value a term, in the order of their indices."""

    index: dict[str, int]
    idf: Floats

    @classmethod
    def fit(cls, documents: Iterable[Iterable[str]]) -> TermWeights:
        """Smoothed idf, ln((1 + n) / (1 + df)) + 1, terms in alphabetical order."""
        bags = [set(document) for document in documents]
        frequency = Counter(term for bag in bags for term in bag)
        terms = sorted(frequency)
        idf = np.log((1 + len(bags)) / (1 + np.array([frequency[term] for term in terms]))) + 1
        return cls({term: at for at, term in enumerate(terms)}, idf.astype(np.float32))

    def vector(self, document: Iterable[str]) -> tuple[NDArray[np.intp], Floats]:
        """Indices and values (1 + ln tf) · idf of the known terms, scaled to length 1."""
        counts = Counter(self.index[term] for term in document if term in self.index)
        at = np.array(sorted(counts), dtype=np.intp)
        values = (1 + np.log(np.array([counts[i] for i in at], dtype=np.float32))) * self.idf[at]
        return at, values / (np.linalg.norm(values) or 1)


@dataclass(frozen=True)
class IntentModel:
    """`weights`: one row a term (syllable terms, then letter terms), one column an intent; `bias`: one value an intent."""

    intents: tuple[str, ...]
    syllables: TermWeights
    letters: TermWeights
    weights: Floats
    bias: Floats

    @classmethod
    def fit(cls, texts: Sequence[Sequence[str]], intents: Sequence[str], *, c: float, max_iter: int, seed: int) -> IntentModel:
        """Fit on folded words and their intents, at least three of them. The same input gives the same model."""
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression

        syllables = TermWeights.fit(map(syllable_features, texts))
        letters = TermWeights.fit(map(letter_features, texts))
        untrained = cls((), syllables, letters, np.empty((0, 0), np.float32), np.empty(0, np.float32))
        vectors = [untrained._vector(words) for words in texts]
        starts = np.cumsum([0, *(len(at) for at, _ in vectors)])
        columns, values = (np.concatenate(part) for part in zip(*vectors, strict=True))
        matrix = csr_matrix((values, columns, starts), shape=(len(texts), len(syllables.idf) + len(letters.idf)), dtype=np.float64)
        regression = LogisticRegression(C=c, class_weight="balanced", max_iter=max_iter, random_state=seed).fit(matrix, list(intents))
        return cls(
            tuple(map(str, regression.classes_)),
            syllables,
            letters,
            np.ascontiguousarray(regression.coef_.T, dtype=np.float32),
            regression.intercept_.astype(np.float32),
        )

    def _vector(self, words: Sequence[str]) -> tuple[NDArray[np.intp], Floats]:
        near, near_values = self.syllables.vector(syllable_features(words))
        far, far_values = self.letters.vector(letter_features(words))
        return np.concatenate([near, far + len(self.syllables.idf)]), np.concatenate([near_values, far_values])

    def probabilities(self, words: Sequence[str]) -> list[tuple[str, float]]:
        """Every intent with its probability, the likeliest first."""
        at, values = self._vector(words)
        scores = values @ self.weights[at] + self.bias
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        return sorted(zip(self.intents, map(float, shares), strict=True), key=lambda pair: (-pair[1], pair[0]))

    def save(self, folder: Path) -> None:
        """Two files, `terms.json` and `weights.npz`: no pickle, so loading one runs nothing."""
        terms = {"intents": self.intents, "syllables": list(self.syllables.index), "letters": list(self.letters.index)}
        (folder / "terms.json").write_text(json.dumps(terms, ensure_ascii=False), encoding="utf-8")
        np.savez(folder / "weights.npz", weights=self.weights, bias=self.bias, syllables=self.syllables.idf, letters=self.letters.idf)

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """What `save` wrote."""
        terms = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
            syllables, letters = (
                TermWeights({term: at for at, term in enumerate(terms[name])}, arrays[name]) for name in ("syllables", "letters")
            )
            return cls(tuple(terms["intents"]), syllables, letters, arrays["weights"], arrays["bias"])
