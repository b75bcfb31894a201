"""Work on versions before they are published: corrections, the gate's result, checking. Two people never overwrite each other.

Every change names the revision that it was made on; where somebody has saved since, Overtaken is raised and nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Connection, delete, func, select, update

from knowledge.errors import KnowledgeError, UnknownDocument
from knowledge.store.audit import Actor, Subject, add_entry
from knowledge.store.database import Database, insert
from knowledge.store.documents import Action, text_sha256
from knowledge.store.schema import DocumentTable, EventTable, VersionTable, storable
from knowledge.store.schema_publication import EditTable, WorkTable

Why = Literal["state", "not_latest", "gate_missing", "gate_stale", "losses", "same_person", "corpus_moved", "not_last", "unknown"]
_ADVICE: Mapping[Why, str] = {
    "state": "This version is not in a state in which that can be done: open it again.",
    "not_latest": "There is a newer version of this document: work on that one.",
    "gate_missing": "Run the gate first.",
    "gate_stale": "What is published has changed since the gate was run: run it again.",
    "losses": "The gate found answers that would be lost: accept each by name, or correct the document.",
    "same_person": "Somebody else than the one who checked it has to approve.",
    "corpus_moved": "What is published has changed meanwhile: run the gate again.",
    "not_last": "Only the last publication can be taken back.",
    "unknown": "There is no such publication.",
}


class PublicationRefused(KnowledgeError):
    """A step on the way to publication that cannot be taken; `reason` says why."""

    def __init__(self, reason: Why) -> None:
        super().__init__(_ADVICE[reason], reason=reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Edit:
    """One correction; see EditTable. `value` is JSON: a text, a list of texts, a level, or None."""

    field: str
    anchor: str
    value: Any
    nth: int = 0
    revision: int = 0
    made_by: str | None = None
    made_at: datetime | None = None
    edit_id: int = 0


class Overtaken(KnowledgeError):
    """Somebody else saved first: `changed_by` (an account id), `changed_at`, and their `edits` since."""

    def __init__(self, changed_by: str | None, changed_at: datetime | None, edits: tuple[Edit, ...]) -> None:
        super().__init__("Somebody else has changed this document meanwhile: open it again.")
        self.changed_by, self.changed_at, self.edits = changed_by, changed_at, edits


@dataclass(frozen=True, slots=True)
class Work:
    """What staff have done to a version; see WorkTable."""

    document_id: str
    version: int
    read_text: str = field(repr=False)
    read_warnings: tuple[str, ...]
    revision: int
    changed_by: str | None
    changed_at: datetime | None
    checked_by: str | None
    checked_at: datetime | None
    gate_json: str | None = field(repr=False)
    gate_corpus: str | None
    accepted_json: str

    @property
    def gate(self) -> list[dict[str, Any]] | None:
        """One object a question; None before the gate was run."""
        return None if self.gate_json is None else cast(list[dict[str, Any]], json.loads(self.gate_json))

    @property
    def accepted(self) -> dict[str, dict[str, str]]:
        """Question id → who accepted its loss, and why."""
        return cast(dict[str, dict[str, str]], json.loads(self.accepted_json))

    @property
    def open_losses(self) -> tuple[str, ...]:
        """Ids of questions whose answers would be lost, and nobody has accepted it."""
        return tuple(row["id"] for row in self.gate or () if row["change"] == "lost" and row["id"] not in self.accepted)


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a change makes of a version: its text and metadata with all edits applied."""

    text: str = field(repr=False)
    metadata_json: str = field(repr=False)
    warnings: tuple[str, ...]


_WORK = [getattr(WorkTable, f.name) for f in fields(Work)]
_EDIT = [getattr(EditTable, name) for name in ("field", "anchor", "value_json", "nth", "revision", "made_by", "made_at", "edit_id")]


