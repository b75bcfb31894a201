"""The rows of the directory as staff see and change them: what staff changed, laid over what is shipped.

Changes are kept beside the shipped rows, so that a new version of the product does not lose them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from knowledge.directory import Directory, digits, hotline_of
from knowledge.directory_rules import EntryRefused, Kind, Problem, Reason, Rules, Values, plain_area, spellings_of
from knowledge.errors import KnowledgeError
from knowledge.model import Hotline, Procedure
from knowledge.places import Place
from knowledge.reorganisation import Succession, succession_of
from knowledge.tables import DATA, listed, rows

_ADDED = "~"
"""Begins the key of a row that staff added: "~12"."""


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
    def title(self) -> str:
        """What the row is called."""
        return self.values.get("name") or self.values.get("task", "")

    @property
    def checked_on(self) -> date | None:
        """The day somebody last made sure of it."""
        written = self.values.get("checked_on")
        return date.fromisoformat(written) if written else None


Fault = tuple[str, str, str, Reason]


@dataclass(frozen=True)
class Merged:
    """The directory as it stands: `entries` for staff (hidden ones too), the rest for answers.

    `faults`: rows of staff that a newer version of the product leaves no place for, with why; they are kept, and not shown to citizens.
    A fault is the kind and key of the row, the field, and the reason.
    """

    entries: tuple[Entry, ...]
    directory: Directory
    successions: tuple[Succession, ...]
    places: tuple[Place, ...]
    words: tuple[Values, ...]
    """What people say, as rows of index/data/lexicon.tsv."""
    faults: tuple[Fault, ...] = ()

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
            for row in rows(DATA / kind.file, [column.name for column in kind.fields]) if kind.file else ():
                # The shipped table lists the spellings of an area behind its name.
                one = {name: listed(value)[0] if name == "area" else value for name, value in row.items()}
                try:
                    held.append(rules.checked(kind, one, date.max))
                except EntryRefused as error:
                    what = ", ".join(f"{problem.field} ({problem.reason})" for problem in error.problems)
                    raise KnowledgeError(f"{kind.file}, row {kind.key_of(row)}: {what}", file=kind.file) from error
            tables[kind.name] = tuple(held)
        return cls(rules, tables, Directory.load())

    def merged(self, changes: Sequence[Change]) -> Merged:
        """The changes of staff laid over it. Never raises: a row that has no place any more becomes a fault."""
        entries = [entry for kind in self.rules.kinds.values() for entry in self._entries(kind, changes)]
        hotlines, faults = self._hotlines(entries)
        procedures = tuple(_procedure(entry.values) for entry in entries if entry.kind == "procedures" and not entry.hidden)
        places, lost = self._places(entries)
        spellings, of_today = dict(self.directory.spellings), spellings_of(places)
        for area in {*(row.area for row in hotlines), *(row.area for row in procedures)}:
            spellings[area] = spellings.get(area, frozenset()) | of_today.get(area, frozenset({plain_area(area)}))
        successions, undated = _successions(entries)
        words, twice = _words(entries)
        return Merged(
            tuple(entries), Directory(hotlines, spellings, procedures), successions, places, words, (*faults, *lost, *undated, *twice)
        )

    def refuse_unfit(self, before: Sequence[Change], after: Sequence[Change]) -> None:
        """Raises EntryRefused when the change would take a line of danger away or leave a row without a place."""
        for change in after:
            if change in before:
                continue
            shipped = self._shipped(change.kind, change.base)
            if fixed := self.rules.kinds[change.kind].fixed:
                touched = [name for name in fixed if change.hidden or shipped is None or shipped[name] != change.values.get(name)]
                if touched:
                    raise EntryRefused([Problem(name, "fixed") for name in touched], change.base)
            if change.kind == "hotlines" and change.base in self.rules.protected and shipped is not None:
                same = {name for name in shipped if _same(name, shipped[name], change.values.get(name, ""))}
                lost = set(listed(shipped["purposes"])) - set(listed(change.values.get("purposes", "")))
                touched = sorted(set(shipped) - same - self.rules.open_fields) + (["purposes"] if lost else [])
                if change.hidden or touched:
                    raise EntryRefused([Problem(name, "protected") for name in touched or ["phone"]], change.base)
        known = self.merged(before).faults
        for fault in self.merged(after).faults:
            if fault not in known:
                raise EntryRefused([Problem(fault[2], fault[3])], fault[1])

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
            mended = self._kept(row, change) if protected else {name: change.values.get(name, "") for name in row}
            kept = {**mended, **{name: row[name] for name in kind.fixed}}
            hidden = change.hidden and not protected and not kind.fixed
            yield Entry(kind.name, key, kept, "changed", hidden, change.row_id, change.version, protected)
        # A shipped row that is gone in this version stays where staff had changed it: it was theirs by then.
        for change in () if kind.fixed else (*over.values(), *(change for change in mine if change.base is None)):
            values = {column.name: change.values.get(column.name, "") for column in kind.fields}
            yield Entry(kind.name, f"{_ADDED}{change.row_id}", values, "added", change.hidden, change.row_id, change.version)

    def _kept(self, shipped: Values, change: Change) -> Values:
        """A line of danger: whatever stands in the database, number, name, hours and place are those that are shipped."""
        kept = {name: change.values.get(name, value) if name in self.rules.open_fields else value for name, value in shipped.items()}
        both = {*listed(shipped["purposes"]), *listed(kept["purposes"])}
        purposes = next(column for column in self.rules.kinds["hotlines"].fields if column.name == "purposes")
        return {**kept, "purposes": "|".join(name for name in purposes.choices if name in both)}

    def _hotlines(self, entries: Sequence[Entry]) -> tuple[tuple[Hotline, ...], tuple[Fault, ...]]:
        """One row a number: a line of danger before all, then the row of staff, then the shipped one."""
        rank = {"added": 1, "changed": 1, "shipped": 2}
        shown = [entry for entry in entries if entry.kind == "hotlines" and not entry.hidden]
        first: dict[str, Entry] = {}
        faults: list[Fault] = []
        for entry in sorted(shown, key=lambda entry: 0 if entry.protected else rank[entry.origin]):
            number = digits(entry.values["phone"])
            if number in first:
                loser = entry if entry.origin != "shipped" else first[number]
                faults.append((loser.kind, loser.key, "phone", "twice"))
            else:
                first[number] = entry
        kept = [entry for entry in shown if first[digits(entry.values["phone"])] is entry]
        numbers = {digits(entry.values["phone"]) for entry in kept}
        lost = {e.key for e in kept if e.values["replaced_by"] and digits(e.values["replaced_by"]) not in numbers}
        faults += [("hotlines", key, "replaced_by", "successor") for key in sorted(lost)]
        found: list[Hotline] = []
        for entry in kept:
            try:
                if entry.key not in lost:
                    found.append(hotline_of(entry.values, "directory")[0])
            except KnowledgeError:
                faults.append((entry.kind, entry.key, "phone", "phone"))
        return tuple(found), tuple(faults)

    def _places(self, entries: Sequence[Entry]) -> tuple[tuple[Place, ...], tuple[Fault, ...]]:
        """The provinces. One that would be part of another that is part of a third, or of none, stays as it is shipped."""
        rows_of = [entry for entry in entries if entry.kind == "provinces"]
        now = {entry.values["name"]: entry.values["now"] for entry in rows_of}
        lost = {e.key for e in rows_of if (into := e.values["now"]) and now.get(into) != into}
        places = []
        for entry in rows_of:
            values = self.values("provinces", entry.key) if entry.key in lost else entry.values
            places.append(Place(values["name"], values["now"] or None, listed(values["aliases"]), values["source"]))
        return tuple(places), tuple(("provinces", key, "now", "province") for key in sorted(lost))


def overdue(entry: Entry, today: date, days: int = 90) -> bool:
    """Whether nobody has made sure of a row for that long, or ever; a line that is out of use needs no check."""
    if "checked_on" not in entry.values or entry.hidden or entry.values.get("opening") == "closed":
        return False
    return entry.checked_on is None or (today - entry.checked_on).days > days


def _successions(entries: Iterable[Entry]) -> tuple[tuple[Succession, ...], list[Fault]]:
    """The rows for bodies that are no more; one without a day has no place."""
    found: list[Succession] = []
    faults: list[Fault] = []
    for entry in entries:
        if entry.kind == "successions" and not entry.hidden:
            try:
                found.append(succession_of(entry.values, "directory"))
            except KnowledgeError:
                faults.append((entry.kind, entry.key, "since", "date"))
    return tuple(found), faults


def _words(entries: Iterable[Entry]) -> tuple[tuple[Values, ...], list[Fault]]:
    """The rows of people's words as the lexicon has them, each once."""
    found: dict[tuple[str, str], Values] = {}
    faults: list[Fault] = []
    for entry in entries:
        if entry.kind == "words" and not entry.hidden:
            held = entry.values
            terms = [*(f"+{term}" for term in listed(held["only_with"])), *(f"-{term}" for term in listed(held["not_with"]))]
            row = {"colloquial": held["name"], "official": held["official"], "scope": held["scope"], "source": held["source"]}
            key = (held["name"].lower(), "|".join(terms))
            if key in found:
                faults.append((entry.kind, entry.key, "name", "row_twice"))
            else:
                found[key] = {**row, "guard": key[1]}
    return tuple(found.values()), faults


def _procedure(values: Values) -> Procedure:
    checked = values["checked_on"]
    rest = {name: value for name, value in values.items() if name not in ("checked_on", "words")}
    return Procedure(**rest, words=listed(values["words"].replace(",", "|")), checked_on=date.fromisoformat(checked) if checked else None)


def _same(name: str, shipped: str, typed: str) -> bool:
    return digits(shipped) == digits(typed) if name in ("phone", "replaced_by") else shipped == typed
