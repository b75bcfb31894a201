"""Conversations and cases; on SQLite and on PostgreSQL."""

import json
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from knowledge.errors import KnowledgeError, StoreError
from knowledge.store import Accepted, Case, NewCase, Store
from knowledge.store.cases import new_case_id
from knowledge.store.schema import ConversationTable, storable

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
VIOLENCE = NewCase("violence", 3, "danger")
HANDOVER = NewCase("handover", 0, "handover")


def remembered(store: Store, conversation_id: str) -> str | None:
    """What stands in the row of a conversation."""
    row = select(ConversationTable.context_json).where(ConversationTable.conversation_id == conversation_id)
    with store._database.read() as connection:
        return connection.execute(row).scalar()


class Person:
    """Somebody who writes: numbers the messages of one conversation."""

    def __init__(self, store: Store, clock: Any, name: str = "telegram:1") -> None:
        self.store, self.clock, self.name, self.count = store, clock, name, 0

    def writes(self, text: str, case: NewCase | None = None) -> str | None:
        self.count += 1
        accepted = self.store.conversations.accept(self.name, f"m{self.count}", text, self.clock(), "telegram", case)
        assert accepted.fresh
        return accepted.case_id

    def is_answered(self, answer_json: str = "{}", context_json: str | None = None) -> None:
        self.store.conversations.finish(self.name, f"m{self.count}", answer_json, context_json)

    def texts(self, since: datetime = LONG_AGO, limit: int = 99) -> tuple[str, ...]:
        return self.store.conversations.recent_texts(self.name, since, limit)


@pytest.fixture
def person(store: Store, clock: Any) -> Person:
    return Person(store, clock)


def transcript(store: Store, case_id: str | None) -> list[str | None]:
    assert case_id
    return [line.text for line in store.cases.get(case_id).transcript]


# --- conversations


def test_a_message_is_answered_once(store: Store, clock: Any) -> None:
    accept, finish = store.conversations.accept, store.conversations.finish
    assert accept("c", "m", "Đồng Nai?", clock(), "api").fresh
    again = accept("c", "m", "Đồng Nai?", clock(), "api")
    assert (again.fresh, again.answer_json, again.case_id) == (False, None, None)
    assert finish("c", "m", '{"text": "17 cơ sở"}', None) == '{"text": "17 cơ sở"}'
    assert finish("c", "m", '{"text": "khác"}', None) == '{"text": "17 cơ sở"}'
    assert accept("c", "m", "Đồng Nai?", clock(), "api").answer_json == '{"text": "17 cơ sở"}'
    assert accept("d", "m", "Đồng Nai?", clock(), "api").fresh  # another conversation's message of the same id
    assert store.conversations.recent_texts("c", LONG_AGO, 9) == ("Đồng Nai?",)


def test_the_same_message_together_is_fresh_once(store: Store, clock: Any) -> None:
    barrier = threading.Barrier(6)

    def accept(_: int) -> tuple[bool, str | None]:
        barrier.wait(30)
        accepted = store.conversations.accept("c", "m", "cứu em", clock(), "api", VIOLENCE)
        return accepted.fresh, accepted.case_id

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(accept, range(6)))
    (case,) = store.cases.list()
    assert sorted(results) == [(False, case.case_id)] * 5 + [(True, case.case_id)]
    assert transcript(store, case.case_id) == ["cứu em"]


def test_different_messages_together_open_one_case(store: Store, clock: Any, person: Person) -> None:
    person.writes("xin chào")  # the conversation is there: its row is what they wait for, and not each other's new one
    barrier = threading.Barrier(6)

    def accept(risk: int) -> str | None:
        barrier.wait(30)
        return store.conversations.accept(person.name, f"r{risk}", f"{risk}", clock(), "api", NewCase("k", risk, "danger")).case_id

    with ThreadPoolExecutor(6) as threads:
        ids = set(threads.map(accept, range(6)))
    (case,) = store.cases.list()
    assert ids == {case.case_id}
    assert case.risk == 5
    assert sorted(map(str, transcript(store, case.case_id))) == list("012345")


