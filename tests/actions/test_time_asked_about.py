"""A date in the asker's own words picks the plan in force then, and the line of validity says so; no plan, no answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from actions_house import TODAY, Person

from actions.answering import Answerer
from actions.assistant import Assistant
from actions.model import Answer
from index.search import Retriever
from index.snapshot import Snapshot
from knowledge.collection import Collection
from knowledge.model import Document, Relation
from knowledge.places import Gazetteer
from knowledge.text import fold

OLD, NEW = "2735/KH-UBND", "3376/KH-UBND"
ASKED = "{} người nghiện ma túy ở Đồng Nai được hỗ trợ gì?"


def newer(document: Document) -> Document:
    """The plan of Hà Nam as one of Đồng Nai for 2022 to 2025, in the place of the one that ended in 2020."""
    if document.metadata.number != NEW:
        return document
    replaces = Relation("replaces", OLD, date(2022, 1, 1))
    years = {"issued_on": date(2021, 11, 5), "valid_from": date(2022, 1, 1), "valid_to": date(2025, 12, 31)}
    return replace(document, metadata=replace(document.metadata, province="Đồng Nai", relations=(replaces,), **years))


@pytest.fixture(scope="module")
def asked_by(opened: Snapshot, answerer: Answerer, gazetteer: Gazetteer, assistant: Assistant) -> Callable[..., Person]:
    """Somebody who asks where both plans are held."""
    held = replace(opened, collection=Collection(tuple(map(newer, opened.collection.documents))))
    both = replace(answerer, retriever=Retriever(held, gazetteer))
    return lambda on=TODAY: Person(replace(assistant, answerer=lambda: both), on)


def numbers(answer: Answer) -> set[str | None]:
    return {citation.number for citation in answer.citations}


@pytest.mark.parametrize("typed", [str, fold])
@pytest.mark.parametrize("when", ["Hồi 2019", "Tính đến tháng 6/2019 thì", "Năm 2020"])
def test_the_plan_in_force_then_answers_and_says_so(asked_by: Callable[..., Person], when: str, typed: type[str]) -> None:
    answer = asked_by().says(typed(ASKED.format(when)))
    assert answer.kind == "answer"
    assert numbers(answer) == {OLD}
    said = next(notice for notice in answer.notices if "2018–2020" in notice)
    assert "đang áp dụng vào " in said
    assert said in answer.text
    assert f"Từ 1/1/2022, văn bản {OLD} đã được thay thế bằng Kế hoạch {NEW}." in answer.notices
    assert {citation.status for citation in answer.citations} == {"replaced"}  # what it is today


@pytest.mark.parametrize(("asked", "on"), [(ASKED.format("Năm 2023"), TODAY), (ASKED.format("Hiện nay"), date(2023, 5, 4))])
def test_a_later_day_has_the_newer(asked_by: Callable[..., Person], asked: str, on: date) -> None:
    answer = asked_by(on).says(asked)
    assert answer.kind == "answer"
    assert numbers(answer) == {NEW}


def test_what_waits_for_its_day_does_not_speak_before_it(asked_by: Callable[..., Person]) -> None:
    assert numbers(asked_by(date(2019, 5, 4)).says(ASKED.format("Hiện nay"))) == {OLD}


@pytest.mark.parametrize(("when", "said"), [("Hồi 2021", "năm 2021"), ("Tính đến ngày 1/6/2010 thì", "ngày 1/6/2010")])
def test_nothing_is_guessed_where_no_plan_was_in_force(asked_by: Callable[..., Person], when: str, said: str) -> None:
    answer = asked_by().says(ASKED.format(when))
    assert (answer.kind, answer.citations) == ("abstain", ())
    assert f"Vào {said}, tôi không giữ văn bản nào của Đồng Nai đang áp dụng." in answer.text


def test_what_a_year_was_like_may_stand_in_the_plan_after_it(asked_by: Callable[..., Person]) -> None:
    answer = asked_by().says("Năm 2015 ở Đồng Nai có bao nhiêu phần trăm người nghiện có hồ sơ được điều trị?")
    assert numbers(answer) == {NEW}
    assert "68%" in answer.text
    assert "Kế hoạch này đặt ra cho giai đoạn 2022–2025, chưa bắt đầu vào năm 2015; nay đã kết thúc." in answer.notices


def test_whether_it_held_then(person: Person) -> None:
    answer = person.says("Tính đến tháng 6/2019 kế hoạch của Đồng Nai còn hiệu lực không?")
    assert "Kế hoạch này đặt ra cho giai đoạn 2018–2020, đang áp dụng vào tháng 6/2019; nay đã kết thúc." in answer.notices
    later = person.says("Tính đến tháng 6/2023 kế hoạch của Đồng Nai còn hiệu lực không?")
    assert "Kế hoạch này đặt ra cho giai đoạn 2018–2020, đã hết trước tháng 6/2023; nay đã kết thúc." in later.notices


def test_a_number_is_that_of_the_plan_in_force_then(person: Person) -> None:
    asked = "Đồng Nai hồi năm {} có kế hoạch trợ giúp xã hội số mấy?"
    assert OLD in person.says(asked.format(2019)).text
    answer = person.says(asked.format("hai ngàn không trăm mười"))
    assert answer.kind == "abstain"
    assert "Vào năm 2010, tôi không giữ văn bản nào của Đồng Nai đang áp dụng." in answer.text


@pytest.mark.parametrize("turn", ["Thế hồi 2019 thì sao?", "Hồi 2019 quy định ra sao?"])
def test_a_turn_that_only_names_the_time(asked_by: Callable[..., Person], turn: str) -> None:
    person = asked_by()
    assert numbers(person.says("Người nghiện ma túy ở Đồng Nai được hỗ trợ gì?")) == {NEW}
    answer = person.says(turn)
    assert numbers(answer) == {OLD}
    assert "nghiện" in answer.text
    valid = person.says("Tính đến tháng 6/2019 còn hiệu lực không?")
    assert any("2018–2020, đang áp dụng vào tháng 6/2019" in notice for notice in valid.notices)


@pytest.mark.parametrize("asked", ["Hồi 2021 quy định ra sao?", "năm 2022 thì được bao nhiêu", "Tính đến tháng 6/2023 còn hiệu lực không?"])
def test_a_time_of_nothing_is_asked_back_about(person: Person, asked: str) -> None:
    answer = person.says(asked)
    assert (answer.kind, answer.citations) == ("clarify", ())
    assert "tỉnh nào" in answer.text


def test_no_other_province_speaks_for_a_time_before_the_merger(person: Person) -> None:
    answer = person.says("Hồi 2019 người nghiện ở Nam Định được hỗ trợ gì?")
    assert (answer.kind, answer.citations) == ("abstain", ())
    assert "Tôi chưa có tài liệu của Nam Định." in answer.text
