"""A plan that another one stands in for is answered from only where it is asked for: by its number, or on a day before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from actions.answering import Answerer
from actions.model import Answer, Context
from index.search import Retriever
from index.snapshot import Snapshot
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.model import Relation
from knowledge.places import Gazetteer

SINCE = date(2019, 1, 1)
ASKED = "{} bao nhiêu phần trăm người nghiện ma túy được đưa vào cơ sở cai nghiện bắt buộc?"


@pytest.fixture(scope="module")
def told_of(opened: Snapshot, answerer: Answerer, gazetteer: Gazetteer) -> Answerer:
    """The plan of Đồng Nai, replaced by that of Hà Nam."""
    told = Relation("replaced_by", "3376/KH-UBND", SINCE, "theo thông báo")
    documents = tuple(
        replace(d, metadata=replace(d.metadata, relations=(told,))) if d.metadata.number == "2735/KH-UBND" else d
        for d in opened.collection.documents
    )
    return replace(answerer, retriever=Retriever(replace(opened, collection=Collection(documents)), gazetteer))


def ask(answerer: Answerer, understanding: Understanding, text: str, on: date) -> Answer:
    return answerer.answer(understanding.read(text, on), Context())


def cited(answer: Answer) -> set[tuple[str | None, str]]:
    assert answer.kind == "answer"
    return {(citation.number, citation.status) for citation in answer.citations}


def test_by_its_province_the_newer_answers(told_of: Answerer, understanding: Understanding) -> None:
    answer = ask(told_of, understanding, ASKED.format("Đồng Nai"), date(2020, 1, 1))
    assert cited(answer) == {("3376/KH-UBND", "in_force")}
    assert "95%" in answer.text


def test_on_a_day_before_it_answers_itself(told_of: Answerer, understanding: Understanding) -> None:
    answer = ask(told_of, understanding, ASKED.format("Đồng Nai"), date(2018, 12, 31))
    assert cited(answer) == {("2735/KH-UBND", "in_force")}
    assert "90%" in answer.text
    assert "thay thế" not in " ".join(answer.notices)


def test_by_its_number_it_answers_and_says_what_replaced_it(told_of: Answerer, understanding: Understanding) -> None:
    answer = ask(told_of, understanding, ASKED.format("Theo 2735/KH-UBND"), date(2020, 1, 1))
    assert cited(answer) == {("2735/KH-UBND", "replaced")}
    assert "Từ 1/1/2019, văn bản 2735/KH-UBND đã được thay thế bằng Kế hoạch 3376/KH-UBND." in answer.notices
    assert answer.notices[-1] in answer.text


def test_without_a_province_only_what_is_current_is_looked_into(
    told_of: Answerer, answerer: Answerer, understanding: Understanding
) -> None:
    query = understanding.read("người nghiện ma túy cai nghiện bắt buộc", date(2020, 1, 1))
    gone = told_of.retriever.scope(query).outdated
    assert gone
    found = {hit.document.document_id for hit in told_of.retriever.search(query, 20)}
    assert found
    assert not found & gone
    assert gone & {hit.document.document_id for hit in answerer.retriever.search(query, 20)}
