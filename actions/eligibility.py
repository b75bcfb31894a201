"""The guided question "Tôi có được hưởng không?": when it begins, what a turn of it says, and which question comes next.

Everything is read by the patterns of data/eligibility.yml over folded text, so marks and teencode make no difference. A state is a mapping
from field to value (`Facts`); what somebody does not know is `UNKNOWN`. What the answers come to is said by actions/eligibility_outcome.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from actions.eligibility_tables import WHERE, WHO, Tables
from actions.routing import Router
from index.spoken_numbers import written_as_figures
from index.understanding import Understanding
from knowledge.text import folded_line, words

UNKNOWN = "unknown"
"""The value of a question that was passed over."""
_VAGUE = frozenset({"child", "poor"})
"""Groups that a later answer may make more exact: "con tôi", then "bị bại não"."""
_ELDEST = 120
"""Years: a larger number is no age."""
_SURE = 0.8
"""Confidence, 0…1, from which the dialogue model alone begins the form; chosen on tests/eval/train.jsonl."""

QUESTIONS = frozenset({"ask_figure", "ask_body", "ask_services", "ask_hotline", "ask_document", "ask_when", "ask_place", "ask_policy"})
"""Intents that ask for something else than the form does."""

Facts = Mapping[str, str]
Move = Literal["told", "left", "aside", "handover", "lost", "changed"]
"""told: something was said that the form asks for · left: the person wants to stop · aside: something else was asked ·
handover: a human was asked for · lost: not understood · changed: an earlier answer is taken back."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a message does to the form: the facts after it, the question that comes next (None: all is asked), and how it was taken."""

    move: Move
    facts: Facts
    ask: str | None


