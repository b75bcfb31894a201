"""The table of repairs: every row is proved by the document it is for, and repairs nothing else."""

from __future__ import annotations

import re

import pytest

from knowledge.ocr import Repair, Repairs
from knowledge.tables import DATA
from knowledge.text import nfc

SOURCES = DATA.parent / "sources"
TABLE = Repairs.load().table


def line_of(source_file: str) -> str:
    return " ".join(nfc((SOURCES / source_file).read_text(encoding="utf-8")).split())


@pytest.mark.parametrize("repair", TABLE, ids=lambda repair: f"{repair.source_file[:3]} {repair.written}")
def test_what_is_damaged_stands_in_its_document_as_the_context_shows(repair: Repair) -> None:
    assert repair.context in line_of(repair.source_file)
    assert len(repair.pattern.findall(repair.context)) == 1
    assert repair.why
    assert repair.meant != repair.written
    assert not repair.pattern.search(repair.meant)


def test_no_sound_word_is_touched() -> None:
    repairs = Repairs(TABLE)
    sound = "đáng kể, đầy đủ, đồng thời, kiểm tra, vấn đề, nhà trợ giúp viên, học nghề, phát sóng"
    assert repairs.repaired(sound, ["002_8d2ad3b78df78075.txt"]).words == sound


def test_words_are_put_right_and_the_repairs_named() -> None:
    repaired = Repairs(TABLE).repaired("Đng thời quản lý theo dõi,\nkim tra việc thực hiện Đán", ["002_8d2ad3b78df78075.txt"])
    assert repaired.words == "Đồng thời quản lý theo dõi,\nkiểm tra việc thực hiện Đề án"
    assert {repair.written for repair in repaired.made} == {"Đng thời", "kim tra", "Đán"}


def test_a_capital_at_the_beginning_stays() -> None:
    assert Repairs(TABLE).repaired("Vẫn đè bình đẳng giới", ["004_4c4afa931b7ad079.txt"]).words == "Vấn đề bình đẳng giới"


def test_other_documents_are_left_as_they_are() -> None:
    repaired = Repairs(TABLE).repaired("việc thực hiện Đán", ["004_4c4afa931b7ad079.txt"])
    assert (repaired.words, repaired.made) == ("việc thực hiện Đán", ())


def test_only_a_date_that_the_plan_itself_gives_changes_a_figure() -> None:
    changed = [r for r in TABLE if re.findall(r"\d+", r.written) != re.findall(r"\d+", r.meant)]
    assert [r.meant for r in changed] == ["22/3/2018"]
    assert "ngày 22 tháng 3 năm 2018" in line_of("004_4c4afa931b7ad079.txt")
