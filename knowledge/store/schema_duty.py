"""The tables of the duty side: what happened to a case, private notes, the roster, and what is to be sent to people.

Accounts are named by their id only, without a foreign key: what somebody did stays on record when the account is gone.
"""

from __future__ import annotations

from datetime import date, datetime, time

from sqlalchemy import Date, ForeignKey, Index, Time
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.store.schema import Base


class CaseEventTable(Base):
    """What happened to a case, and when; stays when the case is erased, so `detail_json` never holds what somebody wrote.

    Triggers refuse every UPDATE and DELETE.
    """

    __tablename__ = "case_events"

    event_id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    account_id: Mapped[str | None]
    detail_json: Mapped[str]


class CaseNoteTable(Base):
    """What an officer wrote down for the colleagues; never shown to the citizen."""

    __tablename__ = "case_notes"

    note_id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    account_id: Mapped[str]
    at: Mapped[datetime]
    text: Mapped[str]


class OutgoingTable(Base):
    """What is to be sent to a person outside of an answer. Ids are never used twice, also when rows are deleted."""

    __tablename__ = "outgoing"
    __table_args__ = (
        Index("ix_outgoing_waiting", "delivered_at", "lane", "next_try_at"),
        Index("ix_outgoing_conversation", "conversation_id", "outgoing_id"),
        Index("uq_outgoing_client_key", "case_id", "client_key", unique=True),
        {"sqlite_autoincrement": True},
    )

    outgoing_id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.conversation_id"))
    channel: Mapped[str]
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    lane: Mapped[str]
    kind: Mapped[str]
    author: Mapped[str | None]
    text: Mapped[str]
    attachment: Mapped[str | None]
    replaces: Mapped[int | None]
    client_key: Mapped[str | None]
    """By which whoever handed it in knows it, so that it is sent once when it is handed in twice."""
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    attempts: Mapped[int]
    next_try_at: Mapped[datetime]


class ShiftTable(Base):
    """A weekly shift (`weekdays`) or a single one (`day`), in Vietnam's time; one that ends before it starts ends on the next day."""

    __tablename__ = "duty_shifts"

    shift_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    weekdays: Mapped[tuple[str, ...]]
    day: Mapped[date | None] = mapped_column(Date)
    starts: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    provinces: Mapped[tuple[str, ...]]
    on_holidays: Mapped[bool]


class AbsenceTable(Base):
    """When somebody of the roster is away."""

    __tablename__ = "duty_absences"

    absence_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class HolidayTable(Base):
    """A day on which only the shifts that are marked so, and single ones, begin."""

    __tablename__ = "duty_holidays"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    name: Mapped[str]


class ChatwootThreadTable(Base):
    """Where a case stands in the office's Chatwoot; `number` is the conversation's. Goes when the case is erased."""

    __tablename__ = "chatwoot_threads"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    source_id: Mapped[str | None]
    number: Mapped[int | None] = mapped_column(unique=True)
    leased_until: Mapped[datetime]
    """Until then somebody is bringing something, or it is not tried again."""


class ChatwootItemTable(Base):
    """What of a case was brought to Chatwoot; `sent_at` null: a note that waits. See chatwoot.py for the keys."""

    __tablename__ = "chatwoot_items"

    case_id: Mapped[str] = mapped_column(ForeignKey("chatwoot_threads.case_id"), primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    noted_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
