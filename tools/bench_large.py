"""Search over a large collection, `python -m tools.bench_large [PASSAGES]` (100,000 by default): one core, ms, seconds and MB.

The passages are Wikipedia paragraphs, an article a document; where there are too few, they come again with a number before them. The
encoder is made of every tenth. Questions: runs of words out of passages, at even distances, some words left out.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import faiss
import numpy as np

from actions.answering import Answerer
from actions.model import Context
from actions.notices import Notices
from actions.texts import Texts
from index import dense, snapshot
from index.analysis import syllables, terms
from index.answerability import Answerability
from index.demands import Demands
from index.dense import DenseIndex
from index.encoder import Vectors, build_static
from index.lexical import LexicalIndex
from index.search import Retriever
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.directory import Directory
from knowledge.model import Document, Metadata, Passage, Span
from knowledge.places import load_gazetteer
from knowledge.reorganisation import load_successions
from tools.bench_collections import articles, data_folder
from tools.bench_worker import resident_mb

ROOT = Path(__file__).resolve().parent.parent
PASSAGES, QUESTIONS = 100_000, 200
LIMIT_MS = 60.0
"""p95 of search with re-ranking and the answer, on one core at 100,000 passages."""
_PLAIN = Metadata(None, None, None, None, None, None, None, None, None, None, (), None)


def texts(folder: Path, count: int) -> Iterator[list[str]]:
    """Articles as lists of paragraphs, so many paragraphs in all."""
    left, turn = count, 0
    while left > 0:
        for paragraphs in articles(folder):
            some = [f"{turn} {paragraph}" if turn else paragraph for paragraph in paragraphs[:left]]
            left -= len(some)
            if some:
                yield some
        turn += 1


def collection(found: Sequence[Sequence[str]]) -> Collection:
    """Each article as a document."""
    return Collection(tuple(_document(f"wiki-{number}", paragraphs) for number, paragraphs in enumerate(found)))


def _document(name: str, paragraphs: Sequence[str]) -> Document:
    passages, start = [], 0
    for at, text in enumerate(paragraphs):
        passages.append(Passage(f"{name}-{at}", name, text, Span(start, start + len(text)), ()))
        start += len(text) + 1
    return Document(name, f"{name}.txt", "\n".join(paragraphs), _PLAIN, passages=tuple(passages))


def questions(held: Collection) -> list[str]:
    """Eight to twelve words out of a passage, every fourth left out."""
    passages = held.passages
    asked = []
    for number in range(QUESTIONS):
        spoken = passages[number * len(passages) // QUESTIONS].text.split()
        first = number % max(1, len(spoken) - 12)
        asked.append(" ".join(word for at, word in enumerate(spoken[first : first + 8 + number % 5]) if at % 4 != 3))
    return asked


def spread(call: Callable[[str], object], asked: Sequence[str]) -> tuple[float, float]:
    """p50 and p95 in ms, nearest rank, after ten unmeasured calls."""
    for question in asked[:10]:
        call(question)
    taken = []
    for question in asked:
        began = time.perf_counter()
        call(question)
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return taken[math.ceil(0.5 * len(taken)) - 1], taken[math.ceil(0.95 * len(taken)) - 1]


class Report:
    """Lines as they come, on standard output and kept."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float | str]] = []

    def add(self, what: str, **values: float) -> None:
        """One row."""
        self.rows.append({"what": what, **values})
        print(f"{what:44}" + "  ".join(f"{name} {value:.2f}" for name, value in values.items()), flush=True)

    @contextmanager
    def building(self, what: str) -> Iterator[None]:
        """Seconds and megabytes of a step."""
        before, began = resident_mb(), time.perf_counter()
        yield
        self.add(what, seconds=time.perf_counter() - began, mb=resident_mb() - before)


