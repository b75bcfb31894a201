"""A week of the roster, day by day, with the times at which nobody is there. Pure; days are Vietnam's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from actions.duty.roster import Roster
from knowledge.directory import VIETNAM
from knowledge.store import Shift

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Spell:
    """A shift as it is worked, [begins, ends). `away`: its officer is absent when it begins."""

    shift: Shift
    begins: datetime
    ends: datetime
    away: bool


@dataclass(frozen=True, slots=True)
class Day:
    """The shifts that begin on a day, the earliest first, and when nobody is on duty on it."""

    day: date
    holiday: str | None
    spells: tuple[Spell, ...]
    gaps: tuple[tuple[datetime, datetime], ...]


def week(roster: Roster, first: date) -> tuple[Day, ...]:
    """The seven days from `first`."""
    holidays = {holiday.day: holiday.name for holiday in roster.rows.holidays}
    return tuple(_day(roster, first + number * _DAY, holidays) for number in range(7))


def _day(roster: Roster, day: date, holidays: dict[date, str]) -> Day:
    spells = sorted(roster.spells(day, day), key=lambda spell: (spell[1], spell[2], spell[0].shift_id))
    worked = (Spell(shift, begins, ends, not roster.may_be_asked(shift.account_id, begins)) for shift, begins, ends in spells)
    return Day(day, holidays.get(day), tuple(worked), gaps(roster, _midnight(day), _midnight(day + _DAY)))


def gaps(roster: Roster, begins: datetime, ends: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """When in [begins, ends) nobody at all is on duty. Who is there changes only where a shift or an absence begins or ends."""
    first = begins.astimezone(VIETNAM).date() - _DAY
    changes = {moment for _, *spell in roster.spells(first, ends.astimezone(VIETNAM).date()) for moment in spell}
    changes |= {moment for absence in roster.rows.absences for moment in (absence.begins_at, absence.ends_at)}
    inside = {moment.astimezone(VIETNAM) for moment in changes if begins < moment < ends}
    moments = sorted({begins, ends, *inside})
    found: list[tuple[datetime, datetime]] = []
    for left, right in pairwise(moments):
        if roster.on_duty(left, None):
            continue
        if found and found[-1][1] == left:
            found[-1] = (found[-1][0], right)
        else:
            found.append((left, right))
    return tuple(found)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)
