"""Fitting the weights of the signals: questions made of sentences, and the fit."""

from __future__ import annotations

import random

import numpy as np

from tools.bench_fit import CANDIDATES, cross_validated, examples, first_share, fitted, made_of

ARTICLES = [[" ".join(f"a{article}p{at}w{word}" for word in range(20)) + "." for at in range(5)] for article in range(12)]


def test_the_same_seed_makes_the_same_questions_of_words_of_their_passage() -> None:
    trial = made_of([list(some) for some in ARTICLES], 40, 30, random.Random(3))
    assert trial == made_of([list(some) for some in ARTICLES], 40, 30, random.Random(3))
    assert (len(trial.passages), len(trial.questions)) == (40, 30)
    for asked in trial.questions:
        own = trial.passages[next(iter(asked.relevant))].removesuffix(".").split()
        assert len(set(asked.text.removesuffix("?").split()) & set(own)) >= 1


def test_each_question_is_there_as_typed_and_stripped() -> None:
    rows, right = examples(made_of([list(some) for some in ARTICLES], 40, 10, random.Random(3)))
    assert rows.shape == (20, CANDIDATES, 4)
    assert right.shape == (20,)


def test_the_signal_that_tells_gets_the_weight() -> None:
    rng = np.random.default_rng(5)
    rows, right = rng.random((400, 10, 2)), rng.integers(0, 10, 400)
    rows[np.arange(400), right, 1] += 1
    weights = fitted(rows, right)
    assert weights[1] > 5 * abs(weights[0])
    assert first_share(rows, right, weights) > 0.95
    assert min(cross_validated(rows, right, [0, 1])) > 0.95
    assert max(cross_validated(rows, right, [0])) < 0.3


def test_what_is_no_candidate_is_never_first() -> None:
    assert first_share(np.ones((4, 3, 1)), np.full(4, -1), np.ones(1)) == 0
