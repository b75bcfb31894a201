"""The audit log: who did what to what, with before and after. Only ever added to; the database itself refuses anything else.

    store.audit.record(Actor("a1", "203.0.113.x"), "looked", Subject("case", "TG-23AC45"))

There is no retention function: rows hold ids and settings, never what a citizen wrote, and stay as long as the database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from knowledge.store.database import Database, insert
from knowledge.store.schema_accounts import AuditTable

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `account_id` None: nobody signed in, or the command line. `address`: the network address, its last part masked."""

    account_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What something is done to: a kind ("account", "case", "audit_log") and its id."""

    kind: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row. `before_json`, `after_json`: objects as JSON, with what changed and nothing else."""

    entry_id: int
    at: datetime
    account_id: str | None
    action: str
    subject_kind: str
    subject_id: str | None
    before_json: str | None
    after_json: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to look for; None: anything. `since` is included, `until` is not."""

    account_id: str | None = None
    action: str | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_ENTRY = [getattr(AuditTable, f.name) for f in fields(AuditEntry)]


class AuditLog:
    """The audit log of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def record(
        self,
        actor: Actor,
        action: str,
        subject: Subject,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a row in a transaction of its own. Never hand in what a citizen wrote. Raises StoreError."""
        with self._database.write() as connection:
            add_entry(connection, self._clock(), actor, action, subject, before, after)

    def search(self, wanted: AuditFilter, *, before_id: int | None = None, limit: int = 50) -> tuple[AuditEntry, ...]:
        """The newest `limit` rows that fit, newest first; the next page with `before_id` set to the last row's id."""
        statement = select(*_ENTRY).where(*_conditions(wanted)).order_by(AuditTable.entry_id.desc()).limit(limit)
        if before_id is not None:
            statement = statement.where(AuditTable.entry_id < before_id)
        with self._database.read() as connection:
            return tuple(AuditEntry(*row) for row in connection.execute(statement))

    def all(self, wanted: AuditFilter) -> Iterator[AuditEntry]:
        """Every row that fits, newest first, read page by page."""
        before_id: int | None = None
        while page := self.search(wanted, before_id=before_id, limit=_PAGE):
            yield from page
            before_id = page[-1].entry_id

    def actions(self) -> tuple[str, ...]:
        """Every action that stands in the log, sorted."""
        with self._database.read() as connection:
            return tuple(sorted(connection.execute(select(AuditTable.action).distinct()).scalars()))


def add_entry(
    connection: Connection,
    at: datetime,
    actor: Actor,
    action: str,
    subject: Subject,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add a row in the transaction of the change that it tells of, so that neither is there without the other."""
    row = {
        "at": at,
        "account_id": actor.account_id,
        "action": action,
        "subject_kind": subject.kind,
        "subject_id": subject.id,
        "before_json": _json(before),
        "after_json": _json(after),
        "address": actor.address,
    }
    connection.execute(insert(connection, AuditTable).values(row))


def _json(values: Mapping[str, Any] | None) -> str | None:
    return None if values is None else json.dumps(values, ensure_ascii=False, sort_keys=True)


def _conditions(wanted: AuditFilter) -> Iterator[ColumnElement[bool]]:
    for name in ("account_id", "action", "subject_id"):
        value = getattr(wanted, name)
        if value is not None:
            yield getattr(AuditTable, name) == value
    if wanted.since is not None:
        yield AuditTable.at >= wanted.since
    if wanted.until is not None:
        yield AuditTable.at < wanted.until
