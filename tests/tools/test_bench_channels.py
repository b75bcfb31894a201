"""The drill of the channels at a small size, and whether its checks see each kind of fault."""

import asyncio
import copy
import sqlite3
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tools import bench_channels
from tools.bench_channels import drill_table, run_drill, times_line
from tools.channels_checks import CHECKS, Found, check
from tools.channels_drill import Drill, Size
from tools.channels_load import Waits
from tools.channels_service import Arrival

Played = tuple[Path, Drill]
SIZE = Size(messages=90, conversations=18, kills=1, duplicates=0.2, throttled=0.05, faulty=0.1, danger=0.2)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A drill that was played, and what it left behind."""
    folder = tmp_path_factory.mktemp("channels")
    drill = Drill(folder, SIZE, seed=11)
    found = asyncio.run(drill.run())
    assert not found.bad, drill_table(drill, found, "light")
    return folder / "trogiup.db", drill


def test_the_drill_did_what_it_is_for(played: Played) -> None:
    _, drill = played
    assert drill.counts["kills"] == SIZE.kills
    assert drill.counts["duplicates"] >= 1
    assert drill.service.counts["429"] >= 1
    assert drill.service.counts["5xx"] >= 1
    assert {written.danger for written in drill.diary.written.values()} == {False, True}
    assert len(drill.diary.acknowledged) == SIZE.messages


def calm(drill: Drill) -> list[Arrival]:
    """What arrived exactly once and is not of danger, in order."""
    names = [arrival.name for arrival in drill.service.arrivals]
    written = drill.diary.written
    return [it for it in drill.service.arrivals if it.name and names.count(it.name) == 1 and not written[it.name].danger]


def without(arrivals: list[Arrival], drill: Drill) -> list[Arrival]:
    one = calm(drill)[0]
    return [arrival for arrival in arrivals if arrival is not one]


def repeated(arrivals: list[Arrival], drill: Drill) -> list[Arrival]:
    return [*arrivals, calm(drill)[0]]


def swapped(arrivals: list[Arrival], drill: Drill) -> list[Arrival]:
    return arrivals[::-1]


def nobodys(arrivals: list[Arrival], drill: Drill) -> list[Arrival]:
    return [*arrivals, replace(arrivals[0], name=None)]


def to_another(arrivals: list[Arrival], drill: Drill) -> list[Arrival]:
    return [*arrivals, replace(arrivals[0], chat="somebody")]


@pytest.mark.parametrize(
    ("kind", "forge"), [("lost", without), ("twice", repeated), ("order", swapped), ("strange", nobodys), ("strange", to_another)]
)
def test_what_the_service_got_counts(played: Played, kind: str, forge: Callable[[list[Arrival], Drill], list[Arrival]]) -> None:
    database, drill = played
    assert check(database, drill.diary, forge(drill.service.arrivals, drill)).faults[kind]


def damaged(played: Played, folder: Path, statement: str, *values: object) -> Path:
    """A copy of what was left, with somebody's hand in it."""
    database = folder / "copy.sqlite"
    with closing(sqlite3.connect(played[0])) as source, closing(sqlite3.connect(database)) as copied:
        source.backup(copied)
        assert copied.execute(statement, values).rowcount > 0
        copied.commit()
    return database


ONE = "WHERE key IN (SELECT key FROM channel_sends WHERE lane = '{}' AND state = 'sent' LIMIT 1)"


def test_danger_overtakes_and_nobody_else_does(played: Played, tmp_path: Path) -> None:
    """The last answer of a conversation is called one of danger, and comes first; then it is called none."""
    _, drill = played
    last = calm(drill)[-1]
    lane = f"UPDATE channel_sends SET lane = '{{}}' WHERE key = '{last.name}:0'"
    order = [last, *(arrival for arrival in drill.service.arrivals if arrival is not last)]
    assert not check(damaged(played, tmp_path, lane.format("danger")), drill.diary, order).faults["order"]
    assert check(damaged(played, tmp_path, lane.format("normal")), drill.diary, order).faults["order"]


