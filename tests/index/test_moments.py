"""The time that a question asks about: which words name one, and what it says of the document."""

from __future__ import annotations

from datetime import date

import pytest

from index.model import Query
from index.understanding import Understanding
from knowledge.places import load_gazetteer
from knowledge.text import fold

ASKED_ON = date(2026, 5, 4)
READER = Understanding.load(load_gazetteer())


def read(text: str) -> Query:
    return READER.read(text, ASKED_ON)


HELD = {
    "năm 2022 thì người già được bao nhiêu": (date(2022, 1, 1), date(2022, 12, 31)),
    "Hồi 2021 quy định về người già ra sao?": (date(2021, 1, 1), date(2021, 12, 31)),
    "tính đến tháng 6/2023 kế hoạch trợ giúp còn hiệu lực không": (date(2023, 6, 1), date(2023, 6, 30)),
    "tính tới ngày 15/3/2019 ở Hà Nam quy định về người già thế nào": (date(2019, 3, 15), date(2019, 3, 15)),
    "Tháng 2 năm 2020 người già có được hỗ trợ không?": (date(2020, 2, 1), date(2020, 2, 29)),
    "vào thời điểm 1/7/2024 ai được hưởng": (date(2024, 7, 1), date(2024, 7, 1)),
    "năm ngoái người già có được hỗ trợ không": (date(2025, 1, 1), date(2025, 12, 31)),
    "năm hai không hai mốt có chính sách gì cho trẻ mồ côi": (date(2021, 1, 1), date(2021, 12, 31)),
}


@pytest.mark.parametrize("text", HELD)
@pytest.mark.parametrize("typed", [str, fold])
def test_a_time_at_which_something_held(text: str, typed: type[str]) -> None:
    query = read(typed(text))
    assert query.moment is not None
    assert (query.moment.first, query.moment.last) == HELD[text]
    assert query.moment.holding
    assert query.day == HELD[text][1]
    assert not query.years  # no passage has to speak of it
    assert not any(word.isdigit() for word in query.terms)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("Năm 2018 các sở ở Đồng Nai phải làm gì?", date(2018, 12, 31)),
        ("Hồi 2017 Sóc Trăng trợ cấp cho bao nhiêu người cao tuổi?", date(2017, 12, 31)),
        ("Giai đoạn 2021–2025 Cà Mau có chính sách gì hỗ trợ?", date(2025, 12, 31)),
        ("thế năm 2020 thì người được trợ cấp là bao nhiêu", date(2020, 12, 31)),
        ("tính đến 2020 tổng cộng có bao nhiêu trung tâm", date(2020, 12, 31)),
    ],
)
def test_a_year_of_which_the_passage_has_to_speak_says_which_document_counts_too(text: str, last: date) -> None:
    query = read(text)
    assert query.moment is not None
    assert not query.moment.holding
    assert query.day == last
    assert query.years


@pytest.mark.parametrize(
    "text",
    [
        "Đến năm 2020 Đồng Nai có bao nhiêu cơ sở?",
        "Từ 2021 trở đi Hà Nam có kế hoạch mới không?",
        "Năm 2020 được dạy nghề bao nhiêu phần trăm, hồi 2015 là mấy?",
        "Nghị quyết 51/NQ-CP ngày 2/7/2015 gồm mấy điều?",
        "Luật trẻ em 2016 quy định trẻ em là dưới mấy tuổi?",
        "Quyết định mức trợ cấp hồi 2016 là số mấy?",
        "Con tôi sinh năm 2015 có được hỗ trợ không?",
        "ngày 30/2/2019 quy định ra sao",
        "Người già có được hỗ trợ không?",
        "Ở Hà Nam ngoài nhà nước ra ai được hỗ trợ?",
    ],
)
def test_a_goal_a_paper_s_date_a_life_and_two_years_are_no_time_asked_about(text: str) -> None:
    query = read(text)
    assert query.moment is None
    assert query.day == ASKED_ON


@pytest.mark.parametrize(
    "text",
    [
        "Hồi 2021 quy định ra sao?",
        "năm 2022 thì được bao nhiêu",
        "tính đến tháng 6/2023 còn hiệu lực không",
        "hồi năm ngoái có chính sách gì",
    ],
)
def test_a_turn_may_say_nothing_but_a_time(text: str) -> None:
    query = read(text)
    assert query.moment is not None
    assert query.moment.alone
    assert not query.moment.holding
    assert (query.fact == "period") is ("hiệu lực" in text)


def test_asking_is_no_time() -> None:
    asking = read("Cho em hỏi 2019 có chính sách gì mà bao nhiêu người được nhận")
    assert asking.moment is not None
    assert not asking.moment.holding  # "hỏi" frames nothing, and people are counted
