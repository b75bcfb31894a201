"""What is to be sent to people outside of an answer: an officer's words, and the truth about who has been asked.

Rows are written in the transaction of what they tell of. The web page reads those after the last one it knows; a channel's sender claims
them, the danger lane first, and marks them. A claim lapses, so that what a killed sender had in hand is sent by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, case, select, update

from knowledge.store.cases import Case
from knowledge.store.database import Database, insert
from knowledge.store.schema_duty import OutgoingTable

Lane = Literal["danger", "normal"]
Kind = Literal["officer", "notice"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something to send. `author`: the officer's account, None for a notice; `attachment`: the name of a kept file; `replaces`: the
    `outgoing_id` of the message that this one is the edited form of.
    """

    outgoing_id: int
    conversation_id: str
    channel: str
    case_id: str
    lane: Lane
    kind: Kind
    author: str | None
    text: str = field(repr=False)
    attachment: str | None
    replaces: int | None
    created_at: datetime
    delivered_at: datetime | None
    attempts: int
    next_try_at: datetime


_COLUMNS = [getattr(OutgoingTable, f.name) for f in fields(Outgoing)]
_DANGER_FIRST = (case((OutgoingTable.lane == "danger", 0), else_=1), OutgoingTable.outgoing_id)


class Outbox:
    """The outgoing messages of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def after(self, conversation_id: str, outgoing_id: int = 0, limit: int = 100) -> tuple[Outgoing, ...]:
        """What a conversation was sent after a row that is known, oldest first."""
        this = (OutgoingTable.conversation_id == conversation_id, OutgoingTable.outgoing_id > outgoing_id)
        with self._database.read() as connection:
            rows = connection.execute(select(*_COLUMNS).where(*this).order_by(OutgoingTable.outgoing_id).limit(limit))
            return tuple(Outgoing(*row) for row in rows)

    def claim(self, channels: Collection[str], lease: timedelta, limit: int = 20) -> tuple[Outgoing, ...]:
        """What the channels have to send now, the danger lane first; nobody else gets it before `lease` is over."""
        now = self._clock()
        waits = (OutgoingTable.delivered_at.is_(None), OutgoingTable.next_try_at <= now, OutgoingTable.channel.in_(channels))
        found = select(OutgoingTable.outgoing_id).where(*waits).order_by(*_DANGER_FIRST).limit(limit)
        with self._database.read() as connection:
            if connection.execute(found.limit(1)).first() is None:
                return ()  # without waiting for other writers
        with self._database.write() as connection:
            ids = connection.execute(found.with_for_update(skip_locked=True)).scalars().all()
            mine = OutgoingTable.outgoing_id.in_(ids)
            leased = {"next_try_at": now + lease, "attempts": OutgoingTable.attempts + 1}
            connection.execute(update(OutgoingTable).where(mine).values(leased))
            rows = connection.execute(select(*_COLUMNS).where(mine).order_by(*_DANGER_FIRST))
            return tuple(Outgoing(*row) for row in rows)

    def delivered(self, *outgoing_ids: int) -> None:
        """They have arrived at the channel, or at the page that shows them."""
        this = (OutgoingTable.outgoing_id.in_(outgoing_ids), OutgoingTable.delivered_at.is_(None))
        with self._database.write() as connection:
            connection.execute(update(OutgoingTable).where(*this).values(delivered_at=self._clock()))

    def failed(self, outgoing_id: int, next_try_at: datetime) -> None:
        """The channel did not take it: to be tried again at that moment."""
        this = (OutgoingTable.outgoing_id == outgoing_id, OutgoingTable.delivered_at.is_(None))
        with self._database.write() as connection:
            connection.execute(update(OutgoingTable).where(*this).values(next_try_at=next_try_at))


def send(
    connection: Connection,
    to: Case,
    at: datetime,
    text: str,
    *,
    author: str | None = None,
    attachment: str | None = None,
    replaces: int | None = None,
    client_key: str | None = None,
) -> Outgoing:
    """Put something into the outbox for the person of a case. `client_key`: by which it is known when it is handed in again."""
    row = {
        "conversation_id": to.conversation_id,
        "channel": to.channel,
        "case_id": to.case_id,
        "lane": "danger" if to.reason == "danger" else "normal",
        "kind": "officer" if author else "notice",
        "author": author,
        "text": text,
        "attachment": attachment,
        "replaces": replaces,
        "client_key": client_key,
        "created_at": at,
        "attempts": 0,
        "next_try_at": at,
    }
    return Outgoing(*connection.execute(insert(connection, OutgoingTable).values(row).returning(*_COLUMNS)).one())


def sent_by_key(connection: Connection, case_id: str, client_key: str) -> Outgoing | None:
    """What was handed in under a key about a case."""
    this = (OutgoingTable.case_id == case_id, OutgoingTable.client_key == client_key)
    row = connection.execute(select(*_COLUMNS).where(*this)).first()
    return Outgoing(*row) if row else None


def sent_about(connection: Connection, case_id: str) -> tuple[Outgoing, ...]:
    """What was sent, or is to be sent, about a case, oldest first."""
    rows = connection.execute(select(*_COLUMNS).where(OutgoingTable.case_id == case_id).order_by(OutgoingTable.outgoing_id))
    return tuple(Outgoing(*row) for row in rows)
