"""What a question demands that its answer must hold: rules of data/demands.yml, the years and the places that it names.

A passage that shares the topic but not the thing asked for (no sum of money, another year, another commune) is no answer. Patterns that
look at a question are tried on one short line; what they demand is looked up in passages only where they matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from index.analysis import has_quantity, years_in
from index.model import Hit, Moment, Query
from knowledge.text import fold, folded_line, nfc
from knowledge.validity import may_hold

DATA = Path(__file__).parent / "data"
_TOKEN = re.compile(r"[^\W_]+|%")
_DOUBLED = re.compile(r"([aeiy])\1+|(?<=[aeiouy])([nghctmp])\2+")
"""Slips of the finger. Not "uu" (hưu, cứu) and "oo" (xoong): they are spelling."""
_SHORTHAND = re.compile(r"<([a-z]+)>")
_FIGURE = re.compile(r"\d")
_KEPT = 4096
"""Passages that are kept folded."""
_NO_YEAR_OF_FIGURES = re.compile(
    r"(?:nhiệm kỳ|khóa)\s+20\d\d\s*[-–]\s*20\d\d|\d{1,2}\s*/\s*\d{1,2}\s*/\s*20\d\d|\d+/20\d\d/", re.IGNORECASE
)
"""Terms of office, dates, document numbers: they say when somebody was elected or something signed, not when a figure holds."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One rule: a question that `asks`, and not `unless`, is answered by a passage that `holds`."""

    name: str
    asks: re.Pattern[str]
    unless: re.Pattern[str] | None
    holds: re.Pattern[str]
    counts: bool
    """Only where something is counted: not where "mấy" means several."""

    def of(self, line: str) -> bool:
        """Whether the question of that line makes the demand."""
        return bool(self.asks.search(line)) and not (self.unless and self.unless.search(line))


