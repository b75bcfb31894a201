"""Whole conversations (data/conversations.yml): what is said at each turn, also when the state went through JSON in between."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from actions_house import Person

from actions.model import Context

CONVERSATIONS = yaml.safe_load((Path(__file__).parent / "data" / "conversations.yml").read_text(encoding="utf-8"))


def test_there_are_enough_of_them() -> None:
    assert len({conversation["name"] for conversation in CONVERSATIONS}) == len(CONVERSATIONS) >= 60


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda conversation: conversation["name"])
def test_a_conversation(person: Person, conversation: dict[str, Any]) -> None:
    for turn in conversation["turns"]:
        person.context = Context.from_json(json.loads(json.dumps(asdict(person.context))))
        answer = person.says(turn["writes"])
        assert answer.kind == turn["kind"], (turn["writes"], answer.text)
        for words in turn["says"]:
            assert words in answer.text, turn["writes"]
        for words in turn.get("never", ()):
            assert words not in answer.text, turn["writes"]
        if "province" in turn:
            assert {citation.province for citation in answer.citations} == {turn["province"]}, turn["writes"]
        assert 0 < len(answer.text) <= 900


def test_a_context_of_an_older_version_is_read() -> None:
    assert Context.from_json({"question": "q", "shown": ["p"], "mood": "good"}) == Context("q", shown=("p",))
