"""/truc/ca/…: reading, taking, answering, correcting, describing, closing, handing on, the report; and everything that is refused."""

from __future__ import annotations

import json
import re
import threading
import zipfile
from io import BytesIO
from typing import Any

import pytest
from duty_house import DeskHouse, do, words
from fastapi.testclient import TestClient

from bot.duty import case_pages, report_process
from bot.duty.report_process import ReportFailed
from bot.duty.view import Words
from knowledge.store import Account

URGENT = json.dumps({"text": "Gọi ngay 113. " + "Ở gần lối ra. " * 40, "hotlines": [{"phone": "113"}, {"phone": "0912"}]})


@pytest.fixture
def lan(house: DeskHouse) -> Account:
    return house.add("lan", "duty_officer", on_duty=True)


@pytest.fixture
def mai(house: DeskHouse) -> Account:
    return house.add("mai", "duty_officer")


@pytest.fixture
def officer(house: DeskHouse, lan: Account) -> TestClient:
    return house.at_desk(lan)


@pytest.fixture
def held(house: DeskHouse, lan: Account) -> str:
    case_id = house.writes("chồng đánh tôi", answer=URGENT)
    house.store.duty.take(case_id, lan.account_id)
    return case_id


def test_a_case_is_read_and_the_look_is_written_down(house: DeskHouse, officer: TestClient, lan: Account) -> None:
    case_id = house.writes("chồng đánh tôi", answer=URGENT, voice="adult", province="Cà Mau")
    page = officer.get(f"/truc/ca/{case_id}")
    said = words(page)
    assert "chồng đánh tôi" in said
    assert "Số đã đưa 113 Công an ; 0912" in said
    assert "Người lớn · Trang web" in said
    assert page.text.count("Gọi ngay 113. Ở gần") == 2  # its beginning, and folded up the whole
    looked = [event.account_id for event in house.store.cases.events(case_id) if event.kind == "looked"]
    assert looked == [lan.account_id]
    officer.get(f"/truc/ca/{case_id}")
    officer.get(f"/truc/ca/{case_id}/moi")
    assert len([event for event in house.store.cases.events(case_id) if event.kind == "looked"]) == 2
    house.clock.forward(minutes=11)
    officer.get(f"/truc/ca/{case_id}/moi")
    assert len([event for event in house.store.cases.events(case_id) if event.kind == "looked"]) == 3


def test_who_is_not_on_duty_sees_who_has_it_and_not_a_word(house: DeskHouse, mai: Account, held: str) -> None:
    house.store.duty.note(held, house.store.cases.get(held).holder or "", "gặp mẹ chị ấy")
    other = house.at_desk(mai)
    for path in (f"/truc/ca/{held}", f"/truc/ca/{held}/moi"):
        page = other.get(path)
        assert "Nguyễn Lan đang giữ" in words(page)
        assert "chồng đánh" not in page.text
        assert "gặp mẹ" not in page.text
    assert other.get(f"/truc/ca/{held}/phieu.docx").status_code == 403
    assert do(other, held, "ghi-chu", text="x").status_code == 403
    assert "looked" not in {event.kind for event in house.store.cases.events(held)}


def test_taking_tells_the_person_who_joined(house: DeskHouse, officer: TestClient, lan: Account) -> None:
    case_id = house.writes("cứu")
    assert do(officer, case_id, "nhan").headers["location"] == f"/truc/ca/{case_id}?xong=nhan#tro-chuyen"
    assert house.store.cases.get(case_id).holder == lan.account_id
    assert [row.text for row in house.store.outbox.after("web:1")] == [
        "Cán bộ trực Nguyễn Lan đã vào cuộc trò chuyện. Từ lúc này, người đọc và trả lời bạn là cán bộ, không phải máy."
    ]
    assert do(officer, case_id, "nhan").status_code == 303  # a second click changes nothing
    assert len(house.store.outbox.after("web:1")) == 1


def test_too_late_says_who_was_faster_and_when(house: DeskHouse, mai: Account, held: str) -> None:
    other = house.at_desk(mai)
    refused = do(other, held, "nhan")
    assert refused.status_code == 409
    assert "Nguyễn Lan đã nhận ca này lúc 10:00 4/5/2026." in words(refused)
    for action, fields in (("tra-loi", {"text": "x"}), ("tra-lai", {}), ("dong", {"outcome": "safe"}), ("lien-he", {"commune": "x"})):
        assert do(other, held, action, **fields).status_code == 409, action
    script = other.post(f"/truc/ca/{held}/nhan", data={"csrf": f"csrf-of-{mai.account_id}"}, headers={"Accept": "application/json"})
    assert (script.status_code, script.json()["reason"]) == (409, "taken")


