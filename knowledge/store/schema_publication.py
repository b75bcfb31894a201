"""The tables of the way to publication: gold questions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.store.schema import Base


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
