"""Turns that say that they begin something new, or go back to something earlier."""

from __future__ import annotations

import pytest
from actions_house import TODAY, Person, both

from actions.model import Context
from actions.topics import Topics
from index.understanding import Understanding

SOFTWARE, LINE, TRADE = "Đồng Nai có làm phần mềm quản lý dữ liệu không?", "Còn tổng đài?", "Thế chuyện dạy nghề?"
CONTEXT = Context(TRADE, "Đồng Nai", cited=(("d", 0, 9),), earlier=((LINE, "Hà Nam"), (SOFTWARE, "Đồng Nai")))


@pytest.fixture(scope="module")
def topics(understanding: Understanding) -> Topics:
    return Topics.load(understanding)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cho hỏi chuyện khác, người già được gì", "người già được gì"),
        ("Tôi hỏi thêm một việc không liên quan: Cà Mau giúp ai trước?", "Cà Mau giúp ai trước"),
        ("đổi chủ đề nhé, ai ký kế hoạch", "ai ký kế hoạch"),
    ],
)
def test_a_new_subject_leaves_the_question_and_keeps_the_place(topics: Topics, text: str, left: str) -> None:
    topic = topics.of(text, CONTEXT, TODAY)
    assert topic.text == left
    assert (topic.context.question, topic.context.province, topic.context.cited) == (None, "Đồng Nai", ())


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("về lại cái phần mềm, có đào tạo người vận hành không", SOFTWARE),
        ("lúc nãy nói phần mềm ấy, ai lo", SOFTWARE),
        ("trở lại câu thứ nhất, ai phải làm", SOFTWARE),
        ("trở lại câu thứ hai, ai phải làm", LINE),
    ],
)
def test_back_to_an_earlier_question(topics: Topics, text: str, question: str) -> None:
    for said in both(text):
        assert topics.of(said, CONTEXT, TODAY).context.question == question


@pytest.mark.parametrize("text", ["còn người già thì sao", "về lại cái mà chưa ai hỏi", "ai chủ trì"])
def test_all_else_stays_as_it_came(topics: Topics, text: str) -> None:
    assert topics.of(text, CONTEXT, TODAY).context is CONTEXT


def test_three_earlier_questions_are_remembered_and_read_back(person: Person) -> None:
    asked = ["Hà Nam có bao nhiêu dự án?", "Cà Mau ưu tiên giúp ai?", "Hưng Yên có quỹ bảo trợ trẻ em không?", "Đồng Nai ai chủ trì?"]
    for text in [*asked, "Cà Mau có mấy cơ sở bảo trợ xã hội?"]:
        person.says(text)
    assert [province for _, province in person.context.earlier] == ["Đồng Nai", "Hưng Yên", "Cà Mau"]
    assert "quỹ bảo trợ" in person.context.earlier[1][0]
    assert Context.from_json({"question": "a"}).earlier == ()
    assert Context.from_json({"earlier": [["a", "Hà Nam"], ["b", None]]}).earlier == (("a", "Hà Nam"), ("b", None))
