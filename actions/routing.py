"""What a message is by rule: small talk, a wish for a human, something outside, an attack on the rules, or a question for the documents."""

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
            left = _without(pattern, line)
            if left != line and self.filler.issuperset(left.split()):
                return name
        if self.attack.search(line):
            return "attack"
        if self.handover.search(line):
            return "handover"
        if self.outside.search(line):
            return "outside"
        return "question"


def _without(pattern: re.Pattern[str], line: str) -> str:
    """The line without the phrase, as often as it is said: two in a row share the blank between them ("bye bye")."""
    found = 1
    while found:
        line, found = pattern.subn(" ", line)
    return line
