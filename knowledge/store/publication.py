"""What is published changes in one transaction, is written down, and can be taken back; and the gold questions that guard it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select, update

from knowledge.store.audit import Actor, Subject, add_entry
from knowledge.store.database import Database, insert
from knowledge.store.documents import Action, published_corpus
from knowledge.store.drafts import PublicationRefused, held_work, note, require_gate
from knowledge.store.schema import VersionTable
from knowledge.store.schema_publication import GoldTable, PublicationTable

GoldKind = Literal["answer", "abstain"]
_SHOWN = 20


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


@dataclass(frozen=True, slots=True)
class Published:
    """One change of what is published; see PublicationTable."""

    publication_id: int
    action: str
    before_json: str
    after_json: str
    corpus_before: str
    corpus_after: str
    made_by: str | None
    made_at: datetime
    undoes: int | None

    @property
    def before(self) -> dict[str, int | None]:
        """Document → the version that was published, None where none was."""
        return dict(json.loads(self.before_json))

    @property
    def after(self) -> dict[str, int | None]:
        """Document → the version that is published after it."""
        return dict(json.loads(self.after_json))


_GOLD = [getattr(GoldTable, f.name) for f in fields(GoldQuestion)]
_PUBLISHED = [getattr(PublicationTable, f.name) for f in fields(Published)]


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


class Publications:
    """The changes of what is published. Every method raises StoreError."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def publish(self, document_id: str, version: int, revision: int, corpus: str, by: Actor) -> int:
        """Answer citizens from a checked version; the publication's id. `corpus`: what is published with it, and the gate was run for.

        Raises PublicationRefused unless it is checked by somebody else, unchanged since (`revision`), and the gate holds.
        """
        with self._database.write() as connection:
            work = held_work(connection, document_id, version)
            states = _states(connection, document_id)
            if states.get(version) != "review" or work.revision != revision:
                raise PublicationRefused("state")
            if by.account_id is None or work.checked_by == by.account_id:
                raise PublicationRefused("same_person")
            require_gate(work, corpus)
            return self._change(connection, "published", {document_id: version}, by, corpus)

    def retire(self, document_id: str, reason: str, by: Actor) -> int:
        """Answer nobody from a document any more; the publication's id. PublicationRefused where it is not published."""
        with self._database.write() as connection:
            if "published" not in _states(connection, document_id).values():
                raise PublicationRefused("state")
            return self._change(connection, "retired", {document_id: None}, by, reason=reason)

    def roll_back(self, publication_id: int, by: Actor) -> Published:
        """What was published before the last change is published again; what was taken back.

        Raises PublicationRefused where it is not the last, or documents were published past these pages meanwhile.
        """
        with self._database.write() as connection:
            last = _undoable(connection)
            if last is None or last.publication_id != publication_id:
                raise PublicationRefused("not_last")
            if published_corpus(connection) != last.corpus_after:
                raise PublicationRefused("corpus_moved")
            self._change(connection, "rolled_back", last.before, by, last.corpus_before, undoes=publication_id)
            return last

    def last(self) -> Published | None:
        """What a click would take back: the newest change that is neither taken back nor a taking back itself."""
        with self._database.read() as connection:
            return _undoable(connection)

    def history(self) -> tuple[Published, ...]:
        """The newest changes, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(*_PUBLISHED).order_by(PublicationTable.publication_id.desc()).limit(_SHOWN))
            return tuple(Published(*row) for row in rows)

    def _change(
        self,
        connection: Connection,
        action: Action,
        wanted: Mapping[str, int | None],
        by: Actor,
        corpus: str | None = None,
        *,
        undoes: int | None = None,
        reason: str = "",
    ) -> int:
        """Makes `wanted` the published versions of these documents. PublicationRefused where that does not come to `corpus`."""
        now, before = self._clock(), dict.fromkeys(wanted)
        corpus_before = published_corpus(connection)
        for document_id, version in wanted.items():
            states = _states(connection, document_id)
            before[document_id] = next((at for at, state in states.items() if state == "published"), None)
            of_document = update(VersionTable).where(VersionTable.document_id == document_id)
            left = "review" if action == "rolled_back" else "retired"  # what is taken back can be approved again
            connection.execute(of_document.where(VersionTable.state == "published").values(state=left))
            if version is not None:
                connection.execute(of_document.where(VersionTable.version == version).values(state="published"))
            note(connection, now, document_id, version or before[document_id], action)
            after = {"version": version} | ({"reason": reason} if reason else {})
            subject = Subject("document", document_id)
            add_entry(connection, now, by, f"document_{action}", subject, {"version": before[document_id]}, after)
        corpus_after = published_corpus(connection)
        if corpus is not None and corpus_after != corpus:
            raise PublicationRefused("corpus_moved")
        row = {
            "action": action,
            "before_json": json.dumps(before),
            "after_json": json.dumps(dict(wanted)),
            "corpus_before": corpus_before,
            "corpus_after": corpus_after,
            "made_by": by.account_id,
            "made_at": now,
            "undoes": undoes,
        }
        made = insert(connection, PublicationTable).values(row).returning(PublicationTable.publication_id)
        return int(connection.execute(made).scalar_one())


def _undoable(connection: Connection) -> Published | None:
    undone = select(PublicationTable.undoes).where(PublicationTable.undoes.is_not(None))
    statement = select(*_PUBLISHED).where(PublicationTable.undoes.is_(None), PublicationTable.publication_id.not_in(undone))
    row = connection.execute(statement.order_by(PublicationTable.publication_id.desc()).limit(1)).first()
    return None if row is None else Published(*row)


def _states(connection: Connection, document_id: str) -> dict[int, str]:
    columns = select(VersionTable.version, VersionTable.state).where(VersionTable.document_id == document_id)
    return {row.version: row.state for row in connection.execute(columns)}
