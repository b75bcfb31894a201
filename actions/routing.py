"""What a message is by rule: small talk, a wish for a human, something outside, an attack on the rules, or a question for the documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from knowledge.text import fold, folded_line, marked_words, squeeze

DATA = Path(__file__).parent / "data"

Route = Literal[
    "greet",
    "goodbye",
    "thanks",
    "affirm",
    "deny",
    "bot_about",
    "laugh",
    "wellbeing",
    "mood",
    "sorry",
    "test",
    "wish",
    "chatter",
    "privacy",
    "maker",
    "human",
    "skill",
    "held",
    "insult",
    "handover",
    "outside",
    "attack",
    "question",
]


_ANSWERS = frozenset({"affirm", "deny", "mood", "goodbye"})
"""Small talk that may also begin or end a question."""


@dataclass(frozen=True)
class Router:
    """The patterns of data/routing.yml."""

    about: tuple[tuple[Route, re.Pattern[str]], ...]
    smalltalk: tuple[tuple[Route, re.Pattern[str]], ...]
    filler: frozenset[str]
    asking: frozenset[str]
    """With one of these beside it, a yes or a no is part of a question."""
    others: frozenset[str]
    """Words with marks that are other words than those of small talk that they fold to."""
    asks: re.Pattern[str]
    """A question for a yes or a no."""
    short: Mapping[str, str]
    """Short forms, folded, and what they stand for."""
    held: re.Pattern[str]
    """Asks which documents or provinces are held; the whole message."""
    handover: re.Pattern[str]
    outside: Mapping[str, re.Pattern[str]]
    """By subject."""
    attack: re.Pattern[str]
    domain: re.Pattern[str]

    @classmethod
    def load(cls, path: Path = DATA / "routing.yml") -> Router:
        """From the data file."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        return cls(
            tuple((name, re.compile("|".join(patterns))) for name, patterns in table["about"].items()),
            tuple((name, re.compile("|".join(patterns))) for name, patterns in table["smalltalk"].items()),
            frozenset(table["filler"]),
            frozenset(table["asking"]),
            frozenset(table["others"]),
            re.compile(table["asks"]),
            table["short"],
            re.compile("|".join(table["held"])),
            re.compile("|".join(table["handover"])),
            {name: re.compile("|".join(patterns)) for name, patterns in table["outside"].items()},
            re.compile("|".join(table["attack"])),
            re.compile(table["domain"]),
        )

    def route(self, text: str) -> Route:
        """The first that fits; small talk only when it is the whole message."""
        line = self.line(text)
        named = self.names_subject(text)
        about = next((name for name, pattern in self.about if pattern.search(line)), None)
        if self.held.search(line):
            return "held"
        if about and about != "insult" and not named:  # a rude word may stand in a wish for a human
            return about
        if self.attack.search(line):
            return "attack"
        if self.handover.search(line):
            return "handover"
        if about and not named:
            return about
        for name, pattern in () if named else self.smalltalk:
            left = _without(pattern, line)
            beside = set(left.split())
            if (
                left != line
                and self.filler.issuperset(beside)
                and not (name in _ANSWERS and (beside & self.asking or self.asks.search(line)))
            ):
                return name
        return "outside" if self.subject(text) else "question"

    def line(self, text: str) -> str:
        """The folded words between blanks, short forms written out; what is another word with its marks keeps them ("bại" is no "bye")."""
        said = (once if len(once := squeeze(word)) > 1 else word for word in marked_words(text))  # "kkkk" laughs, "k" says no
        return f" {' '.join(word if word in self.others else self.short.get(fold(word), fold(word)) for word in said)} "

    def names_subject(self, text: str) -> bool:
        """Whether it names what the documents are about."""
        return bool(self.domain.search(folded_line(text)))

    def subject(self, text: str) -> str | None:
        """What something outside is about, by name; None when it is nothing known, or names what the documents are about."""
        if self.names_subject(text):
            return None
        line = folded_line(text)
        return next((name for name, pattern in self.outside.items() if pattern.search(line)), None)


def _without(pattern: re.Pattern[str], line: str) -> str:
    """The line without the phrase, as often as it is said: two in a row share the blank between them ("bye bye")."""
    found = 1
    while found:
        line, found = pattern.subn(" ", line)
    return line
