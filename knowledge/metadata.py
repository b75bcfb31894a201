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

from knowledge.blocks import blocks, is_marked
from knowledge.furniture import Extent, extent
from knowledge.model import Fact, Metadata, Relation, Span
from knowledge.places import Gazetteer
from knowledge.tables import DATA
from knowledge.text import fold

_LETTERHEAD_LINES = 5
_TITLE_GOES_ON = re.compile(r"[ \t*]*\n[ \t*]*(?P<words>(?!Căn cứ\b|Thực hiện\b|Xét\b|Theo\b)[^\W_\d*\n][^\n]*?)[ \t*]*(?=\n|\Z)")
"""The next line, with no blank one between, unless it begins the legal basis."""
_BELOW_PROVINCE = re.compile(r"\b(?:huyện|quận|thị xã|xã|phường|thị trấn|đặc khu)\b")


@dataclass(frozen=True, slots=True)
class _Table:
    """data/metadata.yml, its patterns compiled."""

    patterns: Mapping[str, re.Pattern[str]]
    warnings: Mapping[str, str]
    secondary_kind: str
    kinds: Mapping[str, str]
    """By folded name."""
    bodies: Mapping[str, str]
    """By folded letters."""
    national: tuple[str, ...]
    spelled_out: Mapping[str, str]


@cache
def _table() -> _Table:
    with (DATA / "metadata.yml").open(encoding="utf-8") as handle:
        table = yaml.safe_load(handle)
    patterns = {name: re.compile(pattern, re.MULTILINE) for name, pattern in table["patterns"].items()}
    return _Table(
        patterns,
        table["warnings"],
        table["secondary_kind"],
        {fold(kind): kind for kind in table["kinds"]},
        {_letters(body): body for body in table["bodies"]},
        tuple(table["national"]),
        table["spelled_out"],
    )


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
    kind = _kind(reading, frame.front)
    number = reading.find("number", "number", 0, frame.front, tidy=_unspaced) or reading.find("number", "listed_number")
    issued_on = _issued_on(reading, frame.front)
    issuer = _issuer(reading, frame.front) or reading.find("issuer", "issuing", 0, frame.start)
    title, named = _title(reading, frame.front, frame.start)
    signer = _signer(reading, frame.closing) or reading.find("signer", "listed_signer")
    started, ended, outlook = _own_period(reading, frame, named)
    based_on = tuple(_based_on(reading, named, frame.start)) or tuple(_based_on(reading, frame.front, named))
    province = _province(reading, issuer, frame.front, frame.start, gazetteer)
    relations = tuple(_relations(reading, named))
    reading.warn_missing(number=number, issued_on=issued_on, issuer=issuer, title=title, signer=signer, period=started, based_on=based_on)
    if issuer and not issuer.startswith(_table().national):
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
        relations=relations,
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


def _kind(reading: _Reading, front: int) -> str | None:
    """The last line of the front, which names the kind of document; recognised letters may carry wrong marks."""
    front = len(reading.text[:front].rstrip(" \t\xa0\n*#"))
    start = reading.text.rfind("\n", 0, front) + 1
    line = reading.text[start:front]
    at = next((at for at, char in enumerate(line) if char.isalpha()), 0)
    words = line[at:].rstrip(" \t\xa0*#\n")
    kind = _table().kinds.get(" ".join(fold(words).split()))
    if kind:
        reading.facts.append(("kind", Fact(kind, Span(start + at, start + at + len(words)))))
    return kind


def _title(reading: _Reading, start: int, end: int) -> tuple[str | None, int]:
    """The paragraph under the kind of document, all its lines, and where it ends."""
    block = next(blocks(reading.text, start, end), None)
    if block is None:
        return None, start
    stop = block.end
    while (line := _TITLE_GOES_ON.match(reading.text, stop, end)) and not is_marked(line["words"]):
        if line["words"].isupper() and not reading.text[block.start : stop].isupper():
            break  # "HỘI ĐỒNG NHÂN DÂN TỈNH …", who decides
        stop = line.end("words")
    span = Span(block.start, stop)
    value = _one_line(span.of(reading.text))
    reading.facts.append(("title", Fact(value, span)))
    return value, stop


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


def _own_period(reading: _Reading, frame: Extent, named: int) -> tuple[date | None, date | None, date | None]:
    """The document's own period: in its title, else where it is issued, else where it says for how long it is.

    The period of a programme that its legal basis names is not its own.
    """
    title = _period(reading, "period", frame.front, named, last=True)
    if title[0] or (title := _period(reading, "year", frame.front, named))[0]:
        return title
    if _table().patterns["period"].search(reading.text, frame.front, named):
        return None, None, None  # it runs backwards: nothing else is looked for
    for where, start, end in (("issued_for", named, frame.start), ("time", frame.start, frame.end)):
        for clause in _table().patterns[where].finditer(reading.text, start, end):
            for how in ("dates", "period"):
                found = _period(reading, how, clause.start(), clause.end())
                if found[0]:
                    return found
    return None, None, None


def _period(reading: _Reading, pattern: str, start: int, end: int, *, last: bool = False) -> tuple[date | None, date | None, date | None]:
    """First day, last day, and how far the outlook reaches. `last`: the last one named, as a title names its own after a programme's."""
    every = list(_table().patterns[pattern].finditer(reading.text, start, end))
    if not every:
        return None, None, None
    found = every[-1] if last else every[0]
    first, final = _day(found["first"], 1, 1), _day(found["last"], 12, 31)
    if first is None or final is None or final < first:
        return None, None, None
    forward = pattern in ("period", "dates")
    outlook = _table().patterns["outlook"].search(reading.text, found.end(), min(end, found.end() + 60)) if forward else None
    value = f"{first.year}–{final.year}" if found["first"].isdigit() else f"{first:%d/%m/%Y}–{final:%d/%m/%Y}"
    reading.facts.append(("period", Fact(value, Span(found.start("value"), outlook.end() if outlook else found.end("value")))))
    return first, final, date(int(outlook["year"]), 12, 31) if outlook else None


