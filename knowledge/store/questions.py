"""What people asked, for counting and for those who keep the documents, and what those write down about it.

Whole conversations in which somebody was in danger are left out of `unhelped`, whatever has become of the case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update

from knowledge.errors import KnowledgeError
from knowledge.store.audit import Actor, Subject, add_entry
from knowledge.store.database import Database, insert
from knowledge.store.publication import GoldQuestion
from knowledge.store.schema import CaseTable, MessageTable
from knowledge.store.schema_channels import FeedbackTable
from knowledge.store.schema_directory import QuestionNeedTable, ReportCountTable
from knowledge.store.schema_publication import GoldTable

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


Why = Literal["abstain", "clarify", "down_voted"]


@dataclass(frozen=True, slots=True)
class Unhelped:
    """A question that was not answered, asked back again and again ("clarify": the one that this began with), or answered badly."""

    text: str = field(repr=False)
    channel: str
    received_at: datetime
    why: tuple[Why, ...]


NeedKind = Literal["document", "directory", "lexicon", "other"]


@dataclass(frozen=True, slots=True)
class Need:
    """What a question lacks to be answered, as staff wrote it down; `version` counts the changes."""

    need_id: int
    question: str
    need: NeedKind
    note: str
    done: bool
    version: int
    changed_at: datetime
    changed_by: str | None


class NeedChanged(KnowledgeError):
    """Somebody else has changed it since it was read."""

    def __init__(self) -> None:
        super().__init__("Somebody else has changed this meanwhile: look at it again.")


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many questions of a day had `name` as their `what` (kind, topic, province, channel)."""

    day: date
    what: str
    name: str
    number: int


_NEED = [getattr(QuestionNeedTable, f.name) for f in fields(Need)]


def _answered_as(kind: str) -> ColumnElement[bool]:
    """Whether an answer is of a kind: `json.dumps` writes the pair so; a text with the same words has its quotation marks escaped."""
    return MessageTable.answer_json.like(f'%"kind": "{kind}"%')


class Questions:
    """The questions of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def asked(self, since: datetime, until: datetime) -> tuple[Asked, ...]:
        """Every message of a time that is still kept, oldest first, for counting only. Raises StoreError."""
        table = MessageTable
        columns = select(table.conversation_id, table.message_id, table.channel, table.received_at, table.text, table.answer_json)
        statement = columns.where(table.received_at >= since, table.received_at < until, table.text.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(table.received_at, table.row_id)).all()
        return tuple(
            Asked(conversation, message, channel, at, text or "", answer) for conversation, message, channel, at, text, answer in rows
        )

    def unhelped(self, since: datetime, until: datetime, most: int) -> tuple[Unhelped, ...]:
        """The last `most` questions of a time that did not get their answer, oldest first; see Unhelped. Raises StoreError.

        Nothing of a conversation that has a case of danger, had one that was erased, or was answered as urgent; and nothing that belongs
        to a case at all, which is for those on duty.
        """
        message, vote = MessageTable, FeedbackTable
        in_danger = or_(CaseTable.reason == "danger", CaseTable.first_danger_at.is_not(None), CaseTable.risk > 0)
        cases = select(CaseTable.conversation_id).where(in_danger)
        # A case that was erased leaves its messages without words; an answer may tell of danger whose case has not reached the database.
        marks = select(message.conversation_id).where(or_(message.text.is_(None), _answered_as("urgent")))
        within = (message.received_at >= since, message.received_at < until, message.case_id.is_(None))
        turns: dict[str, Any] = {"partition_by": message.conversation_id, "order_by": (message.received_at, message.row_id)}
        clarify = case((_answered_as("clarify"), 1), else_=0)
        clarified = and_(clarify == 1, func.coalesce(func.lag(clarify).over(**turns), 0) == 0, func.lead(clarify).over(**turns) == 1)
        down = func.coalesce(vote.good, True).is_(False)
        why = (func.coalesce(_answered_as("abstain"), False).label("abstain"), clarified.label("clarify"), down.label("down_voted"))
        same = and_(vote.conversation_id == message.conversation_id, vote.message_id == message.message_id)
        found = select(message.row_id, message.text, message.channel, message.received_at, *why).outerjoin(vote, same)
        rows = found.where(*within, message.conversation_id.not_in(cases), message.conversation_id.not_in(marks)).subquery()
        wanted = select(rows).where(or_(rows.c.abstain, rows.c.clarify, rows.c.down_voted))
        with self._database.read() as connection:
            newest = connection.execute(wanted.order_by(rows.c.received_at.desc(), rows.c.row_id.desc()).limit(most)).all()
        names: tuple[Why, ...] = ("abstain", "clarify", "down_voted")
        return tuple(
            Unhelped(row.text, row.channel, row.received_at, tuple(name for name in names if getattr(row, name)))
            for row in reversed(newest)
        )

    def first_at(self) -> datetime | None:
        """When the oldest message that is still known came."""
        with self._database.read() as connection:
            return connection.execute(select(func.min(MessageTable.received_at)).select_from(MessageTable)).scalar()

    def gold(self) -> tuple[GoldQuestion, ...]:
        """Every gold question that is asked, of the knowledge base or of a document, oldest first."""
        statement = select(*(getattr(GoldTable, f.name) for f in fields(GoldQuestion))).where(GoldTable.removed_at.is_(None))
        with self._database.read() as connection:
            return tuple(GoldQuestion(*row) for row in connection.execute(statement.order_by(GoldTable.made_at, GoldTable.gold_id)))

    # --- what they lack

    def needs(self) -> tuple[Need, ...]:
        """What was written down, open ones first, in either the newest first."""
        table = QuestionNeedTable
        statement = select(*_NEED).order_by(table.done, table.changed_at.desc(), table.need_id.desc())
        with self._database.read() as connection:
            return tuple(Need(*row) for row in connection.execute(statement))

    def add_need(self, question: str, need: NeedKind, note: str, by: Actor) -> int:
        """One more; its id. `question` and `note` stay when the messages are gone: words without personal data."""
        now = self._clock()
        row = {"question": question, "need": need, "note": note, "done": False}
        with self._database.write() as connection:
            statement = insert(connection, QuestionNeedTable).values({**row, "version": 1, "changed_at": now, "changed_by": by.account_id})
            need_id = int(connection.execute(statement.returning(QuestionNeedTable.need_id)).scalar_one())
            add_entry(connection, now, by, "need_added", Subject("need", str(need_id)), None, {"need": need, "note": note})
        return need_id

    def settle_need(self, need_id: int, done: bool, version: int, by: Actor) -> None:
        """It is seen to, or is not after all. Raises NeedChanged unless it is as it was read (`version`)."""
        now, table = self._clock(), QuestionNeedTable
        this = (table.need_id == need_id, table.version == version)
        values = {"done": done, "version": version + 1, "changed_at": now, "changed_by": by.account_id}
        with self._database.write() as connection:
            if not connection.execute(update(table).where(*this).values(values)).rowcount:
                raise NeedChanged
            add_entry(connection, now, by, "need_changed", Subject("need", str(need_id)), {"done": not done}, {"done": done})

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
