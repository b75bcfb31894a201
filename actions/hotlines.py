"""Which number to call when nobody is in danger: rows of the directory, by what the question is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from actions.model import ShownHotline
from actions.texts import Texts
from knowledge.directory import Directory
from knowledge.model import Hotline
from knowledge.text import folded_line, marked_words

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class HotlineDesk:
    """Finds the rows and words the answer. Tables only; safe to share."""

    directory: Directory
    texts: Texts
    topics: tuple[tuple[re.Pattern[str], tuple[str, ...], tuple[str, ...]], ...]
    """Pattern over folded text → purposes of the directory, and numbers that come first."""
    names: tuple[tuple[re.Pattern[str], str], ...]
    """Pattern over folded text → the number of a line known by its name."""
    bodies: re.Pattern[str]
    office: str
    number: str
    """Words with their marks, which fold alike."""

    @classmethod
    def load(cls, directory: Directory, texts: Texts, path: Path = DATA / "hotline_topics.yml") -> HotlineDesk:
        """With the table of topics."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        topics = tuple((re.compile(row["words"]), tuple(row.get("purposes", ())), tuple(row.get("first", ()))) for row in table["topics"])
        names = tuple((re.compile(row["words"]), str(row["phone"])) for row in table["names"])
        return cls(directory, texts, topics, names, re.compile(table["bodies"]), table["office"], table["number"])

    def called(self, text: str, area: str | None) -> Hotline | None:
        """The row of a line that the question calls by its own name, unless it is for people of another area than the one named."""
        line = folded_line(text)
        rows = (self.directory.by_phone(phone) for words, phone in self.names if words.search(line))
        return next((row for row in rows if row and (area is None or self.directory.fits(row, area))), None)

    def rows_for(self, text: str, area: str | None, at: datetime) -> tuple[Hotline, ...]:
        """Rows for what the question is about, those to call first in front; empty when the directory knows none."""
        line = folded_line(text)
        found: list[Hotline] = []
        for words, purposes, first in self.topics:
            if words.search(line):
                found += [row for phone in first if (row := self.directory.by_phone(phone))]
                found += self.directory.for_purpose(purposes, area, at) if purposes else ()
        return tuple(dict.fromkeys(found))

    def names_office(self, text: str) -> bool:
        """Whether an office is asked for and no number ("báo cáo cho sở nào"): without marks the two words are one."""
        typed = set(marked_words(text))
        return self.office in typed and self.number not in typed

    def asks_for_body(self, text: str) -> bool:
        """Whether the number of an office is asked for, which the directory does not hold."""
        return bool(self.bodies.search(folded_line(text)))

    def shown(self, rows: Iterable[Hotline], at: datetime) -> tuple[ShownHotline, ...]:
        """The rows as they are shown at that moment."""
        return tuple(ShownHotline(row.name, row.phone, row.hours, self.directory.is_open(row, at), row.source) for row in rows)

    def lines(self, hotlines: Iterable[ShownHotline]) -> str:
        """One line a number, with its hours."""
        return "\n".join(self.line(hotline) for hotline in hotlines)

    def line(self, hotline: ShownHotline) -> str:
        """ "• Tên: số (giờ, đang mở)"."""
        return self.texts("answer.phone_line", name=hotline.name, phone=hotline.phone, hours=hotline.hours, state=self.state(hotline))

    def state(self, hotline: ShownHotline) -> str:
        """Whether it is open now, to be read after the hours; nothing for a line that always is, or whose hours are not known."""
        if hotline.open_now is None or hotline.hours == "24/7":
            return ""
        return self.texts("answer.phone_open" if hotline.open_now else "answer.phone_closed")

    def child_line(self) -> Hotline:
        """111: who may know, when the documents do not."""
        row = self.directory.by_phone("111")
        assert row is not None  # noqa: S101 - the directory's own test holds it there
        return row
