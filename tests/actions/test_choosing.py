"""Which way of reading a turn is told: the likeliest, a second beside it, or the honest no."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from actions_house import TODAY, Person

from actions.answering import Answerer
from actions.assistant import Assistant
from actions.choosing import FEATURES, Chooser, options, signals
from actions.model import Context
from knowledge.errors import IndexFault

EARLIER = "Hà Nam có những mục tiêu gì cho người khuyết tật?"


def weighed(**weights: float) -> Chooser:
    return Chooser(tuple(weights.get(name, 0.0) for name in FEATURES))


def row(**signals: float) -> list[float]:
    return [signals.get(name, 0.0) for name in FEATURES]


def test_shares_are_a_softmax_with_the_honest_no() -> None:
    chooser = weighed(real=0.0)
    assert chooser.shares([row(real=1), row(real=1)]) == pytest.approx([1 / 3, 1 / 3])


def test_every_way_of_a_turn_is_found_and_has_its_signals(assistant: Assistant, answerer: Answerer) -> None:
    context = Context(EARLIER, "Hà Nam")
    leaning = assistant.followups.read("còn người nghiện thì ai lo", context, TODAY).leaning
    assert leaning is not None
    parts = (context, answerer, assistant.followups, assistant.recall)
    found = options(leaning, *parts)
    assert {kind for option in found for kind in option.kinds} >= {"rules", "alone", "combined"}
    assert len({option.found.query for option in found}) == len(found)
    assert all(len(signals(option, leaning, *parts)) == len(FEATURES) for option in found)


def test_the_likeliest_is_told_or_none(assistant: Assistant, answerer: Answerer) -> None:
    context = Context(EARLIER, "Hà Nam")
    leaning = assistant.followups.read("còn người nghiện thì ai lo", context, TODAY).leaning
    assert leaning is not None
    found = options(leaning, context, answerer, assistant.followups, assistant.recall)[:2]
    rows = [row(real=1), row(real=1, alone=1)]
    assert weighed(real=-4).choose(found, rows).best is None
    chosen = weighed(real=4, alone=1).choose(found, rows)
    assert chosen.best is found[1]
    assert chosen.second is (found[0] if found[0].first != found[1].first else None)


def test_another_place_is_never_answered_out_of_the_passages_told(person: Person) -> None:
    person.says("Hà Nam bao nhiêu phần trăm người nghiện vào cơ sở cai nghiện bắt buộc?")
    moved = person.says("Còn ở Đồng Nai?")
    assert "95%" not in moved.text
    assert {citation.province for citation in moved.citations} == {"Đồng Nai"}


def test_weights_for_other_signals_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "choosing.json"
    path.write_text(json.dumps({"features": ["other"], "weights": [1.0], "least": 0.5}), encoding="utf-8")
    with pytest.raises(IndexFault, match="make train"):
        Chooser.load(path)
