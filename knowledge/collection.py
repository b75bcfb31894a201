"""The published documents as one read-only whole: what the index is built from and what answers are read out of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from itertools import chain
from typing import Any

from knowledge.errors import KnowledgeError, UnknownDocument
from knowledge.model import Document, Fact, Metadata, Passage, Relation, Section, Span, Status
from knowledge.relations import Successor, amendments, successors
from knowledge.validity import status_on


@dataclass(frozen=True)
class Collection:
    """Documents by id, passages by id, and what one document says of another."""

    documents: tuple[Document, ...]

    @cached_property
    def _documents(self) -> Mapping[str, Document]:
        return {document.document_id: document for document in self.documents}

    @cached_property
    def _passages(self) -> Mapping[str, Passage]:
        return {passage.passage_id: passage for passage in self.passages}

    @cached_property
    def _numbered(self) -> Mapping[str, Document]:
        return {d.metadata.number: d for d in self.documents if d.metadata.number}

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """Every passage, document by document, in reading order."""
        return tuple(chain.from_iterable(document.passages for document in self.documents))

    def document(self, document_id: str) -> Document:
        """UnknownDocument when there is none of that id."""
        found = self._documents.get(document_id)
        if found is None:
            raise UnknownDocument("No document of that id. List the ids: trogiup docs list", document_id=document_id)
        return found

    def passage(self, passage_id: str) -> Passage | None:
        """The passage of that id, None when a newer snapshot no longer has it."""
        return self._passages.get(passage_id)

    def numbered(self, number: str) -> Document | None:
        """The document of that number (2735/KH-UBND)."""
        return self._numbered.get(number)

    def original(self, document: Document) -> Document | None:
        """For a secondary source: the document it tells about, if we hold it."""
        return self._numbered.get(document.metadata.reports_on) if document.metadata.reports_on else None

    def province(self, document: Document) -> str | None:
        """The province a document is about; a secondary source takes it from its original."""
        original = self.original(document)
        return document.metadata.province or (original.metadata.province if original else None)

    @cached_property
    def _successors(self) -> Mapping[str, tuple[Successor, ...]]:
        return successors(self.documents, self.province)

    @cached_property
    def _amendments(self) -> Mapping[str, tuple[Successor, ...]]:
        return amendments(self.documents, self.province)

    def successor(self, document: Document, on: date) -> Successor | None:
        """What stands in for a document on that day; for a secondary source, for the document it tells about."""
        rows = self._successors.get((self.original(document) or document).document_id, ())
        return next((row for row in rows if row.holds(on)), None)

    def current(self, document: Document, on: date) -> Document:
        """What is held and stands in for a document on that day, over several successors; the document itself where nothing does."""
        at, seen = document, {document.document_id}
        while (after := self.successor(at, on)) and after.document:
            at = after.document
            if at.document_id in seen:  # each said to replace the other: none does
                return document
            seen.add(at.document_id)
        return at

    def outdated(self, on: date) -> frozenset[str]:
        """Ids of documents that another one held stands in for on that day: nobody is answered from them unless they are asked for."""
        if not self._successors:
            return frozenset()
        return frozenset(d.document_id for d in self.documents if self.current(d, on) is not d)

    def awaited(self, on: date) -> frozenset[str]:
        """Ids of documents that stand in for another one of their province only from a later day on: until then that one speaks."""
        waits = {
            (row.document.document_id, old)
            for old, rows in self._successors.items()
            for row in rows
            if row.document and not row.holds(on) and self.province(row.document) == self.province(self.document(old))
        }
        coming = {new for new, old in waits if (old, new) not in waits}  # each said to replace the other: none waits
        return frozenset(d.document_id for d in self.documents if (self.original(d) or d).document_id in coming) if coming else frozenset()

    def amended_by(self, document: Document, on: date) -> tuple[Successor, ...]:
        """What is to be read beside a document on that day."""
        return tuple(row for row in self._amendments.get(document.document_id, ()) if row.holds(on))

    def status(self, document: Document, on: date) -> Status:
        """Its validity on that day."""
        return status_on(document.metadata, on, replaced=self.successor(document, on) is not None)

    @cached_property
    def provinces(self) -> tuple[str, ...]:
        """Provinces that a document is held for, in order of first appearance."""
        return tuple(dict.fromkeys(p for p in map(self.province, self.documents) if p))


def dump(document: Document) -> str:
    """One line of JSON that `parse` turns back into an equal Document."""
    return json.dumps(asdict(document), ensure_ascii=False, default=lambda value: value.isoformat(), separators=(",", ":"))


def parse(line: str) -> Document:
    """The inverse of `dump`. KnowledgeError when the line is damaged."""
    try:
        return _document(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        raise KnowledgeError("A document record is damaged. Build the index again: trogiup index build") from error


def dump_metadata(metadata: Metadata) -> str:
    """JSON of the metadata alone, facts included."""
    return json.dumps(asdict(metadata), ensure_ascii=False, default=lambda value: value.isoformat(), sort_keys=True)


def parse_metadata(line: str) -> Metadata:
    """The inverse of `dump_metadata`. KnowledgeError when it is damaged."""
    try:
        return _metadata(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        raise KnowledgeError("A metadata record is damaged. Read the document in again: trogiup ingest") from error


def _document(raw: dict[str, Any]) -> Document:
    return Document(
        document_id=raw["document_id"],
        source_file=raw["source_file"],
        text=raw["text"],
        metadata=_metadata(raw["metadata"]),
        sections=tuple(Section(s["title"], s["level"], Span(**s["span"]), Span(**s["heading"]), tuple(s["path"])) for s in raw["sections"]),
        passages=tuple(
            Passage(
                p["passage_id"],
                p["document_id"],
                p["text"],
                Span(**p["span"]),
                tuple(p["path"]),
                tuple(Span(**s) for s in p["heading_spans"]),
                p["lead"],
                p["role"],
            )
            for p in raw["passages"]
        ),
        pages=raw["pages"],
        ocr=raw["ocr"],
    )


def _metadata(raw: dict[str, Any]) -> Metadata:
    days = {name: date.fromisoformat(raw[name]) if raw[name] else None for name in ("issued_on", "valid_from", "valid_to", "outlook_to")}
    facts = tuple((name, Fact(fact["value"], Span(**fact["span"]))) for name, fact in raw["facts"])
    lists = {"based_on": tuple(raw["based_on"]), "warnings": tuple(raw["warnings"])}
    relations = tuple(Relation(**{**r, "since": r["since"] and date.fromisoformat(r["since"])}) for r in raw.get("relations", ()))
    return Metadata(**{**raw, **days, **lists, "facts": facts, "relations": relations})
