"""/truc/lich: officers read it, administrators change it; and the times at which nobody is there."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

import pytest
from duty_house import EVERY_HOUR, DeskHouse, words
from fastapi.testclient import TestClient
from httpx import Response

from actions.duty.access import may_read
from actions.duty.coverage import gaps, week
from actions.duty.roster import Roster
from knowledge.directory import VIETNAM
from knowledge.store import Absence, Account, AuditFilter, Holiday, RosterRows, Shift

HERE = "/truc/lich"


@pytest.fixture
def lan(house: DeskHouse) -> Account:
    return house.add("lan", "duty_officer")


@pytest.fixture
def boss(house: DeskHouse) -> TestClient:
    return house.at_desk(house.add("boss", "administrator"))


def post(client: TestClient, action: str, **fields: str | list[str]) -> Response:
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get(HERE).text)
    assert csrf
    return client.post(f"{HERE}/{action}", data={"csrf": csrf[1]} | fields)


def test_officers_read_and_administrators_change(house: DeskHouse, lan: Account, boss: TestClient) -> None:
    officer, editor = house.at_desk(lan), house.at_desk(house.add("minh", "editor"))
    assert (officer.get(HERE).status_code, editor.get(HERE).status_code) == (200, 403)
    assert "Xếp lịch" not in [*re.findall(r"<h2[^>]*>([^<]*)<", officer.get(HERE).text)]
    assert post(officer, "ca", kind="weekly", who=lan.account_id, weekday="mon", starts="07:00", ends="11:00").status_code == 403
    assert house.store.roster.rows().shifts == ()
    assert "Thêm ca hằng tuần" in boss.get(HERE).text


def test_a_week_is_put_together_and_taken_apart(house: DeskHouse, lan: Account, boss: TestClient) -> None:
    who = lan.account_id
    weekly = {"kind": "weekly", "who": who, "starts": "07:00", "ends": "17:30"}
    added = post(boss, "ca", **weekly, weekday=["mon", "fri"], provinces="cà mau, Đồng Nai", on_holidays="1", tuan="2026-05-06")
    assert added.headers["location"] == f"{HERE}?xong=them&tuan=2026-05-04"
    post(boss, "ca", kind="single", who=who, day="2026-05-05", starts="22:00", ends="06:00")
    post(boss, "vang", who=who, **{"from": "2026-05-08T00:00", "until": "2026-05-09T00:00"})
    post(boss, "le", day="2026-05-08", name=" Giỗ  Tổ ")
    rows = house.store.roster.rows()
    assert rows.shifts[0] == Shift(
        who, time(7), time(17, 30), ("mon", "fri"), None, ("Cà Mau", "Đồng Nai"), on_holidays=True, shift_id=rows.shifts[0].shift_id
    )
    assert rows.absences[0].begins_at == datetime(2026, 5, 8, tzinfo=VIETNAM)
    assert rows.holidays == (Holiday(date(2026, 5, 8), "Giỗ Tổ"),)
    said = words(boss.get(f"{HERE}?tuan=2026-05-06"))
    assert "Thứ hai 4/5 hôm nay 07:00–17:30 Nguyễn Lan Cà Mau, Đồng Nai Không có ai trực 00:00–07:00 Không có ai trực 17:30–24:00" in said
    assert "Thứ ba 5/5 22:00–06:00 Nguyễn Lan Không có ai trực 00:00–22:00 Thứ tư 6/5 Không có ai trực 06:00–24:00" in said
    assert "Thứ năm 7/5 Cả ngày không có ai trực" in said
    assert "07:00–17:30 Nguyễn Lan (vắng) Cà Mau, Đồng Nai Cả ngày không có ai trực" in said
    assert [entry.subject_id for entry in house.store.audit.search(AuditFilter(action="roster_changed"))] == ["le", "vang", "ca", "ca"]

    for what, which in (("shift", str(rows.shifts[0].shift_id)), ("absence", str(rows.absences[0].absence_id)), ("holiday", "2026-05-08")):
        post(boss, "bo", what=what, which=which)
    left = house.store.roster.rows()
    assert (len(left.shifts), left.absences, left.holidays) == (1, (), ())
    for what, which in (("shift", "x"), ("shift", "9" * 30), ("accounts", "1")):
        assert post(boss, "bo", what=what, which=which).status_code == 303


@pytest.mark.parametrize(
    ("action", "change", "told"),
    [
        ("ca", {"who": ""}, "chọn một cán bộ trực"),
        ("ca", {"weekday": []}, "ít nhất một ngày"),
        ("ca", {"starts": "7 giờ"}, "giờ bắt đầu"),
        ("ca", {"provinces": "Atlantis"}, "“Atlantis”"),
        ("ca", {"kind": "single", "day": "hôm nay"}, "chọn ngày"),
        ("ca", {"kind": "single", "day": "9999-12-31"}, "chọn ngày"),
        ("vang", {"from": "2026-05-08T00:00", "until": "2026-05-08T00:00"}, "phải sau"),
        ("vang", {"from": "x", "until": ""}, "phải sau"),
        ("le", {"day": "2026-05-08", "name": " "}, "tên ngày lễ"),
    ],
)
def test_what_does_not_fit_is_told(
    house: DeskHouse, lan: Account, boss: TestClient, action: str, change: dict[str, str | list[str]], told: str
) -> None:
    fields: dict[str, str | list[str]] = {"kind": "weekly", "who": lan.account_id, "weekday": ["mon"], "starts": "07:00", "ends": "11:00"}
    refused = post(boss, action, **(fields | change))
    assert (refused.status_code, told in words(refused)) == (400, True)
    rows = house.store.roster.rows()
    assert (rows.shifts, rows.absences, rows.holidays) == ((), (), ())


@pytest.mark.parametrize("week_of", ["", "x", "0001-01-01", "9999-12-31", "2026-02-30"])
def test_any_week_can_be_asked_for(boss: TestClient, week_of: str) -> None:
    assert "Tuần 4/5/2026 – 10/5/2026" in words(boss.get(f"{HERE}?tuan={week_of}"))


def test_who_is_on_duty_now_and_when_the_next_shift_begins(house: DeskHouse, lan: Account, boss: TestClient) -> None:
    assert "Lúc này không có ai trực. Hai tuần tới chưa xếp ca nào." in words(boss.get(HERE))
    house.store.roster.add_shift(Shift(lan.account_id, time(9), time(11), weekdays=("mon",)))
    said = words(boss.get(HERE))
    assert "Đang trực: Nguyễn Lan Ca tới bắt đầu lúc 09:00 11/5/2026." in said


def test_gaps_follow_shifts_over_midnight_and_absences() -> None:
    shifts = (Shift("a", time(20), time(8), weekdays=("mon",)), Shift("b", EVERY_HOUR, EVERY_HOUR, day=date(2026, 5, 6)))
    away = Absence("a", datetime(2026, 5, 4, 16, 0, tzinfo=UTC), datetime(2026, 5, 4, 18, 0, tzinfo=UTC))  # 23:00 to 1:00
    roster = Roster(RosterRows(shifts, (away,), (), frozenset({"a", "b"})))
    monday, tuesday, wednesday = week(roster, date(2026, 5, 4))[:3]

    def hours(found: tuple[tuple[datetime, datetime], ...]) -> list[tuple[int, int]]:
        return [(begins.hour, ends.hour) for begins, ends in found]

    assert [hours(day.gaps) for day in (monday, tuesday, wednesday)] == [[(0, 20), (23, 0)], [(0, 1), (8, 0)], []]
    assert gaps(Roster(RosterRows()), monday.gaps[0][0], monday.gaps[0][1]) == ((monday.gaps[0][0], monday.gaps[0][1]),)


def test_who_may_read(house: DeskHouse) -> None:
    case_id = house.writes("cứu")
    case = house.store.cases.get(case_id)
    assert [may_read(case, "a", on_duty) for on_duty in ((), ("a",))] == [False, True]
    house.store.duty.take(case_id, "a")
    mai = house.add("mai", "duty_officer").account_id
    assert [may_read(house.store.cases.get(case_id), who, ()) for who in ("a", mai)] == [True, False]
    house.store.duty.transfer(case_id, "a", mai)
    house.store.duty.close(case_id, mai, "safe", "")
    assert [may_read(house.store.cases.get(case_id), who, ()) for who in ("a", mai)] == [False, True]
