"""Which document stands in for which, and since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from knowledge.collection import Collection, dump, parse
from knowledge.metadata import read_metadata
from knowledge.model import Document, Metadata, Relation
from knowledge.places import Gazetteer
from knowledge.relations import as_line, from_line

LATER = date(2026, 5, 4)


def plan(
    number: str, title: str, issued_on: date | None, *relations: Relation, province: str = "Hà Nam", begins: date | None = None
) -> Document:
    issuer = f"Ủy ban nhân dân tỉnh {province}"
    about = Metadata(
        "Kế hoạch", number, title, issuer, province, issued_on, None, begins, None, None, (), None, (), (), relations
    )  # fmt: skip
    return Document(f"{number} {province}", f"{number}.txt", "", about)


OLD = plan("5/KH-UBND", "Trợ giúp trẻ em", date(2017, 2, 1))
SAME_NUMBER = plan("5/KH-UBND", "Trợ giúp trẻ em", date(2017, 3, 1), province="Đồng Nai")
NEW = plan("9/KH-UBND", "Chăm sóc trẻ em", date(2021, 3, 2), Relation("replaces", "5/KH-UBND"), begins=date(2021, 1, 1))


def test_a_plan_that_says_so_replaces_one_of_its_own_province_from_the_day_it_holds() -> None:
    held = Collection((OLD, SAME_NUMBER, NEW))
    assert held.current(OLD, date(2021, 3, 1)) is OLD
    assert held.status(OLD, date(2021, 3, 1)) == "unknown"
    assert held.current(OLD, date(2021, 3, 2)) is NEW
    assert held.status(OLD, date(2021, 3, 2)) == "replaced"
    assert held.outdated(LATER) == {OLD.document_id}


def test_a_plan_issued_ahead_of_its_time_waits_for_it() -> None:
    early = plan("9/KH-UBND", "Khác", date(2020, 11, 1), Relation("replaces", "5/KH-UBND"), begins=date(2021, 1, 1))
    held = Collection((OLD, early))
    assert held.current(OLD, date(2020, 12, 31)) is OLD
    assert held.current(OLD, date(2021, 1, 1)) is early


def test_what_staff_know_of_a_document_that_is_not_held() -> None:
    old = plan("5/KH-UBND", "Trợ giúp trẻ em", date(2017, 2, 1), Relation("replaced_by", "77/QĐ-UBND", date(2022, 1, 1), "Công báo số 3"))
    held = Collection((old,))
    found = held.successor(old, LATER)
    assert found is not None
    assert (found.number, found.document) == ("77/QĐ-UBND", None)
    assert held.status(old, date(2021, 12, 31)) == "unknown"
    assert held.status(old, LATER) == "replaced"
    assert held.outdated(LATER) == frozenset()  # nothing that could be answered from instead


@pytest.mark.parametrize(("others", "found"), [((NEW,), True), ((NEW, replace(NEW, document_id="twin")), False)])
def test_a_number_that_several_bear_names_none_of_them(others: tuple[Document, ...], found: bool) -> None:
    old = plan("6/KH-UBND", "Gì đó", date(2017, 2, 1), Relation("replaced_by", "9/KH-UBND"))
    after = Collection((old, *others)).successor(old, LATER)
    assert after is not None
    assert (after.document is NEW) == found


def test_one_after_the_other() -> None:
    newest = plan("2/KH-UBND", "Mới nhất", date(2025, 1, 1), Relation("replaces", "9/KH-UBND"))
    held = Collection((OLD, newest, NEW))
    assert held.current(OLD, LATER) is newest
    assert held.current(OLD, date(2024, 1, 1)) is NEW
    assert held.outdated(LATER) == {OLD.document_id, NEW.document_id}


def test_two_that_each_replace_the_other_both_stay() -> None:
    one = plan("1/KH-UBND", "Một", date(2020, 1, 1), Relation("replaces", "2/KH-UBND"))
    two = plan("2/KH-UBND", "Hai", date(2020, 1, 1), Relation("replaces", "1/KH-UBND"))
    assert Collection((one, two)).outdated(LATER) == frozenset()
    assert Collection((one, two)).awaited(date(2019, 1, 1)) == frozenset()


def test_until_its_day_a_newer_one_waits_with_what_tells_about_it() -> None:
    about = Metadata("Bài báo", None, None, None, None, None, None, None, None, None, (), "9/KH-UBND")
    account = Document("account", "account.txt", "", about)
    held = Collection((OLD, SAME_NUMBER, NEW, account))
    assert held.awaited(date(2021, 3, 1)) == {NEW.document_id, "account"}
    assert held.awaited(date(2021, 3, 2)) == frozenset()
    elsewhere = replace(NEW, metadata=replace(NEW.metadata, province="Cà Mau"))
    told = replace(OLD, metadata=replace(OLD.metadata, relations=(Relation("replaced_by", "9/KH-UBND", date(2022, 1, 1)),)))
    assert Collection((told, elsewhere)).awaited(date(2020, 1, 1)) == frozenset()  # another province's speaks for that one meanwhile


@pytest.mark.parametrize(
    ("title", "province", "replaced"),
    [
        ("Trợ giúp trẻ em giai đoạn 2021 - 2025", "Hà Nam", True),
        ("Trợ giúp trẻ em năm 2022", "Hà Nam", True),
        ("Trợ giúp trẻ em khuyết tật giai đoạn 2021 - 2025", "Hà Nam", False),
        ("Trợ giúp trẻ em giai đoạn 2021 - 2025", "Đồng Nai", False),
    ],
)
def test_of_two_plans_of_one_body_on_one_subject_the_newer_holds(title: str, province: str, replaced: bool) -> None:
    old = plan("5/KH-UBND", "Trợ giúp trẻ em giai đoạn 2016 - 2020", date(2016, 2, 1))
    new = plan("8/KH-UBND", title, date(2021, 2, 1), province=province)
    held = Collection((new, old))
    assert (held.current(old, LATER) is new) == replaced
    assert held.current(old, date(2020, 1, 1)) is old
    assert held.current(new, LATER) is new


def test_an_account_of_a_replaced_plan_goes_with_it() -> None:
    about = Metadata("Bài báo", None, None, None, None, None, None, None, None, None, (), "5/KH-UBND")
    account = Document("account", "account.txt", "", about)
    assert Collection((OLD, account, NEW)).outdated(LATER) == {OLD.document_id, "account"}


def test_amendments() -> None:
    change = plan("7/KH-UBND", "Sửa đổi", date(2019, 1, 1), Relation("amends", "5/KH-UBND"))
    held = Collection((OLD, change))
    assert [row.number for row in held.amended_by(OLD, LATER)] == ["7/KH-UBND"]
    assert held.amended_by(OLD, date(2018, 1, 1)) == ()
    assert held.outdated(LATER) == frozenset()


def test_kept_and_read_again() -> None:
    relation = Relation("replaced_by", "9/KH-UBND", date(2021, 3, 2), "theo “Công báo” | số 3")
    assert from_line(as_line(relation)) == relation
    document = plan("5/KH-UBND", "Tên", None, relation, Relation("amends", "4/KH-UBND"))
    assert parse(dump(document)) == document
    for wrong in ("eats|9||", "amends|9", "amends|9|morgen|"):
        with pytest.raises(ValueError):  # noqa: PT011  whatever of the three parts is wrong
            from_line(wrong)


HEAD = """ỦY BAN NHÂN DÂN
TỈNH LÀO CAI
Số: 91/KH-UBND
Lào Cai, ngày 12 tháng 3 năm 2026
KẾ HOẠCH
Phát triển nhà tạm lánh giai đoạn 2026 - 2030
Căn cứ Nghị định số 20/2021/NĐ-CP thay thế Nghị định số 136/2013/NĐ-CP;
I. MỤC TIÊU
1. Đến năm 2030 có 07 nhà tạm lánh.
II. TỔ CHỨC THỰC HIỆN
{said}
TM. ỦY BAN NHÂN DÂN
CHỦ TỊCH
Nguyễn Thị Mai
"""


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("1. Kế hoạch này thay thế Kế hoạch số 15/KH-UBND ngày 02/02/2021 của Ủy ban nhân dân tỉnh.", ["15/KH-UBND"]),
        ("1. Quyết định này có hiệu lực kể từ ngày ký và thay thế cho Quyết định số 12/2015/QĐ-UBND.", ["12/2015/QĐ-UBND"]),
        ("1. Kế hoạch này thay thế\nKế hoạch số 15/KH-UBND.", ["15/KH-UBND"]),
        ("1. Kế hoạch này bãi bỏ Điều 3 Quyết định số 12/2015/QĐ-UBND.", []),
        ("1. Chăm sóc thay thế cho trẻ em theo Quyết định số 12/2015/QĐ-UBND.", []),
        ("1. Kế hoạch này thực hiện đến khi có văn bản thay thế. Kế hoạch số 15/KH-UBND vẫn dùng.", []),
    ],
)
def test_read_off(gazetteer: Gazetteer, said: str, numbers: list[str]) -> None:
    found = read_metadata(HEAD.format(said=said), gazetteer)
    assert [relation.number for relation in found.relations] == numbers
    assert all(relation.kind == "replaces" and relation.number in relation.source for relation in found.relations)
