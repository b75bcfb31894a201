"""The rules of demands.yml: near misses are refused, look-alikes keep the passage that answers them, whatever the voice."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from index.demands import Demands, asked_line
from index.model import Hit, Query
from index.search import Retriever
from index.snapshot import Snapshot
from index.understanding import Understanding
from knowledge.model import Document, Metadata, Passage, Span
from knowledge.places import Gazetteer
from knowledge.text import fold

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "demands_cases.yml").read_text(encoding="utf-8"))
REFUSED = [(kind, question) for kind, questions in CASES["refused"].items() for question in questions]
# Without capitals and marks the name of a commune is any two words.
STRIPPED = [(kind, fold(question)) for kind, question in REFUSED if kind != "places"]
KEPT = [(question, words) for question, words in CASES["kept"]]
TODAY = date(2026, 5, 4)
LOOKED_AT = 12


@pytest.fixture(scope="module")
def demands() -> Demands:
    return Demands.load()


@pytest.fixture(scope="module")
def understanding(gazetteer: Gazetteer) -> Understanding:
    return Understanding.load(gazetteer)


@pytest.fixture(scope="module")
def retriever(opened: Snapshot, gazetteer: Gazetteer) -> Retriever:
    return Retriever(opened, gazetteer)


def found(question: str, understanding: Understanding, retriever: Retriever) -> tuple[Query, list[Hit]]:
    query = retriever.mended(understanding.read(question, TODAY))
    return query, retriever.search(query, LOOKED_AT)


def said(hits: list[Hit], words: str) -> bool:
    flat = " ".join(words.lower().split())
    return any(flat in " ".join([*hit.passage.path, hit.passage.text]).lower().replace("\n", " ") for hit in hits)


def a_hit(text: str, heading: str = "", valid: tuple[int, int] = (2018, 2020)) -> Hit:
    first, last = valid
    told = Metadata(None, None, None, None, None, date(first, 1, 1), None, date(first, 1, 1), date(last, 12, 31), None, (), None)
    passage = Passage("p", "d", text, Span(0, len(text)), (heading,) if heading else ())
    return Hit(passage, Document("d", "d.txt", text, told), 1, 1, 1, 1)


@pytest.mark.parametrize(("kind", "question"), REFUSED)
def test_a_near_miss_finds_no_passage(
    kind: str, question: str, demands: Demands, understanding: Understanding, retriever: Retriever
) -> None:
    assert demands.met(*found(question, understanding, retriever)) == [], kind


@pytest.mark.parametrize(("kind", "question"), STRIPPED)
def test_a_near_miss_is_refused_without_diacritics_too(
    kind: str, question: str, demands: Demands, understanding: Understanding, retriever: Retriever
) -> None:
    assert demands.met(*found(question, understanding, retriever)) == [], kind


@pytest.mark.parametrize(("question", "words"), KEPT)
def test_a_look_alike_keeps_its_answer(
    question: str, words: str, demands: Demands, understanding: Understanding, retriever: Retriever
) -> None:
    query, hits = found(question, understanding, retriever)
    assert said(hits, words), "search has to find it before a demand can lose it"
    assert said(demands.met(query, hits), words)


def test_there_are_enough_cases() -> None:
    assert len(REFUSED) >= 120
    assert len(KEPT) >= 120


def test_nothing_demanded_leaves_all(demands: Demands, understanding: Understanding) -> None:
    hits = [a_hit("Sở Tài chính bố trí kinh phí."), a_hit("Hội Phụ nữ tuyên truyền.")]
    query = understanding.read("Hội Phụ nữ làm gì?", TODAY)
    assert demands.of(query) == ()
    assert demands.met(query, hits) == hits


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Số điện thoại Sở Y tế là số mấy?", "Liên hệ Sở Y tế, điện thoại 0251 3822 482."),
        ("Mỗi tháng trẻ mồ côi được bao nhiêu tiền?", "Trẻ em mồ côi: 900.000 đồng/tháng."),
        ("Hồ sơ gồm giấy tờ gì?", "Hồ sơ gồm: đơn đề nghị, sổ hộ nghèo."),
        ("Ai là giám đốc trung tâm?", "Giám đốc Trung tâm là bà Nguyễn Thị Hoa."),
        ("Trung tâm có bao nhiêu giường?", "Trung tâm có 120 giường."),
        ("Bảo hiểm thất nghiệp hưởng thế nào?", "Chi trả bảo hiểm thất nghiệp theo Luật Việc làm."),
        ("Nộp đơn mấy ngày thì có kết quả?", "Trả kết quả trong 10 ngày làm việc."),
        ("Xã Tà Lài có bao nhiêu người nghiện?", "Xã Tà Lài: 12 người nghiện ma túy."),
    ],
)
def test_a_document_that_holds_it_is_answered_from(question: str, text: str, demands: Demands, understanding: Understanding) -> None:
    held, other = a_hit(text), a_hit("Tuyên truyền, vận động người dân tham gia.")
    assert demands.met(understanding.read(question, TODAY), [held, other]) == [held]


def test_the_year_asked_for_stands_in_the_passage_or_its_headings(demands: Demands, understanding: Understanding) -> None:
    query = understanding.read("Năm 2030 bao nhiêu phần trăm người nghèo được giúp?", TODAY)
    elsewhere, here = a_hit("Năm 2020: 50% người nghèo."), a_hit("90% người nghèo.", "Tầm nhìn đến năm 2030")
    assert demands.met(query, [elsewhere, here]) == [here]


def test_a_passage_without_years_speaks_of_its_documents_time(demands: Demands, understanding: Understanding) -> None:
    hit = a_hit("Sở Y tế khám bệnh cho trẻ em.")
    assert demands.met(understanding.read("Năm 2019 Sở Y tế làm gì?", TODAY), [hit]) == [hit]
    assert demands.met(understanding.read("Năm 2035 Sở Y tế làm gì?", TODAY), [hit]) == []


def test_a_date_is_no_year_of_a_figure(demands: Demands, understanding: Understanding) -> None:
    query = understanding.read("Năm 2015 bao nhiêu phần trăm người nghiện được dạy nghề?", TODAY)
    assert demands.met(query, [a_hit("90% người nghiện theo Nghị quyết số 51/NQ-CP ngày 02/7/2015.")]) == []


def test_the_writers_own_years_are_not_asked_about(demands: Demands, understanding: Understanding) -> None:
    assert demands.years(understanding.read("Mẹ tôi sinh năm 1952 có được giúp không?", TODAY)) == frozenset()


def test_where_the_writer_lives_is_not_asked_about(demands: Demands, understanding: Understanding) -> None:
    hit = a_hit("Xây dựng 06 cơ sở cai nghiện tại cộng đồng.")
    assert demands.met(understanding.read("Tôi ở huyện Cẩm Mỹ, tỉnh làm mấy cơ sở cai nghiện?", TODAY), [hit]) == [hit]
    assert demands.met(understanding.read("Huyện Cẩm Mỹ có mấy cơ sở cai nghiện?", TODAY), [hit]) == []


def test_the_figure_of_a_heading_only_numbers_it(demands: Demands, understanding: Understanding) -> None:
    query = understanding.read("Trung tâm có bao nhiêu phòng?", TODAY)
    assert demands.met(query, [a_hit("Bố trí 5 cán bộ.", "3 phòng")]) == []


@pytest.mark.parametrize(("typed", "line"), [("Mấyy ngày", "may ngay"), ("lương hưu, 20%", "luong huu 20 %"), ("CCCD", "cccd")])
def test_the_line_that_rules_look_at(typed: str, line: str) -> None:
    assert asked_line(typed) == line


def test_the_names_of_rules_are_single(demands: Demands) -> None:
    names = [rule.name for rule in demands.rules]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z_]+", name) for name in names)