@dataclass(frozen=True)
class Demands:
    """The rules of data/demands.yml, compiled. Holds tables only; safe to share between threads."""

    rules: tuple[Demand, ...]
    things: re.Pattern[str]
    """Every thing that must be named, one group each."""
    named: tuple[re.Pattern[str], ...]
    """What names the thing of a group in a passage."""
    local: tuple[re.Pattern[str], ...]
    """A commune, ward or district by name (group `name`) in a question as it is written."""
    of_place: re.Pattern[str]
    """Asks for what only a passage about that place answers."""
    resident: re.Pattern[str]
    """Stands before a place where the writer only lives."""
    own_years: re.Pattern[str]
    """Finds the years of the writer's own life, in any of its groups."""
    of_paper: re.Pattern[str]
    """Asks about a decision or another paper."""
    several: re.Pattern[str]
    """Counts nothing, though it says "mấy"."""

    @classmethod
    def load(cls, path: Path = DATA / "demands.yml") -> Demands:
        """From the data file."""
        table: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        short: Mapping[str, str] = table["shorthand"]

        def compiled(patterns: Sequence[str]) -> re.Pattern[str]:
            # Twice: a shorthand may lean on another.
            return re.compile("|".join(_written(_written(pattern, short), short) for pattern in patterns))

        things = [thing.partition("=") for thing in table["named"]]
        return cls(
            rules=tuple(
                Demand(
                    row["name"],
                    compiled(row["asks"]),
                    compiled(row["unless"]) if "unless" in row else None,
                    compiled(row["holds"]),
                    row.get("counts", False),
                )
                for row in table["rules"]
            ),
            things=re.compile(rf"\b(?:{'|'.join(f'({asked})' for asked, _, _ in things)})\b"),
            named=tuple(re.compile(rf"\b(?:{'|'.join(filter(None, (asked, also)))})\b") for asked, _, also in things),
            local=tuple(map(re.compile, table["local"])),
            of_place=compiled(table["of_place"]),
            resident=re.compile(table["resident"]),
            own_years=compiled(table["own_years"]),
            of_paper=re.compile(table["of_paper"]),
            several=compiled(table["several"]),
        )

    def of(self, query: Query) -> tuple[re.Pattern[str], ...]:
        """What the answer to this question must hold, as patterns over a passage with its headings."""
        line = asked_line(query.written_out)
        several = bool(self.several.search(line))
        rules = (rule.holds for rule in self.rules if not (rule.counts and several) and rule.of(line))
        things = {match.lastindex for match in self.things.finditer(line) if match.lastindex}
        return (*rules, *(self.named[group - 1] for group in sorted(things)), *self._places(query, line))

    def met(self, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        """The hits that hold everything demanded; all of them when nothing is. "Bao nhiêu" demands a quantity (or a list of headings)."""
        demanded, line = self.of(query), asked_line(query.written_out)
        if query.asked == "how_many" and not self.several.search(line):
            hits = [hit for hit in hits if _is_listed(query, hit) or has_quantity(hit.passage.text)]
        if years := self.years(query):
            figures = query.asked == "how_many" and not self.of_paper.search(line)
            hits = [hit for hit in hits if is_of_years(years, hit, figures=figures)]
        if (moment := query.moment) and moment.holding:
            hits = [hit for hit in hits if held_then(moment, hit)]
        return [hit for hit in hits if holds_all(demanded, hit)] if demanded else list(hits)

    def years(self, query: Query) -> frozenset[int]:
        """The years asked about: those named, but for the writer's own ("sinh năm 1950")."""
        if not query.years:
            return frozenset()
        found = self.own_years.finditer(asked_line(query.written_out))
        return frozenset(query.years) - {int(year) for match in found for year in match.groups() if year}

    def _places(self, query: Query, line: str) -> Iterator[re.Pattern[str]]:
        if not self.of_place.search(line):
            return
        text, provinces = nfc(query.text), {fold(province) for province in query.provinces}
        for match in (found for pattern in self.local for found in pattern.finditer(text)):
            name = fold(match["name"])
            if name not in provinces and not self.resident.search(fold(text[: match.start()])):
                yield re.compile(rf"\b{re.escape(name)}\b")


def asked_line(text: str) -> str:
    """A question as the rules look at it: folded words and % signs, single spaces, a letter typed twice by a slip once ("mấyy ngày")."""
    return _DOUBLED.sub(lambda run: run[0][0], " ".join(_TOKEN.findall(fold(nfc(text)))))


def holds_all(demanded: Sequence[re.Pattern[str]], hit: Hit) -> bool:
    """Whether the passage with its headings and lead holds every pattern. Figures in headings only number them: they are left out."""
    text = _folded(hit.passage.path, hit.passage.lead, hit.passage.text)
    return all(holds.search(text) for holds in demanded)


@lru_cache(maxsize=_KEPT)
def _folded(path: tuple[str, ...], lead: str | None, text: str) -> str:
    headings = _FIGURE.sub(" ", " ".join(path))
    return " ".join(fold(" ".join([headings, lead or "", text])).split())


def is_of_years(years: frozenset[int], hit: Hit, *, figures: bool) -> bool:
    """Whether the passage or its headings speak of a year asked for; where they name none, whether it lies in the document's time.

    `figures`: a figure is asked for, so that dates and terms of office do not count as years spoken of.
    """
    passage, told = hit.passage, hit.document.metadata
    text = " ".join([*passage.path, passage.lead or "", passage.text])
    if said := years_in(_NO_YEAR_OF_FIGURES.sub(" ", text) if figures else text):
        return not said.isdisjoint(years)
    known = [day.year for day in (told.valid_from, told.valid_to, told.outlook_to, told.issued_on) if day]
    return not known or any(min(known) <= year <= max(known) for year in years)


def held_then(moment: Moment, hit: Hit) -> bool:
    """Whether the document can have been in force then, or the passage speaks of that year by name."""
    if may_hold(hit.document.metadata, moment.first, moment.last):
        return True
    text = " ".join([*hit.passage.path, hit.passage.lead or "", hit.passage.text])
    return moment.last.year in years_in(_NO_YEAR_OF_FIGURES.sub(" ", text))


def _is_listed(query: Query, hit: Hit) -> bool:
    """A heading that names what is counted ("mấy dự án": "Dự án 1: …") answers with the list it is part of."""
    return hit.passage.role == "heading" and bool(query.counted) and f" {query.counted[0]} " in folded_line(hit.passage.text)


def _written(pattern: str, short: Mapping[str, str]) -> str:
    return _SHORTHAND.sub(lambda match: short[match[1]], pattern)
