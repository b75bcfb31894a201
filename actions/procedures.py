"""A procedure that is asked for ("làm hồ sơ … cần giấy tờ gì?"), told in the words of its card in the directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from actions.model import Answer, Context, ShownHotline
from knowledge.directory import NATIONWIDE, Directory
from knowledge.model import Procedure
from knowledge.text import folded_line

DATA = Path(__file__).parent / "data" / "procedures.yml"


@dataclass(frozen=True)
class ProcedureDesk:
    """Finds the card and words the answer. Tables only; safe to share."""

    directory: Directory
    asks: re.Pattern[str]
    texts: Mapping[str, str]
    lines: Mapping[str, str]
    """What is said of each field that is filled in, in order."""

    @classmethod
    def load(cls, directory: Directory, path: Path = DATA) -> ProcedureDesk:
        """With the words of data/procedures.yml."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        return cls(directory, re.compile(table["asks"]), table, table["lines"])

    def card(self, text: str, area: str | None) -> Procedure | None:
        """The card that the question names by its own words, the longest first; of `area` before the whole country.

        Without an area a card of one province is given where it is the only one (it says for where it is). None: no procedure is asked for,
        or there is no card.
        """
        line = folded_line(text)
        if not self.asks.search(line):
            return None
        named = {row: len(words) for row in self.directory.procedures if (words := _named(row, line))}
        fitting = [row for row in named if self.directory.fits(row, area)] or ([*named] if area is None and len(named) == 1 else [])
        return max(fitting, key=lambda row: (named[row], row.province != NATIONWIDE), default=None)

    def told(self, card: Procedure, context: Context) -> Answer:
        """The card, with the number where one can ask on; before the guard."""
        said = [self.texts["head"].format(name=card.name, province=card.province)]
        said += [line.format(value=_one_line(value)) for name, line in self.lines.items() if (value := getattr(card, name))]
        said.append(self.texts["ask_hours" if card.hours else "ask"].format(phone=card.phone, hours=card.hours))
        said.append(self.texts["source"].format(source=card.source))
        line = ShownHotline(self.texts["line_name"].format(name=card.name), card.phone, card.hours, None, card.source)
        return Answer("answer", "\n".join(said), (), (line,), context=context)

    def standing(self, card: Procedure) -> tuple[str, ...]:
        """All that the card says, which its answer may draw on."""
        return (card.name, card.province, card.phone, card.hours, card.source, *(_one_line(getattr(card, name)) for name in self.lines))


def _named(card: Procedure, line: str) -> str:
    """The longest of the words that people call it which stands in the line; empty where none does."""
    return max((found for words in (card.name, *card.words) if (found := folded_line(words)) in line), key=len, default="")


def _one_line(value: str) -> str:
    return "; ".join(part.strip(" ;") for part in value.split("\n") if part.strip())
