from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from knowledge.directory import VIETNAM, Directory, digits, spells
from knowledge.errors import KnowledgeError
from knowledge.tables import DATA

HEADER, *ROWS = (DATA / "hotlines.tsv").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory.load()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def test_every_row_has_a_source_and_a_number_of_its_own(directory: Directory) -> None:
    assert len(directory.hotlines) == 9
    assert all(h.source for h in directory.hotlines)
    assert len({digits(h.phone) for h in directory.hotlines}) == 9


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T02:00", False),  # Monday at two in the night
        ("2026-11-25T12:59:59", False),  # Wednesday
        ("2026-11-25T13:00", True),
        ("2026-11-29T20:29:59", True),  # Sunday
        ("2026-11-29T20:30", False),
        ("2026-11-24T15:00", False),  # Tuesday
    ],
)
def test_the_suicide_line_keeps_its_hours(directory: Directory, moment: str, is_open: bool) -> None:
    line = directory.by_phone("0963061414")
    assert line is not None
    assert directory.is_open(line, at(moment)) is is_open


def test_the_clock_is_vietnams_whatever_the_zone_of_the_moment(directory: Directory) -> None:
    line = directory.by_phone("096 306 1414")
    assert line is not None
    moment = at("2026-11-25T13:00")
    for zone in (UTC, timezone(timedelta(hours=-8))):
        assert directory.is_open(line, moment.astimezone(zone)) is True
        assert directory.is_open(line, (moment - timedelta(seconds=1)).astimezone(zone)) is False


def test_always_unknown_and_former(directory: Directory) -> None:
    moment = at("2026-11-23T02:00")
    opened = {h.phone: directory.is_open(h, moment) for h in directory.hotlines}
    assert opened["111"] is True
    assert opened["1900 969 680"] is None
    assert opened["18001567"] is False


def test_a_naive_moment_is_refused(directory: Directory) -> None:
    with pytest.raises(ValueError, match="aware"):
        directory.is_open(directory.hotlines[0], datetime(2026, 11, 23))


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("gọi 111 có mất tiền không?", "111"),
        ("số 1.1.1?", "111"),
        ("tổng đài 1900.969.680 là gì", "1900 969 680"),
        ("1900969680", "1900 969 680"),
        ("0963061414 mấy giờ mở", "096 306 1414"),
        ("+84 96 306 1414", "096 306 1414"),
        ("ngày xưa là 1800 1567 phải không", "18001567"),
        ("18001567", "18001567"),
        ("hỗ trợ 111 trẻ em", None),
        ("111 triệu đồng", None),
        ("113/2014/NĐ-CP", None),
        ("1111", None),
        ("tăng 111%", None),
        ("111.000 đồng", None),
        ("0911113115", None),
        ("", None),
    ],
)
def test_numbers_are_found_in_text(directory: Directory, text: str, phone: str | None) -> None:
    found = directory.find_phone(text)
    assert (found.phone if found else None) == phone


def test_a_former_number_is_answered_with_its_successor(directory: Directory) -> None:
    former = directory.find_phone("18001567 còn dùng không")
    assert former is not None
    assert directory.current(former).phone == "111"


def test_lines_of_the_city_are_for_people_of_the_city(directory: Directory) -> None:
    moment = at("2026-11-23T02:00")
    nobody = [h.phone for h in directory.for_purpose({"child_neglect"}, None, moment)]
    dong_nai = [h.phone for h in directory.for_purpose({"child_neglect"}, "Đồng Nai", moment)]
    city = [h.phone for h in directory.for_purpose({"child_neglect"}, "TP. HCM", moment)]
    assert nobody == dong_nai == ["111"]
    assert city == ["111", "1900 54 55 59", "1800 90 69"]
    assert city == [h.phone for h in directory.for_purpose({"child_neglect"}, "Thành phố Hồ Chí Minh", moment)]


def test_what_is_open_comes_first_and_former_numbers_never(directory: Directory) -> None:
    night = [h.phone for h in directory.for_purpose({"suicide"}, None, at("2026-11-23T02:00"))]
    day = [h.phone for h in directory.for_purpose({"suicide"}, None, at("2026-11-25T14:00"))]
    assert night == ["113", "115", "096 306 1414"]
    assert sorted(day) == sorted(night)
    every = directory.for_purpose({p for h in directory.hotlines for p in h.purposes}, None, at("2026-11-25T14:00"))
    assert "18001567" not in {h.phone for h in every}


def test_several_spells_a_week() -> None:
    found = spells("Mon-Fri 08:00-11:30,13:30-17:00; Sat 08:00-12:00")
    assert len(found) == 11
    assert {day for day, _, _ in spells("Sat-Mon 08:00-12:00")} == {5, 6, 0}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (1, "một một một"),
        (1, "12345678901234"),
        (3, "khi nào rảnh"),
        (3, "Wed-Sun 20:30-13:00"),
        (3, "Wed 25:00-26:00"),
        (7, ""),
        (8, "hôm qua"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, column: int, value: str) -> None:
    cells = ROWS[0].split("\t")
    cells[column] = value
    path = tmp_path / "hotlines.tsv"
    path.write_text("\n".join([HEADER, "\t".join(cells)]) + "\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="Tổng đài"):
        Directory.load(path)


def test_a_successor_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "hotlines.tsv"
    path.write_text("\n".join([HEADER, ROWS[6]]) + "\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="successor"):
        Directory.load(path)
