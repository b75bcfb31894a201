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
from actions.triage import CLASSIFIER, KINDS, Assessment, Risk
from knowledge.directory import NATIONWIDE, Directory
from knowledge.errors import KnowledgeError
from knowledge.model import Hotline

DATA = Path(__file__).parent / "data" / "urgent.yml"
_INSTEAD = dict.fromkeys(("pupil", "carer", "doer"), "witness") | dict.fromkeys(("witness", "child", "adult", "young"), "unknown")
"""The voice that speaks where a kind has no words in another."""
_VIOLENCE = frozenset({"child_abuse", "child_neglect", "domestic_violence", "other_violence", "sexual_abuse", "trafficking"})


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
            missing = [kind for kind in KINDS if kind not in tables["calls"] or "unknown" not in tables["steps"].get(kind, {})]
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error
        if missing:
            raise KnowledgeError(f"{path.name}: no texts for {', '.join(sorted(missing))}", file=str(path))
        return cls(tables)

    def step(self, assessment: Assessment) -> str:
        """The safe steps for the leading kind, in the voice of who writes."""
        kind = assessment.kinds[0]
        steps = self.tables["steps"][kind]
        if variant := self._variant(kind, assessment):
            return self._said(steps[variant], voice(assessment), assessment)
        now = steps.get("now", {}) if assessment.risk >= Risk.THREAT else {}
        return self._said({**steps, **now}, voice(assessment), assessment)

    def _said(self, steps: Mapping[str, str], speaks: str, assessment: Assessment) -> str:
        while speaks not in steps:
            speaks = _INSTEAD[speaks]
        you = self.tables["pronouns"][assessment.speaker]
        return str(steps[speaks]).format(you=you, You=you[:1].upper() + you[1:])

    def _variant(self, kind: str, assessment: Assessment) -> str | None:
        fired = set(assessment.rules) - {CLASSIFIER}
        for variant, rules in self.tables["variants"].get(kind, {}).items():
            if fired & set(rules) and (variant not in self.tables["alone"] or fired <= set(rules)):
                return str(variant)
        return None

    def first_aid(self, assessment: Assessment) -> str | None:
        """What to do about a wound, where somebody was hurt by somebody."""
        if assessment.kinds[0] not in _VIOLENCE or assessment.risk is not Risk.DANGER_NOW:
            return None
        if set(assessment.rules).isdisjoint(self.tables["crisis_rules"]):
            return None
        return self._said(self.tables["first_aid"], "adult" if voice(assessment) in ("adult", "child") else "unknown", assessment)

    def phones(self, assessment: Assessment) -> list[str]:
        """The numbers for an assessment, the first to call first, whatever the hour."""
        tables, kinds, rules = self.tables, assessment.kinds, assessment.rules
        cry = tables["cry"]
        if kinds == (cry["kind"],) and set(rules) - {CLASSIFIER} == {cry["rule"]}:
            return list(cry["calls"])
        when = "now" if assessment.risk >= Risk.THREAT else "later"
        own = tables["calls"][kinds[0]]
        if kinds[0] == "fire_accident":
            accidents: Mapping[str, list[str]] = tables["accident_calls"]
            own = {when: next((numbers for rule, numbers in accidents.items() if rule in rules), own[when])}
        lead = own.get("threat", own[when]) if assessment.risk is Risk.THREAT else own[when]
        phones = [*lead, *(tables["calls"][kind][when][0] for kind in kinds[1:])]
        if when == "now" and (first := self._first_by_rule(kinds[0], rules)):
            phones.insert(0, first)
        else:
            first = None
        child = assessment.speaker == "child" or assessment.victim == "child" or "child_abuse" in kinds
        if child and kinds[0] not in tables["child_line_not_for"]:
            seconds = when == "now" and (first or assessment.speaker == "child" or kinds[0] == "suicide")
            phones.insert(1 if seconds else 0, tables["child_line"])
        elif assessment.victim == "young" and kinds[0] in tables["child_line_for_young"]:
            phones.insert(1, tables["child_line"])
        if kinds[0] in _VIOLENCE and assessment.risk is Risk.DANGER_NOW:
            if not set(rules).isdisjoint(tables["crisis_rules"]):
                phones.insert(0, tables["wound_line"])
            elif not set(rules).isdisjoint(tables["wound_rules"]):
                phones.insert(2 if child else 1, tables["wound_line"])
        return list(dict.fromkeys(phones))

    def _first_by_rule(self, kind: str, rules: tuple[str, ...]) -> str | None:
        counting = self.tables["first_by_rule_for"].get(kind, ())
        table: Mapping[str, str] = self.tables["first_by_rule"]
        return next((phone for rule, phone in table.items() if rule in rules and rule in counting), None)


