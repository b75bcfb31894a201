"""What must hold after a drill of cases, read from the database's rows and from what the drill itself wrote down.

Nothing here uses the code that wrote the rows: plain sqlite3, and the waiting times as the office has promised them. Times are virtual
seconds since the drill began. Time in which no program was alive, or in which the drill kept the database locked, does not count as late.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

START = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
"""The drill's first moment: a Monday, 20:00 in Vietnam."""
LATE_S = 5.0
_SLACK_S = 12.0
"""A sign of life is written down when the last is 10 s old, and is on its way for a moment."""
_STEPS = {"offered", "passed_on", "offered_to_all", "fallback", "nobody_on_duty", "taken", "closed"}
_TOLD = {"offered", "offered_to_all", "fallback", "nobody_on_duty", "taken", "given_back", "transferred", "closed"}


@dataclass
class Sent:
    """A message that somebody sent until it was acknowledged. `attempts`: when; `acknowledged`: the one that was."""

    conversation: str
    message: str
    danger: bool
    risk: int
    attempts: list[float] = field(default_factory=list)
    acknowledged: float | None = None


@dataclass
class Diary:
    """What the drill knows by itself. `signs`: of each account, (when, whether acknowledged).

    `takes`: acknowledged (case, account).
    """

    sent: dict[str, Sent] = field(default_factory=dict)
    signs: dict[str, list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))
    takes: list[tuple[str, str]] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    shifts: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    """When a shift begins, and the provinces that it serves (none: all)."""

    def lateness(self, due: float, done: float) -> float:
        """Seconds from `due` to `done`, without the outages between."""
        out = sum(max(0.0, min(done, end) - max(due, begin)) for begin, end in self.outages)
        return done - due - out


@dataclass(frozen=True)
class Event:
    """A row of case_events."""

    at: float
    kind: str
    account: str | None
    detail: dict[str, object]


@dataclass
class Found:
    """What the database holds, and what is wrong with it."""

    cases: dict[str, sqlite3.Row]
    events: dict[str, list[Event]]
    messages: dict[str, sqlite3.Row]
    faults: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in CHECKS})
    latest: float = 0.0
    """The longest delay of a step, in seconds."""
    steps: int = 0

    def late(self, case_id: str, what: str, seconds: float) -> None:
        """Note the delay of a step."""
        self.steps += 1
        self.latest = max(self.latest, seconds)
        if seconds > LATE_S:
            self.faults["late"].append(f"{case_id}: {what} {seconds:.1f} s late")


CHECKS = {
    "lost": "messages or cases lost",
    "hands": "cases in two hands",
    "late": "steps later than 5 s",
    "clocks": "clocks wrong",
    "told": "steps that nobody was told of",
}


def check(database: Path, diary: Diary) -> Found:
    """Every check."""
    found = read(database)
    _nothing_lost(found, diary)
    for case_id, events in found.events.items():
        _one_pair_of_hands(found, case_id, events)
        _in_time(found, diary, case_id, events)
        _given_back_in_time(found, diary, case_id, events)
        _told(found, case_id, events)
    _clocks(found, diary)
    return found


