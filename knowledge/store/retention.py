"""The end of a case's data: exported, erased on request, erased on the schedule that the office has set.

What stays is the skeleton: the case's number, kinds, risk, times and outcome code, and its events, none of which names the citizen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from knowledge.errors import KnowledgeError
from knowledge.store.cases import Case, add_event, change_case, find_case, lock_case
from knowledge.store.chats import forget_chat
from knowledge.store.conversations import lock_conversation
from knowledge.store.database import Database, insert
from knowledge.store.duty import CaseFile, case_file
from knowledge.store.schema import CaseTable, ConversationTable, MessageTable
from knowledge.store.schema_duty import CaseNoteTable, ChatwootItemTable, ChatwootThreadTable, OutgoingTable


class Retention:
    """How long the cases of a store are kept."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def exported(self, case_id: str, account_id: str | None, via: str | None = None) -> dict[str, Any]:
        """All that is known of a case, as JSON values (moments in ISO 8601); written down as an event. KnowledgeError: no such case.

        `via`: the way by which somebody without an account got at it, such as "shell".
        """
        with self._database.write() as connection:
            add_event(connection, find_case(connection, case_id).case_id, self._clock(), "exported", account_id, **_way(via))
            return _as_json(case_file(connection, case_id))

    def erase(self, case_id: str, account_id: str | None = None, via: str | None = None) -> None:
        """Everything that somebody wrote or that tells who it was is gone; the skeleton stays. A second time changes nothing.

        `via` as in `exported`. Raises KnowledgeError when there is no such case, or it is not closed: somebody may be waiting for help.
        """
        self._erase(case_id, account_id, via)

    def _erase(self, case_id: str, account_id: str | None, via: str | None, closed_before: datetime | None = None) -> bool:
        with self._database.write() as connection:
            conversation_id = find_case(connection, case_id).conversation_id
            lock_conversation(connection, conversation_id)
            case = lock_case(connection, case_id)
            if closed_before is not None and (case.closed_at is None or case.closed_at >= closed_before):
                return False  # opened again since it was found
            if case.erased_at is not None:
                return False
            _blank(connection, case, self._clock(), account_id, via)
            return True

    def purge(self, closed_before: datetime) -> int:
        """Erase the cases that were closed before a moment; how many. One short transaction each, so that nobody has to wait."""
        due = (CaseTable.state == "closed", CaseTable.erased_at.is_(None), CaseTable.closed_at < closed_before)
        with self._database.read() as connection:
            case_ids = connection.execute(select(CaseTable.case_id).where(*due)).scalars().all()
        return sum(self._erase(case_id, None, None, closed_before) for case_id in case_ids)


def _blank(connection: Connection, case: Case, at: datetime, account_id: str | None, via: str | None) -> None:
    if case.state != "closed":
        raise KnowledgeError("Close the case before it is erased.", case_id=case.case_id)
    # The messages stay without their words, so that a late repetition opens nothing; they go with the conversation (conversations.purge).
    messages = update(MessageTable).where(MessageTable.case_id == case.case_id)
    connection.execute(messages.values(text=None, answer_json=None, case_id=None))
    connection.execute(delete(OutgoingTable).where(OutgoingTable.case_id == case.case_id))
    connection.execute(delete(CaseNoteTable).where(CaseNoteTable.case_id == case.case_id))
    connection.execute(delete(ChatwootItemTable).where(ChatwootItemTable.case_id == case.case_id))
    connection.execute(delete(ChatwootThreadTable).where(ChatwootThreadTable.case_id == case.case_id))
    remembered = update(ConversationTable).where(ConversationTable.conversation_id == case.conversation_id)
    connection.execute(remembered.values(context_json=None, context_at=None))
    forget_chat(connection, case.conversation_id, at)
    # The conversation's id may be a person's id in a messenger: the case is hung up on a conversation of its own that says nothing.
    nobody = f"erased:{case.case_id}"
    statement = insert(connection, ConversationTable).values(conversation_id=nobody)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["conversation_id"]))
    values = {"conversation_id": nobody, "outcome": None, "province": None, "commune": None, "safe_contact": None, "consent": None}
    change_case(connection, case, **values, voice=None, erased_at=at)
    add_event(connection, case.case_id, at, "erased", account_id, **_way(via))


def _way(via: str | None) -> dict[str, str]:
    return {} if via is None else {"via": via}


def _as_json(file: CaseFile) -> dict[str, Any]:
    case = {name: value for name, value in _plain(file.case).items() if name != "transcript"}
    lists = {"lines": file.lines, "notes": file.notes, "events": file.events}
    return {"case": case} | {name: [_plain(row) for row in rows] for name, rows in lists.items()}


def _plain(value: Any) -> dict[str, Any]:
    return {f.name: _json_value(getattr(value, f.name)) for f in fields(value)}


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
