"""The dispatcher, the desk's actions and retention on a real store with a clock that is moved."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from house_fakes import Clock

from actions.duty.desk import DutyDesk
from actions.duty.notices import DutyNotices
from bot.duty.dispatcher import Dispatcher
from bot.duty.retention import RetentionSchedule, months_before
from knowledge.directory import Directory
from knowledge.errors import CaseTaken, StoreError
from knowledge.store import Actor, CaseJournal, NewCase, Shift, Store
from knowledge.store.roster import WEEKDAYS

DANGER = NewCase("child_abuse", 4, "danger", voice="child")


@pytest.fixture(scope="module")
def notices() -> DutyNotices:
    return DutyNotices.load(Directory.load())


@pytest.fixture
def dispatcher(store: Store, clock: Clock, notices: DutyNotices) -> Dispatcher:
    return Dispatcher(store, notices, clock)


def officer(store: Store, name: str, shift: bool = True) -> str:
    account_id = store.accounts.add(name, f"Cán bộ {name.title()}", ["duty_officer"], "x", by=Actor()).account_id
    if shift:
        store.roster.add_shift(Shift(account_id, time(0), time(0), WEEKDAYS))
    return account_id


def opened(store: Store, clock: Clock, case: NewCase = DANGER) -> str:
    case_id = store.conversations.accept("web:1", "m1", "cứu em với", clock(), "web", case).case_id
    assert case_id
    return case_id


def forward(clock: Clock, **length: float) -> None:
    clock.now += timedelta(**length)


def told(store: Store) -> list[str]:
    return [event.detail["notice"] for event in store.cases.events(store.cases.list()[0].case_id) if event.kind == "told"]


def test_a_case_that_nobody_takes(store: Store, clock: Clock, dispatcher: Dispatcher) -> None:
    first = officer(store, "hoa")
    second = officer(store, "lan")
    case_id = opened(store, clock)
    assert dispatcher.round() == 1
    asked = [store.cases.get(case_id).offered_to]
    assert dispatcher.round() == 0
    for _ in range(3):
        forward(clock, minutes=2)
        assert dispatcher.round() == 1
        asked.append(store.cases.get(case_id).offered_to)
    assert (set(asked[:2]), asked[2:]) == ({first, second}, ["*", "*"])
    assert told(store) == ["asked", "no_answer_yet", "no_answer"]
    texts = [row.text for row in store.outbox.after("web:1")]
    assert all("111" in text for text in texts)


def test_outside_duty_hours_it_is_said_at_once(store: Store, clock: Clock, dispatcher: Dispatcher) -> None:
    opened(store, clock)
    dispatcher.round()
    assert told(store) == ["nobody_on_duty"]


def test_a_holder_who_vanishes_gives_it_back_and_the_next_is_asked(
    store: Store, clock: Clock, dispatcher: Dispatcher, notices: DutyNotices
) -> None:
    hoa, lan = officer(store, "hoa"), officer(store, "lan")
    case_id = opened(store, clock)
    dispatcher.round()
    desk = DutyDesk(store, notices, clock)
    desk.take(case_id, hoa)
    with pytest.raises(CaseTaken, match="Cán bộ Hoa"):
        desk.take(case_id, lan)
    forward(clock, minutes=2)
    store.duty.seen(hoa)
    forward(clock, minutes=2, seconds=59)
    assert dispatcher.round() == 0
    forward(clock, seconds=1)
    assert dispatcher.round() == 2
    case = store.cases.get(case_id)
    assert (case.state, case.holder, case.offered_to) == ("open", None, lan)
    assert told(store) == ["asked", "joined", "away"]
    assert "Cán bộ Hoa" in [row.text for row in store.outbox.after("web:1")][1]


def test_the_desk_tells_the_citizen(store: Store, clock: Clock, notices: DutyNotices) -> None:
    hoa, lan, case_id = officer(store, "hoa"), officer(store, "lan"), opened(store, clock)
    desk = DutyDesk(store, notices, clock)
    desk.take(case_id, hoa)
    desk.transfer(case_id, hoa, lan)
    desk.give_back(case_id, lan)
    desk.take(case_id, hoa)
    assert told(store) == ["joined", "handed_on", "away", "joined"]
    desk.close(case_id, hoa, "helped", "đã báo 111")
    assert [row.author for row in store.outbox.after("web:1")] == [None] * 5


def test_a_case_that_cannot_be_worked_on_does_not_hold_up_the_others(
    store: Store, clock: Clock, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = opened(store, clock)
    other = store.conversations.accept("web:2", "m", "cứu em với", clock(), "web", NewCase("suicide", 1, "danger")).case_id
    say = DutyNotices.say

    def fails(self: DutyNotices, name: str, case: Any, *rest: Any, **values: Any) -> Any:
        if case.case_id == broken:
            raise RuntimeError
        return say(self, name, case, *rest, **values)

    monkeypatch.setattr(DutyNotices, "say", fails)
    assert dispatcher.round() == 1
    assert [event.kind for event in store.cases.events(str(other))][-1] == "told"
    assert store.cases.get(broken).offered_to is None


async def run_for_a_moment(run: Callable[..., Any], until: Callable[[], bool]) -> None:
    task = asyncio.create_task(run(every=0.01))
    async with asyncio.timeout(20):
        while not until():
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("error", [StoreError("The database does not answer."), RuntimeError("cứu em với")])
async def test_the_dispatcher_outlives_whatever_goes_wrong(
    store: Store,
    clock: Clock,
    dispatcher: Dispatcher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    case_id, due, calls = opened(store, clock), store.duty.due, [0]

    def fails_at_first(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] < 3:
            raise error
        return due(*arguments)

    monkeypatch.setattr(store.duty, "due", fails_at_first)
    await run_for_a_moment(dispatcher.run, lambda: bool(store.cases.get(case_id).offered_to))
    assert caplog.text.count(f"event=dispatcher_waits why={type(error).__name__}") == 1
    assert "cứu em" not in caplog.text


def test_retention_follows_the_settings(store: Store, clock: Clock, journal: CaseJournal, tmp_path: Path) -> None:
    aside = tmp_path / "cases.journal.torn"
    aside.write_text("a line")
    os.utime(aside, (clock().timestamp(), clock().timestamp()))
    schedule = RetentionSchedule(store, journal, clock, cases_months=12, conversations_days=30)
    case_id = opened(store, clock)
    store.conversations.accept("web:2", "m", "chào", clock(), "web")
    store.cases.close(case_id, "xong")
    forward(clock, days=30)
    assert schedule.round() == (0, 0)
    forward(clock, seconds=1)
    assert schedule.round() == (0, 1)
    assert aside.exists()
    forward(clock, days=335)
    assert schedule.round() == (1, 1)
    assert not aside.exists()
    assert store.cases.get(case_id).erased_at == clock()


async def test_retention_runs_by_itself_whatever_goes_wrong(
    store: Store, clock: Clock, journal: CaseJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = opened(store, clock)
    store.cases.close(case_id, "xong")
    forward(clock, days=400)
    schedule = RetentionSchedule(store, journal, clock, cases_months=12, conversations_days=30)
    purge, calls = store.retention.purge, iter([KeyError("x"), StoreError("gone")])

    def fails_at_first(before: datetime) -> int:
        if error := next(calls, None):
            raise error
        return purge(before)

    monkeypatch.setattr(store.retention, "purge", fails_at_first)
    await run_for_a_moment(schedule.run, lambda: store.cases.get(case_id).erased_at is not None)


@pytest.mark.parametrize(
    ("moment", "months", "earlier"),
    [((2026, 5, 31), 3, (2026, 2, 28)), ((2026, 1, 1), 12, (2025, 1, 1)), ((2024, 2, 29), 12, (2023, 2, 28))],
)
def test_months_before(moment: tuple[int, int, int], months: int, earlier: tuple[int, int, int]) -> None:
    assert months_before(datetime(*moment, 7, tzinfo=UTC), months) == datetime(*earlier, 7, tzinfo=UTC)
