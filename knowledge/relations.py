"""Which document stands in for which, and since when: as the documents say, or staff, or two plans of one body on one subject show.

Numbers are not unique: each province has its own 5/KH-UBND. A document that says it replaces a number speaks of its own province.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import cast, get_args

from knowledge.model import Document, Relation, RelationKind
from knowledge.text import marked_words

_PERIOD = frozenset({"giai", "đoạn", "năm", "từ", "đến", "hết"})
"""What a title says of its years; with them gone, the titles of two plans on one subject are the same."""


@dataclass(frozen=True, slots=True)
class Successor:
    """What stands in for a document. `document`: None where it is not held; `since`: None where nobody knows, and it counts always."""

    number: str
    document: Document | None
    since: date | None

    def holds(self, day: date) -> bool:
        """Whether it does on that day."""
        return self.since is None or self.since <= day


def successors(documents: Iterable[Document], province: Callable[[Document], str | None]) -> Mapping[str, tuple[Successor, ...]]:
    """By the id of the document that is replaced, the latest first."""
    held = tuple(documents)
    found: dict[str, list[Successor]] = {}
    for document in held:
        for relation in document.metadata.relations:
            if relation.kind == "replaces":
                for old in _numbered(held, relation.number):
                    if old is not document and province(old) == province(document):
                        found.setdefault(old.document_id, []).append(_by(document, relation.since))
            elif relation.kind == "replaced_by":
                others = [other for other in _numbered(held, relation.number) if other is not document]
                near = [other for other in others if province(other) == province(document)] or others
                by = _by(near[0], relation.since) if len(near) == 1 else Successor(relation.number, None, relation.since)
                found.setdefault(document.document_id, []).append(by)
    for old, new in _same_subject(held, province):
        found.setdefault(old.document_id, []).append(_by(new, None))
    return {name: tuple(sorted(rows, key=lambda row: row.since or date.min, reverse=True)) for name, rows in found.items()}


def amendments(documents: Iterable[Document], province: Callable[[Document], str | None]) -> Mapping[str, tuple[Successor, ...]]:
    """By the id of the document that is amended, those that amend it."""
    held = tuple(documents)
    found: dict[str, list[Successor]] = {}
    for document in held:
        for relation in document.metadata.relations:
            for old in _numbered(held, relation.number) if relation.kind == "amends" else ():
                if old is not document and province(old) == province(document):
                    found.setdefault(old.document_id, []).append(_by(document, relation.since))
    return {name: tuple(rows) for name, rows in found.items()}


def as_line(relation: Relation) -> str:
    """As corrections keep it; `from_line` reads it."""
    return "|".join((relation.kind, relation.number, relation.since.isoformat() if relation.since else "", relation.source))


def from_line(line: str) -> Relation:
    """The inverse of `as_line`. ValueError for anything else."""
    kind, number, since, source = line.split("|", 3)
    if kind not in get_args(RelationKind):
        raise ValueError(kind)
    return Relation(cast(RelationKind, kind), number, date.fromisoformat(since) if since else None, source)


def _numbered(held: Iterable[Document], number: str) -> list[Document]:
    return [document for document in held if document.metadata.number == number]


def _by(document: Document, since: date | None) -> Successor:
    about = document.metadata
    begins = max((day for day in (about.issued_on, about.valid_from) if day), default=None)
    return Successor(about.number or about.title or document.source_file, document, since or begins)


def _same_subject(held: Iterable[Document], province: Callable[[Document], str | None]) -> Iterable[tuple[Document, Document]]:
    """Older and newer, of one body, under one title but for its years."""
    alike: dict[tuple[str | None, ...], list[Document]] = {}
    for document in held:
        about = document.metadata
        if about.number and about.title and about.issuer and about.issued_on and not about.reports_on:
            subject = " ".join(
                word for word in marked_words(about.title) if word not in _PERIOD and not any(char.isdigit() for char in word)
            )
            alike.setdefault((about.issuer, province(document), about.kind, subject), []).append(document)
    for rows in alike.values():
        rows.sort(key=lambda row: row.metadata.issued_on or date.min)
        for old, new in pairwise(rows):
            if old.metadata.issued_on != new.metadata.issued_on:
                yield old, new
