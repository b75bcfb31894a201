"""Cases: what waits for the person on duty. Opened, raised and reopened by an accepted message (conversations.py), worked on in duty.py.

A case takes every message of its conversation until it is closed, so that whoever takes it reads what came after, too. Every change adds
a row to its events in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal, cast

from sqlalchemy import Connection, bindparam, func, or_, select, update

from knowledge.errors import KnowledgeError, StoreError
from knowledge.store.database import Database, insert
from knowledge.store.schema import CaseTable, MessageTable
from knowledge.store.schema_duty import CaseEventTable

Reason = Literal["danger", "handover"]
State = Literal["open", "taken", "closed"]
Voice = Literal["child", "adult", "young"]
EventKind = Literal[
    "opened",
    "raised",
    "reopened",
    "message",
    "offered",
    "passed_on",
    "offered_to_all",
    "fallback",
    "nobody_on_duty",
    "told",
    "taken",
    "seen_lost",
    "given_back",
    "transferred",
    "note",
    "closed",
    "looked",
    "exported",
    "erased",
    "unreachable",
]

RISKS = range(5)
"""Of actions.triage.Risk."""
EVERYBODY = "*"
"""`Case.offered_to` of a case that everybody on the duty side may take."""
REOPEN_WITHIN = timedelta(hours=72)
"""A new message of danger, or a wish for a human, this soon after the end goes on with the same case."""
_LETTERS = "23456789ACDEFHJKMNPQRTVWXY"  # none that is taken for another: no B (8), G (6), I L (1), O (0), S (5), U (V), Z (2)


@dataclass(frozen=True, slots=True)
class NewCase:
    """Why a message needs a human: the `kind` of trouble, its `risk` (higher is served first), and whether it is danger or a wish.

    `voice`: how the person is spoken to when we write to them; None: not known.
    """

    kind: str
    risk: int
    reason: Reason
    province: str | None = None
    voice: Voice | None = None


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One message of a case and what it was answered; None where it was forgotten or never came."""

    message_id: str
    received_at: datetime
    text: str | None = field(repr=False)
    answer_json: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """What happened to a case. `detail` holds ids, codes and counts, never what somebody wrote."""

    event_id: int
    case_id: str
    at: datetime
    kind: EventKind
    account_id: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A case. `kinds` in the order they came; `first_danger_at` is None while nobody is in danger.

    An open one waits: it is offered to `offered_to` (an account, or EVERYBODY; None: nobody was asked yet) since `offered_at` until
    `offer_until` (None: until somebody takes it), and looked at again at `due_at`; `asked` are the accounts asked in this round. A taken
    one is in the hands of `holder`, last seen at `holder_seen_at`. `consent`: to hand the person's name and contact on.
    """

    case_id: str
    conversation_id: str
    channel: str
    kinds: tuple[str, ...]
    risk: int
    reason: Reason
    province: str | None
    opened_at: datetime
    first_danger_at: datetime | None
    state: State
    closed_at: datetime | None
    outcome: str | None = field(repr=False)
    outcome_code: str | None = None
    version: int = 0
    voice: Voice | None = None
    commune: str | None = None
    safe_contact: str | None = field(default=None, repr=False)
    consent: bool | None = None
    holder: str | None = None
    held_since: datetime | None = None
    holder_seen_at: datetime | None = None
    last_holder: str | None = None
    offered_to: str | None = None
    offered_at: datetime | None = None
    offer_until: datetime | None = None
    asked: tuple[str, ...] = ()
    due_at: datetime | None = None
    erased_at: datetime | None = None
    transcript: tuple[TranscriptLine, ...] = field(default=(), repr=False)
    """In the order the messages came; empty in a list."""

    @property
    def waiting_since(self) -> datetime:
        """Since the first message of danger; of a case without danger, since it was opened."""
        return self.first_danger_at or self.opened_at


_CASE = [getattr(CaseTable, f.name) for f in fields(Case) if f.name != "transcript"]
_LIVE = select(*_CASE).where(CaseTable.conversation_id == bindparam("this_conversation"), CaseTable.state != "closed").with_for_update()
_LINE = [getattr(MessageTable, f.name) for f in fields(TranscriptLine)]
_BY_URGENCY = (CaseTable.risk.desc(), func.coalesce(CaseTable.first_danger_at, CaseTable.opened_at), CaseTable.case_id)


class Cases:
    """The cases of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def list(self, *, open_only: bool = True) -> tuple[Case, ...]:
        """By risk, the highest first, then by who waits longest. `open_only`: those that are not closed, taken or not."""
        statement = select(*_CASE).order_by(*_BY_URGENCY)
        if open_only:
            statement = statement.where(CaseTable.state != "closed")
        with self._database.read() as connection:
            return tuple(Case(*row) for row in connection.execute(statement))

    def queue(self, account_id: str | None = None) -> tuple[Case, ...]:
        """In the order of `list`: what is not closed; for an account only what it holds or is offered, or everybody is."""
        statement = select(*_CASE).where(CaseTable.state != "closed").order_by(*_BY_URGENCY)
        if account_id is not None:
            statement = statement.where(or_(CaseTable.holder == account_id, CaseTable.offered_to.in_([account_id, EVERYBODY])))
        with self._database.read() as connection:
            return tuple(Case(*row) for row in connection.execute(statement))

    def joined(self) -> Mapping[str, tuple[str, bool]]:
        """Of each conversation whose next message of danger opens no new case: the case it goes on with, and whether an officer has it."""
        going_on = or_(CaseTable.state != "closed", CaseTable.closed_at >= self._clock() - REOPEN_WITHIN)
        statement = select(CaseTable.conversation_id, CaseTable.case_id, CaseTable.state).where(going_on, CaseTable.erased_at.is_(None))
        statement = statement.order_by(CaseTable.state != "closed", CaseTable.closed_at)
        with self._database.read() as connection:
            return {row[0]: (row[1], row[2] == "taken") for row in connection.execute(statement)}

    def get(self, case_id: str) -> Case:
        """A case with its transcript. Raises KnowledgeError when there is none of that id."""
        with self._database.read() as connection:
            return replace(find_case(connection, case_id), transcript=transcript(connection, case_id))

    def events(self, case_id: str) -> tuple[CaseEvent, ...]:
        """What happened to a case, in the order it was written down; empty when there is none of that id."""
        with self._database.read() as connection:
            return events(connection, case_id)

    def close(self, case_id: str, outcome: str) -> None:
        """Done, and how it ended, said from the shell. Raises KnowledgeError when there is none of that id or it is closed already."""
        with self._database.write() as connection:
            close_case(connection, lock_case(connection, case_id), self._clock(), None, None, outcome)