def test_answering_and_correcting_within_five_minutes(house: DeskHouse, officer: TestClient, held: str) -> None:
    assert do(officer, held, "tra-loi", text="  Tôi đang đọc\r\ntin.  ").headers["location"] == f"/truc/ca/{held}#tro-chuyen"
    [sent] = [row for row in house.store.outbox.after("web:1") if row.author]
    assert (sent.text, sent.lane) == ("Tôi đang đọc\ntin.", "danger")
    page = officer.get(f"/truc/ca/{held}?sua={sent.outgoing_id}").text
    assert f'name="replaces" value="{sent.outgoing_id}"' in page
    assert ">Tôi đang đọc\ntin.</textarea>" in page
    for text in ("Tôi đang nghe.", "Tôi ở đây."):
        house.clock.forward(minutes=2)
        assert do(officer, held, "tra-loi", text=text, replaces=str(sent.outgoing_id)).status_code == 303
    said = words(officer.get(f"/truc/ca/{held}"))
    assert "Tôi 10:00 (đã sửa) Tôi ở đây." in said
    assert "Tôi đang nghe." not in said
    house.clock.forward(minutes=2)
    late = do(officer, held, "tra-loi", text="Muộn rồi", replaces=str(sent.outgoing_id))
    assert (late.status_code, "trong 5 phút" in words(late), ">Muộn rồi</textarea>" in late.text) == (400, True, True)


@pytest.mark.parametrize("outgoing_id", ["999", "-1", "x", "1e3", "²"])
def test_nobody_elses_words_are_corrected(house: DeskHouse, officer: TestClient, held: str, outgoing_id: str) -> None:
    assert do(officer, held, "tra-loi", text="x", replaces=outgoing_id).status_code == 400
    assert officer.get(f"/truc/ca/{held}?sua={outgoing_id}").status_code == 200
    assert house.store.outbox.after("web:1") == ()


@pytest.mark.parametrize("text", ["", "   ", "a" * 2001])
def test_nothing_empty_or_endless_is_sent(house: DeskHouse, officer: TestClient, held: str, text: str) -> None:
    assert do(officer, held, "tra-loi", text=text).status_code == 400
    assert do(officer, held, "ghi-chu", text=text).status_code == 400
    assert house.store.outbox.after("web:1") == ()


def test_ready_replies_fit_the_kind_and_the_voice(house: DeskHouse, lan: Account, officer: TestClient) -> None:
    case_id = house.writes("em muốn chết", kind="suicide", voice="child")
    house.store.duty.take(case_id, lan.account_id)
    page = officer.get(f"/truc/ca/{case_id}?mau=tu-tu").text
    assert ">Cảm ơn em đã nói ra. Cô chú muốn ở lại với em lúc này. Có ai đang ở gần em không?</textarea>" in page
    assert "Bị giữ, bị lừa đưa đi" not in page
    assert ">chao<" not in officer.get(f"/truc/ca/{case_id}?mau=khong-co").text


def test_notes_are_for_colleagues(house: DeskHouse, officer: TestClient, held: str) -> None:
    do(officer, held, "ghi-chu", text="Đã gọi UBND xã")
    assert "Nguyễn Lan 10:00 4/5/2026 Đã gọi UBND xã" in words(officer.get(f"/truc/ca/{held}"))
    assert house.store.outbox.after("web:1") == ()


def test_each_of_the_contact_details_can_be_skipped_and_none_is_overwritten(house: DeskHouse, officer: TestClient, held: str) -> None:
    page = officer.get(f"/truc/ca/{held}").text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.partition('lien-he"')[2].partition("</form>")[0]))
    house.store.duty.describe(held, None, changes={"safe_contact": "nhắn sau 20 giờ"})  # told meanwhile
    typed = {"province": "Cà Mau", "commune": "", "safe_contact": "", "consent": "no"}
    assert officer.post(f"/truc/ca/{held}/lien-he", data=hidden | typed).status_code == 303
    case = house.store.cases.get(held)
    assert (case.province, case.commune, case.safe_contact, case.consent) == ("Cà Mau", None, "nhắn sau 20 giờ", False)
    assert "looked" in {event.kind for event in house.store.cases.events(held)}
    assert do(officer, held, "lien-he", province="Atlantis", commune="Tân An").status_code == 400
    do(officer, held, "lien-he", province="", commune=" Tân  An ", consent="")
    case = house.store.cases.get(held)
    assert (case.province, case.commune, case.consent) == (None, "Tân An", None)


