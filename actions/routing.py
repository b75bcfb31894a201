"""What a message is when Rasa is not asked: small talk, a wish for a human, something outside, or a question. Also the check on what Rasa says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from knowledge.text import folded_line

DATA = Path(__file__).parent / "data"

Route = Literal["greet", "goodbye", "thanks", "affirm", "deny", "bot_about", "handover", "outside", "attack", "question"]


@dataclass(frozen=True)
class Router:
    """The patterns of data/routing.yml."""

    smalltalk: tuple[tuple[Route, re.Pattern[str]], ...]
    filler: frozenset[str]
    handover: re.Pattern[str]
    outside: re.Pattern[str]
    attack: re.Pattern[str]

    @classmethod
    def load(cls, path: Path = DATA / "routing.yml") -> Router:
        """From the data file."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        filler = frozenset(table["smalltalk"].pop("filler"))
        smalltalk = tuple((name, re.compile(pattern)) for name, pattern in table["smalltalk"].items())
        return cls(smalltalk, filler, *(re.compile("|".join(table[name])) for name in ("handover", "outside", "attack")))

    def route(self, text: str) -> Route:
        """The first that fits; small talk only when it is the whole message."""
        line = folded_line(text)
        for name, pattern in self.smalltalk:
            left, found = pattern.subn(" ", line)
            if found and self.filler.issuperset(left.split()):
                return name
        if self.attack.search(line):
            return "attack"
        if self.handover.search(line):
            return "handover"
        if self.outside.search(line):
            return "outside"
        return "question"