def test_a_cry_for_help_that_waits_with_the_others_is_seen(played: Played, tmp_path: Path) -> None:
    _, drill = played
    forged = damaged(played, tmp_path, f"UPDATE channel_sends SET lane = 'normal' {ONE.format('danger')}")
    assert any("a cry for help" in fault for fault in check(forged, drill.diary, drill.service.arrivals).faults["strange"])


def test_a_message_that_was_never_acknowledged_is_lost(played: Played) -> None:
    database, drill = played
    diary = copy.deepcopy(drill.diary)
    diary.acknowledged.pop()
    assert check(database, diary, drill.service.arrivals).faults["lost"]


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("strange", f"UPDATE channel_sends SET state = 'dead', why = 'refused' {ONE.format('normal')}"),
        ("strange", f"UPDATE channel_sends SET state = 'waiting' {ONE.format('normal')}"),
        ("strange", "UPDATE channel_inbox SET state = 'waiting' WHERE row_id = (SELECT min(row_id) FROM channel_inbox)"),
        ("not known", f"UPDATE channel_sends SET state = 'uncertain', why = 'timeout' {ONE.format('normal')}"),
        ("not known", f"UPDATE channel_sends SET state = 'uncertain', why = 'killed', ended_at = '2020-01-01' {ONE.format('normal')}"),
    ],
)
def test_rows_that_are_not_as_they_should_be_are_seen(played: Played, tmp_path: Path, kind: str, statement: str) -> None:
    _, drill = played
    assert check(damaged(played, tmp_path, statement), drill.diary, drill.service.arrivals).faults[kind]


@pytest.mark.parametrize(("lane", "bad"), [("normal", False), ("danger", True)])
def test_a_kill_explains_an_outcome_not_known_unless_it_is_of_danger(played: Played, tmp_path: Path, lane: str, bad: bool) -> None:
    _, drill = played
    killed, _ = drill.diary.kills[0]
    at = (killed + timedelta(seconds=1)).replace(tzinfo=None).isoformat(" ")
    forged = damaged(played, tmp_path, f"UPDATE channel_sends SET state = 'uncertain', why = 'killed', ended_at = ? {ONE.format(lane)}", at)
    found = check(forged, drill.diary, drill.service.arrivals)
    assert bool(found.faults["not known"]) is bad
    assert found.told["not known"] >= 1


def test_a_fault_is_told_and_ends_the_drill_badly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(drill: Drill) -> Found:
        drill.seconds = 1.0
        found = Found()
        found.faults["lost"].append("m7: never acknowledged")
        return found

    monkeypatch.setattr(Drill, "run", run)
    lines, kept = run_drill(tmp_path, Namespace(messages=10, conversations=2, kills=0, seed=1, answers="light"))
    assert not kept
    assert f"BAD {CHECKS['lost']}: 1" in lines
    assert "    m7: never acknowledged" in lines


@pytest.mark.parametrize(
    ("waits", "kept"),
    [(Waits([10.0] * 99 + [90.0]), True), (Waits([10.0] * 90 + [90.0] * 10), False), (Waits([10.0], 1), False), (Waits([]), False)],
)
def test_a_limit_that_is_passed_is_told(waits: Waits, kept: bool) -> None:
    line, good = times_line("acknowledged", waits, 0.99, 50.0)
    assert good is kept
    assert kept or "over" in line


def test_a_bad_table_is_a_bad_exit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench_channels, "ROOT", tmp_path)
    monkeypatch.setattr(bench_channels, "run_times", lambda folder, given: (["the table"], False))
    assert bench_channels.main(["--only", "times"]) == 1
    assert "the table" in (tmp_path / "var" / "bench" / "bench_channels.txt").read_text("utf-8")
