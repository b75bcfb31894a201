"""What the gold questions teach about finding: each question with the passages that answer it. Shared by tools.train and tools.ablation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from index import snapshot
from index.evaluation.gold import holds, is_from, read_gold
from index.model import Query
from index.search import Retriever
from index.snapshot import EMBEDDED, Snapshot
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.loading import documents_in, load
from knowledge.model import Document, Passage
from knowledge.places import Gazetteer

ROOT = Path(__file__).resolve().parent.parent
AS_OF = date(2026, 11, 22)
"""The day the questions are asked on."""
_AT_ONCE = 160
"""Characters: a heading this near above a passage is quoted with it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question as it is searched for. `relevant`: positions of the passages that answer it; none where the documents do not."""

    gold: dict[str, Any]
    query: Query
    relevant: frozenset[int]


@contextmanager
def built(gazetteer: Gazetteer, change: Callable[[Collection], Collection] = lambda same: same) -> Iterator[Snapshot]:
    """A snapshot of the project's own documents, changed by `change`, in a folder that is gone afterwards."""
    collection = Collection(tuple(load(path, gazetteer) for path in documents_in(ROOT / "knowledge" / "sources")))
    with TemporaryDirectory(prefix="trogiup-") as home:
        snapshot.build(Path(home), change(collection), "", EMBEDDED, datetime(AS_OF.year, AS_OF.month, AS_OF.day, tzinfo=UTC))
        yield snapshot.open_current(Path(home))


def examples(retriever: Retriever, understanding: Understanding, path: Path) -> list[Example]:
    """The questions of a gold file that search has to answer or to refuse: no follow-ups, no telephone numbers, no facts of a document."""
    found = []
    for gold in read_gold(path):
        if gold["history"] or {"hotline", "directory"} & set(gold["tags"]) or gold["kind"] not in ("answer", "abstain"):
            continue
        if gold["kind"] == "answer" and not gold["evidence"]:
            continue
        query = understanding.read(gold["question"], AS_OF)
        if not query.fact:
            found.append(Example(gold, retriever.mended(query), relevant(retriever.snapshot, gold) if gold["evidence"] else frozenset()))
    return found


def relevant(opened: Snapshot, gold: dict[str, Any]) -> frozenset[int]:
    """Positions of the passages whose quote holds an evidence."""
    documents = {d.document_id: d for d in opened.collection.documents if is_from(gold, d.source_file)}
    return frozenset(
        at
        for at, passage in enumerate(opened.passages)
        if passage.document_id in documents and holds(gold, _quoted(documents[passage.document_id], passage))
    )


def _quoted(document: Document, passage: Passage) -> str:
    start = passage.span.start
    if passage.heading_spans and 0 <= start - passage.heading_spans[-1].start <= _AT_ONCE:
        start = passage.heading_spans[-1].start
    return document.text[start : passage.span.end]


def groups(found: Sequence[Example]) -> list[int]:
    """A number for each example, the same for those that share a passage, directly or through others; -1 where no passage answers."""
    parent: dict[int, int] = {}

    def root(at: int) -> int:
        while parent.setdefault(at, at) != at:
            at = parent[at]
        return at

    for example in found:
        first, *rest = sorted(example.relevant) or [-1]
        for other in rest:
            parent[root(other)] = root(first)
    return [root(min(example.relevant)) if example.relevant else -1 for example in found]
