"""What the citizen is told while a case waits, is taken or ends: data/duty.yml, with the directory's numbers that are open then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from actions.duty.roster import Roster
from actions.first_answer import UrgentTexts, default_texts
from actions.triage import KINDS, Assessment, Risk
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import KnowledgeError
from knowledge.model import Hotline
from knowledge.store import Case, Notice, Step

DATA = Path(__file__).parents[1] / "data" / "duty.yml"
_OF_STEP = {"offered_to_all": "no_answer_yet", "fallback": "no_answer", "seen_lost": "away"}


@dataclass(frozen=True)
class DutyNotices:
    """Words the notices. Tables only; safe to share."""

    tables: Mapping[str, Any]
    directory: Directory
    urgent: UrgentTexts

    @classmethod
    def load(cls, directory: Directory, urgent: UrgentTexts | None = None, path: Path = DATA) -> DutyNotices:
        """Reads the texts. Raises KnowledgeError where the file cannot be read."""
        try:
            return cls(yaml.safe_load(path.read_text(encoding="utf-8")), directory, urgent or default_texts())
        except (OSError, yaml.YAMLError) as error:
            raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error

    def of_step(self, case: Case, step: Step, roster: Roster, at: datetime) -> Notice | None:
        """What is told when a case, as it was before, takes a step; None: nothing, as when the next of several is asked."""
        if step.kind == "offered":
            return self.say("asked_again" if step.offered_to == case.last_holder else "asked", case, at)
        if step.kind == "nobody_on_duty":
            begins = roster.next_shift(at, case.province)
            if begins:
                return self.say("nobody_on_duty_until", case, at, when=begins.astimezone(VIETNAM).strftime(self.tables["parts"]["when"]))
            return self.say("nobody_on_duty", case, at)
        name = _OF_STEP.get(step.kind)
        return self.say(name, case, at) if name else None

    def say(self, name: str, case: Case, at: datetime, /, **values: str) -> Notice:
        """A notice by its name in duty.yml. KnowledgeError for a name that is not there."""
        notice = self.tables["notices"].get(name)
        if notice is None:
            raise KnowledgeError(f"duty.yml has no notice {name}")
        you = self.tables["pronouns"][case.voice or "young"]
        text = notice["child" if case.voice == "child" else "other"].format(you=you, You=you[:1].upper() + you[1:], **values)
        return Notice(name, f"{text} {self._calls(case, at)}" if notice.get("calls") else text)

    def numbers(self, case: Case, at: datetime) -> tuple[Hotline, ...]:
        """The lines for a case that are answered at `at`, the first to call first."""
        kinds = tuple(kind for kind in case.kinds if kind in KINDS)
        phones: Iterable[str] = self.tables["numbers"]
        if kinds and case.risk > Risk.NONE:
            speaker = self.tables["speakers"][case.voice or "young"]
            phones = (*self.urgent.phones(Assessment(Risk(case.risk), kinds, speaker, ())), *phones)
        lines = (line for phone in dict.fromkeys(phones) if (line := self.directory.by_phone(phone)))
        is_open = [line for line in lines if self.directory.is_open(line, at)]
        return tuple(is_open[: self.tables["shown_at_most"]])

    def _calls(self, case: Case, at: datetime) -> str:
        parts = self.tables["parts"]
        numbers = parts["or"].join(parts["number"].format(phone=line.phone, name=line.name) for line in self.numbers(case, at))
        return str(parts["danger" if case.reason == "danger" else "wish"].format(numbers=numbers))
