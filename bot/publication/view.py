"""What the pages show: documents by state, a draft's fields with where they were read, its lines beside what was made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from bot.knowledge_base import KnowledgeBase
from bot.publication.corrections import DAYS, FIELDS, as_read, fact_of, line_key
from knowledge.collection import Collection, parse_metadata
from knowledge.model import Document, Metadata, Relation, Status
from knowledge.reading.model import PAGE_BREAK
from knowledge.store import DocumentRow, Edit, Work
from knowledge.validity import status_on

_OPTIONAL = frozenset({"outlook_to", "reports_on"})
"""Fields that most plans have not."""
_QUOTE = 160
"""Characters of a quote beside a field."""
Waits = Literal["editor", "gate", "losses", "check", "approver", "nobody"]
Part = Literal["heading", "body", "front", "closing", "none"]


@dataclass(frozen=True)
class Listed:
    """A document in the overview. `latest` is its newest version's state; `waits`: for whom that version waits."""

    row: DocumentRow
    latest: str
    metadata: Metadata
    status: Status
    waits: Waits
    checked_by: str | None

    @property
    def name(self) -> str:
        """What it is called where it has no number."""
        return self.metadata.number or self.metadata.title or self.row.source_file


@dataclass(frozen=True)
class Field:
    """A field of the metadata in its form. `quote`: the words it was read off; `edited`: put there by hand."""

    name: str
    value: str
    kind: Literal["text", "date", "lines"]
    quote: str | None
    edited: bool

    @property
    def missing(self) -> bool:
        """Neither read nor put there, and every plan has it."""
        return not self.value and self.name not in _OPTIONAL


@dataclass(frozen=True)
class Line:
    """One line of a draft, `at` from 0: as it stands, as it was read where that is different, and what was made of it."""

    at: int
    text: str
    was: str | None
    part: Part
    level: int
    page: int | None
    """The page that begins with this line."""
    edited: bool


def listed(base: KnowledgeBase, today: date) -> list[Listed]:
    """Every document, those that wait for somebody first, the newest first."""
    works = base.store.drafts.all()
    published = [
        Document(one.document_id, one.source_file, "", parse_metadata(one.metadata_json)) for one in base.store.documents.published()
    ]
    held = Collection(tuple(published))
    found = []
    for row in base.store.documents.list():
        latest = "published" if row.published_version == row.latest_version else _state(base, row)
        work = works.get((row.document_id, row.latest_version))
        metadata = parse_metadata(row.metadata_json)
        status = held.status(held.document(row.document_id), today) if row.published_version else status_on(metadata, today)
        found.append(Listed(row, latest, metadata, status, waits_for(latest, work), work.checked_by if work else None))
    order = {"review": 0, "draft": 1, "published": 2, "retired": 3}
    return sorted(sorted(found, key=lambda one: one.row.added_at, reverse=True), key=lambda one: order[one.latest])


def _state(base: KnowledgeBase, row: DocumentRow) -> str:
    """Of the latest version where another may be published."""
    return row.state if row.published_version is None else base.store.documents.get(row.document_id, row.latest_version).state


def waits_for(state: str, work: Work | None) -> Waits:
    """Whose turn it is."""
    if state == "review":
        return "approver"
    if state != "draft":
        return "nobody"
    if work is None or work.gate_json is None:
        return "editor" if work is None else "gate"
    return "losses" if work.open_losses else "check"


def fields(metadata: Metadata, text: str, edits: Sequence[Edit]) -> list[Field]:
    """The form of the metadata. `edits`: those that fit."""
    by_hand = {edit.field for edit in edits}
    found = []
    for name in FIELDS:
        if name == "relations":
            continue  # a table of its own
        fact = fact_of(metadata, name)
        quote = fact and " ".join(fact.span.of(text).split())
        kind: Literal["text", "date", "lines"] = "date" if name in DAYS else "lines" if name == "based_on" else "text"
        found.append(
            Field(name, as_read(metadata, name), kind, quote[:_QUOTE] if quote and getattr(metadata, name) else None, name in by_hand)
        )
    return found


def relation_rows(metadata: Metadata, kept: int = 2) -> list[Relation | None]:
    """The table of relations, with some empty rows at its end."""
    return [*metadata.relations, *([None] * kept)]


def lines(document: Document, read_text: str, edits: Sequence[Edit]) -> Iterator[Line]:
    """The lines with words of a corrected document, in order."""
    corrected = {(edit.anchor, edit.nth) for edit in edits if edit.field in ("text", "heading")}
    read = read_text.split("\n")
    headings = sorted((section.heading.start, section.level) for section in document.sections)
    spans = sorted((passage.span.start, passage.span.end, passage.role) for passage in document.passages)
    start, page = 0, 1
    counts: dict[str, int] = {}
    for at, line in enumerate(document.text.split("\n")):
        end = start + len(line)
        new_page = PAGE_BREAK in line
        page += line.count(PAGE_BREAK)
        was = read[at].strip() if at < len(read) else ""
        nth = counts.get(was, 0)
        counts[was] = nth + 1
        changed = (was, nth) in corrected
        if line.strip() or changed:
            level = next((level for where, level in headings if start <= where < max(end, start + 1)), 0)
            role = next((role for first, last, role in spans if first < end and last > start), None)
            part: Part = "heading" if level else "none" if role is None else "body" if role == "heading" else role
            yield Line(at, line.strip(), was if was != line.strip() else None, part, level, page if new_page else None, changed)
        start = end + 1


@dataclass(frozen=True)
class Sheet:
    """The lines of one page; `number`: None for a document without pages."""

    number: int | None
    lines: tuple[Line, ...]


def sheets(document: Document, found: Iterable[Line]) -> list[Sheet]:
    """The lines page by page, pages without words too: their picture may hold what was not read."""
    if document.pages is None:
        return [Sheet(None, tuple(found))]
    by_page: dict[int, list[Line]] = {number: [] for number in range(1, document.pages + 1)}
    page = 1
    for line in found:
        page = line.page or page
        by_page.setdefault(page, []).append(line)
    return [Sheet(number, tuple(held)) for number, held in by_page.items()]


def line_of(text: str, at: int) -> tuple[str, int] | None:
    """How corrections know a line; None for one that is not there."""
    return line_key(text, at) if 0 <= at <= text.count("\n") else None
