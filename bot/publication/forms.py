"""What staff send in: files, corrected fields and lines. Read, checked, and refused with a key of the texts."""

from __future__ import annotations

import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, cast, get_args

from bot.publication.corrections import DAYS, FIELDS, MAX_LEVEL, as_read
from bot.staff.guard import Form
from knowledge.model import Metadata, Relation, RelationKind
from knowledge.places import Gazetteer
from knowledge.relations import as_line
from knowledge.store import Edit
from knowledge.text import nfc

MAX_FILE = 50 * 1024 * 1024
MAX_FILES = 20
MAX_UPLOAD = 4 * MAX_FILE
"""Bytes of all files of one form together."""
_MAX_FIELD, _MAX_LINE, _MAX_LIST, _MAX_RELATIONS = 1000, 20_000, 40, 40
_UNSAFE = re.compile(r"[^\w.\- ()]+")
_NAME = 120
_CONTROL = frozenset({"Cc", "Cs", "Co"})


class Unfit(Exception):
    """What was sent does not fit: a key of `unfit` in texts.yml, and the field it is about."""

    def __init__(self, key: str, field: str = "") -> None:
        super().__init__(key)
        self.key, self.field = key, field


def one_line(text: str, most: int = _MAX_FIELD) -> str:
    """NFC, without control characters, blanks made even. Unfit when it is longer."""
    plain = "".join(" " if unicodedata.category(char) in _CONTROL else char for char in nfc(text))
    tidy = " ".join(plain.split())
    if len(tidy) > most:
        raise Unfit("long")
    return tidy


def whole(text: str | None) -> int:
    """A number of a form. Unfit for anything else."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Unfit("stale")
    return int(text)


def metadata_edits(sent: Form, shown: Metadata, read: Metadata, gazetteer: Gazetteer) -> tuple[list[Edit], list[Edit]]:
    """What a sent form changes: corrections to keep, and those to take out because what was read stands there again.

    `shown`: the metadata with corrections; `read`: without.
    """
    put: list[Edit] = []
    undo: list[Edit] = []
    values: dict[str, Any] = {name: _value(name, sent.get(name, ""), gazetteer) for name in FIELDS if name != "relations"}
    values["relations"] = _relations(sent)
    _require_order(values)
    for name, value in values.items():
        words = "\n".join(value) if isinstance(value, list) else value or ""
        if words == as_read(shown, name):
            continue
        edit = Edit(name, as_read(read, name), value or None)
        (undo if words == edit.anchor else put).append(edit)
    return put, undo


def line_edits(sent: Form, key: tuple[str, int], kept: Iterable[Edit]) -> tuple[list[Edit], list[Edit]]:
    """What a sent line changes, as `metadata_edits`. `key`: how corrections know the line; `kept`: those there are."""
    anchor, nth = key
    old = {edit.field: edit.value for edit in kept if (edit.anchor, edit.nth) == key}
    words = one_line(sent.get("words", ""), _MAX_LINE)
    level = sent.get("level", "")
    if level and (not level.isascii() or not level.isdigit() or int(level) > MAX_LEVEL):
        raise Unfit("level")
    put: list[Edit] = []
    undo: list[Edit] = []
    changes: tuple[tuple[str, Any], ...] = (
        ("text", None if words == " ".join(anchor.split()) else words),
        ("heading", int(level) if level else None),
    )
    for field, value in changes:
        if value == old.get(field):
            continue
        (undo if value is None else put).append(Edit(field, anchor, value, nth))
    return put, undo


def keep_file(name: str, content: BinaryIO, uploads: Path) -> tuple[str, str]:
    """Writes an uploaded file into a folder of its own; the folder's name and the file's as it is shown. Unfit: empty or too large."""
    shown = safe_name(name)
    folder = uploads / secrets.token_hex(12)
    folder.mkdir(mode=0o700, parents=True)
    path = folder / shown
    try:
        with path.open("xb") as target:
            left = MAX_FILE + 1
            while left and (chunk := content.read(min(left, 1 << 20))):
                target.write(chunk)
                left -= len(chunk)
        if not left or left == MAX_FILE + 1:
            raise Unfit("too_large" if not left else "empty", shown)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder.name, shown


def safe_name(name: str) -> str:
    """The last part of a file's name, of letters, digits and a few signs: it becomes a name on the disk and a source on pages."""
    tail = _UNSAFE.sub("_", nfc(name).replace("\\", "/").rsplit("/", 1)[-1]).strip(" ._")
    stem, dot, ending = tail.rpartition(".")
    kept = f"{stem[: _NAME - len(ending) - 1]}{dot}{ending}" if stem and len(ending) <= 10 else tail[:_NAME]
    while len(kept.encode()) > 240:  # what a name may have on the disk
        kept = kept[1:]
    return kept or "tep"


def _value(name: str, sent: str, gazetteer: Gazetteer) -> Any:
    if name == "based_on":
        rows = list(dict.fromkeys(filter(None, (one_line(row) for row in sent.splitlines()))))
        if len(rows) > _MAX_LIST:
            raise Unfit("long", name)
        return rows
    words = one_line(sent)
    if not words:
        return None
    if name in DAYS:
        return _day(words, name)
    if name == "province":
        place = next((place.name for place in gazetteer.places if place.name.casefold() == words.casefold()), None)
        if place is None:
            raise Unfit("province", name)
        return place
    return words


def _relations(sent: Form) -> list[str]:
    """The rows of the table that name a number; without their signs that divide columns."""
    rows = []
    for at in range(_MAX_RELATIONS):
        kind, number, since, source = (one_line(sent.get(f"rel-{at}-{name}", "")) for name in ("kind", "number", "since", "source"))
        if not number:
            continue
        if kind not in get_args(RelationKind):
            raise Unfit("stale")
        day = date.fromisoformat(found) if (found := since and _day(since, "relations")) else None
        rows.append(as_line(Relation(cast(RelationKind, kind), number.replace("|", " "), day, source)))
    return list(dict.fromkeys(rows))


def _day(words: str, name: str) -> str:
    try:
        day = date.fromisoformat(words)
    except ValueError as error:
        raise Unfit("day", name) from error
    if not 1945 <= day.year < 2200:
        raise Unfit("day", name)
    return day.isoformat()


def _require_order(values: dict[str, Any]) -> None:
    begins, ends, outlook = values["valid_from"], values["valid_to"], values["outlook_to"]
    if (begins and ends and ends < begins) or (ends and outlook and outlook < ends):
        raise Unfit("period", "valid_to")
