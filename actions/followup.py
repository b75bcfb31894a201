"""Reading a turn in the light of the one before: "Còn ở Cà Mau?", "ai chủ trì?", "nói rõ hơn", "không, ý tôi là Hà Nam"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import yaml

from actions.model import Context
from index.model import Query
from index.understanding import Understanding
from knowledge.text import folded_line

DATA = Path(__file__).parent / "data"
_LEANING = 3
"""Content words: a shorter question leans on the one before."""

Turn = Literal["standalone", "moved", "narrowed", "more", "source", "lost"]
"""standalone: stands on its own · moved: the same question for another province · narrowed: a new question in the same place ·
more: go on after what was shown · source: where the last answer stands · lost: refers to something earlier that is not there (any more)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is asked, taken together with the context."""

    turn: Turn
    query: Query
    question: str
    """The words that stand on their own: kept as the context's question."""
    otherwise: tuple[Query, ...] = ()
    """Other ways to read a turn that leans on the one before, tried in order when the first finds nothing."""


@dataclass(frozen=True)
class FollowUps:
    """The patterns of data/followups.yml."""

    understanding: Understanding
    filler: frozenset[str]
    more: re.Pattern[str]
    source: re.Pattern[str]
    opening: re.Pattern[str]

    @classmethod
    def load(cls, understanding: Understanding, path: Path = DATA / "followups.yml") -> FollowUps:
        """From the data file."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        patterns = {name: re.compile("|".join(table[name])) for name in ("more", "source", "opening")}
        return cls(understanding, frozenset(table["filler"]), **patterns)

    def read(self, text: str, context: Context, as_of: date) -> Reading:
        """The Reading of a turn. Never asks back; a turn that needs an earlier one which is not there is `lost`."""
        query = self.understanding.read(text, as_of)
        line = folded_line(query.written_out)
        own = [term for term in query.terms if term not in self.filler]
        if not own and not query.numbers and query.fact is None:
            if self.source.search(line):
                return self._back("source", query, context)
            if self.more.search(line):
                return self._back("more", query, context)
            if query.provinces:
                return self._moved(query, text, context)
            if self.opening.search(line):
                return self._back("more", query, context)
            return Reading("standalone", query, text)
        if context.question and not query.provinces and not query.numbers:
            return self._narrowed(query, own, line, text, context)
        return Reading("standalone", query, text)

    def _back(self, turn: Turn, query: Query, context: Context) -> Reading:
        if not context.question:
            return Reading("lost", query, query.text)
        return Reading(turn, self._earlier(context, query.as_of), context.question)

    def _moved(self, query: Query, text: str, context: Context) -> Reading:
        if not context.question:
            return Reading("lost", query, text)
        earlier = self.understanding.read(context.question, query.as_of)
        return Reading("moved", replace(earlier, provinces=query.provinces, numbers=()), context.question)

    def _narrowed(self, query: Query, own: list[str], line: str, text: str, context: Context) -> Reading:
        """A new question without a place keeps the place; one that names another thing ("thế còn người già?") keeps the question too."""
        placed = replace(query, provinces=(context.province,)) if context.province else query
        leans = bool(self.opening.search(line)) or len(own) <= _LEANING
        if query.fact or not leans:
            return Reading("narrowed", placed, text, (query,))
        earlier = self._earlier(context, query.as_of)
        combined = replace(
            placed,
            asked=earlier.asked if query.asked == "what" else query.asked,
            counted=query.counted or earlier.counted,
            terms=(*own, *own, *earlier.terms),  # what is new counts twice
            paraphrases=(*query.paraphrases, *earlier.paraphrases),
        )
        if query.asked == "what" and not query.duties:
            return Reading("narrowed", combined, text, (placed, query))
        return Reading("narrowed", placed, text, (combined, query))

    def _earlier(self, context: Context, as_of: date) -> Query:
        earlier = self.understanding.read(context.question or "", as_of)
        return replace(earlier, provinces=(context.province,), numbers=()) if context.province else earlier
