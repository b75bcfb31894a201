"""How a question asks."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from index.asking import Asking, spoken
from index.understanding import Understanding
from knowledge.places import load_gazetteer

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding.load(load_gazetteer())


def test_words_and_pairs_are_looked_at_without_the_province_and_with_figures_alike(understanding: Understanding) -> None:
    said = spoken(understanding.read("Cà Mau năm 2019 hỗ trợ gì?", TODAY))
    assert {"0000", "nam 0000", "^ nam", "gi $"} <= said
    assert not {"ca", "mau", "2019"} & said


def test_marks_make_no_difference(understanding: Understanding) -> None:
    assert spoken(understanding.read("Hồ sơ nộp ở đâu", TODAY)) == spoken(understanding.read("ho so nop o dau", TODAY))


def test_the_value_is_the_weights_of_what_is_said(understanding: Understanding) -> None:
    query = understanding.read("nộp đơn", TODAY)
    pieces = len(spoken(query))
    assert Asking({"nop": -2.0, "nop don": -1.0, "khac": 9.0}, 0.5).value(query) == pytest.approx(0.5 - 3 / pieces**0.5)


def test_nothing_learned_says_nothing(understanding: Understanding) -> None:
    assert Asking().value(understanding.read("", TODAY)) == 0.0


def test_it_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "asking.json"
    path.write_text(json.dumps({"weights": {"nop": -1.5}, "intercept": 0.25}), encoding="utf-8")
    assert Asking.load(path) == Asking({"nop": -1.5}, 0.25)


def test_what_plans_seldom_hold_is_worth_less(understanding: Understanding) -> None:
    """The trained weights, on wordings that are in no set."""
    asking = Asking.load()
    seldom = asking.value(understanding.read("nộp hồ sơ ở số nhà mấy, mất bao nhiêu ngày, lệ phí mấy đồng", TODAY))
    often = asking.value(understanding.read("mục tiêu đến năm 2020 bao nhiêu phần trăm người khuyết tật được trợ giúp", TODAY))
    assert seldom < often
