"""What one sentence says of a question, and with which marks."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge.text import fold, marked_words
from tools.token_signals import Blend, TokenStore

TEXTS = (
    "Trẻ em mồ côi được hỗ trợ. Người khuyết tật nặng được nuôi dưỡng.",
    "Người khuyết tật, trẻ em mồ côi được nuôi dưỡng.",
    "Bảo vệ môi trường; khoa học.",
    "Bão về, mối trượng.",
    "",
)
ALL = np.arange(len(TEXTS))


@pytest.fixture(scope="module")
def store() -> TokenStore:
    return TokenStore.build(TEXTS)


def test_one_sentence_that_says_it_all_beats_two_that_share_it(store: TokenStore) -> None:
    sentence, _ = store.signals(marked_words("trẻ em mồ côi nuôi dưỡng"), ALL)
    assert sentence[1] == pytest.approx(1)
    assert 0 < sentence[0] < 1
    assert sentence[2:].tolist() == [0, 0, 0]


def test_marks_tell_apart_what_folding_makes_the_same(store: TokenStore) -> None:
    sentence, marks = store.signals(marked_words("bảo vệ môi trường"), ALL)
    assert sentence[2] == sentence[3] == pytest.approx(1)
    assert marks[2] == pytest.approx(1)
    assert marks[3] == 0


def test_a_question_without_marks_says_nothing_about_marks(store: TokenStore) -> None:
    asked = "bảo vệ môi trường"
    sentence, marks = store.signals(marked_words(fold(asked)), ALL)
    assert marks.tolist() == [0] * len(TEXTS)
    np.testing.assert_array_equal(sentence, store.signals(marked_words(asked), ALL)[0])


def test_a_rare_word_counts_more_than_a_common_one(store: TokenStore) -> None:
    asked = marked_words("nuôi khoa")
    sentence, _ = store.signals(asked, ALL)
    assert sentence[2] > sentence[0] > 0
    assert sentence[0] + sentence[2] == pytest.approx(1)


def test_a_word_that_no_passage_holds_weighs_the_most(store: TokenStore) -> None:
    sentence, _ = store.signals(["nuôi", "hypnosis"], ALL)
    assert 0 < sentence[1] < 0.5


def test_saying_a_word_twice_changes_nothing(store: TokenStore) -> None:
    for once, twice in zip(store.signals(["mồ", "côi"], ALL), store.signals(["mồ", "côi", "mồ"], ALL), strict=True):
        np.testing.assert_array_equal(once, twice)


def test_the_order_and_choice_of_candidates_is_kept(store: TokenStore) -> None:
    asked = marked_words("trẻ em khuyết tật môi trường")
    for whole, some in zip(store.signals(asked, ALL), store.signals(asked, np.array([3, 0, 2])), strict=True):
        np.testing.assert_array_equal(whole[[3, 0, 2]], some)


@pytest.mark.parametrize(
    ("asked", "candidates"), [([], ALL), (["trẻ"], np.array([], dtype=np.int64)), (["hypnosis"], ALL), (["trẻ"], ALL[4:])]
)
def test_without_anything_in_common_all_is_zero(store: TokenStore, asked: list[str], candidates: np.ndarray) -> None:
    for column in store.signals(asked, candidates):
        assert column.dtype == np.float32
        assert column.tolist() == [0] * len(candidates)


def test_without_passages_there_is_nothing() -> None:
    empty = TokenStore.build([])
    assert empty.ids.size == 0
    assert empty.starts.tolist() == [0]


def test_the_blend_scales_to_the_best_candidate() -> None:
    typed, pairs = np.array([4.0, 2.0], np.float32), np.array([4.0, 0.0], np.float32)
    sentence, marks = np.array([0.0, 1.0], np.float32), np.array([0.0, 0.5], np.float32)
    assert Blend(2, 4, 1, 2).scores(typed, pairs, sentence, marks).tolist() == [3.0, 2.5]
    assert Blend(2, 4, 1, 2).scores(typed * 7, pairs * 7, sentence, marks).tolist() == [3.0, 2.5]
    assert Blend(1, 1, 1, 1).scores(typed * 0, pairs * 0, sentence, marks).tolist() == [0.0, 1.5]
