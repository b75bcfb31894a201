"""What the channels have taken in and nobody has worked yet: on the disk before it is acknowledged, worked in order, then blanked.

    new = store.inbox.add([InboxRow("telegram", "77", "telegram:1", "normal", body_json, received_at)])
    for item in store.inbox.due(32, busy):
        store.inbox.done(item.row_id, [NewSend("telegram", item.conversation_id, "77:0", "normal", call_json, now)])

Every method raises StoreError. Moments come from the store's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Executable, Select, bindparam, case, delete, exists, func, select, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate

from knowledge.store.chats import NewMenu, keep_menus, note_written
from knowledge.store.database import Database, insert_of
from knowledge.store.schema_channels import InboxTable
from knowledge.store.sends import NewSend, add_sends

Lane = Literal["danger", "normal"]
LEASES: Mapping[Lane, timedelta] = {"danger": timedelta(seconds=5), "normal": timedelta(seconds=60)}
"""After which what somebody had in hand is worked by somebody else. Danger is worked twice rather than late: it is answered once all the
same, by the key of what is sent."""


@dataclass(frozen=True, slots=True)
class InboxRow:
    """An event as it arrived. `event_id` is unique in its channel. `wrote`: the person did something, which opens a quota again."""

    channel: str
    event_id: str
    conversation_id: str
    lane: Lane
    body_json: str = field(repr=False)
    received_at: datetime
    wrote: bool = False


@dataclass(frozen=True, slots=True)
class InboxItem:
    """An event in hand. `failures`: how often working on it has failed."""

    row_id: int
    channel: str
    event_id: str
    conversation_id: str
    lane: Lane
    body_json: str = field(repr=False)
    received_at: datetime
    failures: int
    waiting: int = 1
    """How many events of its conversation were not worked yet when it was taken in hand, with it."""


@dataclass(frozen=True, slots=True)
class Worked:
    """An event that is over: what is to be sent because of it, and what that shows to choose from."""

    row_id: int
    sends: Sequence[NewSend] = ()
    menus: Sequence[NewMenu] = ()


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """Of one channel. `oldest`: since when the first of those that wait is here."""

    waiting: int
    failed: int
    oldest: datetime | None


_COLUMNS = [getattr(InboxTable, f.name) for f in fields(InboxItem) if f.name != "waiting"]
_DANGER_FIRST = (case((InboxTable.lane == "danger", 0), else_=1), InboxTable.row_id)
_GIVEN = [f.name for f in fields(InboxRow) if f.name != "wrote"]
_WAITING = InboxTable.state == "waiting"


class Inbox:
    """The inbox of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def add(self, rows: Sequence[InboxRow]) -> int:
        """Keep events, all in one transaction; one that is known already changes nothing. How many were new."""
        if not rows:
            return 0
        now = self._clock()
        fresh = {"state": "waiting", "failures": 0, "not_before": now, "leased": False}
        values = [{name: getattr(row, name) for name in _GIVEN} | fresh for row in rows]
        with self._database.write(first=True) as connection:
            added = connection.execute(_event_insert(connection.dialect.name), values).all()
            new = {(channel, event_id) for channel, event_id in added}
            note_written(
                connection, {row.conversation_id: row.received_at for row in rows if row.wrote and (row.channel, row.event_id) in new}
            )
        return len(added)

    def due(self, limit: int, busy: Collection[str] = (), lane: Lane | None = None) -> tuple[InboxItem, ...]:
        """What is to be worked next, danger first, and at most one event a conversation: its first, those of danger before the others.

        `busy`: conversations to leave out. `lane`: only that one. Nobody else gets them until the lease is over (LEASES).
        """
        now = self._clock()
        wanted = {"now": now, "busy": list(busy), "lanes": [lane] if lane else list(LEASES), "most": limit}
        until = {f"{name}_until": now + lease for name, lease in LEASES.items()}
        with self._database.write(first=lane == "danger") as connection:
            taken = connection.execute(_TAKEN, {**wanted, **until}).all()
            if not taken:
                return ()
            counted = connection.execute(_WAITS, {"whose": [row.conversation_id for row in taken]})
            waiting = {row[0]: row[1] for row in counted}
        items = (InboxItem(**row._asdict(), waiting=waiting[row.conversation_id]) for row in taken)
        return tuple(sorted(items, key=lambda item: (item.lane != "danger", item.row_id)))

    def behind(self, row_id: int, conversation_id: str, limit: int) -> tuple[str, ...]:
        """`body_json` of what waits in a conversation behind an event, in order."""
        behind = (_WAITING, InboxTable.conversation_id == conversation_id, InboxTable.row_id > row_id)
        with self._database.read() as connection:
            found = select(InboxTable.body_json).where(*behind).order_by(InboxTable.row_id).limit(limit)
            return tuple(filter(None, connection.execute(found).scalars()))

    def done(self, row_id: int, sends: Sequence[NewSend] = ()) -> None:
        """It is worked: what is to be sent is kept (a key that is known changes nothing) and its words are blanked, in one transaction."""
        self.done_all([Worked(row_id, sends)])

    def done_all(self, worked: Sequence[Worked]) -> None:
        """As `done`, of several in one transaction, which keeps their menus, too."""
        now = self._clock()
        with self._database.write() as connection:
            keep_menus(connection, [menu for work in worked for menu in work.menus], now)
            add_sends(connection, [send for work in worked for send in work.sends], now)
            connection.execute(_DONE, {"these": [work.row_id for work in worked], "at": now})

    def fail(self, row_id: int, sends: Sequence[NewSend] = ()) -> None:
        """It cannot be worked; its words, which may stand nowhere else, stay until retention deletes it."""
        now = self._clock()
        with self._database.write() as connection:
            add_sends(connection, sends, now)
            over = {"state": "failed", "leased": False, "ended_at": now}
            connection.execute(update(InboxTable).where(InboxTable.row_id == row_id, _WAITING).values(over))

    def later(self, row_id: int, not_before: datetime, *, failed: bool = False) -> None:
        """To be worked from that moment on. `failed`: because it has failed, which is counted."""
        values = {"leased": False, "not_before": not_before, "failures": InboxTable.failures + int(failed)}
        with self._database.write() as connection:
            connection.execute(update(InboxTable).where(InboxTable.row_id == row_id, _WAITING).values(values))

    def skip(self, conversation_id: str, keep: int) -> int:
        """Of what waits in the normal lane of a conversation, leave out all but the last `keep` and what is in hand; how many."""
        waits = (_WAITING, InboxTable.conversation_id == conversation_id, InboxTable.lane == "normal", ~self._in_hand())
        last = select(InboxTable.row_id).where(*waits).order_by(InboxTable.row_id.desc()).limit(keep)
        values = {"state": "skipped", "body_json": None, "ended_at": self._clock()}
        with self._database.write() as connection:
            kept = connection.execute(last).scalars().all()
            return connection.execute(update(InboxTable).where(*waits, InboxTable.row_id.not_in(kept)).values(values)).rowcount

    def release(self) -> int:
        """What a killed program had in hand is due at once; how many. For a program that knows itself alone on the database."""
        with self._database.write() as connection:
            taken = update(InboxTable).where(_WAITING, InboxTable.leased)
            return connection.execute(taken.values(leased=False, not_before=self._clock())).rowcount

    def counts(self) -> dict[str, InboxCounts]:
        """By channel, those that have anything waiting or failed."""
        waits = func.count().filter(_WAITING)
        failed = func.count().filter(InboxTable.state == "failed")
        oldest = func.min(InboxTable.received_at).filter(_WAITING)
        rows = select(InboxTable.channel, waits, failed, oldest).where(InboxTable.state.in_(("waiting", "failed")))
        with self._database.read() as connection:
            found = connection.execute(rows.group_by(InboxTable.channel)).all()
        return {channel: InboxCounts(waiting, failed, oldest) for channel, waiting, failed, oldest in found}

    def purge(self, before: datetime) -> int:
        """Delete what was over before a moment; how many."""
        with self._database.write() as connection:
            return connection.execute(delete(InboxTable).where(InboxTable.ended_at < before)).rowcount

    def _in_hand(self) -> ColumnElement[bool]:
        return InboxTable.leased & (InboxTable.not_before > self._clock())


