"""A report of a period: what was asked, how it was answered, how long people waited. Pure functions of counts and waits."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.reports.counting import OTHER
from knowledge.directory import VIETNAM
from knowledge.store import DayCount, Wait

FEW = 5
"""A province with fewer questions is not told apart: in a small place somebody might be recognised."""
KINDS = ("answer", "clarify", "abstain", "handover", "urgent", "unanswered")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table. `number` None: too few to be told. `share`: of the longest bar, 0 to 100."""

    label: str
    number: int | None
    share: float


@dataclass(frozen=True, slots=True)
class Table:
    """A part of the report; `note`: what has to be known to read it."""

    name: str
    title: str
    lines: tuple[Line, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long people waited for a human: seconds from the first danger, or the wish for one, to the officer who took the case."""

    cases: int
    taken: int
    median: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What is shown, in order. Both days are included."""

    first: date
    last: date
    total: int
    tables: tuple[Table, ...]
    waiting: Waiting


def report(
    first: date, last: date, counts: Sequence[DayCount], waits: Iterable[Wait], topics: Mapping[str, str], words: Mapping[str, Any]
) -> Report:
    """`topics`: their labels by name; `words`: the part `report` of texts.yml."""
    sums: dict[str, Counter[str]] = {what: Counter() for what in ("kind", "topic", "province", "channel")}
    months: Counter[str] = Counter()
    for row in counts:
        sums.setdefault(row.what, Counter())[row.name] += row.number
        if row.what == "kind":
            months[f"{row.day:%Y-%m}"] += row.number
    kinds = [(words["kinds"][kind], sums["kind"][kind]) for kind in KINDS]
    named = sorted(((topics.get(name, words["other_topic"]), n) for name, n in sums["topic"].items()), key=lambda pair: (-pair[1], pair[0]))
    provinces = masked(sums["province"], words["no_province"])
    channels = [(words["channels"].get(name, name), n) for name, n in sums["channel"].most_common()]
    by_month = [(f"{month[5:].lstrip('0')}/{month[:4]}", months[month]) for month in _months(first, last)]
    tables = (
        ("kind", [*kinds]),
        ("topic", named),
        ("province", provinces),
        ("month", by_month),
        ("channel", channels),
    )
    return Report(
        first,
        last,
        sum(sums["kind"].values()),
        tuple(Table(name, words["tables"][name], _lines(rows), words["notes"].get(name, "")) for name, rows in tables),
        waiting(first, last, waits),
    )


def masked(provinces: Mapping[str, int], unknown: str) -> list[tuple[str, int | None]]:
    """Provinces by number, small numbers hidden. One alone could be worked out from the total, so the next smallest is hidden with it."""
    rows = sorted(((unknown if name == OTHER else name, n) for name, n in provinces.items()), key=lambda pair: (-pair[1], pair[0]))
    hidden = {name for name, n in rows if n < FEW and name != unknown}
    if len(hidden) == 1:
        rest = [name for name, _ in rows if name not in hidden]
        hidden |= set(rest[-1:])
    return [(name, None if name in hidden else n) for name, n in rows]


def waiting(first: date, last: date, waits: Iterable[Wait]) -> Waiting:
    """Of the cases whose waiting began in the period. `p95`: nearest rank, as at the duty desk."""
    begins, ends = (datetime.combine(day, time(), VIETNAM) for day in (first, last + timedelta(days=1)))
    mine = [wait for wait in waits if begins <= wait.since < ends]
    lengths = sorted((wait.taken_at - wait.since).total_seconds() for wait in mine if wait.taken_at is not None)
    if not lengths:
        return Waiting(len(mine), 0, None, None)
    return Waiting(len(mine), len(lengths), statistics.median(lengths), lengths[-(-95 * len(lengths) // 100) - 1])


def _lines(rows: Sequence[tuple[str, int | None]]) -> tuple[Line, ...]:
    most = max((number or 0 for _, number in rows), default=0)
    return tuple(Line(label, number, round(100 * number / most, 1) if most and number else 0.0) for label, number in rows)


def _months(first: date, last: date) -> list[str]:
    """ "2026-05" and so on; at most two years, so that nobody asks for a page of a thousand bars."""
    found = [f"{first:%Y-%m}"]
    day = first.replace(day=1)
    while len(found) < 24 and (day := (day + timedelta(days=32)).replace(day=1)) <= last:
        found.append(f"{day:%Y-%m}")
    return found
