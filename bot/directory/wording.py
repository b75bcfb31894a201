"""Between what is kept of a row and what people type and read: opening rules, days, names of choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.web.render import day
from knowledge.directory_rules import EntryRefused, Field, Kind, Problem, Rules, Values
from knowledge.tables import listed


@dataclass(frozen=True)
class Wording:
    """`words`: the part `directory` of texts.yml."""

    rules: Rules
    words: Mapping[str, Any]

    def label(self, kind: str, column: str) -> str:
        """What a field is called."""
        labels: Mapping[str, str] = self.words["fields"]
        return labels.get(f"{kind}.{column}", labels.get(column, column))

    def shown(self, column: Field, value: str) -> str:
        """A value as people read it."""
        if column.type == "opening":
            return self.rules.opening_for_people(value)
        if column.type in ("date", "day"):
            return day(value or None) or ""
        if column.type in ("names", "phrases"):
            return ", ".join(listed(value))
        if column.type == "choices":
            return " | ".join(self.words["choices"].get(name, name) for name in listed(value))
        return value

    def typed(self, column: Field, text: str) -> str:
        """The inverse of `shown` for choices, which are also taken by their own names; the rest is read by `Rules.checked`."""
        if column.type != "choices":
            return text
        names = {self.words["choices"][name].casefold(): name for name in column.choices}
        return "|".join(names.get(part.casefold(), part) for part in listed(text))

    def problems(self, error: EntryRefused, kind: Kind) -> dict[str, str]:
        """What is wrong, by field."""
        reasons: Mapping[str, str] = self.words["reasons"]
        return {
            problem.field: reasons[problem.reason].format(field=self.label(kind.name, problem.field), limit=_limit(kind, problem))
            for problem in error.problems
        }

    def row(self, kind: Kind, get: Callable[[str], str], get_all: Callable[[str], list[str]]) -> dict[str, str]:
        """The row that a form says. `get`, `get_all`: of its fields."""
        return {column.name: "|".join(get_all(column.name)) if column.choices else get(column.name) for column in kind.fields}


def _limit(kind: Kind, problem: Problem) -> int:
    if problem.reason == "row_too_long":
        return kind.most or 0
    return next((column.limit for column in kind.fields if column.name == problem.field), 0)


def checked_today(values: Values, today: date) -> dict[str, str]:
    """The row, as somebody has just made sure of it."""
    return {**values, "checked_on": today.isoformat()}
