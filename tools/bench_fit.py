"""Fits the weights of tools/token_signals.py, `python -m tools.bench_fit`: prints them, and what each signal gains by cross-validation.

On questions made of Wikipedia sentences, never on those of a benchmark: a hole is cut into a sentence and a question word put in its
place; of the words around it some are dropped, some replaced by any frequent word, and the two halves may change places. Passages are
whole articles, so that neighbours on the same subject compete. A sentence is what the questions are made of, so the gain of `sentence` is
an upper bound here; XQuAD-vi, scored afterwards, says what is left of it.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from index.analysis import syllables, with_pairs
from index.lexical import LexicalIndex
from knowledge.text import marked_words, nfc, sentences, words
from tools.bench_collections import Asked, Trial, articles, data_folder
from tools.token_signals import TokenStore

PASSAGES, QUESTIONS, CANDIDATES, SEED = 5_000, 4_000, 30, 1
NAMES = ("typed", "pairs", "sentence", "marks")
_ASKING = (
    "gì", "ai", "khi nào", "ở đâu", "bao nhiêu", "như thế nào", "nào", "vì sao", "cái gì", "loại nào", "người nào", "những gì", "là gì",
    "năm nào",
)  # fmt: skip
_DROPPED, _REPLACED, _L2 = 0.35, 0.25, 1e-3
_PER_ARTICLE = (4, 12)
"""Paragraphs of an article: at least, at most."""

Matrix = npt.NDArray[np.float64]


def made_of(paragraphs: Sequence[Sequence[str]], passages: int, questions: int, rng: random.Random) -> Trial:
    """So many passages out of whole articles, and questions made of their sentences."""
    found = [some for some in paragraphs if len(some) >= _PER_ARTICLE[0]]
    rng.shuffle(found)
    texts: list[str] = []
    for some in found:
        if len(texts) + min(len(some), _PER_ARTICLE[1]) > passages:
            break
        texts += some[: _PER_ARTICLE[1]]
    frequent = Counter(word.lower() for text in texts for word in re.findall(r"[^\W\d_]+", text)).most_common(1500)
    asked: list[Asked] = []
    while len(asked) < questions:
        at = rng.randrange(len(texts))
        question = _question(texts[at], frequent, rng)
        if question:
            asked.append(Asked(nfc(question), frozenset([at])))
    return Trial("made of sentences", tuple(map(nfc, texts)), tuple(asked))


def _question(text: str, frequent: list[tuple[str, int]], rng: random.Random) -> str | None:
    spoken = [text[start:end] for start, end in sentences(text)]
    chosen = rng.randrange(len(spoken))
    line = re.findall(r"\w+", spoken[chosen])
    if not 10 <= len(line) <= 45:
        return None
    hole = rng.randrange(2, 7)
    first = rng.randrange(0, len(line) - hole)
    span = rng.randrange(6, 15)
    left = line[:first][-span:]
    right = line[first + hole :][: max(2, span - len(left) + 2)]
    halves = [half for half in (_thinned(left, frequent, rng), _thinned(right, frequent, rng)) if half]
    if rng.random() < 0.5:
        halves.reverse()
    if chosen and rng.random() < 0.3:  # what an earlier sentence named
        other = re.findall(r"\w+", spoken[rng.randrange(chosen)])
        start = rng.randrange(0, max(1, len(other) - 3))
        halves.insert(rng.randrange(len(halves) + 1), other[start : start + 3])
    asking = rng.choice(_ASKING).split()
    parts = [*halves, asking] if rng.random() < 0.6 else [asking, *halves]
    question = [word for part in parts for word in part]
    return f"{' '.join(question)}?" if len(question) >= 5 else None


def _thinned(line: Sequence[str], frequent: list[tuple[str, int]], rng: random.Random) -> list[str]:
    kept, skip = [], 0
    for word in line:
        if skip:
            skip -= 1
        elif rng.random() < _DROPPED / 1.8:
            skip = rng.randrange(0, 3)
        else:
            kept.append(word)
    common, weights = [word for word, _ in frequent], [count for _, count in frequent]
    return [rng.choices(common, weights)[0] if rng.random() < _REPLACED * (0.5 if word[0].isupper() else 1.2) else word for word in kept]


def examples(trial: Trial) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Signals of the candidates, shape (2 × questions, CANDIDATES, NAMES), as typed and without diacritics by turns; and where the right
    passage is among them, -1 where it is not."""
    lexical, store = LexicalIndex.build([syllables(text) for text in trial.passages]), TokenStore.build(trial.passages)
    rows, right = [], []
    for asked in (each for question in trial.questions for each in (question, question.stripped())):
        spoken = words(asked.text)
        typed, pairs = lexical.scores(spoken), lexical.scores(with_pairs(spoken)[len(spoken) :])
        candidates = np.argsort(-(typed + pairs), kind="stable")[:CANDIDATES]
        best = max(float((typed + pairs).max()), 1e-9)
        rows.append(
            np.column_stack([typed[candidates] / best, pairs[candidates] / best, *store.signals(marked_words(asked.text), candidates)])
        )
        right.append(next((n for n, at in enumerate(candidates) if at in asked.relevant), -1))
    return np.array(rows, dtype=np.float64), np.array(right)


def fitted(rows: Matrix, right: npt.NDArray[np.int64]) -> Matrix:
    """Weights, shape (signals,): the right candidate's likelihood in a softmax is greatest (ListNet, Cao et al. 2007)."""
    rows, right = rows[right >= 0], right[right >= 0]
    each = np.arange(len(right))

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        scores = rows @ weights
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        slope = ((likely[..., None] * rows).sum(axis=1) - rows[each, right]).mean(axis=0)
        return float(-np.log(likely[each, right] + 1e-12).mean() + _L2 * weights @ weights), slope + 2 * _L2 * weights

    return np.asarray(minimize(loss, np.full(rows.shape[2], 0.5), jac=True, method="L-BFGS-B").x)


def first_share(rows: Matrix, right: npt.NDArray[np.int64], weights: Matrix) -> float:
    """How many have the right passage first; a question whose right passage is no candidate has not."""
    return float(((rows @ weights).argmax(axis=1) == right).mean())


def cross_validated(rows: Matrix, right: npt.NDArray[np.int64], columns: Sequence[int]) -> Iterator[float]:
    """R@1 as typed and without diacritics with these columns alone, two folds by question."""
    fold = np.arange(len(right)) // 2 % 2
    used = rows[:, :, list(columns)]
    weights = [fitted(used[fold != held], right[fold != held]) for held in (0, 1)]
    for form in (0, 1):
        parts = [(fold == held) & (np.arange(len(right)) % 2 == form) for held in (0, 1)]
        yield sum(first_share(used[p], right[p], w) * p.sum() for p, w in zip(parts, weights, strict=True)) / sum(p.sum() for p in parts)


def main() -> int:
    """Prints the weights and the gains."""
    data: Path | None = data_folder()
    if data is None:
        return 1
    rows, right = examples(made_of(list(articles(data)), PASSAGES, QUESTIONS, random.Random(SEED)))  # noqa: S311
    for columns in ((0, 1), (0, 1, 2), (0, 1, 3), (0, 1, 2, 3)):
        typed, stripped = cross_validated(rows, right, columns)
        print(f"{', '.join(NAMES[at] for at in columns):32} R@1 {typed:.4f} | {stripped:.4f}")
    print(", ".join(f"{name}={weight:.2f}" for name, weight in zip(NAMES, fitted(rows, right), strict=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
