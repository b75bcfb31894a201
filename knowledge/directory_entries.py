"""The rows of the directory as staff see and change them: what a row may hold, and what staff changed laid over what is shipped.

A row is a mapping of field names to text, as in the shipped tables (data/*.tsv); what fields there are and how each is checked says
data/directory.yml. Changes are kept beside the shipped rows, so that a new version of the product does not lose them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml

from knowledge.directory import NATIONWIDE, Directory, digits, hotline_of, spells
from knowledge.errors import KnowledgeError
from knowledge.model import Hotline, Procedure
from knowledge.places import Gazetteer
from knowledge.tables import DATA, listed, rows
from knowledge.text import clean_message, words

Values = Mapping[str, str]
Type = Literal["line", "text", "phone", "area", "date", "source", "opening", "choices"]
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
]
_PHONE = re.compile(r"\+?[0-9](?:[ .-]?[0-9])*")
_URL = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_ADDED = "~"
"""Begins the key of a row that staff added: "~12"."""


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
    """A table of the directory. `keys`: the fields that name a row."""

    name: str
    file: str
    keys: tuple[str, ...]
    fields: tuple[Field, ...]
    most: int | None = None
    """Characters of a whole row; the names that only find it do not count."""

    def key_of(self, values: Values) -> str:
        """The name of a shipped row in addresses: "113", "so-y-te-dong-nai"."""
        if self.keys == ("phone",):
            return digits(values["phone"])
        return "-".join(word for name in self.keys for word in words(values[name]))


@dataclass(frozen=True, slots=True)
class Change:
    """What staff made of a row. `base`: the key of the shipped row it stands for; None: a row of their own."""

    row_id: int
    kind: str
    base: str | None
    hidden: bool
    values: Values
    version: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as it stands. `row_id` and `version`: of the change that it comes from; None and 0 where it is as shipped."""

    kind: str
    key: str
    values: Values
    origin: Literal["shipped", "changed", "added"]
    hidden: bool = False
    row_id: int | None = None
    version: int = 0
    protected: bool = False

    @property
    def base(self) -> str | None:
        """The key of the shipped row behind it."""
        return None if self.origin == "added" else self.key

    @property
    def checked_on(self) -> date | None:
        """The day somebody last made sure of it."""
        written = self.values.get("checked_on")
        return date.fromisoformat(written) if written else None


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
    spellings: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """By name: the spellings, folded, of an area and of the provinces that are part of it today."""

    @classmethod
    def load(cls, gazetteer: Gazetteer, path: Path = DATA / "directory.yml") -> Rules:
        """With the provinces of the gazetteer."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        kinds = {name: _kind(name, row) for name, row in table["kinds"].items()}
        own = {place.name: frozenset(_plain(name) for name in (place.name, *place.aliases)) for place in gazetteer.places}
        merged = {
            place.name: own[place.name].union(*(own[other.name] for other in gazetteer.places if other.now == place.name))
            for place in gazetteer.places
        }
        areas = {spelling: name for name, spelled in own.items() for spelling in spelled} | {_plain(name): name for name in own}
        return cls(
            kinds,
            frozenset(table["protected"]["keys"]),
            frozenset(table["protected"]["open_fields"]),
            re.compile("|".join(f"(?:{row['pattern']})" for row in table["phones"])),
            table["opening"],
            areas | {_plain(NATIONWIDE): NATIONWIDE},
            merged,
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
        if problems:
            raise EntryRefused(problems)
        return values

    def _value(self, column: Field, text: str, today: date) -> tuple[str, Reason | None]:
        if not text:
            return "", None
        if column.type == "phone":
            return text, None if self.is_phone(text) else "phone"
        if column.type == "area":
            name = self.areas.get(_plain(text))
            return name or text, None if name else "area"
        if column.type == "date":
            return _day(text, today)
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


@dataclass(frozen=True)
class Merged:
    """The directory as it stands: `entries` for staff (hidden ones too), `directory` for answers.

    `faults`: rows of staff that a newer version of the product leaves no place for, with why; they are kept, and not shown to citizens.
    """

    entries: tuple[Entry, ...]
    directory: Directory
    faults: tuple[tuple[str, str, Reason], ...] = ()

    def of(self, kind: str) -> tuple[Entry, ...]:
        """The rows of a kind, in order."""
        return tuple(entry for entry in self.entries if entry.kind == kind)

    def find(self, kind: str, key: str) -> Entry | None:
        """The row of that key."""
        return next((entry for entry in self.entries if entry.kind == kind and entry.key == key), None)


@dataclass(frozen=True)
class Shipped:
    """The tables that come with the product."""

    rules: Rules
    tables: Mapping[str, tuple[Values, ...]]
    directory: Directory

    @classmethod
    def load(cls, rules: Rules) -> Shipped:
        """Reads and checks them. Raises KnowledgeError naming the row that does not fit."""
        tables: dict[str, tuple[Values, ...]] = {}
        for kind in rules.kinds.values():
            held = []
            for row in rows(DATA / kind.file, [column.name for column in kind.fields]):
                # The shipped table lists the spellings of an area behind its name.
                one = {name: listed(value)[0] if name == "area" else value for name, value in row.items()}
                try:
                    held.append(rules.checked(kind, one, date.max))
                except EntryRefused as error:
                    what = ", ".join(f"{problem.field} ({problem.reason})" for problem in error.problems)
                    raise KnowledgeError(f"{kind.file}, row {row['name']}: {what}", file=kind.file) from error
            tables[kind.name] = tuple(held)
        return cls(rules, tables, Directory.load())

    def merged(self, changes: Sequence[Change]) -> Merged:
        """The changes of staff laid over it. Never raises: a row that has no place any more becomes a fault."""
        entries = [entry for kind in self.rules.kinds.values() for entry in self._entries(kind, changes)]
        hotlines, faults = self._hotlines(entries)
        procedures = tuple(_procedure(entry.values) for entry in entries if entry.kind == "procedures" and not entry.hidden)
        spellings = dict(self.directory.spellings)
        for area in {*(row.area for row in hotlines), *(row.area for row in procedures)}:
            spellings[area] = spellings.get(area, frozenset()) | self.rules.spellings.get(area, frozenset({_plain(area)}))
        return Merged(tuple(entries), Directory(hotlines, spellings, procedures), faults)

    def refuse_unfit(self, before: Sequence[Change], after: Sequence[Change]) -> None:
        """Raises EntryRefused when the change would take a line of danger away or leave a row without a place."""
        for change in after:
            if change in before:
                continue
            shipped = self._shipped(change.kind, change.base)
            if change.kind == "hotlines" and change.base in self.rules.protected and shipped is not None:
                same = {name for name in shipped if _same(name, shipped[name], change.values.get(name, ""))}
                lost = set(listed(shipped["purposes"])) - set(listed(change.values.get("purposes", "")))
                touched = sorted(set(shipped) - same - self.rules.open_fields) + (["purposes"] if lost else [])
                if change.hidden or touched:
                    raise EntryRefused([Problem(name, "protected") for name in touched or ["phone"]], change.base)
        known = self.merged(before).faults
        for key, name, reason in self.merged(after).faults:
            if (key, name, reason) not in known:
                raise EntryRefused([Problem(name, reason)], key)

    def values(self, kind: str, key: str) -> Values:
        """The row of that key as it is shipped; empty where there is none."""
        return self._shipped(kind, key) or {}

    def _shipped(self, kind: str, key: str | None) -> Values | None:
        return next((row for row in self.tables[kind] if self.rules.kinds[kind].key_of(row) == key), None)

    def _entries(self, kind: Kind, changes: Sequence[Change]) -> Iterable[Entry]:
        mine = [change for change in changes if change.kind == kind.name]
        over = {change.base: change for change in mine if change.base is not None}
        for row in self.tables[kind.name]:
            key = kind.key_of(row)
            protected = kind.name == "hotlines" and key in self.rules.protected
            change = over.pop(key, None)
            if change is None:
                yield Entry(kind.name, key, row, "shipped", protected=protected)
                continue
            kept = self._kept(row, change) if protected else {name: change.values.get(name, "") for name in row}
            hidden = change.hidden and not protected
            yield Entry(kind.name, key, kept, "changed", hidden, change.row_id, change.version, protected)
        # A shipped row that is gone in this version stays where staff had changed it: it was theirs by then.
        for change in (*over.values(), *(change for change in mine if change.base is None)):
            values = {column.name: change.values.get(column.name, "") for column in kind.fields}
            yield Entry(kind.name, f"{_ADDED}{change.row_id}", values, "added", change.hidden, change.row_id, change.version)

    def _kept(self, shipped: Values, change: Change) -> Values:
        """A line of danger: whatever stands in the database, number, name, hours and place are those that are shipped."""
        kept = {name: change.values.get(name, value) if name in self.rules.open_fields else value for name, value in shipped.items()}
        both = {*listed(shipped["purposes"]), *listed(kept["purposes"])}
        purposes = next(column for column in self.rules.kinds["hotlines"].fields if column.name == "purposes")
        return {**kept, "purposes": "|".join(name for name in purposes.choices if name in both)}

    def _hotlines(self, entries: Sequence[Entry]) -> tuple[tuple[Hotline, ...], tuple[tuple[str, str, Reason], ...]]:
        """One row a number: a line of danger before all, then the row of staff, then the shipped one."""
        rank = {"added": 1, "changed": 1, "shipped": 2}
        shown = [entry for entry in entries if entry.kind == "hotlines" and not entry.hidden]
        first: dict[str, Entry] = {}
        faults: list[tuple[str, str, Reason]] = []
        for entry in sorted(shown, key=lambda entry: 0 if entry.protected else rank[entry.origin]):
            number = digits(entry.values["phone"])
            if number in first:
                loser = entry if entry.origin != "shipped" else first[number]
                faults.append((loser.key, "phone", "twice"))
            else:
                first[number] = entry
        kept = [entry for entry in shown if first[digits(entry.values["phone"])] is entry]
        numbers = {digits(entry.values["phone"]) for entry in kept}
        lost = {e.key for e in kept if e.values["replaced_by"] and digits(e.values["replaced_by"]) not in numbers}
        faults += [(key, "replaced_by", "successor") for key in sorted(lost)]
        found: list[Hotline] = []
        for entry in kept:
            try:
                if entry.key not in lost:
                    found.append(hotline_of(entry.values, "directory")[0])
            except KnowledgeError:
                faults.append((entry.key, "phone", "phone"))
        return tuple(found), tuple(faults)


def overdue(entry: Entry, today: date, days: int = 90) -> bool:
    """Whether nobody has made sure of a row for that long, or ever; a line that is out of use needs no check."""
    if entry.hidden or entry.values.get("opening") == "closed":
        return False
    return entry.checked_on is None or (today - entry.checked_on).days > days


def _kind(name: str, row: Mapping[str, object]) -> Kind:
    table: Mapping[str, Mapping[str, object]] = row["fields"]  # type: ignore[assignment]
    columns = (Field(column, **{**says, "choices": tuple(says.get("choices", ()))}) for column, says in table.items())  # type: ignore[arg-type]
    return Kind(name, str(row["file"]), tuple(row["key"]), tuple(columns), row.get("most"))  # type: ignore[arg-type]


def _procedure(values: Values) -> Procedure:
    checked = values["checked_on"]
    rest = {name: value for name, value in values.items() if name not in ("checked_on", "words")}
    return Procedure(**rest, words=listed(values["words"].replace(",", "|")), checked_on=date.fromisoformat(checked) if checked else None)


def _same(name: str, shipped: str, typed: str) -> bool:
    return digits(shipped) == digits(typed) if name in ("phone", "replaced_by") else shipped == typed


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


def _plain(area: str) -> str:
    return " ".join(words(area))
