"""What is known of a chat, and the tokens of the services, on each kind of database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from knowledge.store import Chat, InboxRow, NewCase, NewSend, Store
from knowledge.store.schema_channels import FeedbackTable, InboxTable, SendTable

ME = "telegram:1"
MINUTE = timedelta(minutes=1)


def test_nothing_is_known_of_a_new_chat(store: Store) -> None:
    assert store.chats.get(ME) == Chat(ME)
    assert store.chats.menu(ME, "a") is None
    assert store.chats.quota(ME).spent == 0


def test_province_silence_and_block_are_kept_apart(store: Store, clock: Any) -> None:
    store.chats.set_province(ME, "Đồng Nai")
    store.chats.silence(ME, clock.now)
    store.chats.blocked(ME, clock.now)
    assert store.chats.get(ME) == Chat(ME, "Đồng Nai", clock.now, None, 0, clock.now)
    assert store.chats.silent_until(ME) == clock.now
    assert store.chats.blocked_counts() == {"telegram": 1}
    store.chats.unblocked(ME)
    store.chats.set_province(ME, None)
    assert store.chats.get(ME) == Chat(ME, silent_until=clock.now)


def test_a_quota_begins_anew_when_the_person_writes(store: Store, clock: Any) -> None:
    store.chats.spent(ME)
    store.chats.spent(ME, 2)
    assert (store.chats.quota(ME).wrote_at, store.chats.quota(ME).spent) == (None, 3)
    store.chats.wrote(ME, clock.now)
    assert (store.chats.quota(ME).wrote_at, store.chats.quota(ME).spent) == (clock.now, 0)


def test_the_last_menus_are_kept(store: Store, clock: Any) -> None:
    for number in range(25):
        store.chats.keep_menu(ME, f"m{number}", f"[{number}]")
    store.chats.keep_menu("telegram:2", "m0", "[]")
    assert [store.chats.menu(ME, f"m{number}") for number in (4, 5, 24)] == [None, "[5]", "[24]"]
    store.chats.keep_menu(ME, "m5", "[55]")
    last = store.chats.last_menu(ME, clock.now)
    assert last
    assert (last.menu, last.buttons_json) == ("m5", "[55]")
    assert store.chats.last_menu(ME, clock.forward(minutes=1)) is None


def test_feedback_counts_once_an_answer(store: Store, clock: Any) -> None:
    store.chats.feedback(ME, "a", good=True)
    store.chats.feedback(ME, "a", good=False)
    store.chats.feedback(ME, "b", good=True)
    assert store.chats.feedback_counts(clock.now) == (1, 1)


def test_forgetting_leaves_nothing_that_tells_who_it_was(store: Store, clock: Any) -> None:
    store.inbox.add([InboxRow("telegram", f"e{n}", ME, "normal", "{}", clock.now, wrote=True) for n in range(3)])
    for _ in range(2):
        (item,) = store.inbox.due(1)
        store.inbox.done(item.row_id)
    store.sends.add([NewSend("telegram", ME, f"k{n}", "normal", "{}", clock.now) for n in range(3)])
    (sent,) = store.sends.claim(["telegram"], 1, MINUTE)
    store.sends.sent({sent.send_id: "r"})
    (dead,) = store.sends.claim(["telegram"], 1, MINUTE)
    store.sends.dead(dead.send_id, "refused")
    store.sends.add([NewSend("telegram", ME, "k3", "danger", "{}", clock.now)])
    store.chats.set_province(ME, "Cà Mau")
    store.chats.keep_menu(ME, "m", "[]")
    store.chats.feedback(ME, "a", good=True)
    store.conversations.accept(ME, "m1", "lời", clock.now, "telegram")

    store.conversations.forget(ME)

    with store._database.read() as connection:
        events = connection.execute(select(InboxTable.event_id, InboxTable.conversation_id).order_by(InboxTable.row_id)).all()
        sends = connection.execute(select(SendTable.key, SendTable.state, SendTable.conversation_id).order_by(SendTable.send_id)).all()
        assert connection.execute(select(FeedbackTable)).all() == []
    assert [tuple(row) for row in events] == [("e0", ""), ("e1", ""), ("e2", ME)]  # what came after the wish is worked
    assert [tuple(row) for row in sends] == [("k0", "sent", ""), ("k1", "dropped", ""), ("k2", "dropped", ""), ("k3", "waiting", ME)]
    assert store.inbox.add([InboxRow("telegram", "e0", ME, "normal", "{}", clock.now)]) == 0
    assert (store.chats.get(ME).province, store.chats.menu(ME, "m")) == (None, None)


def test_erasing_a_case_takes_what_could_not_be_sent_with_it(store: Store, clock: Any) -> None:
    case_id = store.conversations.accept(ME, "m1", "lời", clock.now, "telegram", NewCase("violence", 4, "danger")).case_id
    assert case_id
    store.sends.add([NewSend("telegram", ME, "out:1", "danger", '{"text": "lời của cán bộ"}', clock.now)])
    (send,) = store.sends.claim(["telegram"], 1, MINUTE)
    store.sends.dead(send.send_id, "refused")
    store.cases.close(case_id, "xong")
    store.retention.erase(case_id)
    erased = store.sends.get(send.send_id)
    assert erased
    assert (erased.call_json, erased.conversation_id) == (None, "")


def test_a_chat_that_rests_is_deleted_but_not_that_somebody_blocked_us(store: Store, clock: Any) -> None:
    for number in range(3):
        store.chats.wrote(f"telegram:{number}", clock.now)
        store.chats.set_province(f"telegram:{number}", "Cà Mau")
    store.chats.keep_menu("telegram:0", "m", "[]")
    store.chats.blocked("telegram:1", clock.now)
    clock.forward(days=30)
    store.chats.wrote("telegram:2", clock.now)
    assert store.chats.purge(clock.now - timedelta(days=1)) == 1
    assert store.chats.get("telegram:0") == Chat("telegram:0")
    assert store.chats.menu("telegram:0", "m") is None
    assert store.chats.blocked_counts() == {"telegram": 1}
    assert store.chats.get("telegram:2").province == "Cà Mau"


def test_an_open_case_says_that_its_person_cannot_be_reached(store: Store, clock: Any) -> None:
    assert store.duty.unreachable(ME) is None
    case_id = store.conversations.accept(ME, "m1", "lời", clock.now, "telegram", NewCase("violence", 4, "danger")).case_id
    assert case_id
    before = store.cases.get(case_id).version
    assert store.duty.unreachable(ME) == case_id
    assert store.cases.events(case_id)[-1].kind == "unreachable"
    assert store.cases.get(case_id).version == before + 1


def test_one_refreshes_tokens_at_a_time(store: Store, clock: Any) -> None:
    assert store.tokens.get("zalo-oa") is None
    assert store.tokens.take_turn("zalo-oa", "a", MINUTE)
    assert store.tokens.take_turn("zalo-oa", "a", MINUTE)
    assert not store.tokens.take_turn("zalo-oa", "b", MINUTE)
    clock.forward(seconds=61)
    assert store.tokens.take_turn("zalo-oa", "b", MINUTE)
    store.tokens.keep("zalo-oa", "access", "refresh", clock.now + timedelta(hours=25))
    kept = store.tokens.get("zalo-oa")
    assert kept
    assert (kept.access_token, kept.refresh_token, kept.refreshed_at, kept.failed_at) == ("access", "refresh", clock.now, None)
    assert "access" not in repr(kept).replace("access_token", "")
    assert store.tokens.take_turn("zalo-oa", "a", MINUTE)


def test_a_refresh_that_failed_keeps_the_tokens(store: Store, clock: Any) -> None:
    store.tokens.keep("zalo-oa", "access", "refresh", clock.now)
    store.tokens.take_turn("zalo-oa", "a", MINUTE)
    store.tokens.failed("zalo-oa", "-14020")
    kept = store.tokens.get("zalo-oa")
    assert kept
    assert (kept.refresh_token, kept.failed_at, kept.why) == ("refresh", clock.now, "-14020")
    assert store.tokens.take_turn("zalo-oa", "b", MINUTE)