class Drafts:
    """The work on versions of a store. Every method raises StoreError, UnknownDocument for a version that there is not."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def begin(self, document_id: str, version: int, read_text: str, read_warnings: Sequence[str]) -> Work:
        """The work on a version, begun with what was read off its file where nobody has worked on it yet."""
        row = {"document_id": document_id, "version": version, "read_text": read_text, "read_warnings": tuple(read_warnings)}
        with self._database.write() as connection:
            begun = insert(connection, WorkTable).values({**row, "revision": 0, "accepted_json": "{}"})
            connection.execute(begun.on_conflict_do_nothing())
            return _work(connection, document_id, version)

    def get(self, document_id: str, version: int) -> Work | None:
        """The work on a version; None where nobody has begun."""
        with self._database.read() as connection:
            row = connection.execute(select(*_WORK).where(*_of(document_id, version))).first()
        return None if row is None else Work(*row)

    def all(self) -> dict[tuple[str, int], Work]:
        """All work by document and version."""
        with self._database.read() as connection:
            works = [Work(*row) for row in connection.execute(select(*_WORK))]
        return {(work.document_id, work.version): work for work in works}

    def edits(self, document_id: str) -> tuple[Edit, ...]:
        """The corrections of a document, oldest first."""
        with self._database.read() as connection:
            return _edits(connection, document_id)

    def correct(
        self, work: Work, put: Sequence[Edit], undo: Sequence[Edit], made: Corrections, before: Mapping[str, Any], by: Actor
    ) -> int:
        """Keeps `put`, takes `undo` out, and gives the version what that makes of it; the new revision. A checked one is a draft again.

        `before`: what stood there, for the audit log. Raises Overtaken, and PublicationRefused for a version that is not being worked on.
        """
        now = self._clock()
        with self._database.write() as connection:
            held = _held(connection, work, self._overtaken)
            for edit in [*put, *undo]:
                this = (EditTable.document_id == work.document_id, EditTable.field == edit.field)
                connection.execute(delete(EditTable).where(*this, EditTable.anchor == storable(edit.anchor), EditTable.nth == edit.nth))
            for edit in put:
                row = {
                    "document_id": work.document_id,
                    "field": edit.field,
                    "anchor": edit.anchor,
                    "nth": edit.nth,
                    "value_json": json.dumps(edit.value, ensure_ascii=False),
                    "revision": held.revision + 1,
                    "made_by": by.account_id,
                    "made_at": now,
                }
                connection.execute(insert(connection, EditTable).values(row))
            version = {
                "state": "draft",
                "text": made.text,
                "text_sha256": text_sha256(made.text),
                "metadata_json": storable(made.metadata_json),
                "warnings": made.warnings,
            }
            connection.execute(update(VersionTable).where(*_version(work)).values(version))
            fresh = {"checked_by": None, "checked_at": None, "gate_json": None, "gate_corpus": None, "accepted_json": "{}"}
            changed = {"revision": held.revision + 1, "changed_by": by.account_id, "changed_at": now}
            connection.execute(update(WorkTable).where(*_of(work.document_id, work.version)).values(fresh | changed))
            note(connection, now, work.document_id, work.version, "corrected")
            after = {edit.field: edit.value for edit in put} | {edit.field: None for edit in undo}
            add_entry(connection, now, by, "document_corrected", Subject("document", work.document_id), before, after)
            return held.revision + 1

    def record_gate(self, work: Work, outcomes: Sequence[Mapping[str, Any]], corpus: str, by: Actor) -> None:
        """The gate's result for the version as it was at `work.revision`; what was accepted before is asked for again. Raises Overtaken."""
        now = self._clock()
        with self._database.write() as connection:
            held = _held(connection, work, self._overtaken)
            still = {row["id"] for row in outcomes if row["change"] == "lost"}
            accepted = {name: said for name, said in held.accepted.items() if name in still}
            values = {
                "gate_json": json.dumps(list(outcomes), ensure_ascii=False),
                "gate_corpus": corpus,
                "accepted_json": json.dumps(accepted),
            }
            connection.execute(update(WorkTable).where(*_of(work.document_id, work.version)).values(values))
            counts = {name: sum(row["change"] == name for row in outcomes) for name in ("gained", "lost", "different")}
            add_entry(connection, now, by, "gate_run", Subject("document", work.document_id), None, counts)

    def accept(self, work: Work, reasons: Mapping[str, str], by: Actor) -> None:
        """Takes losses on by name, each with its reason. Raises Overtaken; PublicationRefused where one is no loss of the gate."""
        now = self._clock()
        with self._database.write() as connection:
            held = _held(connection, work, self._overtaken)
            lost = {row["id"] for row in held.gate or () if row["change"] == "lost"}
            if not set(reasons) <= lost or not all(reason.strip() for reason in reasons.values()):
                raise PublicationRefused("losses")
            said = {name: {"by": by.account_id or "", "at": now.isoformat(), "reason": reason} for name, reason in reasons.items()}
            values = {"accepted_json": json.dumps(held.accepted | said, ensure_ascii=False)}
            connection.execute(update(WorkTable).where(*_of(work.document_id, work.version)).values(values))
            add_entry(connection, now, by, "losses_accepted", Subject("document", work.document_id), None, dict(reasons))

    def check(self, work: Work, corpus: str, by: Actor) -> None:
        """The draft is checked and waits for approval. `corpus`: what would be published with it now.

        Raises Overtaken, and PublicationRefused while the gate is missing, out of date or has open losses.
        """
        with self._database.write() as connection:
            held = _held(connection, work, self._overtaken, ("draft",))
            require_gate(held, corpus)
            values = {"checked_by": by.account_id, "checked_at": self._clock()}
            self._move(connection, held, "review", values, "checked", by)

    def send_back(self, work: Work, reason: str, by: Actor) -> None:
        """A checked version is a draft again. Raises Overtaken and PublicationRefused."""
        with self._database.write() as connection:
            held = _held(connection, work, self._overtaken, ("review",))
            self._move(connection, held, "draft", {"checked_by": None, "checked_at": None}, "sent_back", by, reason)

    def _move(
        self, connection: Connection, held: Work, state: str, values: Mapping[str, Any], action: Action, by: Actor, reason: str = ""
    ) -> None:
        now = self._clock()
        before = connection.execute(select(VersionTable.state).where(*_version(held))).scalar_one()
        connection.execute(update(VersionTable).where(*_version(held)).values(state=state))
        connection.execute(update(WorkTable).where(*_of(held.document_id, held.version)).values(dict(values)))
        note(connection, now, held.document_id, held.version, action)
        after = {"state": state, "version": held.version} | ({"reason": reason} if reason else {})
        add_entry(connection, now, by, f"document_{action}", Subject("document", held.document_id), {"state": before}, after)

    def _overtaken(self, connection: Connection, held: Work, since: int) -> Overtaken:
        newer = tuple(edit for edit in _edits(connection, held.document_id) if edit.revision > since)
        return Overtaken(held.changed_by, held.changed_at, newer)


