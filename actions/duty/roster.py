"""Who is on duty when, from the rows of the roster. Pure; everything is thought in Vietnam's time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from knowledge.directory import VIETNAM
from knowledge.store import RosterRows, Shift
from knowledge.store.roster import WEEKDAYS

_AHEAD = timedelta(days=15)
"""How far a weekly shift is looked for: a week, and a week of holidays."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Roster:
    """The roster as it stands. Moments are aware."""

    rows: RosterRows

    @cached_property
    def _holidays(self) -> frozenset[date]:
        return frozenset(holiday.day for holiday in self.rows.holidays)

    def on_duty(self, at: datetime, province: str | None) -> tuple[str, ...]:
        """The accounts on duty for a province (None: not known, everyone's), each once, by id."""
        today = at.astimezone(VIETNAM).date()
        found = {
            shift.account_id
            for shift in self._serving(province)
            for begins, ends in self._spells(shift, today - _DAY, today)
            if begins <= at < ends and self.may_be_asked(shift.account_id, at)
        }
        return tuple(sorted(found))

    def next_shift(self, at: datetime, province: str | None) -> datetime | None:
        """When the next shift for a province begins, after `at`; None: none in the next two weeks."""
        today = at.astimezone(VIETNAM).date()
        begins = (begins for shift, begins in self._beginnings(province, today, today + _AHEAD) if begins > at)
        return min(begins, default=None)

    def began(self, after: datetime, until: datetime, province: str | None) -> bool:
        """Whether a shift for a province began in (after, until]."""
        first, last = (moment.astimezone(VIETNAM).date() for moment in (after, until))
        return any(after < begins <= until for _, begins in self._beginnings(province, first, last))

    def may_be_asked(self, account_id: str, at: datetime) -> bool:
        """Whether the account is an officer's and its person is not away."""
        away = (absence for absence in self.rows.absences if absence.account_id == account_id)
        return account_id in self.rows.officers and not any(absence.begins_at <= at < absence.ends_at for absence in away)

    def spells(self, first: date, last: date) -> Iterator[tuple[Shift, datetime, datetime]]:
        """Every shift that begins on the days from `first` to `last`, with [begins, ends), whether or not its officer is away."""
        for shift in self.rows.shifts:
            for begins, ends in self._spells(shift, first, last):
                yield shift, begins, ends

    def _serving(self, province: str | None) -> Iterator[Shift]:
        return (shift for shift in self.rows.shifts if province is None or not shift.provinces or province in shift.provinces)

    def _beginnings(self, province: str | None, first: date, last: date) -> Iterator[tuple[Shift, datetime]]:
        """Shifts whose officer is there when they begin, on the days from `first` to `last`."""
        for shift in self._serving(province):
            for begins, _ in self._spells(shift, first, last):
                if self.may_be_asked(shift.account_id, begins):
                    yield shift, begins

    def _spells(self, shift: Shift, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
        """[begins, ends) of a shift, for those that begin on the days from `first` to `last`."""
        for number in range((last - first).days + 1):
            day = first + number * _DAY
            if shift.day == day or (WEEKDAYS[day.weekday()] in shift.weekdays and (shift.on_holidays or day not in self._holidays)):
                over_midnight = _DAY if shift.ends <= shift.starts else timedelta()
                begins = datetime.combine(day, shift.starts, VIETNAM)
                yield begins, datetime.combine(day, shift.ends, VIETNAM) + over_midnight
