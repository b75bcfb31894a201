"""/truc: who gets there, what the queue shows and to whom, the stream, the figures."""

from __future__ import annotations

import json
import re

import pytest
from duty_house import DeskHouse, do, words

from actions.duty.escalation import Policy, next_step
from actions.duty.roster import Roster
from bot.duty import pages
from knowledge.store import Store


def test_only_officers_get_there(house: DeskHouse) -> None:
    editor = house.at_desk(house.add("minh", "editor", "administrator"))
    case_id = house.writes("cứu tôi")
    for path in ("/truc", "/truc/hang-doi", "/truc/su-kien", "/truc/thong-ke", f"/truc/ca/{case_id}", f"/truc/ca/{case_id}/phieu.pdf"):
        assert editor.get(path).status_code == 403, path
    assert do(editor, case_id, "nhan").status_code == 403
    assert house.store.cases.get(case_id).state == "open"
    editor.cookies.clear()
    assert editor.get("/truc").headers["location"] == "/dang-nhap?tiep=/truc"


def test_danger_now_is_on_top_then_whoever_waits_longest(house: DeskHouse) -> None:
    officer = house.at_desk(house.add("lan", "duty_officer", on_duty=True))
    wish = house.writes("cho gặp người", who="a", risk=0, kind="handover")
    house.clock.forward(minutes=2)
    danger = house.writes("nó đang cầm dao", who="b", province="Cà Mau")
    house.clock.forward(minutes=1)
    later = house.writes("cứu", who="c")
    house.clock.forward(seconds=65)
    page = officer.get("/truc")
    assert re.findall(r'data-case="([^"]+)"', page.text) == [danger, later, wish]
    said = words(page)
    assert "Nguy hiểm ngay Đã chờ 2:05 Bạo lực gia đình Cà Mau · Trang web" in said
    assert "Muốn gặp người Đã chờ 4:05 Xin được gặp người thật Chưa rõ tỉnh" in said
    assert f'datetime="{house.store.cases.get(danger).first_danger_at.isoformat()}"' in page.text  # type: ignore[union-attr]
    assert "nó đang cầm dao" not in page.text


def test_filters_show_and_count(house: DeskHouse) -> None:
    lan, mai = house.add("lan", "duty_officer", on_duty=True), house.add("mai", "duty_officer")
    mine, theirs, open_one, done = (house.writes("cứu", who=who) for who in "abcd")
    house.store.duty.take(mine, lan.account_id)
    house.store.duty.take(theirs, mai.account_id)
    house.store.duty.take(done, lan.account_id)
    house.store.duty.close(done, lan.account_id, "safe", "an toàn")
    officer = house.at_desk(lan)

    def shown(wanted: str) -> set[str]:
        return set(re.findall(r'data-case="([^"]+)"', officer.get(f"/truc/hang-doi?loc={wanted}").text))

    assert [shown(wanted) for wanted in ("cua-toi", "cho", "dong")] == [{mine}, {open_one}, {done}]
    assert shown("tat-ca") == shown("' OR 1=1") == {mine, theirs, open_one}
    said = words(officer.get("/truc"))
    assert "Tất cả 3 Của tôi 1 Đang chờ 1 Đóng hôm nay 1" in said
    assert ("Anh/chị đang giữ" in said, "Nguyễn Mai đang giữ" in said) == (True, True)
    house.clock.forward(hours=15)
    assert shown("dong") == set()


def test_an_officer_sees_that_a_case_is_offered_to_them(house: DeskHouse, store: Store) -> None:
    lan, mai = house.add("lan", "duty_officer", on_duty=True), house.add("mai", "duty_officer")
    case_id = house.writes("cứu")
    roster = Roster(store.roster.rows())
    store.duty.advance(case_id, lambda case, in_hand, now: next_step(case, roster, in_hand, now, Policy()))
    assert "Được mời" in words(house.at_desk(lan).get("/truc"))
    assert "Đang mời Nguyễn Lan" in words(house.at_desk(mai).get("/truc"))
    assert house.at_desk(lan).get(f"/truc/ca/{case_id}").text.count("/moi-nguoi-khac") == 1
    do(house.at_desk(lan), case_id, "moi-nguoi-khac")
    assert store.cases.get(case_id).due_at == house.clock()


def test_a_flood_shows_the_gravest_and_counts_the_rest(house: DeskHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST", 1)
    house.writes("lo", who="a", risk=1)
    danger = house.writes("cứu", who="b")
    page = house.at_desk(house.add("lan", "duty_officer")).get("/truc")
    assert re.findall(r'data-case="([^"]+)"', page.text) == [danger]
    assert "Còn 1 ca nữa" in words(page)


def test_who_is_no_officer_gets_no_stream_on_the_roster(house: DeskHouse) -> None:
    boss, lan = (house.at_desk(house.add(name, role)) for name, role in (("boss", "administrator"), ("lan", "duty_officer")))
    assert ["data-stream" in client.get("/truc/lich").text for client in (boss, lan)] == [False, True]


def test_nobody_on_duty_is_said(house: DeskHouse) -> None:
    assert "Lúc này không có ai trong lịch trực." in words(house.at_desk(house.add("lan", "duty_officer")).get("/truc"))


def test_the_stream_tells_of_changes_and_rings_for_danger_that_nobody_has(house: DeskHouse) -> None:
    lan = house.add("lan", "duty_officer", on_duty=True)
    officer = house.at_desk(lan)
    case_id = house.writes("cứu")
    house.writes("lo lắng", who="b", risk=1)
    answer = officer.get("/truc/su-kien")
    assert answer.headers["content-type"].startswith("text/event-stream")
    pulses = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [pulse["danger"] for pulse in pulses[:1]] == [[case_id]]
    house.store.duty.take(case_id, lan.account_id)
    house.store.duty.looked(case_id, lan.account_id)
    later = [json.loads(line[6:]) for line in officer.get("/truc/su-kien").text.splitlines() if line.startswith("data: ")]
    assert later[0] == {"number": pulses[0]["number"] + 1, "danger": []}


def test_an_open_page_keeps_what_its_officer_holds(house: DeskHouse) -> None:
    lan = house.add("lan", "duty_officer", on_duty=True)
    officer = house.at_desk(lan)
    case_id = house.writes("cứu")
    house.store.duty.take(case_id, lan.account_id)
    house.clock.forward(minutes=2)
    officer.get("/truc/su-kien")
    assert house.store.cases.get(case_id).holder_seen_at == house.clock()


def test_figures_by_week(house: DeskHouse) -> None:
    lan = house.add("lan", "duty_officer", on_duty=True)
    officer = house.at_desk(lan)
    assert "Chưa có ca nào." in words(officer.get("/truc/thong-ke"))
    for number, minutes in enumerate((1, 3, 5)):
        case_id = house.writes("cứu", who=f"p{number}")
        house.clock.forward(minutes=minutes)
        house.store.duty.take(case_id, lan.account_id)
    house.writes("cứu", who="nobody-came")
    assert "4/5/2026 4 3 3:00 5:00 1/4" in words(officer.get("/truc/thong-ke"))


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_hostile_words_stay_words(house: DeskHouse, text: str) -> None:
    lan = house.add("lan", "duty_officer", on_duty=True, name="<i>Lan</i>")
    case_id = house.writes(text)
    page = house.at_desk(lan).get(f"/truc/ca/{case_id}").text
    assert text not in page
    assert text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;") in page
