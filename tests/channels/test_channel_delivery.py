"""Officers' words on their way to a channel, the spill file, and what is deleted with time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from core_fakes import NOON, Office, OpenOffice, emptied, event, open_office

from bot.channels.delivery import ChannelDelivery, delivery_texts
from bot.channels.spill import Spill
from bot.duty.conversation import Deliveries, NotDelivered
from bot.duty.retention import RetentionSchedule
from knowledge.errors import StoreError
from knowledge.store import CaseJournal, InboxRow, NewCase, Outgoing


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenOffice]:
    yield from open_office(tmp_path_factory)


@pytest.fixture
def office(opened: OpenOffice, tmp_path: Path) -> Office:
    return Office(emptied(opened.store), tmp_path, opened.clock)


def delivery(office: Office) -> ChannelDelivery:
    return ChannelDelivery(office.channel, office.store, office.clock, office.postman.wake, delivery_texts())


async def test_an_officers_words_and_their_correction_reach_the_person_once(office: Office) -> None:
    case_id = office.store.conversations.accept("fake:c", "m", "x", office.clock(), "fake", NewCase("violence", 4, "danger")).case_id
    assert case_id
    office.store.duty.take(case_id, "officer")
    said = office.store.duty.say(case_id, "officer", "Em đang ở đâu?")
    office.store.duty.say(case_id, "officer", "Em ở đâu?", replaces=said.outgoing_id)
    assert await Deliveries(office.store, {"fake": delivery(office)}, office.clock).round() == 2
    await delivery(office).deliver(said)
    await office.post()
    assert office.channel.texts("c") == ["Cán bộ trực: Em đang ở đâu?", "Cán bộ trực: Sửa lại: Em ở đâu?"]


async def test_what_the_database_does_not_take_is_tried_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(sends: object) -> int:
        raise StoreError("down")

    monkeypatch.setattr(office.store.sends, "add", add)
    row = Outgoing(1, "fake:1", "fake", "TG-1", "danger", "notice", None, "x", None, None, NOON, None, 1, NOON)
    with pytest.raises(NotDelivered):
        await delivery(office).deliver(row)


def rows(*ids: str) -> list[InboxRow]:
    return [InboxRow("fake", event_id, "fake:1", "normal", "{}", NOON) for event_id in ids]


def test_a_spill_is_moved_over_once_however_often(office: Office) -> None:
    office.spill.append(rows("a", "b"))
    Spill(office.folder / "events.spill").append(rows("b", "c"))
    assert office.spill.waiting()
    assert office.spill.replay(office.store) == 3
    assert office.spill.replay(office.store) == 0
    assert not office.spill.waiting()


def test_a_replay_that_was_killed_goes_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.spill.append(rows("a"))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            office.spill.replay(office.store)
    office.spill.append(rows("b"))
    assert office.spill.replay(office.store) == 1
    assert office.store.inbox.counts()["fake"].waiting == 2


def _killed(self: Path) -> None:
    raise KeyboardInterrupt


def test_a_torn_line_is_set_aside_and_swallows_nothing(office: Office) -> None:
    path = office.folder / "events.spill"
    path.write_bytes(b'{"channel": "fa')
    office.spill.append(rows("a"))
    assert office.spill.replay(office.store) == 1
    assert path.with_name("events.spill.torn").read_bytes() == b'{"channel": "fa\n'


async def test_what_is_over_is_deleted_after_a_week_and_dead_letters_after_a_month(office: Office) -> None:
    await office.receive(event("a"), event("b", "2"))
    await office.settle()
    await office.receive(event("c", "3"))
    await office.reception.round()
    await office.reception.idle()
    (letter,) = office.store.sends.claim(["fake"], 9, timedelta(seconds=60))
    office.store.sends.dead(letter.send_id, "refused")
    journal = CaseJournal(office.folder / "cases.journal")
    schedule = RetentionSchedule(office.store, journal, office.clock, cases_months=12, conversations_days=30)
    counted = []
    for days in (6, 2, 23):
        office.clock.forward(days=days)
        schedule.round()
        counted.append(sum(_rows(office, table) for table in ("channel_inbox", "channel_sends")))
    assert counted == [6, 1, 0]


def _rows(office: Office, table: str) -> int:
    with office.store._database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())
