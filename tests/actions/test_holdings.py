"""The list of what is held: only where the whole message asks for it."""

from __future__ import annotations

import pytest
from actions_house import Person, both, unsupported

from actions.answering import LIMIT
from actions.routing import Router
from knowledge.collection import Collection

ASKING = [
    "tỉnh nào có kế hoạch",
    "có tài liệu của những tỉnh nào",
    "bạn biết gì",
    "bạn có những văn bản nào",
    "em đang giữ tài liệu của tỉnh nào ạ",
    "tỉnh nào có kế hoạch trợ giúp xã hội rứa",
]
ABOUT_SOMETHING = [
    "tỉnh nào có kế hoạch giúp người nghiện",
    "kế hoạch tỉnh nào có mô hình nhà tạm lánh",
    "Đồng Nai có kế hoạch gì cho trẻ em?",
]


@pytest.mark.parametrize("text", ASKING)
def test_what_is_held_is_listed_with_number_province_and_years(person: Person, collection: Collection, text: str) -> None:
    for said in both(text):
        answer = person.says(said)
        assert answer.kind == "smalltalk"
        assert len(answer.text) <= LIMIT
        assert not unsupported(answer, collection)
        for document in collection.documents:
            metadata = document.metadata
            assert (metadata.number or collection.province(document) or "") in answer.text
            assert metadata.valid_to is None or str(metadata.valid_to.year) in answer.text
            assert any(c.document_id == document.document_id and c.quote == document.text[c.start : c.end] for c in answer.citations)


@pytest.mark.parametrize("text", ABOUT_SOMETHING)
def test_a_question_about_something_is_a_question(router: Router, text: str) -> None:
    for said in both(text):
        assert router.route(said) == "question"


def test_the_place_talked_about_is_kept(person: Person) -> None:
    person.says("Cà Mau có mấy cơ sở bảo trợ xã hội công lập?")
    before = person.context
    person.says("bạn có tài liệu của những tỉnh nào?")
    assert (person.context.question, person.context.province) == (before.question, before.province)
