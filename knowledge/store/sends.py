"""The calls that the channels are to make, each once: written before they are made, claimed before each attempt, blanked when they arrived.

A row goes waiting → sending → sent. A service that takes nothing now sends it back to waiting; dead is what it will never take; uncertain,
what may have arrived; dropped, what nobody is to get any more. Dead and uncertain ones are the dead letters, which somebody looks at.

Every method raises StoreError. Moments come from the store's clock.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Executable, Select, bindparam, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from knowledge.store.chats import note_sent
from knowledge.store.database import Database, insert_of
from knowledge.store.schema_channels import SendTable

Lane = Literal["danger", "normal"]
State = Literal["waiting", "sending", "sent", "uncertain", "dead", "dropped"]
DEAD_LETTER: tuple[State, ...] = ("dead", "uncertain")


@dataclass(frozen=True, slots=True)
class NewSend:
    """A call that is to be made. `key` is unique in its channel: what is handed in twice is sent once."""

    channel: str
    conversation_id: str
    key: str
    lane: Lane
    call_json: str = field(repr=False)
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Send:
    """A call with what has become of it. `call_json`: None once it arrived or was given up. `doubts`: how often it is not known whether
    it arrived; `attempts` counts the one that is being made.
    """

    send_id: int
    channel: str
    conversation_id: str
    key: str
    lane: Lane
    call_json: str | None = field(repr=False)
    state: State
    attempts: int
    doubts: int
    next_try_at: datetime
    why: str | None
    remote_id: str | None
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class SendCounts:
    """Of one channel. `oldest`: since when the first of those that wait is here."""

    waiting: int
    dead: int
    uncertain: int
    oldest: datetime | None


_COLUMNS = [getattr(SendTable, f.name) for f in fields(Send)]
_DANGER_FIRST = (case((SendTable.lane == "danger", 0), else_=1), SendTable.send_id)
_UNSENT = SendTable.state.in_(("waiting", "sending"))


class Sends:
    """What the channels of a store have to send."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def add(self, sends: Sequence[NewSend]) -> int:
        """Keep calls, all in one transaction; a key that is known changes nothing. How many were new."""
        with self._database.write() as connection:
            return add_sends(connection, sends, self._clock())

    def claim(
        self, channels: Collection[str], limit: int, lease: timedelta, busy: Collection[str] = (), lane: Lane | None = None
    ) -> tuple[Send, ...]:
        """What is to be sent now, danger first and at most one a conversation; committed as being sent before the caller has it.

        Within a conversation and lane in order: none while an earlier one waits or is being sent; and nothing normal while danger is.
        `busy`: conversations to leave out. `lane`: only that one. `lease`: after which `recover` takes it for lost.
        """
        now = self._clock()
        lanes = [lane] if lane else list(get_args(Lane))
        wanted = {"now": now, "channels": list(channels), "busy": list(busy), "lanes": lanes, "most": limit, "until": now + lease}
        with self._database.write(first=lane == "danger") as connection:
            claimed = [Send(*row) for row in connection.execute(_CLAIMED_NEXT, wanted)]
        return tuple(sorted(claimed, key=lambda send: (send.lane != "danger", send.send_id)))

    def claim_following(self, send: Send, limit: int, lease: timedelta) -> tuple[Send, ...]:
        """What waits behind a call that was claimed, in its conversation and lane, to be said in one with it; claimed like it, in order."""
        now = self._clock()
        behind = (
            SendTable.conversation_id == send.conversation_id,
            SendTable.channel == send.channel,
            SendTable.lane == send.lane,
            SendTable.send_id > send.send_id,
            SendTable.state == "waiting",
            SendTable.next_try_at <= now,
        )
        found = select(SendTable.send_id).where(*behind).order_by(SendTable.send_id).limit(limit)
        with self._database.write() as connection:
            mine = connection.execute(found.with_for_update(skip_locked=True)).scalars().all()
            rows = connection.execute(_CLAIMED, {"these": mine, "until": now + lease})
            return tuple(sorted((Send(*row) for row in rows), key=lambda send: send.send_id))

    def sent(self, remote_ids: Mapping[int, str | None], merged: Collection[int] = ()) -> None:
        """They have arrived, with the service's ids; their words are blanked, and they count against the chat's quota.

        `merged`: those that were said in one message with another, which counts for them.
        """
        now = self._clock()
        with self._database.write() as connection:
            unsent = connection.execute(_STILL_UNSENT, {"these": list(remote_ids)}).all()
            if unsent:
                connection.execute(_SENT, [{"this": send_id, "remote": remote_ids[send_id], "at": now} for send_id, _ in unsent])
            note_sent(connection, Counter(conversation_id for send_id, conversation_id in unsent if send_id not in merged))

    def later(self, send_id: int, at: datetime, why: str | None = None, *, doubt: bool = False, attempt: bool = True) -> None:
        """To be tried again at that moment. `doubt`: it may have arrived, which is counted. `attempt`: False where none was made."""
        values = {
            "state": "waiting",
            "next_try_at": at,
            "leased_until": None,
            "why": why,
            "doubts": SendTable.doubts + int(doubt),
            "attempts": SendTable.attempts - int(not attempt),
        }
        with self._database.write() as connection:
            connection.execute(update(SendTable).where(SendTable.send_id == send_id, _UNSENT).values(values))

    def uncertain(self, send_id: int, why: str) -> None:
        """Whether it arrived is not known, and it is not repeated by itself; it counts against the quota."""
        with self._database.write() as connection:
            values = {"state": "uncertain", "why": why, "doubts": SendTable.doubts + 1}
            note_sent(connection, Counter(_end(connection, (send_id,), self._clock(), values)))

    def dead(self, send_id: int, why: str) -> None:
        """The service will never take it as it is."""
        with self._database.write() as connection:
            _end(connection, (send_id,), self._clock(), {"state": "dead", "why": why})

    def drop_all(self, conversation_id: str) -> int:
        """Nobody is there to get what waits; how many."""
        with self._database.write() as connection:
            unsent = (SendTable.conversation_id == conversation_id, _UNSENT)
            values = {"state": "dropped", "call_json": None, "ended_at": self._clock(), "leased_until": None, "why": "gone"}
            return connection.execute(update(SendTable).where(*unsent).values(values)).rowcount

    def recover(self, lapsed_before: datetime) -> int:
        """What a killed program was sending when its lease ended before a moment; how many. Danger is sent again, the rest is uncertain."""
        lost = (SendTable.state == "sending", SendTable.leased_until < lapsed_before)
        now = self._clock()
        again = {"state": "waiting", "next_try_at": now, "leased_until": None, "doubts": SendTable.doubts + 1, "why": "killed"}
        over = {"state": "uncertain", "ended_at": now, "leased_until": None, "doubts": SendTable.doubts + 1, "why": "killed"}
        with self._database.write() as connection:
            danger = connection.execute(update(SendTable).where(*lost, SendTable.lane == "danger").values(again)).rowcount
            normal = connection.execute(update(SendTable).where(*lost).values(over).returning(SendTable.conversation_id)).scalars().all()
            note_sent(connection, Counter(normal))
            return danger + len(normal)

    def get(self, send_id: int) -> Send | None:
        """A call, if there is one of that id."""
        with self._database.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(SendTable.send_id == send_id)).first()
            return Send(*row) if row else None

    def dead_letters(self, limit: int = 50, before: int | None = None) -> tuple[Send, ...]:
        """Those that somebody has to look at, the newest first. `before`: a send_id, to turn the page."""
        rows = select(*_COLUMNS).where(SendTable.state.in_(DEAD_LETTER)).order_by(SendTable.send_id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(Send(*row) for row in connection.execute(rows if before is None else rows.where(SendTable.send_id < before)))

    def again(self, send_id: int) -> bool:
        """Send a dead letter once more; False when it is none any more, or holds no words."""
        now = self._clock()
        values = {"state": "waiting", "next_try_at": now, "created_at": now, "attempts": 0, "doubts": 0, "why": None, "ended_at": None}
        return self._decide(send_id, values)

    def give_up(self, send_id: int) -> bool:
        """A dead letter is not sent, and its words are blanked; False when it is none any more."""
        return self._decide(send_id, {"state": "dropped", "call_json": None, "ended_at": self._clock()})

    def _decide(self, send_id: int, values: Mapping[str, Any]) -> bool:
        this = (SendTable.send_id == send_id, SendTable.state.in_(DEAD_LETTER), SendTable.call_json.is_not(None))
        with self._database.write() as connection:
            return connection.execute(update(SendTable).where(*this).values(values)).rowcount == 1

    def counts(self) -> dict[str, SendCounts]:
        """By channel, those that have anything unsent or dead."""
        dead, uncertain = (func.count().filter(SendTable.state == state) for state in DEAD_LETTER)
        numbers = (func.count().filter(_UNSENT), dead, uncertain, func.min(SendTable.created_at).filter(_UNSENT))
        rows = select(SendTable.channel, *numbers).where(or_(_UNSENT, SendTable.state.in_(DEAD_LETTER))).group_by(SendTable.channel)
        with self._database.read() as connection:
            return {row[0]: SendCounts(row[1], row[2], row[3], row[4]) for row in connection.execute(rows)}

    def purge(self, before: datetime, dead_before: datetime) -> int:
        """Delete what was over before a moment, and dead letters before another; how many."""
        dead = SendTable.state.in_(DEAD_LETTER)
        old = or_(~dead & (SendTable.ended_at < before), dead & (SendTable.ended_at < dead_before))
        with self._database.write() as connection:
            return connection.execute(delete(SendTable).where(old)).rowcount


def add_sends(connection: Connection, sends: Sequence[NewSend], at: datetime) -> int:
    """Put calls into a transaction; a key that is known changes nothing. How many were new."""
    if not sends:
        return 0
    rows = [
        {
            "channel": send.channel,
            "conversation_id": send.conversation_id,
            "key": send.key,
            "lane": send.lane,
            "call_json": send.call_json,
            "call_sha256": hashlib.sha256(send.call_json.encode("utf-8", "surrogatepass")).hexdigest(),
            "call_length": len(send.call_json),
            "state": "waiting",
            "attempts": 0,
            "doubts": 0,
            "next_try_at": send.not_before,
            "created_at": at,
        }
        for send in sends
    ]
    return len(connection.execute(_send_insert(connection.dialect.name), rows).all())


def _end(connection: Connection, send_ids: Sequence[int], at: datetime, values: Mapping[str, Any]) -> Sequence[str]:
    """The conversations of those that were still unsent."""
    this = (SendTable.send_id.in_(send_ids), _UNSENT)
    over = {"ended_at": at, "leased_until": None} | dict(values)
    return connection.execute(update(SendTable).where(*this).values(over).returning(SendTable.conversation_id)).scalars().all()


# What every message asks of the database, put together once: to build a statement takes longer than SQLite takes to do it.


def _next() -> Select[int]:
    before = aliased(SendTable)
    first = ~exists().where(
        before.state.in_(("waiting", "sending")),
        before.conversation_id == SendTable.conversation_id,
        ((before.lane == SendTable.lane) & (before.send_id < SendTable.send_id))
        | ((before.lane == "danger") & (SendTable.lane == "normal")),
    )
    wanted = (
        SendTable.state == "waiting",
        SendTable.next_try_at <= bindparam("now"),
        SendTable.channel.in_(bindparam("channels", expanding=True)),
        SendTable.lane.in_(bindparam("lanes", expanding=True)),
        SendTable.conversation_id.not_in(bindparam("busy", expanding=True)),
        first,
    )
    return select(SendTable.send_id).where(*wanted).order_by(*_DANGER_FIRST).limit(bindparam("most"))


_THESE = SendTable.send_id.in_(bindparam("these", expanding=True))
_CLAIM = update(SendTable).values(state="sending", attempts=SendTable.attempts + 1, leased_until=bindparam("until")).returning(*_COLUMNS)
_CLAIMED = _CLAIM.where(_THESE)
_CLAIMED_NEXT = _CLAIM.where(SendTable.send_id.in_(select(_next().with_for_update(skip_locked=True).cte())))
_STILL_UNSENT = select(SendTable.send_id, SendTable.conversation_id).where(_THESE, _UNSENT).order_by(SendTable.send_id).with_for_update()
_SENT = (
    update(SendTable)
    .where(SendTable.send_id == bindparam("this"))
    .values(
        state="sent",
        remote_id=bindparam("remote"),
        sent_at=bindparam("at"),
        ended_at=bindparam("at"),
        leased_until=None,
        call_json=None,
        why=None,
    )
)


@cache
def _send_insert(dialect: str) -> Executable:
    return insert_of(dialect, SendTable).on_conflict_do_nothing(index_elements=["channel", "key"]).returning(SendTable.send_id)
