"""The time that a question asks about, in the asker's own words: "hồi 2021 quy định ra sao", "tính đến tháng 6/2023 còn hiệu lực không".

A time is read only where one is named. A goal ("đến năm 2020"), the date of a decree and the years of a life are none.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from index.model import Moment
from knowledge.text import marked_words, words

DATA = Path(__file__).parent / "data"
_OTHER_WORDS = frozenset({"hỏi", "hội", "hơi", "hói", "thôi", "thổi", "thối"})
"""Fold to words of a frame ("hồi", "thời") and mean something else."""


@dataclass(frozen=True, slots=True)
class Named:
    """A time as a question names it. `start`, `end`: half-open, in words of `knowledge.text.words`, with the frame around it."""

    moment: Moment
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Moments:
    """The patterns of data/moments.yml, compiled."""

    written: tuple[re.Pattern[str], ...]
    relative: tuple[tuple[re.Pattern[str], int], ...]
    not_after: re.Pattern[str]
    frames: re.Pattern[str]
    valid: re.Pattern[str]
    rules: re.Pattern[str]
    papers: re.Pattern[str]
    counts: re.Pattern[str]
    generic: frozenset[str]

    @classmethod
    def load(cls, path: Path = DATA / "moments.yml") -> Moments:
        """From the data file."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))

        def either(patterns: Sequence[str]) -> re.Pattern[str]:
            return re.compile("|".join(patterns))

        return cls(
            written=tuple(map(re.compile, table["written"])),
            relative=tuple((re.compile(pattern), back) for pattern, back in table["relative"]),
            not_after=either(table["not_after"]),
            frames=either(table["frames"]),
            valid=either(table["valid"]),
            rules=either(table["rules"]),
            papers=either(table["papers"]),
            counts=either(table["counts"]),
            generic=frozenset(table["generic"]),
        )

    def named(self, text: str, on: date) -> Named | None:
        """The one time that a question put on that day asks about; None where it names none, or several."""
        line = " ".join("*" if word in _OTHER_WORDS else plain for plain, word in zip(words(text), marked_words(text), strict=True))
        if not (match := self._written(line)):
            return self._ago(line, on)
        left, before = f"{line[: match.start()]} {line[match.end() :]}", line[: match.start()]
        days = _days(match)
        if days is None or self.not_after.search(before) or self._written(left):
            return None
        return self._of(line, match, days)

    def _ago(self, line: str, on: date) -> Named | None:
        found = ((pattern.search(line), back) for pattern, back in self.relative)
        match, back = next(((match, back) for match, back in found if match), (None, 0))
        return self._of(line, match, (date(on.year - back, 1, 1), date(on.year - back, 12, 31))) if match else None

    def _of(self, line: str, match: re.Match[str], days: tuple[date, date]) -> Named:
        """The time that stands there, and whether the question asks what held then."""
        frame = self.frames.search(line[: match.start()])
        counted, over = self.counts.search(line), match.groupdict().get("last")
        of_paper = self.papers.search(line) and not self.valid.search(line)
        holding = bool(frame or self.rules.search(line) or self.valid.search(line)) and not (counted or over or of_paper)
        start = frame.start() if frame else match.start()
        first = line.count(" ", 0, start)
        return Named(Moment(*days, holding=holding, framed=bool(frame)), first, first + line[start : match.end()].strip().count(" ") + 1)

    def _written(self, line: str) -> re.Match[str] | None:
        return next((match for pattern in self.written if (match := pattern.search(line))), None)


def _days(match: re.Match[str]) -> tuple[date, date] | None:
    """First and last day; None for a day that no calendar has."""
    said = match.groupdict()
    year, month, day = int(said["year"]), int(said.get("month") or 0), int(said.get("day") or 0)
    try:
        if day:
            return date(year, month, day), date(year, month, day)
        if month:
            return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    except ValueError:  # calendar.IllegalMonthError is one
        return None
    last = int(said.get("last") or year)
    return (date(year, 1, 1), date(last, 12, 31)) if year <= last else None
