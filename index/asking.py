"""How a question asks, apart from what is found: "mấy triệu một tháng", "nộp ở đâu", "số nhà mấy" ask for what plans seldom hold.

A linear model over folded words and pairs of words, trained by tools/train.py; its weights are data (data/asking.json). One signal among
others of index/answerability.py: alone it decides nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from index.model import Query
from knowledge.errors import IndexFault
from knowledge.text import fold, folded_line

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Asking:
    """`weights`: of each word or pair, in log-odds for an answer; none: every question is worth `intercept`."""

    weights: Mapping[str, float] = field(default_factory=dict)
    intercept: float = 0.0

    @classmethod
    def load(cls, path: Path = DATA / "asking.json") -> Asking:
        """From the data file. IndexFault when it cannot be read."""
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            return cls(raw["weights"], raw["intercept"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexFault(f"{path.name} cannot be read: run make train.") from error

    def value(self, query: Query) -> float:
        """Log-odds that documents like these answer such a question, 0 where nothing is known."""
        said = spoken(query)
        return self.intercept + sum(self.weights.get(piece, 0.0) for piece in said) / math.sqrt(max(1, len(said)))


def spoken(query: Query) -> frozenset[str]:
    """Folded words and pairs of the question, its begin and end marked; provinces are left out, figures are all alike."""
    line = folded_line(query.written_out)
    for province in query.provinces:
        line = line.replace(f" {' '.join(fold(province).split())} ", " ")
    words = ["0" * len(word) if word.isdigit() else word for word in line.split()]
    return frozenset([*words, *(" ".join(pair) for pair in pairwise(["^", *words, "$"]))])
