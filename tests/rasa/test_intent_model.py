from __future__ import annotations

import numpy as np
import pytest

from bot.rasa.components.intent_model import IntentModel, TermWeights, letter_features, syllable_features

LINES = {
    "figure": ("co bao nhieu co so", "bao nhieu nguoi", "may cho nuoi tre"),
    "body": ("ai lo viec nay", "so nao lo", "co quan nao lo"),
    "hotline": ("goi so may", "cho xin so", "so dien thoai"),
}
TEXTS = [line.split() for lines in LINES.values() for line in lines]
INTENTS = [intent for intent, lines in LINES.items() for _ in lines]


@pytest.fixture
def model():
    return IntentModel.fit(TEXTS, INTENTS, c=10.0, max_iter=200, seed=42)


def test_features_know_the_ends_of_the_message_and_of_words():
    assert syllable_features(["bao", "nhieu"]) == ["bao", "nhieu", "< bao", "bao nhieu", "nhieu >"]
    assert letter_features(["lo"]) == [" l", "lo", "o ", " lo", "lo ", " lo "]


def test_idf_is_higher_for_what_is_rare():
    weights = TermWeights.fit([["a", "b"], ["a"]])
    assert weights.idf[weights.index["b"]] > weights.idf[weights.index["a"]] == pytest.approx(1.0)
    _, values = weights.vector(["a", "b", "unknown"])
    assert np.linalg.norm(values) == pytest.approx(1.0)


def test_it_recognises_what_it_learnt_and_its_neighbours(model):
    assert [model.probabilities(text)[0][0] for text in TEXTS] == INTENTS
    assert model.probabilities(["bao", "nhieu", "tre"])[0][0] == "figure"
    assert sum(share for _, share in model.probabilities(["ai"])) == pytest.approx(1.0)


@pytest.mark.parametrize("words", [[], ["zzz"], ["😀"]])
def test_words_never_seen_give_an_unsure_answer(model, words):
    assert model.probabilities(words)[0][1] < 0.9


def test_the_same_examples_give_the_same_model(model, tmp_path):
    again = IntentModel.fit(TEXTS, INTENTS, c=10.0, max_iter=200, seed=42)
    assert np.array_equal(again.weights, model.weights)
    assert list(again.letters.index) == list(model.letters.index)


def test_saved_and_loaded_it_is_the_same(model, tmp_path):
    model.save(tmp_path)
    loaded = IntentModel.load(tmp_path)
    assert [loaded.probabilities(text) for text in TEXTS] == [model.probabilities(text) for text in TEXTS]