def test_what_is_remembered_comes_with_the_next_message_and_says_how_old_it_is(store: Store, clock: Any, person: Person) -> None:
    def writes(name: str) -> Accepted:
        return store.conversations.accept(person.name, name, "Còn ở Cà Mau?", clock(), "telegram")

    first = writes("a")
    assert (first.context_json, first.context_at) == (None, None)
    store.conversations.finish(person.name, "a", "{}", '{"province": "Đồng Nai"}')
    answered_at = clock()
    clock.forward(minutes=30)
    for name in ("b", "b", "c"):  # a message alone, or an answer without anything to remember, does not renew it
        told = writes(name)
        assert (told.context_json, told.context_at) == ('{"province": "Đồng Nai"}', answered_at)
        store.conversations.finish(person.name, name, "{}", None)


def test_a_late_answer_does_not_bring_an_older_context_back(store: Store, clock: Any, person: Person) -> None:
    person.writes("một")
    clock.forward(seconds=1)
    person.writes("hai")
    person.is_answered(context_json="2")
    assert store.conversations.finish(person.name, "m1", '{"n": 1}', "1") == '{"n": 1}'
    assert remembered(store, person.name) == "2"


def test_what_was_not_accepted_cannot_be_finished(store: Store, person: Person) -> None:
    person.writes("một")
    with pytest.raises(StoreError, match="not accepted"):
        store.conversations.finish(person.name, "m9", "{}", None)


def test_recent_texts_are_the_newest_oldest_first(clock: Any, person: Person, store: Store) -> None:
    Person(store, clock, "telegram:2").writes("của người khác")
    for text in "abcd":
        person.writes(text)
        clock.forward(minutes=1)
    assert person.texts() == ("a", "b", "c", "d")
    assert person.texts(limit=2) == ("c", "d")
    assert person.texts(since=clock() - timedelta(minutes=3)) == ("b", "c", "d")
    assert person.texts(since=(clock() - timedelta(minutes=1)).astimezone(timezone(timedelta(hours=7)))) == ("d",)


def test_forgetting_blanks_all_but_open_cases(store: Store, clock: Any, person: Person) -> None:
    other = Person(store, clock, "telegram:2")
    other.writes("của người khác")
    closed = person.writes("bị đánh", VIOLENCE)
    store.duty.take(str(closed), "hoa")
    store.duty.say(str(closed), "hoa", "Chị ở Hà Nam phải không?")
    store.duty.close(str(closed), "hoa", "helped", "đã chuyển 111")
    clock.forward(hours=73)
    person.writes("địa chỉ nhà tôi")
    person.is_answered('{"text": "bí mật"}', '{"province": "Hà Nam"}')
    opened = person.writes("lại bị đánh", VIOLENCE)
    store.duty.take(str(opened), "hoa")
    store.duty.say(str(opened), "hoa", "Cô đây")
    store.conversations.forget(person.name)
    assert [row.text for row in store.outbox.after(person.name)] == ["Cô đây"]
    assert person.texts() == ("lại bị đánh",)
    assert (transcript(store, closed), transcript(store, opened)) == ([None], ["lại bị đánh"])
    assert remembered(store, person.name) is None
    again = store.conversations.accept(person.name, "m2", "địa chỉ nhà tôi", clock(), "telegram")
    assert (again.fresh, again.answer_json) == (False, None)
    assert other.texts() == ("của người khác",)
    store.conversations.forget("nobody")


def test_what_is_forgotten_while_it_is_answered_stays_forgotten(store: Store, clock: Any, person: Person) -> None:
    person.writes("địa chỉ nhà tôi")
    store.conversations.forget(person.name)
    person.is_answered('{"text": "bí mật"}', '{"province": "Hà Nam"}')
    assert remembered(store, person.name) is None
    assert store.conversations.accept(person.name, "m1", "địa chỉ nhà tôi", clock(), "telegram").answer_json is None


