"""Conversations: what a person wrote, what was answered, and what is remembered between the two.

`accept` is the one door: it keeps the message and opens, raises or reopens the case in one transaction, before anything is answered. What
was accepted is never done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from random import Random

from sqlalchemy import ColumnElement, Connection, Executable, and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import aliased

from knowledge.errors import StoreError
from knowledge.store.cases import Case, NewCase, add_case, add_event, ended_case, live_case, new_case_id, raise_case, reopen_case
from knowledge.store.chats import forget_chat
from knowledge.store.database import Database, insert_of
from knowledge.store.schema import CaseTable, ConversationTable, MessageTable
from knowledge.store.schema_accounts import AccountTable
from knowledge.store.schema_duty import OutgoingTable


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a message.

    `fresh`: it came for the first time. `answer_json`: what it was answered before; None also when it came before but nobody finished (or
    it was forgotten): answer it again. `case_id`: the case it belongs to, whether it was this message that opened it or an earlier one.
    `human`: an officer has the conversation, and the assistant is silent; `holder_name`: that officer, as the citizen is told.
    `context_json`: what the last finished answer left to remember, at `context_at`.
    """

    fresh: bool
    answer_json: str | None = field(repr=False)
    case_id: str | None
    human: bool = False
    holder_name: str | None = None
    context_json: str | None = field(default=None, repr=False)
    context_at: datetime | None = None


class Conversations:
    """The conversations of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime], rng: Random) -> None:
        self._database = database
        self._clock = clock
        self._rng = rng

    def recent_texts(self, conversation_id: str, since: datetime, limit: int) -> tuple[str, ...]:
        """The last `limit` messages of the person since a moment, oldest first; with the one in hand, once that is accepted."""
        statement = (
            select(MessageTable.text)
            .where(MessageTable.conversation_id == conversation_id, MessageTable.received_at >= since, MessageTable.text.is_not(None))
            .order_by(MessageTable.received_at.desc(), MessageTable.row_id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            newest_first = connection.execute(statement).scalars().all()
        return tuple(text for text in reversed(newest_first) if text is not None)

    def accept(
        self,
        conversation_id: str,
        message_id: str,
        text: str,
        received_at: datetime,
        channel: str,
        case: NewCase | None = None,
        *,
        case_id: str | None = None,
        unless_joined: NewCase | None = None,
    ) -> Accepted:
        """Keep a message and, with `case`, open one, raise the one that is live or reopen one that has just ended, all or nothing.

        The same `message_id` in the same conversation is not fresh and changes nothing, except that a message accepted without a case may
        be accepted once more with one (a human was asked for while it was being answered). `case_id`: an id that the person was already
        told (journal.py), used for a case that is opened now. `unless_joined`: what a fresh message without a case is when there is no live
        case for it to join, because it was meant for an officer and nobody else answers it. Raises StoreError: keep an urgent message in
        the journal then.
        """
        proposals = iter([case_id] if case_id else [])
        with self._database.write() as connection:
            remembered = _enter(connection, conversation_id)
            row = {
                "conversation_id": conversation_id,
                "message_id": message_id,
                "text": text,
                "received_at": received_at,
                "channel": channel,
            }
            fresh = connection.execute(_message_insert(connection.dialect.name), row).scalar() is not None
            this = {"this_conversation": conversation_id, "this_message": message_id}
            answer_json, belongs_to, known = connection.execute(_STANDING, this).one()
            current = live_case(connection, conversation_id)
            if fresh and current is None:
                case = case or unless_joined
            if case and current and belongs_to in (None, current.case_id):
                current = raise_case(connection, current, case, received_at)
            forgotten = known is None  # the late repetition of a message that was erased opens nothing
            if belongs_to is None and not forgotten and (case or (current and fresh)):
                if current:
                    belongs_to = current.case_id
                elif case and (ended := ended_case(connection, conversation_id, received_at)):
                    reopen_case(connection, ended, case, received_at)
                    belongs_to = ended.case_id
                elif case:
                    propose = lambda: next(proposals, None) or new_case_id(self._rng)  # noqa: E731
                    belongs_to = add_case(connection, conversation_id, channel, case, received_at, propose)
                connection.execute(update(MessageTable).where(*_THIS).values(case_id=belongs_to), this)
                if belongs_to:
                    add_event(connection, belongs_to, received_at, "message")
            human = current is not None and current.state == "taken"
            holder_name = _holder_name(connection, current) if human else None
            return Accepted(fresh, answer_json, belongs_to, human, holder_name, *remembered)

    def finish(self, conversation_id: str, message_id: str, answer_json: str, context_json: str | None) -> str:
        """Keep what an accepted message was answered and what to remember; returns the answer that counts, which is the first one kept.

        `context_json` None: what was remembered before still holds, as after an urgent message.
        The context of a message is not kept when a later one was answered meanwhile. Raises StoreError also when nothing was accepted.
        """
        this = {"this_conversation": conversation_id, "this_message": message_id}
        with self._database.write() as connection:
            lock_conversation(connection, conversation_id)
            received_at = connection.execute(_ANSWERED, {**this, "answer": answer_json}).scalar()
            if received_at is None:
                message = connection.execute(_STANDING, this).first()
                if message is None:
                    raise StoreError("The message was not accepted: its answer cannot be kept.", message_id=message_id)
                return message.answer_json or answer_json  # without one it was forgotten meanwhile, and stays so
            if context_json is not None:
                remembered = {"context": context_json, "at": self._clock(), "received": received_at}
                connection.execute(_REMEMBERED, {**remembered, "this_conversation": conversation_id})
            return answer_json

    def forget(self, conversation_id: str) -> None:
        """Blank what was written, answered and sent in a conversation, except in a case that is not closed, and what is remembered of it.

        That a message came is still known, so that a late repetition of it does not open a case a second time.
        """
        with self._database.write() as connection:
            lock_conversation(connection, conversation_id)
            closed = select(CaseTable.case_id).where(CaseTable.conversation_id == conversation_id, CaseTable.state == "closed")
            connection.execute(delete(OutgoingTable).where(OutgoingTable.case_id.in_(closed)))
            blank = update(MessageTable).where(MessageTable.conversation_id == conversation_id, ~_LIVE)
            connection.execute(blank.values(text=None, answer_json=None))
            mine = update(ConversationTable).where(ConversationTable.conversation_id == conversation_id)
            connection.execute(mine.values(context_json=None, context_at=None))
            forget_chat(connection, conversation_id, self._clock())

    def purge(self, before: datetime) -> int:
        """Delete messages received before a moment, but those of cases, and conversations that leaves empty; how many messages.

        What belongs to a case stays until that is erased (retention.py). One short transaction a conversation, so that nobody who writes
        meanwhile has to wait.
        """
        old = and_(MessageTable.received_at < before, ~_KEPT)
        stale = or_(ConversationTable.context_at.is_(None), ConversationTable.context_at < before)
        message, case = aliased(MessageTable), aliased(CaseTable)
        unused = and_(
            stale,
            ~exists().where(message.conversation_id == ConversationTable.conversation_id),
            ~exists().where(case.conversation_id == ConversationTable.conversation_id),
        )
        with self._database.read() as connection:
            found = select(MessageTable.conversation_id).where(old).union(select(ConversationTable.conversation_id).where(unused))
            conversation_ids = connection.execute(found).scalars().all()
        deleted = 0
        for conversation_id in conversation_ids:
            this = ConversationTable.conversation_id == conversation_id
            with self._database.write() as connection:
                lock_conversation(connection, conversation_id)
                deleted += connection.execute(delete(MessageTable).where(MessageTable.conversation_id == conversation_id, old)).rowcount
                connection.execute(update(ConversationTable).where(this, stale).values(context_json=None, context_at=None))
                connection.execute(delete(ConversationTable).where(this, unused))
        return deleted


def _enter(connection: Connection, conversation_id: str) -> tuple[str | None, datetime | None]:
    """Make the conversation's row when it is new, and lock it either way until the transaction ends. What is remembered, and since when."""
    entered = connection.execute(_conversation_insert(connection.dialect.name), {"conversation_id": conversation_id}).one()
    return entered[0], entered[1]


