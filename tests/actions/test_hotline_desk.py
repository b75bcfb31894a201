"""Which number to call: the table, and the answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from actions_house import VIETNAM, Person, both

from actions.hotlines import HotlineDesk
from knowledge.directory import Directory

MONDAY_NIGHT = datetime(2026, 5, 4, 2, 0, tzinfo=VIETNAM)
FRIDAY_AFTERNOON = datetime(2026, 5, 8, 14, 0, tzinfo=VIETNAM)
TOMORROW_LINE = "096 306 1414"
HCM = {"1900 54 55 59", "1800 90 69"}


@pytest.mark.parametrize(
    ("question", "phone"),
    [
        ("đường dây Ngày mai số mấy", TOMORROW_LINE),
        ("Ngôi nhà bình yên số mấy?", "1900 969 680"),
        ("số Hội Bảo vệ quyền trẻ em", "1800 90 69"),
        ("Trung tâm công tác xã hội trẻ em số mấy", "1900 54 55 59"),
        ("111 là số gì", "111"),
        ("gọi 115 có mất tiền không", "115"),
        ("0963061414 là số của ai", TOMORROW_LINE),
    ],
)
def test_by_name_or_by_number(person: Person, question: str, phone: str) -> None:
    for text in both(question):
        answer = person.says(text)
        assert answer.kind == "answer"
        assert [h.phone for h in answer.hotlines] == [phone]
        assert answer.text.startswith(phone)


@pytest.mark.parametrize("typed", ["18001567 còn dùng không?", "1800 1567", "so 1800.1567 con goi duoc khong"])
def test_a_former_number_gives_todays(person: Person, typed: str) -> None:
    answer = person.says(typed)
    assert answer.text.startswith("Số 18001567 là số cũ, nay đã đổi. Hãy gọi 111")
    assert [h.phone for h in answer.hotlines] == ["111"]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Số điện thoại bảo vệ trẻ em là số nào?", "111"),
        ("cháy nhà gọi số nào", "114"),
        ("số điện thoại công an", "113"),
        ("số cấp cứu là số mấy", "115"),
        ("trầm cảm muốn nói chuyện thì gọi số nào", TOMORROW_LINE),
        ("bị buôn người thì gọi số nào", "111"),
        ("có những số khẩn cấp nào", "113"),
    ],
)
def test_by_topic(person: Person, question: str, first: str) -> None:
    for text in both(question):
        answer = person.says(text)
        assert answer.kind == "answer"
        assert answer.hotlines[0].phone == first
        assert all(f"{h.name}: {h.phone}" in answer.text for h in answer.hotlines)


@pytest.mark.parametrize(("at", "state"), [(MONDAY_NIGHT, "đang ngoài giờ"), (FRIDAY_AFTERNOON, "đang mở")])
@pytest.mark.parametrize("question", ["đường dây Ngày mai số mấy", "trầm cảm thì gọi số nào"])
def test_whether_a_line_is_open(people: Callable[..., Person], at: datetime, state: str, question: str) -> None:
    answer = people(at=at).says(question)
    line = next(h for h in answer.hotlines if h.phone == TOMORROW_LINE)
    assert line.open_now is (state == "đang mở")
    assert f"thứ Tư đến Chủ nhật, 13:00–20:30, {state}" in answer.text


def test_hours_that_nobody_checked_are_not_called_open_or_closed(people: Callable[..., Person]) -> None:
    answer = people(at=MONDAY_NIGHT).says("Ngôi nhà bình yên số mấy")
    assert answer.hotlines[0].open_now is None
    assert "chưa xác minh giờ làm việc" in answer.text
    assert "đang" not in answer.text


@pytest.mark.parametrize("place", ["TP.HCM", "Sài Gòn", "Thành phố Hồ Chí Minh"])
def test_the_citys_lines_for_people_of_the_city(person: Person, place: str) -> None:
    assert {h.phone for h in person.says(f"Ở {place} trẻ em gọi số nào?").hotlines} >= HCM


@pytest.mark.parametrize(
    "question",
    [
        "Ở Hà Nam trẻ em gọi số nào?",
        "trẻ em gọi số nào?",
        "Trung tâm công tác xã hội trẻ em Hà Nam số mấy?",
        "Hội bảo vệ quyền trẻ em Đồng Nai số điện thoại mấy",
    ],
)
def test_but_for_nobody_else(person: Person, question: str) -> None:
    answer = person.says(question)
    assert HCM.isdisjoint(h.phone for h in answer.hotlines)
    assert all(phone not in answer.text for phone in HCM)


@pytest.mark.parametrize(
    "question", ["số điện thoại Sở Y tế Hà Nam", "số điện thoại UBND xã là gì", "cho xin số phòng lao động huyện", "sdt bệnh viện"]
)
def test_an_offices_number_is_honestly_missing(person: Person, question: str) -> None:
    for text in both(question):
        answer = person.says(text)
        assert answer.kind == "abstain"
        assert answer.citations == ()
        assert "111" in answer.text


def test_a_line_that_is_only_mentioned_is_a_question_about_the_plan(person: Person) -> None:
    answer = person.says("Đồng Nai xây dựng đường dây kết nối với tổng đài nào?")
    assert answer.citations
    assert "đường dây kết nối với Tổng đài Quốc gia Bảo vệ trẻ em 111" in answer.text


@pytest.mark.parametrize("question", ["Hà Nam chú trọng nâng cấp, mở rộng những cơ sở nào?", "Dự án 1 Đồng Nai ưu tiên cơ sở nào?"])
def test_which_place_is_no_telephone_number(person: Person, question: str) -> None:
    """ "Cơ sở nào" ends like "số nào"."""
    assert "Danh bạ" not in person.says(question).text


def test_every_number_named_in_the_tables_is_in_the_directory(desk: HotlineDesk, directory: Directory) -> None:
    named = [phone for _, _, first in desk.topics for phone in first] + [phone for _, phone in desk.names]
    assert all(directory.by_phone(phone) for phone in named)
    held = {purpose for row in directory.hotlines for purpose in row.purposes}
    assert {purpose for _, purposes, _ in desk.topics for purpose in purposes} <= held


def test_a_topic_that_the_directory_does_not_know_has_no_rows(desk: HotlineDesk) -> None:
    assert desk.rows_for("số điện thoại ngân hàng", None, MONDAY_NIGHT) == ()
