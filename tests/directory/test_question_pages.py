"""What people asked: who may look, what never appears, what is shown, and what staff make of it."""

from __future__ import annotations

import json
import re

import pytest
from keeping_house import KeepingHouse, filled, send
from people_house import BY

from actions.assistant import Assistant
from actions.triage import Triage
from bot.questions.pages import PresentAnswer
from knowledge.model import Document, Metadata
from knowledge.store import AuditFilter

HERE = "/can-bo/cau-hoi"


def links(page: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(rf'<a href="({HERE}/[0-9a-f]{{12}}\?[^"]*)"', page)]


def texts(house: KeepingHouse, **query: str) -> list[str]:
    page = house.browser("editor").get(HERE, params=query).text
    return re.findall(rf'<a href="{HERE}/[0-9a-f]{{12}}\?[^"]*">([^<]*)</a>', page)


def some(house: KeepingHouse) -> None:
    for _ in range(3):
        house.asks("trẻ mồ côi được hỗ trợ bao nhiêu tiền", "abstain", who="web:1")
    house.asks("Trẻ mồ côi ở Cà Mau được hỗ trợ bao nhiêu tiền? Số em là 0912 345 678", "abstain", who="zalo:2", channel="zalo-bot")
    house.asks("Chị Hoa hỏi giấy khuyết tật", "answer", who="telegram:3", channel="telegram")
    house.store.chats.feedback("telegram:3", "m5", False)
    house.asks("Cơ sở nào nuôi người già?", "answer", who="web:4")


@pytest.mark.parametrize("role", ["collaborator", "approver", "duty_officer"])
def test_only_those_who_keep_the_documents_get_there(house: KeepingHouse, role: str) -> None:
    client = house.browser(role)
    assert {client.get(path).status_code for path in (HERE, f"{HERE}/viec", f"{HERE}/{'a' * 12}")} == {403}
    assert client.post(f"{HERE}/{'a' * 12}/mau").status_code == 403


def test_the_unhelped_are_masked_grouped_and_counted(house: KeepingHouse) -> None:
    some(house)
    page = house.browser("administrator").get(HERE)
    assert page.status_code == 200
    assert texts(house) == ["trẻ mồ côi được hỗ trợ bao nhiêu tiền", "Chị [tên] hỏi giấy khuyết tật"]
    for said in ("2 nhóm, 5 câu", "4 lần", "Chưa trả lời được: 4", "Bị chê: 1", "Cà Mau: 1", "Zalo Bot: 1", "7 ngày qua: 4 (tuần trước 0)"):
        assert said in page.text
    for hidden in ("0912", "Hoa", "người già"):
        assert hidden not in page.text
    one = house.browser("editor").get(links(page.text)[0]).text
    assert "0912" not in one
    assert "[số điện thoại]" in one
    assert "(3 lần)" in one


def test_the_filters_narrow_it_down(house: KeepingHouse) -> None:
    some(house)
    assert len(texts(house, tinh="Cà Mau")) == len(texts(house, kenh="telegram")) == len(texts(house, vi="down_voted")) == 1
    assert texts(house, tinh="Hà Nam") == []
    assert len(texts(house, ngay="x", tinh="Sao Hỏa", kenh="'", vi="<b>")) == 2


def test_a_trend_and_what_is_too_old(house: KeepingHouse) -> None:
    house.asks("giấy khuyết tật làm ở đâu", "abstain")
    house.asks("giấy khuyết tật làm ở đâu", "abstain")
    assert "Mới tuần này" in house.browser("editor").get(HERE).text
    house.clock.forward(days=10)
    house.asks("giấy khuyết tật làm ở đâu", "abstain")
    page = house.browser("editor").get(f"{HERE}?ngay=7").text
    assert "1 lần" in page
    assert "7 ngày qua: 1 (tuần trước 2)" in page
    assert "Đang giảm" in page
    assert "3 lần" in house.browser("editor").get(f"{HERE}?ngay=30").text
    house.clock.forward(days=31)
    assert texts(house) == []


def test_a_run_of_asking_back_counts_once_by_its_first_question(house: KeepingHouse) -> None:
    for text, kind in (("cho hỏi tiền", "clarify"), ("tiền ấy", "clarify"), ("tiền trợ cấp", "clarify"), ("ở Cà Mau", "answer")):
        house.asks(text, kind, who="web:1")
    house.asks("hỏi về hồ sơ", "clarify", who="web:2")
    house.asks("hồ sơ khuyết tật", "answer", who="web:2")
    house.asks("còn giấy tờ", "clarify", who="web:2")
    assert texts(house) == ["cho hỏi tiền"]


