"""What a row of the directory may hold: its fields, and how each is checked. The table is data/directory.yml.

A row is a mapping of field names to text, as in the shipped tables (data/*.tsv).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml

from knowledge.directory import NATIONWIDE, digits, spells
from knowledge.errors import KnowledgeError
from knowledge.places import Gazetteer, Place
from knowledge.tables import DATA, listed
from knowledge.text import clean_message, folded_line, words

Values = Mapping[str, str]
Type = Literal["line", "text", "phone", "area", "date", "source", "opening", "choices", "names", "phrases", "day"]
Reason = Literal[
    "missing",
    "too_long",
    "row_too_long",
    "phone",
    "area",
    "date",
    "future",
    "source",
    "opening",
    "choice",
    "twice",
    "protected",
    "successor",
    "province",
    "fixed",
    "same",
    "in_itself",
    "row_twice",
]
_PHONE = re.compile(r"\+?[0-9](?:[ .-]?[0-9])*")
_URL = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is refused: its field, and the reason in one word."""

    field: str
    reason: Reason


class EntryRefused(KnowledgeError):
    """A row that cannot be taken; `key` names the row where it is one of many."""

    def __init__(self, problems: Iterable[Problem], key: str | None = None) -> None:
        self.problems = tuple(problems)
        self.key = key
        super().__init__("The row does not fit: correct what is marked.", reasons=[problem.reason for problem in self.problems])


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row. `one`: exactly one of `choices`; else any number of them."""

    name: str
    type: Type
    required: bool = False
    limit: int = 200
    choices: tuple[str, ...] = ()
    one: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A table of the directory. `keys`: the fields that name a row; `file`: its shipped rows, "" where there are none.

    `fixed`: fields that stay as they are shipped; rows of a kind that has any are neither added nor hidden. `tried`: answers rest on the
    table as a whole, so that a change is tried on them before it is kept.
    """

    name: str
    file: str
    keys: tuple[str, ...]
    fields: tuple[Field, ...]
    most: int | None = None
    """Characters of a whole row; the names that only find it do not count."""
    fixed: tuple[str, ...] = ()
    tried: bool = False

    def key_of(self, values: Values) -> str:
        """The name of a shipped row in addresses: "113", "so-y-te-dong-nai"."""
        if self.keys == ("phone",):
            return digits(values["phone"])
        return "-".join(word for name in self.keys for word in words(values[name]))


@dataclass(frozen=True)
class Rules:
    """The table of data/directory.yml."""

    kinds: Mapping[str, Kind]
    protected: frozenset[str]
    open_fields: frozenset[str]
    phones: re.Pattern[str]
    opening: Mapping[str, str]
    areas: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Spellings of provinces, folded → the name that is kept."""

    @classmethod
    def load(cls, gazetteer: Gazetteer, path: Path = DATA / "directory.yml") -> Rules:
        """With the provinces of the gazetteer."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        kinds = {name: _kind(name, row) for name, row in table["kinds"].items()}
        own = _own_spellings(gazetteer.places)
        areas = {spelling: name for name, spelled in own.items() for spelling in spelled} | {plain_area(name): name for name in own}
        return cls(
            kinds,
            frozenset(table["protected"]["keys"]),
            frozenset(table["protected"]["open_fields"]),
            re.compile("|".join(f"(?:{row['pattern']})" for row in table["phones"])),
            table["opening"],
            areas | {plain_area(NATIONWIDE): NATIONWIDE},
        )

    def is_phone(self, text: str) -> bool:
        """Whether that is a telephone number of Vietnam, however it is spaced."""
        return bool(_PHONE.fullmatch(text)) and bool(self.phones.fullmatch(digits(text)))

    def opening_of(self, typed: str) -> str:
        """An opening rule as people type it, as it is kept: "T2-T6 08:00-17:00" → "Mon-Fri 08:00-17:00"."""
        text = re.sub(r"\s*([,;-])\s*", r"\1", " ".join(typed.split()))
        for said, kept in self.opening.items():
            text = re.sub(rf"\b{re.escape(said)}\b", kept, text, flags=re.I)
        return text.replace(";", "; ")

    def opening_for_people(self, kept: str) -> str:
        """The inverse of `opening_of`."""
        for said, word in self.opening.items():
            kept = re.sub(rf"\b{word}\b", said, kept)
        return kept

    def checked(self, kind: Kind, typed: Values, today: date) -> dict[str, str]:
        """The row as it is kept. Raises EntryRefused with everything that does not fit. `today`: no check lies after it."""
        values, problems = {}, []
        for column in kind.fields:
            text = clean_message(typed.get(column.name, ""))
            text = text if column.type == "text" else " ".join(text.split())
            value, reason = self._value(column, text, today)
            values[column.name] = value
            if reason is None and len(value) > column.limit and not column.choices:
                reason = "too_long"
            if reason is None and not value and column.required:
                reason = "missing"
            if reason:
                problems.append(Problem(column.name, reason))
        if kind.most and sum(len(value) for name, value in values.items() if name != "words") > kind.most:
            longest = max((column.name for column in kind.fields if column.type == "text"), key=lambda name: len(values[name]))
            problems.append(Problem(longest, "row_too_long"))
        if problems := problems or list(_unsaid(kind, values)):
            raise EntryRefused(problems)
        return values

    def _value(self, column: Field, text: str, today: date) -> tuple[str, Reason | None]:
        if not text:
            return "", None
        if column.type == "phone":
            return text, None if self.is_phone(text) else "phone"
        if column.type == "area":
            name = self.areas.get(plain_area(text))
            return name or text, None if name else "area"
        if column.type == "date":
            return _day(text, today)
        if column.type == "day":
            return _day(text, date.max)
        if column.type == "phrases":
            return "|".join(dict.fromkeys(part for part in map(str.strip, re.split(r"[|,;]", text)) if words(part))), None
        if column.type == "names":
            return "|".join(dict.fromkeys(part for part in map(plain_area, re.split(r"[|,;\n]", text)) if part)), None
        if column.type == "source":
            return text, None if _is_source(text) else "source"
        if column.type == "opening":
            rule = self.opening_of(text)
            return rule, None if _is_opening(rule) else "opening"
        if column.type == "choices":
            chosen = listed(text)
            known = set(chosen) <= set(column.choices) and not (column.one and len(chosen) != 1)
            return "|".join(name for name in column.choices if name in chosen) if known else text, None if known else "choice"
        return text, None