def lock_conversation(connection: Connection, conversation_id: str) -> None:
    """Until the end of the transaction. Whoever locks a case too locks the conversation first, as `accept` does."""
    if connection.dialect.name != "sqlite":  # there the transaction has locked everything
        connection.execute(_LOCK, {"this_conversation": conversation_id})


def _holder_name(connection: Connection, case: Case | None) -> str | None:
    if case is None or case.holder is None:
        return None
    return connection.execute(select(AccountTable.display_name).where(AccountTable.account_id == case.holder)).scalar()


_LIVE: ColumnElement[bool] = exists().where(CaseTable.case_id == MessageTable.case_id, CaseTable.state != "closed")
_KEPT: ColumnElement[bool] = exists().where(CaseTable.case_id == MessageTable.case_id, CaseTable.erased_at.is_(None))

# What every message asks of the database, put together once: to build a statement takes longer than SQLite takes to do it.

_SAME = ConversationTable.conversation_id == bindparam("this_conversation")
_THIS = (MessageTable.conversation_id == bindparam("this_conversation"), MessageTable.message_id == bindparam("this_message"))
_LOCK = select(ConversationTable.conversation_id).where(_SAME).with_for_update()
_STANDING = select(MessageTable.answer_json, MessageTable.case_id, MessageTable.text).where(*_THIS)
_UNANSWERED = (MessageTable.answer_json.is_(None), MessageTable.text.is_not(None))
_ANSWERED = update(MessageTable).where(*_THIS, *_UNANSWERED).values(answer_json=bindparam("answer")).returning(MessageTable.received_at)
_OVERTAKEN = exists().where(
    MessageTable.conversation_id == bindparam("this_conversation"),
    MessageTable.received_at > bindparam("received"),
    MessageTable.answer_json.is_not(None),
)
_REMEMBERED = update(ConversationTable).where(_SAME, ~_OVERTAKEN).values(context_json=bindparam("context"), context_at=bindparam("at"))


@cache
def _message_insert(dialect: str) -> Executable:
    fresh = insert_of(dialect, MessageTable).on_conflict_do_nothing(index_elements=["conversation_id", "message_id"])
    return fresh.returning(MessageTable.row_id)


@cache
def _conversation_insert(dialect: str) -> Executable:
    unchanged = {"context_at": ConversationTable.context_at}
    entered = insert_of(dialect, ConversationTable).on_conflict_do_update(index_elements=["conversation_id"], set_=unchanged)
    return entered.returning(ConversationTable.context_json, ConversationTable.context_at)
