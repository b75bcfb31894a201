"""Who has a task now and which province is which: changed by staff, tried on answers first, kept, taken back."""

from __future__ import annotations

import json
from datetime import date

import pytest
from keeping_house import HERE, KeepingHouse, filled, send
from people_house import BY

from actions.notices import Notices
from actions.texts import Texts
from knowledge.model import Document, Metadata
from knowledge.store import AuditFilter, RowChange, Store

TODAY = date(2026, 5, 4)
PLAN = Metadata("Kế hoạch", None, None, None, None, None, None, None, None, None, (), None)
GENDER = f"{HERE}/successions/binh-dang-gioi"


@pytest.fixture
def answering(house: KeepingHouse) -> KeepingHouse:
    """With something published and gold questions to try a change on."""
    house.documents.append(Document("d1", "a.txt", "x", PLAN))
    for number, question in enumerate(("Bến Tre", "bình đẳng giới", "An Giang")):
        house.store.gold.add(f"g{number}", None, question, "answer", (), BY)
    return house


def test_a_province_is_tried_on_answers_and_kept_only_then(answering: KeepingHouse, store: Store) -> None:
    house, editor = answering, answering.browser("editor")
    forgotten: list[int] = []
    house.keeper.when_changed = lambda: forgotten.append(1)
    source = "Nghị quyết 202/2025/QH15"
    mine = f"{HERE}/provinces/vinh-long"
    page = send(editor, mine, now="Vĩnh Long", source=source)
    assert page.status_code == 200
    assert "Không câu hỏi mẫu nào đổi" in page.text
    assert house.store.directory.read()[1] == ()  # nothing is kept yet
    assert editor.post(mine, data=filled(page.text, mine) | {"ghi": "1"}).headers["location"] == f"{mine}?xong=saved"
    here = f"{HERE}/provinces/ben-tre"
    page = send(editor, here, now="Vĩnh Long", source=source)
    assert "<h3>Bến Tre" in page.text
    assert ('<p class="said">Về Bến Tre:' in page.text, '<p class="said">Vĩnh Long' in page.text, "<h3>An Giang" in page.text) == (
        True,
        True,
        False,
    )
    tried = editor.post(here, data=filled(page.text, here) | {"hoi": "An Giang"})
    assert "<h3>An Giang" in tried.text  # a question of one's own, though nothing changes
    assert house.keeper.gazetteer.now("Bến Tre") is None
    kept = editor.post(here, data=filled(tried.text, here) | {"ghi": "1"})
    assert kept.status_code == 303
    assert house.keeper.gazetteer.now("Bến Tre") == "Vĩnh Long"
    assert house.keeper.gazetteer.kin("Bến Tre") == ("Bến Tre", "Vĩnh Long")
    assert len(forgotten) == 2
    entry = house.store.audit.search(AuditFilter())[0]
    assert (entry.action, json.loads(entry.after_json or "")) == ("directory_changed", {"now": "Vĩnh Long", "source": source})
    # A line of the new province is for those of the old one, too.
    line = {
        "name": "Tổng đài Vĩnh Long",
        "phone": "0270 382 2222",
        "hours": "24/7",
        "opening": "24/7",
        "area": "Vĩnh Long",
        "source": source,
    }
    assert send(editor, f"{HERE}/hotlines/them", **line).status_code == 303
    assert house.keeper.live.fits(house.keeper.live.by_phone("02703822222"), "Bến Tre")  # type: ignore[arg-type]
    back = send(editor, here, f"{here}/ban-goc")
    assert "Vĩnh Long" in back.text
    assert editor.post(f"{here}/ban-goc", data=filled(back.text, f"{here}/ban-goc") | {"ghi": "1"}).status_code == 303
    assert house.keeper.gazetteer.now("Bến Tre") is None


def test_what_cannot_be_is_refused(answering: KeepingHouse) -> None:
    editor = answering.browser("editor")
    source = "Nghị quyết 202/2025/QH15"
    for now, why in (("Toàn quốc", "chưa được ghi"), ("Tây Ninh", "chưa được ghi"), ("Atlantis", "chọn một tỉnh")):
        refused = send(editor, f"{HERE}/provinces/long-an", now=now, source=source)
        assert (refused.status_code, why in refused.text) == (400, True), now
    # Others have become part of Cà Mau, so it stays itself.
    assert send(editor, f"{HERE}/provinces/ca-mau", now="Đồng Nai").status_code == 400
    assert send(editor, f"{HERE}/provinces/long-an", source="?").status_code == 400
    assert send(editor, f"{HERE}/provinces/long-an", name="Long Anh", now="").status_code == 400
    token = filled(editor.get(f"{HERE}/provinces/long-an").text, f"{HERE}/provinces/long-an")
    assert editor.post(f"{HERE}/provinces/long-an/an", data=token).status_code == 400
    for path in ("provinces/them", "provinces/nhap", "successions/nhap", "provinces/long-an/da-kiem-tra"):
        assert editor.post(f"{HERE}/{path}", data=token).status_code == 404
    assert send(editor, GENDER, since="hôm qua").status_code == 400
    assert answering.store.directory.read() == (0, ())


