"""Turns that lean on what was just said are answered out of the passages told, or those around them; else the honest no."""

from __future__ import annotations

import pytest
from actions_house import TODAY, Person, both, first_line, unsupported

from actions.followup import FollowUps
from actions.model import Context
from index.understanding import Understanding
from knowledge.collection import Collection

ANSWERED = [
    ("Hà Nam bồi dưỡng kỹ năng cho bao nhiêu nhân viên công tác xã hội?", "Bình quân mỗi năm mấy người?", "150 người/năm"),
    ("Hưng Yên căn cứ quyết định nào về chăm sóc trẻ mồ côi?", "Ngày bao nhiêu?", "26/4/2013"),
    ("Mức chuẩn trợ cấp Cà Mau theo quyết định nào?", "Quyết định ấy ký ngày nào?", "27/10/2016"),
    ("Năm 2019 Đồng Nai có sơ kết kế hoạch không?", "thế quý 4 năm 2020 làm gì", "tổng kết"),
    ("Hưng Yên có Quỹ Bảo trợ trẻ em không?", "Quỹ đó ai phụ trách xây dựng?", "Sở Lao động"),
    ("Cà Mau có mấy cơ sở bảo trợ xã hội?", "đang nuôi bao nhiêu người trong đó?", "700"),
    ("Sở Giáo dục Hưng Yên làm gì cho trẻ khó khăn?", "thế tiền thì sở nào lo", "Sở Tài chính"),
    ("Cà Mau thực hiện chính sách trợ giúp xã hội ra sao?", "phương châm của họ là gì", "công khai, minh bạch"),
]
UNANSWERED = [
    ("Hà Nam bồi dưỡng kỹ năng cho bao nhiêu nhân viên công tác xã hội?", "mỗi người được bao nhiêu tiền?"),
    ("Hưng Yên có Quỹ Bảo trợ trẻ em không?", "Quỹ đó có bao nhiêu tiền?"),
    ("Cà Mau có mấy cơ sở bảo trợ xã hội?", "giám đốc ở đó là ai?"),
    ("Hà Nam có làm sổ tay trợ giúp xã hội không?", "in mấy cuốn?"),
]


@pytest.mark.parametrize(("earlier", "turn", "told"), ANSWERED)
def test_what_stands_in_or_beside_the_passage_told(person: Person, collection: Collection, earlier: str, turn: str, told: str) -> None:
    before = person.says(earlier)
    answer = person.says(turn)
    assert answer.kind == "answer"
    assert told in answer.text
    assert not unsupported(answer, collection)
    assert {c.document_id for c in answer.citations} <= {c.document_id for c in before.citations}


@pytest.mark.parametrize(("earlier", "turn"), UNANSWERED)
def test_what_stands_nowhere_is_not_answered(person: Person, earlier: str, turn: str) -> None:
    person.says(earlier)
    assert person.says(turn).kind == "abstain"


def test_the_day_of_the_plan_is_still_the_plans(person: Person) -> None:
    person.says("Mức chuẩn trợ cấp Cà Mau theo quyết định nào?")
    assert "06 tháng 7 năm 2017" in first_line(person.says("kế hoạch này ban hành ngày nào?"))


@pytest.fixture(scope="module")
def followups(understanding: Understanding) -> FollowUps:
    return FollowUps.load(understanding)


@pytest.mark.parametrize(
    "turn",
    [
        "rứa còn người khuyết tật thì răng",
        "còn người khuyết tật thì sao hè",
        "vậy người khuyết tật thì sao",
        "rứa người khuyết tật thì răng hi",
    ],
)
def test_how_the_centre_and_the_south_open_such_a_turn(followups: FollowUps, turn: str) -> None:
    context = Context("Cà Mau có bao nhiêu người già lãnh trợ cấp?", "Cà Mau")
    for said in both(turn):
        reading = followups.read(said, context, TODAY)
        assert reading.turn == "narrowed"
        assert {"khuyet", "tat", "cap"} <= set(reading.query.terms)
        assert reading.query.provinces == ("Cà Mau",)


def test_a_province_of_its_own_leans_on_nothing(followups: FollowUps) -> None:
    context = Context("Cà Mau có bao nhiêu người già lãnh trợ cấp?", "Cà Mau")
    leaning = followups.read("Hà Nam thì mấy người?", context, TODAY).leaning
    assert leaning is not None
    assert all(sense.query.provinces == ("Hà Nam",) for _, sense in leaning.ways)
