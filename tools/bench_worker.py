"""One search engine at work, in a process of its own so that its memory is its own: `bench_worker.py ENGINE < trial.json > result.json`.

Run by tools/bench_engines.py with the Python of .venv-bench; imports nothing of the project. Every engine gets the same passages and
questions and keeps its own defaults: its tokenizer, its stop words, its parameters.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

K = 10
Search = Callable[[str], list[int]]


def rank_bm25(passages: list[str]) -> Search:
    """BM25Okapi, words split at blanks, as its README does."""
    import numpy as np
    from rank_bm25 import BM25Okapi

    engine = BM25Okapi([passage.split(" ") for passage in passages])

    def search(question: str) -> list[int]:
        scores = engine.get_scores(question.split(" "))
        return [int(at) for at in np.argsort(-scores, kind="stable")[:K] if scores[at] > 0]

    return search


def bm25s(passages: list[str]) -> Search:
    """Its tokenizer, which also takes English stop words out."""
    import bm25s as library

    engine = library.BM25()
    engine.index(library.tokenize(passages, show_progress=False), show_progress=False)
    count = min(K, len(passages))

    def search(question: str) -> list[int]:
        tokens = library.tokenize(question, show_progress=False)
        found, scores = engine.retrieve(tokens, k=count, show_progress=False)
        return [int(at) for at, score in zip(found[0], scores[0], strict=True) if score > 0]

    return search


def tantivy(passages: list[str]) -> Search:
    """The default tokenizer and query parser, the lenient one, since a question is no query language."""
    import tantivy as library

    builder = library.SchemaBuilder()
    builder.add_text_field("body", stored=False)
    builder.add_unsigned_field("at", stored=True)
    index = library.Index(builder.build())
    writer = index.writer()
    for at, passage in enumerate(passages):
        document = library.Document()
        document.add_text("body", passage)
        document.add_unsigned("at", at)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def search(question: str) -> list[int]:
        query, _ = index.parse_query_lenient(question, ["body"])
        return [searcher.doc(address)["at"][0] for _, address in searcher.search(query, K).hits]

    return search


def fts5(passages: list[str]) -> Search:
    """SQLite's default tokenizer and ranking; the words of the question joined by OR, since AND of them all finds nothing."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE passages USING fts5(body)")
    connection.executemany("INSERT INTO passages(rowid, body) VALUES (?, ?)", enumerate(passages))

    def search(question: str) -> list[int]:
        words = ["".join(letter for letter in word if letter.isalnum()) for word in question.split()]
        query = " OR ".join(f'"{word}"' for word in words if word)
        if not query:
            return []
        rows = connection.execute("SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT ?", (query, K))
        return [row[0] for row in rows]

    return search


def haystack(passages: list[str]) -> Search:
    """InMemoryDocumentStore with InMemoryBM25Retriever."""
    from haystack import Document
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore()
    store.write_documents([Document(id=str(at), content=passage) for at, passage in enumerate(passages)])
    retriever = InMemoryBM25Retriever(store)
    return lambda question: [int(document.id) for document in retriever.run(query=question)["documents"]][:K]


def txtai(passages: list[str]) -> Search:
    """Keyword search (BM25), the part of it that needs no model from a hub."""
    from txtai import Embeddings

    engine = Embeddings(keyword=True)
    engine.index([(at, passage, None) for at, passage in enumerate(passages)])
    return lambda question: [int(at) for at, _ in engine.search(question, K)]


ENGINES: dict[str, Callable[[list[str]], Search]] = {
    "rank_bm25": rank_bm25,
    "bm25s": bm25s,
    "tantivy": tantivy,
    "SQLite FTS5": fts5,
    "haystack": haystack,
    "txtai": txtai,
}


def resident_mb() -> float:
    """Resident set size of this process (proc(5), status)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


def measure(build: Callable[[list[str]], Search], passages: list[str], questions: list[str]) -> dict[str, object]:
    """What was found for each question and how long it took, in ms; the seconds of building, imports included; the memory gained, in MB."""
    before, began = resident_mb(), time.perf_counter()
    search = build(passages)
    built = time.perf_counter() - began
    for question in questions[:10]:
        search(question)
    found, taken = [], []
    for question in questions:
        began = time.perf_counter()
        found.append(search(question))
        taken.append((time.perf_counter() - began) * 1000)
    return {"found": found, "ms": taken, "build_s": built, "memory_mb": resident_mb() - before}


def main() -> None:
    """Reads {passages, questions} on standard input, writes what `measure` says on standard output."""
    trial = json.load(sys.stdin)
    json.dump(measure(ENGINES[sys.argv[1]], trial["passages"], trial["questions"]), sys.stdout)


if __name__ == "__main__":
    main()
