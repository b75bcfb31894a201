"""The directory of hotlines: which number, for what, where, and whether somebody answers now. Rows, with sources: data/hotlines.tsv.

Opening rules: `24/7`, `unknown` (nobody has checked the hours), `closed` (no longer in use), or days and times such as
`Wed-Sun 13:00-20:30` and `Mon-Fri 08:00-11:30,13:30-17:00; Sat 08:00-12:00`. Half-open, always in Vietnam's time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

from knowledge.errors import KnowledgeError
from knowledge.model import Hotline, Procedure
from knowledge.tables import DATA, listed, rows
from knowledge.text import words

# Without summer time since 1975, so that no time zone database is needed on the machine.
VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
NATIONWIDE = "Toàn quốc"
_COLUMNS = ("name", "phone", "hours", "opening", "cost", "purposes", "area", "source", "checked_on", "replaced_by")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PHONE = re.compile(r"\+?[0-9](?:[ .]?[0-9])*")
_CLAUSE = re.compile(r"([A-Z][a-z]{2})(?:-([A-Z][a-z]{2}))? (\d\d:\d\d-\d\d:\d\d(?:,\d\d:\d\d-\d\d:\d\d)*)")
_WRITTEN = re.compile(r"(?<![\w/])(?<!\d[.,-])\+?\d(?:[ .-]{0,2}\d)*(?![\w/%])(?![.,-]\d)")
# "111 trẻ em" counts children, "gọi 111" names the line: a number of three digits before one of these is a count.
_COUNTED = re.compile(
    r"\s*(?:%|triệu|nghìn|ngàn|tỷ|tỉ|đồng|người|trẻ|em\b|bé|hộ|cơ sở|xã|huyện|trường hợp|đối tượng|ngày|tháng|năm|tuổi|km|lượt)", re.I
)

Spell = tuple[int, time, time]
"""Weekday (Monday is 0), opens at, closes at."""


@dataclass(frozen=True)
class Directory:
    """The hotlines. `spellings`: the names of an area, folded, by the area as the rows name it."""

    hotlines: tuple[Hotline, ...]
    spellings: Mapping[str, frozenset[str]]
    procedures: tuple[Procedure, ...] = ()

    @classmethod
    def load(cls, path: Path = DATA / "hotlines.tsv") -> Directory:
        """Reads and checks the table. Raises KnowledgeError naming the row whose phone, hours or date cannot be read."""
        hotlines: list[Hotline] = []
        spellings: dict[str, frozenset[str]] = {}
        for row in rows(path, _COLUMNS):
            hotline, areas = hotline_of(row, path.name)
            hotlines.append(hotline)
            spellings[hotline.area] = spellings.get(hotline.area, frozenset()) | {_plain(area) for area in areas}
        directory = cls(tuple(hotlines), MappingProxyType(spellings))
        for hotline in hotlines:
            if hotline.replaced_by and directory.by_phone(hotline.replaced_by) is None:
                raise KnowledgeError(f"{path.name}, row {hotline.name}: its successor {hotline.replaced_by} is not in the table")
        return directory

    @cached_property
    def _by_digits(self) -> dict[str, Hotline]:
        return {digits(hotline.phone): hotline for hotline in self.hotlines}

    def by_phone(self, phone: str) -> Hotline | None:
        """The row of this number, however it is spaced; a former number gives its own row (see `current`)."""
        return self._by_digits.get(digits(phone))

    def current(self, hotline: Hotline) -> Hotline:
        """The row to call today: the row itself, or the one that replaced it."""
        successor = self.by_phone(hotline.replaced_by) if hotline.replaced_by else None
        return successor or hotline

    def find_phone(self, text: str) -> Hotline | None:
        """The first number of the directory written in `text`, with or without blanks and dots; former numbers too (see `current`)."""
        for match in _WRITTEN.finditer(text):
            hotline = self.by_phone(match.group())
            if hotline and not (len(digits(match.group())) <= 3 and _COUNTED.match(text, match.end())):
                return hotline
        return None

    def is_open(self, hotline: Hotline, at: datetime) -> bool | None:
        """Whether the line is answered at `at` (aware). None: its hours are not known. Raises ValueError for a naive datetime."""
        if at.tzinfo is None:
            raise ValueError("an aware datetime is needed to know whether a line is open")
        if hotline.opening in ("24/7", "unknown", "closed"):
            return {"24/7": True, "unknown": None, "closed": False}[hotline.opening]
        here = at.astimezone(VIETNAM)
        return any(day == here.weekday() and opens <= here.time() < closes for day, opens, closes in spells(hotline.opening))

    def fits(self, row: Hotline | Procedure, area: str | None) -> bool:
        """Whether the row is for people of `area` (a province's name, None: not known)."""
        if row.area == NATIONWIDE or area is None:
            return row.area == NATIONWIDE
        return _plain(area) in self.spellings.get(row.area, frozenset({_plain(row.area)}))

    def for_purpose(self, purposes: Collection[str], area: str | None, at: datetime) -> tuple[Hotline, ...]:
        """The lines for any of `purposes` that people of `area` may call: open now, hours unknown, closed; the area's own first in each."""
        rank = {True: 0, None: 1, False: 2}
        fitting = [h for h in self.hotlines if not h.replaced_by and self.fits(h, area) and not set(purposes).isdisjoint(h.purposes)]
        return tuple(sorted(fitting, key=lambda h: (rank[self.is_open(h, at)], h.area == NATIONWIDE)))


class LiveDirectory(Directory):
    """The directory that every part holds on to while staff change its rows: each look is into the table that is in use at that moment.

    Taking up another one is a single assignment, so nobody who reads ever waits, or sees half of two tables in one look.
    """

    def __init__(self, current: Directory) -> None:
        self._current = current

    def take_up(self, current: Directory) -> None:
        """From here on `current` is what is read."""
        self._current = current

    @property
    def hotlines(self) -> tuple[Hotline, ...]:
        """The lines in use."""
        return self._current.hotlines

    @property
    def spellings(self) -> Mapping[str, frozenset[str]]:
        """As in the table in use."""
        return self._current.spellings

    @property
    def procedures(self) -> tuple[Procedure, ...]:
        """The cards in use."""
        return self._current.procedures

    def by_phone(self, phone: str) -> Hotline | None:
        """As `Directory.by_phone`."""
        return self._current.by_phone(phone)


def digits(phone: str) -> str:
    """The digits alone, with +84 written as 0: `digits("096 306 1414") == "0963061414"`."""
    bare = "".join(filter(str.isdigit, phone))
    return f"0{bare[2:]}" if phone.lstrip().startswith("+84") else bare


@lru_cache(maxsize=256)
def spells(opening: str) -> tuple[Spell, ...]:
    """The days and times of an opening rule. Raises ValueError for a rule that cannot be read."""
    found: list[Spell] = []
    for clause in opening.split(";"):
        match = _CLAUSE.fullmatch(clause.strip())
        if match is None:
            raise ValueError(f"unknown opening rule: {opening}")
        first = _DAYS.index(match[1])
        last = _DAYS.index(match[2] or match[1])
        for times in match[3].split(","):
            opens, closes = (time.fromisoformat(part) for part in times.split("-"))
            if closes <= opens:
                raise ValueError(f"a time of opening ends before it begins: {opening}")
            found += [((first + step) % 7, opens, closes) for step in range((last - first) % 7 + 1)]
    return tuple(found)


def _plain(area: str) -> str:
    return " ".join(words(area))


def hotline_of(row: Mapping[str, str], file: str) -> tuple[Hotline, tuple[str, ...]]:
    """A row of the table as a value, and the spellings of its area. Raises KnowledgeError naming the row."""
    areas = listed(row["area"])
    try:
        if not _PHONE.fullmatch(row["phone"]) or len(digits(row["phone"])) > 11:
            raise ValueError(f"not a phone number: {row['phone']}")
        if row["opening"] not in ("24/7", "unknown", "closed"):
            spells(row["opening"])
        if not (row["name"] and row["hours"] and row["source"] and areas):
            raise ValueError("a name, hours, an area and a source are needed")
        checked = date.fromisoformat(row["checked_on"]) if row["checked_on"] else None
    except ValueError as error:
        raise KnowledgeError(f"{file}, row {row['name'] or row['phone']}: {error}", file=file) from error
    hotline = Hotline(
        name=row["name"],
        phone=row["phone"],
        hours=row["hours"],
        opening=row["opening"],
        cost=row["cost"],
        purposes=listed(row["purposes"]),
        area=areas[0],
        source=row["source"],
        checked_on=checked,
        replaced_by=row["replaced_by"] or None,
    )
    return hotline, areas
