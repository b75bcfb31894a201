"""The inbox of the channels, on each kind of database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from knowledge.store import InboxRow, NewSend, Store
from knowledge.store.inbox import Lane
from knowledge.store.schema_channels import InboxTable

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def event(number: int, chat: str = "1", lane: Lane = "normal", *, wrote: bool = False) -> InboxRow:
    return InboxRow("telegram", f"e{number}", f"telegram:{chat}", lane, f'{{"n": {number}}}', NOON, wrote)


def numbers(store: Store, limit: int = 50, **more: object) -> list[str]:
    return [item.event_id for item in store.inbox.due(limit, **more)]  # type: ignore[arg-type]


def test_the_same_event_is_kept_once(store: Store) -> None:
    assert store.inbox.add([event(1), event(2)]) == 2
    assert store.inbox.add([event(2), event(3), event(3)]) == 1
    assert store.inbox.add([]) == 0
    assert store.inbox.counts()["telegram"].waiting == 3


def test_an_event_is_not_taken_again_after_it_is_done(store: Store) -> None:
    store.inbox.add([event(1)])
    (item,) = store.inbox.due(1)
    store.inbox.done(item.row_id)
    assert store.inbox.add([event(1)]) == 0
    assert store.inbox.due(1) == ()


def test_one_event_a_conversation_and_in_order(store: Store) -> None:
    store.inbox.add([event(1), event(2), event(3, "2"), event(4, "2")])
    first = store.inbox.due(10)
    assert [item.event_id for item in first] == ["e1", "e3"]
    assert numbers(store) == []  # the first of each is in hand
    store.inbox.done(first[0].row_id)
    assert numbers(store) == ["e2"]


def test_danger_goes_first_and_before_the_persons_own_earlier_words(store: Store) -> None:
    store.inbox.add([event(1), event(2), event(3, "2"), event(4, lane="danger")])
    assert numbers(store) == ["e4", "e3"]


def test_danger_is_not_held_up_by_what_is_in_hand_of_the_same_person(store: Store) -> None:
    store.inbox.add([event(1)])
    assert numbers(store) == ["e1"]
    store.inbox.add([event(2, lane="danger")])
    assert numbers(store) == ["e2"]


def test_busy_conversations_and_other_lanes_are_left_out(store: Store) -> None:
    store.inbox.add([event(1), event(2, "2"), event(3, "3", "danger")])
    assert numbers(store, busy={"telegram:1"}, lane="normal") == ["e2"]
    assert numbers(store, lane="danger") == ["e3"]


def test_what_waits_holds_up_what_is_behind_it(store: Store, clock: Any) -> None:
    store.inbox.add([event(1), event(2)])
    (item,) = store.inbox.due(1)
    store.inbox.later(item.row_id, clock.now.replace(hour=13), failed=True)
    assert store.inbox.due(9) == ()
    clock.forward(hours=1)
    (again,) = store.inbox.due(9)
    assert (again.event_id, again.failures) == ("e1", 1)


def test_a_lease_lapses_and_that_of_danger_sooner(store: Store, clock: Any) -> None:
    store.inbox.add([event(1), event(2, "2", "danger")])
    assert len(store.inbox.due(9)) == 2
    clock.forward(seconds=6)
    assert numbers(store) == ["e2"]
    clock.forward(seconds=60)
    assert numbers(store) == ["e2", "e1"]


def test_a_program_alone_takes_up_at_once_what_one_before_had_in_hand(store: Store) -> None:
    store.inbox.add([event(1)])
    store.inbox.due(1)
    assert numbers(store) == []
    assert store.inbox.release() == 1
    assert numbers(store) == ["e1"]


def test_done_keeps_what_is_to_be_sent_and_blanks_the_words(store: Store, clock: Any) -> None:
    store.inbox.add([event(1), event(2, "2")])
    one, two = store.inbox.due(2)
    send = NewSend("telegram", "telegram:1", "k", "normal", "{}", clock.now)
    store.inbox.done(one.row_id, [send, send])
    store.inbox.done(two.row_id, [send])
    assert [found.key for found in store.sends.claim(["telegram"], 9, clock.forward(seconds=1) - clock.now)] == ["k"]
    assert bodies(store) == {"e1": None, "e2": None}


def test_what_failed_keeps_its_words_until_it_is_deleted(store: Store, clock: Any) -> None:
    store.inbox.add([event(1)])
    (item,) = store.inbox.due(1)
    store.inbox.fail(item.row_id)
    assert bodies(store) == {"e1": '{"n": 1}'}
    assert store.inbox.counts()["telegram"].failed == 1
    assert store.inbox.purge(clock.now) == 0
    assert store.inbox.purge(clock.forward(days=7)) == 1
    assert bodies(store) == {}


def test_of_a_flood_the_last_stay_and_danger_does(store: Store) -> None:
    store.inbox.add([event(number) for number in range(30)] + [event(30, lane="danger"), event(31, "2")])
    store.inbox.due(1, lane="danger")
    assert store.inbox.skip("telegram:1", 5) == 25
    assert store.inbox.counts()["telegram"].waiting == 6 + 1
    assert sum(body is None for body in bodies(store).values()) == 25


def test_what_is_in_hand_is_not_skipped(store: Store) -> None:
    store.inbox.add([event(number) for number in range(10)])
    (item,) = store.inbox.due(1)
    assert store.inbox.skip("telegram:1", 2) == 7
    store.inbox.done(item.row_id)
    assert numbers(store) == ["e8"]


def test_counts_are_by_channel(store: Store) -> None:
    store.inbox.add([event(1), event(2), InboxRow("zalo-oa", "e1", "zalo-oa:1", "normal", "{}", NOON)])
    counts = store.inbox.counts()
    assert (counts["telegram"].waiting, counts["zalo-oa"].waiting) == (2, 1)
    assert counts["telegram"].oldest == NOON


def test_who_writes_is_noted_with_the_event(store: Store, clock: Any) -> None:
    store.chats.blocked("telegram:1", clock.now)
    store.chats.spent("telegram:1", 3)
    store.inbox.add([event(1, wrote=True), event(2, "2")])
    chat = store.chats.get("telegram:1")
    assert (chat.wrote_at, chat.spent, chat.blocked_at) == (clock.now, 0, None)
    assert store.chats.get("telegram:2").wrote_at is None


def bodies(store: Store) -> dict[str, str | None]:
    with store._database.read() as connection:
        return dict(connection.execute(select(InboxTable.event_id, InboxTable.body_json)).all())
