"""The tables of the way to publication: work on versions, corrections, gold questions, publications, jobs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.store.schema import Base


class WorkTable(Base):
    """One row a version that staff work on: what was read off its file before any correction, and who has done what to it.

    `revision` counts the changes: whoever saves what has been read writes only if nobody else has saved since.
    """

    __tablename__ = "version_work"
    __table_args__ = (ForeignKeyConstraint(["document_id", "version"], ["document_versions.document_id", "document_versions.version"]),)

    document_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    read_text: Mapped[str]
    read_warnings: Mapped[tuple[str, ...]]
    revision: Mapped[int]
    changed_by: Mapped[str | None]
    changed_at: Mapped[datetime | None]
    checked_by: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    gate_json: Mapped[str | None]
    gate_corpus: Mapped[str | None]
    """The corpus version that the gate was run for."""
    accepted_json: Mapped[str]
    """Losses that were accepted: question id → {"by", "at", "reason"}."""


class EditTable(Base):
    """One row a correction; of the document and not of a version, so that it outlives reading the file in again.

    `field`: a field of the metadata, "text" or "heading". `anchor`: what was read there when it was corrected; for "text" and "heading"
    the words of the line, `nth` saying which of several lines with these words. `value_json`: what stands there now.
    """

    __tablename__ = "document_edits"
    __table_args__ = (UniqueConstraint("document_id", "field", "anchor", "nth"),)

    edit_id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), index=True)
    field: Mapped[str]
    anchor: Mapped[str]
    nth: Mapped[int]
    value_json: Mapped[str]
    revision: Mapped[int]
    """Of the version's work, when it was made."""
    made_by: Mapped[str | None]
    made_at: Mapped[datetime]


class GoldTable(Base):
    """One row a question that the gate asks. Without a document: a question of the whole knowledge base."""

    __tablename__ = "gold_questions"

    gold_id: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.document_id"), index=True)
    question: Mapped[str]
    kind: Mapped[str]
    evidence: Mapped[tuple[str, ...]]
    made_by: Mapped[str | None]
    made_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class PublicationTable(Base):
    """One row a change of what is published. `before_json`, `after_json`: document → published version, of the documents it touched.

    `corpus_before`, `corpus_after` name the snapshots that belong to the two states. Rows are only ever added.
    """

    __tablename__ = "publications"

    publication_id: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str]
    before_json: Mapped[str]
    after_json: Mapped[str]
    corpus_before: Mapped[str]
    corpus_after: Mapped[str]
    made_by: Mapped[str | None]
    made_at: Mapped[datetime]
    undoes: Mapped[int | None] = mapped_column(unique=True)
    """The publication that this one takes back."""


class JobTable(Base):
    """One row a piece of work in the background. `said`: a key of the texts for staff, or a line of advice, once it is over."""

    __tablename__ = "jobs"

    job_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    payload_json: Mapped[str]
    result_json: Mapped[str | None]
    said: Mapped[str | None]
    done: Mapped[int]
    of: Mapped[int]
    tries: Mapped[int]
    made_by: Mapped[str | None]
    address: Mapped[str | None]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
