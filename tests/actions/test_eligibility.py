"""Reading the turns of the guided question, and what it comes to for people in many kinds of need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from actions_house import NOON, TODAY, unsupported

from actions.assistant import Assistant
from actions.eligibility import UNKNOWN, Guide
from actions.eligibility_outcome import Eligibility, shortened
from actions.eligibility_tables import Tables
from actions.model import Answer, Context, Message
from actions.routing import Router
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.errors import KnowledgeError
from knowledge.text import fold

PHRASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "eligibility_phrases.yml").read_text(encoding="utf-8"))
GROUP_OF = {
    "age": "elderly", "degree": "disabled", "is_child": "disabled", "household": "elderly", "support": "elderly", "stage": "addiction",
    "cause": "sudden", "in_province": "poor",
}  # fmt: skip


@pytest.fixture(scope="module")
def guide(understanding: Understanding, router: Router) -> Guide:
    return Guide(Tables.load(), understanding, router)


@pytest.fixture(scope="module")
def eligibility(assistant: Assistant) -> Eligibility:
    return Eligibility.of(assistant)


def talk(guide: Guide, *turns: str) -> dict[str, str]:
    """The facts after a conversation that begins with the first turn."""
    facts, asked = {}, None
    for at, text in enumerate(turns):
        turn = guide.turn(text, asked, facts, TODAY) if at and asked else guide.begin(text, TODAY)
        facts, asked = dict(turn.facts), turn.ask
    return facts


@pytest.mark.parametrize(("asked", "text", "value"), PHRASES["answers"])
def test_an_answer_is_read(guide: Guide, asked: str, text: str, value: str) -> None:
    before = {"for_whom": GROUP_OF[asked]} if asked in GROUP_OF else {}
    turn = guide.turn(text, asked, before, TODAY)
    assert turn.facts.get(asked) == value


@pytest.mark.parametrize(("asked", "text", "value"), [row for row in PHRASES["answers"] if row[0] != "in_province"])
def test_it_is_read_without_marks_too(guide: Guide, asked: str, text: str, value: str) -> None:
    before = {"for_whom": GROUP_OF[asked]} if asked in GROUP_OF else {}
    assert guide.turn(fold(text), asked, before, TODAY).facts.get(asked) == value


@pytest.mark.parametrize("asked", ["for_whom", "household", "support", "is_child"])
@pytest.mark.parametrize("text", PHRASES["leaving"])
def test_who_wants_to_stop_may(guide: Guide, text: str, asked: str) -> None:
    assert guide.turn(text, asked, {"for_whom": "elderly"} if asked != "for_whom" else {}, TODAY).move == "left"


@pytest.mark.parametrize("asked", ["for_whom", "household", "support"])
@pytest.mark.parametrize("text", PHRASES["asides"])
def test_another_question_is_no_answer(guide: Guide, text: str, asked: str) -> None:
    facts = {"for_whom": "elderly"} if asked != "for_whom" else {}
    turn = guide.turn(text, asked, facts, TODAY)
    assert (turn.move, turn.facts, turn.ask) == ("aside", facts, asked)


@pytest.mark.parametrize("text", PHRASES["starts"])
def test_a_case_of_ones_own_begins_the_form(guide: Guide, text: str) -> None:
    assert guide.starts(text)
    assert guide.starts(fold(text))


@pytest.mark.parametrize("text", PHRASES["no_starts"])
def test_any_other_question_does_not(guide: Guide, text: str) -> None:
    assert not guide.starts(text)
    assert not guide.starts(fold(text))


def test_the_dialogue_model_may_begin_it_when_it_is_sure(guide: Guide) -> None:
    text = "khổ quá nhà nước có ngó tới tụi tui hông"
    assert not guide.starts(text)
    assert not guide.starts(text, "start_eligibility", 0.5)
    assert guide.starts(text, "start_eligibility", 0.9)
    assert not guide.starts("Đồng Nai có bao nhiêu cơ sở?", "start_eligibility", 0.9)


def test_what_the_first_message_says_is_not_asked_again(guide: Guide) -> None:
    turn = guide.begin("mẹ em 82 tuổi ở Cà Mau nhà nghèo có được gì không", TODAY)
    told = {"for_whom": "elderly", "in_province": "Cà Mau", "age": "82", "household": "poor"}
    assert told.items() <= turn.facts.items()
    assert turn.ask == "support"
    assert guide.begin("bố tôi có được gì không", TODAY, "Hà Nam").facts == {"in_province": "Hà Nam"}
    earlier = guide.begin("có được hưởng gì không", TODAY, None, "bố tôi bị cụt chân ở Đồng Nai").facts
    assert (earlier["for_whom"], earlier["in_province"]) == ("disabled", "Đồng Nai")
    assert guide.begin("xem cho người khác có được hưởng không", TODAY, None, "bố tôi bị cụt chân").ask == "for_whom"


@pytest.mark.parametrize(
    ("text", "asked", "changed"),
    [
        ("à nhầm, ở Đồng Nai", "household", {"in_province": "Đồng Nai"}),
        ("khong phai ca mau, la ha nam", "household", {"in_province": "Hà Nam"}),
        ("hưng yên", "household", {"in_province": "Hưng Yên"}),
        ("nhầm, 79 tuổi", "household", {"age": "79"}),
        ("sửa lại: người khuyết tật", "household", {"for_whom": "disabled"}),
    ],
)
def test_an_earlier_answer_is_put_right(guide: Guide, text: str, asked: str, changed: dict[str, str]) -> None:
    facts = {"for_whom": "elderly", "in_province": "Cà Mau", "age": "82"}
    turn = guide.turn(text, asked, facts, TODAY)
    assert turn.move == "changed"
    assert {**facts, **changed}.items() <= turn.facts.items()


def test_a_household_put_right_makes_nobody_another_person(guide: Guide) -> None:
    facts = {"for_whom": "elderly", "in_province": "Cà Mau", "age": "82", "household": "poor"}
    assert guide.turn("nhầm, hộ cận nghèo", "support", facts, TODAY).facts == {**facts, "household": "near_poor"}


def test_what_is_only_named_as_wrong_is_asked_again(guide: Guide) -> None:
    facts = {"for_whom": "elderly", "in_province": "Cà Mau", "age": "82"}
    turn = guide.turn("tôi muốn sửa tuổi", "household", facts, TODAY)
    assert (turn.ask, "age" in turn.facts) == ("age", False)
    back = guide.turn("quay lại", "household", facts, TODAY)
    assert (back.ask, "age" in back.facts) == ("age", False)
    assert guide.turn("quay lại câu trước", "for_whom", {}, TODAY).ask == "for_whom"


@pytest.mark.parametrize("text", ["asdf", "ừm", "😀", "hihi ơi"])
def test_what_is_not_understood_changes_nothing(guide: Guide, text: str) -> None:
    turn = guide.turn(text, "for_whom", {}, TODAY)
    assert (turn.facts, turn.ask) == ({}, "for_whom")


def test_a_childs_hardship_becomes_its_group(guide: Guide) -> None:
    facts = talk(guide, "tôi có được hưởng không", "trẻ em", "đồng nai", "mồ côi")
    assert (facts["for_whom"], facts["is_child"]) == ("orphan", "yes")


def test_a_human_is_never_refused(guide: Guide) -> None:
    assert guide.turn("cho tôi gặp cán bộ", "household", {"for_whom": "poor"}, TODAY).move == "handover"


def test_after_the_end_an_answer_may_be_put_right_or_the_place_changed(guide: Guide) -> None:
    facts = {"for_whom": "elderly", "in_province": "Cà Mau", "age": "82", "household": "poor", "support": "no"}
    for text, changed in (("à nhầm, hộ cận nghèo", {"household": "near_poor"}), ("Còn ở Đồng Nai?", {"in_province": "Đồng Nai"})):
        assert guide.resumes(text, TODAY)
        assert guide.corrected(text, facts, TODAY).facts == {**facts, **changed}
    assert not guide.resumes("ở Đồng Nai có bao nhiêu cơ sở", TODAY)
    assert not guide.resumes("cảm ơn", TODAY)


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "eligibility.yml").write_text("start: []\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"eligibility\.yml"):
        Tables.load(tmp_path / "eligibility.yml")


# What it comes to

PERSONAS = [
    (("mẹ em 82 tuổi ở Cà Mau nhà nghèo có được gì không", "không có ai chăm"), "Cà Mau", "cao tuổi", ()),
    (("tôi có được hưởng không", "trẻ mồ côi", "cà mau", "không có ai nuôi"), "Cà Mau", "mồ côi", ("111",)),
    (("con em có được trợ cấp ko", "bại não 5 tuổi", "hưng yên", "nặng lắm", "tôi nuôi"), "Hưng Yên", "khuyết tật nặng", ("111",)),
    (("con tui nhiễm hiv có được hưởng không", "hưng yên"), "Hưng Yên", "nhiễm HIV", ("111",)),
    (("em bị bán qua trung quốc về có được hưởng gì không", "hà nam"), "Hà Nam", "nạn nhân", ("111",)),
    (("em bị bán qua trung quốc về có được hưởng gì không", "đồng nai"), "Đồng Nai", "nạn nhân", ("111",)),
    (("tui mới cai về có được giúp gì hông", "dong nai"), "Đồng Nai", "việc làm", ()),
    (("tôi mới cai nghiện về có được hưởng gì không", "ha nam"), "Hà Nam", "việc làm", ()),
    (("hàng xóm bị chồng đánh có được hỗ trợ gì không", "đồng nai"), "Đồng Nai", "bạo lực", ("1900 969 680",)),
    (("con tôi bị xâm hại có được hỗ trợ gì không", "hà nam"), "Hà Nam", "xâm hại", ("111", "1900 969 680")),
    (("vợ em đang bầu có được hỗ trợ gì ko", "cà mau", "hộ cận nghèo"), "Cà Mau", "phụ nữ mang thai", ()),
    (("nhà em bị sập do bão có được hỗ trợ không", "ca mau"), "Cà Mau", "đột xuất", ()),
    (("em từng bán dâm giờ có được hỗ trợ gì không", "đồng nai"), "Đồng Nai", "bán dâm", ()),
    (("chị em bị tâm thần có được gì không", "hà nam", "mẹ nuôi"), "Hà Nam", "tâm thần", ()),
    (("tôi đang nuôi cháu mồ côi có được trợ cấp không", "hưng yên", "không biết"), "Hưng Yên", "nhận nuôi có thời hạn", ("111",)),
    (("nhà tui nghèo có được gì không", "cà mau"), "Cà Mau", "nghèo", ()),
]


def outcome(eligibility: Eligibility, *turns: str) -> Answer:
    return eligibility.outcome(talk(eligibility.guide, *turns), Message("c", turns[-1], "m", NOON, TODAY), Context())


@pytest.mark.parametrize(("turns", "province", "says", "phones"), PERSONAS)
def test_the_clauses_for_a_person(
    eligibility: Eligibility, collection: Collection, turns: tuple[str, ...], province: str, says: str, phones: tuple[str, ...]
) -> None:
    answer = outcome(eligibility, *turns)
    assert answer.kind == "answer"
    assert len(answer.text) <= 900
    assert {citation.province for citation in answer.citations} == {province}
    assert any(says in citation.quote for citation in answer.citations)
    for citation in answer.citations:
        assert collection.document(citation.document_id).text[citation.start : citation.end] == citation.quote
    assert tuple(line.phone for line in answer.hotlines) == phones
    assert "UBND cấp xã" in answer.text
    assert "Nguồn: Kế hoạch" in answer.text
    assert any("đã kết thúc" in notice for notice in answer.notices)
    assert all(notice in answer.text for notice in answer.notices)
    assert not unsupported(answer, collection)


def test_what_is_not_known_is_to_be_checked(eligibility: Eligibility) -> None:
    answer = outcome(eligibility, "vợ em đang bầu có được hỗ trợ gì ko", "bạc liêu", "không biết")
    assert "Cần kiểm tra có thuộc hộ nghèo, cận nghèo không: " in answer.text
    assert "Bạc Liêu nay thuộc tỉnh Cà Mau (mới)" in answer.text
    skipped = outcome(eligibility, "bố tôi 70 tuổi có được gì không", "cà mau", "không biết", "ko rõ")
    assert "Cần kiểm tra: có thuộc hộ nghèo, cận nghèo không, có người chăm sóc, nuôi dưỡng không." in skipped.text


def test_the_amount_is_said_to_be_missing_and_never_guessed(eligibility: Eligibility) -> None:
    answer = outcome(eligibility, "mẹ em 82 tuổi ở Cà Mau nhà nghèo có được gì không", "có con nuôi")
    assert "Các đoạn này không ghi mức tiền" in answer.text
    assert "82" not in answer.text


def test_a_group_that_the_plan_does_not_speak_of_gets_an_honest_no(eligibility: Eligibility) -> None:
    answer = outcome(eligibility, "bố tôi 70 tuổi có được gì không", "hưng yên", "không", "có")
    assert answer.kind == "abstain"
    assert answer.text.startswith("Tài liệu của Hưng Yên mà tôi đang giữ chưa nói về người cao tuổi")
    assert not answer.citations


def test_a_province_without_documents_ends_the_questions(eligibility: Eligibility) -> None:
    facts = talk(eligibility.guide, "bố tôi 70 tuổi có được gì không", "lâm đồng")
    assert eligibility.is_over(facts)
    assert not eligibility.is_over({"in_province": "Bạc Liêu"})
    answer = outcome(eligibility, "bố tôi 70 tuổi có được gì không", "lâm đồng")
    assert answer.kind == "abstain"
    assert "Tôi chưa có tài liệu của Lâm Đồng" in answer.text


def test_without_a_province_the_plans_are_told_side_by_side(eligibility: Eligibility, collection: Collection) -> None:
    answer = outcome(eligibility, "em bị bán qua trung quốc về có được hưởng gì không", "không biết")
    assert len({citation.province for citation in answer.citations}) > 1
    assert "Cần kiểm tra: nơi ở thuộc tỉnh nào." in answer.text
    assert len(answer.text) <= 900
    assert not unsupported(answer, collection)


def test_who_it_is_for_may_stay_unknown(eligibility: Eligibility) -> None:
    answer = eligibility.outcome({"for_whom": UNKNOWN}, Message("c", "không biết", "m", NOON, TODAY), Context())
    assert (answer.kind, [line.phone for line in answer.hotlines]) == ("abstain", ["111"])


def test_every_question_offers_choices_and_a_way_past_it(eligibility: Eligibility) -> None:
    for name in eligibility.guide.tables.fields:
        asked = eligibility.question(name, {"for_whom": "elderly"}, None, Context())
        assert asked.kind == "clarify"
        assert asked.suggestions[-1] == "Không biết"
        for label in asked.suggestions[:-1]:
            who = {"degree": "disabled", "stage": "addiction", "cause": "sudden", "state": "child"}.get(name, "elderly")
            turn = eligibility.guide.turn(label, name, {} if name == "for_whom" else {"for_whom": who}, TODAY)
            assert turn.move == "told", label
    assert (
        "Tôi ghi nhận: người cao tuổi, Cà Mau."
        in eligibility.question("age", {"for_whom": "elderly", "in_province": "Cà Mau"}, "first", Context()).text
    )


def test_without_a_dialogue_the_clauses_come_at_once(eligibility: Eligibility) -> None:
    def direct(text: str) -> Answer | None:
        return eligibility.direct(Message("c", text, "m", NOON, TODAY), Context())

    told = direct("mẹ em 82 tuổi ở Cà Mau nhà nghèo có được gì không")
    assert told is not None
    assert told.kind == "answer"
    vague = direct("tôi có được hưởng không")
    assert vague is not None
    assert vague.kind == "clarify"
    assert [answer.kind for example in vague.suggestions if (answer := direct(example))] == ["answer"] * len(vague.suggestions)
    assert direct("Đồng Nai có bao nhiêu cơ sở?") is None


def test_a_text_cut_short_keeps_its_source_and_notices() -> None:
    text = "\n".join(["một " * 50, "hai " * 50, "Nguồn: x.", "đã kết thúc."])
    cut = shortened(text, 2, 120)
    assert len(cut) <= 120
    assert cut.endswith("…\nNguồn: x.\nđã kết thúc.")
    assert shortened(text, 2, 900) == text
