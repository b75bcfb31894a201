"""Grouping of questions: deterministic, by what is asked and not by where, and far better than chance on questions it was not set on."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from random import Random

import pytest

from bot.questions.clustering import Terms, group
from index.lexicon import Lexicon
from knowledge.places import Gazetteer

HELD_OUT = Path(__file__).parents[1] / "eval" / "heldout.jsonl"


@pytest.fixture(scope="module")
def terms(gazetteer: Gazetteer) -> Terms:
    return Terms(Lexicon.load(), gazetteer)


ASKED = [
    "Trẻ mồ côi ở Cà Mau được hỗ trợ bao nhiêu tiền?",
    "tre mo coi o dong nai duoc ho tro bao nhieu tien",
    "Làm giấy xác nhận khuyết tật ở đâu",
    "trẻ mồ côi được hỗ trợ bao nhiêu tiền",
    "lam giay xac nhan khuyet tat o dau vay",
    "Mấy giờ phường mở cửa?",
]


def test_questions_that_ask_alike_are_one_group(terms: Terms) -> None:
    found = group([terms(text) for text in ASKED])
    assert [set(members) for members in found.groups] == [{0, 1, 3}, {2, 4}, {5}]
    assert found.nearest(terms("trẻ mồ côi hỗ trợ tiền bao nhiêu")) == 0
    assert found.nearest(terms("giấy xác nhận khuyết tật")) == 1
    assert found.nearest(terms("cai nghiện tự nguyện")) is None


def test_the_order_of_messages_changes_no_group(terms: Terms) -> None:
    texts = [text for text in ASKED for _ in range(1 + len(text) % 3)]
    groups = set()
    for seed in range(5):
        mixed = Random(seed).sample(texts, len(texts))
        groups.add(frozenset(frozenset(mixed[at] for at in members) for members in group([terms(text) for text in mixed]).groups))
    assert len(groups) == 1


def test_nothing_and_words_without_content() -> None:
    assert group([]).groups == ()
    assert group([]).nearest(Counter("a")) is None
    found = group([Counter(), Counter("a"), Counter()])
    assert found.groups == ((0, 2), (1,))
    assert found.nearest(Counter()) == 0


def test_pairs_that_were_put_together_ask_the_same_far_more_often_than_chance(terms: Terms) -> None:
    rows = [json.loads(line) for line in HELD_OUT.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row.get("evidence") and not row.get("history")]
    alike = {pair for pair in combinations(range(len(rows)), 2) if set(rows[pair[0]]["evidence"]) & set(rows[pair[1]]["evidence"])}
    found = group([terms(row["question"]) for row in rows]).groups
    together = {tuple(sorted(pair)) for members in found for pair in combinations(members, 2)}
    chance = len(alike) / (len(rows) * (len(rows) - 1) / 2)
    assert len(together & alike) / len(together) > 20 * chance
    assert len(together & alike) > len(alike) / 4
