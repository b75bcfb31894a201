"""Headings: which say something, which stand before an excerpt."""

from __future__ import annotations

import pytest

from actions.headings import is_bare, is_content, leads, position_of, project_named, sentence_case, telling
from knowledge.collection import Collection
from knowledge.text import folded_line


@pytest.mark.parametrize(
    ("title", "bare", "lead", "content"),
    [
        ("1.2. Nội dung chủ yếu", True, False, True),
        ("c) Các nội dung hoạt động", True, False, True),
        ("c) Nội dung thực hiện", True, False, True),
        ("a) Mục tiêu", True, True, False),
        ("Mục tiêu cụ thể", True, True, False),
        ("b) Phạm vi thực hiện", True, True, False),
        ("2. Mục tiêu cụ thể đến năm 2020", False, True, False),
        ("3. Sở Tài chính", False, True, False),
        ("a) Giai đoạn 2017 - 2020", False, True, False),
    ],
)
def test_bare_headings(title: str, bare: bool, lead: bool, content: bool) -> None:
    assert (is_bare(title), leads(title), is_content(title)) == (bare, lead, content)


@pytest.mark.parametrize(
    ("question", "number"),
    [("Dự án thứ tư là gì?", "4"), ("dự án số 2", "2"), ("Dự án 1 lo gì", "1"), ("dự án nhà tạm lánh", None), ("4 dự án", None)],
)
def test_a_project_is_named_by_its_number(question: str, number: str | None) -> None:
    assert project_named(folded_line(question)) == number


def test_words_that_only_ask_are_left_out() -> None:
    assert telling(("muc", "tieu", "gom", "nhung", "gi")) == ("muc", "tieu")


def test_capitals_as_people_write_them() -> None:
    assert sentence_case("CÁC DỰ ÁN THÀNH PHẦN") == "Các dự án thành phần"
    assert sentence_case("Sở Y tế") == "Sở Y tế"


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        ("001", ["KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH", "Bùi Quang Cẩm"]),
        ("002", ["KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH", "Thân Đức Hưởng"]),
        ("003", ["TM. ỦY BAN NHÂN DÂN TỈNH", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH THƯỜNG TRỰC", "Nguyễn Khắc Hào"]),
    ],
)
def test_the_position_above_a_signature(collection: Collection, file: str, lines: list[str]) -> None:
    document = next(d for d in collection.documents if d.source_file.startswith(file))
    signer = next(fact for name, fact in document.metadata.facts if name == "signer" and fact.span.end > len(document.text) // 2)
    position = position_of(document, signer)
    assert position is not None
    assert [line.strip(" *\xa0") for line in position.of(document.text).split("\n") if line.strip(" *\xa0")] == lines
