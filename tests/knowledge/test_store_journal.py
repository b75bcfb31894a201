"""The journal of cases that the database did not take; on SQLite and on PostgreSQL."""

import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, ProgrammingError

from knowledge.errors import StoreError
from knowledge.store import CaseJournal, JournalEntry, NewCase, Store, sqlite_url

VIOLENCE = NewCase("violence", 3, "danger")
HANDOVER = NewCase("handover", 0, "handover")


def transcript(store: Store, case_id: str | None) -> list[str | None]:
    assert case_id
    return [line.text for line in store.cases.get(case_id).transcript]


@pytest.fixture
def journal(tmp_path: Path) -> CaseJournal:
    return CaseJournal(tmp_path / "home" / "cases.jsonl", Random(3))


def entry(message_id: str, text: str = "cứu em với", conversation_id: str = "c", case: NewCase = VIOLENCE) -> JournalEntry:
    return JournalEntry(conversation_id, message_id, text, datetime(2026, 5, 4, 19, 0, tzinfo=timezone(timedelta(hours=7))), "zalo", case)


@contextmanager
def gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While the database does not answer."""

    def fails(*_: object, **__: object) -> None:
        raise StoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(store.conversations, "accept", fails)
        patch.setattr(store, "health", fails)
        yield


def files(tmp_path: Path) -> list[str]:
    """Those that hold something."""
    return sorted(path.name for path in (tmp_path / "home").iterdir() if path.stat().st_size)


def test_the_journal_moves_into_the_store(store: Store, journal: CaseJournal, tmp_path: Path) -> None:
    assert journal.replay(store) == 0
    first = journal.append(entry("m1", "anh ấy\ncầm dao \ud83d 🆘", case=NewCase("violence", 4, "danger", "Hà Nam")))
    assert journal.append(entry("m2", case=HANDOVER)) == first
    other = journal.append(entry("m1", conversation_id="c2"))
    assert other != first
    assert (tmp_path / "home" / "cases.jsonl").stat().st_mode & 0o777 == 0o600
    assert journal.replay(store) == 3
    assert files(tmp_path) == []
    assert [case.case_id for case in store.cases.list()] == [first, other]
    case = store.cases.get(first)
    assert (case.risk, case.province, case.channel, case.opened_at) == (4, "Hà Nam", "zalo", datetime(2026, 5, 4, 12, tzinfo=UTC))
    assert transcript(store, first) == ["anh ấy\ncầm dao \ufffd 🆘", "cứu em với"]
    assert journal.replay(store) == 0


def test_nothing_gets_there_twice(store: Store, journal: CaseJournal) -> None:
    accepted = store.conversations.accept("c", "m1", "cứu em với", datetime(2026, 5, 4, 12, tzinfo=UTC), "zalo", VIOLENCE)
    for _ in range(2):  # accepted, but the answer of the database was lost on its way
        journal.append(entry("m1"))
        journal.append(entry("m1"))
        assert journal.replay(store) == 0
    assert [case.case_id for case in store.cases.list()] == [accepted.case_id]
    assert transcript(store, accepted.case_id) == ["cứu em với"]


def test_the_journal_waits_for_the_store(store: Store, journal: CaseJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = journal.append(entry("m1"))
    with gone(store, monkeypatch):
        assert journal.replay(store) == 0
        assert journal.append(entry("m2")) == case_id  # the id given before, though its line is being replayed
        assert journal.replay(store) == 0
    assert files(tmp_path) == ["cases.jsonl", "cases.jsonl.replaying"]
    assert CaseJournal(tmp_path / "home" / "cases.jsonl").replay(store) == 2
    assert transcript(store, case_id) == ["cứu em với"] * 2
    assert files(tmp_path) == []


def test_what_came_a_moment_ago_for_an_officer_is_left_to_the_program_that_took_it(store: Store, tmp_path: Path) -> None:
    now = entry("m1").received_at
    journal = CaseJournal(tmp_path / "home" / "cases.jsonl", Random(3), lambda: now)
    said = replace(entry("m1"), case=None)  # to an officer who is just closing the case
    journal.append(said)
    journal.append(entry("m2", conversation_id="b"))
    assert journal.replay(store) == 1  # danger waits for nobody
    assert [case.conversation_id for case in store.cases.list()] == ["b"]
    assert journal.replay(store) == 0
    now += timedelta(seconds=6)  # whoever took it has died
    assert journal.replay(store) == 1
    assert {(case.conversation_id, case.reason) for case in store.cases.list()} == {("b", "danger"), ("c", "handover")}
    assert files(tmp_path) == []


def test_an_entry_the_store_refuses_holds_up_no_other(
    store: Store, journal: CaseJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    accept = store.conversations.accept

    def refuses_one(conversation_id: str, message_id: str, *rest: Any, **named: Any) -> object:
        if message_id == "m1":
            raise StoreError("no")
        return accept(conversation_id, message_id, *rest, **named)

    journal.append(entry("m1", conversation_id="a"))
    journal.append(entry("m2", conversation_id="b"))
    with monkeypatch.context() as patch, caplog.at_level(logging.DEBUG):
        patch.setattr(store.conversations, "accept", refuses_one)
        assert journal.replay(store) == 1
    assert "cứu em" not in caplog.text
    assert "entry stays" in caplog.text
    assert files(tmp_path) == ["cases.jsonl.replaying"]
    assert journal.replay(store) == 1
    assert len(store.cases.list()) == 2


@pytest.mark.parametrize("error", [StoreError("no"), ValueError("no")])
def test_an_entry_that_the_store_goes_on_refusing_is_set_aside(
    store: Store, journal: CaseJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    accept = store.conversations.accept

    def refuses_one(conversation_id: str, message_id: str, *rest: Any, **named: Any) -> object:
        if message_id == "m1":
            raise error
        return accept(conversation_id, message_id, *rest, **named)

    journal.append(entry("m1", conversation_id="a"))
    written = (tmp_path / "home" / "cases.jsonl").read_bytes()
    monkeypatch.setattr(store.conversations, "accept", refuses_one)
    journal.replay(store)
    journal.append(entry("m2", conversation_id="b"))
    with gone(store, monkeypatch):
        for _ in range(9):  # while the database does not answer, nothing is held against the entry
            journal.replay(store)
    assert "cases.jsonl.torn" not in files(tmp_path)
    assert sum(journal.replay(store) for _ in range(9)) == 1
    assert files(tmp_path) == ["cases.jsonl.torn"]
    assert (tmp_path / "home" / "cases.jsonl.torn").read_bytes() == written
    assert journal.set_aside() == 1
    assert [record.levelname for record in caplog.records].count("CRITICAL") == 1
    assert "cứu em" not in caplog.text


@pytest.mark.parametrize(
    ("cause", "passes"), [(OperationalError, True), (ProgrammingError, True), (IntegrityError, False), (DataError, False)]
)
def test_what_the_database_is_in_is_not_held_against_an_entry(
    store: Store, journal: CaseJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: Any, passes: bool
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise StoreError("no") from cause(None, None, Exception())

    journal.append(entry("m1"))
    monkeypatch.setattr(store.conversations, "accept", refuses)
    for _ in range(9):
        journal.replay(store)
    assert files(tmp_path) == [f"cases.jsonl.{'replaying' if passes else 'torn'}"]


def test_what_was_set_aside_is_kept_as_long_as_cases(journal: CaseJournal, tmp_path: Path) -> None:
    now, aside = datetime(2026, 5, 4, tzinfo=UTC), tmp_path / "home" / "cases.jsonl.torn"
    assert (journal.purge(now), journal.set_aside()) == (False, 0)
    aside.parent.mkdir()
    aside.write_text("a\nb\n")
    os.utime(aside, (now.timestamp(), now.timestamp()))
    assert (journal.purge(now), journal.set_aside()) == (False, 2)
    assert journal.purge(now + timedelta(seconds=1))
    assert not aside.exists()


WHOLE = b'{"conversation_id": "c", "message_id": "m", "text": "x", "received_at": "2026-05-04T12:00:00%s", "channel": "zalo", %s}'


@pytest.mark.parametrize(
    "torn",
    [
        b'{"conversation_id": "c", "mess',
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"case_id": "x"}',
        WHOLE % (b"", b'"case_id": "x", "case": {"kind": "k", "risk": 1, "reason": "danger"}'),
        WHOLE % (b"+00:00", b'"case_id": 7, "case": {"kind": "k", "risk": 1, "reason": "danger"}'),
        WHOLE % (b"+00:00", b'"case_id": "x", "case": {"kind": "k", "risk": "1", "reason": "danger"}'),
        WHOLE % (b"+00:00", b'"case_id": "x", "case": {"kind": "k", "risk": 1180591620717411303424, "reason": "danger"}'),
        WHOLE % (b"+00:00", b'"case_id": "x", "case": 7'),
        WHOLE % (b"+00:00", b'"case_id": null, "case": null'),
        WHOLE % (b"+00:00", b'"case_id": "x", "case": null, "answer_json": {}'),
        WHOLE % (b"+00:00", b'"case_id": "x", "case": null, "by_assistant": 1'),
        WHOLE % (b"+00:00", b'"case_id": "x", "case": {"kind": "k"}, "more": 1'),
    ],
)
def test_torn_lines_are_set_aside(journal: CaseJournal, tmp_path: Path, clock: Any, torn: bytes, caplog: pytest.LogCaptureFixture) -> None:
    store = Store.open(sqlite_url(tmp_path / "x.sqlite"), clock)
    path = tmp_path / "home" / "cases.jsonl"
    journal.append(entry("m1"))
    with path.open("ab") as file:
        file.write(torn)
    journal.append(entry("m2"))
    with path.open("ab") as file:
        file.write(torn)
    assert journal.replay(store) == 2
    assert files(tmp_path) == ["cases.jsonl.torn"]
    aside = path.with_name("cases.jsonl.torn")
    assert aside.read_bytes() == (torn + b"\n") * 2
    assert aside.stat().st_mode & 0o777 == 0o600
    assert "cứu" not in caplog.text
    store.close()


def test_nothing_is_lost_between_writers_and_replays(journal: CaseJournal, tmp_path: Path, clock: Any) -> None:
    store = Store.open(sqlite_url(tmp_path / "x.sqlite"), clock, timeout=20)
    done = threading.Event()

    def replay(_: int) -> int:
        moved = 0
        while not done.wait(0.001):
            moved += journal.replay(store)
        return moved

    with ThreadPoolExecutor(2) as replays, ThreadPoolExecutor(3) as writers:
        moved = [replays.submit(replay, n) for n in range(2)]
        list(writers.map(lambda n: journal.append(entry(f"m{n}", conversation_id=f"c{n % 3}")), range(45)))
        done.set()
    total = sum(future.result() for future in moved) + journal.replay(store)
    assert total == 45
    assert len(store.cases.list()) == 3
    assert files(tmp_path) == []
    store.close()


def test_what_was_answered_comes_along(store: Store, journal: CaseJournal) -> None:
    said = replace(entry("m1"), case_id="TG-AAAAAA", answer_json='{"text": "Gọi 113"}')
    assert journal.append(said) == "TG-AAAAAA"
    assert journal.append(replace(said, message_id="m2", case_id="TG-CCCCCC")) == "TG-AAAAAA"
    assert journal.waiting() == {"c": "TG-AAAAAA"}
    assert journal.replay(store) == 2
    assert journal.waiting() == {}
    answers = [line.answer_json for line in store.cases.get("TG-AAAAAA").transcript]
    assert answers == ['{"text": "Gọi 113"}', None]  # the second named a case that there is not


def test_a_message_without_a_case_of_its_own_joins_the_one_that_waits(store: Store, journal: CaseJournal) -> None:
    case_id = journal.append(entry("m1"))
    journal.append(replace(entry("m2", "tôi ở trong phòng"), case=None))
    assert journal.replay(store) == 2
    assert transcript(store, case_id) == ["cứu em với", "tôi ở trong phòng"]


@pytest.mark.parametrize("days", [1, 30])
def test_what_was_meant_for_an_officer_who_has_closed_the_case_is_answered_by_one(
    store: Store, journal: CaseJournal, clock: Any, days: int
) -> None:
    case_id = str(store.conversations.accept("c", "m1", "cứu em với", clock(), "zalo", VIOLENCE).case_id)
    late = replace(entry("m2", "cô ơi", case=HANDOVER), case=None, case_id=case_id)
    journal.append(replace(late, message_id="m3", text="chế độ nào?", received_at=clock(), by_assistant=True))
    journal.append(replace(late, received_at=clock() + timedelta(days=days)))
    store.cases.close(case_id, "xong")
    store.conversations.accept("c", "m0", "cảm ơn", clock(), "zalo")  # this one the assistant answers
    journal.append(replace(late, message_id="m0"))
    assert journal.replay(store) == 2
    (case,) = store.cases.list()
    assert (case.case_id == case_id) is (days == 1)
    assert transcript(store, case.case_id)[-1] == "cô ơi"
    assert not {"cảm ơn", "chế độ nào?"} & set(transcript(store, case_id))
    assert (case.state, case.risk, case.reason) == (("open", 3, "danger") if days == 1 else ("open", 0, "handover"))


def test_what_another_program_writes_is_known(journal: CaseJournal, tmp_path: Path, store: Store) -> None:
    another = CaseJournal(tmp_path / "home" / "cases.jsonl")
    case_id = journal.append(entry("m1"))
    assert another.append(entry("m2")) == case_id
    assert journal.replay(store) == 2
    again = another.append(entry("m3", conversation_id="d"))  # into the new file, not the one that was taken away
    assert journal.append(entry("m4", conversation_id="d")) == again
    assert another.replay(store) == 2
    assert len(store.cases.list()) == 2


def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        CaseJournal(tmp_path / "home" / "cases.jsonl").append(entry("m1"))


def test_a_full_disk_is_told(journal: CaseJournal, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(entry("m1"))
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        write(descriptor, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(StoreError, match="cannot be written"):
            journal.append(entry("m2"))
    journal.append(entry("m3"))
    assert journal.replay(store) == 2
