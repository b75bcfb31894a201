"""The preparation of text for lexical search."""

from __future__ import annotations

import unicodedata

import pytest

from index.analysis import terms, with_pairs


def test_syllables_then_neighbours() -> None:
    assert terms("Người cao tuổi") == ["nguoi", "cao", "tuoi", "nguoi_cao", "cao_tuoi"]


@pytest.mark.parametrize(
    "typed", ["nguoi cao tuoi", "NGƯỜI CAO TUỔI", unicodedata.normalize("NFD", "Người cao tuổi"), "người, cao – tuổi!"]
)
def test_marks_case_form_and_punctuation_make_no_difference(typed: str) -> None:
    assert terms(typed) == terms("Người cao tuổi")


def test_numbers_are_words() -> None:
    assert terms("2735/KH-UBND") == ["2735", "kh", "ubnd", "2735_kh", "kh_ubnd"]


def test_d_with_a_stroke_folds() -> None:
    assert terms("Đồng") == ["dong"]


@pytest.mark.parametrize("text", ["", " \n\t", "🙂🙂", "…!?"])
def test_without_words_there_is_nothing(text: str) -> None:
    assert terms(text) == []


def test_one_word_has_no_neighbour() -> None:
    assert with_pairs(["huyen"]) == ["huyen"]
