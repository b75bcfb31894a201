"""Work on cases, the roster's rows, the outbox, and the end of a case's data; on SQLite and on PostgreSQL."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from knowledge.errors import CaseTaken, CaseUnread, KnowledgeError, StoreError
from knowledge.store import EVERYBODY, Absence, Actor, Case, Holiday, NewCase, Notice, Shift, Step, Store, conversations, retention

DANGER = NewCase("child_abuse", 4, "danger", voice="child")
WISH = NewCase("handover", 0, "handover")


def opened(store: Store, clock: Any, case: NewCase = DANGER, name: str = "web:1", message: str = "m1") -> str:
    case_id = store.conversations.accept(name, message, "cứu em với", clock(), "web", case).case_id
    assert case_id
    return case_id


def kinds(store: Store, case_id: str) -> list[str]:
    return [event.kind for event in store.cases.events(case_id)]


def officer(store: Store, name: str) -> str:
    return store.accounts.add(name, name.title(), ["duty_officer"], "x", by=Actor()).account_id


def test_a_case_is_taken_once(store: Store, clock: Any) -> None:
    case_id, hoa, lan = opened(store, clock), officer(store, "hoa"), officer(store, "lan")
    taken = store.duty.take(case_id, hoa, lambda case: Notice("joined", f"Cán bộ {case.holder}"))
    assert (taken.state, taken.holder, taken.held_since, taken.due_at) == ("taken", hoa, clock(), None)
    assert store.duty.take(case_id, hoa, lambda _: Notice("joined", "hai lần")) == taken
    with pytest.raises(CaseTaken) as caught:
        store.duty.take(case_id, lan)
    assert (caught.value.holder, caught.value.holder_name) == (hoa, "Hoa")
    assert kinds(store, case_id) == ["opened", "message", "taken", "told"]
    assert [row.text for row in store.outbox.after("web:1")] == [f"Cán bộ {hoa}"]


def test_of_many_who_take_a_case_together_one_has_it(store: Store, clock: Any) -> None:
    case_id, barrier = opened(store, clock), threading.Barrier(6)

    def take(account: str) -> bool:
        barrier.wait(30)
        try:
            store.duty.take(case_id, account)
        except CaseTaken:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(take, "abcdef")) == 1
    assert kinds(store, case_id).count("taken") == 1


def test_a_message_to_an_officer_is_attached_and_the_assistant_is_silent(store: Store, clock: Any) -> None:
    case_id, hoa = opened(store, clock), officer(store, "hoa")
    assert not store.conversations.accept("web:1", "m2", "alo", clock(), "web").human
    store.duty.take(case_id, hoa)
    accepted = store.conversations.accept("web:1", "m3", "dạ", clock(), "web")
    assert (accepted.case_id, accepted.human, accepted.holder_name) == (case_id, True, "Hoa")
    store.duty.close(case_id, hoa, "helped", "đã gọi 111")
    assert store.conversations.accept("web:1", "m4", "cảm ơn", clock(), "web") == type(accepted)(True, None, None)


def test_what_was_said_is_read_in_order(store: Store, clock: Any) -> None:
    case_id = opened(store, clock)
    store.conversations.finish("web:1", "m1", json.dumps({"text": "Gọi ngay 111."}), None)
    store.duty.take(case_id, "hoa")
    clock.forward(seconds=1)
    first = store.duty.say(case_id, "hoa", "Chào em")
    clock.forward(seconds=1)
    store.conversations.accept("web:1", "m2", "dạ", clock(), "web")
    clock.forward(seconds=1)
    store.duty.say(case_id, "hoa", "Cô đây", replaces=first.outgoing_id, attachment="anh.jpg")
    store.duty.note(case_id, "lan", "cháu học lớp 6")
    store.duty.looked(case_id, "lan")
    file = store.duty.file(case_id)
    assert [(line.author, line.text) for line in file.lines] == [
        ("citizen", "cứu em với"),
        ("assistant", "Gọi ngay 111."),
        ("officer", "Chào em"),
        ("citizen", "dạ"),
        ("officer", "Cô đây"),
    ]
    assert (file.lines[-1].replaces, file.lines[-1].attachment) == (first.outgoing_id, "anh.jpg")
    assert [(note.account_id, note.text) for note in file.notes] == [("lan", "cháu học lớp 6")]
    assert [event.kind for event in file.events][-3:] == ["message", "note", "looked"]
    assert "cháu" not in str([event.detail for event in file.events])
    with pytest.raises(KnowledgeError, match="no such message"):
        store.duty.say(case_id, "hoa", "x", replaces=999)


@pytest.mark.parametrize(
    "do",
    [
        lambda duty, case_id: duty.say(case_id, "lan", "x"),
        lambda duty, case_id: duty.give_back(case_id, "lan"),
        lambda duty, case_id: duty.transfer(case_id, "lan", "mai"),
        lambda duty, case_id: duty.close(case_id, "lan", "helped", "x"),
    ],
)
def test_only_the_holder_works_on_a_case(store: Store, clock: Any, do: Callable[[Any, str], object]) -> None:
    case_id = opened(store, clock)
    with pytest.raises(KnowledgeError, match="take it first"):
        do(store.duty, case_id)
    store.duty.take(case_id, "hoa")
    with pytest.raises(CaseTaken):
        do(store.duty, case_id)
    store.duty.close(case_id, "hoa", "helped", "xong")
    with pytest.raises(KnowledgeError, match="closed"):
        do(store.duty, case_id)
    with pytest.raises(KnowledgeError, match="closed"):
        store.duty.take(case_id, "hoa")


def test_a_case_goes_from_hand_to_hand(store: Store, clock: Any) -> None:
    case_id, lan = opened(store, clock), officer(store, "lan")
    store.duty.take(case_id, "hoa")
    assert store.duty.transfer(case_id, "hoa", lan).holder == lan
    assert store.duty.in_hand() == {lan: 1}
    given = store.duty.give_back(case_id, lan)
    assert (given.state, given.holder, given.asked, given.due_at) == ("open", None, (lan,), clock())
    assert store.duty.in_hand() == {}
    assert kinds(store, case_id)[2:] == ["taken", "transferred", "given_back"]


def test_a_case_is_handed_to_officers_only(store: Store, clock: Any) -> None:
    case_id, gone = opened(store, clock), officer(store, "gone")
    store.accounts.disable(gone, Actor())
    editor = store.accounts.add("minh", "Minh", ["editor"], "x", by=Actor()).account_id
    store.duty.take(case_id, "hoa")
    for to in ("nobody", editor, gone):
        with pytest.raises(KnowledgeError, match="Only a duty officer"):
            store.duty.transfer(case_id, "hoa", to)
    assert store.cases.get(case_id).holder == "hoa"


def test_a_case_is_not_closed_over_a_message_that_nobody_has_read(store: Store, clock: Any) -> None:
    case_id = opened(store, clock)
    store.duty.take(case_id, "hoa")
    store.conversations.accept("web:1", "m2", "nó quay lại", clock(), "web", DANGER)  # as grave as before: nothing else changes
    with pytest.raises(CaseUnread, match="read it"):
        store.duty.close(case_id, "hoa", "helped", "xong", seen=1)
    assert store.cases.get(case_id).state == "taken"
    assert store.duty.close(case_id, "hoa", "helped", "xong", seen=2).state == "closed"


def test_what_is_handed_in_twice_is_sent_once(store: Store, clock: Any) -> None:
    case_id = opened(store, clock)
    store.duty.take(case_id, "hoa")
    said = store.duty.say(case_id, "hoa", "Cô đây\x00", client_key="k1")
    assert store.duty.say(case_id, "hoa", "Cô đây\x00", client_key="k1") == said
    store.duty.say(case_id, "hoa", "Em ơi", client_key="k1")  # other words are never lost
    store.duty.say(case_id, "hoa", "Em ơi")
    store.duty.close(case_id, "hoa", "helped", "xong")
    assert store.duty.say(case_id, "hoa", "Cô đây\x00", client_key="k1") == said
    assert [row.text for row in store.outbox.after("web:1")] == ["Cô đây\ufffd", "Em ơi", "Em ơi"]
    other = opened(store, clock, name="web:2")
    store.duty.take(other, "hoa")
    assert store.duty.say(other, "hoa", "Cô đây\x00", client_key="k1") != said


def test_whoever_opens_a_case_again_waits_for_a_message_that_is_just_coming(
    store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = opened(store, clock)
    store.duty.take(case_id, "hoa")
    store.duty.close(case_id, "hoa", "helped", "xong")
    ended_case, officers = conversations.ended_case, ThreadPoolExecutor(1)
    reopening: list[Any] = []

    def meanwhile(*arguments: Any) -> Any:
        reopening.append(officers.submit(store.desk.reopen, case_id, "lan"))
        wait(reopening, timeout=0.2)
        return ended_case(*arguments)

    monkeypatch.setattr(conversations, "ended_case", meanwhile)
    with officers:
        assert opened(store, clock, message="m2") == case_id
        with pytest.raises(KnowledgeError, match="Only a closed case"):
            reopening[0].result(30)
    assert kinds(store, case_id).count("reopened") == 1


def test_the_queue_of_an_account(store: Store, clock: Any) -> None:
    wish, danger, other = opened(store, clock, WISH, "a"), opened(store, clock, DANGER, "b"), opened(store, clock, DANGER, "c")
    store.duty.take(wish, "hoa")
    offer(store, danger, EVERYBODY, clock())
    offer(store, other, "lan", clock())
    assert [case.case_id for case in store.cases.queue("hoa")] == [danger, wish]
    assert {case.case_id for case in store.cases.queue()} == {wish, danger, other}


def offer(store: Store, case_id: str, to: str, until: datetime) -> None:
    assert store.duty.advance(case_id, lambda case, in_hand, now: Step("offered", to, until, until, (to,), Notice("asked", "Đã báo")))


def test_a_step_is_one_change_with_its_event_and_its_notice(store: Store, clock: Any) -> None:
    case_id = opened(store, clock)
    until = clock() + timedelta(minutes=2)
    offer(store, case_id, "hoa", until)
    case = store.cases.get(case_id)
    assert (case.offered_to, case.offered_at, case.offer_until, case.due_at, case.asked) == ("hoa", clock(), until, until, ("hoa",))
    assert kinds(store, case_id)[-2:] == ["offered", "told"]
    (told,) = store.outbox.after("web:1")
    assert (told.kind, told.lane, told.author, told.case_id) == ("notice", "danger", None, case_id)

    def fails(case: Case, in_hand: object, now: datetime) -> Step:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.duty.advance(case_id, fails)
    assert store.cases.get(case_id).version == case.version


def test_what_is_due(store: Store, clock: Any) -> None:
    first, second = opened(store, clock, WISH, "a"), opened(store, clock, DANGER, "b")
    away = {4: timedelta(minutes=3)}

    def due() -> tuple[str, ...]:
        return store.duty.due(clock(), lambda risk: away.get(risk, timedelta(minutes=15)))

    assert due() == (second, first)
    offer(store, first, "hoa", clock() + timedelta(minutes=10))
    store.duty.take(second, "hoa")
    assert due() == ()
    clock.forward(minutes=3)
    assert due() == (second,)
    store.duty.seen("hoa")
    assert due() == ()
    clock.forward(minutes=7)
    assert due() == (second, first)


def test_who_passes_on_lets_the_next_be_asked(store: Store, clock: Any) -> None:
    case_id = opened(store, clock)
    offer(store, case_id, "hoa", clock() + timedelta(minutes=2))
    before = store.cases.get(case_id)
    assert store.duty.pass_on(case_id, "lan").version == before.version
    assert store.duty.pass_on(case_id, "hoa").due_at == clock()


def test_a_case_that_becomes_graver_is_due_at_once(store: Store, clock: Any) -> None:
    case_id = opened(store, clock, WISH)
    offer(store, case_id, "hoa", clock() + timedelta(minutes=10))
    clock.forward(minutes=1)
    opened(store, clock, DANGER, message="m2")
    case = store.cases.get(case_id)
    assert (case.risk, case.due_at, case.first_danger_at, case.voice) == (4, clock(), clock(), "child")
    assert "raised" in kinds(store, case_id)


def test_danger_soon_after_the_end_reopens_the_case(store: Store, clock: Any) -> None:
    case_id, began = opened(store, clock), clock()
    store.duty.take(case_id, "hoa")
    store.duty.close(case_id, "hoa", "helped", "xong")
    clock.forward(hours=72)
    assert opened(store, clock, WISH, message="m2") == case_id
    case = store.cases.get(case_id)
    assert (case.state, case.last_holder, case.first_danger_at, case.due_at, case.outcome) == ("open", "hoa", began, clock(), None)
    assert kinds(store, case_id)[-3:] == ["reopened", "raised", "message"]  # raised: by the wish, a kind of its own
    store.duty.take(case_id, "lan")
    store.duty.close(case_id, "lan", "helped", "xong")
    clock.forward(hours=72, seconds=1)
    assert opened(store, clock, message="m3") != case_id


def test_details_may_be_said_or_not(store: Store, clock: Any) -> None:
    case_id = opened(store, clock)
    case = store.duty.describe(case_id, None, changes={"commune": "Xã A", "consent": False, "safe_contact": "0900 sau 8 giờ"})
    assert (case.commune, case.consent, case.safe_contact) == ("Xã A", False, "0900 sau 8 giờ")
    with pytest.raises(KnowledgeError, match="take it first"):
        store.duty.describe(case_id, "hoa", changes={"commune": None})
    store.duty.take(case_id, "hoa")
    with pytest.raises(CaseTaken):
        store.duty.describe(case_id, "lan", changes={"commune": None})
    assert store.duty.describe(case_id, "hoa", changes={"commune": None}).commune is None
    assert [event.detail["fields"] for event in store.cases.events(case_id) if event.kind == "note"] == [
        "commune,consent,safe_contact",
        "commune",
    ]
    with pytest.raises(KnowledgeError, match="can be set"):
        store.duty.describe(case_id, None, changes={"risk": "0"})


def test_events_are_only_added(store: Store, clock: Any) -> None:
    opened(store, clock)
    for statement in ("UPDATE case_events SET kind = 'x'", "DELETE FROM case_events"):
        with pytest.raises(StoreError), store._database.write() as connection:
            connection.exec_driver_sql(statement)


# --- the outbox


def test_the_danger_lane_is_sent_first_and_by_one(store: Store, clock: Any) -> None:
    wish, danger = opened(store, clock, WISH, "a"), opened(store, clock, DANGER, "b")
    for case_id in (wish, danger):
        store.duty.take(case_id, "hoa")
        store.duty.say(case_id, "hoa", "Chào em")
    minute = timedelta(minutes=1)
    assert [row.case_id for row in store.outbox.claim(["web"], minute)] == [danger, wish]
    assert store.outbox.claim(["web"], minute) == ()
    clock.forward(minutes=1)
    assert store.outbox.claim(["zalo"], minute) == ()
    again = store.outbox.claim(["web"], minute)
    assert [row.attempts for row in again] == [2, 2]
    store.outbox.delivered(again[0].outgoing_id)
    store.outbox.failed(again[1].outgoing_id, clock())
    assert [row.case_id for row in store.outbox.claim(["web"], minute)] == [wish]
    assert [row.delivered_at for row in store.outbox.after("b")] == [clock()]
    assert store.outbox.after("b", again[0].outgoing_id) == ()


# --- the roster


def test_the_roster_is_kept(store: Store, clock: Any) -> None:
    hoa = officer(store, "hoa")
    gone = officer(store, "lan")
    store.accounts.disable(gone, by=Actor())
    store.accounts.add("bien", "Biên", ["editor"], "x", by=Actor())
    weekly = Shift(hoa, time(22), time(6), ("mon", "sun"), provinces=("Cà Mau",), on_holidays=True)
    single = Shift(hoa, time(8), time(17), day=date(2026, 5, 9))
    ids = [store.roster.add_shift(shift) for shift in (weekly, single)]
    absence = store.roster.add_absence(Absence(hoa, clock(), clock() + timedelta(hours=1)))
    store.roster.add_holiday(Holiday(date(2026, 9, 2), "Lễ"))
    store.roster.add_holiday(Holiday(date(2026, 9, 2), "Quốc khánh"))
    rows = store.roster.rows()
    assert rows.officers == {hoa}
    assert [(shift.weekdays, shift.day, shift.provinces, shift.starts) for shift in rows.shifts] == [
        (("mon", "sun"), None, ("Cà Mau",), time(22)),
        ((), date(2026, 5, 9), (), time(8)),
    ]
    assert (rows.holidays, len(rows.absences)) == ((Holiday(date(2026, 9, 2), "Quốc khánh"),), 1)
    store.roster.remove_absence(absence)
    store.roster.remove_shift(ids[0])
    store.roster.remove_holiday(date(2026, 9, 2))
    rows = store.roster.rows()
    assert (len(rows.shifts), rows.absences, rows.holidays) == (1, (), ())


def test_shifts_and_absences_that_cannot_be(clock: Any) -> None:
    for wrong in ({}, {"weekdays": ("mon",), "day": date(2026, 5, 9)}, {"weekdays": ("monday",)}):
        with pytest.raises(KnowledgeError, match="weekdays"):
            Shift("hoa", time(8), time(9), **wrong)
    with pytest.raises(KnowledgeError, match="after it begins"):
        Absence("hoa", clock(), clock())


# --- the end


def a_closed_case(store: Store, clock: Any) -> str:
    case_id = opened(store, clock)
    store.conversations.finish("web:1", "m1", json.dumps({"text": "Gọi 111"}), '{"province": "Hà Nam"}')
    store.duty.take(case_id, "hoa")
    store.duty.say(case_id, "hoa", "Bé Na ở nhà nhé")
    store.duty.note(case_id, "hoa", "Bé Na, lớp 6")
    store.duty.describe(case_id, None, changes={"safe_contact": "0900", "commune": "Xã A", "province": "Hà Nam", "consent": True})
    store.duty.close(case_id, "hoa", "helped", "Bé Na đã về với bà")
    return case_id


def test_an_erased_case_leaves_a_skeleton(store: Store, clock: Any) -> None:
    case_id = a_closed_case(store, clock)
    before = kinds(store, case_id)
    store.retention.erase(case_id, "quản trị")
    store.retention.erase(case_id)
    file = store.duty.file(case_id)
    assert (file.lines, file.notes, store.outbox.after("web:1")) == ((), (), ())
    assert (file.case.risk, file.case.kinds, file.case.outcome_code, file.case.state) == (4, ("child_abuse",), "helped", "closed")
    assert kinds(store, case_id) == [*before, "erased"]
    with store._database.read() as connection:
        tables = ("cases", "messages", "case_events", "case_notes", "outgoing")
        left = str([connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables if table != "messages"])
        texts = connection.exec_driver_sql("SELECT text, answer_json FROM messages").all()
        assert not any(connection.exec_driver_sql("SELECT context_json FROM conversations").scalars())
    assert not [word for word in ("web:1", "Na", "0900", "Xã", "Hà Nam", "cứu") if word in left]
    assert texts == [(None, None)]
    for writes in (
        lambda: store.duty.note(case_id, "lan", "Bé Na"),
        lambda: store.duty.describe(case_id, None, changes={"safe_contact": "0900"}),
    ):
        with pytest.raises(KnowledgeError, match="was erased"):
            writes()
    late = store.conversations.accept("web:1", "m1", "cứu em với", clock(), "web", DANGER)  # a late repetition opens nothing
    assert (late.fresh, late.case_id) == (False, None)
    assert opened(store, clock, message="m2") != case_id  # and what is erased is not reopened


def test_a_case_is_kept_as_long_as_the_office_says(store: Store, clock: Any) -> None:
    closed, live = a_closed_case(store, clock), opened(store, clock, name="web:2")
    clock.forward(days=365)
    assert store.retention.purge(clock() - timedelta(days=365)) == 0
    clock.forward(seconds=1)
    assert store.retention.purge(clock() - timedelta(days=365)) == 1
    assert store.retention.purge(clock() - timedelta(days=365)) == 0
    assert store.cases.get(closed).erased_at == clock()
    assert store.cases.get(live).transcript[0].text == "cứu em với"
    with pytest.raises(KnowledgeError, match="Close the case"):
        store.retention.erase(live)


def test_a_case_that_is_opened_again_meanwhile_is_kept(store: Store, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id, other = a_closed_case(store, clock), opened(store, clock, name="web:2")
    store.cases.close(other, "xong")
    clock.forward(days=366)
    lock, reopened = retention.lock_conversation, []

    def meanwhile(connection: Any, conversation_id: str) -> None:
        if conversation_id == "web:1":
            connection.exec_driver_sql("UPDATE cases SET state = 'open', closed_at = NULL WHERE conversation_id = 'web:1'")
            reopened.append(conversation_id)
        lock(connection, conversation_id)

    monkeypatch.setattr(retention, "lock_conversation", meanwhile)
    assert store.retention.purge(clock() - timedelta(days=365)) == 1
    assert reopened
    assert (store.cases.get(case_id).erased_at, store.cases.get(other).erased_at) == (None, clock())


def test_a_case_is_exported_whole(store: Store, clock: Any) -> None:
    case_id = a_closed_case(store, clock)
    exported = json.loads(json.dumps(store.retention.exported(case_id, "hoa")))
    assert exported["case"]["safe_contact"] == "0900"
    assert [line["text"] for line in exported["lines"]] == ["cứu em với", "Gọi 111", "Bé Na ở nhà nhé"]
    assert exported["notes"][0]["text"] == "Bé Na, lớp 6"
    assert exported["events"][-1]["kind"] == "exported"
    with pytest.raises(KnowledgeError, match="no case"):
        store.retention.exported("TG-222222", None)
