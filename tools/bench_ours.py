"""Our own search for the comparisons, in a process of its own like the others: `python -m tools.bench_ours WAY < trial.json`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from index import snapshot
from index.analysis import syllables, terms, with_pairs
from index.encoder import build_static
from index.lexical import LexicalIndex
from index.search import Retriever
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.loading import documents_in, load
from knowledge.places import load_gazetteer
from knowledge.text import marked_words, words
from tools.bench_worker import K, Search, measure
from tools.token_signals import BLEND, TokenStore

ROOT = Path(__file__).resolve().parent.parent
CANDIDATES = 30
"""Passages that get a second look."""
DENSE = 0.1
"""Weight of similarity beside BM25, as in index/search.py."""


def documents() -> Collection:
    """The project's own documents."""
    gazetteer = load_gazetteer()
    return Collection(tuple(load(path, gazetteer) for path in documents_in(ROOT / "knowledge" / "sources")))


def indexed(collection: Collection) -> list[str]:
    """What is indexed of each passage, in the order of the index."""
    return [snapshot.indexed_text(d.metadata.kind, p, collection.province(d)) for d in collection.documents for p in d.passages]


def product(passages: list[str]) -> Search:
    """Everything: reading the question, the lexicon, the encoder, the re-ranking. `passages` must be the project's own."""
    collection, gazetteer = documents(), load_gazetteer()
    if indexed(collection) != passages:
        sys.exit("bench: this way of searching is for the project's own documents.")
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as home:
        snapshot.build(Path(home), collection, "bench", snapshot.EMBEDDED, now)
        held = snapshot.open_current(Path(home))
    retriever, understanding = Retriever(held, gazetteer), Understanding.load(gazetteer)
    at = {passage.passage_id: position for position, passage in enumerate(held.passages)}

    def search(question: str) -> list[int]:
        query = retriever.mended(understanding.read(question, now.date()))
        return [at[hit.passage.passage_id] for hit in retriever.search(query, K)]

    return search


def bm25(passages: list[str]) -> Search:
    """BM25 over folded syllables and pairs, nothing else."""
    lexical = LexicalIndex.build([syllables(passage) for passage in passages])
    return lambda question: _best(lexical.scores(terms(question)))


def dense(passages: list[str]) -> Search:
    """BM25 and the static encoder, made of these passages."""
    lexical = LexicalIndex.build([syllables(passage) for passage in passages])
    with tempfile.TemporaryDirectory() as folder:
        encoder = build_static(passages, Path(folder) / "encoder")
    vectors = encoder.encode(passages)

    def search(question: str) -> list[int]:
        scores = lexical.scores(terms(question))
        similarity = np.maximum(vectors @ encoder.encode([question])[0], 0)
        return _best((1 - DENSE) * scores / max(float(scores.max()), 1e-9) + DENSE * similarity)

    return search


def signals(passages: list[str]) -> Search:
    """BM25, then the best candidates looked at again with tools/token_signals.py."""
    lexical = LexicalIndex.build([syllables(passage) for passage in passages])
    store = TokenStore.build(passages)

    def search(question: str) -> list[int]:
        asked = words(question)
        typed, pairs = lexical.scores(asked), lexical.scores(with_pairs(asked)[len(asked) :])
        candidates = np.array(_best(typed + pairs, CANDIDATES), dtype=np.int64)
        scores = BLEND.scores(typed[candidates], pairs[candidates], *store.signals(marked_words(question), candidates))
        return [int(at) for at in candidates[np.argsort(-scores, kind="stable")][:K]]

    return search


def _best(scores: np.ndarray, k: int = K) -> list[int]:
    """Positions of the k highest scores above zero, best first; the earlier passage where two are the same."""
    k = min(k, len(scores))
    least = np.partition(scores, -k)[-k]
    some = np.flatnonzero((scores >= least) & (scores > 0))
    return [int(at) for at in some[np.argsort(-scores[some], kind="stable")][:k]]


WAYS: dict[str, Callable[[list[str]], Search]] = {"product": product, "bm25": bm25, "dense": dense, "signals": signals}


def main() -> None:
    """Reads {passages, questions} on standard input, writes what `measure` says on standard output."""
    trial = json.load(sys.stdin)
    json.dump(measure(WAYS[sys.argv[1]], trial["passages"], trial["questions"]), sys.stdout)


if __name__ == "__main__":
    main()
