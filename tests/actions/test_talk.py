"""Small talk and wishes for a human that no rule knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from actions_house import Person

from actions.routing import Router
from actions.talk import Heard, Talk, taken_for
from knowledge.errors import IndexFault

TALK = Talk.load()


@pytest.mark.parametrize(
    "text",
    [
        "gõ chữ mỏi tay lắm, có cô nào nghe tôi kể một lúc được không",
        "may moc biet gi chuyen nha toi, cho toi noi voi can bo di",
        "có tổng đài viên nào trực thì cho mình nói chuyện với",
    ],
)
def test_a_wish_for_a_human_in_words_that_no_rule_knows(person: Person, text: str) -> None:
    assert person.says(text).kind == "handover"


@pytest.mark.parametrize("text", ["ơ nhầm máy, định gửi cho thằng con", "alo có nghe tôi nói không đấy", "sao mạng chậm như rùa thế này"])
def test_small_talk_in_words_that_no_rule_knows(person: Person, text: str) -> None:
    assert person.says(text).kind == "smalltalk"


@pytest.mark.parametrize(
    "text",
    [
        "Hà Nam bồi dưỡng cho tất cả bao nhiêu cán bộ công tác xã hội, chia ra mỗi năm mấy người?",
        "Ở Đồng Nai, bao nhiêu xã phải có nhà tạm lánh?",
        "nạn nhân bị mua bán có được nói chuyện với tư vấn viên không",
    ],
)
def test_a_question_that_speaks_of_people_stays_one(person: Person, text: str) -> None:
    assert person.says(text).kind not in ("handover", "smalltalk")


def test_a_turn_that_leans_on_the_one_before_is_no_small_talk(person: Person) -> None:
    person.says("Ở Đồng Nai, bao nhiêu xã phải có nhà tạm lánh?")
    assert person.says("còn Hà Nam thì sao").kind != "smalltalk"


@pytest.mark.parametrize("line", ["", " om ", " xyzzy plugh "])
def test_of_words_never_seen_nothing_is_thought(line: str) -> None:
    assert TALK.hear(line) == Heard(1.0, 0.0, "mood")


def test_the_shares_are_probabilities(router: Router) -> None:
    line = router.line("cho tôi gặp người thật với")
    for model in (TALK.kinds, TALK.others):
        shares = model.shares(line.split())
        assert sum(shares.values()) == pytest.approx(1.0)
        assert min(shares.values()) >= 0.0


def test_rules_have_the_last_word_but_on_wishes_that_are_questions() -> None:
    wish, question, talk = Heard(0.05, 0.9, "mood"), Heard(0.95, 0.01, "mood"), Heard(0.2, 0.1, "wish")
    assert taken_for("question", wish) == "handover"
    assert taken_for("question", talk) == "wish"
    assert taken_for("question", talk, asking=True) == "question"
    assert taken_for("handover", question) == "question"
    assert taken_for("handover", talk) == "handover"
    assert taken_for("thanks", wish) == "thanks"


@pytest.mark.parametrize("written", ["", "{}", json.dumps({"kinds": {"classes": ["question"]}})])
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path, written: str) -> None:
    path = tmp_path / "talk.json"
    path.write_text(written, encoding="utf-8")
    with pytest.raises(IndexFault, match=r"talk\.json cannot be read: run make train"):
        Talk.load(path)
    with pytest.raises(IndexFault):
        Talk.load(tmp_path / "none.json")


def test_two_facts_asked_in_one_breath_are_both_told(person: Person) -> None:
    told = person.says("Ai ký kế hoạch 3376 của Hà Nam, ký ngày bao nhiêu vậy em?").text
    assert "Bùi Quang Cẩm" in told
    assert "22 tháng 11 năm 2017" in told


def test_a_decision_within_the_plan_is_not_its_legal_basis(person: Person) -> None:
    assert "1853/QĐ-UBND" in person.says("Mức chuẩn trợ cấp ở Cà Mau là theo quyết định số mấy của ủy ban tỉnh vậy ta?").text


def test_what_a_sum_is_made_of_is_told_with_it(person: Person) -> None:
    assert "19.016" in person.says("Ông bà già ở Cà Mau tính tới hết 2016 thì bao nhiêu cụ được giải quyết trợ cấp?").text
