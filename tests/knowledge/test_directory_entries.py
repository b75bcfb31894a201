"""What a row of the directory may hold, and what staff changed laid over what is shipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from knowledge.directory import Directory, LiveDirectory
from knowledge.directory_entries import Change, Shipped, overdue
from knowledge.directory_rules import EntryRefused, Rules
from knowledge.errors import KnowledgeError
from knowledge.places import Gazetteer
from knowledge.store import Actor, AuditFilter, DirectoryChanged, RowChange, Store

TODAY = date(2026, 5, 4)
GOOD = {"name": "Đường dây", "phone": "0290 383 1111", "hours": "24/7", "opening": "24/7", "area": "ca mau", "source": "Công văn 12"}
LINE = {**GOOD, "area": "Cà Mau", "purposes": "", "cost": "", "checked_on": "", "replaced_by": ""}


@pytest.fixture(scope="module")
def rules(gazetteer: Gazetteer) -> Rules:
    return Rules.load(gazetteer)


@pytest.fixture(scope="module")
def shipped(rules: Rules) -> Shipped:
    return Shipped.load(rules)


def reasons(error: EntryRefused) -> set[tuple[str, str]]:
    return {(problem.field, problem.reason) for problem in error.problems}


@pytest.mark.parametrize(
    "phone",
    [
        "111",
        "1022",
        "9090",
        "18001567",
        "1900 969 680",
        "1900.54.55.59",
        "024 3736 4444",
        "0290-383-1111",
        "+84 912 345 678",
        "069 234 1037",
    ],
)
def test_numbers_of_vietnam(rules: Rules, phone: str) -> None:
    assert rules.is_phone(phone)


@pytest.mark.parametrize(
    "phone", ["", "11", "12345", "0123456789", "0290 383 111", "1900 1", "+1 202 555 0100", "O912345678", "111 hoặc 113", "٠٩١٢٣٤٥٦٧٨"]
)
def test_what_is_no_number(rules: Rules, phone: str) -> None:
    assert not rules.is_phone(phone)


def test_a_row_is_put_in_order(rules: Rules) -> None:
    typed = {
        **GOOD,
        "name": "  Đường\u200b  dây ",
        "purposes": "suicide|child_abuse",
        "checked_on": "1/5/2026",
        "opening": "t2 - t6 08:00 - 17:00; cn 08:00-11:00",
    }
    kept = rules.checked(rules.kinds["hotlines"], typed, TODAY)
    assert (kept["name"], kept["area"], kept["purposes"], kept["checked_on"]) == (
        "Đường dây",
        "Cà Mau",
        "child_abuse|suicide",
        "2026-05-01",
    )
    assert kept["opening"] == "Mon-Fri 08:00-17:00; Sun 08:00-11:00"
    assert rules.opening_for_people(kept["opening"]) == "T2-T6 08:00-17:00; CN 08:00-11:00"


def test_everything_that_does_not_fit_is_told_at_once(rules: Rules) -> None:
    bad = {
        "name": "",
        "phone": "x",
        "area": "Atlantis",
        "source": "ftp://a.b",
        "opening": "T2 17:00-08:00",
        "purposes": "magic",
        "checked_on": "31/2/2026",
    }
    with pytest.raises(EntryRefused) as refused:
        rules.checked(rules.kinds["hotlines"], {**bad, "hours": "x" * 121}, TODAY)
    assert reasons(refused.value) == {
        ("name", "missing"),
        ("phone", "phone"),
        ("area", "area"),
        ("source", "source"),
        ("opening", "opening"),
        ("purposes", "choice"),
        ("checked_on", "date"),
        ("hours", "too_long"),
    }


def test_a_card_is_short_enough_for_an_answer(rules: Rules) -> None:
    card = {"name": "Trợ cấp", "words": "trợ cấp", "province": "Cà Mau", "where": "UBND xã", "phone": "1022", "source": "Công văn 12"}
    with pytest.raises(EntryRefused) as refused:
        rules.checked(rules.kinds["procedures"], {**card, "who": "ai", "papers": "giấy " * 130}, TODAY)
    assert reasons(refused.value) == {("papers", "row_too_long")}


def test_shipped_tables_alone_are_the_directory(shipped: Shipped) -> None:
    merged = shipped.merged(())
    table = Directory.load()
    assert [(line.phone, line.opening, set(line.purposes)) for line in merged.directory.hotlines] == [
        (line.phone, line.opening, set(line.purposes)) for line in table.hotlines
    ]
    assert merged.faults == ()
    assert all(entry.values["source"] for entry in merged.entries)


@pytest.mark.parametrize("number", ["111", "113", "114", "115"])
def test_whatever_stands_in_the_database_danger_has_its_numbers(shipped: Shipped, number: str) -> None:
    """Also when somebody has written into the database itself."""
    worst = [
        Change(1, "hotlines", number, True, {"phone": "999", "opening": "closed", "area": "Cà Mau", "purposes": "", "name": "không"}, 1),
        Change(2, "hotlines", None, False, {**LINE, "phone": number, "name": "Quán phở"}, 1),
        Change(3, "hotlines", None, False, {}, 1),
    ]
    line = shipped.merged(worst).directory.by_phone(number)
    before = shipped.directory.by_phone(number)
    assert line is not None
    assert before is not None
    assert (line.name, line.opening, line.area, set(line.purposes)) == (before.name, "24/7", before.area, set(before.purposes))
    for change in worst[:2]:
        with pytest.raises(EntryRefused):
            shipped.refuse_unfit((), [change])


def test_an_update_of_the_product_keeps_what_staff_did(shipped: Shipped) -> None:
    mine = [
        Change(1, "hotlines", "1900969680", False, {**LINE, "name": "Nhà bình yên", "phone": "1900 969 680"}, 1),
        Change(2, "hotlines", "1800111222", False, {**LINE, "name": "Đã gỡ khỏi bản mới", "phone": "1800 111 222"}, 1),
        Change(3, "hotlines", None, False, {**LINE, "phone": "096 306 1414", "name": "Số của tỉnh"}, 1),
    ]
    merged = shipped.merged(mine)
    names = {line.name for line in merged.directory.hotlines}
    assert {"Nhà bình yên", "Đã gỡ khỏi bản mới", "Số của tỉnh"} <= names
    assert "Đường dây nóng Ngày mai" not in names  # the same number: staff know better
    assert merged.faults == (("hotlines", "~3", "phone", "twice"),)
    shipped.refuse_unfit(mine, [*mine, Change(4, "hotlines", None, False, LINE, 1)])  # an old fault does not stand in the way of others
    with pytest.raises(EntryRefused):
        shipped.refuse_unfit(mine, [*mine, Change(4, "hotlines", None, False, {**LINE, "phone": "1900969680"}, 1)])


def test_a_row_is_overdue_after_ninety_days(shipped: Shipped) -> None:
    entry = shipped.merged(()).of("hotlines")[0]
    checked = replace(entry, values={**entry.values, "checked_on": "2026-02-03"})
    assert not overdue(checked, date(2026, 5, 4))
    assert overdue(checked, date(2026, 5, 5))
    assert overdue(entry, TODAY)
    assert not overdue(replace(entry, hidden=True), TODAY)


def test_who_holds_the_directory_sees_the_new_one(shipped: Shipped) -> None:
    live = LiveDirectory(shipped.directory)
    assert live.find_phone("gọi 0290 383 1111 nhé") is None
    live.take_up(shipped.merged([Change(1, "hotlines", None, False, LINE, 1)]).directory)
    found = live.find_phone("gọi 0290 383 1111 nhé")
    assert found is not None
    assert live.fits(found, "Cà Mau")
    assert live.fits(found, "Bạc Liêu")
    assert not live.fits(found, "Hà Nam")
    assert not live.fits(found, None)


# --- the table of changes, on each kind of database


def nothing(*_: Any) -> None:
    return None


@pytest.fixture
def by() -> Iterator[Actor]:
    return Actor("a1", "203.0.113.x")


def test_changes_are_kept_counted_and_audited(store: Store, by: Actor) -> None:
    assert store.directory.read() == (0, ())
    added = RowChange("hotlines", values=GOOD)
    assert (
        store.directory.apply([added, RowChange("hotlines", base="113", values={"cost": "0"}, shipped={"cost": "free"})], nothing, by) == 1
    )
    version, (first, second) = store.directory.read()
    assert (version, first.base, first.values, second.base, second.version) == (1, None, GOOD, "113", 1)
    store.directory.apply([RowChange("hotlines", second.row_id, "113", 1, True, {"cost": "0"})], nothing, by)
    store.directory.apply([RowChange("hotlines", second.row_id, "113", 2, shipped={"cost": "free"})], nothing, by)
    assert store.directory.read() == (3, (first,))
    log = [(entry.action, entry.subject_id, entry.before_json, entry.after_json) for entry in store.audit.search(AuditFilter())]
    assert log[:3] == [
        ("directory_restored", "hotlines:113", '{"cost": "0", "hidden": true}', '{"cost": "free", "hidden": false}'),
        ("directory_changed", "hotlines:113", '{"hidden": false}', '{"hidden": true}'),
        ("directory_changed", "hotlines:113", '{"cost": "free"}', '{"cost": "0"}'),
    ]
    assert log[3][:2] == ("directory_added", f"hotlines:~{first.row_id}")


@pytest.mark.parametrize(
    "late",
    [
        RowChange("hotlines", base="113", values={"cost": "1"}),
        RowChange("hotlines", 99, None, 1, values={"cost": "1"}),
        RowChange("hotlines", base="113", version=7, values={"cost": "1"}),
        RowChange("hotlines", base="114"),
    ],
)
def test_who_comes_late_changes_nothing(store: Store, by: Actor, late: RowChange) -> None:
    store.directory.apply([RowChange("hotlines", base="113", values={"cost": "0"})], nothing, by)
    before = store.directory.read(), store.audit.search(AuditFilter())
    with pytest.raises(DirectoryChanged):
        store.directory.apply([RowChange("bodies", values={"name": "x"}), late], nothing, by)
    with pytest.raises(DirectoryChanged):
        store.directory.apply([RowChange("bodies", values={"name": "x"})], nothing, by, expected=0)
    assert (store.directory.read(), store.audit.search(AuditFilter())) == before


def test_what_is_refused_leaves_nothing_behind(store: Store, by: Actor, shipped: Shipped) -> None:
    with pytest.raises(KnowledgeError):
        store.directory.apply(
            [RowChange("hotlines", values=LINE), RowChange("hotlines", base="113", hidden=True, values=shipped.values("hotlines", "113"))],
            shipped.refuse_unfit,
            by,
        )
    assert store.directory.read() == (0, ())
    assert store.audit.search(AuditFilter()) == ()
