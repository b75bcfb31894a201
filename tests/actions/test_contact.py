"""The talk about a case that waits: what is read in messages, what is asked, and how."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from actions_house import NOON
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.duty.contact import Contact, Turn
from actions.duty.contact_reading import ContactReader
from actions.duty.notices import DutyNotices
from actions.model import Answer
from actions.routing import Router
from knowledge.directory import Directory
from knowledge.places import load_gazetteer
from knowledge.store import Case, TranscriptLine
from knowledge.text import nfc

CONTACT = Contact.load(load_gazetteer(), Router.load(), DutyNotices.load(Directory.load()), str)
READER: ContactReader = CONTACT.reader
CHILD = Case("TG-222222", "web:1", "web", ("sexual_abuse",), 2, "danger", None, NOON, NOON, "open", None, None, voice="child")
ADULT = replace(CHILD, voice="adult", kinds=("domestic_violence",), risk=4)
WISH = replace(CHILD, voice=None, kinds=("handover",), risk=0, reason="handover", first_danger_at=None)


class Talking:
    """A person whose case nobody takes: what the store does between two messages."""

    def __init__(self, case: Case, at: datetime = NOON) -> None:
        self.case, self.at, self.changes = case, at, dict[str, Any]()

    def heard(self, text: str, answer: dict[str, Any]) -> None:
        line = TranscriptLine(f"m{len(self.case.transcript)}", self.at, text, json.dumps(answer))
        self.case = replace(self.case, transcript=(*self.case.transcript, line))

    def turn(self, text: str) -> Turn:
        return CONTACT.turn(self.case, "new", text)

    def says(self, text: str) -> Answer:
        turn = self.turn(text)
        self.changes = dict(turn.changes)
        self.case = replace(self.case, **self.changes)
        answer = CONTACT.reply(self.case, turn, True, "new", self.at)
        self.heard(text, answer.as_json(conversation_id="c", message_id="m", latency_ms=1))
        return answer


@pytest.fixture
def child() -> Talking:
    talking = Talking(CHILD)
    talking.heard("bố dượng hay sờ vào người em", {"kind": "urgent", "text": "Gọi 111."})
    return talking


# Reading


@pytest.mark.parametrize(
    ("text", "province", "commune"),
    [
        ("em ở Cà Mau", "Cà Mau", None),
        ("em o ca mau", "Cà Mau", None),
        ("con ở Cà Mau", "Cà Mau", None),
        ("quê em ở Hà Nam nhưng giờ em ở Đồng Nai", "Đồng Nai", None),
        ("Hà Nam hay Đồng Nai em không nhớ", None, None),
        ("không phải Cà Mau", None, None),
        ("chú Vinh sờ em", None, None),
        ("nhà em ở xã Khánh An, huyện U Minh", None, "xã Khánh An"),
        ("em o xa khanh an huyen u minh ca mau", "Cà Mau", "xa khanh an"),
        ("xã Khánh An Cà Mau", "Cà Mau", "xã Khánh An"),
        ("phường 5 cà mau", "Cà Mau", "phường 5"),
        ("em ở xã bình dương nha cô", None, "xã bình dương"),
        ("thị trấn U Minh ạ", None, "thị trấn U Minh"),
        ("em ở xa lắm", None, None),
        ("em ở xã em", None, None),
        ("cán bộ xã không giúp gì em", None, None),
        ("chú ấy là công an xã Khánh An", None, None),
        ("bạn phương của em biết", None, None),
        ("bao nhiêu xã phải có nhà tạm lánh", None, None),
    ],
)
def test_where(text: str, province: str | None, commune: str | None) -> None:
    assert (READER.province(text), READER.commune(text)) == (province, commune)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *((yes, True) for yes in ("dạ được", "da duoc", "ok", "oke cô", "đồng ý", "dong y a", "ừ", "vâng ạ", "dạ có ạ", "dạ")),
        *((yes, True) for yes in ("cũng được ạ", "thôi được", "đúng rồi", "dung roi", "ko sao ghi đi", "dc", "Đồng ý")),
        *((no, False) for no in ("ko", "k", "không", "thôi đừng", "thoi dung ghi", "dạ không", "không đồng ý", "k dong y", "đừng ghi")),
        *((no, False) for no in ("khỏi ạ", "hông", "hong dau", "chưa", "khong dc", "em không muốn", "Không đồng ý")),
        *((neither, None) for neither in ("thôi", "không biết", "tùy cô", "được, đừng cho bố biết", "được nhưng đừng ghi số")),
        *((neither, None) for neither in ("em sợ không được về nhà", "dạ em sợ", "em ở Cà Mau", "được không?", "Bỏ qua")),
    ],
)
def test_yes_and_no(text: str, answer: bool | None) -> None:
    assert READER.consent(text) is answer


@pytest.mark.parametrize(
    ("text", "unasked", "asked"),
    [
        ("gọi số này cho em 0912345678", True, True),
        ("số em 0912.345.678", True, True),
        ("sdt cua em la +84 912 345 678", True, True),
        ("dạ gọi cho mẹ em số 02903831234", True, True),
        ("0912345678", False, True),
        ("nhắn zalo sau 9h tối", False, True),
        ("đừng gọi số 0912345678", False, True),
        ("ông ấy hay gọi cho em số 0912345678", False, True),
        ("số bố dượng em 0912 345 678", False, True),
        ("gọi 113", False, False),
        ("em sợ lắm", False, False),
        ("tối nào ông ấy cũng vào phòng", False, False),
        ("sinh năm 2012, cccd 079212345678", False, False),
    ],
)
def test_a_way_to_be_reached(text: str, unasked: bool, asked: bool) -> None:
    assert READER.safe_contact(text) == (text if unasked else None)
    assert READER.safe_contact(text, asked=True) == (text if asked else None)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Cà Mau có chỗ nào ở tạm không", True),
        ("ca mau co cho nao o tam khong", True),
        ("trợ cấp người khuyết tật bao nhiêu", True),
        ("còn ở Hà Nam", True),
        ("con ở Hà Nam", False),
        ("mẹ em không nói gì", False),
        ("em đau quá", False),
        ("dạ em không", False),
        ("không ai giúp em", False),
    ],
)
def test_what_asks(text: str, asks: bool) -> None:
    assert READER.asks(text) is asks


# Turns


def test_a_child_is_asked_gently_one_thing_after_the_other_and_each_once(child: Talking) -> None:
    told = child.says("em ở Cà Mau")
    assert told.text.startswith("Đã ghi thêm cho cán bộ trực: Cà Mau. Em đang ở xã")
    assert child.changes == {"province": "Cà Mau"}
    assert told.suggestions == ("Bỏ qua",)
    told = child.says("xã Khánh An ạ")
    assert child.changes == {"commune": "xã Khánh An"}
    assert "số nào, giờ nào" in told.text
    told = child.says("số mẹ em 0912345678, gọi sau 9h tối, đừng để lại lời nhắn")
    assert child.changes == {"safe_contact": "số mẹ em 0912345678, gọi sau 9h tối, đừng để lại lời nhắn"}
    assert "0912" not in told.text
    assert told.suggestions == ("Đồng ý", "Không đồng ý", "Bỏ qua")
    told = child.says("dạ được")
    assert child.changes == {"consent": True}
    assert "?" not in told.text
    for text in ("mẹ em không biết", "dạ vâng", "ok"):
        assert "?" not in child.says(text).text
        assert not child.changes


def test_every_question_can_be_left_unanswered(child: Talking) -> None:
    assert "?" in child.says("em muốn kể").text
    assert "số nào" in child.says("Bỏ qua").text
    told = child.says("em không muốn nói")
    assert ("?" in told.text, told.suggestions) == (False, ())
    assert "báo cáo" in child.says("mẹ em không biết").text
    assert "?" not in child.says("thôi").text
    assert not {name for name in ("province", "commune", "safe_contact", "consent") if getattr(child.case, name) is not None}


def test_what_was_said_with_the_danger_is_written_down_with_the_next_message() -> None:
    talking = Talking(CHILD)
    talking.heard("bố dượng hay sờ vào người em, em ở xã Khánh An, Cà Mau, gọi số em 0912345678", {"kind": "urgent", "text": "Gọi 111."})
    told = talking.says("dạ")
    assert talking.changes == {
        "province": "Cà Mau",
        "commune": "xã Khánh An",
        "safe_contact": "bố dượng hay sờ vào người em, em ở xã Khánh An, Cà Mau, gọi số em 0912345678",
    }
    assert "báo cáo" in told.text


def test_what_an_officer_wrote_down_is_not_changed() -> None:
    talking = Talking(replace(CHILD, province="Hà Nam", commune="xã Thanh Hải", safe_contact="ở trường", consent=False))
    talking.says("em ở xã Khánh An, Cà Mau, gọi số em 0912345678")
    assert not talking.changes
    assert "?" not in talking.says("dạ").text


def test_consent_is_only_taken_where_it_was_asked(child: Talking) -> None:
    child.says("em đồng ý")
    child.says("được ạ")
    assert child.case.consent is None


def test_a_question_is_for_the_documents_and_only_once_with_a_line_of_ours(child: Talking) -> None:
    turn = child.turn("Cà Mau có chỗ nào ở tạm không")
    own = CONTACT.reply(child.case, turn, True, "new", NOON).as_json(conversation_id="c", message_id="m", latency_ms=1)
    told = turn.told(own, {"kind": "answer", "text": "Có nhà tạm lánh."})
    assert told["text"] == "Có nhà tạm lánh.\nCán bộ trực cũng đọc được cuộc trò chuyện này."
    assert len(turn.told(own, {"kind": "answer", "text": "x" * 880})["text"]) == 880
    child.heard("Cà Mau có chỗ nào ở tạm không", dict(told))
    again = child.turn("Ở đó ai lo ạ?")
    assert again.told(own, {"kind": "answer", "text": "Sở."}) == {"kind": "answer", "text": "Sở."}


def test_what_the_documents_do_not_know_is_said_to_a_child_as_to_a_child(child: Talking) -> None:
    turn = child.turn("người khuyết tật được trợ cấp gì?")
    own = {"kind": "handover", "text": "own"}
    for found in ({"kind": "abstain", "text": "Anh/chị hỏi UBND."}, {"kind": "smalltalk", "text": "Dạ."}):
        assert turn.told(own, found) == own
    assert turn.told(own, {"kind": "abstain", "text": "Không có."})["kind"] == "abstain"
    asked = Talking(ADULT).turn("người khuyết tật được trợ cấp gì?")
    assert asked.told(own, {"kind": "clarify", "text": "Anh/chị hỏi cho tỉnh nào ạ?"})["kind"] == "clarify"
    vague = Talking(ADULT).turn("vậy là như nào")
    assert vague.told(own, {"kind": "clarify", "text": "Anh/chị muốn hỏi về điều gì ạ?"}) == own


def test_who_was_asked_back_by_the_documents_answers_them() -> None:
    talking = Talking(WISH)
    talking.heard("tôi có được hưởng không", {"kind": "clarify", "text": "Anh/chị bao nhiêu tuổi?"})
    assert "answer" in talking.turn("70 tuổi").counts
    assert not talking.turn("dạ cảm ơn").counts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dạ cảm ơn", "Cảm ơn em"),
        ("có ai đọc được tin của em không", "không hứa giữ kín"),
        ("bạn là người hay máy", "Tôi là máy"),
        ("sao chưa có ai trả lời em", "chưa có cán bộ nào"),
        ("cho em gặp cán bộ", "TG-222222"),
        ("em sợ lắm", "không phải là lỗi của em"),
        ("em phải làm sao", "không phải tự lo một mình"),
        ("em đùa thôi", "vẫn ở đó"),
        ("bye", "Khi cần"),
    ],
)
def test_small_talk_is_about_the_case_and_asks_nothing(text: str, words: str) -> None:
    told = Talking(replace(CHILD, risk=3)).says(text)
    assert words in told.text
    assert "?" not in told.text
    assert told.kind == "handover"
    assert told.hotlines[0].phone
    if words not in ("không hứa giữ kín", "Tôi là máy"):
        assert told.hotlines[0].phone in told.text


def test_numbers_come_with_a_threat_and_wherever_somebody_is_at_a_loss(child: Talking) -> None:
    assert child.says("dạ cảm ơn").hotlines == ()
    assert child.says("em phải làm sao").hotlines
    assert Talking(ADULT).says("tôi ở Cà Mau").hotlines
    assert Talking(WISH).says("tôi phải làm sao").hotlines == ()


def test_a_farewell_is_not_only_that_where_somebody_wanted_to_die() -> None:
    told = Talking(replace(ADULT, kinds=("suicide",), risk=3)).says("tạm biệt mọi người")
    assert "một mình" in told.text
    assert told.hotlines[0].phone in told.text


def test_how_people_are_spoken_to() -> None:
    assert "Anh/chị đang ở" in Talking(ADULT).says("vâng").text
    assert "Bạn đang ở" in Talking(replace(CHILD, voice=None)).says("vâng").text
    assert "Anh/chị đang ở" in Talking(WISH).says("vâng").text


def test_what_could_not_be_written_down_is_not_said_to_be(child: Talking) -> None:
    turn = child.turn("em ở Cà Mau")
    told = CONTACT.reply(child.case, turn, False, "new", NOON)
    assert "Đã ghi thêm" not in told.text


def test_only_what_cannot_be_danger_counts_as_told() -> None:
    assert CONTACT.tells("em ở Cà Mau")
    assert CONTACT.tells("dạ cảm ơn")
    assert not CONTACT.tells("nó đang tới")
    assert not CONTACT.tells("tạm biệt mọi người")


SAYINGS = st.sampled_from(
    [
        *("em ở Cà Mau", "xã Khánh An", "gọi số em 0912345678", "0912345678", "dạ", "ok", "không", "thôi", "Bỏ qua", "đồng ý", "cảm ơn"),
        *("em sợ", "chào cô", "bye", "hihi", "em không muốn nói", "mẹ em ở Hà Nam", "nhắn zalo nha", "em phải làm gì", "đừng gọi"),
        *("ở đâu?", "có ai không", "bạn là ai", "ngu quá", "phường 5", "khong biet"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([CHILD, ADULT, WISH, replace(CHILD, voice="young", risk=3)]), st.lists(SAYINGS | st.text(max_size=30), max_size=7))
def test_one_question_at_most_no_wrong_pronoun_and_nothing_written_that_was_not_said(case: Case, texts: list[str]) -> None:
    talking = Talking(case)
    asked: list[str] = []
    for text in map(nfc, texts):
        told = talking.says(text)
        assert told.text.count("?") <= 1
        assert len(told.text) <= 900
        assert "{" not in told.text
        if case.voice == "child":
            assert "anh/chị" not in told.text.lower()
        asked += [told.text.split(". ")[-2]] if "?" in told.text else []
        said = [line.text or "" for line in talking.case.transcript]
        for name, value in talking.changes.items():
            if name == "province":
                assert any(READER.province(one, asked=True) == value for one in said)
            elif name != "consent":
                assert any(str(value) in one for one in said)
            else:
                assert READER.consent(text) is value
    assert len(asked) <= 3
