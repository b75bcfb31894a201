"""The gold questions that guard what is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import select, update

from knowledge.store.audit import Actor, Subject, add_entry
from knowledge.store.database import Database, insert
from knowledge.store.schema_publication import GoldTable

GoldKind = Literal["answer", "abstain"]


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """A question that the gate asks, and what a good answer is: `kind`, and one of `evidence` standing in a quote (none: any quote)."""

    gold_id: str
    document_id: str | None
    question: str
    kind: GoldKind
    evidence: tuple[str, ...]
    made_by: str | None
    made_at: datetime


_GOLD = [getattr(GoldTable, f.name) for f in fields(GoldQuestion)]


class GoldQuestions:
    """The gold questions of a store. Every method raises StoreError."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def seed(self, rows: Iterable[tuple[str, str, GoldKind, Sequence[str]]]) -> None:
        """(id, question, kind, evidence) of the knowledge base; those that are there, also as removed ones, are left alone."""
        now = self._clock()
        values = [
            {"gold_id": name, "question": question, "kind": kind, "evidence": tuple(evidence), "made_at": now}
            for name, question, kind, evidence in rows
        ]
        with self._database.write() as connection:
            connection.execute(insert(connection, GoldTable).on_conflict_do_nothing(), values)

    def of(self, document_id: str) -> tuple[GoldQuestion, ...]:
        """Those of the knowledge base and those of this document."""
        wanted = GoldTable.document_id.is_(None) | (GoldTable.document_id == document_id)
        statement = select(*_GOLD).where(wanted, GoldTable.removed_at.is_(None)).order_by(GoldTable.made_at, GoldTable.gold_id)
        with self._database.read() as connection:
            return tuple(GoldQuestion(*row) for row in connection.execute(statement))

    def add(self, gold_id: str, document_id: str | None, question: str, kind: GoldKind, evidence: Sequence[str], by: Actor) -> None:
        """One more."""
        now = self._clock()
        row = {"gold_id": gold_id, "document_id": document_id, "question": question, "kind": kind, "evidence": tuple(evidence)}
        with self._database.write() as connection:
            connection.execute(insert(connection, GoldTable).values({**row, "made_by": by.account_id, "made_at": now}))
            after = {"question": question, "kind": kind, "evidence": list(evidence)}
            add_entry(connection, now, by, "gold_added", Subject("gold", gold_id), None, after)

    def remove(self, gold_id: str, by: Actor) -> None:
        """Not asked any more."""
        now = self._clock()
        with self._database.write() as connection:
            this = (GoldTable.gold_id == gold_id, GoldTable.removed_at.is_(None))
            question = connection.execute(select(GoldTable.question).where(*this)).scalar()
            if question is None:
                return
            connection.execute(update(GoldTable).where(*this).values(removed_at=now))
            add_entry(connection, now, by, "gold_removed", Subject("gold", gold_id), {"question": question}, None)
