"""What arrives: kept once, worked in order, danger first, whatever is killed or down meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_fakes import DANGER, FakeChannel, FakeConcierge, Office, OpenOffice, emptied, event, open_office

from bot.channels.coding import read_buttons, read_incoming, write_incoming
from bot.channels.left_out import CROWD, CROWD_KEPT
from bot.channels.model import Button, Malformed
from bot.channels.reception import SIDE_BY_SIDE
from bot.gateway import TooMany
from knowledge.errors import StoreError
from knowledge.store import NewCase, Store


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenOffice]:
    yield from open_office(tmp_path_factory)


@pytest.fixture
def office(opened: OpenOffice, tmp_path: Path) -> Office:
    return Office(emptied(opened.store), tmp_path, opened.clock)


async def test_an_event_is_answered(office: Office) -> None:
    await office.receive(event("a", text="chào"))
    await office.settle()
    assert office.channel.arrived == [("1", "re: chào")]
    assert office.store.inbox.counts() == {}


async def test_a_thousand_copies_are_answered_once(office: Office) -> None:
    await asyncio.gather(*(office.receive(event("a")) for _ in range(500)))
    await office.settle()
    await asyncio.gather(*(office.receive(event("a")) for _ in range(500)))
    await office.settle()
    assert office.concierge.handled == ["a"]
    assert office.channel.texts() == ["re: a"]


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_services_clock_that_is_wrong_changes_neither_the_order_nor_when_it_is_answered(office: Office, minutes: int) -> None:
    skewed = replace(event("a", text="một"), at=office.clock.now + timedelta(minutes=minutes))
    await office.receive(skewed)
    await office.receive(event("b", text="hai"))
    await office.settle()
    assert office.channel.texts() == ["re: một", "re: hai"]


async def test_an_old_event_that_is_replayed_after_its_answer_does_nothing(office: Office) -> None:
    await office.receive(event("a"))
    await office.settle()
    office.clock.forward(days=3)
    office.restart()
    await office.receive(event("a"))
    await office.settle()
    assert office.channel.texts() == ["re: a"]
    assert office.store.inbox.counts() == {}


async def test_a_conversation_is_answered_in_order_and_others_beside_it(office: Office) -> None:
    office.concierge.gate["1.0"] = asyncio.Event()
    for number in range(5):
        await office.receive(*(event(f"{chat}.{number}", chat) for chat in "123"))
    for _ in range(9):
        await office.reception.round()
        await asyncio.wait([*office.reception._busy["normal"].values()], timeout=0.02)
    assert [handled for handled in office.concierge.handled if handled[0] != "1"] == [f"{chat}.{n}" for n in range(5) for chat in "23"]
    office.concierge.gate["1.0"].set()
    await office.settle()
    for chat in "123":
        assert office.channel.texts(chat) == [f"re: {chat}.{n}" for n in range(5)]


async def test_danger_overtakes_all_and_the_same_persons_own_words(office: Office) -> None:
    await office.receive(*(event(f"n{number}", str(number)) for number in range(40)), event("d", "0", DANGER))
    await office.settle()
    assert office.concierge.handled[0] == "d"
    assert office.channel.texts()[0] == f"re: {DANGER}"


async def test_danger_does_not_wait_for_hands(office: Office) -> None:
    held = [f"n{number}" for number in range(40)]
    for name in held:
        office.concierge.gate[name] = asyncio.Event()
    await office.receive(*(event(name, name) for name in held))
    assert await office.reception.round() == SIDE_BY_SIDE
    await office.receive(event("d", "n0", DANGER))
    assert await office.reception.round() == 1
    while "d" not in office.concierge.handled or office.reception._busy["danger"]:
        await asyncio.sleep(0.001)
    await office.post()
    assert office.channel.texts() == [f"re: {DANGER}"]
    for name in held:
        office.concierge.gate[name].set()
    await office.settle()
    assert len(office.channel.texts()) == 41


async def test_danger_is_begun_while_the_next_answer_stands_aside_for_what_comes_in(office: Office) -> None:
    await office.receive(event("n", "1"))
    with office.reception._right_of_way.taken():  # as while messages come in one after the other
        rounds = asyncio.create_task(office.reception.round())
        await asyncio.sleep(0.05)
        assert office.concierge.handled == []
        await office.receive(event("d", "2", DANGER))
        while "d" not in office.concierge.handled:
            await asyncio.sleep(0.001)
        assert office.concierge.handled[0] == "d"
    await rounds
    await office.settle()
    assert sorted(office.concierge.handled) == ["d", "n"]


async def test_hands_are_filled_several_at_once(office: Office) -> None:
    held = [f"n{number}" for number in range(SIDE_BY_SIDE + 4)]
    for name in held:
        office.concierge.gate[name] = asyncio.Event()
    await office.receive(*(event(name, name) for name in held))
    assert await office.reception.round() == SIDE_BY_SIDE
    begun = []
    for name in held[:4]:
        office.concierge.gate[name].set()
        while len(office.reception._busy["normal"]) > SIDE_BY_SIDE - len(begun) - 1:
            await asyncio.sleep(0.001)
        begun.append(await office.reception.round())
    assert begun == [0, 0, 0, 4]
    for name in held:
        office.concierge.gate[name].set()
    await office.settle()
    assert len(office.channel.texts()) == len(held)


async def test_what_is_too_much_at_once_waits_and_is_not_lost(office: Office) -> None:
    def throttled(incoming: Any) -> None:
        if len(office.concierge.handled) == 1:
            raise TooMany("slowly", 7)

    office.concierge.fate = throttled
    await office.receive(event("a"), event("b"))
    await office.settle()
    assert office.channel.texts() == []
    office.clock.forward(seconds=7)
    await office.settle()
    assert office.channel.texts() == ["re: a", "re: b"]


async def test_one_event_that_cannot_be_worked_does_not_hold_up_others(office: Office) -> None:
    def broken(incoming: Any) -> None:
        if incoming.event_id == "a":
            raise RuntimeError(incoming.text)

    office.concierge.fate = broken
    await office.receive(event("a", "1"), event("b", "1"), event("c", "2"))
    for _ in range(4):
        await office.settle()
        office.clock.forward(seconds=5)
    assert office.concierge.handled.count("a") == 3
    assert office.channel.texts("1") == ["113", "re: b"]
    assert office.channel.texts("2") == ["re: c"]
    assert office.store.inbox.counts()["fake"].failed == 1


async def test_what_was_written_is_not_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    def broken(incoming: Any) -> None:
        raise RuntimeError(incoming.text)

    office.concierge.fate = broken
    await office.receive(event("a", text="chuyện riêng"))
    for _ in range(4):
        await office.settle()
        office.clock.forward(seconds=5)
    assert "work_failed" in caplog.text
    assert "riêng" not in caplog.text


async def test_a_flood_of_one_sender_leaves_others_alone(office: Office) -> None:
    flood = [event(f"f{number}", "flood") for number in range(10_000)]
    await office.receive(*flood)
    await office.receive(event("other", "2"), event("danger", "flood", DANGER))
    await office.reception.round()
    await office.reception.idle()
    assert {"danger", "other"} <= set(office.concierge.handled)
    await office.settle()
    said = office.channel.texts("flood")
    assert said[0] == f"re: {DANGER}"
    assert [text for text in said if text.startswith("skipped")] == [f"skipped {10_000 - 1 - CROWD_KEPT}"]
    assert said[-CROWD_KEPT:] == [f"re: f{number}" for number in range(10_000 - CROWD_KEPT, 10_000)]


async def test_a_flood_is_told_of_once(office: Office) -> None:
    for burst in range(3):
        await office.receive(*(event(f"{burst}.{number}") for number in range(CROWD + 5)))
        await office.settle()
    assert sum(text.startswith("skipped") for text in office.channel.texts()) == 1


async def test_many_short_lines_about_a_live_case_all_reach_it(office: Office) -> None:
    office.store.conversations.accept("fake:case", "m", "x", office.clock(), "fake", NewCase("violence", 4, "danger"))
    await office.receive(*(event(f"c{number}", "case") for number in range(CROWD + 5)))
    await office.settle()
    assert office.concierge.handled == [f"c{number}" for number in range(CROWD + 5)]


async def test_of_a_message_that_was_edited_before_it_was_read_the_last_words_are_answered(office: Office) -> None:
    await office.receive(
        event("a", text="hỏi nhầm", message_id="7"),
        event("b", text="tin khác", message_id="8"),
        event("c", text="hỏi lại", message_id="7", kind="edit"),
        event("d", text="hỏi lần nữa", message_id="7", kind="edit"),
        event("e", "2", text="của người khác", message_id="7"),
    )
    await office.settle()
    assert office.channel.texts("1") == ["re: tin khác", "re: hỏi lần nữa"]
    assert office.channel.texts("2") == ["re: của người khác"]


@pytest.mark.parametrize("words", ["hỏi nhầm", DANGER])
async def test_an_officer_and_whoever_reads_for_danger_see_the_words_before_the_edit(office: Office, words: str) -> None:
    if words != DANGER:
        office.store.conversations.accept("fake:1", "m", "x", office.clock(), "fake", NewCase("violence", 4, "danger"))
    await office.receive(event("a", text=words, message_id="7"), event("b", text="hỏi lại", message_id="7", kind="edit"))
    await office.settle()
    assert office.channel.texts() == [f"re: {words}", "re: hỏi lại"]


async def test_a_menu_is_remembered_before_it_is_shown(office: Office) -> None:
    buttons = (Button("Có", "say", "có"), Button("Tốt", "vote", "good", "m1"))
    office.concierge.extra = {"menu": "m", "buttons": buttons}
    await office.receive(event("a"))
    await office.settle()
    kept = office.store.chats.menu("fake:1", "m")
    assert kept
    assert read_buttons(kept) == buttons


async def test_small_talk_is_left_out_where_a_quota_is_nearly_spent(office: Office) -> None:
    office.channel.quota, office.channel.window = 8, office.clock() - office.clock()  # type: ignore[attr-defined]
    office.concierge.extra = {"chatter": True}
    await office.receive(event("a"))
    office.store.chats.spent("fake:1", 6)
    await office.reception.round()
    await office.reception.idle()
    assert office.store.sends.counts() == {}


async def test_typing_is_shown_when_an_answer_takes_a_moment(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.channels.reception._TYPING_AFTER_S", 0.0)
    office.concierge.gate["a"] = asyncio.Event()
    await office.receive(event("a"))
    await office.reception.round()
    while not office.channel.typed:
        await asyncio.sleep(0.001)
    office.concierge.gate["a"].set()
    await office.settle()
    assert office.channel.typed == ["1"]


@pytest.mark.parametrize("conversation_id", ["fake:" + "x" * 200, "fake:"])
async def test_what_names_no_conversation_is_refused(office: Office, conversation_id: str) -> None:
    with pytest.raises(Malformed):
        await office.receive(event("a", conversation_id.partition(":")[2]))


async def test_ignored_events_and_none_cost_nothing(office: Office) -> None:
    await office.receive()
    await office.receive(event("a", kind="ignored"))
    assert office.store.inbox.counts() == {}


async def test_very_long_texts_and_ids_are_taken(office: Office) -> None:
    await office.receive(event("i" * 5000, text="dài " * 2000 + DANGER), event("u", "2", kind="unsupported"))
    assert {item.lane for item in office.store.inbox.due(9)} == {"danger"}


def test_an_event_is_read_as_it_was_written() -> None:
    incoming = event("a", text="nửa \ud83d chữ", message_id="m", data={"type": "image", "ref": "x"})
    assert read_incoming(write_incoming(incoming)) == incoming


async def test_an_event_of_a_channel_that_is_not_set_up_waits(office: Office) -> None:
    await office.reception.receive("other", [event("a", channel="other")])
    await office.settle()
    assert office.store.inbox.counts()["other"].waiting == 1


# The database, and the disk


class Down:
    """A store whose database does not answer."""

    def __init__(self, store: Store) -> None:
        self.up = False
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return _Part(self, getattr(self._store, name))


class _Part:
    def __init__(self, down: Down, part: Any) -> None:
        self._down, self._part = down, part

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            if not self._down.up:
                raise StoreError("down")
            return getattr(self._part, name)(*arguments, **more)

        return call


async def test_while_the_database_is_down_events_lie_on_the_disk(office: Office) -> None:
    down = Down(office.store)
    office.restart(down)
    await office.receive(event("a"), event("b"))
    await office.receive(event("c", "2"))
    assert office.spill.waiting()
    assert (office.folder / "events.spill").stat().st_mode & 0o777 == 0o600
    down.up = True
    await office.reception._replay()
    await office.settle()
    assert office.channel.texts("1") == ["re: a", "re: b"]
    assert office.channel.texts("2") == ["re: c"]
    assert not office.spill.waiting()


@pytest.mark.parametrize("again", [False, True])
async def test_nobody_overtakes_themselves_while_something_of_theirs_lies_on_the_disk(office: Office, again: bool) -> None:
    down = Down(office.store)
    office.restart(down)
    await office.receive(event("a"))
    down.up = True
    if again:
        office.restart()  # which does not know yet whose words lie there
    await office.receive(event("b"))
    await office.receive(event("d", text=DANGER))
    assert office.store.inbox.counts()["fake"].waiting == 1
    await office.reception._replay()
    await office.receive(event("c"))
    assert office.store.inbox.counts()["fake"].waiting == 4
    await office.settle()
    assert office.channel.texts("1") == [f"re: {DANGER}", "re: a", "re: b", "re: c"]


async def test_danger_is_answered_while_the_database_is_down_and_not_once_more_when_it_is_back(office: Office) -> None:
    down = Down(office.store)
    office.restart(down)
    await office.receive(event("d", text=DANGER))
    await office.reception.idle()
    assert office.channel.texts() == [f"re: {DANGER}"]
    down.up = True
    await office.reception._replay()
    await office.settle()
    assert office.concierge.handled == ["d", "d"]
    assert office.channel.texts() == [f"re: {DANGER}"]


async def test_when_neither_takes_it_the_service_is_to_send_it_again(office: Office) -> None:
    office.restart(Down(office.store))
    (office.folder / "events.spill").mkdir()
    with pytest.raises(StoreError):
        await office.receive(event("a"))


async def test_run_takes_up_what_lies_there_and_what_comes(office: Office) -> None:
    await office.receive(event("a"))
    works = [asyncio.create_task(office.reception.run()), asyncio.create_task(office.postman.run())]
    while office.channel.texts() != ["re: a"]:
        await asyncio.sleep(0.005)
    await office.receive(event("b"))
    while office.channel.texts() != ["re: a", "re: b"]:
        await asyncio.sleep(0.005)
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)


# Killed


class Killed(BaseException):
    """The program is not there any more."""


class Switch:
    """Kills at the step of that number: nothing is done after it."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    def step(self) -> None:
        self.steps += 1
        if self.steps >= self.at:
            raise Killed


