"""The tables of the guided question (data/eligibility.yml): its patterns, its questions, and what is looked for for whom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from knowledge.errors import KnowledgeError

DATA = Path(__file__).parent / "data" / "eligibility.yml"
WHO, WHERE = "for_whom", "in_province"
"""The fields that come first in every group."""
_PATTERNS = ("person", "not_start", "stop", "skip", "back", "wrong", "elsewhere", "other", "aside", "yes", "no", "age", "born", "months")


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer to a question: the value that is kept, the button, and the words it is known by."""

    value: str
    label: str
    said: str
    said_child: str
    words: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Field:
    """A question of the form. `choices` in the order they are tried, `buttons` in the order they are shown.

    `on_yes`, `on_no`: the values that a bare yes or no stands for.
    """

    names: re.Pattern[str]
    check: str
    choices: tuple[Choice, ...]
    buttons: tuple[Choice, ...]
    on_yes: str | None
    on_no: str | None

    def read(self, line: str) -> str | None:
        """The value of the first choice whose words stand in the line."""
        return next((choice.value for choice in self.choices if choice.words.search(line)), None)


@dataclass(frozen=True, slots=True)
class Clause:
    """What is looked for in the documents. `holds`: what a passage must say; `when`: the answers that it is for."""

    search: str
    holds: re.Pattern[str]
    lacks: re.Pattern[str] | None = None
    when: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """What is asked of a group of people, which clauses are theirs, and where they can turn to."""

    ask: tuple[str, ...]
    clauses: tuple[Clause, ...]
    go: Clause | None
    phones: tuple[str, ...]
    child_phones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unstated:
    """Something people want to know, and the words that a clause has when it says it. `only`: for these groups, all when empty."""

    label: str
    holds: re.Pattern[str]
    only: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """Everything in eligibility.yml, compiled."""

    patterns: Mapping[str, re.Pattern[str]]
    numerals: Mapping[str, int]
    child_under: int
    """Years."""
    elderly_from: int
    """Years."""
    fields: Mapping[str, Field]
    groups: Mapping[str, Group]
    unstated: tuple[Unstated, ...]

    @classmethod
    def load(cls, path: Path = DATA) -> Tables:
        """From the data file. KnowledgeError when it cannot be read, or a group asks for a field that is not there."""
        try:
            tables = cls._of(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, re.error, KeyError, TypeError) as error:
            raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error
        asked = {field for group in tables.groups.values() for field in group.ask}
        if unknown := asked - tables.fields.keys():
            raise KnowledgeError(f"{path.name}: no field {', '.join(sorted(unknown))}", file=str(path))
        return tables

    @classmethod
    def _of(cls, table: Mapping[str, Any]) -> Tables:
        return cls(
            {name: re.compile(table[name]) for name in _PATTERNS} | {"start": re.compile("|".join(table["start"]))},
            table["numerals"],
            table["child_under"],
            table["elderly_from"],
            {name: _field(row) for name, row in table["fields"].items()},
            {name: _group(row) for name, row in table["groups"].items()},
            tuple(Unstated(row["label"], re.compile(row["holds"]), tuple(row.get("only", ()))) for row in table["unstated"]),
        )


def _field(row: Mapping[str, Any]) -> Field:
    choices = tuple(map(_choice, row["choices"]))
    by_value = {choice.value: choice for choice in choices}
    buttons = tuple(by_value[value] for value in row.get("buttons", by_value))
    return Field(re.compile(row["names"]), row["check"], choices, buttons, row.get("on_yes"), row.get("on_no"))


def _choice(row: Mapping[str, Any]) -> Choice:
    said = row.get("said", row["label"])
    return Choice(row["value"], row["label"], said, row.get("said_child", said), re.compile(row["words"]))


def _clause(row: Mapping[str, Any]) -> Clause:
    when = tuple((name, tuple(values)) for name, values in row.get("when", {}).items())
    return Clause(row["search"], re.compile(row["holds"]), re.compile(row["not"]) if "not" in row else None, when)


def _group(row: Mapping[str, Any]) -> Group:
    return Group(
        tuple(row["ask"]),
        tuple(map(_clause, row["clauses"])),
        _clause(row["go"]) if "go" in row else None,
        tuple(row.get("phones", ())),
        tuple(row.get("child_phones", ())),
    )