def _day(said: str, month: int, day: int) -> date | None:
    """A year's given day, or a whole date; None when there is no such day."""
    parts = [int(part) for part in re.findall(r"\d+", said)]
    try:
        return date(parts[0], month, day) if len(parts) == 1 else date(parts[2], parts[1], parts[0])
    except ValueError:
        return None


def _based_on(reading: _Reading, start: int, end: int) -> Iterator[str]:
    patterns = _table().patterns
    clauses = [found for name in ("basis", "other_basis") for found in patterns[name].finditer(reading.text, start, end)]
    seen: set[str] = set()
    for clause in sorted(clauses, key=lambda clause: (clause.start("value"), clause.re is patterns["other_basis"])):
        number = _unspaced(clause)
        if number not in seen:
            seen.add(number)
            reading.facts.append(("based_on", Fact(number, Span(*clause.span("clause")))))
            yield number


def _relations(reading: _Reading, start: int) -> Iterator[Relation]:
    """What the document says that it replaces."""
    for found in _table().patterns["replaces"].finditer(reading.text, start):
        number = re.sub(r"\s+", "", found["number"])
        reading.facts.append(("relations", Fact(number, Span(*found.span("value")))))
        yield Relation("replaces", number, None, _one_line(found["value"]))


def _province(reading: _Reading, issuer: str | None, front: int, start: int, gazetteer: Gazetteer) -> str | None:
    """The province that the issuer names; a district's or commune's is the one province that its legal basis names."""
    if not issuer or issuer.startswith(_table().national):
        return None
    if not _BELOW_PROVINCE.search(issuer):
        return next((m.province for m in gazetteer.mentions(issuer)), None)
    bodies = _table().patterns["upper_body"].finditer(reading.text, front, start)
    named = {next((m.province for m in gazetteer.mentions(found.group())), None) for found in bodies} - {None}
    return named.pop() if len(named) == 1 else None


def _signer(reading: _Reading, closing: int) -> str | None:
    """The name under the office of who signed, the last such office that has one."""
    patterns, text = _table().patterns, reading.text
    for office in patterns["office"].finditer(text, closing):
        at = office.end() + 1
        while at < len(text):
            end = text.find("\n", at) if "\n" in text[at:] else len(text)
            line = text[at:end]
            if patterns["office"].match(line):
                break
            name = patterns["name"].fullmatch(line)
            if name and _is_name(name["value"]):
                span = Span(at + name.start("value"), at + name.end("value"))
                value = name["value"].title() if name["value"].isupper() else name["value"]
                reading.facts.append(("signer", Fact(value, span)))
                return value
            # Between office and name: "Đã ký", and recipients that a scan's lines run into.
            if any(char.isalpha() for char in line) and not patterns["between"].fullmatch(line):
                break
            at = end + 1
    return None


def _is_name(words: str) -> bool:
    return words.istitle() or words.isupper()


def _issuer(reading: _Reading, front: int) -> str | None:
    """ỦY BAN NHÂN DÂN / TỈNH HÀ NAM → Ủy ban nhân dân tỉnh Hà Nam; UBND TỈNH … / SỞ Y TẾ → Sở Y tế tỉnh …."""
    patterns = _table().patterns
    for beginning in patterns["letterhead"].finditer(reading.text, 0, front):
        lines = list(_capital_lines(reading.text, beginning.end(), front))
        for count in range(len(lines), 0, -1):
            span = Span(lines[0].start, lines[count - 1].end)
            words = _one_line(span.of(reading.text))
            found = next((m for name in ("department", "assembly", "ministry") if (m := patterns[name].fullmatch(words))), None)
            if found:
                value = _written(found)
                reading.facts.append(("issuer", Fact(value, span)))
                return value
    return None


def _capital_lines(text: str, at: int, stop: int) -> Iterator[Span]:
    """Lines in capitals from `at` on; a blank line ends them unless the first names a body without its place."""
    count = 0
    while at < stop and count < _LETTERHEAD_LINES:
        end = text.find("\n", at, stop)
        end = stop if end < 0 else end
        line = text[at:end].strip(" \t\xa0*")
        if line and (not line.isupper() or _table().patterns["motto"].match(line)):
            return
        if line:
            start = text.index(line, at)
            yield Span(start, start + len(line))
            count += 1
        elif count and count != 1:
            return
        at = end + 1


def _written(found: re.Match[str]) -> str:
    """A body's name as it is written in a sentence."""
    parts, table = found.groupdict(), _table()
    body = table.spelled_out.get(parts["body"]) or table.bodies.get(_letters(parts["body"])) or parts["body"].capitalize()
    if "unit" not in parts:
        return body
    unit = table.spelled_out.get(parts["unit"], parts["unit"].lower())
    return _one_line(f"{body} {unit} {parts['name'].title()}")


def _letters(words: str) -> str:
    return "".join(char for char in fold(words) if char.isalnum())


def _one_line(value: str) -> str:
    return re.sub(r"[\s*]+", " ", value).strip()


def _unspaced(found: re.Match[str]) -> str:
    return re.sub(r"\s+", "", found["value"])
