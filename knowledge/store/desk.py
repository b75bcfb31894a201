"""What the duty desk asks of the store beyond a case at a time: has anything changed, what was closed, how long people waited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import select

from knowledge.errors import CaseTaken, KnowledgeError
from knowledge.store.cases import NOBODY_IS_ASKED, Case, add_event, change_case, find_case, live_case, lock_case
from knowledge.store.conversations import lock_conversation
from knowledge.store.database import Database
from knowledge.store.duty import Tell
from knowledge.store.outgoing import send
from knowledge.store.schema import CaseTable
from knowledge.store.schema_duty import CaseEventTable

_CASE = [getattr(CaseTable, f.name) for f in fields(Case) if f.name != "transcript"]
_SILENT = ("looked", "exported")
"""Events that change nothing for anybody."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """How far the cases have come. `number` grows with every change; `danger`: cases of the highest risk that nobody has."""

    number: int
    danger: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """From a case's first message of danger (its opening, where there was none) to the officer who took it; None: nobody has."""

    risk: int
    since: datetime
    taken_at: datetime | None


class DeskView:
    """What the desk reads and does beside `Duty`."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def pulse(self, danger: int) -> Pulse:
        """Two quick look-ups by index, whatever the number of cases. `danger`: the risk that rings. Raises StoreError."""
        newest = select(CaseEventTable.event_id).where(CaseEventTable.kind.not_in(_SILENT))
        waiting = select(CaseTable.case_id).where(CaseTable.state == "open", CaseTable.risk >= danger).order_by(CaseTable.case_id)
        with self._database.read() as connection:
            number = connection.execute(newest.order_by(CaseEventTable.event_id.desc()).limit(1)).scalar()
            return Pulse(number or 0, tuple(connection.execute(waiting).scalars()))

    def closed_since(self, since: datetime) -> tuple[Case, ...]:
        """Cases closed at or after a moment, the newest first. Raises StoreError."""
        statement = select(*_CASE).where(CaseTable.state == "closed", CaseTable.closed_at >= since).order_by(CaseTable.closed_at.desc())
        with self._database.read() as connection:
            return tuple(Case(*row) for row in connection.execute(statement))

    def waits(self, since: datetime) -> tuple[Wait, ...]:
        """Of every case opened at or after a moment, in that order. Raises StoreError."""
        recent = CaseTable.opened_at >= since
        opened = select(CaseTable.case_id, CaseTable.risk, CaseTable.first_danger_at, CaseTable.opened_at).where(recent)
        taken = select(CaseEventTable.case_id, CaseEventTable.at).join(CaseTable, CaseTable.case_id == CaseEventTable.case_id)
        taken = taken.where(recent, CaseEventTable.kind == "taken").order_by(CaseEventTable.event_id.desc())
        with self._database.read() as connection:
            first = {row.case_id: row.at for row in connection.execute(taken)}  # the earliest comes last and stays
            rows = connection.execute(opened.order_by(CaseTable.opened_at)).all()
        return tuple(Wait(risk, danger or at, first.get(case_id)) for case_id, risk, danger, at in rows)

    def reopen(self, case_id: str, account_id: str, tell: Tell | None = None) -> Case:
        """A closed case goes on in the hands of an account. Raises StoreError; KnowledgeError when it is not closed, was erased, or the
        person has another case by now; CaseTaken when somebody was faster.
        """
        with self._database.write() as connection:
            lock_conversation(connection, find_case(connection, case_id).conversation_id)
            case, now = lock_case(connection, case_id), self._clock()
            if case.holder is not None and case.holder != account_id:
                raise CaseTaken("Somebody has the case already.", holder=case.holder, holder_name=case.holder, case_id=case_id)
            if case.state != "closed" or case.erased_at is not None:
                raise KnowledgeError("Only a closed case that is still kept can be opened again.", case_id=case_id)
            if live_case(connection, case.conversation_id) is not None:
                raise KnowledgeError("The person has another open case: go on there.", case_id=case_id)
            add_event(connection, case_id, now, "reopened", account_id, risk=case.risk)
            add_event(connection, case_id, now, "taken", account_id)
            held = {"state": "taken", "holder": account_id, "held_since": now, "holder_seen_at": now}
            ended = {"closed_at": None, "outcome": None, "outcome_code": None}
            changed = change_case(connection, case, **{**NOBODY_IS_ASKED, **held, **ended})
            if notice := tell(changed) if tell else None:
                said = send(connection, changed, now, notice.text)
                add_event(connection, case_id, now, "told", notice=notice.name, outgoing_id=said.outgoing_id)
            return changed

    def printed(self, case_id: str, account_id: str, form: str) -> None:
        """Write down that a report of the case left the house as a file of that form."""
        with self._database.write() as connection:
            add_event(connection, lock_case(connection, case_id).case_id, self._clock(), "exported", account_id, form=form)
