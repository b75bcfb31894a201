"""Turns that lean on the one before: how they are read, and conversations."""

from __future__ import annotations

import pytest
from actions_house import TODAY, Person, both, first_line

from actions.followup import FollowUps, Turn
from actions.model import Context
from index.understanding import Understanding

EARLIER = Context("Hà Nam bao nhiêu phần trăm người nghiện vào cơ sở cai nghiện bắt buộc?", "Hà Nam", "d", ("p",))


@pytest.fixture(scope="module")
def followups(understanding: Understanding) -> FollowUps:
    return FollowUps.load(understanding)


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        ("moved", "Còn ở Cà Mau?"),
        ("moved", "thế còn Đồng Nai thì sao"),
        ("moved", "không, ý tôi là Hưng Yên"),
        ("moved", "Cà Mau"),
        ("more", "còn gì nữa không?"),
        ("detail", "nói rõ hơn đi"),
        ("detail", "giải thích cụ thể hơn được không"),
        ("source", "chắc không vậy"),
        ("source", "sao biết vậy"),
        ("moved", "cm thì s z"),
        ("moved", "còn TP.HCM thì sao"),
        ("moved", "nhầm, Hưg Yên cơ"),
        ("moved", "Hà Nam chứ không phải Đồng Nai"),
        ("moved", "nhầm, 2735 cơ"),
        ("more", "kể thêm đi"),
        ("source", "nguồn ở đâu vậy?"),
        ("source", "văn bản nào nói vậy"),
        ("source", "cho xin nguồn"),
        ("narrowed", "ai chủ trì?"),
        ("narrowed", "thế còn người già?"),
        ("standalone", "Cà Mau có mấy cơ sở bảo trợ xã hội công lập?"),
        ("standalone", "Kế hoạch 2735/KH-UBND ban hành ngày nào?"),
    ],
)
def test_how_a_turn_is_read(followups: FollowUps, turn: Turn, text: str) -> None:
    for said in both(text):
        assert followups.read(said, EARLIER, TODAY).turn == turn


@pytest.mark.parametrize("text", ["Còn ở Cà Mau?", "còn gì nữa không", "nguồn ở đâu vậy?", "nói rõ hơn đi"])
def test_without_an_earlier_turn_it_is_lost(followups: FollowUps, text: str) -> None:
    for said in both(text):
        assert followups.read(said, Context(), TODAY).turn == "lost"


def test_moved_keeps_the_question_and_changes_the_place(followups: FollowUps) -> None:
    reading = followups.read("Còn ở Đồng Nai?", EARLIER, TODAY)
    assert reading.query.provinces == ("Đồng Nai",)
    assert reading.question == EARLIER.question
    assert "nghien" in reading.query.terms


def test_narrowed_keeps_the_place(followups: FollowUps) -> None:
    assert followups.read("ai chủ trì?", EARLIER, TODAY).query.provinces == ("Hà Nam",)


def test_a_conversation_that_moves_and_asks_for_the_source(person: Person) -> None:
    assert "95%" in first_line(person.says("Hà Nam bao nhiêu phần trăm người nghiện vào cơ sở cai nghiện bắt buộc?"))
    moved = person.says("Còn ở Đồng Nai?")
    assert "90%" in first_line(moved)
    assert "95%" not in moved.text
    source = person.says("nguồn ở đâu vậy?")
    assert "Nguồn: Kế hoạch 2735/KH-UBND, tỉnh Đồng Nai" in source.text
    assert "95%" in first_line(person.says("không, ý tôi là Hà Nam"))


def test_more_goes_on_without_repeating_until_there_is_no_more(person: Person) -> None:
    shown: list[str] = []
    answer = person.says("Trẻ em bị xâm hại ở Đồng Nai được hỗ trợ thế nào?")
    for _ in range(20):
        new = person.context.shown[len(shown) :]
        assert new
        assert not set(new) & set(shown)
        shown = list(person.context.shown)
        answer = person.says("còn gì nữa không?")
        if answer.kind != "answer":
            break
        assert {c.province for c in answer.citations} == {"Đồng Nai"}
    assert answer.kind == "abstain"
    assert answer.text == "Trong tài liệu không còn đoạn nào khác về câu hỏi này."
    assert len(shown) > 4
    assert person.says("còn gì nữa không?").text == answer.text


def test_a_changed_subject_leaves_the_place_behind(person: Person) -> None:
    person.says("Ai ký kế hoạch của Cà Mau?")
    answer = person.says("Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?")
    assert "16 cơ sở" in first_line(answer)
    assert person.context.province == "Đồng Nai"


def test_facts_move_too_and_what_is_missing_is_said(person: Person) -> None:
    assert first_line(person.says("Ai ký kế hoạch của Cà Mau?")) == "Người ký: Thân Đức Hưởng."
    assert first_line(person.says("còn Hưng Yên?")) == "Người ký: Nguyễn Khắc Hào."
    assert "không ghi người ký" in person.says("còn Đồng Nai?").text
    assert first_line(person.says("còn Hà Nam?")) == "Người ký: Bùi Quang Cẩm."


def test_thanks_in_between_forget_nothing(person: Person) -> None:
    person.says("Ai ký kế hoạch của Cà Mau?")
    assert person.says("cảm ơn nhé").kind == "smalltalk"
    assert first_line(person.says("còn Hưng Yên?")) == "Người ký: Nguyễn Khắc Hào."


def test_a_number_to_call_moves_with_its_subject(person: Person) -> None:
    person.says("Ở Hà Nam trẻ em gọi số nào?")
    assert {"111", "1900 54 55 59"} <= {h.phone for h in person.says("còn ở Sài Gòn?").hotlines}


def test_lost_asks_back(person: Person) -> None:
    answer = person.says("còn gì nữa không?")
    assert answer.kind == "clarify"
    assert answer.suggestions
    assert person.context.question is None


def test_lost_with_a_province_that_is_not_held_says_so(person: Person) -> None:
    answer = person.says("Lâm Đồng có gì?")
    assert answer.kind == "abstain"
    assert answer.text.startswith("Tôi chưa có tài liệu của Lâm Đồng.")
