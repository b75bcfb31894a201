"""What people asked, for counting and for those who keep the documents, and what those write down about it.

Whole conversations in which somebody was in danger are left out of `open_to_read`, whatever has become of the case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import delete, func, or_, select

from knowledge.store.database import Database, insert
from knowledge.store.schema import CaseTable, MessageTable
from knowledge.store.schema_directory import ReportCountTable

_COUNTED = "counted"
"""`what` of the row that says that a day was counted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A message with its answer. Both are there as long as the conversation is kept."""

    conversation_id: str
    message_id: str
    channel: str
    received_at: datetime
    text: str = field(repr=False)
    answer_json: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many questions of a day had `name` as their `what` (kind, topic, province, channel)."""

    day: date
    what: str
    name: str
    number: int


class Questions:
    """The questions of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def asked(self, since: datetime, until: datetime) -> tuple[Asked, ...]:
        """Every message of a time that is still kept, oldest first, for counting only. Raises StoreError."""
        return self._read(since, until)

    def open_to_read(self, since: datetime, until: datetime) -> tuple[Asked, ...]:
        """As `asked`, without every conversation that has a case of danger, had one that was erased, or was answered as urgent."""
        message, answers = MessageTable, MessageTable.answer_json
        in_danger = or_(CaseTable.reason == "danger", CaseTable.first_danger_at.is_not(None), CaseTable.risk > 0)
        cases = select(CaseTable.conversation_id).where(in_danger)
        # A case that was erased leaves its messages without words; an answer may tell of danger whose case has not reached the database.
        marks = select(message.conversation_id).where(or_(message.text.is_(None), answers.like('%"kind": "urgent"%')))
        return self._read(since, until, message.conversation_id.not_in(cases), message.conversation_id.not_in(marks))

    def _read(self, since: datetime, until: datetime, *conditions: object) -> tuple[Asked, ...]:
        table = MessageTable
        columns = select(table.conversation_id, table.message_id, table.channel, table.received_at, table.text, table.answer_json)
        when = (table.received_at >= since, table.received_at < until, table.text.is_not(None))
        statement = columns.where(*when, *conditions).order_by(table.received_at, table.row_id)  # type: ignore[arg-type]
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return tuple(
            Asked(conversation, message, channel, at, text or "", answer) for conversation, message, channel, at, text, answer in rows
        )

    def first_at(self) -> datetime | None:
        """When the oldest message that is still known came."""
        with self._database.read() as connection:
            return connection.execute(select(func.min(MessageTable.received_at)).select_from(MessageTable)).scalar()

    # --- counts that outlive the questions

    def counted_until(self) -> date | None:
        """The last day that was counted."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(ReportCountTable.day)).where(ReportCountTable.what == _COUNTED)).scalar()

    def count(self, day: date, numbers: Mapping[tuple[str, str], int]) -> None:
        """Keep the counts of a day, by what and name, in place of those that were kept before."""
        rows = [{"day": day, "what": what, "name": name, "number": number} for (what, name), number in numbers.items()]
        rows.append({"day": day, "what": _COUNTED, "name": "", "number": 1})
        with self._database.write() as connection:
            connection.execute(delete(ReportCountTable).where(ReportCountTable.day == day))
            connection.execute(insert(connection, ReportCountTable), rows)

    def counts(self, first: date, last: date) -> tuple[DayCount, ...]:
        """The counts of the days from `first` to `last`, both included."""
        table = ReportCountTable
        statement = select(table.day, table.what, table.name, table.number)
        statement = statement.where(table.day >= first, table.day <= last, table.what != _COUNTED)
        with self._database.read() as connection:
            return tuple(DayCount(*row) for row in connection.execute(statement.order_by(table.day, table.what, table.name)))
