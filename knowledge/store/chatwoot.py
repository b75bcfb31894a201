"""How far the office's Chatwoot knows a case: where it stands there, and what of it has been brought.

Each thing to bring has a key: "about:…" for what the case is (once for each risk and kinds), "message:ID" and "answer:ID" for what was
said, and a key of its own for a note that an agent is to be sent. A key that is written down was brought; so whatever is killed or down
goes on where it was, also with a message that joins the case late.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, literal, or_, select, update

from knowledge.store.cases import REOPEN_WITHIN, find_case, transcript
from knowledge.store.database import Database, insert
from knowledge.store.outgoing import sent_by_key
from knowledge.store.schema import CaseTable, MessageTable
from knowledge.store.schema_duty import ChatwootItemTable, ChatwootThreadTable, OutgoingTable


@dataclass(frozen=True, slots=True)
class ChatwootItem:
    """Something to bring. `text`: what was said; None for `about` and `note`, whose words come from whoever brings them."""

    key: str
    kind: Literal["about", "message", "answer", "note"]
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ChatwootPlace:
    """The contact and conversation of a case; both None until it was opened there."""

    source_id: str | None
    number: int | None


class ChatwootState:
    """Of a store. Every method raises StoreError."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def waiting(self) -> tuple[str, ...]:
        """The cases of which something is to be brought, the gravest first. Of closed ones only those that are known there already."""
        now = self._clock()
        live = or_(CaseTable.state != "closed", and_(CaseTable.closed_at >= now - REOPEN_WITHIN, ChatwootThreadTable.number.is_not(None)))
        free = or_(ChatwootThreadTable.case_id.is_(None), ChatwootThreadTable.leased_until <= now)
        about = literal("about:") + cast(CaseTable.risk, Text) + ":" + cast(CaseTable.kinds, Text)
        said = exists().where(
            MessageTable.case_id == CaseTable.case_id,
            MessageTable.text.is_not(None),
            or_(
                ~_brought(literal("message:") + MessageTable.message_id),
                and_(MessageTable.answer_json.is_not(None), ~_brought(literal("answer:") + MessageTable.message_id)),
            ),
        )
        note = exists().where(ChatwootItemTable.case_id == CaseTable.case_id, ChatwootItemTable.sent_at.is_(None))
        statement = (
            select(CaseTable.case_id)
            .join(ChatwootThreadTable, ChatwootThreadTable.case_id == CaseTable.case_id, isouter=True)
            .where(live, free, CaseTable.erased_at.is_(None), or_(~_brought(about), said, note))
            .order_by(CaseTable.risk.desc(), func.coalesce(CaseTable.first_danger_at, CaseTable.opened_at))
        )
        with self._database.read() as connection:
            return tuple(connection.execute(statement).scalars())

    def lease(self, case_id: str, length: timedelta) -> ChatwootPlace | None:
        """Only the caller brings something of this case for that long, or until `release`; None when somebody else does already."""
        now = self._clock()
        table = ChatwootThreadTable
        row = {"case_id": case_id, "leased_until": now}
        with self._database.write() as connection:
            connection.execute(insert(connection, table).values(row).on_conflict_do_nothing(index_elements=["case_id"]))
            mine = update(table).where(table.case_id == case_id, table.leased_until <= now).values(leased_until=now + length)
            found = connection.execute(mine.returning(table.source_id, table.number)).first()
            return ChatwootPlace(*found) if found else None

    def release(self, case_id: str, until: datetime | None = None) -> None:
        """Somebody else may go on, at once or from a moment."""
        this = update(ChatwootThreadTable).where(ChatwootThreadTable.case_id == case_id)
        with self._database.write() as connection:
            connection.execute(this.values(leased_until=until or self._clock()))

    def opened(self, case_id: str, source_id: str | None, number: int | None) -> None:
        """It stands there now; None: no more."""
        this = update(ChatwootThreadTable).where(ChatwootThreadTable.case_id == case_id)
        with self._database.write() as connection:
            connection.execute(this.values(source_id=source_id, number=number))

    def unsent(self, case_id: str) -> tuple[ChatwootItem, ...]:
        """What is to be brought, in that order. Raises KnowledgeError when there is no such case."""
        with self._database.read() as connection:
            case, lines = find_case(connection, case_id), transcript(connection, case_id)
            rows = connection.execute(
                select(ChatwootItemTable.item, ChatwootItemTable.sent_at)
                .where(ChatwootItemTable.case_id == case_id)
                .order_by(ChatwootItemTable.noted_at, ChatwootItemTable.item)
            ).all()
        items = [ChatwootItem(f"about:{case.risk}:{json.dumps(list(case.kinds), ensure_ascii=False)}", "about")]
        for line in lines:
            if line.text is None:
                continue
            items.append(ChatwootItem(f"message:{line.message_id}", "message", line.text))
            if line.answer_json is not None:
                items.append(ChatwootItem(f"answer:{line.message_id}", "answer", json.loads(line.answer_json).get("text") or ""))
        sent = {item for item, sent_at in rows if sent_at is not None}
        notes = [ChatwootItem(item, "note") for item, sent_at in rows if sent_at is None]
        return (*(item for item in items if item.key not in sent), *notes)

    def sent(self, case_id: str, key: str) -> None:
        """It was brought."""
        now = self._clock()
        row = {"case_id": case_id, "item": key, "noted_at": now, "sent_at": now}
        with self._database.write() as connection:
            statement = insert(connection, ChatwootItemTable).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["case_id", "item"], set_={"sent_at": now}))

    def note(self, case_id: str, key: str) -> None:
        """An agent is to be sent a note, once, however often this is said."""
        row = {"case_id": case_id, "item": key, "noted_at": self._clock()}
        with self._database.write() as connection:
            statement = insert(connection, ChatwootItemTable).values(row)
            connection.execute(statement.on_conflict_do_nothing(index_elements=["case_id", "item"]))

    def case_of(self, number: int, source_id: str | None) -> str | None:
        """The case of a conversation there; None when it is none of ours."""
        table = ChatwootThreadTable
        this = or_(table.number == number, and_(table.number.is_(None), table.case_id == (source_id or "")))
        with self._database.read() as connection:
            return connection.execute(select(table.case_id).where(this).limit(1)).scalar()

    def handled(self, case_id: str, client_key: str, note: str) -> bool:
        """Whether a reply was sent on to the person, or refused with a note whose key begins so."""
        key = ChatwootItemTable.item.startswith(note, autoescape=True)
        refused = select(ChatwootItemTable.item).where(ChatwootItemTable.case_id == case_id, key)
        with self._database.read() as connection:
            return sent_by_key(connection, case_id, client_key) is not None or connection.execute(refused.limit(1)).first() is not None

    def spoke(self, case_id: str, account_id: str) -> bool:
        """Whether an account has written to the person of a case."""
        this = (OutgoingTable.case_id == case_id, OutgoingTable.author == account_id)
        with self._database.read() as connection:
            return connection.execute(select(OutgoingTable.outgoing_id).where(*this).limit(1)).first() is not None

    def shown(self, case_id: str) -> int:
        """How many of the person's messages were brought."""
        keys = ChatwootItemTable.item.startswith("message:", autoescape=True)
        this = (ChatwootItemTable.case_id == case_id, keys, ChatwootItemTable.sent_at.is_not(None))
        with self._database.read() as connection:
            return connection.execute(select(func.count()).where(*this)).scalar_one()


def _brought(key: ColumnElement[str]) -> ColumnElement[bool]:
    item = ChatwootItemTable
    return exists().where(item.case_id == CaseTable.case_id, item.item == key, item.sent_at.is_not(None)).correlate(CaseTable, MessageTable)
