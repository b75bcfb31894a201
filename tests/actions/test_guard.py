"""Nothing passes that stands nowhere: made-up answers."""

from __future__ import annotations

import pytest

from actions.guard import bodies, guarded, standing, violations
from actions.model import Answer, Citation, ShownHotline

QUOTE = "Sở Tài chính phối hợp với Sở Kế hoạch và Đầu tư: 95% người nghiện, 34.363 người, trước ngày 15/12, *Ủy ban Mặt trận\nTổ quốc*"
CITATION = Citation("d", "f.txt", "3376/KH-UBND", "Kế hoạch", "Hà Nam", None, None, None, "ended", ("2. Sở Y tế",), QUOTE, 0, len(QUOTE))
HOTLINE = ShownHotline("Tổng đài điện thoại quốc gia bảo vệ trẻ em", "111", "24/7", True, "tongdai111.vn")


def left(text: str, *allowed: str) -> str:
    return guarded(Answer("answer", text, (CITATION,), (HOTLINE,)), allowed).text


@pytest.mark.parametrize(
    "line",
    [
        "95% người nghiện, 34.363 người, trước ngày 15/12",
        "Sở Tài chính phối hợp với Sở Kế hoạch và Đầu tư",
        "sở tài chính",
        "Ủy ban Mặt trận Tổ quốc",
        "Theo 3376/KH-UBND, Sở Y tế lo",
        "Gọi 111 (24/7)",
        "Hãy hỏi UBND cấp xã",
        "Không có con số nào",
    ],
)
def test_what_stands_somewhere_passes(line: str) -> None:
    assert left(line) == line


@pytest.mark.parametrize(
    "line",
    [
        "90% người nghiện",
        "9% người nghiện",
        "5% người nghiện",
        "34.364 người",
        "34363 người",
        "trước ngày 16/12",
        "Gọi 112",
        "Sở Tài nguyên và Môi trường lo",
        "Sở Tư pháp lo",
        "Bộ Tài chính lo",
        "Hội Chữ thập đỏ lo",
        "Tổng đài Ngày mai",
        "Quỹ Bảo trợ trẻ em",
        "năm 2021",
    ],
)
def test_a_line_with_what_stands_nowhere_is_dropped(line: str) -> None:
    assert left(line) == ""
    assert left(f"95% người nghiện\n{line}\nSở Y tế") == "95% người nghiện\nSở Y tế"


def test_what_is_handed_in_may_be_said() -> None:
    assert left("Số 18001567 là số cũ", "18001567") == "Số 18001567 là số cũ"
    assert left("Sở Nội vụ lo", "việc này do Sở Nội vụ đảm nhiệm") == "Sở Nội vụ lo"


def test_an_answer_that_says_nothing_wrong_is_the_same() -> None:
    answer = Answer("answer", "95%", (CITATION,))
    assert guarded(answer, ()) is answer


def test_names_of_bodies() -> None:
    told = "Sở Tài chính và Đài Phát thanh - Truyền hình, cán bộ Hà Nam; Ban hành kế hoạch. UBND cấp xã, Ủy ban Mặt trận Tổ quốc lo"
    assert list(bodies(told)) == ["Sở Tài chính", "Đài Phát thanh - Truyền", "Mặt trận Tổ quốc"]


def test_marks_and_case_make_no_difference_blanks_neither() -> None:
    sources = standing(Answer("answer", "", (CITATION,)), ())
    assert not list(violations("SỞ TÀI CHÍNH", sources))
    assert not list(violations("Ủy ban  Mặt trận Tổ quốc", sources))
