"""Reports: counted by day, kept when the questions are gone, small numbers hidden; as a page, a workbook and a PDF file."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta

import pytest
from keeping_house import KeepingHouse
from openpyxl import load_workbook

from bot.reports.report import masked, report, waiting
from knowledge.store import AuditFilter, DayCount, Wait

HERE = "/can-bo/bao-cao"
DAY = date(2026, 5, 4)


def numbers(house: KeepingHouse, first: date = DAY, last: date = DAY) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in house.counting.counts(first, last):
        found[row.what, row.name] = found.get((row.what, row.name), 0) + row.number
    return found


def some(house: KeepingHouse) -> None:
    for _ in range(6):
        house.asks("Trẻ em mồ côi ở Cà Mau được giúp gì?")
    house.asks("người khuyết tật ở đồng nai", "abstain", channel="telegram")
    house.asks("còn nữa không", "clarify", citations=[{"province": "Đồng Nai", "heading_path": ["Cai nghiện ma túy"], "quote": "x"}])
    house.asks("xin chào", "smalltalk")
    house.asks("em nhắn cán bộ", "handover", text="")
    house.asks("cho gặp người thật", "handover")
    house.asks("chồng em đánh em", "urgent", who="web:2", danger=True)
    house.asks("trời mưa", "")


def test_what_is_counted(house: KeepingHouse) -> None:
    some(house)
    assert numbers(house) == {
        ("kind", "answer"): 6,
        ("kind", "abstain"): 1,
        ("kind", "clarify"): 1,
        ("kind", "handover"): 1,
        ("kind", "urgent"): 1,
        ("kind", "unanswered"): 1,
        ("channel", "web"): 10,
        ("channel", "telegram"): 1,
        ("province", "Cà Mau"): 6,
        ("province", "Đồng Nai"): 2,
        ("province", "other"): 3,
        ("topic", "children"): 6,
        ("topic", "disabled"): 1,
        ("topic", "drugs"): 1,
        ("topic", "other"): 3,
    }


def test_counts_stay_when_the_questions_are_forgotten(house: KeepingHouse) -> None:
    assert house.counting.round() == 0
    some(house)
    before = numbers(house)
    house.clock.forward(hours=14, minutes=50)  # the day has been over for 50 minutes
    assert house.counting.round() == 0
    house.clock.forward(minutes=20)
    assert house.counting.round() == 1
    assert house.counting.round() == 0
    assert house.store.conversations.purge(house.clock()) > 0
    assert numbers(house) == before
    house.clock.forward(days=40)
    house.asks("Hộ nghèo được gì?")
    assert house.counting.round() == 40
    assert numbers(house, DAY, DAY + timedelta(days=60))["topic", "poor"] == 1
    assert numbers(house, DAY + timedelta(days=60), DAY + timedelta(days=90)) == {}


def test_few_questions_of_a_province_are_not_told() -> None:
    assert masked({"Cà Mau": 9, "Hà Nam": 6, "Đồng Nai": 4, "other": 2}, "?") == [
        ("Cà Mau", 9),
        ("Hà Nam", 6),
        ("Đồng Nai", None),
        ("?", None),
    ]
    assert masked({"Cà Mau": 9, "Hà Nam": 6, "Đồng Nai": 4}, "?") == [("Cà Mau", 9), ("Hà Nam", None), ("Đồng Nai", None)]
    assert masked({"Cà Mau": 9, "Hà Nam": 3, "Đồng Nai": 1}, "?") == [("Cà Mau", 9), ("Hà Nam", None), ("Đồng Nai", None)]
    assert masked({"Cà Mau": 5, "other": 1}, "?") == [("Cà Mau", 5), ("?", 1)]


def test_waiting_is_of_the_cases_that_began_in_the_period() -> None:
    noon = datetime(2026, 5, 4, 5, tzinfo=UTC)
    waits = [Wait(4, noon, noon + timedelta(seconds=seconds)) for seconds in range(1, 41)]
    outside = [Wait(4, noon - timedelta(days=1), noon), Wait(4, noon + timedelta(days=1), noon)]
    found = waiting(DAY, DAY, [*waits, *outside, Wait(4, noon, None)])
    assert (found.cases, found.taken, found.median, found.p95) == (41, 40, 20.5, 38.0)
    assert waiting(DAY, DAY, [Wait(4, noon, None)]).median is None


def test_months_without_questions_are_there_too() -> None:
    words = {
        "kinds": dict.fromkeys(("answer", "clarify", "abstain", "handover", "urgent", "unanswered"), "k"),
        "tables": dict.fromkeys(("kind", "topic", "province", "month", "channel"), "t"),
        "notes": {},
        "other_topic": "?",
        "no_province": "?",
        "channels": {},
    }
    made = report(date(2025, 11, 30), date(2026, 2, 1), [DayCount(date(2026, 1, 2), "kind", "answer", 3)], (), {}, words)
    assert [(line.label, line.number, line.share) for line in made.tables[3].lines] == [
        ("11/2025", 0, 0),
        ("12/2025", 0, 0),
        ("1/2026", 3, 100),
        ("2/2026", 0, 0),
    ]
    assert made.total == 3


@pytest.mark.parametrize("role", ["collaborator", "duty_officer"])
def test_only_those_who_report_get_there(house: KeepingHouse, role: str) -> None:
    assert [house.browser(role).get(f"{HERE}{form}").status_code for form in ("", ".xlsx", ".pdf")] == [403, 403, 403]


def test_the_page_and_its_files_tell_the_same(house: KeepingHouse) -> None:
    some(house)
    client = house.browser("approver")
    page = client.get(HERE)
    assert page.status_code == 200
    assert "Từ ngày 1/1/2026 đến ngày 4/5/2026" in page.text
    assert page.text.count("<svg") == page.text.count("<table") == 5
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert '<th scope="row">Đồng Nai</th><td>không nêu</td>' in page.text
    for words in ("mồ côi", "chồng em", "trời mưa"):
        assert words not in page.text
    book = load_workbook(io.BytesIO(client.get(f"{HERE}.xlsx").content))
    assert book.sheetnames == ["Báo cáo", "Kết quả trả lời", "Chủ đề", "Tỉnh, thành phố", "Tháng", "Kênh"]
    assert [[cell.value for cell in row] for row in book["Tỉnh, thành phố"].iter_rows(max_row=4)] == [
        ["Tỉnh, thành phố", "Số câu"],
        ["Cà Mau", 6],
        ["Không nêu tỉnh", "không nêu"],
        ["Đồng Nai", "không nêu"],
    ]
    assert (book["Báo cáo"]["A4"].value, book["Báo cáo"]["B4"].value) == ("Số câu hỏi", "11")
    pdf = client.get(f"{HERE}.pdf?tu=2026-05-01&den=2026-05-31")
    assert pdf.content.startswith(b"%PDF")
    assert pdf.headers["content-disposition"] == 'attachment; filename="bao-cao-2026-05-01-2026-05-31.pdf"'
    assert [entry.action for entry in house.store.audit.search(AuditFilter(action="report_exported"))] == ["report_exported"] * 2


@pytest.mark.parametrize(
    "asked", ["tu=x", "tu=2026-05-05&den=2026-05-04", "tu=1900-01-01", "tu=2020-01-01&den=2026-01-01", "den=9999-12-31", "tu=<script>"]
)
def test_a_period_that_is_none_is_told(house: KeepingHouse, asked: str) -> None:
    refused = house.browser("editor").get(f"{HERE}?{asked}")
    assert (refused.status_code, "Khoảng thời gian chưa đúng" in refused.text, "<script>" in refused.text) == (400, True, False)


def test_nothing_asked_is_a_page_too(house: KeepingHouse) -> None:
    client = house.browser("administrator")
    assert "Chưa có câu hỏi nào" in client.get(HERE).text
    assert client.get(f"{HERE}.xlsx").status_code == client.get(f"{HERE}.pdf").status_code == 200
    assert client.get(f"{HERE}.exe").status_code == 400


def test_no_cell_of_the_workbook_is_a_formula(house: KeepingHouse) -> None:
    house.asks("Trẻ em", channel="=1+1")
    book = load_workbook(io.BytesIO(house.browser("editor").get(f"{HERE}.xlsx").content))
    cell = book["Kênh"]["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
