"""Masking: what is hidden, what stays, and that it never makes a text say more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.questions.masking import Masker
from knowledge.places import load_gazetteer
from knowledge.text import fold, nfc

MASKER = Masker.load(load_gazetteer())
QUESTIONS = Path(__file__).parents[1] / "eval" / "train.jsonl"
CASES = yaml.safe_load(Path(__file__).with_name("masked_questions.yml").read_text("utf-8"))


@pytest.mark.parametrize(("written", "read"), CASES)
def test_what_staff_read(written: str, read: str) -> None:
    assert MASKER.mask(written) == read


@pytest.mark.parametrize("written", [written for written, read in CASES if "[" in read])
def test_masking_twice_is_masking_once(written: str) -> None:
    once = MASKER.mask(written)
    assert MASKER.mask(once) == once
    assert "[" not in MASKER.without_labels(once)


def test_no_word_of_a_thousand_questions_typed_without_marks_is_taken_for_a_name() -> None:
    unmarked = replace(MASKER, rules=tuple(rule for rule in MASKER.rules if rule.after is not None and rule.after.pattern == "(?!)"))
    assert unmarked.rules
    for line in QUESTIONS.read_text("utf-8").splitlines()[::2]:
        question = " ".join(fold(nfc(json.loads(line)["question"])).split())
        assert unmarked.mask(question) == question


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["0912345678", "+84 912 345 678", "079123456789", "hoa@example.vn"]), st.text(max_size=60))
def test_whatever_stands_around_it_a_number_is_hidden(before: str, secret: str, after: str) -> None:
    assert secret not in MASKER.mask(f"{before} , {secret} , {after}")


def test_what_may_not_be_kept() -> None:
    assert all(map(MASKER.must_not_be_kept, ("gọi 0912345678", "hoa@example.vn", "cccd 079123456789", "xem www.example.vn")))
    assert not any(map(MASKER.must_not_be_kept, ("Trung tâm ở xã Tân Lộc?", "Giai đoạn 2018-2020", "Gọi 111 hay 1900 54 55 59?")))
