"""What goes out: danger first, at the service's pace, once; and what becomes of it when the service does not take it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_fakes import Office, OpenOffice, emptied, open_office
from sqlalchemy import select

from bot.channels.model import Gone, Later, Pace, Refused, Uncertain
from bot.channels.pacing import Gate
from knowledge.errors import StoreError
from knowledge.store import NewCase, NewSend, Send
from knowledge.store.schema_channels import SendTable


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenOffice]:
    yield from open_office(tmp_path_factory)


@pytest.fixture
def office(opened: OpenOffice, tmp_path: Path) -> Office:
    return Office(emptied(opened.store), tmp_path, opened.clock)


def put(office: Office, *texts: str, chat: str = "1", lane: Any = "normal") -> None:
    calls = [json.dumps({"chat": chat, "text": text, "lane": lane}) for text in texts]
    sends = [NewSend("fake", f"fake:{chat}", text, lane, call, office.clock()) for text, call in zip(texts, calls, strict=True)]
    assert office.store.sends.add(sends) == len(texts)


def always(error: Exception, *, lane: str | None = None) -> Callable[[Mapping[str, Any]], None]:
    def fate(call: Mapping[str, Any]) -> None:
        if lane in (None, call["lane"]):
            raise error

    return fate


def state(office: Office, key: str) -> Send:
    with office.store._database.read() as connection:
        send_id = connection.execute(select(SendTable.send_id).where(SendTable.key == key)).scalar_one()
    found = office.store.sends.get(send_id)
    assert found
    return found


async def minutes(office: Office, count: int, *, seconds: int = 60) -> None:
    for _ in range(count):
        await office.post()
        office.clock.forward(seconds=seconds)


async def test_a_conversation_gets_its_messages_in_order(office: Office) -> None:
    put(office, "a", "b", "c")
    put(office, "x", "y", chat="2")
    await office.post()
    assert office.channel.texts("1") == ["a", "b", "c"]
    assert office.channel.texts("2") == ["x", "y"]
    assert state(office, "a").remote_id == "r1"


async def test_danger_goes_first_and_leaves_in_a_storm_that_holds_all_else(office: Office) -> None:
    office.channel.fate = always(Later("slow down", 30, everyone=True), lane="normal")
    for chat in range(60):
        put(office, f"n{chat}", chat=str(chat))
    await office.post()
    tried = len(office.channel.attempts)
    put(office, "113", chat="7", lane="danger")
    await office.post()
    assert office.channel.texts() == ["113"]
    assert office.channel.attempts[tried:] == ["113"]  # the storm is not fed meanwhile
    office.channel.fate = lambda call: None
    office.clock.forward(seconds=31)
    await office.post()
    assert len(office.channel.texts()) == 61


async def test_one_chat_that_has_to_wait_does_not_hold_up_others(office: Office) -> None:
    def fate(call: Mapping[str, Any]) -> None:
        if call["chat"] == "1" and office.clock.now < until:
            raise Later("slow down", 20)

    until = office.clock.now + timedelta(seconds=20)
    office.channel.fate = fate
    put(office, "a", "b")
    put(office, "x", chat="2")
    await office.post()
    assert office.channel.texts() == ["x"]
    office.clock.forward(seconds=20)
    await office.post()
    assert office.channel.texts("1") == ["a", "b"]


async def test_what_was_claimed_is_sent_where_the_database_fails_at_the_next_claim(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    put(office, "113", lane="danger")
    put(office, "a", chat="2")
    claim = office.store.sends.claim

    def fails(*arguments: Any) -> Any:
        if arguments[-1] == "normal":
            raise StoreError("down")
        return claim(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(office.store.sends, "claim", fails)
        assert await office.postman.round() == 1
        await office.postman.idle()
        with pytest.raises(StoreError):
            await office.postman.round()
    assert office.channel.texts() == ["113"]
    await office.post()
    assert office.channel.texts() == ["113", "a"]


async def test_danger_is_looked_for_when_there_may_be_some(office: Office) -> None:
    put(office, "113", lane="danger")
    office.postman.wake(danger=False)
    assert await office.postman.round(all_lanes=False) == 0
    office.postman.wake()
    assert await office.postman.round(all_lanes=False) == 1


async def test_danger_keeps_trying_at_its_own_pace_for_ever(office: Office) -> None:
    office.channel.fate = always(Later("down", 3600))
    put(office, "113", lane="danger")
    gaps = []
    for _ in range(7):
        await office.post()
        gaps.append((state(office, "113").next_try_at - office.clock.now).seconds)
        office.clock.now = state(office, "113").next_try_at
    assert gaps == [1, 2, 4, 8, 15, 30, 30]
    office.clock.forward(days=3)
    office.channel.fate = lambda call: None
    await office.post()
    assert office.channel.texts() == ["113"]


async def test_the_rest_pauses_longer_each_time_and_gives_up_after_a_day(office: Office) -> None:
    office.channel.fate = always(Later("502"))
    put(office, "a")
    gaps = []
    for _ in range(12):
        await office.post()
        gaps.append((state(office, "a").next_try_at - office.clock.now).total_seconds())
        office.clock.now = state(office, "a").next_try_at
    assert all(0.5 * min(300, 2**n) <= gap <= min(300, 2**n) for n, gap in enumerate(gaps))
    office.clock.forward(days=1)
    await office.post()
    assert (state(office, "a").state, state(office, "a").why) == ("dead", "502")


async def test_after_an_hour_of_faults_everything_comes_once_and_in_order(office: Office) -> None:
    office.channel.fate = always(Later("503"))
    put(office, "a", "b")
    put(office, "x", chat="2")
    await minutes(office, 60)
    assert not office.channel.texts()
    assert len(office.channel.attempts) <= 2 * 30  # who is down is not stormed
    office.channel.fate = lambda call: None
    await minutes(office, 6)
    assert office.channel.texts("1") == ["a", "b"]
    assert office.channel.texts("2") == ["x"]


async def test_what_may_have_arrived_is_not_repeated(office: Office) -> None:
    office.channel.fate = always(Uncertain("broke off"))
    put(office, "a", "b")
    await minutes(office, 5)
    assert office.channel.attempts == ["a", "b"]
    assert [send.state for send in office.store.sends.dead_letters()] == ["uncertain", "uncertain"]


async def test_danger_that_may_have_arrived_is_repeated_and_then_looked_at(office: Office) -> None:
    office.channel.fate = always(Uncertain("broke off"))
    put(office, "113", lane="danger")
    gaps = []
    for _ in range(6):
        await office.post()
        gaps.append((state(office, "113").next_try_at - office.clock.now).seconds)
        office.clock.now = state(office, "113").next_try_at
    await office.post()
    assert gaps == [3, 30, 30, 30, 30, 30]
    assert [send.state for send in office.store.sends.dead_letters()] == ["uncertain"]


async def test_an_answer_that_trickles_is_uncertain(office: Office) -> None:
    async def never(call: Mapping[str, Any]) -> str | None:
        await asyncio.Event().wait()
        return None

    office.channel.send = never  # type: ignore[method-assign]
    put(office, "a")
    await office.post()
    assert (state(office, "a").state, state(office, "a").why) == ("uncertain", "timeout")


async def test_a_fault_in_a_channel_is_uncertain_and_is_not_logged_with_words(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.channel.fate = always(KeyError("chuyện riêng"))
    put(office, "a")
    await office.post()
    assert state(office, "a").state == "uncertain"
    assert "riêng" not in caplog.text


async def test_what_is_refused_is_a_dead_letter_that_can_be_sent_again(office: Office) -> None:
    office.channel.fate = always(Refused("too long"))
    put(office, "a")
    await office.post()
    (letter,) = office.store.sends.dead_letters()
    assert (letter.state, letter.why) == ("dead", "too long")
    office.channel.fate = lambda call: None
    office.store.sends.again(letter.send_id)
    await office.post()
    assert office.channel.texts() == ["a"]


async def test_who_has_blocked_us_is_left_alone_and_the_case_says_so(office: Office) -> None:
    case_id = office.store.conversations.accept("fake:1", "m", "x", office.clock(), "fake", NewCase("violence", 4, "danger")).case_id
    assert case_id
    office.channel.fate = always(Gone("blocked"))
    put(office, "113", lane="danger")
    put(office, "a", "b")
    await minutes(office, 3)
    assert office.channel.attempts == ["113"]
    assert office.store.chats.get("fake:1").blocked_at is not None
    assert {state(office, key).state for key in ("113", "a", "b")} == {"dropped"}
    assert office.store.cases.events(case_id)[-1].kind == "unreachable"


async def test_what_a_killed_program_was_sending_is_judged_at_the_start(office: Office) -> None:
    put(office, "a", "b")
    put(office, "113", chat="2", lane="danger")
    office.store.sends.claim(["fake"], 9, timedelta(seconds=60))
    office.restart()
    await office.post()
    assert office.channel.texts() == ["113", "b"]
    assert state(office, "a").state == "uncertain"


# Pace


async def test_the_pace_of_a_service_is_kept_and_danger_is_not_held_by_it(office: Office) -> None:
    office.channel.pace = Pace(5.0)
    office.restart()
    for chat in range(20):
        put(office, f"n{chat}", chat=str(chat))
    await office.post()
    assert len(office.channel.texts()) == 5
    put(office, "113", chat="3", lane="danger")
    await office.post()
    assert office.channel.texts()[5:] == ["113"]
    office.clock.forward(seconds=1)
    await office.post()
    assert len(office.channel.texts()) == 10  # danger was counted: four in this second


async def test_two_messages_to_one_chat_are_some_time_apart(office: Office) -> None:
    office.channel.pace = Pace(100.0, chat_every=1.0)
    office.restart()
    put(office, "a", "b")
    put(office, "x", chat="2")
    await office.post()
    assert sorted(office.channel.texts()) == ["a", "x"]
    office.clock.forward(seconds=1)
    await office.post()
    assert office.channel.texts("1") == ["a", "b"]


def test_a_group_gets_so_many_a_minute(office: Office) -> None:
    now = office.clock.now
    gate = Gate(Pace(100.0, group_per_minute=3), now)
    for _ in range(3):
        assert gate.held(now) == set()
        gate.spend("fake:-100", now)
        gate.spend("fake:100", now)
        now += timedelta(seconds=1)
    assert gate.held(now) == {"fake:-100"}
    assert gate.held(now + timedelta(seconds=57)) == set()


# A quota


@pytest.fixture
def metered(office: Office) -> Office:
    office.channel.quota, office.channel.window = 3, timedelta(hours=48)  # type: ignore[attr-defined]
    return office


async def test_beyond_the_quota_messages_wait_until_the_person_writes_but_danger_does_not(metered: Office) -> None:
    metered.store.chats.wrote("fake:1", metered.clock())
    put(metered, "a", "b", "c", "d", "e")
    await metered.post()
    assert metered.channel.texts() == ["a", "b", "c"]
    put(metered, "113", lane="danger")
    await metered.post()
    assert metered.channel.texts()[3:] == ["113"]
    metered.clock.forward(seconds=30)
    metered.store.chats.wrote("fake:1", metered.clock())
    await metered.post()
    assert metered.channel.texts()[4:] == ["d", "e"]


async def test_nobody_is_written_to_after_the_window_and_it_is_told_why(metered: Office) -> None:
    metered.store.chats.wrote("fake:1", metered.clock())
    metered.clock.forward(hours=48)
    put(metered, "a")
    await metered.post()
    assert (state(metered, "a").state, state(metered, "a").why, state(metered, "a").attempts) == ("waiting", "quota", 0)
    metered.clock.forward(hours=48)
    await metered.post()
    assert metered.channel.attempts == []
    assert [(send.state, send.why) for send in metered.store.sends.dead_letters()] == [("dead", "quota")]


async def test_what_waits_is_said_in_one_message_where_each_is_dear(metered: Office) -> None:
    def merge(calls: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        text = "+".join(call["text"] for call in calls)
        return [{**calls[0], "text": text}] if len(text) <= 5 else calls

    metered.channel.merge = merge  # type: ignore[attr-defined]
    metered.store.chats.wrote("fake:1", metered.clock())
    put(metered, "a", "b", "c", "d")
    await metered.post()
    assert metered.channel.texts() == ["a+b+c", "d"]
    assert metered.store.chats.quota("fake:1").spent == 2
    assert {state(metered, key).state for key in "abcd"} == {"sent"}


@pytest.mark.parametrize("steps", range(4))
async def test_run_ends_when_it_is_cancelled_just_as_it_is_woken(office: Office, steps: int) -> None:
    """asyncio.wait_for of Python 3.11 swallows that cancelling; the service would then never end."""
    work = asyncio.create_task(office.postman.run())
    await asyncio.sleep(0.05)
    office.postman.wake()
    for _ in range(steps):
        await asyncio.sleep(0)
    work.cancel()
    done, _ = await asyncio.wait([work], timeout=5)
    assert done == {work}