def test_closing_wants_an_outcome_and_that_the_newest_message_was_read(house: DeskHouse, officer: TestClient, held: str) -> None:
    assert do(officer, held, "dong", outcome="", text="x").status_code == 400
    assert do(officer, held, "dong", outcome="won", text="x").status_code == 400
    page = officer.get(f"/truc/ca/{held}").text
    seen = re.search(r'name="mark" value="([^"]+)"', page)
    assert seen
    house.writes("nó quay lại rồi")
    looks = len([event for event in house.store.cases.events(held) if event.kind == "looked"])
    stale = do(officer, held, "dong", outcome="safe", text="Đã gọi lại", mark=seen[1])
    assert stale.status_code == 409
    assert "ca có tin mới" in words(stale)
    assert "nó quay lại rồi" in words(stale)  # the form brings them along, and so it is a look (`do` has looked, too)
    assert len([event for event in house.store.cases.events(held) if event.kind == "looked"]) == looks + 2
    assert f'name="mark" value="{int(seen[1]) + 1}"' in stale.text
    assert '<option value="safe" selected>' in stale.text
    assert ">Đã gọi lại</textarea>" in stale.text
    assert do(officer, held, "dong", outcome="police", text="Công an xã đã tới").headers["location"] == "/truc"
    case = house.store.cases.get(held)
    assert (case.state, case.outcome_code, case.outcome) == ("closed", "police", "Đã chuyển công an. Công an xã đã tới")
    assert house.store.outbox.after("web:1")[-1].text.startswith("Cán bộ trực đã rời cuộc trò chuyện")
    again = do(officer, held, "dong", outcome="police", mark="x")
    assert (again.status_code, "Ca này đã đóng lúc 10:00 4/5/2026" in words(again)) == (409, True)


