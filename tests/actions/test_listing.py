"""Lists: complete, in order, page by page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from actions_house import Person

from actions.model import Answer


def items(answer: Answer) -> list[str]:
    return [line for line in answer.text.split("\n") if line.startswith("• ")]


def test_everything_under_the_heading_that_is_asked_about(person: Person) -> None:
    answer = person.says("Mục tiêu cụ thể của Hưng Yên gồm những gì?")
    assert answer.text.startswith("Mục tiêu cụ thể đến năm 2020:\n")
    assert [item.split()[1] for item in items(answer)] == ["95%", "Phát", "Nâng"]
    assert "còn" not in answer.text


@pytest.mark.parametrize("question", ["Kế hoạch 2735 có mấy dự án?", "Kế hoạch 2735/KH-UBND gồm những dự án nào?"])
def test_what_is_counted_is_listed(person: Person, question: str) -> None:
    assert [item[:10] for item in items(person.says(question))] == [f"• Dự án {n}:"[:10] for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("question", ["Dự án thứ tư ở Đồng Nai là gì?", "du an so 4 cua dong nai lo chuyen gi", "Dự án 4 Đồng Nai là gì?"])
def test_a_project_by_its_number(people: Callable[..., Person], question: str) -> None:
    answer = people().says(question)
    assert answer.text.startswith("Dự án 4: Phát triển hệ thống dịch vụ hỗ trợ người cai nghiện ma túy")
    assert answer.citations[0].quote.startswith("4. Dự án 4")


def test_what_does_not_fit_is_counted_and_told_next(person: Person) -> None:
    told = [person.says("Dự án 2 của Đồng Nai gồm những hoạt động gì?")]
    assert "… còn năm mục nữa; nhắn “còn gì nữa không” để xem tiếp." in told[0].text
    assert len(told[0].context.shown) == len(items(told[0])) == 3
    told.append(person.says("còn gì nữa không"))
    assert told[1].kind == "answer"
    assert set(told[0].context.shown) < set(told[1].context.shown)
    assert not set(items(told[0])) & set(items(told[1]))
    assert items(told[1])[0].startswith("• Tập huấn nâng cao năng lực cán bộ")
    assert all(len(answer.text) <= 900 for answer in told)


def test_a_body_stands_before_the_legal_basis(person: Person) -> None:
    answer = person.says("ai lo cho trẻ mồ côi ở Hưng Yên")
    assert answer.text.startswith("Sở Lao động – Thương binh và Xã hội chủ trì")


def test_a_project_named_with_more_words_is_answered_by_what_stands_under_it(person: Person) -> None:
    answer = person.says("du an 3 dong nai lam o nhung huyen thanh pho nao")
    assert answer.text.startswith("Phạm vi thực hiện: Dự án được thực hiện tại các huyện, thị xã Long Khánh và thành phố Biên Hòa")
