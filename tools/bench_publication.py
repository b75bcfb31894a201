"""Publishing into a large knowledge base, `python -m tools.bench_publication [PASSAGES]` (100,000 by default): seconds and ms.

Made-up plans of a hundred passages each, of the words of the five that come with the product, in a home of their own. One more is published
by the way that staff take, the index built in a process of its own, while somebody goes on asking in this one; then it is rolled back.
The encoder that all of it begins with is made of every tenth passage: making it is not what is measured. CPU seconds, of the thread that
does it and of its child processes, say what a machine needs that does nothing else; those asking are not among them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest.mock import patch

from actions.model import Context
from bot.knowledge_base import SOURCES
from bot.services import Services
from bot.settings import Settings
from index import snapshot
from index.encoder import build_static
from knowledge.collection import dump_metadata
from knowledge.loading import assemble, documents_in, load
from knowledge.model import Document
from knowledge.reading.model import Extracted
from knowledge.store import Actor

ROOT = Path(__file__).resolve().parent.parent
PASSAGES, PER_DOCUMENT = 100_000, 100
PUBLISH_S, PAUSE_MS, ROLL_BACK_S = 30.0, 50.0, 3.0
"""Promised: one document published, the longest wait that the swap adds, the older state back."""
_EDITOR, _APPROVER = Actor("editor"), Actor("approver")
_HEAD = """ỦY BAN NHÂN DÂN
TỈNH {province}
Số: {number}/KH-UBND
{place}, ngày 12 tháng 3 năm 2026
KẾ HOẠCH
{title} giai đoạn 2026 - 2030
Căn cứ Quyết định số 565/QĐ-TTg ngày 25 tháng 4 năm 2017 của Thủ tướng Chính phủ;
I. NỘI DUNG
"""


@dataclass
class Maker:
    """Plans out of a vocabulary, the same each time."""

    vocabulary: Sequence[str]
    chance: Random = field(default_factory=lambda: Random(20261122))  # noqa: S311 - words of a bench, no secret

    def plan(self, number: int, clauses: int) -> str:
        """The text of one."""
        place = ("Lào Cai", "Đồng Nai", "Cà Mau", "Hà Nam", "Hưng Yên")[number % 5]
        head = _HEAD.format(province=place.upper(), place=place, number=number, title=f"Trợ giúp {self._words(4, 9)}")
        return head + "".join(f"{at}. {self._words(20, 60).capitalize()}.\n" for at in range(1, clauses + 1))

    def _words(self, least: int, most: int) -> str:
        return " ".join(self.chance.choices(self.vocabulary, k=self.chance.randint(least, most)))


@dataclass
class Asking:
    """Somebody who goes on asking, one question after the other, and how long each took."""

    services: Services
    questions: Sequence[str]
    waited: list[tuple[float, float]] = field(default_factory=list)
    """When it was asked (time.perf_counter) and ms."""
    _ends: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        at = 0
        while not self._ends.is_set():
            query = self.services.understanding.read(self.questions[at % len(self.questions)], date(2026, 5, 4))
            began = time.perf_counter()
            self.services.answerer().answer(query, Context())
            self.waited.append((began, (time.perf_counter() - began) * 1000))
            at += 1
            time.sleep(0.02)

    def end(self) -> None:
        """No more questions."""
        self._ends.set()
        self._thread.join()

    def between(self, first: float, last: float) -> list[float]:
        """Waits, in order of length, of those who waited at any moment of that time; 0 where nobody did."""
        return sorted(ms for began, ms in self.waited if began <= last and first <= began + ms / 1000) or [0.0]


class Report:
    """Rows as they come, and whether each keeps its limit."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float | str]] = []
        self.kept = True

    def add(self, what: str, limit: float | None = None, **values: float) -> None:
        """One row; the first value is what the limit is about."""
        first = next(iter(values.values()))
        self.kept = self.kept and (limit is None or first <= limit)
        self.rows.append({"what": what, **values, **({} if limit is None else {"limit": limit})})
        said = "  ".join(f"{name} {value:.2f}" for name, value in values.items())
        print(f"{what:46}{said}{'' if limit is None else f'  (limit {limit:g})'}", flush=True)


def fill(services: Services, maker: Maker, count: int) -> None:
    """So many documents, published."""
    for number in range(1, count + 1):
        document = _read(services, maker.plan(number, PER_DOCUMENT), number)
        _add(services, document)
        services.store.documents.publish(document.document_id)


def _read(services: Services, text: str, number: int) -> Document:
    return assemble(f"plan-{number}.txt", Extracted(text), services.gazetteer, f"plan-{number}")