def test_purging_deletes_what_is_old_but_what_belongs_to_cases(store: Store, clock: Any, person: Person) -> None:
    other = Person(store, clock, "telegram:2")
    other.writes("cũ")
    other.is_answered(context_json="{}")
    closed = person.writes("bị đánh", VIOLENCE)
    store.cases.close(str(closed), "xong")
    person.writes("cũ")
    clock.forward(hours=73)
    opened = person.writes("lại bị đánh", VIOLENCE)
    border = clock.forward(days=30)
    person.writes("mới")
    person.is_answered(context_json="{}")
    assert store.conversations.purge(border) == 2
    assert store.conversations.purge(border) == 0
    assert remembered(store, person.name) == "{}"
    assert person.texts() == ("bị đánh", "lại bị đánh", "mới")
    assert (transcript(store, closed), transcript(store, opened)) == (["bị đánh"], ["lại bị đánh", "mới"])
    store.retention.erase(str(closed))
    assert store.conversations.purge(border) == 1
    assert person.texts() == ("lại bị đánh", "mới")
    assert remembered(store, person.name) is None  # it may have come from the case
    assert remembered(store, other.name) is None
    assert store.conversations.accept(other.name, "m1", "cũ", clock(), "telegram").fresh


def accept_and_die(url: str) -> None:
    store = Store.open(url, lambda: LONG_AGO)
    store.conversations.accept("c", "m", "cứu em với", LONG_AGO, "zalo", VIOLENCE)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_case_outlives_a_killed_process(url: str, clock: Any) -> None:
    Store.open(url, clock).close()
    process = multiprocessing.get_context("fork").Process(target=accept_and_die, args=(url,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    store = Store.open(url, clock)
    (case,) = store.cases.list()
    assert transcript(store, case.case_id) == ["cứu em với"]
    again = store.conversations.accept("c", "m", "cứu em với", LONG_AGO, "zalo", VIOLENCE)
    assert (again.fresh, again.answer_json, again.case_id) == (False, None, case.case_id)
    assert store.conversations.finish("c", "m", "{}", None) == "{}"
    store.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text(st.characters(exclude_categories=()), max_size=40), min_size=4, max_size=4))
def test_any_text_is_taken(store: Store, clock: Any, words: list[str]) -> None:
    conversation_id, message_id, text, answer = words
    store.conversations.forget(conversation_id)
    accepted = store.conversations.accept(conversation_id, message_id, text, clock(), "api", VIOLENCE)
    store.conversations.finish(conversation_id, message_id, json.dumps(answer), None)
    again = store.conversations.accept(conversation_id, message_id, text, clock(), "api", VIOLENCE)
    assert (again.fresh, again.case_id) == (False, accepted.case_id)
    if accepted.fresh:
        assert json.loads(str(again.answer_json)) == answer
        assert storable(text) in store.conversations.recent_texts(conversation_id, LONG_AGO, 999)


# --- cases


def test_a_case_is_raised_and_never_lowered(store: Store, clock: Any, person: Person) -> None:
    opened_at = clock()
    case_id = person.writes("cho gặp người thật", NewCase("handover", 0, "handover", "Hà Nam"))
    assert case_id
    clock.forward(minutes=1)
    assert person.writes("dạ em ở huyện") == case_id  # what follows is in the transcript, danger or not
    danger_at = clock.forward(minutes=1)
    assert person.writes("anh ấy cầm dao", NewCase("violence", 4, "danger", "Cà Mau")) == case_id
    clock.forward(minutes=1)
    assert person.writes("hôm qua cũng vậy", NewCase("violence", 2, "danger")) == case_id
    assert person.writes("gặp người thật", HANDOVER) == case_id
    (case,) = store.cases.list()
    expected = ("telegram:1", "telegram", ("handover", "violence"), 4, "danger", "Hà Nam", opened_at, danger_at, "open", None, None)
    assert case == Case(case_id, *expected, version=1, due_at=opened_at)
    assert transcript(store, case_id) == ["cho gặp người thật", "dạ em ở huyện", "anh ấy cầm dao", "hôm qua cũng vậy", "gặp người thật"]


