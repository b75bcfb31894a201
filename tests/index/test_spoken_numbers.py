"""Numbers as they are spoken."""

from __future__ import annotations

import pytest

from index.spoken_numbers import written_as_figures


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("kế hoạch hai bảy ba lăm của Đồng Nai", "kế hoạch 2735 của Đồng Nai"),
        ("ke hoach ba ba bay sau", "ke hoach 3376"),
        ("tới năm hai ngàn không trăm ba mươi", "tới năm 2030"),
        ("năm hai nghìn lẻ tám", "năm 2008"),
        ("hồi hai không mười bảy", "hồi 2017"),
        ("Năm hai không hai mươi.", "Năm 2020."),
        ("năm hai không hai lăm", "năm 2025"),
        ("chín mươi phần trăm trẻ", "90 phần trăm trẻ"),
        ("chin muoi lam phan tram", "95 phan tram"),
        ("số năm trăm sáu lăm", "số 565"),
        ("một trăm linh năm", "105"),
        ("bốn trăm năm mươi người", "450 người"),
        ("mười hai nghìn sáu trăm tám mươi người", "12.680 người"),
        ("mười hai dự án", "12 dự án"),
        ("mẹ em tám mươi hai tuổi", "mẹ em 82 tuổi"),
    ],
)
def test_what_is_spoken_is_written_as_figures(spoken: str, written: str) -> None:
    assert written_as_figures(spoken) == written


@pytest.mark.parametrize(
    "text",
    [
        "con tui mới hai tuổi",
        "năm năm tới",
        "bà không ăn",
        "không một ai lo",
        "hai ba tháng một lần",
        "tăng gấp ba lần",
        "từ năm nào đến năm nào",
        "tu nam nao den nam nao",
        "sau này tâm thần",
        "kế hoạch 2735, hai dự án",
        "",
    ],
)
def test_what_is_no_number_stays(text: str) -> None:
    assert written_as_figures(text) == text