def test_no_word_of_who_is_or_was_in_danger_or_with_an_officer(house: KeepingHouse) -> None:
    house.asks("câu trước khi kể", "abstain", who="web:1")
    house.asks("chồng em đánh em", "urgent", who="web:1", danger=True)
    house.asks("câu sau khi kể", "abstain", who="web:1")
    house.store.chats.feedback("web:1", "m1", False)
    house.asks("câu cùng chuyện", "abstain", who="web:2")
    house.asks("sắp chết rồi", "urgent", who="web:2")  # whose case has not reached the database
    assert texts(house) == []
    case = house.store.cases.list()[0]
    house.store.cases.close(case.case_id, "done")
    assert texts(house) == []


def test_a_question_is_gone_with_its_message(house: KeepingHouse) -> None:
    some(house)
    (first, _) = links(house.browser("editor").get(HERE).text)
    house.store.conversations.purge(house.clock())
    assert len(texts(house)) == 2
    house.clock.forward(minutes=1)
    house.store.conversations.purge(house.clock())
    assert texts(house) == []
    gone = house.browser("editor").get(first)
    assert (gone.status_code, "không còn" in gone.text) == (404, True)


NOTHING = Metadata(None, None, "Kế hoạch trẻ em", None, None, None, None, None, None, None, (), None)


def with_document(house: KeepingHouse) -> None:
    """A published document, so that there is an index."""
    document = Document("d1", "a.txt", "Trẻ em mồ côi được hỗ trợ theo Điều 5.\n", NOTHING)
    house.store.documents.add_version("d1", source_file="a.txt", content=b"x", text=document.text, metadata_json="{}")
    house.documents.append(document)


def test_a_gold_question_from_a_group(house: KeepingHouse) -> None:
    some(house)
    with_document(house)
    editor = house.browser("editor")
    there = links(editor.get(HERE).text)[0]
    path, _, query = there.partition("?")
    page = editor.get(there).text
    assert "Chưa có trong tài liệu: trẻ mồ côi được hỗ trợ bao nhiêu tiền" in page
    assert ">Kế hoạch trẻ em</option>" in page
    good = {"kieu": "answer", "tai-lieu": "d1", "cau-chu": "được  hỗ trợ theo điều 5", "sach": "1"}
    for wrong, said in (
        ({"cau": " "}, "Cần điền câu hỏi"),
        ({"cau": "x" * 301}, "Dài quá"),
        ({"cau": "Gọi 0912345678?"}, "còn số điện thoại"),
        ({"sach": ""}, "đánh dấu vào ô xác nhận"),
        ({"kieu": "bịa"}, "lựa chọn chưa đúng"),
        ({"tai-lieu": "d9"}, "lựa chọn chưa đúng"),
        ({"kieu": "abstain"}, "lựa chọn chưa đúng"),
        ({"cau-chu": "được một tỷ đồng"}, "Không thấy trong tài liệu"),
    ):
        refused = send(editor, there, f"{path}/mau?{query}".replace("&", "&amp;"), **good | wrong)
        assert (refused.status_code, said in refused.text) == (400, True), said
    assert house.store.questions.gold() == ()
    kept = send(editor, there, f"{path}/mau?{query}".replace("&", "&amp;"), **good)
    assert kept.headers["location"] == f"{there}&xong=gold"
    (gold,) = house.store.questions.gold()
    assert (gold.question, gold.kind) == ("trẻ mồ côi được hỗ trợ bao nhiêu tiền", "answer")
    assert (gold.document_id, gold.evidence) == ("d1", ("được  hỗ trợ theo điều 5",))
    assert "Đã có câu hỏi mẫu" in editor.get(there).text
    assert "Câu hỏi mẫu này đã có" in send(editor, there, f"{path}/mau?{query}".replace("&", "&amp;"), **good).text
    assert [entry.action for entry in house.store.audit.search(AuditFilter(action="gold_added"))] == ["gold_added"]


def test_trying_other_words(house: KeepingHouse) -> None:
    some(house)
    editor = house.browser("editor")
    there = links(editor.get(HERE).text)[0]
    path, _, query = there.partition("?")
    assert "chưa hỏi thử được" in editor.get(there).text
    with_document(house)
    tried = send(editor, there, f"{path}/thu?{query}".replace("&", "&amp;"), thu="<b>trẻ em</b>")
    assert "Chưa có trong tài liệu: &lt;b&gt;trẻ em&lt;/b&gt;" in tried.text
    assert editor.post(f"{path}/thu?{query}", data={"thu": "x"}).status_code == 403


