"""Two runs side by side."""

from __future__ import annotations

from typing import Any

import pytest

from index.evaluation import compare
from index.evaluation.comparison import mcnemar

GOLD = [
    {"id": at, "question": "?", "kind": "answer", "docs": [], "evidence": [], "answer": [["16"]], "history": [], "tags": []}
    for at in ("a", "b", "c")
]


def run(**texts: str) -> dict[str, dict[str, Any]]:
    return {at: {"id": at, "kind": "answer", "text": text} for at, text in texts.items()}


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (1, 0, 1.0), (6, 0, 0.03125), (0, 6, 0.03125), (1, 9, 0.021484), (12, 2, 0.012939)],
)
def test_the_exact_test_of_mcnemar(gained: int, lost: int, p: float) -> None:
    """Binomial tails by hand: 2·(1/64); 2·(1+10)/1024; 2·(1+14+91)/16384."""
    assert mcnemar(gained, lost) == pytest.approx(p, abs=1e-6)


def test_figures_stand_side_by_side_with_what_was_gained_and_lost() -> None:
    lines = list(compare(GOLD, run(a="16", b="17", c="17"), run(a="17", b="16", c="16")))
    row = next(line.split() for line in lines if line.startswith("answer_correct"))
    assert row == ["answer_correct", "0.333", "0.667", "+0.333", "2", "1", "1.0000"]
    assert "gained answer_correct: b c" in lines
    assert "lost answer_correct: a" in lines


def test_the_same_run_twice_differs_in_nothing() -> None:
    same = run(a="16", b="17", c="17")
    assert not [line for line in compare(GOLD, same, same) if line.startswith(("gained", "lost"))]


def test_an_answer_that_is_gone_is_lost() -> None:
    assert "lost answered_at_all: c" in list(compare(GOLD, run(a="", b="", c=""), run(a="", b="")))
