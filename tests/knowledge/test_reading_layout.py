"""Words with places, and lines broken at a width, as paragraphs and tables."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import pytest
from plans import ALL, made, source

from knowledge.reading.pages import text_of
from knowledge.reading.placed import Box, Page, Word
from knowledge.reading.wrapped import unwrapped

PROSE = "Người già neo đơn và trẻ mồ côi ở các xã được thăm hỏi, được trợ cấp hằng tháng và được khám bệnh tại nhà khi ốm đau."


def words(text: str, x: float, y: float) -> list[Word]:
    """A line of letters 6 points wide and 12 high."""
    placed, at = [], x
    for word in text.split():
        placed.append(Word(word, Box(at, y, at + 6 * len(word), y + 12)))
        at += 6 * len(word) + 4
    return placed


def page(*lines: tuple[str, float, float]) -> Page:
    return Page(595, 842, tuple(word for text, x, y in lines for word in words(text, x, y)))


def prose(y: float) -> list[tuple[str, float, float]]:
    """Lines from margin to margin."""
    return [(PROSE[:70].rsplit(" ", 1)[0], 60, y + 18 * at) for at in range(3)]


def test_the_head_of_a_letter_is_read_column_by_column() -> None:
    text, _ = text_of(
        [
            page(
                ("ỦY BAN NHÂN DÂN", 80, 60),
                ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 250, 60),
                ("TỈNH HÀ NAM", 90, 78),
                ("Độc lập - Tự do - Hạnh phúc", 280, 78),
                ("Số: 12/KH-UBND", 80, 100),
                ("Hà Nam, ngày 05 tháng 6 năm 2024", 260, 100),
                *prose(200),
            )
        ]
    )
    assert text.startswith(
        "ỦY BAN NHÂN DÂN\nTỈNH HÀ NAM\nSố: 12/KH-UBND\n\n"
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc\nHà Nam, ngày 05 tháng 6 năm 2024\n\n"
    )


def test_a_table_without_rules_keeps_its_rows_and_its_empty_cells() -> None:
    text, _ = text_of(
        [
            page(
                *prose(400),
                ("Loại", 60, 500), ("Hiện có", 250, 500), ("Năm sau", 400, 500),
                ("Công lập", 60, 524), ("4", 270, 524), ("6", 420, 524),
                ("Nhà tạm lánh", 60, 548), ("3", 420, 548),
                *prose(620),
            )
        ]
    )  # fmt: skip
    assert "Loại | Hiện có | Năm sau\nCông lập | 4 | 6\nNhà tạm lánh |  | 3\n\n" in text


def test_a_table_of_two_columns_is_no_text_in_two_columns() -> None:
    rows = [(f"Đối tượng {at}", 60.0, 500.0 + 24 * at) for at in range(3)] + [(f"1,{at}", 400.0, 500.0 + 24 * at) for at in range(3)]
    text, _ = text_of([page(*prose(400), *rows, *prose(620))])
    assert "Đối tượng 0 | 1,0\nĐối tượng 1 | 1,1\nĐối tượng 2 | 1,2\n\n" in text


def test_running_lines_and_page_numbers_go_and_are_named() -> None:
    pages = [
        page(
            (str(at), 290, 30),
            (f"{own} này có việc riêng", 60, 60),
            *prose(100),
            (f"{own} hết ở đây", 60, 700),
            ("Kế hoạch số 12/KH-UBND", 60, 810),
        )
        for at, own in enumerate(("Trang đầu", "Trang giữa", "Trang cuối"), 1)
    ]
    text, said = text_of(pages)
    assert "12/KH-UBND" not in text
    assert text.count("\f") == 2
    assert said == ("Đã bỏ dòng lặp lại ở đầu hoặc cuối trang: “Kế hoạch số 12/KH-UBND”.", "Đã bỏ số trang.")


def test_a_syllable_cut_at_the_line_end_is_whole_again_and_a_dash_stays() -> None:
    full = PROSE[:70].rsplit(" ", 1)[0]
    text, _ = text_of([page(*prose(100), (full[:-3] + "ngành-", 60, 154), ("đoàn thể các cấp.", 60, 172))])
    assert "ngành- đoàn thể" in text
    text, _ = text_of([page(*prose(100), (full[:-3] + "ngh-", 60, 154), ("ĩa vụ của mọi người.", 60, 172))])
    assert "nghĩa vụ" in text


@pytest.mark.parametrize("name", ALL)
def test_the_sources_are_not_broken_at_a_width(name: str) -> None:
    assert unwrapped(source(name).text) == (source(name).text, ())


def test_lines_broken_at_a_width_become_paragraphs() -> None:
    paragraphs = ["I. MỤC TIÊU", *[f"{at}. {PROSE} {PROSE}" for at in range(1, 6)]]
    text, said = unwrapped("\n\n".join("\n".join(textwrap.wrap(paragraph, 72)) for paragraph in paragraphs))
    assert text == "\n\n".join(paragraphs)
    assert said


def test_a_citation_names_the_page_of_its_passage() -> None:
    document = replace(made(f"KẾ HOẠCH\n\nVề trợ giúp\n\nI. MỤC TIÊU\n\n{PROSE}\n\n\f\nII. KINH PHÍ\n\nDo tỉnh bố trí\fhằng năm."), pages=3)
    pages = {passage.text: document.page_at(passage.span.start) for passage in document.passages}
    assert (pages[PROSE], pages["II. KINH PHÍ"]) == (1, 2)
    last = document.passages[-1]
    assert last.text == "Do tỉnh bố trí\fhằng năm."
    assert document.page_at(last.span.end) == 3
    assert replace(document, pages=None).page_at(0) is None