def test_who_has_a_task_now_is_said_as_staff_have_it(answering: KeepingHouse) -> None:
    house, editor = answering, answering.browser("editor")
    notices = Notices(Texts.load(), house.keeper.gazetteer, house.keeper.successions)

    def said(words: str, topic: str = "") -> str:
        return " ".join(notices.body(words, topic, TODAY))

    assert "Sở Nội vụ" in said("Sở Lao động - Thương binh và Xã hội", "bình đẳng giới")
    page = send(editor, GENDER, now="Sở Tư pháp", topic_words="Bình đẳng giới, phòng chống bạo lực gia đình")
    assert "<h3>bình đẳng giới" in page.text
    assert "binh dang gioi, phong chong bao luc gia dinh" in page.text
    assert editor.post(GENDER, data=filled(page.text, GENDER) | {"ghi": "1"}).status_code == 303
    assert "Sở Tư pháp" in said("Sở Lao động - Thương binh và Xã hội", "phòng chống bạo lực gia đình")
    new = {
        "task": "nghệ thuật quần chúng",
        "was": "Sở Văn hóa cũ",
        "was_words": "Sở Văn hóa cũ",
        "now": "Sở Văn hóa",
        "since": "2025-03-01",
    }
    there = f"{HERE}/successions/them"
    page = send(editor, there, **new, topic_words="", source="Nghị quyết 18-NQ/TW")
    assert editor.post(there, data=filled(page.text, there) | {"ghi": "1"}).status_code == 303
    assert "Sở Văn hóa" in said("do Sở Văn hóa cũ chủ trì")
    row = house.keeper.merged.of("successions")[-1]
    page = send(editor, f"{HERE}/successions/{row.key}", f"{HERE}/successions/{row.key}/an")
    assert (
        editor.post(
            f"{HERE}/successions/{row.key}/an", data=filled(page.text, f"{HERE}/successions/{row.key}/an") | {"ghi": "1"}
        ).status_code
        == 303
    )
    assert said("do Sở Văn hóa cũ chủ trì") == ""
    assert "Vĩnh" in editor.get(f"{HERE}/provinces?q=vinh").text
    assert "Sở Tư pháp" in editor.get(f"{HERE}/successions").text
    assert "Bến Tre" in editor.get(f"{HERE}/provinces.csv").text


def test_without_an_index_a_change_can_be_kept_all_the_same(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    page = send(editor, GENDER, now="Sở Tư pháp")
    assert "Chưa có chỉ mục" in page.text
    assert editor.post(GENDER, data=filled(page.text, GENDER) | {"ghi": "1"}).status_code == 303
    stale = editor.post(GENDER, data=filled(page.text, GENDER) | {"ghi": "1"})
    assert stale.status_code == 409


def test_a_row_without_a_day_has_no_place_and_stops_nothing(house: KeepingHouse, store: Store) -> None:
    values = {**house.keeper.shipped.values("successions", "binh-dang-gioi"), "since": ""}
    store.directory.apply([RowChange("successions", base="binh-dang-gioi", values=values)], lambda *_: None, BY)
    assert house.keeper.refresh()
    assert house.keeper.merged.faults == (("successions", "binh-dang-gioi", "since", "date"),)
    assert "Dòng không còn chỗ" in house.browser("editor").get(HERE).text
    assert len(house.keeper.successions) == 2


def test_a_word_of_the_people_is_checked_before_it_is_kept(answering: KeepingHouse, store: Store) -> None:
    house, editor = answering, answering.browser("editor")
    there = f"{HERE}/words/them"
    good = {"name": "chim non", "official": "trẻ mồ côi, trẻ em mồ côi", "scope": "person", "source": "sổ trực"}
    for wrong, why in (
        ({"official": "Chim non"}, "giống hệt"),
        ({"not_with": "chim"}, "đã nằm trong"),
        ({"scope": "animal"}, "lựa chọn"),
        ({"official": " , "}, "cần điền"),
        ({"name": "…"}, "cần điền"),
    ):
        refused = send(editor, there, **(good | wrong))
        assert (refused.status_code, why in refused.text) == (400, True), wrong
    page = send(editor, f"{there}?hoi=chim+non+%3Cb%3E", there, **good)
    assert "<h3>chim non &lt;b&gt;" in page.text  # the question that it was missed in is tried at once
    assert editor.post(there, data=filled(page.text, there) | {"ghi": "1"}).status_code == 303
    assert house.keeper.merged.words[0]["official"] == "trẻ mồ côi|trẻ em mồ côi"
    again = send(editor, there, **good)
    assert (again.status_code, "đã có ở dòng khác" in again.text) == (400, True)
    assert "trẻ mồ côi, trẻ em mồ côi (Người)" in editor.get(f"{HERE}/words").text
    assert house.store.audit.search(AuditFilter())[0].action == "directory_added"
