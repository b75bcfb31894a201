"""What is learned from conversations: the signal that tells, and nothing from turns without a right reading."""

from __future__ import annotations

import numpy as np

from actions.choosing import FEATURES
from tools.train_choosing import Turn, fit


def turns(count: int) -> list[Turn]:
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        rows = np.zeros((4, len(FEATURES)))
        rows[:3, [2, 5]] = rng.normal(size=(3, 2))
        rows[:3, 0] = 1.0
        made.append(Turn("t0", rows, np.arange(4) == np.argmax(rows[:3, 2])))
    return made


def test_the_fit_finds_the_signal_that_tells() -> None:
    weights = fit(turns(60))
    assert int(np.argmax(np.abs(weights[1:]))) == 1  # the first sets the options apart from the honest no
    unseen = turns(90)[60:]
    assert np.mean([turn.right[np.argmax(turn.rows @ weights)] for turn in unseen]) > 0.9


def test_turns_without_a_right_reading_teach_nothing() -> None:
    wrong = [Turn("t0", turn.rows, np.zeros(4, dtype=bool)) for turn in turns(5)]
    assert not fit(wrong).any()
    assert np.array_equal(fit([*turns(20), *wrong]), fit(turns(20)))