def new_case_id(rng: Random) -> str:
    """Six letters and digits to read out on the telephone, one of 300 million."""
    return "TG-" + "".join(rng.choices(_LETTERS, k=6))


def find_case(connection: Connection, case_id: str) -> Case:
    """A case without its transcript. Raises KnowledgeError when there is none of that id."""
    return _one(connection, case_id, lock=False)


def lock_case(connection: Connection, case_id: str) -> Case:
    """As `find_case`, locked until the end of the transaction."""
    return _one(connection, case_id, lock=True)


def _one(connection: Connection, case_id: str, *, lock: bool) -> Case:
    statement = select(*_CASE).where(CaseTable.case_id == case_id)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise KnowledgeError("There is no case of that number.", case_id=case_id)
    return Case(*row)


def transcript(connection: Connection, case_id: str) -> tuple[TranscriptLine, ...]:
    """The messages of a case, in the order they came."""
    lines = select(*_LINE).where(MessageTable.case_id == case_id).order_by(MessageTable.received_at, MessageTable.row_id)
    return tuple(TranscriptLine(*line) for line in connection.execute(lines))


def events(connection: Connection, case_id: str) -> tuple[CaseEvent, ...]:
    """The events of a case, in the order they were written down."""
    table = CaseEventTable
    columns = (table.event_id, table.case_id, table.at, table.kind, table.account_id, table.detail_json)
    rows = connection.execute(select(*columns).where(table.case_id == case_id).order_by(table.event_id))
    return tuple(CaseEvent(row[0], row[1], row[2], cast(EventKind, row[3]), row[4], json.loads(row[5])) for row in rows)


def add_event(
    connection: Connection, case_id: str, at: datetime, kind: EventKind, account_id: str | None = None, **detail: int | str | bool | None
) -> None:
    """Write down what happened; `detail` never holds what somebody wrote."""
    row = {"case_id": case_id, "at": at, "kind": kind, "account_id": account_id, "detail_json": json.dumps(detail, ensure_ascii=False)}
    connection.execute(insert(connection, CaseEventTable).values(row))


def change_case(connection: Connection, case: Case, **values: Any) -> Case:
    """Write the values of a case that nobody else has changed since it was read; the case as it is then. Raises StoreError if one has."""
    this = (CaseTable.case_id == case.case_id, CaseTable.version == case.version)
    changed = connection.execute(update(CaseTable).where(*this).values(**values, version=case.version + 1))
    if changed.rowcount != 1:
        raise StoreError("Somebody else has just changed the case: try again.", case_id=case.case_id)
    return replace(case, **values, version=case.version + 1)