def test_a_message_may_turn_out_to_need_a_case(store: Store, clock: Any, person: Person) -> None:
    assert person.writes("tôi muốn gặp cán bộ") is None
    accept = store.conversations.accept
    accepted = accept(person.name, "m1", "tôi muốn gặp cán bộ", clock(), "telegram", HANDOVER)
    assert not accepted.fresh
    assert accepted.case_id
    assert accept(person.name, "m1", "tôi muốn gặp cán bộ", clock(), "telegram", HANDOVER) == accepted
    assert transcript(store, accepted.case_id) == ["tôi muốn gặp cán bộ"]
    store.cases.close(accepted.case_id, "xong")
    assert accept(person.name, "m1", "tôi muốn gặp cán bộ", clock(), "telegram", HANDOVER) == accepted
    assert store.cases.list() == ()  # a late repetition does not open it again


def test_the_gravest_and_then_the_longest_waiting_come_first(store: Store, clock: Any) -> None:
    def write(name: str, case: NewCase) -> None:
        Person(store, clock, name).writes("x", case)
        clock.forward(minutes=1)

    write("waits for a human", NewCase("handover", 3, "handover"))
    write("worried", NewCase("k", 1, "danger"))
    write("threatened first", NewCase("k", 3, "danger"))
    write("in danger now", NewCase("k", 4, "danger"))
    write("threatened second", NewCase("k", 3, "danger"))
    # Was waiting for a human; is threatened only now.
    store.conversations.accept("waits for a human", "later", "x", clock(), "api", NewCase("k", 3, "danger"))
    expected = ["in danger now", "threatened first", "threatened second", "waits for a human", "worried"]
    assert [case.conversation_id for case in store.cases.list()] == expected


def test_a_closed_case_stays_closed(store: Store, clock: Any, person: Person) -> None:
    case_id = str(person.writes("bị đánh", VIOLENCE))
    closed_at = clock.forward(hours=1)
    store.cases.close(case_id, "đã gọi 113")
    assert store.cases.list() == ()
    (case,) = store.cases.list(open_only=False)
    assert (case.state, case.closed_at, case.outcome) == ("closed", closed_at, "đã gọi 113")
    with pytest.raises(KnowledgeError, match="closed already"):
        store.cases.close(case_id, "khác")
    assert person.writes("cảm ơn") is None
    clock.forward(hours=72, seconds=1)
    second = person.writes("lại bị đánh", VIOLENCE)
    assert second not in (None, case_id)
    assert transcript(store, second) == ["lại bị đánh"]
    assert store.cases.get(case_id).outcome == "đã gọi 113"


@pytest.mark.parametrize("ask", [lambda cases: cases.get("TG-222222"), lambda cases: cases.close("TG-222222", "x")])
def test_unknown_cases(store: Store, ask: Callable[[Any], object]) -> None:
    with pytest.raises(KnowledgeError, match="no case"):
        ask(store.cases)


def test_case_ids_can_be_read_out(store: Store, clock: Any) -> None:
    ids = {new_case_id(Random(seed)) for seed in range(500)}
    assert len(ids) == 500
    assert all(re.fullmatch("TG-[2-9AC-FHJKMNPQRTVWXY]{6}", case_id) for case_id in ids)
    # The store's own generator starts where this one does: its first id is taken, and another is drawn.
    taken = new_case_id(Random(7))
    store.conversations.accept("a", "m", "x", clock(), "api", VIOLENCE, case_id=taken)
    other = store.conversations.accept("b", "m", "x", clock(), "api", VIOLENCE).case_id
    assert other not in (None, taken)
    assert {case.case_id for case in store.cases.list()} == {taken, other}
