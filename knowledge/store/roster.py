"""The rows of the roster: shifts, absences, holidays, and who is an officer. Who is on duty when: actions/duty/roster.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, delete, select

from knowledge.errors import KnowledgeError
from knowledge.store.database import Database, insert
from knowledge.store.schema import Base
from knowledge.store.schema_accounts import AccountTable
from knowledge.store.schema_duty import AbsenceTable, HolidayTable, ShiftTable

OFFICER = "duty_officer"
"""The role whose accounts may be asked."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift in Vietnam's time: each of `weekdays` (of WEEKDAYS), or on the one `day`. Ends on the next day when `ends` <= `starts`.

    `provinces`: those it serves, none: all. On a holiday begin only single shifts and those with `on_holidays`.
    """

    account_id: str
    starts: time
    ends: time
    weekdays: tuple[str, ...] = ()
    day: date | None = None
    provinces: tuple[str, ...] = ()
    on_holidays: bool = False
    shift_id: int = 0

    def __post_init__(self) -> None:
        """Raises KnowledgeError for a shift that is neither weekly nor single, or both, or of days that there are not."""
        if bool(self.weekdays) == bool(self.day) or not set(self.weekdays) <= set(WEEKDAYS):
            raise KnowledgeError("A shift is on weekdays (mon … sun) or on one day.", account_id=self.account_id)


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody is away, [begins_at, ends_at)."""

    account_id: str
    begins_at: datetime
    ends_at: datetime
    absence_id: int = 0

    def __post_init__(self) -> None:
        """Raises KnowledgeError for one that ends before it begins."""
        if self.ends_at <= self.begins_at:
            raise KnowledgeError("An absence ends after it begins.", account_id=self.account_id)


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day off, in Vietnam's calendar."""

    day: date
    name: str


@dataclass(frozen=True, slots=True)
class RosterRows:
    """All of the roster. `officers`: the accounts that may be asked at all, whoever stands in the shifts."""

    shifts: tuple[Shift, ...] = ()
    absences: tuple[Absence, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    officers: frozenset[str] = frozenset()


class RosterTable:
    """The roster of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def rows(self) -> RosterRows:
        """As it stands: every shift and holiday, and the absences that are not over."""
        with self._database.read() as connection:
            shifts = connection.execute(select(*_columns(ShiftTable, Shift)).order_by(ShiftTable.shift_id))
            current = select(*_columns(AbsenceTable, Absence)).where(AbsenceTable.ends_at > self._clock()).order_by(AbsenceTable.begins_at)
            holidays = connection.execute(select(*_columns(HolidayTable, Holiday)).order_by(HolidayTable.day))
            return RosterRows(
                tuple(Shift(*row) for row in shifts),
                tuple(Absence(*row) for row in connection.execute(current)),
                tuple(Holiday(*row) for row in holidays),
                _officers(connection),
            )

    def add_shift(self, shift: Shift) -> int:
        """Keep a shift; its id."""
        with self._database.write() as connection:
            statement = insert(connection, ShiftTable).values(_values(shift, "shift_id")).returning(ShiftTable.shift_id)
            return int(connection.execute(statement).scalar_one())

    def remove_shift(self, shift_id: int) -> None:
        """Take a shift out; nothing happens when it is out already."""
        with self._database.write() as connection:
            connection.execute(delete(ShiftTable).where(ShiftTable.shift_id == shift_id))

    def add_absence(self, absence: Absence) -> int:
        """Keep an absence; its id."""
        with self._database.write() as connection:
            statement = insert(connection, AbsenceTable).values(_values(absence, "absence_id")).returning(AbsenceTable.absence_id)
            return int(connection.execute(statement).scalar_one())

    def remove_absence(self, absence_id: int) -> None:
        """Take an absence out; nothing happens when it is out already."""
        with self._database.write() as connection:
            connection.execute(delete(AbsenceTable).where(AbsenceTable.absence_id == absence_id))

    def add_holiday(self, holiday: Holiday) -> None:
        """Keep a holiday, under its new name when the day was one already."""
        row = {"day": holiday.day, "name": holiday.name}
        with self._database.write() as connection:
            statement = insert(connection, HolidayTable).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["day"], set_={"name": holiday.name}))

    def remove_holiday(self, day: date) -> None:
        """Make it a day like others."""
        with self._database.write() as connection:
            connection.execute(delete(HolidayTable).where(HolidayTable.day == day))


def _columns(table: type[Base], value: type) -> list[Any]:
    return [getattr(table, f.name) for f in fields(value)]


def _values(value: Shift | Absence, but: str) -> dict[str, object]:
    return {f.name: getattr(value, f.name) for f in fields(value) if f.name != but}


def _officers(connection: Connection) -> frozenset[str]:
    rows = connection.execute(select(AccountTable.account_id, AccountTable.roles).where(AccountTable.disabled_at.is_(None)))
    return frozenset(account_id for account_id, roles in rows if OFFICER in roles)
