"""The directory as CSV for spreadsheets, out and in. What comes in is planned first, shown, and then kept whole or not at all.

UTF-8 with a byte order mark, so that Excel reads it as such. A cell that would begin a formula gets an apostrophe in front (OWASP, "CSV
Injection"), which is taken off again on the way in.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from bot.directory.wording import Wording
from knowledge.directory_entries import Entry, Merged
from knowledge.directory_rules import EntryRefused, Kind, Values
from knowledge.store import RowChange

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST_ROWS = 2_000
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Planned:
    """One line that changes something. `before` None: a new row; `fields`: those that differ, with what was and what is to be."""

    line: int
    name: str
    before: Entry | None
    fields: tuple[tuple[str, str, str], ...]
    change: RowChange


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would do. With `errors` (line, what is wrong) it does nothing."""

    rows: tuple[Planned, ...]
    unchanged: int
    errors: tuple[tuple[int, str], ...]


def export(kind: Kind, entries: Iterable[Entry], wording: Wording) -> Iterator[str]:
    """The lines of a file."""
    words = wording.words["csv"]
    yield "\ufeff" + _line([words["key"], *(wording.label(kind.name, column.name) for column in kind.fields), words["hidden"]])
    for entry in entries:
        cells = (wording.shown(column, entry.values.get(column.name, "")) for column in kind.fields)
        yield _line([entry.key, *cells, words["yes"] if entry.hidden else ""])


def planned(text: str, kind: Kind, merged: Merged, wording: Wording, today: date) -> Plan:
    """What the file would do, line by line. Columns may be in any order and may be missing: their fields stay as they are."""
    words = wording.words["csv"]
    lines = _read(text)
    columns = _columns(lines[0][1] if lines else [], kind, wording)
    if columns is None:
        return Plan((), 0, ((1, words["columns"]),))
    if len(lines) - 1 > MOST_ROWS:
        return Plan((), 0, ((1, words["too_many"].format(n=MOST_ROWS)),))
    found: list[Planned] = []
    errors: list[tuple[int, str]] = []
    seen: set[str] = set()
    unchanged = 0
    for number, cells in lines[1:]:
        if len(cells) != len(columns):
            errors.append((number, words["cells"].format(found=len(cells), wanted=len(columns))))
            continue
        typed = dict(zip(columns, map(_plain, cells), strict=True))
        key = typed.get("key", "")
        before = merged.find(kind.name, key) if key else None
        if key and (before is None or key in seen):
            errors.append((number, words["unknown" if before is None else "twice"].format(key=key)))
            continue
        seen.add(key)
        try:
            row = _planned(number, typed, before, kind, wording, today)
        except EntryRefused as error:
            errors += [(number, said) for said in wording.problems(error, kind).values()]
            continue
        if row.fields:
            found.append(row)
        else:
            unchanged += 1
    return Plan(tuple(found), unchanged, tuple(errors))


def _planned(line: int, typed: Values, before: Entry | None, kind: Kind, wording: Wording, today: date) -> Planned:
    held = before.values if before else {}
    told = {
        column.name: wording.typed(column, typed[column.name]) if column.name in typed else held.get(column.name, "")
        for column in kind.fields
    }
    values = wording.rules.checked(kind, told, today)
    hidden = bool(typed["hidden"].strip()) if "hidden" in typed else bool(before and before.hidden)
    names = [column for column in kind.fields if values[column.name] != held.get(column.name, "")]
    fields = [(wording.label(kind.name, c.name), wording.shown(c, held.get(c.name, "")), wording.shown(c, values[c.name])) for c in names]
    if hidden != bool(before and before.hidden):
        says = wording.words["csv"]
        fields.append((says["hidden"], says["yes"] if not hidden else "", says["yes"] if hidden else ""))
    change = RowChange(
        kind.name,
        before.row_id if before else None,
        before.base if before else None,
        before.version if before else 0,
        hidden,
        values,
        held,
    )
    return Planned(line, values["name"], before, tuple(fields), change)


def _read(text: str) -> list[tuple[int, list[str]]]:
    """Lines that are not blank, each with the number of the line it ends on. Excel writes semicolons where a comma is the decimal sign."""
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error:
        return []


def _columns(header: Sequence[str], kind: Kind, wording: Wording) -> list[str] | None:
    """Field names of the header's cells; None where one is unknown or twice, or the name is missing."""
    says = wording.words["csv"]
    known = {wording.label(kind.name, column.name).casefold(): column.name for column in kind.fields}
    known |= {says["key"].casefold(): "key", says["hidden"].casefold(): "hidden"}
    found = [known.get(_plain(cell).strip().casefold(), "") for cell in header]
    return found if found and all(found) and len(set(found)) == len(found) and "name" in found else None


def _plain(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells)
    return buffer.getvalue()