def nearest(report: Report, vectors: Vectors, asked: Vectors) -> DenseIndex:
    """Flat and cells over the same vectors: latency, and how many of the 200 nearest the cells find. Returns what the size would choose."""
    built: dict[str, DenseIndex] = {}
    chosen = dense.FLAT_UP_TO
    try:
        for name, dense.FLAT_UP_TO in (("flat", len(vectors)), ("IVF", 0)):
            with report.building(f"dense, {name}: build"):
                built[name] = DenseIndex.build(vectors)
    finally:
        dense.FLAT_UP_TO = chosen
    at = {str(number): vector for number, vector in enumerate(asked)}
    for name, index in built.items():
        p50, p95 = spread(lambda number, index=index: index.search(at[number], 200), list(at))  # type: ignore[misc]
        shares = [len({*index.search(v, 200)[0]} & {*built["flat"].search(v, 200)[0]}) / 200 for v in asked]
        report.add(f"dense, {name}: search", p50_ms=p50, p95_ms=p95, recall_200=float(np.mean(shares)))
    return built["flat" if len(vectors) <= chosen else "IVF"]


def measure(report: Report, held: Collection, asked: Sequence[str]) -> float:
    """All rows; returns the p95 of search and answer together in ms."""
    bodies = [passage.text for passage in held.passages]
    with report.building("lexical: build"):
        lexical = LexicalIndex.build([syllables(text) for text in bodies])
    split = [terms(question) for question in asked]
    of = dict(zip(asked, split, strict=True))
    p50, p95 = spread(lambda question: lexical.scores(of[question]), asked)
    report.add("lexical: scores", p50_ms=p50, p95_ms=p95)
    with TemporaryDirectory() as folder, report.building("encoder, of every tenth passage: build"):
        encoder = build_static(bodies[::10], Path(folder) / "encoder")
    with report.building("encoder: all passages"):
        vectors = encoder.encode(bodies)
    index = nearest(report, vectors, encoder.encode(list(asked)))
    manifest = snapshot.Manifest("bench", snapshot.FORMAT, "", "", snapshot.EMBEDDED, "", len(held.documents), len(bodies), 0, {})
    gazetteer = load_gazetteer()
    with report.building("retriever: open"):
        retriever = Retriever(snapshot.Snapshot(manifest, held, lexical, index, encoder), gazetteer)
    understanding = Understanding.load(gazetteer)
    today = date(2026, 1, 1)
    queries = {question: replace(understanding.read(question, today), provinces=(), numbers=()) for question in asked}
    p50, p95 = spread(lambda question: understanding.read(question, today), asked)
    report.add("reading the question", p50_ms=p50, p95_ms=p95)
    p50, p95 = spread(lambda question: retriever.mended(queries[question]), asked)
    report.add("spelling", p50_ms=p50, p95_ms=p95)
    texts_of = Texts.load()
    notices = Notices(texts_of, gazetteer, load_successions())
    answerer = Answerer(retriever, texts_of, notices, Directory.load(), Answerability.load(), Demands.load())
    # First, while hardly a passage has been read: in so large a collection the same one is seldom found twice.
    whole = spread(lambda question: answerer.answer(queries[question], Context()), asked)
    report.add("search, re-ranking and answer", p50_ms=whole[0], p95_ms=whole[1], limit_ms=LIMIT_MS)
    p50, p95 = spread(lambda question: retriever.search(queries[question], 12), asked)
    report.add("search with re-ranking, passages read", p50_ms=p50, p95_ms=p95)
    kinds = Counter(answerer.answer(query, Context()).kind for query in queries.values())
    report.add("what they were answered", **{kind: float(count) for kind, count in kinds.items()})
    report.add("memory of the process", mb=resident_mb())
    return whole[1]


def main(arguments: Sequence[str]) -> int:
    """Prints the rows and writes them under var/bench/; 1 where search takes too long."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    faiss.omp_set_num_threads(1)
    data = data_folder()
    if data is None:
        return 0
    count = int(arguments[0]) if arguments else PASSAGES
    held = collection(list(texts(data, count)))
    report = Report()
    report.add(f"{count} passages", documents=len(held.documents))
    slowest = measure(report, held, questions(held))
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"large-{count}.json").write_text(json.dumps(report.rows, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0 if slowest <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
