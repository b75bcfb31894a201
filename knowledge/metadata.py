"""What a document says of itself: number, date, issuer, signer, title, period, legal basis. Read off, never guessed.

Form of administrative documents: Nghị định 30/2020/NĐ-CP, Phụ lục I. Patterns are data (data/metadata.yml), over NFC text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import yaml

from knowledge.blocks import blocks
from knowledge.furniture import extent
from knowledge.model import Fact, Metadata, Span
from knowledge.places import Gazetteer
from knowledge.tables import DATA


@dataclass(frozen=True, slots=True)
class _Table:
    """data/metadata.yml, its patterns compiled."""

    patterns: Mapping[str, re.Pattern[str]]
    warnings: Mapping[str, str]
    secondary_kind: str


@cache
def _table() -> _Table:
    with (DATA / "metadata.yml").open(encoding="utf-8") as handle:
        table = yaml.safe_load(handle)
    patterns = {name: re.compile(pattern, re.MULTILINE) for name, pattern in table["patterns"].items()}
    return _Table(patterns, table["warnings"], table["secondary_kind"])


@dataclass
class _Reading:
    """What has been found so far in one document."""

    text: str
    facts: list[tuple[str, Fact]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def find(
        self,
        name: str,
        pattern: str,
        start: int = 0,
        end: int | None = None,
        *,
        tidy: Callable[[re.Match[str]], str] = lambda m: m["value"],
    ) -> str | None:
        """The first match of `pattern`: what `tidy` makes of it is the value of the fact `name`, which stands at the group `value`."""
        found = _table().patterns[pattern].search(self.text, start, len(self.text) if end is None else end)
        if not found:
            return None
        value = tidy(found)
        self.facts.append((name, Fact(value, Span(*found.span("value")))))
        return value

    def warn(self, name: str, **values: str) -> None:
        self.warnings.append(_table().warnings[name].format(**values))

    def warn_missing(self, **fields: object) -> None:
        for name, value in fields.items():
            if not value:
                self.warn(name)


def read_metadata(text: str, gazetteer: Gazetteer) -> Metadata:
    """The metadata of an NFC text. Each missing or broken field is None and has a warning (Vietnamese, for staff)."""
    reading = _Reading(text)
    frame = extent(text)
    if frame.front == 0:
        return _secondary(reading, gazetteer)
    kind = reading.find("kind", "kind", 0, frame.front, tidy=lambda m: m["value"].capitalize())
    number = reading.find("number", "number", 0, frame.front) or reading.find("number", "listed_number")
    issued_on = _issued_on(reading, frame.front)
    issuer = reading.find("issuer", "letterhead", 0, frame.front, tidy=_issuer) or reading.find("issuer", "issuing", 0, frame.start)
    title, named = _title(reading, frame.front, frame.start)
    signer = reading.find("signer", "signature", frame.closing) or reading.find("signer", "listed_signer")
    started, ended, outlook = _period(reading, "period", frame.front, frame.start)
    based_on = tuple(_based_on(reading, named, frame.start)) or tuple(_based_on(reading, frame.front, named))
    province = _province(issuer, gazetteer)
    reading.warn_missing(number=number, issued_on=issued_on, issuer=issuer, title=title, signer=signer, period=started, based_on=based_on)
    if issuer:
        reading.warn_missing(province=province)
    return Metadata(
        kind=kind,
        number=number,
        title=title,
        issuer=issuer,
        province=province,
        issued_on=issued_on,
        signer=signer,
        valid_from=started,
        valid_to=ended,
        outlook_to=outlook,
        based_on=based_on,
        reports_on=None,
        facts=tuple(reading.facts),
        warnings=tuple(reading.warnings),
    )


def _secondary(reading: _Reading, gazetteer: Gazetteer) -> Metadata:
    """A text without an administrative frame: what it says about a numbered plan is second-hand."""
    reports_on = reading.find("reports_on", "reported_number")
    if reports_on:
        reading.warn("secondary", number=reports_on)
    else:
        reading.warn("frame")
    broken = _table().patterns["broken_date"].search(reading.text)
    if broken:
        reading.warn("broken_date", date=broken["value"])
    started, ended, outlook = _period(reading, "reported_period", 0, len(reading.text))
    province = next((m.province for m in gazetteer.mentions(reading.text)), None)
    reading.warn_missing(number=None, issuer=None, title=None, signer=None, issued_on=broken, province=province, period=started)
    return Metadata(
        kind=_table().secondary_kind if reports_on else None,
        number=None,
        title=None,
        issuer=None,
        province=province,
        issued_on=None,
        signer=None,
        valid_from=started,
        valid_to=ended,
        outlook_to=outlook,
        based_on=(),
        reports_on=reports_on,
        facts=tuple(reading.facts),
        warnings=tuple(reading.warnings),
    )


def _title(reading: _Reading, start: int, end: int) -> tuple[str | None, int]:
    """The first paragraph under the kind of document, and where it ends."""
    block = next(blocks(reading.text, start, end), None)
    if block is None:
        return None, start
    span = Span(block.start, block.end)
    value = _one_line(span.of(reading.text))
    reading.facts.append(("title", Fact(value, span)))
    return value, block.end


def _issued_on(reading: _Reading, front: int) -> date | None:
    for pattern, start, end in (("dateline", 0, front), ("listed_date", 0, len(reading.text))):
        found = _table().patterns[pattern].search(reading.text, start, end)
        if not found:
            continue
        try:
            day = date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:
            reading.warn("broken_date", date=found["value"])
            return None
        reading.facts.append(("issued_on", Fact(day.isoformat(), Span(*found.span("value")))))
        return day
    return None


def _period(reading: _Reading, pattern: str, start: int, end: int) -> tuple[date | None, date | None, date | None]:
    found = _table().patterns[pattern].search(reading.text, start, end)
    if not found:
        return None, None, None
    first, last = int(found["first"]), int(found["last"])
    if last < first:
        return None, None, None
    outlook = _table().patterns["outlook"].search(reading.text, found.end(), min(end, found.end() + 60)) if pattern == "period" else None
    stop = outlook.end() if outlook else found.end()
    value = f"{first}–{last}"
    reading.facts.append(("period", Fact(value, Span(found.start("value"), stop))))
    return date(first, 1, 1), date(last, 12, 31), date(int(outlook["year"]), 12, 31) if outlook else None


def _based_on(reading: _Reading, start: int, end: int) -> Iterator[str]:
    seen: set[str] = set()
    for clause in _table().patterns["basis"].finditer(reading.text, start, end):
        number = clause["value"]
        if number not in seen:
            seen.add(number)
            reading.facts.append(("based_on", Fact(number, Span(*clause.span("clause")))))
            yield number


def _province(issuer: str | None, gazetteer: Gazetteer) -> str | None:
    return next((m.province for m in gazetteer.mentions(issuer)), None) if issuer else None


def _one_line(value: str) -> str:
    return re.sub(r"[\s*]+", " ", value).strip()


def _issuer(letterhead: re.Match[str]) -> str:
    """ỦY BAN NHÂN DÂN / TỈNH HÀ NAM → Ủy ban nhân dân tỉnh Hà Nam."""
    return _one_line(f"{letterhead['body'].capitalize()} {letterhead['unit'].lower()} {letterhead['name'].title()}")
