"""The person's side of a conversation with an officer: what was sent to them, and the thread so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import func, select, update

from knowledge.store.cases import TranscriptLine
from knowledge.store.database import Database
from knowledge.store.outgoing import Outgoing
from knowledge.store.schema import CaseTable, MessageTable
from knowledge.store.schema_duty import OutgoingTable

_SENT = [getattr(OutgoingTable, f.name) for f in fields(Outgoing)]
_LINE = (MessageTable.message_id, MessageTable.received_at, MessageTable.text, MessageTable.answer_json)


@dataclass(frozen=True, slots=True)
class Thread:
    """What was said in a conversation. `newest`: the highest id of what was ever sent to it, 0 where nothing was.

    `messages` and `sent` are empty unless the conversation has a case that is not closed.
    """

    newest: int
    live: bool
    messages: tuple[TranscriptLine, ...] = field(default=(), repr=False)
    sent: tuple[Outgoing, ...] = field(default=(), repr=False)


class Updates:
    """Of a store. Every method raises StoreError."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def since(self, outgoing_id: int) -> tuple[int, frozenset[str]]:
        """The newest id of what was sent to anybody, and the conversations that were sent something after a known one."""
        newer = select(OutgoingTable.outgoing_id, OutgoingTable.conversation_id).where(OutgoingTable.outgoing_id > outgoing_id)
        with self._database.read() as connection:
            rows = connection.execute(newer).all()
        return max((row[0] for row in rows), default=outgoing_id), frozenset(row[1] for row in rows)

    def newest(self) -> int:
        """The newest id of what was sent to anybody; 0 where nothing was."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(OutgoingTable.outgoing_id))).scalar() or 0

    def arrived(self, conversation_id: str, up_to: int) -> None:
        """The person's page has everything up to an id."""
        this = (OutgoingTable.conversation_id == conversation_id, OutgoingTable.outgoing_id <= up_to, OutgoingTable.delivered_at.is_(None))
        with self._database.read() as connection:
            if connection.execute(select(OutgoingTable.outgoing_id).where(*this).limit(1)).first() is None:
                return  # without waiting for other writers
        with self._database.write() as connection:
            connection.execute(update(OutgoingTable).where(*this).values(delivered_at=self._clock()))

    def thread(self, conversation_id: str, since: datetime) -> Thread:
        """What was said in a conversation since a moment, if it has a live case."""
        mine = (OutgoingTable.conversation_id == conversation_id, OutgoingTable.created_at >= since)
        written = (MessageTable.conversation_id == conversation_id, MessageTable.received_at >= since)
        with self._database.read() as connection:
            highest = select(func.max(OutgoingTable.outgoing_id)).where(OutgoingTable.conversation_id == conversation_id)
            newest = connection.execute(highest).scalar() or 0
            live = select(CaseTable.case_id).where(CaseTable.conversation_id == conversation_id, CaseTable.state != "closed")
            if connection.execute(live).first() is None:
                return Thread(newest, False)
            lines = connection.execute(select(*_LINE).where(*written).order_by(MessageTable.received_at, MessageTable.row_id))
            sent = connection.execute(select(*_SENT).where(*mine).order_by(OutgoingTable.outgoing_id))
            return Thread(newest, True, tuple(TranscriptLine(*row) for row in lines), tuple(Outgoing(*row) for row in sent))