class Mortal:
    """A store that can be killed before and after each call."""

    def __init__(self, store: Store, switch: Switch) -> None:
        self._store, self._switch = store, switch

    def __getattr__(self, name: str) -> Any:
        return _MortalPart(getattr(self._store, name), self._switch)


class _MortalPart:
    def __init__(self, part: Any, switch: Switch) -> None:
        self._part, self._switch = part, switch

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            self._switch.step()
            result = getattr(self._part, name)(*arguments, **more)
            self._switch.step()
            return result

        return call


async def _lived(office: Office, events: list[Any], at: int) -> int:
    """One life of the program, which the service brings all events that were not acknowledged; how many steps it had."""
    switch = Switch(at)
    office.concierge.step = office.channel.step = switch.step
    office.restart(Mortal(office.store, switch))
    try:
        while events:
            await office.receive(events[0])
            events.pop(0)
        await office.reception._surely(office.reception._store.inbox.release)
        await office.settle()
    except Killed:
        pass
    await asyncio.gather(office.reception.close(), office.postman.close(), return_exceptions=True)
    return switch.steps


async def _whole(office: Office, kills: list[int]) -> int:
    emptied(office.store)
    office.channel, office.concierge = FakeChannel(), FakeConcierge()
    expected = {"1": ["re: 1.0", "re: 1.1"], "2": ["re: 2.0"], "3": [f"re: {DANGER}"]}
    events = [event("1.0", "1"), event("1.1", "1"), event("2.0", "2"), event("3.0", "3", DANGER)]
    steps = 0
    for at in [*kills, 1_000_000]:
        steps = await _lived(office, events, at)
        office.clock.forward(seconds=1)
    uncertain = [str(send.key) for send in office.store.sends.dead_letters()]
    for chat, texts in expected.items():
        said = office.channel.texts(chat)
        in_order = list(dict.fromkeys(said))
        assert [text for text in texts if text in in_order] == in_order, (kills, said)
        if chat != "3":
            assert len(said) == len(in_order), (kills, said)  # nobody is told twice
            assert len(said) + sum(key.startswith(f"re:{chat}.") for key in uncertain) >= len(texts), (kills, said, uncertain)
        else:
            assert in_order == texts, (kills, said)
    assert sum(map(len, expected.values())) - len(uncertain) <= len(office.channel.arrived)
    return steps


async def test_killed_at_any_step_nothing_is_lost_or_answered_twice(office: Office) -> None:
    steps = await _whole(office, [])
    assert steps > 30
    for at in range(1, steps + 1, 3):
        await _whole(office, [at])


async def test_killed_three_times(office: Office) -> None:
    rng = random.Random(5)
    for _ in range(3):
        await _whole(office, [rng.randrange(1, 40) for _ in range(3)])
