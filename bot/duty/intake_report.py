"""The intake report of a case, ready to be laid out: Mẫu số 01 of Nghị định 56/2017/NĐ-CP for a child, the like card for an adult.

Nothing is guessed: what is not known is None and becomes a line to write on. What somebody wrote is quoted as theirs, and what would name
the informant is left blank unless they agreed. `compose` puts the values at their places; intake_docx.py and intake_pdf.py lay them out.

The words and the order of the fields are data/intake_report.yml. The national heading, the sections A, B and C and the fields follow the
public form; whether each label is the form's to the letter has not been held against the gazette (Công báo), above all the title and the
labels of B. Ours, and not the form's, are the number of the case and, in A, the area, the kind and risk, and the person's words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from knowledge.directory import VIETNAM
from knowledge.store.cases import Case
from knowledge.text import nfc

DATA = Path(__file__).parent / "data"
NEWEST = 20
"""Messages at the end of a long transcript that are quoted; the first of danger always is."""
_EMPTY_LINES = re.compile(r"\n[^\S\n]*\n\s*\n")
_JOINER = "\u200d"  # holds an emoji of several parts together


@dataclass(frozen=True, slots=True, repr=False)
class Quote:
    """A message as it was written; `words` are None where they were forgotten."""

    said_at: datetime
    words: str | None
    first_danger: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class IntakeReport:
    """What is known of a case. Moments are aware; `risk` is a number of actions.triage.Risk.

    `for_child`: which of the two forms; None lets the kinds decide. `consent`: whether the informant agreed to be named; unless it is True,
    none of `informant_*` and `safe_*` is printed. `quotes` are in the order they were written.
    """

    case_id: str
    channel: str
    received_at: datetime
    kinds: tuple[str, ...]
    risk: int
    quotes: tuple[Quote, ...] = ()
    for_child: bool | None = None
    agency: str | None = None
    place_received: str | None = None
    province: str | None = None
    commune: str | None = None
    name: str | None = None
    born: str | None = None
    age: str | None = None
    sex: Literal["male", "female", "unknown"] | None = None
    where_happened: str | None = None
    where_now: str | None = None
    condition: str | None = None
    without_help: str | None = None
    father_name: str | None = None
    father_age: str | None = None
    father_work: str | None = None
    mother_name: str | None = None
    mother_age: str | None = None
    mother_work: str | None = None
    family: str | None = None
    cared_for_by: str | None = None
    done_so_far: str | None = None
    danger_present: bool | None = None
    safe_to_talk: bool | None = None
    safe_contact: str | None = None
    safe_hours: str | None = None
    may_leave_message: bool | None = None
    consent: bool | None = None
    informant_name: str | None = None
    informant_phone: str | None = None
    informant_address: str | None = None
    informant_note: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Cell:
    """A label and what is known; None: dots to write on, over `lines` lines. `share`: its part of the line's width."""

    label: str
    value: str | None
    share: int = 1
    lines: int = 1


@dataclass(frozen=True, slots=True, repr=False)
class Section:
    """A heading and its lines; the cells of a line stand side by side."""

    heading: str
    lines: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """A quoted message: `when`, and the words in quotation marks. `when` is None for a remark of ours, such as how many are left out."""

    when: str | None
    words: str


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """A report put in order; every text is ready to print, free of control characters and in NFC."""

    case_id: str
    made_at: datetime
    agency: str | None
    number: tuple[str, ...]
    title: tuple[str, ...]
    sections: tuple[Section, ...]
    appendix: tuple[Said, ...]
    words: Mapping[str, Any]
    """The data file, for what stands on every form."""

    @property
    def dated(self) -> str:
        """The line above the title: a place to write, and the day."""
        return str(self.words["header"]["dated"]).format(**_parts(self.made_at))

    @property
    def case_line(self) -> str:
        """The number of the case."""
        return str(self.words["header"]["case"]).format(case_id=self.case_id)

    @property
    def document_title(self) -> str:
        """For the properties of the file; names nobody."""
        return str(self.words["document_title"]).format(case_id=self.case_id)

    def footer(self, page: str) -> str:
        """At the foot of each page."""
        return str(self.words["footer"]).format(case_id=self.case_id, page=page)


def from_case(case: Case, *, for_child: bool | None = None, agency: str | None = None) -> IntakeReport:
    """What the store knows of a case; the rest is for a pen. `agency`: the office that received it. Children who write get theirs."""
    quotes = tuple(Quote(line.received_at, line.text, line.received_at == case.first_danger_at) for line in case.transcript)
    return IntakeReport(
        case_id=case.case_id,
        channel=case.channel,
        received_at=case.waiting_since,
        kinds=case.kinds,
        risk=case.risk,
        quotes=quotes,
        for_child=True if for_child is None and case.voice == "child" else for_child,
        agency=agency,
        province=case.province,
        commune=case.commune,
        safe_contact=case.safe_contact,
        consent=case.consent,
    )


