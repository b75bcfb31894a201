"""The tables. Migrations (migrations/versions/) make them; a test says that the two agree.

Moments are aware and kept in UTC. Texts are kept as they came, but for what no database takes: U+0000 and lone surrogates become U+FFFD,
one for one, so that spans still fit. Lists of words are JSON text.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, LargeBinary, MetaData, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

VERSION_TABLE = "trogiup_version"
"""Where Alembic notes the revision; not its default name, so that a PostgreSQL database can be shared with another program."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(words: str) -> str:
    """`words` with U+FFFD for each code point that SQLite or PostgreSQL refuses; of the same length."""
    return _UNSTORABLE.sub("\ufffd", words)


class Words(TypeDecorator[str]):
    """Text that never makes a statement fail."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make it storable."""
        return None if value is None else storable(value)


class WordList(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else storable(json.dumps(list(value), ensure_ascii=False))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[str, ...] | None:
        """From JSON."""
        return None if value is None else tuple(json.loads(value))


class Moment(TypeDecorator[datetime]):
    """An aware moment, in UTC. A naive one is refused with ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """SQLite gives it back naive, PostgreSQL in the session's zone."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Base(DeclarativeBase):
    """What every table shares."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Words, datetime: Moment, tuple[str, ...]: WordList}  # noqa: RUF012  (SQLAlchemy's own way to say it)


class DocumentTable(Base):
    """One row a document; what it says is in its versions."""

    __tablename__ = "documents"

    document_id: Mapped[str] = mapped_column(primary_key=True)


class VersionTable(Base):
    """One row a version. A draft's text and metadata are corrected in place; once it was published only `state` changes.

    At most one version of a document is published.
    """

    __tablename__ = "document_versions"
    __table_args__ = (
        Index(
            "uq_document_versions_published",
            "document_id",
            unique=True,
            sqlite_where=text("state = 'published'"),
            postgresql_where=text("state = 'published'"),
        ),
    )

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    source_file: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    content_sha256: Mapped[str]
    text: Mapped[str]
    text_sha256: Mapped[str] = mapped_column(index=True)
    metadata_json: Mapped[str]
    ocr: Mapped[bool]
    pages: Mapped[int | None]
    warnings: Mapped[tuple[str, ...]]
    added_at: Mapped[datetime]


class EventTable(Base):
    """What was done to a document, and when. Rows are only ever added."""

    __tablename__ = "document_events"

    event_id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), index=True)
    version: Mapped[int | None]
    action: Mapped[str]
    at: Mapped[datetime]


class ConversationTable(Base):
    """One row a conversation; also the row that a writer locks, so that one conversation is written by one at a time."""

    __tablename__ = "conversations"

    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    context_json: Mapped[str | None]
    context_at: Mapped[datetime | None]


class CaseTable(Base):
    """A case for the person on duty; a conversation has at most one that is not closed."""

    __tablename__ = "cases"
    __table_args__ = (
        Index(
            "uq_cases_live",
            "conversation_id",
            unique=True,
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
        Index("ix_cases_state_due_at", "state", "due_at"),
        Index("ix_cases_state_holder_seen_at", "state", "holder_seen_at"),
    )

    case_id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.conversation_id"), index=True)
    channel: Mapped[str]
    kinds: Mapped[tuple[str, ...]]
    risk: Mapped[int]
    reason: Mapped[str]
    province: Mapped[str | None]
    opened_at: Mapped[datetime]
    first_danger_at: Mapped[datetime | None]
    state: Mapped[str]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    outcome_code: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default=text("0"))
    """Counts the changes: whoever decides on what has been read writes only if nobody else has written since."""
    voice: Mapped[str | None]
    commune: Mapped[str | None]
    safe_contact: Mapped[str | None]
    consent: Mapped[bool | None]
    holder: Mapped[str | None] = mapped_column(index=True)
    held_since: Mapped[datetime | None]
    holder_seen_at: Mapped[datetime | None]
    last_holder: Mapped[str | None]
    """Who held it when it was closed: asked first when it is opened again."""
    offered_to: Mapped[str | None]
    offered_at: Mapped[datetime | None]
    offer_until: Mapped[datetime | None]
    asked: Mapped[tuple[str, ...]] = mapped_column(server_default=text("'[]'"))
    """Accounts that have been asked in this round."""
    due_at: Mapped[datetime | None]
    """When the dispatcher looks at an open case next; null in the others."""
    erased_at: Mapped[datetime | None]


class MessageTable(Base):
    """What somebody wrote and what was answered; both are null once forgotten."""

    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("conversation_id", "message_id"),)

    row_id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.conversation_id"))
    message_id: Mapped[str]
    channel: Mapped[str]
    text: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(index=True)
    answer_json: Mapped[str | None]
    case_id: Mapped[str | None] = mapped_column(ForeignKey("cases.case_id"), index=True)
