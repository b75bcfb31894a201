"""What has to be said with an old plan, by the day it is asked on."""

from __future__ import annotations

from datetime import date

import pytest

from actions.notices import Notices
from knowledge.collection import Collection
from knowledge.model import Document

BODY = "Sở Lao động - Thương binh và Xã hội chủ trì"


def of(collection: Collection, start: str) -> Document:
    return next(d for d in collection.documents if d.source_file.startswith(start))


@pytest.mark.parametrize(
    ("file", "on", "said"),
    [
        ("001", date(2016, 12, 31), ["Kế hoạch này đặt ra cho giai đoạn 2017–2020, chưa bắt đầu."]),
        ("001", date(2017, 1, 1), []),
        ("001", date(2020, 12, 31), []),
        ("001", date(2021, 1, 1), ["Kế hoạch này đặt ra cho giai đoạn 2017–2020, đã kết thúc."]),
        ("004", date(2026, 5, 4), ["Kế hoạch này đặt ra cho giai đoạn 2018–2020, đã kết thúc."]),
        ("003", date(2026, 5, 4), ["Kế hoạch này đặt ra cho giai đoạn 2013–2020, đã kết thúc."]),
        ("002", date(2025, 12, 31), []),
        ("002", date(2026, 1, 1), ["Kế hoạch này đặt ra cho giai đoạn 2017–2025, đã kết thúc; phần tầm nhìn đến năm 2030 vẫn còn."]),
        ("002", date(2031, 1, 1), ["Kế hoạch này đặt ra cho giai đoạn 2017–2025, đã kết thúc."]),
    ],
)
def test_years(notices: Notices, collection: Collection, file: str, on: date, said: list[str]) -> None:
    assert notices.validity(of(collection, file), collection, on) == said


def test_an_article_says_that_it_is_one(notices: Notices, collection: Collection) -> None:
    said = notices.validity(of(collection, "000"), collection, date(2026, 5, 4))
    assert said[0] == "Đây là bài báo viết lại, không phải văn bản gốc."


@pytest.mark.parametrize("on", [date(2018, 1, 1), date(2025, 2, 28)])
def test_no_successor_before_there_is_one(notices: Notices, on: date) -> None:
    assert notices.body(BODY, "trẻ em", on) == []


@pytest.mark.parametrize(
    ("topic", "now"),
    [
        ("trẻ em có hoàn cảnh đặc biệt", "Sở Y tế"),
        ("Về cai nghiện ma túy", "Công an tỉnh"),
        ("bình đẳng giới", "Sở Nội vụ"),
        ("", "Sở Y tế"),
    ],
)
def test_the_task_decides_who_has_it_now(notices: Notices, topic: str, now: str) -> None:
    (said,) = notices.body(BODY, topic, date(2025, 3, 1))
    assert said.startswith("Từ 1/3/2025, việc ")
    assert f" do {now}" in said


def test_a_body_that_goes_on_has_no_successor(notices: Notices) -> None:
    assert notices.body("Sở Tài chính bố trí kinh phí", "trẻ em", date(2026, 1, 1)) == []


@pytest.mark.parametrize(
    ("asked", "held", "said"),
    [
        (["Hà Nam"], ["Hà Nam"], ["Từ 1/7/2025, Hà Nam thuộc tỉnh Ninh Bình (mới)."]),
        (
            ["Nam Định"],
            ["Hà Nam"],
            ["Nam Định nay thuộc tỉnh Ninh Bình (mới); tôi trả lời theo văn bản cũ của Hà Nam, là phần tôi đang giữ."],
        ),
        (
            ["Ninh Bình"],
            ["Hà Nam"],
            ["Tỉnh Ninh Bình (mới) gồm cả Hà Nam cũ; tôi trả lời theo văn bản cũ của Hà Nam, là phần tôi đang giữ."],
        ),
        (["Đồng Nai"], ["Đồng Nai"], []),
        (["Hà Nam", "Đồng Nai"], ["Hà Nam"], ["Từ 1/7/2025, Hà Nam thuộc tỉnh Ninh Bình (mới)."]),
        (["Hà Nam", "Đồng Nai"], ["Đồng Nai", "Hà Nam"], ["Từ 1/7/2025, Hà Nam thuộc tỉnh Ninh Bình (mới)."]),
        (["Lâm Đồng"], ["Đồng Nai"], []),
        (["Hà Nam"], [None], []),
        ([], ["Hà Nam"], []),
    ],
)
def test_what_became_of_a_province(notices: Notices, asked: list[str], held: list[str | None], said: list[str]) -> None:
    assert notices.merger(asked, held, date(2025, 7, 1)) == said
    assert notices.merger(asked, held, date(2025, 6, 30)) == []


def test_provinces_that_share_their_years_share_a_line(notices: Notices, collection: Collection) -> None:
    hanam, camau = of(collection, "001"), of(collection, "002")
    said = notices.of_each([("Hà Nam", hanam), ("Cà Mau", camau), ("Nam Định", hanam)], collection, date(2026, 5, 4))
    assert said == [
        "Hà Nam, Nam Định: Kế hoạch này đặt ra cho giai đoạn 2017–2020, đã kết thúc.",
        "Cà Mau: Kế hoạch này đặt ra cho giai đoạn 2017–2025, đã kết thúc; phần tầm nhìn đến năm 2030 vẫn còn.",
    ]


def test_a_merger_is_told_once_where_both_names_are_asked(notices: Notices) -> None:
    assert len(notices.merger(["Ninh Bình", "Hà Nam"], ["Hà Nam"], date(2026, 5, 4))) == 1
    assert len(notices.merger(["Hà Nam"], ["Hà Nam"], date(2026, 5, 4))) == 1