def test_who_is_in_danger_is_told_whom_to_call_also_in_a_trial(house: KeepingHouse) -> None:
    def no_assistant() -> Assistant:
        raise AssertionError("danger is decided before anything else")

    ask = PresentAnswer(Triage.load(), house.keeper.live, lambda _: None, no_assistant, house.clock)
    answer = ask("chồng đang cầm dao đòi giết em, cứu em với")
    assert (answer.kind, answer.case_id) == ("urgent", None)
    assert "113" in answer.text.splitlines()[0]
    assert house.store.cases.list(open_only=False) == ()


def test_what_a_question_lacks_is_written_down_and_seen_to(house: KeepingHouse) -> None:
    some(house)
    editor = house.browser("editor")
    there = links(editor.get(HERE).text)[0]
    path, _, query = there.partition("?")
    action = f"{path}/viec?{query}".replace("&", "&amp;")
    assert "còn số điện thoại" in send(editor, there, action, can="document", sach="1", **{"ghi-chu": "gọi 0912345678"}).text
    assert "lựa chọn chưa đúng" in send(editor, there, action, can="x", sach="1").text
    evil = "<script>alert(1)</script>'; DROP TABLE question_needs; --"
    assert send(editor, there, action, can="document", sach="1", **{"ghi-chu": evil}).headers["location"] == f"{there}&xong=need"
    assert "1 việc cần làm" in editor.get(HERE).text
    listed = editor.get(f"{HERE}/viec").text
    assert "<script>" not in listed
    assert "DROP TABLE question_needs" in listed
    assert send(editor, f"{HERE}/viec", f"{HERE}/viec/1").headers["location"] == f"{HERE}/viec?xong=settled"
    assert house.store.questions.needs()[0].done
    assert "việc cần làm" not in editor.get(HERE).text
    csrf = re.findall(r'name="csrf" value="([^"]*)"', listed)[0]
    late = editor.post(f"{HERE}/viec/1", data={"csrf": csrf, "ban": "1", "xong": "1"})
    assert (late.status_code, "Có người vừa sửa" in late.text) == (409, True)
    for bad in ("x", "99999999999999999999", ""):
        assert editor.post(f"{HERE}/viec/1", data={"csrf": csrf, "ban": bad}).status_code == 400
    entry = house.store.audit.search(AuditFilter(action="need_changed"))[0]
    assert json.loads(entry.after_json or "") == {"done": True}


@pytest.mark.parametrize("evil", ["<img src=x onerror=alert(1)>", "'; DROP TABLE messages; --", "{{ 7*7 }}"])
def test_what_people_write_is_harmless(house: KeepingHouse, evil: str) -> None:
    house.asks(f"{evil} trợ cấp", "abstain")
    editor = house.browser("editor")
    page = editor.get(HERE).text
    one = editor.get(links(page)[0]).text
    for text in (page, one):
        assert "<img" not in text
        assert " 49 " not in text
    assert editor.get(f"{HERE}/{evil}").status_code == 404


def test_a_gold_question_is_taken_out_on_a_page_and_that_is_noted(house: KeepingHouse) -> None:
    editor = house.browser("editor")
    assert "Chưa có câu hỏi mẫu nào." in editor.get(f"{HERE}/mau").text
    house.store.gold.add("g1", None, "Trẻ <mồ côi> được gì?", "answer", ("được hỗ trợ",), BY)
    house.store.gold.add("g2", None, "Người già được gì?", "abstain", (), BY)
    page = editor.get(f"{HERE}/mau").text
    assert "Trẻ &lt;mồ côi&gt; được gì?" in page
    assert house.browser("approver").get(f"{HERE}/mau").status_code == 403
    assert editor.post(f"{HERE}/mau/g1/bo").status_code == 403
    there = f"{HERE}/mau/g1/bo"
    done = editor.post(there, data=filled(page, there))
    assert done.headers["location"] == f"{HERE}/mau?xong=gold_removed"
    assert [one.gold_id for one in house.store.questions.gold()] == ["g2"]
    entry = house.store.audit.search(AuditFilter())[0]
    assert (entry.action, entry.subject_id) == ("gold_removed", "g1")
