"""Procedure cards: told where a procedure is asked for and there is a card, in the card's own words, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from actions.answering import Answerer
from actions.assistant import Assistant
from actions.followup import FollowUps
from actions.hotlines import HotlineDesk
from actions.model import Answer, Context, Message
from actions.procedures import ProcedureDesk
from actions.routing import Router
from actions.texts import Texts
from index.understanding import Understanding
from knowledge.directory import Directory, LiveDirectory
from knowledge.model import Procedure

NOW = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
CARD = Procedure(
    name="Xác nhận mức độ khuyết tật",
    words=("giấy khuyết tật", "giấy xác nhận khuyết tật"),
    province="Toàn quốc",
    who="Người khuyết tật hoặc người giám hộ",
    papers="Đơn theo mẫu 01\nGiấy tờ tùy thân",
    where="Ủy ban nhân dân cấp xã",
    how_long="25 ngày làm việc",
    fee="không mất tiền",
    legal_basis="Thông tư 01/2019/TT-BLĐTBXH",
    phone="1022",
    hours="",
    source="Công văn 12/SYT ngày 3/5/2026",
    checked_on=date(2026, 5, 3),
)
"""Made up for the test, but in the form that staff fill in."""


@pytest.fixture
def live() -> LiveDirectory:
    return LiveDirectory(Directory.load())


@pytest.fixture
def assistant(answerer: Answerer, understanding: Understanding, router: Router, texts: Texts, live: LiveDirectory) -> Assistant:
    return Assistant(lambda: answerer, FollowUps.load(understanding), router, HotlineDesk.load(live, texts), texts)


def ask(assistant: Assistant, text: str, context: Context | None = None) -> Answer:
    return assistant.reply(Message("c", text, "m", NOW, date(2026, 5, 4)), context or Context())


@pytest.mark.parametrize(
    "text",
    ["Làm giấy xác nhận khuyết tật cần giấy tờ gì?", "thu tuc lam giay khuyet tat", "Hồ sơ xác nhận mức độ khuyết tật gồm những gì ạ?"],
)
def test_a_card_is_told_in_its_own_words(assistant: Assistant, live: LiveDirectory, text: str) -> None:
    before = ask(assistant, text)
    live.take_up(replace(Directory.load(), procedures=(CARD,)))
    told = ask(assistant, text)
    assert told.kind == "answer"
    assert told.text.split("\n") == [
        "Thủ tục Xác nhận mức độ khuyết tật (Toàn quốc):",
        "• Ai làm được: Người khuyết tật hoặc người giám hộ",
        "• Giấy tờ: Đơn theo mẫu 01; Giấy tờ tùy thân",
        "• Nộp ở: Ủy ban nhân dân cấp xã",
        "• Thời gian: 25 ngày làm việc",
        "• Lệ phí: không mất tiền",
        "• Căn cứ: Thông tư 01/2019/TT-BLĐTBXH",
        "Hỏi thêm: 1022.",
        "Nguồn: Công văn 12/SYT ngày 3/5/2026.",
    ]
    assert [(line.phone, line.source) for line in told.hotlines] == [("1022", CARD.source)]
    assert "Thủ tục Xác nhận" not in before.text
    again = ask(assistant, "nguồn ở đâu?", told.context)
    assert again.kind != "answer" or again.citations or again.hotlines


@pytest.mark.parametrize("text", ["Người khuyết tật ở Cà Mau được hỗ trợ gì?", "Thủ tục nhận con nuôi", "giấy khuyết tật"])
def test_elsewhere_no_card_comes(assistant: Assistant, live: LiveDirectory, text: str) -> None:
    before = ask(assistant, text)
    live.take_up(replace(Directory.load(), procedures=(CARD,)))
    assert ask(assistant, text) == before


def test_the_card_of_the_province_comes_before_that_of_the_country() -> None:
    here = replace(CARD, province="Cà Mau", phone="0290 1022")
    there = replace(CARD, province="Đồng Nai")
    desk = ProcedureDesk.load(replace(Directory.load(), procedures=(CARD, here, there)))
    asked = "thủ tục làm giấy khuyết tật"
    assert desk.card(asked, "Cà Mau") == here
    assert desk.card(asked, "Hà Nam") == CARD
    assert desk.card(asked, None) == CARD
    assert ProcedureDesk.load(replace(Directory.load(), procedures=(here, there))).card(asked, None) is None
    assert ProcedureDesk.load(replace(Directory.load(), procedures=(here,))).card(asked, None) == here
    assert ProcedureDesk.load(replace(Directory.load(), procedures=(here,))).card(asked, "Hà Nam") is None
