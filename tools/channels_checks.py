"""What must hold after a drill of the channels, from what the service got, what the drill wrote down, and the rows of the database.

Nothing here uses the code that wrote the rows: plain sqlite3.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tools.channels_service import Arrival

CHECKS = {
    "lost": "messages without an answer",
    "order": "conversations out of order",
    "twice": "messages answered twice",
    "not known": "outcomes not known that no kill explains, or of danger",
    "strange": "answers to nobody's message, rows that are not over",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A message that was brought until it was acknowledged; `number` counts in its conversation. `danger`: a cry for help; among the other
    questions some tell of danger, too.
    """

    name: str
    chat: str
    number: int
    danger: bool


@dataclass
class Diary:
    """What the drill knows by itself."""

    written: dict[str, Written] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    kills: list[tuple[datetime, datetime]] = field(default_factory=list)
    """When a house was killed, and when the next was ready."""


@dataclass(frozen=True, slots=True)
class Row:
    """A call of the sends table. `name`: the message that it answers. `danger`: its lane."""

    name: str
    danger: bool
    state: str
    doubts: int
    why: str | None
    ended_at: datetime | None


@dataclass
class Found:
    """What is wrong, by check, and what is to be told."""

    faults: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in CHECKS})
    told: Counter[str] = field(default_factory=Counter)

    @property
    def bad(self) -> bool:
        """Whether anything is."""
        return any(self.faults.values())


def check(database: Path, diary: Diary, arrivals: Sequence[Arrival]) -> Found:
    """Every check."""
    found, rows = Found(), read_sends(database)
    by_name: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        written = diary.written.get(arrival.name or "")
        if written is None or written.chat != arrival.chat:
            found.faults["strange"].append(f"{arrival.chat}: an answer to {arrival.name}")
        else:
            by_name[written.name].append(arrival)
    _each_once(found, diary, by_name, rows)
    _in_order(found, diary, arrivals, rows)
    _not_known(found, diary, by_name, rows)
    _over(found, database, rows)
    return found


def read_sends(database: Path) -> dict[str, Row]:
    """By message. A drill's answers are one call each."""
    rows = {}
    with closing(sqlite3.connect(database)) as connection:
        for key, lane, state, doubts, why, ended_at in connection.execute(
            "SELECT key, lane, state, doubts, why, ended_at FROM channel_sends"
        ):
            name = key.partition(":")[0]
            rows[name] = Row(name, lane == "danger", state, doubts, why, _moment(ended_at))
    return rows


def _moment(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC) if stored else None


def _each_once(found: Found, diary: Diary, by_name: Mapping[str, Sequence[Arrival]], rows: Mapping[str, Row]) -> None:
    for name, written in diary.written.items():
        row, times = rows.get(name), len(by_name.get(name, ()))
        if name not in diary.acknowledged:
            found.faults["lost"].append(f"{name}: never acknowledged")
        elif times == 0 and not (row and row.state == "uncertain"):
            found.faults["lost"].append(f"{name}: {row.state if row else 'worked for nothing'}")
        if row and written.danger and not row.danger:
            found.faults["strange"].append(f"{name}: a cry for help among the others")
        allowed = 1 + (row.doubts if row and row.danger else 0)  # whoever is in danger rather gets the number twice
        if times > allowed:
            found.faults["twice"].append(f"{name}: {times} times")
        elif times > 1:
            found.told["danger said again, since a kill left it open"] += 1


def _in_order(found: Found, diary: Diary, arrivals: Sequence[Arrival], rows: Mapping[str, Row]) -> None:
    """Within each lane: danger overtakes."""
    last: dict[tuple[str, bool], int] = {}
    seen: set[str] = set()
    for arrival in arrivals:
        written, row = diary.written.get(arrival.name or ""), rows.get(arrival.name or "")
        if written is None or row is None or written.name in seen:
            continue
        seen.add(written.name)
        lane = written.chat, row.danger
        if written.number < last.get(lane, -1):
            found.faults["order"].append(f"{written.chat}: {written.number} after {last[lane]}")
        last[lane] = written.number


def _not_known(found: Found, diary: Diary, by_name: Mapping[str, Sequence[Arrival]], rows: Mapping[str, Row]) -> None:
    for row in rows.values():
        if row.state != "uncertain":
            continue
        found.told["not known"] += 1
        found.told["not known: had arrived" if by_name.get(row.name) else "not known: had not arrived"] += 1
        by_a_kill = row.ended_at is not None and any(killed <= row.ended_at <= ready for killed, ready in diary.kills)
        if row.danger or row.why != "killed" or not by_a_kill:
            found.faults["not known"].append(f"{row.name}: {'danger, ' if row.danger else ''}{row.why}, {row.ended_at}")


def _over(found: Found, database: Path, rows: Mapping[str, Row]) -> None:
    for row in rows.values():
        if row.state not in ("sent", "uncertain"):
            found.faults["strange"].append(f"{row.name}: {row.state}, {row.why}")
    with closing(sqlite3.connect(database)) as connection:
        for state, count in connection.execute("SELECT state, count(*) FROM channel_inbox WHERE state != 'done' GROUP BY state"):
            found.faults["strange"].append(f"{count} events of the inbox are {state}")