def read(database: Path) -> Found:
    """The rows that the checks look at."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        cases = {row["case_id"]: row for row in connection.execute("SELECT * FROM cases")}
        events: dict[str, list[Event]] = {case_id: [] for case_id in cases}
        for row in connection.execute("SELECT * FROM case_events ORDER BY event_id"):
            event = Event(seconds(row["at"]), row["kind"], row["account_id"], json.loads(row["detail_json"]))
            events.setdefault(row["case_id"], []).append(event)
        messages = {row["message_id"]: row for row in connection.execute("SELECT * FROM messages")}
        return Found(cases, events, messages)


def seconds(moment: str) -> float:
    """A moment as SQLite keeps it (UTC)."""
    return (datetime.fromisoformat(moment).replace(tzinfo=UTC) - START).total_seconds()


def _nothing_lost(found: Found, diary: Diary) -> None:
    faults = found.faults["lost"]
    for message, sent in diary.sent.items():
        row = found.messages.get(message)
        case = found.cases.get(row["case_id"]) if row is not None else None
        if sent.acknowledged is None:
            faults.append(f"{message}: never acknowledged")
        elif row is None:
            faults.append(f"{message}: acknowledged, not kept")
        elif case is None or case["conversation_id"] != sent.conversation:
            faults.append(f"{message}: has no case")
    for case_id, case in found.cases.items():
        opened = sum(event.kind == "opened" for event in found.events[case_id])
        if opened != 1:
            faults.append(f"{case_id}: opened {opened} times")
        if case["state"] != "closed":
            faults.append(f"{case_id}: {case['state']} at the end, nobody worked on it")
    at_a_time = defaultdict(int)
    for case in found.cases.values():
        at_a_time[case["conversation_id"]] += 1
    # Everything happens within 72 hours: who writes again goes on with the same case.
    faults += [f"{conversation}: {count} cases" for conversation, count in at_a_time.items() if count > 1]
    if set(found.events) - set(found.cases):
        faults.append("events of cases that are not there")


def _one_pair_of_hands(found: Found, case_id: str, events: Sequence[Event]) -> None:
    faults, holder = found.faults["hands"], None
    for event in events:
        if event.kind == "taken":
            if holder:
                faults.append(f"{case_id}: taken by {event.account} from {holder}")
            holder = event.account
        elif event.kind in ("given_back", "closed"):
            if event.account != holder:
                faults.append(f"{case_id}: {event.kind} by {event.account}, held by {holder}")
            holder = None
        elif event.kind == "transferred":
            if event.account != holder:
                faults.append(f"{case_id}: transferred by {event.account}, held by {holder}")
            holder = str(event.detail["to"])
        elif event.kind == "message" and event.account and event.account != holder:
            faults.append(f"{case_id}: {event.account} spoke, held by {holder}")
    if found.cases[case_id]["holder"] != holder:
        faults.append(f"{case_id}: the row and the events name different holders")


def _answer_s(risk: int) -> float:
    return 120.0 if risk >= 4 else 600.0


def _away_s(risk: int) -> float:
    return 180.0 if risk >= 3 else 900.0


def _in_time(found: Found, diary: Diary, case_id: str, events: Sequence[Event]) -> None:
    province, risk, due, waits_for_shift = found.cases[case_id]["province"], 0, None, False
    for event in events:
        if event.kind in _STEPS and due is not None:
            found.late(case_id, event.kind, diary.lateness(due, event.at))
        if event.kind in ("opened", "raised", "reopened"):
            graver, risk = int(str(event.detail["risk"])) > risk, int(str(event.detail["risk"]))
            if event.kind != "raised" or (graver and waits_for_shift):
                due, waits_for_shift = event.at, False
            elif graver and due is not None:
                due = min(due, event.at + _answer_s(risk))
        elif event.kind in ("offered", "passed_on", "offered_to_all"):
            due, waits_for_shift = event.at + _answer_s(risk), False
        elif event.kind in ("fallback", "nobody_on_duty"):
            due, waits_for_shift = _next_shift(diary, event.at, province), True
        elif event.kind in ("given_back", "seen_lost"):
            due, waits_for_shift = event.at, False
        elif event.kind in ("taken", "closed"):
            due, waits_for_shift = None, False


def _next_shift(diary: Diary, at: float, province: str | None) -> float | None:
    serving = (begins for begins, provinces in diary.shifts if province is None or not provinces or province in provinces)
    return min((begins for begins in serving if begins > at), default=None)


def _given_back_in_time(found: Found, diary: Diary, case_id: str, events: Sequence[Event]) -> None:
    for account, begins, ends, lost, risks in _holds(events):
        signs = [begins, *(at for at, _ in diary.signs[account] if begins < at < ends)]
        for sign, following in zip(signs, [*signs[1:], ends], strict=True):
            if (due := _vanished_at(sign, risks)) < following:
                found.late(case_id, f"given back by {account}", diary.lateness(due, following))
        if lost:
            seen = max([begins, *(at for at, acknowledged in diary.signs[account] if acknowledged and at < ends - _SLACK_S)])
            if ends < _vanished_at(seen, risks) - _SLACK_S:
                found.faults["hands"].append(f"{case_id}: taken from {account}, who was there")


def _holds(events: Sequence[Event]) -> Iterator[tuple[str, float, float, bool, list[tuple[float, int]]]]:
    """Account, from, until, whether it vanished, and the risks of the case since when."""
    held: tuple[str, float] | None = None
    risks: list[tuple[float, int]] = []
    for event in events:
        if "risk" in event.detail:
            risks.append((event.at, int(str(event.detail["risk"]))))
        elif held and event.kind in ("seen_lost", "given_back", "transferred", "closed"):
            yield *held, event.at, event.kind == "seen_lost", list(risks)
            held = (str(event.detail["to"]), event.at) if event.kind == "transferred" else None
        elif event.kind == "taken":
            held = (str(event.account), event.at)


def _vanished_at(sign: float, risks: Sequence[tuple[float, int]]) -> float:
    """When somebody last seen at `sign` counts as gone: a graver case waits less."""
    ends = [since for since, _ in risks[1:]] + [float("inf")]
    for (since, risk), end in zip(risks, ends, strict=True):
        if (at := max(sign + _away_s(risk), since)) < end:
            return at
    return float("inf")


def _told(found: Found, case_id: str, events: Sequence[Event]) -> None:
    for event, following in zip(events, [*events[1:], None], strict=True):
        if event.kind in _TOLD and (following is None or following.kind != "told" or following.at != event.at):
            found.faults["told"].append(f"{case_id}: {event.kind} at {event.at:.1f}")


def _clocks(found: Found, diary: Diary) -> None:
    by_case: dict[str, list[tuple[Sent, float]]] = defaultdict(list)
    for message, row in found.messages.items():
        at, sent = seconds(row["received_at"]), diary.sent.get(message)
        if sent is None or at not in sent.attempts or (sent.acknowledged is not None and at > sent.acknowledged):
            found.faults["clocks"].append(f"{message}: kept as of {at}, when nobody sent it")
        elif row["case_id"]:
            by_case[row["case_id"]].append((sent, at))
    for case_id, case in found.cases.items():
        danger = [(sent, at) for sent, at in by_case[case_id] if sent.danger]
        clock = case["first_danger_at"] and seconds(case["first_danger_at"])
        if not danger:
            wrong = clock is not None
        else:
            # An attempt that went to the journal and was never acknowledged may be older than the one that was kept first.
            first = min(at for _, at in danger)
            wrong = clock is None or clock > first or not any(clock in sent.attempts for sent, _ in danger)
        if wrong:
            found.faults["clocks"].append(f"{case_id}: waits since {clock}")
        if any(later.at < earlier.at - 60 for earlier, later in zip(found.events[case_id], found.events[case_id][1:], strict=False)):
            found.faults["clocks"].append(f"{case_id}: its events run backwards")
