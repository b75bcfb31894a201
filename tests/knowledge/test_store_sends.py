"""What the channels have to send, on each kind of database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from knowledge.store import NewSend, Send, Store
from knowledge.store.sends import Lane

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


LEASE = timedelta(seconds=60)


def call(number: int, chat: str = "1", lane: Lane = "normal", channel: str = "telegram") -> NewSend:
    return NewSend(channel, f"{channel}:{chat}", f"k{number}", lane, f'{{"n": {number}}}', NOON)


def claimed(store: Store, limit: int = 50, **more: object) -> tuple[Send, ...]:
    return store.sends.claim(["telegram"], limit, LEASE, **more)  # type: ignore[arg-type]


def keys(store: Store, **more: object) -> list[str]:
    return [send.key for send in claimed(store, **more)]


def test_the_same_key_is_kept_once_a_channel(store: Store) -> None:
    assert store.sends.add([call(1), call(1), call(1, channel="zalo-oa")]) == 2
    assert store.sends.add([call(1)]) == 0


def test_one_a_conversation_in_order_and_none_while_an_earlier_is_on_its_way(store: Store, clock: Any) -> None:
    store.sends.add([call(1), call(2), call(3, "2")])
    first = claimed(store)
    assert [(send.key, send.state, send.attempts) for send in first] == [("k1", "sending", 1), ("k3", "sending", 1)]
    assert keys(store) == []
    store.sends.later(first[0].send_id, clock.now + timedelta(seconds=9))
    assert keys(store) == []
    clock.forward(seconds=9)
    (again,) = claimed(store)
    assert (again.key, again.attempts) == ("k1", 2)
    store.sends.sent({again.send_id: "77"})
    assert keys(store) == ["k2"]


def test_danger_first_and_past_what_is_on_its_way(store: Store) -> None:
    store.sends.add([call(1)])
    assert keys(store) == ["k1"]
    store.sends.add([call(2, "2"), call(3, lane="danger"), call(4, "3", "danger")])
    assert keys(store) == ["k3", "k4", "k2"]


def test_nothing_normal_goes_while_danger_waits_for_the_same_person(store: Store, clock: Any) -> None:
    store.sends.add([call(1, lane="danger"), call(2)])
    (danger,) = claimed(store)
    store.sends.later(danger.send_id, clock.now + timedelta(seconds=2))
    assert keys(store) == []
    assert keys(store, lane="normal") == []


def test_busy_conversations_other_lanes_and_other_channels_are_left_out(store: Store) -> None:
    store.sends.add([call(1), call(2, "2"), call(3, "3", "danger"), call(4, channel="zalo-oa")])
    assert keys(store, busy={"telegram:1"}, lane="normal") == ["k2"]
    assert keys(store, lane="danger") == ["k3"]


def test_what_arrived_is_blanked_and_counted_against_the_quota(store: Store) -> None:
    store.sends.add([call(1), call(2, "2"), call(3, "2")])
    one, two = claimed(store)
    store.sends.sent({one.send_id: "r1", two.send_id: None})
    done = store.sends.get(one.send_id)
    assert done
    assert (done.state, done.call_json, done.remote_id, done.sent_at) == ("sent", None, "r1", NOON)
    (three,) = claimed(store)
    store.sends.sent({three.send_id: None})
    assert [store.chats.quota(f"telegram:{chat}").spent for chat in "12"] == [1, 2]


def test_what_is_said_in_one_message_counts_as_one(store: Store) -> None:
    store.sends.add([call(1), call(2), call(3, lane="danger"), call(4), call(5, "2")])
    (first,) = claimed(store, busy={"telegram:2"}, lane="danger")
    store.sends.sent({first.send_id: None})
    (first,) = claimed(store, busy={"telegram:2"})
    following = store.sends.claim_following(first, 9, LEASE)
    assert [send.key for send in following] == ["k2", "k4"]
    store.sends.sent({send.send_id: None for send in (first, *following)}, merged=[send.send_id for send in following])
    assert store.chats.quota("telegram:1").spent == 2


def test_the_outcome_of_a_killed_program_is_judged_by_lane(store: Store, clock: Any) -> None:
    store.sends.add([call(1), call(2, "2", "danger")])
    claimed(store)
    assert store.sends.recover(clock.now) == 0
    assert store.sends.recover(clock.forward(seconds=61)) == 2
    assert keys(store) == ["k2"]
    (dead,) = store.sends.dead_letters()
    assert (dead.key, dead.state, dead.doubts, dead.why) == ("k1", "uncertain", 1, "killed")


def test_what_is_uncertain_does_not_hold_up_the_next(store: Store) -> None:
    store.sends.add([call(1), call(2)])
    (first,) = claimed(store)
    store.sends.uncertain(first.send_id, "timeout")
    assert keys(store) == ["k2"]


def test_dead_letters_are_read_by_page_sent_again_or_given_up(store: Store) -> None:
    store.sends.add([call(number, str(number)) for number in range(4)])
    for send in claimed(store):
        store.sends.dead(send.send_id, "refused")
    page = store.sends.dead_letters(3)
    assert [send.key for send in page] == ["k3", "k2", "k1"]
    assert [send.key for send in store.sends.dead_letters(3, page[-1].send_id)] == ["k0"]
    assert store.sends.again(page[0].send_id)
    assert not store.sends.again(page[0].send_id)
    assert store.sends.give_up(page[1].send_id)
    assert not store.sends.again(page[1].send_id)
    (again,) = claimed(store)
    assert (again.key, again.attempts, again.call_json) == ("k3", 1, '{"n": 3}')
    given_up = store.sends.get(page[1].send_id)
    assert given_up
    assert (given_up.state, given_up.call_json) == ("dropped", None)


def test_who_has_blocked_us_is_sent_nothing_that_waits_or_is_on_its_way(store: Store) -> None:
    store.sends.add([call(1), call(2), call(3, lane="danger"), call(4, "2")])
    (danger,) = claimed(store, busy={"telegram:2"})
    assert store.sends.drop_all("telegram:1") == 3
    dropped = store.sends.get(danger.send_id)
    assert dropped
    assert (dropped.state, dropped.call_json) == ("dropped", None)
    assert keys(store) == ["k4"]


def test_an_ended_call_is_not_changed_by_who_comes_late(store: Store, clock: Any) -> None:
    store.sends.add([call(1)])
    (send,) = claimed(store)
    store.sends.sent({send.send_id: "r"})
    store.sends.later(send.send_id, clock.now)
    store.sends.dead(send.send_id, "late")
    store.sends.uncertain(send.send_id, "late")
    kept = store.sends.get(send.send_id)
    assert kept
    assert (kept.state, kept.remote_id) == ("sent", "r")
    assert store.chats.quota("telegram:1").spent == 1


def test_counts_are_by_channel(store: Store) -> None:
    store.sends.add([call(1), call(2, "2"), call(3, "3"), call(4, channel="zalo-oa")])
    one, two, _ = claimed(store)
    store.sends.dead(one.send_id, "refused")
    store.sends.uncertain(two.send_id, "timeout")
    counts = store.sends.counts()
    assert (counts["telegram"].waiting, counts["telegram"].dead, counts["telegram"].uncertain) == (1, 1, 1)
    assert counts["zalo-oa"].waiting == 1


def test_dead_letters_are_kept_longer_than_what_arrived(store: Store, clock: Any) -> None:
    store.sends.add([call(1), call(2, "2"), call(3, "3")])
    one, two, _ = claimed(store)
    store.sends.sent({one.send_id: None})
    store.sends.dead(two.send_id, "refused")
    week, month = timedelta(days=7), timedelta(days=30)
    now = clock.forward(days=8)
    assert store.sends.purge(now - week, now - month) == 1
    now = clock.forward(days=23)
    assert store.sends.purge(now - week, now - month) == 1
    assert store.sends.recover(now) == 1  # what never ended stays