def test_a_message_that_comes_in_the_moment_of_closing_is_read_first(
    house: DeskHouse, officer: TestClient, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = house.store.duty.close

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        house.writes("nó quay lại rồi")
        return close(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(house.store.duty, "close", meanwhile)
        late = do(officer, held, "dong", outcome="safe")
    assert (late.status_code, "ca có tin mới" in words(late), "nó quay lại rồi" in words(late)) == (409, True, True)
    assert house.store.cases.get(held).state == "taken"
    for mark in ("", "x", "²", "-1", "9" * 30):
        assert do(officer, held, "dong", outcome="safe", mark=mark).status_code == 409
    assert do(officer, held, "dong", outcome="safe").status_code == 303


def test_a_form_that_is_sent_twice_is_one_message(house: DeskHouse, officer: TestClient, held: str) -> None:
    key = re.search(r'name="key" value="([\w-]{16,})"', officer.get(f"/truc/ca/{held}").text)
    assert key
    for _ in range(2):
        assert do(officer, held, "tra-loi", text="Tôi đây.", key=key[1]).status_code == 303
    do(officer, held, "tra-loi", text="Tôi đây.")  # a new page, a new message
    assert [row.text for row in house.store.outbox.after("web:1")] == ["Tôi đây."] * 2


def test_opening_again(house: DeskHouse, officer: TestClient, held: str, lan: Account) -> None:
    do(officer, held, "dong", outcome="safe")
    assert do(officer, held, "mo-lai").headers["location"] == f"/truc/ca/{held}?xong=mo-lai#tro-chuyen"
    case = house.store.cases.get(held)
    assert (case.state, case.holder, case.outcome, case.outcome_code, case.closed_at) == ("taken", lan.account_id, None, None, None)
    assert [event.kind for event in house.store.cases.events(held)][-3:-1] == ["reopened", "taken"]
    do(officer, held, "dong", outcome="safe")
    house.clock.forward(hours=73)
    newer = house.writes("lại đánh tôi")
    assert newer != held
    officer = house.at_desk(lan)
    refused = do(officer, held, "mo-lai")
    assert (refused.status_code, "một ca khác đang mở" in words(refused)) == (409, True)
    house.store.retention.erase(held)
    assert do(officer, held, "mo-lai").status_code == 409
    assert "Mở lại ca" not in words(officer.get(f"/truc/ca/{held}"))
    assert do(officer, held, "ghi-chu", text="tên thật của chị ấy").status_code == 409
    assert house.store.duty.file(held).notes == ()


def test_handing_on_and_giving_back(house: DeskHouse, officer: TestClient, held: str, lan: Account, mai: Account) -> None:
    editor = house.add("minh", "editor")
    for to in ("", lan.account_id, editor.account_id, "x"):
        assert do(officer, held, "chuyen", to=to).status_code == 400
    assert do(officer, held, "chuyen", to=mai.account_id).headers["location"] == "/truc"
    assert house.store.cases.get(held).holder == mai.account_id
    other = house.at_desk(mai)
    assert "chồng đánh tôi" in other.get(f"/truc/ca/{held}").text
    assert do(other, held, "tra-lai").headers["location"] == "/truc"
    case = house.store.cases.get(held)
    assert (case.state, case.holder, case.asked) == ("open", None, (mai.account_id,))
    refused = do(other, held, "tra-loi", text="còn đây")
    assert (refused.status_code, "không còn giữ ca này" in words(refused)) == (409, True)


def test_a_form_from_elsewhere_changes_nothing(house: DeskHouse, officer: TestClient) -> None:
    case_id = house.writes("cứu")
    assert officer.post(f"/truc/ca/{case_id}/nhan", data={"csrf": "guessed"}).status_code == 403
    assert officer.post(f"/truc/ca/{case_id}/nhan", headers={"Origin": "https://evil.example"}).status_code == 403
    assert officer.get(f"/truc/ca/{case_id}/nhan").status_code in (404, 405)
    assert house.store.cases.get(case_id).state == "open"


def test_there_is_no_such_case_or_action(house: DeskHouse, officer: TestClient, held: str) -> None:
    for case_id, action in (("TG-NONE", "nhan"), (held, "nhay"), ("%27", "dong")):
        assert do(officer, case_id, action).status_code == 404
    assert words(officer.get("/truc/ca/TG-NONE")).count("Không có ca này") == 1
    assert officer.get(f"/truc/ca/{held}/phieu.exe").status_code in (400, 404, 422)


def test_the_report_in_both_forms(house: DeskHouse, officer: TestClient, held: str) -> None:
    document = officer.get(f"/truc/ca/{held}/phieu.docx")
    with zipfile.ZipFile(BytesIO(document.content)) as parts:
        assert "chồng đánh tôi" in parts.read("word/document.xml").decode()
    assert document.headers["content-disposition"] == f'attachment; filename="phieu-{held}.docx"'
    assert document.headers["cache-control"] == "no-store"
    assert officer.get(f"/truc/ca/{held}/phieu.pdf").content.startswith(b"%PDF-")
    assert [event.detail for event in house.store.cases.events(held) if event.kind == "exported"] == [{"form": "docx"}, {"form": "pdf"}]


def test_a_report_that_takes_too_long_is_given_up(
    house: DeskHouse, officer: TestClient, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = case_pages.laid_out
    monkeypatch.setattr(case_pages, "laid_out", lambda report, made_at, file: whole(report, made_at, file, limit_s=0.01))
    refused = officer.get(f"/truc/ca/{held}/phieu.pdf")
    assert (refused.status_code, "Chưa làm được phiếu" in words(refused)) == (503, True)
    assert "exported" not in {event.kind for event in house.store.cases.events(held)}
    with pytest.raises(ReportFailed):
        whole(None, house.clock(), "pdf")  # type: ignore[arg-type]  # the process dies of it
    monkeypatch.setattr(report_process, "_AT_ONCE", threading.BoundedSemaphore(1))
    with report_process._AT_ONCE, pytest.raises(ReportFailed):
        whole(None, house.clock(), "pdf", limit_s=0.01)  # type: ignore[arg-type]  # others are before it for too long


def test_every_ready_reply_can_be_worded(house: DeskHouse, officer: TestClient, lan: Account) -> None:
    rows = Words.load()._canned
    assert len(rows) >= 20
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        for voice in ("child", "other"):
            worded = row[voice].format(you="anh/chị", You="Anh/chị", name="Lan", numbers="113 (Công an)")
            assert len(worded) <= 300
            assert "bí mật" not in worded
        assert "anh/chị" not in row["child"].format(you="anh/chị", You="x", name="", numbers="")
