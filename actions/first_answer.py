"""The first answer to a message of danger: what to call now, one or two safe steps, and the truth about who has seen it.

All words are data (data/urgent.yml); the numbers and names are the directory's. No index, database, dialogue or network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from actions.model import ShownHotline
from actions.triage import KINDS, Assessment, Risk
from knowledge.directory import NATIONWIDE, Directory
from knowledge.errors import KnowledgeError
from knowledge.model import Hotline

DATA = Path(__file__).parent / "data" / "urgent.yml"
_CHILD_KINDS = frozenset({"child_abuse", "child_neglect"})
_VOICES = {"child": "child", "self": "adult", "official": "adult", "witness": "witness", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """The text, which begins with what to call, and the numbers in the order in which they are shown."""

    text: str
    hotlines: tuple[ShownHotline, ...]


@dataclass(frozen=True, slots=True)
class UrgentTexts:
    """The tables of urgent.yml."""

    tables: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path = DATA) -> UrgentTexts:
        """Reads the texts. Raises KnowledgeError where the file cannot be read or a kind has no numbers or no steps."""
        try:
            tables = yaml.safe_load(path.read_text(encoding="utf-8"))
            missing = [kind for kind in KINDS if kind not in tables["calls"] or kind not in tables["steps"] or kind not in tables["order"]]
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error
        if missing:
            raise KnowledgeError(f"{path.name}: no texts for {', '.join(sorted(missing))}", file=str(path))
        return cls(tables)

    def step(self, kind: str, voice: str, risk: Risk) -> str:
        """The safe steps for a kind, in the voice of who writes; another adult's where there is none of its own."""
        steps = self.tables["steps"][kind]
        if risk is Risk.DANGER_NOW and voice in steps.get("now", {}):
            return str(steps["now"][voice])
        return str(steps.get(voice) or steps["adult"])


@cache
def default_texts() -> UrgentTexts:
    """The project's own texts, read once."""
    return UrgentTexts.load()


def show(hotline: Hotline, directory: Directory, at: datetime) -> ShownHotline:
    """A row of the directory as it is shown at `at` (aware)."""
    return ShownHotline(hotline.name, hotline.phone, hotline.hours, directory.is_open(hotline, at), hotline.source)


def first_answer(
    assessment: Assessment,
    at: datetime,
    directory: Directory,
    area: str | None = None,
    *,
    case_noted: bool,
    texts: UrgentTexts | None = None,
) -> FirstAnswer:
    """What is said to an urgent message at `at` (aware): at most 500 characters. Pure, but for reading the texts once.

    `area`: the person's province, if known. `case_noted`: it is written down where the person on duty sees it; only then is that said.
    Raises ValueError where the assessment is not urgent.
    """
    if not assessment.urgent:
        raise ValueError("nobody is in danger here: no first answer")
    texts = texts or default_texts()
    kinds = sorted(assessment.kinds, key=texts.tables["order"].index)
    hotlines = tuple(show(line, directory, at) for line in _hotlines(assessment, kinds, at, directory, area, texts))
    voice = _VOICES[assessment.speaker]
    calls, others = _calls(hotlines, assessment.risk, texts)
    steps = texts.step(kinds[0], voice, assessment.risk)
    closing = list(_closing(kinds, voice, texts.tables["pronouns"][assessment.speaker], case_noted, texts))
    room = texts.tables["text_at_most"] - len("\n".join([calls, steps, *closing]))
    kept: list[str] = []
    for other in others:  # what does not fit is still shown as a number to tap
        if (room := room - len(other) - 1) < 0:
            break
        kept.append(other)
    return FirstAnswer("\n".join([calls, *kept, steps, *closing]), hotlines)


def _hotlines(
    assessment: Assessment, kinds: list[str], at: datetime, directory: Directory, area: str | None, texts: UrgentTexts
) -> tuple[Hotline, ...]:
    tables = texts.tables
    when = "now" if assessment.risk >= Risk.THREAT else "later"
    phones = [*tables["calls"][kinds[0]][when], *(tables["calls"][kind][when][0] for kind in kinds[1:])]
    if first := next((tables["first_by_rule"][rule] for rule in assessment.rules if rule in tables["first_by_rule"]), None):
        phones.insert(0, first)
    if assessment.speaker == "child" or _CHILD_KINDS & set(kinds):
        phones.insert(1 if when == "now" or first else 0, tables["child_line"])
    lines = [line for phone in dict.fromkeys(phones) if (line := directory.by_phone(phone))]
    # Open lines first, closed ones last; else as the table has them.
    rank = {True: 0, None: 1, False: 2}
    lines.sort(key=lambda line: rank[directory.is_open(line, at)])
    local = [line for line in directory.for_purpose(kinds, area, at) if line.area != NATIONWIDE]
    return (*lines[: tables["shown_at_most"]], *local[:1])


def _calls(hotlines: tuple[ShownHotline, ...], risk: Risk, texts: UrgentTexts) -> tuple[str, list[str]]:
    """The line that begins the text, with one or two numbers that are open, and a line for each other number."""
    lines = texts.tables["lines"]
    numbers = [(lines["number"].format(phone=line.phone, name=line.name), line) for line in hotlines]
    first = [number for number, line in numbers if line.open_now][:2]
    begin = lines["call_now" if risk >= Risk.THREAT else "call_later"].format(calls=lines["or"].join(first))
    state = {True: "open", None: "unknown", False: "closed"}
    others = [lines[state[line.open_now]].format(number=number, hours=line.hours) for number, line in numbers if number not in first]
    return begin, others


def _closing(kinds: list[str], voice: str, pronoun: str, case_noted: bool, texts: UrgentTexts) -> Iterator[str]:
    lines = texts.tables["lines"]
    if case_noted:
        yield lines["noted"].format(you=pronoun)
    if voice != "witness" and not set(kinds).isdisjoint(texts.tables["quick_exit_for"]):
        yield lines["quick_exit"].format(you=pronoun)
