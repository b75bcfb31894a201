"""The directory in forms: who may, what is refused, what becomes of a change, and that no field can do harm."""

from __future__ import annotations

import json

import pytest
from keeping_house import HERE, KeepingHouse, filled, send

from actions.first_answer import first_answer
from actions.triage import Assessment, Risk
from bot.directory.keeper import DirectoryKeeper
from knowledge.errors import StoreError
from knowledge.places import Gazetteer
from knowledge.store import AuditFilter

NEW = {
    "name": "Đường dây nóng trẻ em Cà Mau",
    "phone": "0290 383 1111",
    "hours": "Giờ hành chính",
    "opening": "T2-T6 07:00-11:00, 13:00-17:00",
    "purposes": ["child_abuse"],
    "area": "Cà Mau",
    "source": "https://camau.gov.vn/duong-day-nong",
}


def test_only_those_who_keep_it_get_there(house: KeepingHouse) -> None:
    lan = house.browser("collaborator", "approver", "duty_officer")
    for path in (
        HERE,
        f"{HERE}/hotlines",
        f"{HERE}/hotlines/them",
        f"{HERE}/hotlines/113",
        f"{HERE}/hotlines.csv",
        f"{HERE}/hotlines/nhap",
    ):
        assert lan.get(path).status_code == 403
    assert lan.post(f"{HERE}/hotlines/113/an").status_code == 403
    assert house.browser("administrator").get(HERE).status_code == 200
    page = house.browser("editor").get(HERE).text
    assert "Đường dây nóng" in page
    assert 'href="/can-bo/danh-ba" aria-current="page"' in page