def live_case(connection: Connection, conversation_id: str) -> Case | None:
    """The case of a conversation that is not closed, locked until the end of the transaction."""
    row = connection.execute(_LIVE, {"this_conversation": conversation_id}).first()
    return Case(*row) if row else None


def ended_case(connection: Connection, conversation_id: str, at: datetime) -> Case | None:
    """The case of a conversation that was closed last, if a message of the moment `at` opens it again; locked."""
    this = (CaseTable.conversation_id == conversation_id, CaseTable.state == "closed", CaseTable.erased_at.is_(None))
    statement = select(*_CASE).where(*this, CaseTable.closed_at >= at - REOPEN_WITHIN).order_by(CaseTable.closed_at.desc()).limit(1)
    row = connection.execute(statement.with_for_update()).first()
    return Case(*row) if row else None


def raise_case(connection: Connection, case: Case, new: NewCase, at: datetime) -> Case:
    """Make a live case as grave as `new`, learnt from a message of the moment `at`. Never makes it less grave.

    A graver one is offered anew: at once where everybody has been asked in vain already, else sooner to the next (the dispatcher's work).
    """
    danger = [moment for moment in (case.first_danger_at, at if new.reason == "danger" else None) if moment]
    values: dict[str, Any] = {
        "kinds": tuple(dict.fromkeys((*case.kinds, new.kind))),
        "risk": max(case.risk, new.risk),
        "reason": "danger" if danger else "handover",
        "province": case.province or new.province,
        "voice": case.voice or new.voice,
        "first_danger_at": min(danger, default=None),
    }
    if new.risk > case.risk and case.state == "open":
        values["due_at"] = min(case.due_at or at, at)
        if case.offered_to == EVERYBODY and case.offer_until is None:
            values |= {"offered_to": None, "asked": ()}
    values = {name: value for name, value in values.items() if getattr(case, name) != value}
    if not values:
        return case
    if "risk" in values or "kinds" in values or "first_danger_at" in values:
        add_event(connection, case.case_id, at, "raised", risk=max(case.risk, new.risk), trouble=new.kind)
    return change_case(connection, case, **values)


def add_case(connection: Connection, conversation_id: str, channel: str, new: NewCase, at: datetime, case_ids: Callable[[], str]) -> str:
    """Open a case from a message of the moment `at`; `case_ids` proposes ids until one is free. Its id."""
    row = {
        "conversation_id": conversation_id,
        "channel": channel,
        "kinds": (new.kind,),
        "risk": new.risk,
        "reason": new.reason,
        "province": new.province,
        "voice": new.voice,
        "opened_at": at,
        "first_danger_at": at if new.reason == "danger" else None,
        "state": "open",
        "version": 0,
        "asked": (),
        "due_at": at,
    }
    while True:
        statement = insert(connection, CaseTable).values(case_id=case_ids(), **row).on_conflict_do_nothing(index_elements=["case_id"])
        case_id = connection.execute(statement.returning(CaseTable.case_id)).scalar()
        if case_id is not None:
            add_event(connection, case_id, at, "opened", risk=new.risk, trouble=new.kind)
            return case_id


def reopen_case(connection: Connection, case: Case, new: NewCase, at: datetime) -> None:
    """Open a closed case again, as grave as it was or as `new` is; its clocks go on, and its last holder will be asked first."""
    values = {"state": "open", "closed_at": None, "outcome": None, "outcome_code": None, "due_at": at, "asked": ()}
    reopened = change_case(connection, case, **values, offered_to=None, offered_at=None, offer_until=None)
    add_event(connection, case.case_id, at, "reopened", risk=max(case.risk, new.risk), trouble=new.kind)
    raise_case(connection, reopened, new, at)


def close_case(connection: Connection, case: Case, at: datetime, by: str | None, code: str | None, words: str) -> Case:
    """End a live case: nobody holds it any more, and nobody is asked. Raises KnowledgeError when it is closed already."""
    if case.state == "closed":
        raise KnowledgeError("The case is closed already.", case_id=case.case_id)
    add_event(connection, case.case_id, at, "closed", by, outcome=code)
    ended = {"state": "closed", "closed_at": at, "outcome": words, "outcome_code": code, "last_holder": case.holder or case.last_holder}
    return change_case(connection, case, **ended, **NOBODY_HOLDS, **NOBODY_IS_ASKED)


NOBODY_HOLDS: Mapping[str, Any] = {"holder": None, "held_since": None, "holder_seen_at": None}
NOBODY_IS_ASKED: Mapping[str, Any] = {"offered_to": None, "offered_at": None, "offer_until": None, "due_at": None, "asked": ()}