def require_gate(work: Work, corpus: str) -> None:
    """Raises PublicationRefused unless the gate was run for this corpus and every loss accepted."""
    if work.gate_json is None:
        raise PublicationRefused("gate_missing")
    if work.gate_corpus != corpus:
        raise PublicationRefused("gate_stale")
    if work.open_losses:
        raise PublicationRefused("losses")


def note(connection: Connection, at: datetime, document_id: str, version: int | None, action: Action) -> None:
    """An event of a document."""
    connection.execute(insert(connection, EventTable).values(document_id=document_id, version=version, action=action, at=at))


def held_work(connection: Connection, document_id: str, version: int) -> Work:
    """The work on a version, nobody else changing it until the end of the transaction. UnknownDocument where there is none."""
    connection.execute(select(DocumentTable.document_id).where(DocumentTable.document_id == document_id).with_for_update())
    return _work(connection, document_id, version)


def _held(
    connection: Connection,
    work: Work,
    overtaken: Callable[[Connection, Work, int], Overtaken],
    states: tuple[str, ...] = ("draft", "review"),
) -> Work:
    held = held_work(connection, work.document_id, work.version)
    if held.revision != work.revision:
        raise overtaken(connection, held, work.revision)
    newest = select(func.max(VersionTable.version)).where(VersionTable.document_id == work.document_id)
    if connection.execute(newest).scalar_one() != work.version:
        raise PublicationRefused("not_latest")
    if connection.execute(select(VersionTable.state).where(*_version(work))).scalar_one() not in states:
        raise PublicationRefused("state")
    return held


def _work(connection: Connection, document_id: str, version: int) -> Work:
    row = connection.execute(select(*_WORK).where(*_of(document_id, version))).first()
    if row is None:
        raise UnknownDocument("Nobody has worked on this version yet.", document_id=document_id, version=version)
    return Work(*row)


def _edits(connection: Connection, document_id: str) -> tuple[Edit, ...]:
    rows = connection.execute(select(*_EDIT).where(EditTable.document_id == document_id).order_by(EditTable.edit_id))
    return tuple(Edit(name, anchor, json.loads(value), *rest) for name, anchor, value, *rest in rows)


def _of(document_id: str, version: int) -> tuple[Any, ...]:
    return (WorkTable.document_id == document_id, WorkTable.version == version)


def _version(work: Work) -> tuple[Any, ...]:
    return (VersionTable.document_id == work.document_id, VersionTable.version == work.version)
