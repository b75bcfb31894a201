"""Who is on duty, who is asked next, and what the citizen is told."""

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from actions.duty.escalation import Policy, next_step
from actions.duty.notices import DutyNotices
from actions.duty.roster import Roster
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import KnowledgeError
from knowledge.store import EVERYBODY, Absence, Case, Holiday, RosterRows, Shift, Step

ALL_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY = date(2026, 5, 4)
POLICY = Policy()


def at(hour: int, minute: int = 0, day: date = MONDAY, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=VIETNAM)


def roster(*shifts: Shift, **more: Any) -> Roster:
    officers = frozenset(shift.account_id for shift in shifts) | more.pop("officers", frozenset())
    return Roster(RosterRows(shifts, officers=officers, **more))


def day_shift(account: str, **more: Any) -> Shift:
    return Shift(account, time(8), time(17), **{"weekdays": ALL_WEEK, **more})


def case(**values: Any) -> Case:
    known = Case("TG-222222", "web:1", "web", ("child_abuse",), 4, "danger", None, at(9), at(9), "open", None, None)
    return replace(known, **{"due_at": at(9), **values})


# --- the roster


def test_a_weekly_shift() -> None:
    desk = roster(day_shift("hoa", weekdays=("mon",)))
    assert [desk.on_duty(moment, None) for moment in (at(7, 59), at(8), at(16, 59), at(17))] == [(), ("hoa",), ("hoa",), ()]
    assert desk.on_duty(at(9, day=date(2026, 5, 5)), None) == ()
    assert desk.next_shift(at(8), None) == at(8, day=date(2026, 5, 11))
    assert desk.began(at(7), at(8), None)
    assert not desk.began(at(8), at(9), None)


def test_a_shift_over_midnight() -> None:
    desk = roster(Shift("hoa", time(22), time(6), ("sun",)))
    assert desk.on_duty(at(5, 59), None) == ("hoa",)
    assert desk.on_duty(at(6), None) == ()
    assert desk.on_duty(at(23), None) == ()


def test_on_holidays_only_shifts_marked_so_and_single_ones() -> None:
    shifts = day_shift("hoa"), day_shift("lan", on_holidays=True), Shift("mai", time(9), time(10), day=MONDAY)
    desk = roster(*shifts, holidays=(Holiday(MONDAY, "Lễ"),))
    assert desk.on_duty(at(9), None) == ("lan", "mai")
    assert desk.on_duty(at(9, day=date(2026, 5, 5)), None) == ("hoa", "lan")


def test_areas() -> None:
    desk = roster(day_shift("hoa", provinces=("Cà Mau",)), day_shift("lan"))
    assert desk.on_duty(at(9), "Cà Mau") == ("hoa", "lan")
    assert desk.on_duty(at(9), "Hà Nam") == ("lan",)
    assert desk.on_duty(at(9), None) == ("hoa", "lan")


def test_who_is_away_or_no_officer_any_more_is_not_on_duty() -> None:
    away = (Absence("hoa", at(9), at(12)),)
    desk = roster(day_shift("hoa"), absences=away)
    assert [desk.on_duty(at(hour), None) for hour in (8, 9, 12)] == [("hoa",), (), ("hoa",)]
    assert Roster(RosterRows((day_shift("hoa"),))).on_duty(at(9), None) == ()
    assert roster(day_shift("hoa"), absences=(Absence("hoa", at(7), at(9)),)).next_shift(at(7), None) == at(8, day=date(2026, 5, 5))


# --- who is asked next


def step(of: Case, desk: Roster, now: datetime, **in_hand: int) -> Step | None:
    return next_step(of, desk, in_hand, now, POLICY)


def after(of: Case, taken: Step, now: datetime) -> Case:
    return replace(of, offered_to=taken.offered_to, offered_at=now, offer_until=taken.offer_until, due_at=taken.due_at, asked=taken.asked)


@pytest.mark.parametrize(("risk", "minutes"), [(4, 2), (3, 10), (0, 10)])
def test_one_after_the_other_then_everybody_then_the_number(risk: int, minutes: int) -> None:
    desk, now, waiting, said = roster(day_shift("hoa"), day_shift("lan"), day_shift("mai")), at(9), case(risk=risk), []
    for _ in range(5):
        taken = step(waiting, desk, now, hoa=2, lan=1)
        assert taken
        said.append((taken.kind, taken.offered_to))
        waiting = after(waiting, taken, now)
        assert step(waiting, desk, now + timedelta(minutes=minutes, seconds=-1), hoa=2) is None or taken.kind == "fallback"
        now += timedelta(minutes=minutes)
    expected = [("offered", "mai"), ("passed_on", "lan"), ("passed_on", "hoa"), ("offered_to_all", EVERYBODY), ("fallback", EVERYBODY)]
    assert said == expected
    assert waiting.offer_until is None
    waits = step(waiting, desk, now)
    assert waits
    assert (waits.kind, waits.offered_to) == ("waits", EVERYBODY)


def test_a_new_shift_is_asked_anew() -> None:
    desk = roster(day_shift("hoa"), Shift("lan", time(17), time(22), ALL_WEEK))
    waiting = case(offered_to=EVERYBODY, offered_at=at(16, 59), asked=("hoa",), due_at=at(17))
    taken = step(waiting, desk, at(17))
    assert taken
    assert (taken.kind, taken.offered_to, taken.asked) == ("offered", "lan", ("lan",))


