"""The second look: what its signals say, how its weights order, and that it is trained for the signals there are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from index.coverage import Wanted
from index.model import Paraphrase, Query
from index.reranking import FEATURES, Candidate, Reranker, Trait, View, asks_the_press, features
from index.search import Retriever
from index.snapshot import Snapshot
from index.understanding import Understanding
from knowledge.errors import IndexFault
from knowledge.model import Passage, Span
from knowledge.places import Gazetteer

UNMOVED = {"mean": (0.0,) * len(FEATURES), "scale": (1.0,) * len(FEATURES)}


@pytest.fixture(scope="module")
def reader(gazetteer: Gazetteer) -> Understanding:
    return Understanding.load(gazetteer)


def candidate(text: str, *path: str, fused: float = 1.0, role: str = "body", lead: str | None = None) -> Candidate:
    passage = Passage("p", "d", text, Span(0, len(text)), path, lead=lead, role=role)  # type: ignore[arg-type]
    view = View.of("Kế hoạch", passage, None, Trait.of(passage, secondary=False))
    return Candidate(view, fused, typed=1.0, official=0.0, pairs=0.0, dense=0.0)


def signals(query: Query, *candidates: Candidate) -> list[dict[str, float]]:
    wanted = Wanted.of(query, lambda term: 1.0)
    return [dict(zip(FEATURES, row, strict=True)) for row in features(query, wanted, candidates)]


def read(reader: Understanding, text: str) -> Query:
    return reader.read(text, date(2019, 1, 1))


def test_no_candidates_give_no_rows(reader: Understanding) -> None:
    query = read(reader, "Cơ sở trợ giúp ở đâu?")
    assert features(query, Wanted.of(query, lambda term: 1.0), []).shape == (0, len(FEATURES))
    assert Reranker.load().scores(np.zeros((0, len(FEATURES))), []).shape == (0,)


def test_a_quantity_tells_only_where_one_is_asked_for(reader: Understanding) -> None:
    counted, uncounted = candidate("Hỗ trợ 50 trẻ em."), candidate("Hỗ trợ trẻ em.")
    asked = signals(read(reader, "Hỗ trợ bao nhiêu trẻ em?"), counted, uncounted)
    assert [row["how_many_figure"] for row in asked] == [1.0, 0.0]
    assert [row["how_many_counted"] for row in asked] == [1.0, 0.0]
    assert asked[0]["coverage_figure_clause"] > asked[1]["coverage_figure_clause"] == 0.0
    other = signals(read(reader, "Trẻ em được hỗ trợ gì?"), counted, uncounted)
    assert [row["how_many_figure"] for row in other] == [0.0, 0.0]


def test_percent_is_held_or_missing(reader: Understanding) -> None:
    rows = signals(read(reader, "Bao nhiêu phần trăm trẻ em?"), candidate("90% trẻ em."), candidate("90 trẻ em."))
    assert [(row["percent"], row["percent_missing"]) for row in rows] == [(1.0, 0.0), (0.0, 1.0)]


def test_marks_count_only_where_they_were_typed(reader: Understanding) -> None:
    right, wrong = candidate("Hỗ trợ phụ nữ nghèo."), candidate("Hồ trò phủ nữ nghéo.")
    rows = signals(read(reader, "Hỗ trợ phụ nữ nghèo"), right, wrong)
    assert rows[0]["accents"] == 1.0 > rows[1]["accents"]
    assert [row["accents"] for row in signals(read(reader, "ho tro phu nu ngheo"), right, wrong)] == [0.0, 0.0]


def test_order_and_closeness(reader: Understanding) -> None:
    near = candidate("trung tâm công tác xã hội")
    apart = candidate("xã gồm một hai ba bốn năm sáu bảy tám chín mười tâm gồm một hai ba bốn năm sáu bảy tám chín mười hội")
    rows = signals(read(reader, "trung tâm công tác xã hội"), near, apart)
    assert rows[0]["order"] == rows[0]["closeness"] == 1.0
    assert rows[1]["order"] == 0.0
    assert rows[1]["closeness"] < 0.5


@pytest.mark.parametrize("text", ["Dự án 3 là gì?", "dự án số 3 về chủ đề nào", "du an thu ba noi ve gi"])
def test_the_place_in_a_list(reader: Understanding, text: str) -> None:
    third = candidate("3. Dự án 3: Bình đẳng giới", role="heading")
    second = candidate("2. Dự án 2: Bảo vệ trẻ em", role="heading")
    under = candidate("3. Tổ chức truyền thông.", "Dự án 2")
    assert [row["ordinal"] for row in signals(read(reader, text), third, second)] == [1.0, 0.0]
    assert signals(read(reader, "Dự án nào cho trẻ em?"), under)[0]["ordinal"] == 0.0


def test_a_body_asked_for_its_tasks_is_looked_for_in_heading_and_first_words(reader: Understanding) -> None:
    query = read(reader, "Sở Tài chính có nhiệm vụ gì?")
    rows = signals(query, candidate("Bố trí kinh phí.", "2. Sở Tài chính"), candidate("Phối hợp thực hiện.", "3. Sở Y tế"))
    assert query.duties
    assert rows[0]["duty_head"] == 1.0 > rows[1]["duty_head"]


def test_coverage_by_paraphrase_and_the_rarest_that_is_missing(reader: Understanding) -> None:
    query = replace(read(reader, "bà bầu nghèo"), terms=("bau", "ngheo"), paraphrases=(Paraphrase(("bau",), ("phụ nữ mang thai",)),))
    rarity = {"bau": 3.0, "ngheo": 1.0}
    wanted = Wanted.of(query, lambda term: rarity.get(term, 4.0))
    held = frozenset(["phu", "nu", "mang", "thai", "phu_nu", "nu_mang", "mang_thai"])
    assert wanted.share(held) == pytest.approx(0.75)
    assert wanted.rarest_missing(held) == 1.0
    assert wanted.rarest_missing(frozenset(["ngheo"])) == 3.0
    assert Wanted.of(replace(query, terms=()), lambda term: 1.0).share(held) == 0.0


def test_a_slip_is_no_more_telling_than_what_it_stands_for(reader: Understanding) -> None:
    query = replace(read(reader, "bà bầu nghèo"), terms=("nhiu", "ngheo"), paraphrases=(Paraphrase(("nhiu",), ("bao nhiêu",)),))
    rarity = {"nhiu": 7.0, "ngheo": 1.0, "bao": 0.5, "nhieu": 1.0}
    wanted = Wanted.of(query, lambda term: rarity[term])
    assert wanted.rarest_missing(frozenset(["ngheo"])) == 1.0
    assert wanted.share(frozenset(["ngheo"])) == pytest.approx(0.5)


def test_weights_decide_the_order_and_the_best_is_one() -> None:
    weights = tuple(1.0 if name == "order" else 0.0 for name in FEATURES)
    model = Reranker(**UNMOVED, weights=weights, temperature=2.0)
    rows = np.zeros((2, len(FEATURES)))
    rows[1, FEATURES.index("order")] = 1.0
    assert model.scores(rows, [1.0, 0.1]).tolist() == pytest.approx([np.exp(-0.5), 1.0])
    assert Reranker().scores(rows, [1.0, 0.1]).tolist() == [1.0, 0.1]


def test_other_signals_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "reranker.json"
    path.write_text(json.dumps({"features": ["fused"], **UNMOVED, "weights": [1.0], "temperature": 1.0}))
    with pytest.raises(IndexFault, match="make train"):
        Reranker.load(path)


def test_search_says_what_was_weighed_and_orders_by_it(opened: Snapshot, gazetteer: Gazetteer, reader: Understanding) -> None:
    retriever = Retriever(opened, gazetteer)
    query = read(reader, "Sở Tài chính Hà Nam làm gì?")
    hits = retriever.search(query, 10)
    values = Reranker.load().values(np.array([hit.signals for hit in hits]))
    assert hits[0].score == 1.0
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert values.tolist() == sorted(values.tolist(), reverse=True)


def test_without_weights_the_first_look_stays(opened: Snapshot, gazetteer: Gazetteer, reader: Understanding) -> None:
    plain = Retriever(opened, gazetteer).with_reranker(Reranker())
    query = read(reader, "Sở Tài chính Hà Nam làm gì?")
    found = [retrieved.view.passage for _, retrieved in plain.candidates(query, 30)]
    assert [hit.passage for hit in plain.search(query, 5)] == found[:5]


@pytest.mark.parametrize(
    ("text", "press"),
    [
        ("Báo Đồng Nai nói giảm mấy phần trăm?", True),
        ("theo bao thi co quan nao lo", True),
        ("Bài báo viết gì về dự án 2?", True),
        ("bao nhieu noi co nha tam lanh", False),
        ("Sở nào báo cáo, nội dung nói gì?", False),
    ],
)
def test_what_a_newspaper_says(reader: Understanding, text: str, press: bool) -> None:
    assert asks_the_press(read(reader, text)) is press