def _add(services: Services, document: Document) -> int:
    return services.store.documents.add_version(
        document.document_id,
        source_file=document.source_file,
        content=document.text.encode(),
        text=document.text,
        metadata_json=dump_metadata(document.metadata),
        warnings=document.metadata.warnings,
    )


def checked(services: Services, document: Document) -> dict[str, object]:
    """A draft that has passed the gate (which is not measured here) and waits to be approved; what the publishing job needs."""
    version = _add(services, document)
    work = services.store.drafts.begin(document.document_id, version, document.text, ())
    corpus = services.publisher().corpus_with(document.document_id, version)
    services.store.drafts.record_gate(work, [], corpus, _EDITOR)
    work = services.knowledge_base.work(document.document_id, version)
    services.store.drafts.check(work, corpus, _EDITOR)
    return {"document_id": document.document_id, "version": version, "revision": work.revision}


def _cpu() -> float:
    """Seconds of work of this thread and of the child processes that have ended."""
    spent = os.times()
    return time.thread_time() + spent.children_user + spent.children_system


def measure(report: Report, home: Path, passages: int) -> None:
    """All rows."""
    services = Services.open(replace(Settings.load({**os.environ, "TROGIUP_HOME": str(home)}, ROOT), home=home))
    vocabulary = [word for file in documents_in(SOURCES) for word in load(file, services.gazetteer).text.split() if word.isalpha()]
    maker, count = Maker(vocabulary), passages // PER_DOCUMENT
    fill(services, maker, count)
    began = time.perf_counter()
    with patch.object(snapshot, "build_static", lambda texts, folder: build_static(texts[::10], folder)):
        manifest = services.knowledge_base.build()
    report.add("everything built anew", seconds=time.perf_counter() - began, passages=manifest.passages)
    began, worked = time.perf_counter(), _cpu()
    services.warm()
    report.add("opened by a program that starts", seconds=time.perf_counter() - began, cpu_seconds=_cpu() - worked)
    payload = checked(services, _read(services, maker.plan(count + 1, PER_DOCUMENT), count + 1))
    swaps: list[tuple[float, float, float]] = []

    def swapped() -> None:
        first, worked = time.perf_counter(), _cpu()
        services.refresh()
        swaps.append((first, time.perf_counter(), _cpu() - worked))

    worker = replace(services.publisher(), swapped=swapped)
    held = services.answerer().retriever.snapshot.passages
    asking = Asking(services, [" ".join(held[at * len(held) // 50].text.split()[1:10]) for at in range(50)])
    quiet = time.perf_counter()
    time.sleep(3)
    began, worked = time.perf_counter(), _cpu()
    services.store.jobs.add("publish", payload, _APPROVER)
    worker.step()
    ended, worked = time.perf_counter(), _cpu() - worked
    (job,) = services.store.jobs.recent()
    if job.state != "done":
        raise SystemExit(f"not published: {job.said}")
    usual, building, swapping = asking.between(quiet, began), asking.between(began, swaps[0][0]), asking.between(*swaps[0][:2])
    report.add("one document published, until it answers", PUBLISH_S, seconds=ended - began, cpu_seconds=worked)
    report.add("  of which taking the new index up", seconds=swaps[0][1] - swaps[0][0], cpu_seconds=swaps[0][2])
    report.add("an answer before", p50_ms=usual[len(usual) // 2], max_ms=usual[-1])
    report.add("an answer while the index is built", p50_ms=building[len(building) // 2], max_ms=building[-1])
    report.add("an answer while it is taken up", p50_ms=swapping[len(swapping) // 2], max_ms=swapping[-1])
    report.add("longest wait that the swap adds", PAUSE_MS, ms=max(0.0, swapping[-1] - usual[-1]))
    last = services.store.publications.last()
    assert last is not None  # noqa: S101 - it has just been made
    began, worked = time.perf_counter(), _cpu()
    worker.roll_back(last.publication_id, _APPROVER)
    report.add("rolled back, until the older state answers", ROLL_BACK_S, seconds=time.perf_counter() - began, cpu_seconds=_cpu() - worked)
    asking.end()
    services.close()


def main(arguments: Sequence[str]) -> int:
    """Prints the rows and writes them under var/bench/; 1 where a limit is not kept."""
    passages = int(arguments[0]) if arguments else PASSAGES
    report = Report()
    with TemporaryDirectory(prefix="bench-publication-") as home:
        measure(report, Path(home), passages)
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"publication-{passages}.json").write_text(json.dumps(report.rows, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0 if report.kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
