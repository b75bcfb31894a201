"""An answer object as a reply: what is said, in which order, and what can be pressed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from actions.texts import Texts
from bot.channels.concierge import TEXTS
from bot.channels.model import Block, Button
from bot.channels.replies import Replies, menu_name, numeral
from knowledge.model import Metadata

PLAN = Metadata("Kế hoạch", "2735/KH-UBND", "Tên", None, "Đồng Nai", date(2018, 3, 22), None, None, None, None, (), None)
ARTICLE = Metadata(None, None, None, None, None, None, None, None, None, None, (), "2735/KH-UBND")
UNNUMBERED = Metadata("Kế hoạch", None, None, None, "Cà Mau", None, None, None, None, None, (), None)
HELD = {"plan": PLAN, "article": ARTICLE, "unnumbered": UNNUMBERED}


@pytest.fixture(scope="module")
def replies() -> Replies:
    return Replies(Texts.load(TEXTS), HELD.get)


def answer(kind: str, text: str, **parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"citations": [], "hotlines": [], "notices": [], "case_id": None, "suggestions": []}
    return {"conversation_id": "c", "message_id": "m", "kind": kind, "text": text} | empty | parts


def cited(document_id: str = "plan", start: int = 0, **parts: Any) -> dict[str, Any]:
    about = HELD.get(document_id, PLAN)
    return {
        "document_id": document_id,
        "number": about.number,
        "title": about.title,
        "province": about.province,
        "valid_from": "2018-01-01",
        "valid_to": "2020-12-31",
        "status": "ended",
        "heading_path": ["III. CÁC DỰ ÁN", "2. Dự án 2"],
        "quote": "…",
        "start": start,
        "end": start + 10,
    } | parts


def hotline(phone: str, name: str) -> dict[str, Any]:
    return {"name": name, "phone": phone, "hours": "24/7", "open_now": True, "source": "danh bạ"}


def of_kind(blocks: tuple[Block, ...], kind: str) -> list[str]:
    return [block.text for block in blocks if block.kind == kind]


def test_nothing_is_said_for_an_empty_text(replies: Replies) -> None:
    assert replies.of(answer("handover", ""), "k") is None


def test_danger_is_the_number_then_the_rest_then_the_case(replies: Replies) -> None:
    text = "Cứu người trước.\nGọi ngay 113 (Công an).\nTìm chỗ an toàn.\nKhóa cửa."
    lines = [hotline("113", "Công an"), hotline("1900 969 680", "Ngôi nhà bình yên")]
    reply = replies.of(answer("urgent", text, hotlines=lines, case_id="TG-ABC234", suggestions=["không hiện"]), "k", "m1")
    assert reply
    assert reply.blocks == (
        Block("lead", "Cứu người trước.\nGọi ngay 113 (Công an)."),
        Block("text", "Tìm chỗ an toàn.\nKhóa cửa."),
        Block("text", "Mã của anh/chị: TG-ABC234."),
    )
    assert [(button.kind, button.value) for button in reply.buttons] == [("call", "113"), ("call", "1900969680")]
    assert (reply.lane, reply.menu, reply.reply_to, reply.chatter) == ("danger", None, "m1", False)


def test_nothing_is_said_twice(replies: Replies) -> None:
    text = "Có 16 cơ sở.\nNguồn: Kế hoạch 2735/KH-UBND, tỉnh Đồng Nai, mục “III”.\nĐã kết thúc.\nSố cần gọi: 111."
    lines = [hotline("111", "Trẻ em"), hotline("113", "CA")]
    reply = replies.of(answer("answer", text, citations=[cited()], notices=["Đã kết thúc."], hotlines=lines), "k")
    assert reply
    assert of_kind(reply.blocks, "text") == ["Có 16 cơ sở.\nSố cần gọi: 111.\n• CA: 113 (24/7)"]
    assert of_kind(reply.blocks, "source") == ["Nguồn: Kế hoạch 2735/KH-UBND (Đồng Nai, 2018–2020, đã hết hạn), mục III.2"]
    assert of_kind(reply.blocks, "notice") == ["Đã kết thúc."]


def test_a_source_line_that_no_citation_repeats_stays(replies: Replies) -> None:
    reply = replies.of(answer("abstain", "Không có.\nNguồn: danh bạ."), "k")
    assert reply
    assert of_kind(reply.blocks, "text") == ["Không có.\nNguồn: danh bạ."]


def test_a_document_is_named_once_with_all_its_places(replies: Replies) -> None:
    third = cited(start=40, heading_path=["Chương lớn không số"])
    lines = replies.sources([cited(), cited(start=20, heading_path=["I. MỤC TIÊU"]), third, cited("article", heading_path=[], number=None)])
    assert lines == [
        "Nguồn: Kế hoạch 2735/KH-UBND (Đồng Nai, 2018–2020, đã hết hạn), mục III.2, mục I, mục “Chương lớn không số”",
        "Nguồn: bài báo viết về văn bản 2735/KH-UBND (2018–2020, đã hết hạn)",
    ]


@pytest.mark.parametrize(
    ("citation", "line"),
    [
        (cited("unnumbered", heading_path=[]), "Nguồn: Kế hoạch không ghi số hiệu (Cà Mau, 2018–2020, đã hết hạn)"),
        (cited("gone", heading_path=[], valid_to=None, status="unknown"), "Nguồn: Văn bản 2735/KH-UBND (Đồng Nai, 2018, chưa rõ thời hạn)"),
        (
            cited(heading_path=["Dài " * 30], status="in_force"),
            f"Nguồn: Kế hoạch 2735/KH-UBND (Đồng Nai, 2018–2020, đang áp dụng), mục “{'Dài ' * 19}Dài…”",
        ),
    ],
)
def test_a_source_as_people_read_it(replies: Replies, citation: dict[str, Any], line: str) -> None:
    assert replies.sources([citation]) == [line]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (["III. CÁC DỰ ÁN", "2. Dự án 2"], "III.2"),
        (["III. NỘI DUNG", "1. Dự án 1", "1.2. Nội dung chủ yếu"], "III.1.2"),
        (["I. MỤC TIÊU", "2. Mục tiêu", "a) Riêng", "Không số"], "I.2.a"),
        (["Điều 5. Mức hưởng"], "5"),
        (["Phần II: Giải pháp"], "II"),
        (["Mục tiêu chung"], None),
        (["Cơ quan"], None),
        ([], None),
    ],
)
def test_the_place_that_headings_name(path: list[str], found: str | None) -> None:
    assert numeral(path) == found


def test_buttons_come_in_the_order_of_their_numbers_and_calls_last(replies: Replies) -> None:
    citations = [cited(), cited(), cited(start=20), cited(start=40), cited(start=60)]
    parts = {"citations": citations, "suggestions": ["Còn gì nữa không?", "Còn ở Cà Mau?"], "hotlines": [hotline("111", "Trẻ em")]}
    reply = replies.of(answer("answer", "111", **parts), "k")
    assert reply
    assert [button.kind for button in reply.buttons] == ["say", "say", "passage", "passage", "passage", "vote", "vote", "call"]
    assert reply.buttons[0] == Button("Xem tiếp", "say", "Còn gì nữa không?")
    assert reply.buttons[2] == Button("Xem nguyên văn III.2", "passage", "plan:0:10")
    assert reply.buttons[3].label == "Xem nguyên văn III.2 (2)"
    assert reply.buttons[5] == Button("👍", "vote", "good", "m")
    assert reply.menu == menu_name("k")
    assert [number for number, _ in reply.numbered] == [1, 2, 3, 4, 5, 6, 7, 0]


@pytest.mark.parametrize(("kind", "votes", "chatter"), [("abstain", 2, False), ("clarify", 0, False), ("smalltalk", 0, True)])
def test_what_is_voted_on_and_what_may_be_left_out(replies: Replies, kind: str, votes: int, chatter: bool) -> None:
    reply = replies.of(answer(kind, "Vâng ạ.", suggestions=["Một?"]), "k")
    assert reply
    assert sum(button.kind == "vote" for button in reply.buttons) == votes
    assert reply.chatter == chatter


def test_without_anything_to_choose_there_is_no_menu(replies: Replies) -> None:
    reply = replies.of(answer("clarify", "Ở đâu?", hotlines=[hotline("111", "Trẻ em")]), "k")
    assert reply
    assert reply.menu is None
    assert len(reply.buttons) == 1


def test_the_case_is_named_once(replies: Replies) -> None:
    named = replies.of(answer("handover", "Đã ghi lại (mã TG-ABC234).", case_id="TG-ABC234"), "k")
    unnamed = replies.of(answer("handover", "Đã ghi lại.", case_id="TG-ABC234"), "k")
    assert named
    assert unnamed
    assert len(named.blocks) == 1
    assert unnamed.blocks[-1].text == "Mã của anh/chị: TG-ABC234."
