"""The kind of thing that a question asks for (a place by its name, a day, a reason, a fee), and whether a passage holds such a thing.

Softer than index/demands.py: what is lacking refuses nothing, it is a signal of index/answerability.py. Rules are data (data/kinds.yml).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from index.demands import asked_line
from index.model import Hit, Query
from knowledge.text import fold

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: questions that ask for it, and what it looks like in a passage, folded or as written; neither: plans do not hold it."""

    name: str
    asks: re.Pattern[str]
    holds: re.Pattern[str] | None
    written: re.Pattern[str] | None

    def stands_in(self, hit: Hit) -> bool:
        """Whether the passage holds something of this kind."""
        text = " ".join(f"{hit.passage.lead or ''} {hit.passage.text}".split())
        return bool((self.holds and self.holds.search(fold(text))) or (self.written and self.written.search(text)))


@dataclass(frozen=True, slots=True)
class Kinds:
    """The rules of data/kinds.yml, compiled. Holds tables only; safe to share between threads."""

    kinds: tuple[Kind, ...]

    @classmethod
    def load(cls, path: Path = DATA / "kinds.yml") -> Kinds:
        """From the data file."""
        rows: Sequence[Mapping[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["kinds"]

        def compiled(row: Mapping[str, Any], name: str) -> re.Pattern[str] | None:
            return re.compile("|".join(row[name])) if name in row else None

        return cls(tuple(Kind(r["name"], re.compile("|".join(r["asks"])), compiled(r, "holds"), compiled(r, "written")) for r in rows))

    def of(self, query: Query) -> tuple[Kind, ...]:
        """The kinds that a question asks for."""
        line = asked_line(query.written_out)
        return tuple(kind for kind in self.kinds if kind.asks.search(line))

    def lacking(self, query: Query, hits: Sequence[Hit]) -> int:
        """How many of the kinds asked for stand in none of the hits."""
        return sum(not any(kind.stands_in(hit) for hit in hits) for kind in self.of(query))
