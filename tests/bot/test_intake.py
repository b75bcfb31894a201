"""Where a message of a case is kept: with a disk and a database that answer at every possible moment, or never."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from house_fakes import NOON, Clock, Faulty, store_down

from actions.model import Message
from bot import intake as intake_module
from bot.intake import Intake, Kept
from knowledge.errors import StoreError
from knowledge.store import CaseJournal, NewCase, Store

DANGER = NewCase("domestic_violence", 4, "danger")


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch, unhurried: None) -> None:
    """An answer waits for the disk only, as in a service."""
    monkeypatch.setattr(intake_module, "_DATABASE_S", 0.0)
    monkeypatch.setattr(intake_module, "_RETRY_S", (0.01,))


def message(message_id: str = "m1", text: str = "cứu em với", conversation_id: str = "c") -> Message:
    return Message(conversation_id, text, message_id, NOON, date(2026, 5, 4), "web")


def told(case_id: str | None) -> dict[str, Any]:
    return {"text": "Gọi 113", "case_id": case_id}


class Gated:
    """A part whose named methods wait for a gate before they are done and, another one, before their result is told."""

    def __init__(self, whole: Any, *names: str) -> None:
        self._whole = whole
        self._names = names
        self.before, self.after = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._whole, name)
        if name == "conversations":
            self.conversations = gated = Gated(found, *self._names)
            gated.before, gated.after = self.before, self.after
            return gated
        return self._gated(found) if name in self._names else found

    def _gated(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def waits(*args: Any, **kwargs: Any) -> Any:
            assert self.before.wait(20)
            result = call(*args, **kwargs)
            assert self.after.wait(20)
            return result

        return waits

    def open(self) -> None:
        self.before.set()
        self.after.set()


def one_case(store: Store, *texts: str, conversation_id: str = "c") -> str:
    (case,) = [case for case in store.cases.list(open_only=False) if case.conversation_id == conversation_id]
    assert [line.text for line in store.cases.get(case.case_id).transcript] == list(texts)
    assert [event.kind for event in store.cases.events(case.case_id)].count("opened") == 1
    return case.case_id


async def test_it_is_on_the_disk_before_it_is_answered_and_in_the_database_soon(store: Store, journal: CaseJournal, tmp_path: Path) -> None:
    late = Gated(store, "accept")
    intake = Intake(late, journal)  # type: ignore[arg-type]
    kept = await intake.keep(message(), DANGER, told)
    assert kept == Kept(kept.case_id, None)
    assert kept.case_id
    assert kept.case_id in (tmp_path / "cases.journal").read_text()
    assert store.cases.list() == ()
    late.open()
    await intake.close()
    assert one_case(store, "cứu em với") == kept.case_id
    assert '"Gọi 113"' in str(store.cases.get(kept.case_id).transcript[0].answer_json)


ORDERS = sorted(set(itertools.permutations(("begins", "ends", "replay", "again", "replay"))))


@pytest.mark.parametrize("part", range(3))
async def test_whatever_comes_first_there_is_one_case_of_one_id(store: Store, journal: CaseJournal, part: int) -> None:
    """The database takes the message before, between and after replays, the message comes again, and a second one follows."""
    orders = [order for order in ORDERS if order.index("begins") < order.index("ends")][part::3]
    assert len(orders) == 10
    for number, order in enumerate(orders):
        c = f"c{number}"
        late = Gated(store, "accept")
        intake = Intake(late, journal)  # type: ignore[arg-type]
        ids = {(await intake.keep(message(conversation_id=c), DANGER, told)).case_id}
        for step in order:
            if step == "begins":
                late.before.set()
            elif step == "ends":
                late.after.set()
            elif step == "replay":
                await asyncio.to_thread(journal.replay, store)
            else:
                ids.add((await intake.keep(message(conversation_id=c), DANGER, told)).case_id)
                ids.add((await intake.keep(message("m2", "nhanh lên", c), DANGER, told)).case_id)
        await intake.close()
        await asyncio.to_thread(journal.replay, store)
        assert ids == {one_case(store, "cứu em với", "nhanh lên", conversation_id=c)}, order


async def test_a_case_that_was_closed_meanwhile_is_not_opened_by_its_own_message(store: Store, journal: CaseJournal) -> None:
    intake = Intake(store, journal)
    kept = await intake.keep(message(), DANGER, told, within=5)
    assert kept.case_id
    store.cases.close(kept.case_id, "xong")
    journal.replay(store)
    assert [case.state for case in store.cases.list(open_only=False)] == ["closed"]
    again = await intake.keep(message("m2"), DANGER, told, within=5)
    assert again.case_id == kept.case_id
    assert one_case(store, "cứu em với", "cứu em với") == kept.case_id


async def test_what_was_left_to_an_officer_who_closes_the_case_meanwhile_asks_for_another(store: Store, journal: CaseJournal) -> None:
    late = Gated(store, "accept")
    intake = Intake(late, journal)  # type: ignore[arg-type]
    case_id = str(store.conversations.accept("c", "m0", "cứu em với", NOON, "web", DANGER).case_id)
    store.duty.take(case_id, "hoa")
    intake.learn("c", case_id, taken=True)
    assert await intake.keep(message(text="cô ơi"), None, within=0.01) == Kept(case_id)  # and the assistant is silent
    store.duty.close(case_id, "hoa", "helped", "xong")
    intake.learn("d", case_id, taken=False)
    await intake.keep(message(text="chế độ nào?", conversation_id="d"), None, within=0.01)  # this one it answers
    late.open()
    await intake.close()
    assert one_case(store, "cứu em với", "cô ơi") == case_id


async def test_while_the_database_hangs_nobody_else_waits_for_it(
    store: Store, journal: CaseJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_HANGS_S", 0.0)
    late = Gated(store, "accept")
    intake = Intake(late, journal)  # type: ignore[arg-type]
    told_ids = [(await intake.keep(message(conversation_id=f"c{n}"), DANGER, told)).case_id for n in range(5)]
    late.open()
    for _ in range(500):  # the journal is moved over as soon as the database answers
        if len(store.cases.list()) == 5:
            break
        await asyncio.sleep(0.01)
    assert {case.case_id for case in store.cases.list()} == set(told_ids)
    await intake.close()


async def test_what_a_conversation_has_is_known_after_a_restart(store: Store, journal: CaseJournal) -> None:
    await Intake(store, journal).keep(message(), DANGER, told, within=5)
    first = Intake(store_down(), journal)
    in_journal = await first.keep(message(conversation_id="d"), DANGER, told)
    (case,) = store.cases.list()
    second = Intake(store, CaseJournal(journal._path))
    await second.refresh()
    assert second.joined("c") is not None
    assert (await second.keep(message("m2"), DANGER, told)).case_id == case.case_id
    assert (await second.keep(message("m2", conversation_id="d"), DANGER, told)).case_id == in_journal.case_id
    await second.close()
    journal.replay(store)
    assert {case.case_id for case in store.cases.list()} == {case.case_id, in_journal.case_id}


async def test_a_case_that_is_over_is_forgotten(store: Store, journal: CaseJournal, clock: Clock) -> None:
    intake = Intake(store, journal)
    kept = await intake.keep(message(), DANGER, told, within=5)
    assert kept.case_id
    journal.replay(store)
    store.cases.close(kept.case_id, "xong")
    await intake.refresh()
    assert intake.joined("c") is not None  # goes on with it for 72 hours
    clock.forward(hours=73)
    await intake.refresh()
    assert intake.joined("c") is None


async def test_without_a_disk_the_database_is_waited_for(store: Store) -> None:
    intake = Intake(store, Faulty(StoreError("disk full")))  # type: ignore[arg-type]
    kept = await intake.keep(message(), DANGER, told)
    assert kept.accepted
    assert kept.case_id == one_case(store, "cứu em với")


async def test_what_nothing_takes_is_written_as_soon_as_something_does(
    store: Store, journal: CaseJournal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    full = Faulty(StoreError("disk full"))
    intake = Intake(store_down(), full)  # type: ignore[arg-type]
    with caplog.at_level(logging.CRITICAL):
        kept = await intake.keep(message(), DANGER, told)
        assert kept == Kept(None)
        assert "event=case_not_written" in caplog.text
        assert "cứu em" not in caplog.text
        monkeypatch.setattr(intake, "_journal", journal)  # there is room again
        for _ in range(500):
            if journal.replay(store):
                break
            await asyncio.sleep(0.01)
    one_case(store, "cứu em với")
    await intake.close()


async def test_a_disk_that_hangs_counts_as_failing(store: Store, journal: CaseJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "_DISK_S", 0.05)
    hangs = Gated(journal, "append")
    intake = Intake(store, hangs)  # type: ignore[arg-type]
    monkeypatch.setattr(intake_module, "_HANGS_S", 60.0)
    kept = await intake.keep(message(), DANGER, told)
    assert kept.case_id is None or kept.accepted
    hangs.open()
    await intake.close()
    await asyncio.to_thread(journal.replay, store)
    one_case(store, "cứu em với")


async def test_the_end_of_the_service_leaves_nothing_in_memory(store: Store, journal: CaseJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "_RETRY_S", (60.0,))
    intake = Intake(store_down(), Faulty(StoreError("disk full")))  # type: ignore[arg-type]
    assert (await intake.keep(message(), DANGER, told)).case_id is None
    monkeypatch.setattr(intake, "_journal", journal)
    await intake.close()
    assert journal.replay(store) == 1
