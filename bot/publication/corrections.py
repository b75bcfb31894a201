"""Corrections of what was read off a document. They are kept by what they correct, so that they outlive reading the file in again.

A correction of a line is known by the words that were read there, one of a field by the value that was read. Where that is not what is
read any more, the correction does not fit and is listed; where the file itself now says what was put there, nothing is left to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import yaml

from knowledge.loading import assemble
from knowledge.metadata import read_metadata
from knowledge.model import Document, Fact, Metadata, Span
from knowledge.places import Gazetteer
from knowledge.reading.model import Extracted
from knowledge.relations import as_line, from_line
from knowledge.store import Edit
from knowledge.tables import DATA
from knowledge.text import nfc

FIELDS = (
    "kind", "number", "title", "issuer", "province", "issued_on", "signer", "valid_from", "valid_to", "outlook_to",
    "based_on", "reports_on", "relations",
)  # fmt: skip
"""Of the metadata, in the order in which people read them."""
DAYS = frozenset({"issued_on", "valid_from", "valid_to", "outlook_to"})
_FACTS: Mapping[str, str] = {"valid_from": "period", "valid_to": "period", "outlook_to": "period", "province": "issuer"}
"""Where a field was read off, where the fact has another name."""
_HASHES = re.compile(r"^(\s*)#{1,6}\s+")
MAX_LEVEL = 6


@dataclass(frozen=True)
class Corrected:
    """A document with its corrections, and those that do not fit it."""

    document: Document
    unfit: tuple[Edit, ...]


def correct(read: Document, extra: Sequence[str], edits: Iterable[Edit], gazetteer: Gazetteer) -> Corrected:
    """`read`: as it came out of its file (its text is what counts); `extra`: what reading the file had to say (see `read_warnings`)."""
    kept = tuple(edits)
    text, unfit = _with_lines(read.text, [edit for edit in kept if edit.field in ("text", "heading")])
    extracted = Extracted(text, read.pages, read.ocr, tuple(extra))
    document = assemble(read.source_file, extracted, gazetteer, read.document_id)
    metadata, unfit_fields = _with_fields(document, [edit for edit in kept if edit.field in FIELDS])
    return Corrected(replace(document, metadata=metadata), (*unfit, *unfit_fields))


def read_warnings(document: Document, gazetteer: Gazetteer) -> tuple[str, ...]:
    """The warnings of a document that come from reading its file, and not from its text."""
    plain = assemble(document.source_file, Extracted(document.text), gazetteer, document.document_id)
    return tuple(words for words in document.metadata.warnings if words not in plain.metadata.warnings)


def line_key(text: str, at: int) -> tuple[str, int]:
    """The words of the line number `at` (from 0), and which of the lines with these words it is."""
    lines = [line.strip() for line in text.split("\n")]
    return lines[at], lines[:at].count(lines[at])


def fact_of(metadata: Metadata, field: str) -> Fact | None:
    """Where a field was read off."""
    return metadata.fact(field) or metadata.fact(_FACTS.get(field, field))


def as_read(metadata: Metadata, field: str) -> str:
    """A field's value as the words that a correction is known by; empty for None."""
    value = getattr(metadata, field)
    if field == "relations":
        return "\n".join(map(as_line, value))
    if isinstance(value, tuple):
        return "\n".join(value)
    return value.isoformat() if isinstance(value, date) else value or ""


def read_fields(text: str, gazetteer: Gazetteer) -> Metadata:
    """What is read off a text before its fields are corrected."""
    return read_metadata(nfc(text), gazetteer)


def _with_lines(text: str, edits: Sequence[Edit]) -> tuple[str, list[Edit]]:
    lines = text.split("\n")
    words = [line.strip() for line in lines]
    places: dict[str, list[int]] = {}
    for at, said in enumerate(words):
        places.setdefault(said, []).append(at)
    unfit = []
    for edit in sorted(edits, key=lambda edit: edit.field == "heading"):  # the words first, then what they are
        found = places.get(edit.anchor, [])
        if edit.nth < len(found):
            at = found[edit.nth]
            blanks = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
            lines[at] = blanks + _changed(lines[at].strip(), edit)
        elif not (edit.field == "text" and edit.value in places):
            unfit.append(edit)
    return "\n".join(lines), unfit


def _changed(line: str, edit: Edit) -> str:
    if edit.field == "text":
        return nfc(str(edit.value))
    plain = _HASHES.sub("", line)
    return f"{'#' * edit.value} {plain}" if edit.value else plain


def _with_fields(document: Document, edits: Sequence[Edit]) -> tuple[Metadata, list[Edit]]:
    metadata, unfit, put = document.metadata, [], {}
    for edit in edits:
        read, wanted = as_read(metadata, edit.field), _words(edit.value)
        if read == edit.anchor:
            put[edit.field] = edit.value
        elif read != wanted:
            unfit.append(edit)
    if not put:
        return metadata, unfit
    gone = {_FACTS.get(field, field) for field in put if field != "province"} | set(put)
    facts = [pair for pair in metadata.facts if pair[0] not in gone]
    facts += [(field, fact) for field, value in put.items() for fact in _stands(document.text, field, value)]
    said = {words for field in put for words in _missing(field)}
    values: dict[str, Any] = {field: _typed(field, value) for field, value in put.items()}
    warnings = tuple(words for words in metadata.warnings if words not in said)
    return replace(metadata, **values, facts=tuple(facts), warnings=warnings), unfit


def _words(value: Any) -> str:
    return "\n".join(value) if isinstance(value, list) else value or ""


def _typed(field: str, value: Any) -> Any:
    if field == "based_on":
        return tuple(value or ())
    if field == "relations":
        return tuple(map(from_line, value or ()))
    return date.fromisoformat(value) if field in DAYS and value else value


def _stands(text: str, field: str, value: Any) -> Iterable[Fact]:
    """Where the document says what was put there by hand, if it does."""
    for one in value if isinstance(value, list) else [value]:
        for form in _forms(field, one) if one else ():
            at = text.find(form)
            if at >= 0:
                yield Fact(one, Span(at, at + len(form)))
                break


def _forms(field: str, value: str) -> tuple[str, ...]:
    if field not in DAYS:
        return (value,)
    day = date.fromisoformat(value)
    return (f"ngày {day:%d} tháng {day.month} năm {day.year}", f"ngày {day:%d} tháng {day:%m} năm {day.year}", f"{day:%d/%m/%Y}")


@cache
def _table() -> Mapping[str, str]:
    with (DATA / "metadata.yml").open(encoding="utf-8") as handle:
        table: Mapping[str, str] = yaml.safe_load(handle)["warnings"]
    return table


def _missing(field: str) -> tuple[str, ...]:
    """The warnings that a field is missing."""
    return tuple(filter(None, (_table().get(field), _table().get(_FACTS.get(field, field)) if field != "province" else None)))
