"""The changes that staff made to the directory: kept beside the shipped tables, audited, with a number that tells when to look again.

store.directory.apply([RowChange("hotlines", base="111", values=…)], shipped.refuse_unfit, actor)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from knowledge.directory_entries import Change
from knowledge.directory_rules import Values
from knowledge.errors import KnowledgeError
from knowledge.store.audit import Actor, Subject, add_entry
from knowledge.store.database import Database, insert
from knowledge.store.schema_directory import DirectoryRowTable, DirectoryStateTable

Check = Callable[[Sequence[Change], Sequence[Change]], None]
"""Called with the rows before and after; what it raises undoes everything."""


class DirectoryChanged(KnowledgeError):
    """Somebody else has changed the row, or the directory, since it was read."""

    def __init__(self) -> None:
        super().__init__("Somebody else has changed this meanwhile: look at it again.")


@dataclass(frozen=True, slots=True)
class RowChange:
    """What is to become of a row. `version`: that of the row as it was read (0: nobody had changed it yet, or it is new).

    `values` None: the change of staff is taken back, and the shipped row stands again. `shipped`: the values before, for the audit log,
    where there is no change yet.
    """

    kind: str
    row_id: int | None = None
    base: str | None = None
    version: int = 0
    hidden: bool = False
    values: Values | None = field(default=None, repr=False)
    shipped: Values = field(default_factory=dict, repr=False)


class DirectoryRows:
    """The directory's table of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def version(self) -> int:
        """Grows with every change. One quick look. Raises StoreError."""
        with self._database.read() as connection:
            return _version(connection)

    def read(self) -> tuple[int, tuple[Change, ...]]:
        """The version, and every change as it stood then, in the order they were made. Raises StoreError."""
        with self._database.read() as connection:
            return _version(connection), _rows(connection)

    def apply(self, changes: Sequence[RowChange], check: Check, by: Actor, *, expected: int | None = None, action: str = "") -> int:
        """All of the changes, or none; the new version. `expected`: the version of the whole directory that the change was made for.

        `action`: the name in the audit log, where it is not simply added, changed, hidden or taken back. Raises DirectoryChanged when a row
        or, with `expected`, the directory has another version by now, whatever `check` raises, and StoreError.
        """
        with self._database.write() as connection:
            version = _locked_version(connection)
            if expected is not None and expected != version:
                raise DirectoryChanged
            before, now = _rows(connection), self._clock()
            for change in changes:
                self._one(connection, change, now, by, action)
            check(before, _rows(connection))
            connection.execute(update(DirectoryStateTable).where(DirectoryStateTable.state_id == 1).values(version=version + 1))
            return version + 1

    def _one(self, connection: Connection, change: RowChange, now: datetime, by: Actor, action: str) -> None:
        old = _find(connection, change)
        if (old.version if old else 0) != change.version or (old is None and change.row_id is not None):
            raise DirectoryChanged
        told = {**(old.values if old else change.shipped), "hidden": old.hidden if old else False}
        if change.values is None:
            if old is None:
                raise DirectoryChanged
            connection.execute(delete(DirectoryRowTable).where(DirectoryRowTable.row_id == old.row_id))
            become, row_id, what = {**change.shipped, "hidden": False}, old.row_id, "directory_restored"
        else:
            row = {
                "hidden": change.hidden,
                "values_json": json.dumps(dict(change.values), ensure_ascii=False, sort_keys=True),
                "version": change.version + 1,
                "changed_at": now,
                "changed_by": by.account_id,
            }
            become = {**change.values, "hidden": change.hidden}
            if old is None:
                whole = {**row, "kind": change.kind, "base": change.base}
                statement = insert(connection, DirectoryRowTable).values(whole).returning(DirectoryRowTable.row_id)
                row_id = int(connection.execute(statement).scalar_one())
                what = "directory_added" if change.base is None else "directory_changed"
            else:
                row_id, what = old.row_id, "directory_changed"
                connection.execute(update(DirectoryRowTable).where(DirectoryRowTable.row_id == row_id).values(row))
        name = f"{change.kind}:{change.base or f'~{row_id}'}"
        before, after = _differences(told, become)
        add_entry(connection, now, by, action or what, Subject("directory", name), before, after)


def _version(connection: Connection) -> int:
    return connection.execute(select(DirectoryStateTable.version).where(DirectoryStateTable.state_id == 1)).scalar() or 0


def _locked_version(connection: Connection) -> int:
    """The version, in a row that nobody else writes until the end of the transaction."""
    statement = insert(connection, DirectoryStateTable).values(state_id=1, version=0)
    unchanged = {"version": DirectoryStateTable.version}
    locked = statement.on_conflict_do_update(index_elements=["state_id"], set_=unchanged).returning(DirectoryStateTable.version)
    return int(connection.execute(locked).scalar_one())


def _rows(connection: Connection) -> tuple[Change, ...]:
    table = DirectoryRowTable
    columns = select(table.row_id, table.kind, table.base, table.hidden, table.values_json, table.version)
    return tuple(_change(row) for row in connection.execute(columns.order_by(table.row_id)))


def _change(row: Any) -> Change:
    return Change(row.row_id, row.kind, row.base, row.hidden, json.loads(row.values_json), row.version)


def _find(connection: Connection, change: RowChange) -> Change | None:
    table = DirectoryRowTable
    columns = select(table.row_id, table.kind, table.base, table.hidden, table.values_json, table.version).where(table.kind == change.kind)
    if change.row_id is not None:
        columns = columns.where(table.row_id == change.row_id)
    elif change.base is not None:
        columns = columns.where(table.base == change.base)
    else:
        return None
    row = connection.execute(columns).first()
    return _change(row) if row else None


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was and what is, of the fields that differ."""
    names = [name for name in {**before, **after} if before.get(name, "") != after.get(name, "")]
    return {name: before.get(name, "") for name in names}, {name: after.get(name, "") for name in names}