def test_a_form_of_another_site_does_nothing(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    assert editor.post(f"{HERE}/hotlines/them", data=NEW).status_code == 403
    assert editor.post(f"{HERE}/hotlines/them", data=NEW | {"csrf": "x"}).status_code == 403
    assert house.store.directory.read() == (0, ())


def test_a_line_is_added_and_in_use_at_once(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    assert send(editor, f"{HERE}/hotlines/them", **NEW).headers["location"] == f"{HERE}/hotlines?xong=saved"
    assert "Đường dây nóng trẻ em Cà Mau" in editor.get(f"{HERE}/hotlines?q=tre em ca mau").text
    line = house.keeper.live.by_phone("02903831111")
    assert line is not None
    assert (line.opening, line.area) == ("Mon-Fri 07:00-11:00,13:00-17:00", "Cà Mau")
    assert house.keeper.live.is_open(line, house.clock())
    # Bạc Liêu is part of Cà Mau today.
    assert next(row.phone for row in house.keeper.live.for_purpose(["child_abuse"], "Bạc Liêu", house.clock())) == line.phone
    assert "T2-T6 07:00-11:00,13:00-17:00" in editor.get(f"{HERE}/hotlines/~1").text


def test_what_does_not_fit_is_told_and_what_was_typed_stays(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    bad = NEW | {
        "phone": "09x",
        "area": "Sao Hỏa",
        "source": "javascript:alert(1)",
        "opening": "sáng",
        "name": '"><script>alert(1)</script>',
    }
    refused = send(editor, f"{HERE}/hotlines/them", **bad, checked_on="2026-05-05")
    assert refused.status_code == 400
    for said in ("số chưa đúng", "chọn một tỉnh", "ghi địa chỉ trang", "chưa đọc được", "ngày này chưa đến"):
        assert said in refused.text
    assert "<script>alert" not in refused.text
    assert filled(refused.text, f"{HERE}/hotlines/them")["name"] == '"><script>alert(1)</script>'
    assert house.store.directory.read() == (0, ())
    assert "số này đã có ở dòng khác" in send(editor, f"{HERE}/hotlines/them", **NEW | {"phone": "1-1-3"}).text


@pytest.mark.parametrize("number", ["111", "113", "114", "115"])
def test_nobody_is_left_without_a_number(house: KeepingHouse, number: str) -> None:
    administrator = house.browser("administrator")
    there = f"{HERE}/hotlines/{number}"
    page = administrator.get(there).text
    form = filled(page, there)
    assert "phone" not in form
    assert f'action="{there}/an"' not in page
    for fields in ({"phone": "0912345678"}, {"opening": "đã ngừng"}, {"replaced_by": "1900 969 680"}, {"area": "Cà Mau"}, {"purposes": []}):
        refused = administrator.post(there, data=form | fields)
        assert (refused.status_code, "số khẩn cấp, không ẩn hay đổi được" in refused.text) == (400, True)
    assert administrator.post(f"{there}/an", data={"csrf": form["csrf"], "ban": "0"}).status_code == 400
    assert house.store.directory.read() == (0, ())
    assert administrator.post(there, data=form | {"cost": "không mất tiền"}).status_code == 303
    line = house.keeper.live.by_phone(number)
    assert line is not None
    assert (line.cost, line.opening) == ("không mất tiền", "24/7")


def test_a_line_is_hidden_shown_again_and_taken_back(house: KeepingHouse) -> None:
    editor, there = house.browser("editor"), f"{HERE}/hotlines/0963061414"
    send(editor, there, cost="miễn phí")
    send(editor, there, f"{there}/an")
    assert house.keeper.live.by_phone("0963061414") is None
    send(editor, there, f"{there}/mo")
    line = house.keeper.live.by_phone("0963061414")
    assert line is not None
    assert line.cost == "miễn phí"
    send(editor, there, f"{there}/ban-goc")
    assert house.keeper.merged == house.keeper.shipped.merged(())
    assert 'action="/can-bo/danh-ba/hotlines/0963061414/ban-goc"' not in editor.get(there).text
    # 18001567 leads on to 111, and a number that others lead on to stays.
    send(editor, f"{HERE}/hotlines/them", **NEW | {"phone": "0290 383 2222", "replaced_by": "096 306 1414"})
    assert "số thay thế chưa có" in send(editor, there, f"{there}/an").text


def test_two_who_change_one_row(house: KeepingHouse) -> None:
    lan, minh, there = house.browser("editor"), house.browser("editor"), f"{HERE}/hotlines/1900969680"
    form = filled(minh.get(there).text, there)
    send(lan, there, cost="1.000 đồng một phút")
    late = minh.post(there, data=form | {"cost": "miễn phí"})
    assert late.status_code == 409
    assert "Có người vừa sửa" in late.text
    assert filled(late.text, there)["cost"] == "1.000 đồng một phút"
    assert minh.post(f"{there}/an", data={"csrf": form["csrf"], "ban": "0"}).status_code == 409
    line = house.keeper.live.by_phone("1900969680")
    assert line is not None
    assert line.cost == "1.000 đồng một phút"


def test_the_audit_log_says_before_and_after(house: KeepingHouse) -> None:
    editor, there = house.browser("editor"), f"{HERE}/hotlines/1900969680"
    send(editor, there, cost="miễn phí")
    entry = house.store.audit.search(AuditFilter(action="directory_changed"))[0]
    assert (entry.subject_id, json.loads(entry.before_json or ""), json.loads(entry.after_json or "")) == (
        "hotlines:1900969680",
        {"cost": "có tính phí"},
        {"cost": "miễn phí"},
    )
    page = house.browser("administrator").get("/quan-tri/nhat-ky").text
    assert "Sửa danh bạ" in page
    assert "cước: miễn phí" in page


def test_what_nobody_has_checked_is_listed_until_somebody_has(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    there = f"{HERE}/hotlines/1900969680"
    assert f'action="{there}/da-kiem-tra"' in editor.get(HERE).text
    assert send(editor, HERE, f"{there}/da-kiem-tra").headers["location"] == f"{HERE}?xong=checked"
    assert f'action="{there}/da-kiem-tra"' not in editor.get(HERE).text
    assert "kiểm tra ngày 4/5/2026" in editor.get(f"{HERE}/hotlines").text
    house.clock.forward(days=90)
    still = house.browser("editor")
    assert f'action="{there}/da-kiem-tra"' not in still.get(HERE).text
    house.clock.forward(hours=23)
    assert f'action="{there}/da-kiem-tra"' in house.browser("editor").get(HERE).text
    assert f'action="{HERE}/hotlines/18001567/da-kiem-tra"' not in still.get(HERE).text  # out of use


@pytest.mark.parametrize(
    "evil", ["'; DROP TABLE directory_rows; --", "<img src=x onerror=alert(1)>", "{{ 8191*8191 }}", "%s%n \\ ☠ \ud83d\ude00"]
)
def test_every_field_is_harmless(house: KeepingHouse, evil: str) -> None:
    evil = evil.encode("utf-16", "surrogatepass").decode("utf-16")
    editor = house.browser("editor")
    card = {"name": evil, "words": evil, "province": "Toàn quốc", "who": evil, "papers": evil, "where": evil, "how_long": evil}
    card |= {"fee": evil, "legal_basis": evil, "phone": "1022", "hours": evil, "source": f"sách {evil}"}
    assert send(editor, f"{HERE}/procedures/them", **card).status_code == 303
    for page in (f"{HERE}/procedures", f"{HERE}/procedures/~1", HERE, f"{HERE}/procedures?q={evil}"):
        text = editor.get(page).text
        assert "<img" not in text
        assert "67092481" not in text
    assert filled(editor.get(f"{HERE}/procedures/~1").text, f"{HERE}/procedures/~1")["who"] == evil
    for path in (f"{HERE}/{evil}", f"{HERE}/hotlines/{evil}", f"{HERE}/hotlines/113/{evil}"):
        assert editor.get(path).status_code in (404, 405)
    assert [entry.values["name"] for entry in house.keeper.merged.of("procedures")] == [evil]


def test_so_is_every_field_of_every_table(house: KeepingHouse) -> None:
    evil = "';DROP TABLE x;--<img src=x onerror=a>{{ 8191*8191 }}"
    typed = {
        "phone": "02903831111", "opening": "24/7", "area": "Cà Mau", "province": "Cà Mau", "level": "province", "since": "2025-03-01",
        "scope": "need", "source": f"sách {evil}",
    }  # fmt: skip
    names = "name hours cost duties address for_whom what task topic_words was was_words now official only_with not_with"
    typed |= dict.fromkeys(names.split(), evil)
    editor = house.browser("editor")
    for kind in ("hotlines", "bodies", "services", "successions", "words"):
        page = send(editor, f"{HERE}/{kind}/them", **typed)
        if page.status_code == 200:  # tried first
            page = editor.post(f"{HERE}/{kind}/them", data=filled(page.text, f"{HERE}/{kind}/them") | {"ghi": "1"})
        assert page.status_code == (400 if kind == "words" else 303)  # words of no document are refused
        listed = editor.get(f"{HERE}/{kind}").text
        assert ("DROP TABLE" in listed) is (kind != "words")
        for text in (page.text, listed, editor.get(f"{HERE}/{kind}/~1").text, editor.get(f"{HERE}/{kind}", params={"q": evil}).text):
            assert "<img" not in text
            assert "67092481" not in text


def test_another_process_takes_it_up_and_danger_needs_no_database(
    house: KeepingHouse, gazetteer: Gazetteer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = DirectoryKeeper.load(house.store, gazetteer)
    assert other.refresh()
    assert not other.refresh()
    send(house.browser("editor"), f"{HERE}/hotlines/them", **NEW)
    assert other.live.by_phone(NEW["phone"]) is None  # type: ignore[arg-type]
    assert other.refresh()
    assert other.live.by_phone(NEW["phone"])  # type: ignore[arg-type]

    def down() -> int:
        raise StoreError("The database does not answer.")

    monkeypatch.setattr(house.store.directory, "version", down)
    with pytest.raises(StoreError):
        other.refresh()
    danger = Assessment(Risk.DANGER_NOW, ("child_abuse",), "self", ())
    said = first_answer(danger, house.clock(), other.live, "Cà Mau", case_noted=True)
    assert {"111", "113", "0290 383 1111"} <= {line.phone for line in said.hotlines}