def _unsaid(kind: Kind, values: Values) -> Iterator[Problem]:
    """What makes a row of people's words say nothing."""
    if kind.name == "words":
        said = folded_line(values["name"])
        if not said.strip():
            yield Problem("name", "missing")
        if any(folded_line(phrase) == said for phrase in listed(values["official"])):
            yield Problem("official", "same")
        yield from (Problem(name, "in_itself") for name in ("only_with", "not_with") if any(f" {w} " in said for w in listed(values[name])))


def spellings_of(places: Iterable[Place]) -> dict[str, frozenset[str]]:
    """By the name of an area: its spellings, folded, and those of the provinces that are part of it today."""
    held = tuple(places)
    own = _own_spellings(held)
    return {name: spelled.union(*(own[other.name] for other in held if other.now == name)) for name, spelled in own.items()}


def _own_spellings(places: Iterable[Place]) -> dict[str, frozenset[str]]:
    return {place.name: frozenset(plain_area(name) for name in (place.name, *place.aliases)) for place in places}


def _kind(name: str, row: Mapping[str, object]) -> Kind:
    table: Mapping[str, Mapping[str, object]] = row["fields"]  # type: ignore[assignment]
    columns = (Field(column, **{**says, "choices": tuple(says.get("choices", ()))}) for column, says in table.items())  # type: ignore[arg-type]
    fixed: tuple[str, ...] = tuple(row.get("fixed", ()))  # type: ignore[arg-type]
    return Kind(name, str(row.get("file", "")), tuple(row["key"]), tuple(columns), row.get("most"), fixed, bool(row.get("tried")))  # type: ignore[arg-type]


def _day(text: str, today: date) -> tuple[str, Reason | None]:
    match = re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", text)
    try:
        day = date(int(match[3]), int(match[2]), int(match[1])) if match else date.fromisoformat(text)
    except ValueError:
        return text, "date"
    return day.isoformat(), "future" if day > today else None


def _is_source(text: str) -> bool:
    """Words of three letters at least; an address only where it leads to the web."""
    if not _URL.match(text) or " " in text:
        return sum(map(str.isalpha, text)) >= 3
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and "." in (parts.hostname or "")


def _is_opening(rule: str) -> bool:
    if rule in ("24/7", "unknown", "closed"):
        return True
    try:
        return bool(spells(rule))
    except ValueError:
        return False


def plain_area(area: str) -> str:
    """The name of an area as names are compared."""
    return " ".join(words(area))