def test_nobody_on_duty_is_said_at_once_and_the_next_shift_is_asked_when_it_begins() -> None:
    desk, now = roster(day_shift("hoa")), at(7, 59, second=30)
    nobody = step(case(due_at=now), desk, now)
    assert nobody == Step("nobody_on_duty", EVERYBODY, None, at(8), ())
    begun = step(after(case(), nobody, now), desk, at(8))
    assert begun
    assert (begun.kind, begun.offered_to) == ("offered", "hoa")
    assert step(case(due_at=now), roster(), now) == Step("nobody_on_duty", EVERYBODY, None, now + POLICY.look_again, ())


def test_who_came_on_duty_meanwhile_is_asked() -> None:
    waiting = case(offered_to=EVERYBODY, offered_at=at(9), asked=("hoa",), due_at=at(9, 30))
    taken = step(waiting, roster(day_shift("hoa"), day_shift("lan")), at(9, 30))
    assert taken
    assert (taken.kind, taken.offered_to) == ("passed_on", "lan")


def test_a_reopened_case_goes_first_to_who_had_it() -> None:
    desk = roster(day_shift("hoa"), officers=frozenset({"lan"}))
    for last, whom in (("lan", "lan"), ("gone", "hoa")):
        taken = step(case(last_holder=last), desk, at(9))
        assert taken
        assert taken.offered_to == whom


def test_a_case_that_became_graver_waits_less() -> None:
    waiting = case(offered_to="hoa", offered_at=at(9), offer_until=at(9, 10), asked=("hoa",), due_at=at(9, 1))
    assert step(waiting, roster(day_shift("hoa")), at(9, 1)) == Step("waits", "hoa", at(9, 3), at(9, 3), ("hoa",))


@pytest.mark.parametrize(("risk", "minutes"), [(4, 3), (3, 3), (2, 15), (0, 15)])
def test_a_holder_who_is_not_seen_has_vanished(risk: int, minutes: int) -> None:
    held = case(state="taken", holder="hoa", holder_seen_at=at(9), risk=risk, due_at=None)
    gone = at(9) + timedelta(minutes=minutes)
    assert step(held, roster(), gone - timedelta(seconds=1)) is None
    assert step(held, roster(), gone) == Step("seen_lost", None, None, gone, ("hoa",))


def test_nothing_becomes_of_a_closed_case() -> None:
    assert step(case(state="closed"), roster(day_shift("hoa")), at(9)) is None


# --- what is told


@pytest.fixture(scope="module")
def notices() -> DutyNotices:
    return DutyNotices.load(Directory.load())


PLACES = {"name": "Nguyễn Thị Hoa", "when": "08:00 ngày 05/05"}


@pytest.mark.parametrize("voice", ["child", "adult", "young", None])
def test_every_notice_in_every_voice(notices: DutyNotices, voice: Any) -> None:
    mine = {"child": "em", "adult": "anh/chị"}.get(voice, "bạn")
    for name in notices.tables["notices"]:
        notice = notices.say(name, case(voice=voice), at(3), **PLACES)
        assert re.search(rf"\b{mine}\b", notice.text, re.IGNORECASE) or name in ("no_answer_yet", "nobody_on_duty")
        assert "{" not in notice.text
        assert len(notice.text) <= 320
        assert not re.search(r"bí mật|chắc chắn|ngay lập tức|phút nữa", notice.text)
    with pytest.raises(KnowledgeError, match="no notice"):
        notices.say("none", case(), at(9))


@pytest.mark.parametrize("hour", [3, 14, 21])
@pytest.mark.parametrize("kinds", [("child_abuse",), ("suicide",), ("handover",), ("handover", "domestic_violence"), ("fire_accident",)])
def test_every_number_told_is_answered_then(notices: DutyNotices, hour: int, kinds: tuple[str, ...]) -> None:
    now = at(hour)
    for reason, risk in (("danger", 4), ("handover", 0)):
        waiting = case(kinds=kinds, reason=reason, risk=risk)
        numbers = notices.numbers(waiting, now)
        assert numbers
        assert all(notices.directory.is_open(line, now) for line in numbers)
        text = notices.say("no_answer", waiting, now).text
        assert all(line.phone in text for line in numbers)


def test_a_child_is_told_the_line_for_children(notices: DutyNotices) -> None:
    assert "111" in [line.phone for line in notices.numbers(case(voice="child"), at(3))]


def test_what_each_step_tells(notices: DutyNotices) -> None:
    desk, now = roster(day_shift("hoa")), at(18)

    def told(kind: Any, of: Case | None = None, to: str | None = "hoa") -> str | None:
        notice = notices.of_step(of or case(), Step(kind, to, None, now, ()), desk, now)
        return notice and notice.name

    assert told("offered") == "asked"
    assert told("offered", case(last_holder="hoa")) == "asked_again"
    assert told("nobody_on_duty") == "nobody_on_duty_until"
    assert [told(kind) for kind in ("passed_on", "waits")] == [None, None]
    assert [told(kind) for kind in ("offered_to_all", "fallback", "seen_lost")] == ["no_answer_yet", "no_answer", "away"]
    until = notices.of_step(case(), Step("nobody_on_duty", EVERYBODY, None, now, ()), desk, now)
    assert until
    assert "08:00 ngày 05/05" in until.text
    never = notices.of_step(case(), Step("nobody_on_duty", EVERYBODY, None, now, ()), roster(), now)
    assert never
    assert never.name == "nobody_on_duty"
