"""What a message without a subject is, where no rule of data/routing.yml knows it: a wish for a human, small talk, or a question after all.

Two linear models over folded words and pairs of words, trained by tools/train_talk.py; their weights are data (data/talk.json). The first
tells questions, wishes for a human and all other talk apart; the second says what the other talk is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

from actions.routing import Route
from knowledge.errors import IndexFault

DATA = Path(__file__).parent / "data"
QUESTION, HUMAN, OTHER = "question", "handover", "other"
"""Classes of the first model."""
_SURE = 0.3
"""Share from which the second model is believed; below, the other talk is answered as a mood: that somebody listens."""
_NO_QUESTION, _QUESTION, _HARDLY = 0.4, 0.8, 0.1
"""What no rule knows is a question from the first on; what a rule takes for a wish for a human, above the second; where something speaks
for a question, it is one from the third on."""
_HEARD, _KNOWN = 3, 0.6
"""Words that must be known, and their share: less says too little, or is another language."""
_LONGEST = 6
"""Lengths, in threes of words, that are told apart."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message may be. Probabilities, 0…1; `route`: what it is if it is neither a question nor a wish for a human."""

    question: float
    human: float
    route: Route


@dataclass(frozen=True)
class Linear:
    """A softmax over `classes`. `weights`: of each piece, one for each class, in hundredths of log-odds."""

    classes: tuple[str, ...]
    intercepts: tuple[float, ...]
    weights: Mapping[str, tuple[int, ...]]

    def shares(self, said: Iterable[str]) -> dict[str, float]:
        """Of each class; they sum to 1."""
        known = [self.weights[piece] for piece in said if piece in self.weights]
        scale = 100.0 * math.sqrt(max(1, len(known)))
        odds = [own + sum(row[at] for row in known) / scale for at, own in enumerate(self.intercepts)]
        powers = [math.exp(value - max(odds)) for value in odds]
        return {name: power / sum(powers) for name, power in zip(self.classes, powers, strict=True)}


@dataclass(frozen=True)
class Talk:
    """The two models."""

    kinds: Linear
    others: Linear

    @classmethod
    def load(cls, path: Path = DATA / "talk.json") -> Talk:
        """From the data file. IndexFault when it cannot be read."""
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            return cls(*(_linear(raw[name]) for name in ("kinds", "others")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexFault(f"{path.name} cannot be read: run make train.") from error

    def hear(self, line: str) -> Heard:
        """`line`: as Router.line writes it. Of a word or two, or words never seen, nothing is thought: a question."""
        said = pieces(line)
        words = line.split()
        if sum(len(word) > 1 and word in self.kinds.weights for word in words) < max(_HEARD, _KNOWN * len(words)):
            return Heard(1.0, 0.0, "mood")
        kinds, others = self.kinds.shares(said), self.others.shares(said)
        route, share = max(others.items(), key=lambda item: item[1])
        return Heard(kinds[QUESTION], kinds[HUMAN], cast(Route, route if share >= _SURE else "mood"))


def taken_for(route: Route, heard: Heard, *, asking: bool = False) -> Route:
    """What a message is by rule and model: rules have the last word on all that they know, but on wishes for a human that are questions.

    `asking`: something speaks for a question, a subject of the documents or an earlier question that it may lean on.
    """
    if route == "question" and heard.question < (_HARDLY if asking else _NO_QUESTION):
        return "handover" if heard.human >= 1 - heard.question - heard.human else heard.route
    return "question" if route == "handover" and heard.question > _QUESTION else route


def pieces(line: str) -> frozenset[str]:
    """Words and pairs of words, begin and end marked, figures all alike; and about how long it is."""
    words = ["0" * len(word) if word.isdigit() else word for word in line.split()]
    pairs = (" ".join(pair) for pair in pairwise(["^", *words, "$"]))
    return frozenset([*words, *pairs, f"={min(len(words) // 3, _LONGEST)}"])


def _linear(raw: Mapping[str, object]) -> Linear:
    weights = cast(Mapping[str, list[int]], raw["weights"])
    classes, intercepts = cast(list[str], raw["classes"]), cast(list[float], raw["intercepts"])
    return Linear(tuple(classes), tuple(intercepts), {piece: tuple(row) for piece, row in weights.items()})