def voice(assessment: Assessment) -> str:
    """Whose words the steps are in: child and adult were hurt themselves, pupil is a child who speaks of somebody else.

    young: hurt, and of unknown age.
    """
    if assessment.speaker == "child":
        return "pupil" if assessment.victim == "other" else "child"
    if assessment.speaker in ("carer", "doer", "witness"):
        return assessment.speaker
    if assessment.victim == "other":
        return "witness"
    if assessment.speaker == "unknown":
        return "young" if assessment.victim in ("young", "self") else "unknown"
    return "adult"


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
    hotlines = tuple(show(line, directory, at) for line in _hotlines(assessment, at, directory, area, texts))
    calls, others = _calls(hotlines, assessment, texts)
    steps = [texts.step(assessment), *filter(None, [texts.first_aid(assessment)])]
    closing = list(_closing(assessment, case_noted, texts))
    room = texts.tables["text_at_most"] - len("\n".join([calls, *steps, *closing]))
    kept: list[str] = []
    for other in others:  # what does not fit is still shown as a number to tap
        if (room := room - len(other) - 1) < 0:
            break
        kept.append(other)
    return FirstAnswer("\n".join([calls, *kept, *steps, *closing]), hotlines)


def _hotlines(assessment: Assessment, at: datetime, directory: Directory, area: str | None, texts: UrgentTexts) -> tuple[Hotline, ...]:
    lines = [line for phone in texts.phones(assessment) if (line := directory.by_phone(phone))]
    # Open lines first, closed ones last; else as the table has them.
    rank = {True: 0, None: 1, False: 2}
    lines.sort(key=lambda line: rank[directory.is_open(line, at)])
    local = [line for line in directory.for_purpose(assessment.kinds, area, at) if line.area != NATIONWIDE]
    return (*lines[: texts.tables["shown_at_most"]], *local[:1])


def _calls(hotlines: tuple[ShownHotline, ...], assessment: Assessment, texts: UrgentTexts) -> tuple[str, list[str]]:
    """The line that begins the text, with one or two numbers that are open, and a line for each other number."""
    lines = texts.tables["lines"]
    numbers = [(lines["number"].format(phone=line.phone, name=line.name), line) for line in hotlines]
    first = [(number, line.phone) for number, line in numbers if line.open_now][:2]
    # Who is wounded needs both the ambulance and the police, not one of them.
    both = assessment.kinds[0] in _VIOLENCE and texts.tables["wound_line"] in [phone for _, phone in first]
    said = lines["then" if both else "or"].join(number for number, _ in first)
    begin = lines["call_now" if assessment.risk >= Risk.THREAT else "call_later"].format(calls=said)
    state = {True: "open", None: "unknown", False: "closed"}
    begun = {number for number, _ in first}
    return begin, [lines[state[line.open_now]].format(number=number, hours=line.hours) for number, line in numbers if number not in begun]


def _closing(assessment: Assessment, case_noted: bool, texts: UrgentTexts) -> Iterator[str]:
    lines = texts.tables["lines"]
    you = texts.tables["pronouns"][assessment.speaker]
    if case_noted:
        yield lines["noted"].format(you=you)
    harmed = voice(assessment) in ("child", "pupil", "adult", "young", "unknown")
    if harmed and not set(assessment.kinds).isdisjoint(texts.tables["quick_exit_for"]):
        yield lines["quick_exit"].format(you=you)
