"""Documents and their versions. A version is never overwritten; every change leaves an event.

A version is a draft, waits for review, is published, or is retired. At most one version of a document is published: the one citizens are
answered from. A document's state is that of its published version, else of its latest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Connection, func, select, update

from knowledge.errors import KnowledgeError, UnknownDocument
from knowledge.model import State
from knowledge.store.database import Database, insert
from knowledge.store.schema import DocumentTable, EventTable, VersionTable, storable

Action = Literal["added", "corrected", "checked", "sent_back", "published", "rolled_back", "retired"]


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a document, without its original bytes (see `Documents.original`)."""

    document_id: str
    version: int
    state: State
    source_file: str
    text: str = field(repr=False)
    text_sha256: str
    metadata_json: str = field(repr=False)
    ocr: bool
    pages: int | None
    warnings: tuple[str, ...]
    added_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document in a list: its latest version, and which one is published."""

    document_id: str
    state: State
    published_version: int | None
    latest_version: int
    source_file: str
    metadata_json: str = field(repr=False)
    ocr: bool
    pages: int | None
    warnings: tuple[str, ...]
    added_at: datetime
    """When the latest version came."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """What was done to which version, and when."""

    at: datetime
    action: Action
    version: int | None


_VERSION = [getattr(VersionTable, f.name) for f in fields(VersionRow)]


class Documents:
    """The documents of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def add_version(
        self,
        document_id: str,
        *,
        source_file: str,
        content: bytes,
        text: str,
        metadata_json: str,
        ocr: bool = False,
        pages: int | None = None,
        warnings: Sequence[str] = (),
        state: Literal["draft", "review"] = "draft",
        even_alike: bool = False,
    ) -> int:
        """Add what was read from `content` (the original bytes) as a new version and return its number, from 1.

        When nothing differs from the latest version, that one's number is returned and nothing is added, unless `even_alike`. What is
        published stays published.
        """
        kept = {
            "source_file": storable(source_file),
            "content_sha256": hashlib.sha256(content).hexdigest(),
            "text_sha256": text_sha256(text),
            "metadata_json": storable(metadata_json),
            "ocr": ocr,
            "pages": pages,
            "warnings": tuple(map(storable, warnings)),
        }
        with self._database.write() as connection:
            connection.execute(insert(connection, DocumentTable).values(document_id=document_id).on_conflict_do_nothing())
            _lock(connection, document_id)
            columns = [VersionTable.version, *(getattr(VersionTable, name) for name in kept)]
            of_document = select(*columns).where(VersionTable.document_id == document_id)
            latest = connection.execute(of_document.order_by(VersionTable.version.desc()).limit(1)).first()
            if latest and not even_alike and tuple(latest)[1:] == tuple(kept.values()):
                return int(latest[0])
            version = int(latest[0]) + 1 if latest else 1
            row = {**kept, "content": content, "text": text, "state": state, "added_at": self._clock()}
            connection.execute(insert(connection, VersionTable).values(document_id=document_id, version=version, **row))
            self._note(connection, document_id, version, "added")
            return version

    def list(self) -> tuple[DocumentRow, ...]:
        """Every document, by id."""
        published = select(VersionTable.document_id, VersionTable.version).where(VersionTable.state == "published").subquery()
        newest = (
            select(VersionTable.document_id, func.max(VersionTable.version).label("version")).group_by(VersionTable.document_id).subquery()
        )
        statement = (
            select(
                VersionTable.document_id,
                VersionTable.state,
                published.c.version.label("published_version"),
                VersionTable.version.label("latest_version"),
                VersionTable.source_file,
                VersionTable.metadata_json,
                VersionTable.ocr,
                VersionTable.pages,
                VersionTable.warnings,
                VersionTable.added_at,
            )
            .join(newest, (VersionTable.document_id == newest.c.document_id) & (VersionTable.version == newest.c.version))
            .outerjoin(published, VersionTable.document_id == published.c.document_id)
            .order_by(VersionTable.document_id)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
        return tuple(DocumentRow(**{**row, "state": "published" if row["published_version"] else row["state"]}) for row in rows)

    def get(self, document_id: str, version: int | None = None) -> VersionRow:
        """A version; without a number the published one, else the latest. Raises UnknownDocument."""
        published_first = (VersionTable.state == "published").desc()
        statement = select(*_VERSION).where(VersionTable.document_id == document_id).order_by(published_first, VersionTable.version.desc())
        if version is not None:
            statement = statement.where(VersionTable.version == version)
        with self._database.read() as connection:
            row = connection.execute(statement.limit(1)).first()
        if row is None:
            raise _unknown(document_id, version)
        return VersionRow(*row)

    def original(self, document_id: str, version: int) -> bytes:
        """The bytes that a version was read from. Raises UnknownDocument."""
        statement = select(VersionTable.content).where(VersionTable.document_id == document_id, VersionTable.version == version)
        with self._database.read() as connection:
            content = connection.execute(statement).scalar()
        if content is None:
            raise _unknown(document_id, version)
        return bytes(content)

    def history(self, document_id: str) -> tuple[EventRow, ...]:
        """What was done to a document, oldest first. Raises UnknownDocument."""
        columns = select(EventTable.at, EventTable.action, EventTable.version)
        with self._database.read() as connection:
            rows = connection.execute(columns.where(EventTable.document_id == document_id).order_by(EventTable.event_id)).all()
        if not rows:
            raise _unknown(document_id)
        return tuple(EventRow(at, cast(Action, action), version) for at, action, version in rows)

    def publish(self, document_id: str, version: int | None = None) -> int:
        """Answer citizens from this version (without a number: the latest) and from no other; its number. Raises UnknownDocument."""
        with self._database.write() as connection:
            states = _states(connection, document_id)
            chosen = max(states) if version is None else version
            if chosen not in states:
                raise _unknown(document_id, chosen)
            if states[chosen] != "published":
                self._publish(connection, document_id, chosen, "published")
            return chosen

    def rollback(self, document_id: str, version: int) -> None:
        """Publish a version again that was published once. Raises UnknownDocument, KnowledgeError when it never was or is now."""
        with self._database.write() as connection:
            states = _states(connection, document_id)
            if version not in states:
                raise _unknown(document_id, version)
            once = select(EventTable.event_id).where(
                EventTable.document_id == document_id, EventTable.version == version, EventTable.action == "published"
            )
            if states[version] == "published" or connection.execute(once.limit(1)).first() is None:
                advice = "Only a version that was published before can be gone back to: see its history."
                raise KnowledgeError(advice, document_id=document_id, version=version)
            self._publish(connection, document_id, version, "rolled_back")

    def retire(self, document_id: str) -> None:
        """Answer nobody from this document any more, drafts included; publishing a version brings it back. Raises UnknownDocument."""
        with self._database.write() as connection:
            states = _states(connection, document_id)
            if set(states.values()) == {"retired"}:
                return
            connection.execute(update(VersionTable).where(VersionTable.document_id == document_id).values(state="retired"))
            published = next((version for version, state in states.items() if state == "published"), None)
            self._note(connection, document_id, published, "retired")

    def published(self) -> tuple[VersionRow, ...]:
        """The versions citizens are answered from, by document id."""
        statement = select(*_VERSION).where(VersionTable.state == "published").order_by(VersionTable.document_id)
        with self._database.read() as connection:
            return tuple(VersionRow(*row) for row in connection.execute(statement))

    def by_text_hash(self, sha256: str) -> str | None:
        """The document that first came with a text of this `text_sha256`, in whatever version and state."""
        statement = select(VersionTable.document_id).where(VersionTable.text_sha256 == sha256)
        with self._database.read() as connection:
            return connection.execute(statement.order_by(VersionTable.added_at, VersionTable.document_id).limit(1)).scalar()

    def corpus_version(self) -> str:
        """A hash of all that is published: the same for the same documents, versions, texts and metadata."""
        with self._database.read() as connection:
            return published_corpus(connection)

    def _publish(self, connection: Connection, document_id: str, version: int, action: Action) -> None:
        of_document = update(VersionTable).where(VersionTable.document_id == document_id)
        connection.execute(of_document.where(VersionTable.state == "published").values(state="retired"))
        connection.execute(of_document.where(VersionTable.version == version).values(state="published"))
        self._note(connection, document_id, version, action)

    def _note(self, connection: Connection, document_id: str, version: int | None, action: Action) -> None:
        event = {"document_id": document_id, "version": version, "action": action, "at": self._clock()}
        connection.execute(insert(connection, EventTable).values(event))


def corpus_hash(rows: Iterable[VersionRow]) -> str:
    """What `Documents.corpus_version` would be if these versions were published."""
    return _corpus_hash((row.document_id, row.version, row.text_sha256, row.metadata_json) for row in rows)


def published_corpus(connection: Connection) -> str:
    """`Documents.corpus_version` in a transaction."""
    columns = select(VersionTable.document_id, VersionTable.version, VersionTable.text_sha256, VersionTable.metadata_json)
    return _corpus_hash(tuple(row) for row in connection.execute(columns.where(VersionTable.state == "published")))


def _corpus_hash(rows: Iterable[tuple[Any, ...]]) -> str:
    # Sorted here: how a database sorts text is its own affair.
    return hashlib.sha256(json.dumps(sorted(map(list, rows))).encode()).hexdigest()


def text_sha256(text: str) -> str:
    """The hash that duplicates are known by, in hexadecimal: of the text as the store keeps it."""
    return hashlib.sha256(storable(text).encode()).hexdigest()


def _lock(connection: Connection, document_id: str) -> None:
    connection.execute(select(DocumentTable.document_id).where(DocumentTable.document_id == document_id).with_for_update())


def _states(connection: Connection, document_id: str) -> dict[int, str]:
    """The state of each version, nobody else changing them until the end of the transaction."""
    _lock(connection, document_id)
    columns = select(VersionTable.version, VersionTable.state)
    rows = connection.execute(columns.where(VersionTable.document_id == document_id))
    states = {row.version: row.state for row in rows}
    if not states:
        raise _unknown(document_id)
    return states


def _unknown(document_id: str, version: int | None = None) -> UnknownDocument:
    return UnknownDocument("There is no such document or version: see `trogiup docs list`.", document_id=document_id, version=version)
