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
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Select, case, delete, exists, func, select, update
from sqlalchemy.orm import aliased

from knowledge.store.chats import note_written
from knowledge.store.database import Database, insert
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


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """Of one channel. `oldest`: since when the first of those that wait is here."""

    waiting: int
    failed: int
    oldest: datetime | None


_COLUMNS = [getattr(InboxTable, f.name) for f in fields(InboxItem)]
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
        with self._database.write() as connection:
            statement = insert(connection, InboxTable).on_conflict_do_nothing(index_elements=["channel", "event_id"])
            added = connection.execute(statement.returning(InboxTable.channel, InboxTable.event_id), values).all()
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
        found = _next(now, busy, lane).limit(limit)
        with self._database.read() as connection:
            if connection.execute(found.limit(1)).first() is None:
                return ()  # without waiting for other writers
        with self._database.write() as connection:
            mine = InboxTable.row_id.in_(connection.execute(found.with_for_update(skip_locked=True)).scalars().all())
            until = case((InboxTable.lane == "danger", now + LEASES["danger"]), else_=now + LEASES["normal"])
            connection.execute(update(InboxTable).where(mine).values(leased=True, not_before=until))
            return tuple(InboxItem(*row) for row in connection.execute(select(*_COLUMNS).where(mine).order_by(*_DANGER_FIRST)))

    def done(self, row_id: int, sends: Sequence[NewSend] = ()) -> None:
        """It is worked: what is to be sent is kept (a key that is known changes nothing) and its words are blanked, in one transaction."""
        self.done_all([(row_id, sends)])

    def done_all(self, worked: Sequence[tuple[int, Sequence[NewSend]]]) -> None:
        """As `done`, of several in one transaction."""
        now = self._clock()
        with self._database.write() as connection:
            for row_id, sends in worked:
                _end(connection, row_id, "done", sends, now, body_json=None)

    def fail(self, row_id: int, sends: Sequence[NewSend] = ()) -> None:
        """It cannot be worked; its words, which may stand nowhere else, stay until retention deletes it."""
        with self._database.write() as connection:
            _end(connection, row_id, "failed", sends, self._clock())

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

    def waiting(self, conversation_id: str) -> int:
        """How many events of a conversation are not worked yet, with what is in hand."""
        this = (_WAITING, InboxTable.conversation_id == conversation_id)
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(InboxTable).where(*this)).scalar_one()

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


def _end(connection: Connection, row_id: int, state: str, sends: Sequence[NewSend], at: datetime, **values: None) -> None:
    add_sends(connection, sends, at)
    over = {"state": state, "leased": False, "ended_at": at, **values}
    connection.execute(update(InboxTable).where(InboxTable.row_id == row_id, _WAITING).values(over))


def _next(now: datetime, busy: Collection[str], lane: Lane | None) -> Select[int]:
    """The first event of each conversation. While it may not be worked, nothing behind it may; but danger waits for danger only."""
    before = aliased(InboxTable)
    first = ~exists().where(
        before.state == "waiting",
        before.conversation_id == InboxTable.conversation_id,
        ((before.lane == InboxTable.lane) & (before.row_id < InboxTable.row_id))
        | ((before.lane == "danger") & (InboxTable.lane == "normal")),
    )
    wanted = [_WAITING, InboxTable.not_before <= now, first]
    if busy:
        wanted.append(InboxTable.conversation_id.not_in(busy))
    if lane:
        wanted.append(InboxTable.lane == lane)
    return select(InboxTable.row_id).where(*wanted).order_by(*_DANGER_FIRST)