@dataclass(frozen=True)
class Guide:
    """Reads the turns by the tables of eligibility.yml. Read-only; safe to share."""

    tables: Tables
    understanding: Understanding
    router: Router

    # When it begins

    def starts(self, text: str, intent: str | None = None, confidence: float = 0.0) -> bool:
        """Whether somebody asks if a person of theirs is entitled. A question about a plan, a figure or an office is none."""
        line = self._line(text)
        if self._has("not_start", line) or self.router.route(text) in ("handover", "outside", "attack"):
            return False
        if intent == "start_eligibility" and confidence >= _SURE and not self._has("aside", line):
            return True
        return self._has("person", line) and self._has("start", line)

    def resumes(self, text: str, as_of: date) -> bool:
        """Whether a message after the end of the form corrects one of its answers ("à nhầm, hộ cận nghèo"), or asks for another place."""
        line = self._line(text)
        if self._has("elsewhere", self._without_places(text)):
            return WHERE in self.read(text, as_of)
        return self._has("wrong", line) and not self._has("aside", line) and bool(self.read(text, as_of))

    # A turn

    def begin(self, text: str, as_of: date, province: str | None = None, earlier: str | None = None) -> Turn:
        """The form's first turn: what the message that begins it already says is not asked again.

        `province`, `earlier`: the place talked about, and the question before, which says who it is about where the message does not.
        """
        said = self.read(text, as_of)
        known = {WHERE: province} if province else {}
        if earlier and WHO not in said and not self._has("other", self._line(text)):
            known |= self.read(earlier, as_of)
        facts = {**known, **said}
        return Turn("told", facts, self.next(facts))

    def corrected(self, text: str, facts: Facts, as_of: date) -> Turn:
        """The form's facts with what a message after its end puts right."""
        told = {**facts, **self._corrections(text, facts, as_of)}
        return Turn("changed", told, self.next(told))

    def turn(self, text: str, asked: str, facts: Facts, as_of: date, intent: str | None = None) -> Turn:
        """What a message does while `asked` is the open question. `intent`: what the dialogue model takes it for, if sure."""
        line = self._line(text)
        route = self.router.route(text)
        wrong = self._has("wrong", line)
        if route == "handover":
            return Turn("handover", facts, None)
        if self._has("stop", line):
            return Turn("left", facts, None)
        if self._has("back", line):
            return self._back(asked, facts)
        if self._has("aside", line):
            return Turn("aside", facts, asked)
        if wrong and (change := self._changed(text, line, asked, facts, as_of)):
            return change
        found = self._found(text, line, asked, as_of)
        new = {name: value for name, value in found.items() if name == asked or facts.get(name, UNKNOWN) == UNKNOWN}
        if facts.get(WHO) in _VAGUE and not self._has("skip", line) and found.get(WHO, "child") not in _VAGUE:
            new[WHO] = found[WHO]
        if new:
            told = self._settled({**facts, **new}, asked)
            return Turn("told", told, self.next(told))
        if found.get(WHERE, facts.get(WHERE)) != facts.get(WHERE):
            moved = {**facts, WHERE: found[WHERE]}
            return Turn("changed", moved, self.next(moved))
        if self._has("skip", line):
            told = {**facts, asked: UNKNOWN}
            return Turn("told", told, self.next(told))
        if intent == "stop_form":
            return Turn("left", facts, None)
        elsewhere = route in ("outside", "attack", "greet", "thanks", "bot_about")
        return Turn("aside" if elsewhere or intent in QUESTIONS else "lost", facts, asked)

    def next(self, facts: Facts) -> str | None:
        """The question that comes next; None when there is nothing left to ask, or nothing that more answers could change."""
        who = facts.get(WHO)
        if who is None:
            return WHO
        if who == UNKNOWN:
            return None
        return next((name for name in self.tables.groups[who].ask if name not in facts), None)

    def _back(self, asked: str, facts: Facts) -> Turn:
        """The question before the open one is asked again."""
        who = facts.get(WHO, UNKNOWN)
        order = (WHO, *(self.tables.groups[who].ask if who != UNKNOWN else ()))
        before = [name for name in order[: order.index(asked) if asked in order else len(order)] if name in facts]
        last = before[-1] if before else WHO
        return Turn("changed", {name: value for name, value in facts.items() if name != last}, last)

    def _changed(self, text: str, line: str, asked: str, facts: Facts, as_of: date) -> Turn | None:
        """An earlier answer is put right, or only named as wrong and then asked again."""
        found = self._corrections(text, facts, as_of)
        if found:
            told = self._settled({**facts, **found}, asked)
            return Turn("changed" if found.keys() - {asked} else "told", told, self.next(told))
        named = next((name for name in facts if self.tables.fields[name].names.search(line)), None)
        if named is None:
            return None
        return Turn("changed", {name: value for name, value in facts.items() if name != named}, named)

    def _corrections(self, text: str, facts: Facts, as_of: date) -> dict[str, str]:
        """What a text says against the facts. A household is no reason to take somebody for another than before."""
        found = self.read(text, as_of)
        if found.get(WHO) == "poor" and facts.get(WHO, UNKNOWN) != UNKNOWN:
            del found[WHO]
        return found

    def _settled(self, facts: dict[str, str], asked: str) -> dict[str, str]:
        """A child's hardship that is a group of its own becomes that group; a person who is old by age is one of the elderly."""
        state = facts.get("state")
        if asked == "state" and facts.get(WHO) == "child" and state and state in self.tables.groups and state != "poor":
            rest = {name: value for name, value in facts.items() if name != "state"}
            return {**rest, WHO: state, "is_child": "yes"}
        return facts

    # Reading

    def read(self, text: str, as_of: date) -> dict[str, str]:
        """Everything that a text says of itself, whatever was asked: field → value."""
        line = self._line(text)
        found: dict[str, str] = {}
        if province := self._province(text):
            found[WHERE] = province
        age = self._age(line, as_of)
        if age is not None:
            found["age"] = str(age)
            found["is_child"] = "yes" if age < self.tables.child_under else "no"
        if who := self._who(line, age):
            found[WHO] = who
        for name in ("household", "degree", "support", "stage", "cause", "is_child"):
            if self._may_volunteer(name, found.get(WHO)) and (value := self.tables.fields[name].read(line)) is not None:
                found.setdefault(name, value)
        if found.get("household") == "none" and found.get(WHO) == "poor":
            del found[WHO]
        return found

    def _who(self, line: str, age: int | None) -> str | None:
        who = self.tables.fields[WHO].read(line)
        if age is not None and who in (None, "poor", "child", "elderly"):
            if age >= self.tables.elderly_from:
                return "elderly"
            if age < self.tables.child_under:
                return "child"
            return who if who in ("poor", "elderly") else None
        if who is None and self._has("months", line):
            return "pregnant"
        return who

    def _may_volunteer(self, name: str, who: str | None) -> bool:
        """Whether a field is read out of a text that was not an answer to it: only where the group has that question."""
        if name == "household":
            return True
        return who is not None and name in self.tables.groups[who].ask

    def _found(self, text: str, line: str, asked: str, as_of: date) -> dict[str, str]:
        """As `read`, and what the text says as an answer to `asked`."""
        found = self.read(text, as_of)
        if asked == "age":
            age = self._age(line, as_of) or self._bare_number(line, as_of)
            return {**found, "age": str(age)} if age else found
        field = self.tables.fields[asked]
        if asked == "state" and (who := self.tables.fields[WHO].read(line)) not in (None, "child", "elderly"):
            return {"state": str(who)}
        value = self._chosen(line, asked) or field.read(line)
        if value is None and not self._has("skip", line):
            value = (field.on_no if self._has("no", line) else None) or (field.on_yes if self._has("yes", line) else None)
        return {**found, asked: value} if value is not None else found

    def _chosen(self, line: str, asked: str) -> str | None:
        """A button that was pressed, or its number typed: "2", "số 2", "câu 2"."""
        field = self.tables.fields[asked]
        for choice in field.choices:
            if line == folded_line(choice.label):
                return choice.value
        number = re.fullmatch(r" (?:so |cau |muc |y |chon )?(\d{1,2}) ", line)
        at = int(number[1]) if number else 0
        return field.buttons[at - 1].value if 0 < at <= len(field.buttons) else None

    def _province(self, text: str) -> str | None:
        """The province named; of several the one that is not denied ("Cà Mau chứ không phải Đồng Nai")."""
        spelled = words(text)
        mentions = self.understanding.gazetteer.typed(text)
        kept = [m for m in mentions if not _denied(spelled[: m.start])]
        return kept[-1].province if kept else None

    def _without_places(self, text: str) -> str:
        """The line of a text, the provinces taken out."""
        spelled = words(text)
        places = {at for mention in self.understanding.gazetteer.typed(text) for at in range(mention.start, mention.end)}
        return folded_line(" ".join(word for at, word in enumerate(spelled) if at not in places)) if places else ""

    def _age(self, line: str, as_of: date) -> int | None:
        if found := self.tables.patterns["age"].search(line):
            age = int(found[1] or found[2])
            return age if 0 < age <= _ELDEST else None
        if born := self.tables.patterns["born"].search(line):
            age = as_of.year - int(born[1])
            return age if 0 < age <= _ELDEST else None
        spelled = re.search(r" ((?:\w+ ){1,3})(?:tuoi|tui) ", line)
        return self._spelled(spelled[1].split()) if spelled else None

    def _bare_number(self, line: str, as_of: date) -> int | None:
        """A number alone, where an age or a year of birth was asked for."""
        found = re.search(r" (\d{1,4})t? ", line)
        if not found:
            return self._spelled(line.split())
        number = int(found[1])
        age = as_of.year - number if number > _ELDEST else number
        return age if 0 < age <= _ELDEST else None

    def _spelled(self, said: Sequence[str]) -> int | None:
        """A number of one word at the end ("chín"); longer ones are figures by now."""
        return self.tables.numerals.get(said[-1]) if said else None

    def _line(self, text: str) -> str:
        return folded_line(self.understanding.lexicon.normalise(written_as_figures(text)))

    def _has(self, name: str, line: str) -> bool:
        return bool(self.tables.patterns[name].search(line))


def _denied(before: Sequence[str]) -> bool:
    return bool(re.search(r"(?:^| )(?:khong|hong|ko) phai(?: la| o| tinh){0,2}$", " ".join(before)))
