"""The drill of cases at a small size, and whether its checks see each kind of fault."""

import copy
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tools.drill_cases import Drill, Size, report
from tools.drill_checks import Diary, check

Played = tuple[Path, Drill]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A drill that was played, and what it left behind."""
    folder = tmp_path_factory.mktemp("drill")
    drill = Drill(folder, Size(cases=60, kills=6, locks=1), seed=11)
    found = drill.run()
    assert not any(found.faults.values()), report(drill, found)
    return folder / "drill.sqlite", drill


def test_the_drill_did_what_it_is_for(played: Played) -> None:
    _, drill = played
    assert drill.counts["kills"] == 6
    assert drill.counts["kills in the middle of work"] >= 1
    assert drill.counts["programs that ended by themselves"] == 0
    assert drill.counts["two officers at once"] >= 1
    assert drill.counts["double clicks"] >= 1
    assert drill.diary.outages


def damaged(played: Played, folder: Path, *statements: str) -> tuple[Path, Diary]:
    """A copy of what was left, with somebody's hand in it."""
    database = folder / "copy.sqlite"
    with closing(sqlite3.connect(played[0])) as source, closing(sqlite3.connect(database)) as copied:
        source.backup(copied)
        for (name,) in copied.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            copied.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert copied.execute(statement).rowcount != 0, statement
        copied.commit()
    return database, copy.deepcopy(played[1].diary)


SOME_CASE = "(SELECT case_id FROM case_events WHERE kind = 'taken' ORDER BY event_id LIMIT 1)"
FIRST = "(SELECT min(event_id) FROM case_events WHERE kind = '{}')"


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("lost", "DELETE FROM messages WHERE row_id = (SELECT min(row_id) FROM messages)"),
        ("lost", "UPDATE messages SET case_id = NULL WHERE row_id = (SELECT min(row_id) FROM messages)"),
        ("lost", f"UPDATE cases SET state = 'open' WHERE case_id = {SOME_CASE}"),
        ("lost", f"INSERT INTO case_events (case_id, at, kind, detail_json) SELECT case_id, at, kind, detail_json FROM case_events "
                 f"WHERE event_id = {FIRST.format('opened')}"),
        ("hands", f"INSERT INTO case_events (event_id, case_id, at, kind, account_id, detail_json) "
                  f"SELECT -1, case_id, at, 'taken', 'somebody', detail_json FROM case_events WHERE event_id = {FIRST.format('taken')}"),
        ("hands", f"UPDATE case_events SET account_id = 'somebody' WHERE event_id = {FIRST.format('closed')}"),
        ("hands", f"UPDATE cases SET holder = 'somebody' WHERE case_id = {SOME_CASE}"),
        ("late", f"UPDATE case_events SET at = datetime(at, '+400 seconds') WHERE event_id = {FIRST.format('offered')}"),
        ("clocks", "UPDATE cases SET first_danger_at = datetime(first_danger_at, '+1 second') WHERE first_danger_at IS NOT NULL"),
        ("clocks", "UPDATE cases SET first_danger_at = NULL WHERE first_danger_at IS NOT NULL"),
        ("clocks", "UPDATE messages SET received_at = datetime(received_at, '+7 seconds')"),
        ("told", "DELETE FROM case_events WHERE event_id = (SELECT min(event_id) FROM case_events WHERE kind = 'told')"),
    ],
)  # fmt: skip
def test_every_fault_is_seen(played: Played, tmp_path: Path, kind: str, statement: str) -> None:
    assert check(*damaged(played, tmp_path, statement)).faults[kind]


@pytest.mark.parametrize(
    ("kind", "forge"),
    [
        ("lost", lambda diary: setattr(next(iter(diary.sent.values())), "acknowledged", None)),
        ("clocks", lambda diary: next(iter(diary.sent.values())).attempts.clear()),
    ],
)
def test_what_the_diary_says_counts(played: Played, tmp_path: Path, kind: str, forge: Callable[[Diary], object]) -> None:
    database = tmp_path / "copy.sqlite"
    shutil.copy(played[0], database)
    diary = copy.deepcopy(played[1].diary)
    forge(diary)
    faults = check(database, diary).faults
    assert faults[kind]


def test_a_holder_who_is_not_seen_loses_the_case_in_time(played: Played, tmp_path: Path) -> None:
    held = f"UPDATE case_events SET at = datetime(at, '+2 hours') WHERE kind IN ('closed', 'told') AND case_id = {SOME_CASE}"
    assert any("given back" in fault for fault in check(*damaged(played, tmp_path, held)).faults["late"])


def test_outages_do_not_count_as_late() -> None:
    diary = Diary(outages=[(10.0, 20.0), (30.0, 31.0)])
    assert diary.lateness(5, 8) == 3
    assert diary.lateness(8, 22) == 4
    assert diary.lateness(15, 40) == 19