# What every message asks of the database, put together once: to build a statement takes longer than SQLite takes to do it.


def _next() -> Select[int]:
    """The first event of each conversation. While it may not be worked, nothing behind it may; but danger waits for danger only."""
    before = aliased(InboxTable)
    first = ~exists().where(
        before.state == "waiting",
        before.conversation_id == InboxTable.conversation_id,
        ((before.lane == InboxTable.lane) & (before.row_id < InboxTable.row_id))
        | ((before.lane == "danger") & (InboxTable.lane == "normal")),
    )
    wanted = (
        _WAITING,
        InboxTable.not_before <= bindparam("now"),
        InboxTable.lane.in_(bindparam("lanes", expanding=True)),
        InboxTable.conversation_id.not_in(bindparam("busy", expanding=True)),
        first,
    )
    return select(InboxTable.row_id).where(*wanted).order_by(*_DANGER_FIRST).limit(bindparam("most"))


def _taken() -> ReturningUpdate[Any]:
    """Takes them in hand in the one statement that finds them."""
    until = case((InboxTable.lane == "danger", bindparam("danger_until")), else_=bindparam("normal_until"))
    these = update(InboxTable).where(InboxTable.row_id.in_(select(_next().with_for_update(skip_locked=True).cte())))
    return these.values(leased=True, not_before=until).returning(*_COLUMNS)


_THESE = InboxTable.row_id.in_(bindparam("these", expanding=True))
_TAKEN = _taken()
_WHOSE = InboxTable.conversation_id.in_(bindparam("whose", expanding=True))
_WAITS = select(InboxTable.conversation_id, func.count()).where(_WAITING, _WHOSE).group_by(InboxTable.conversation_id)
_DONE = update(InboxTable).where(_THESE, _WAITING).values(state="done", leased=False, ended_at=bindparam("at"), body_json=None)


@cache
def _event_insert(dialect: str) -> Executable:
    fresh = insert_of(dialect, InboxTable).on_conflict_do_nothing(index_elements=["channel", "event_id"])
    return fresh.returning(InboxTable.channel, InboxTable.event_id)
