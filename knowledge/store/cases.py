"""Cases: what waits for the person on duty. Opened and raised by an accepted message (conversations.py), closed by that person.

A case takes every message of its conversation while it is open, so that whoever takes it reads what came after, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from random import Random
from typing import Literal

from sqlalchemy import Connection, func, select, update

from knowledge.errors import KnowledgeError
from knowledge.store.database import Database, insert
from knowledge.store.schema import CaseTable, MessageTable

Reason = Literal["danger", "handover"]

_LETTERS = "23456789ACDEFHJKMNPQRTVWXY"  # none that is taken for another: no B (8), G (6), I L (1), O (0), S (5), U (V), Z (2)


@dataclass(frozen=True, slots=True)
class NewCase:
    """Why a message needs a human: the `kind` of trouble, its `risk` (higher is served first), and whether it is danger or a wish."""

    kind: str
    risk: int
    reason: Reason
    province: str | None = None


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One message of a case and what it was answered; None where it was forgotten or never came."""

    message_id: str
    received_at: datetime
    text: str | None = field(repr=False)
    answer_json: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Case:
    """A case. `kinds` in the order they came; `first_danger_at` is None while nobody is in danger."""

    case_id: str
    conversation_id: str
    channel: str
    kinds: tuple[str, ...]
    risk: int
    reason: Reason
    province: str | None
    opened_at: datetime
    first_danger_at: datetime | None
    state: Literal["open", "closed"]
    closed_at: datetime | None
    outcome: str | None = field(repr=False)
    transcript: tuple[TranscriptLine, ...] = field(default=(), repr=False)
    """In the order the messages came; empty in a list."""


_CASE = [getattr(CaseTable, f.name) for f in fields(Case) if f.name != "transcript"]
_LINE = [getattr(MessageTable, f.name) for f in fields(TranscriptLine)]


class Cases:
    """The cases of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def list(self, *, open_only: bool = True) -> tuple[Case, ...]:
        """By risk, the highest first, then by who waits longest."""
        waiting_since = func.coalesce(CaseTable.first_danger_at, CaseTable.opened_at)
        statement = select(*_CASE).order_by(CaseTable.risk.desc(), waiting_since, CaseTable.case_id)
        if open_only:
            statement = statement.where(CaseTable.state == "open")
        with self._database.read() as connection:
            return tuple(Case(*row) for row in connection.execute(statement))

    def get(self, case_id: str) -> Case:
        """A case with its transcript. Raises KnowledgeError when there is none of that id."""
        lines = select(*_LINE).where(MessageTable.case_id == case_id).order_by(MessageTable.received_at, MessageTable.row_id)
        with self._database.read() as connection:
            row = connection.execute(select(*_CASE).where(CaseTable.case_id == case_id)).first()
            if row is None:
                raise _unknown(case_id)
            return replace(Case(*row), transcript=tuple(TranscriptLine(*line) for line in connection.execute(lines)))

    def close(self, case_id: str, outcome: str) -> None:
        """Done, and how it ended. Raises KnowledgeError when there is none of that id or it is closed already."""
        closed = {"state": "closed", "closed_at": self._clock(), "outcome": outcome}
        with self._database.write() as connection:
            changed = connection.execute(update(CaseTable).where(CaseTable.case_id == case_id, CaseTable.state == "open").values(closed))
            if changed.rowcount:
                return
            if connection.execute(select(CaseTable.case_id).where(CaseTable.case_id == case_id)).first() is None:
                raise _unknown(case_id)
        raise KnowledgeError("The case is closed already.", case_id=case_id)


def new_case_id(rng: Random) -> str:
    """Six letters and digits to read out on the telephone, one of 300 million."""
    return "TG-" + "".join(rng.choices(_LETTERS, k=6))


def open_case(connection: Connection, conversation_id: str) -> Case | None:
    """The open case of a conversation, locked until the end of the transaction."""
    statement = select(*_CASE).where(CaseTable.conversation_id == conversation_id, CaseTable.state == "open")
    row = connection.execute(statement.with_for_update()).first()
    return Case(*row) if row else None


def raise_case(connection: Connection, case: Case, new: NewCase, at: datetime) -> None:
    """Make an open case as grave as `new`, learnt from a message of the moment `at`. Never makes it less grave."""
    danger = [moment for moment in (case.first_danger_at, at if new.reason == "danger" else None) if moment]
    values = {
        "kinds": tuple(dict.fromkeys((*case.kinds, new.kind))),
        "risk": max(case.risk, new.risk),
        "reason": "danger" if danger else "handover",
        "province": case.province or new.province,
        "first_danger_at": min(danger, default=None),
    }
    connection.execute(update(CaseTable).where(CaseTable.case_id == case.case_id).values(values))


def add_case(connection: Connection, conversation_id: str, channel: str, new: NewCase, at: datetime, case_ids: Callable[[], str]) -> str:
    """Open a case from a message of the moment `at`; `case_ids` proposes ids until one is free. Its id."""
    row = {
        "conversation_id": conversation_id,
        "channel": channel,
        "kinds": (new.kind,),
        "risk": new.risk,
        "reason": new.reason,
        "province": new.province,
        "opened_at": at,
        "first_danger_at": at if new.reason == "danger" else None,
        "state": "open",
    }
    while True:
        statement = insert(connection, CaseTable).values(case_id=case_ids(), **row).on_conflict_do_nothing(index_elements=["case_id"])
        case_id = connection.execute(statement.returning(CaseTable.case_id)).scalar()
        if case_id is not None:
            return case_id


def _unknown(case_id: str) -> KnowledgeError:
    return KnowledgeError("There is no case of that number.", case_id=case_id)