def compose(report: IntakeReport, made_at: datetime) -> Form:
    """The report on its form, made on the day of `made_at` (aware)."""
    words = _words()
    for_child = bool(set(report.kinds) & set(words["for_child"])) if report.for_child is None else report.for_child
    form = words["forms"]["child" if for_child else "adult"]
    values = _values(report, words)
    sections = tuple(
        Section(section["heading"], tuple(tuple(_cell(cell, values) for cell in line) for line in section["lines"]))
        for section in form["sections"]
    )
    return Form(
        clean(report.case_id),
        made_at.astimezone(UTC),
        values["agency"],
        tuple(form["number"]),
        tuple(form["title"]),
        sections,
        _appendix(report, words),
        words,
    )


def clean(text: str) -> str:
    """Somebody's words as a document takes them: NFC, without control, direction and other invisible characters, one empty line at most."""
    return _EMPTY_LINES.sub("\n\n", "".join(_kept(char) for char in nfc(text))).strip()


def _kept(char: str) -> str:
    category = unicodedata.category(char)
    if char == "\n" or category in ("Zl", "Zp"):
        return "\n"
    if char == "\t":
        return " "
    if category == "Cs":  # half a character
        return "\ufffd"
    code = ord(char)
    unused = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # XML takes none of them
    return "" if unused or category == "Cc" or (category == "Cf" and char != _JOINER) else char


@cache
def _words() -> Any:
    return yaml.safe_load((DATA / "intake_report.yml").read_text(encoding="utf-8"))


def _cell(cell: Mapping[str, Any], values: Mapping[str, str | None]) -> Cell:
    return Cell(cell["label"], values[cell["field"]], cell.get("share", 1), cell.get("lines", 1))


def _values(report: IntakeReport, words: Mapping[str, Any]) -> dict[str, str | None]:
    """What each field of the form says; None where it is not known, or not to be told."""

    def ticks(options: Mapping[str, str], chosen: str | None) -> str:
        boxes = (words["ticked" if name == chosen else "unticked"].format(words=option) for name, option in options.items())
        return str(words["between"]).join(boxes)

    def yes_no(answer: bool | None) -> str:
        return ticks(words["yes_no"], None if answer is None else "yes" if answer else "no")

    plain = {name: _known(value) for name in IntakeReport.__slots__ if isinstance(value := getattr(report, name), str)}
    if report.consent is not True:
        plain = {name: value for name, value in plain.items() if not name.startswith(("informant_", "safe_"))}
    kinds = ", ".join(words["kinds"].get(kind, words["kinds"]["other"]) for kind in report.kinds)
    area = ", ".join(part for part in (plain.get("commune"), plain.get("province")) if part)
    return {
        **dict.fromkeys(IntakeReport.__slots__),
        **plain,
        "source": words["source"].format(channel=words["channels"].get(report.channel, clean(report.channel))),
        "received_at": words["moment"].format(**_parts(report.received_at)),
        "signs": words["signs"].format(kinds=kinds, risk=words["risks"][report.risk]),
        "area": area or None,
        "key_words": _key_words(report, words),
        "sex": ticks(words["sexes"], report.sex),
        "danger_present": yes_no(report.danger_present),
        "safe_to_talk": yes_no(report.safe_to_talk if report.consent else None),
        "may_leave_message": yes_no(report.may_leave_message if report.consent else None),
        "consent": yes_no(report.consent),
    }


def _known(value: str) -> str | None:
    return clean(value) or None


def _key_words(report: IntakeReport, words: Mapping[str, Any]) -> str | None:
    """The first message of danger, or the first of all; its beginning where it is long."""
    written = [quote for quote in report.quotes if quote.words]
    first = next((quote for quote in written if quote.first_danger), written[0] if written else None)
    said = clean(first.words or "") if first else ""
    most = words["key_words"]["most"]
    if len(said) > most:
        cut = said[:most].rsplit(maxsplit=1)[0]
        return str(words["key_words"]["shortened"]).format(words=words["quoted"].format(words=cut))
    return str(words["quoted"]).format(words=said) if said else None


def _appendix(report: IntakeReport, words: Mapping[str, Any]) -> tuple[Said, ...]:
    """The quotes, a long transcript cut to the first of danger and the newest; a remark stands wherever some are left out."""
    total = len(report.quotes)
    said: list[Said] = []
    left_out = 0
    for index, quote in enumerate(report.quotes):
        if index < total - NEWEST and not quote.first_danger:
            left_out += 1
            continue
        said += _remark(left_out, report, words)
        left_out = 0
        said.append(_said(quote, words))
    return tuple(said)


def _remark(left_out: int, report: IntakeReport, words: Mapping[str, Any]) -> list[Said]:
    if not left_out:
        return []
    return [Said(None, words["appendix"]["left_out"].format(count=left_out, case_id=clean(report.case_id)))]


def _said(quote: Quote, words: Mapping[str, Any]) -> Said:
    when = words["quoted_at"].format(**_parts(quote.said_at))
    if quote.words is None:
        return Said(when, words["appendix"]["forgotten"])
    return Said(when, words["quoted"].format(words=clean(quote.words)))


def _parts(moment: datetime) -> dict[str, str]:
    """The parts of a moment as Vietnam's clocks and papers write them: a month has two digits in January and February only."""
    local = moment.astimezone(VIETNAM)
    two_digit_month = f"{local.month:02}" if local.month < 3 else str(local.month)
    return {
        "day": f"{local.day:02}",
        "month": two_digit_month,
        "year": str(local.year),
        "hour": str(local.hour),
        "minute": f"{local.minute:02}",
    }
