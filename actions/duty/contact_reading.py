"""What a person says of where they are, how they may be reached and whether they agree to be named. Patterns: data/contact.yml.

Nothing is guessed: what is not said, or said both ways, is None; a commune and a way to be reached are the person's own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from knowledge.errors import KnowledgeError
from knowledge.places import Gazetteer, Mention
from knowledge.text import fold, marked_words, sentences

DATA = Path(__file__).parents[1] / "data" / "contact.yml"
PHONE = re.compile(r"(?<![\d.])(?:\+?84[\s.-]?|0)(?:[35789](?:[\s.-]?\d){8}|2(?:[\s.-]?\d){9})(?!\d)")
"""A Vietnamese number: mobile of ten digits, fixed line of eleven (Thông tư 22/2014/TT-BTTTT as amended), with 0 or +84 before."""
_MOST = 200
"""Characters of a way to be reached; of a longer message the sentences about it are kept."""


def tables(path: Path = DATA) -> Mapping[str, Any]:
    """The data of the talk. Raises KnowledgeError where it cannot be read."""
    try:
        read: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error
    return read


@dataclass(frozen=True)
class ContactReader:
    """Reads messages of a case. Pure."""

    gazetteer: Gazetteer
    table: Mapping[str, Any]

    def line(self, text: str) -> str:
        """Folded words between blanks, short forms written out; those whose marks make them other words keep them."""
        marked, short = frozenset(self.table["marked"]), self.table["short"]
        said = (short.get(word, word if word in marked else short.get(fold(word), fold(word))) for word in marked_words(text))
        return f" {' '.join(said)} "

    def fits(self, name: str, text: str) -> bool:
        """Whether one of the patterns of that name in the data is in the text."""
        found = self.table[name]
        return any(re.search(pattern, self.line(text)) for pattern in ([found] if isinstance(found, str) else found))

    def asks(self, text: str) -> bool:
        """Whether something is asked."""
        return ("?" in text and len(marked_words(text)) > 1) or self.fits("asks", text)

    # Where

    def province(self, text: str, *, asked: bool = False) -> str | None:
        """The province that the person is in, by its name before the merger of 2025; None where several may be meant.

        A town may also be somebody's name: it counts where it is said to live there, or `asked` for.
        """
        words = self.line(text).split()
        named = [mention for mention in self.gazetteer.typed(text) if not self._before(words, mention, "not_own")]
        own = {mention.province for mention in named if self._before(words, mention, "own")}
        every = own or {mention.province for mention in named if asked or not mention.by_locality}
        return every.pop() if len(every) == 1 else None

    def _before(self, words: list[str], mention: Mention, which: str) -> bool:
        before = f" {' '.join(words[max(0, mention.start - 5) : mention.start])} "
        return re.search(self.table["province"][which], before) is not None

    def commune(self, text: str, *, asked: bool = False) -> str | None:
        """The commune with its rank, as typed ("xã Khánh An"); `asked`: it was asked for, so that words in small
        letters without "ở" before them are one, too."""
        table = self.table["commune"]
        for match in re.finditer(table["rank"], text):
            before = self.line(text[: match.start()])
            bare = (match["rank"] or "").lower() in table["unmarked"] or match["name"][0].islower()
            placed = asked or re.search(table["before_unmarked"], before) or (not before.strip() and not self.asks(text))
            if re.search(table["not_before"], before) or (bare and not placed):
                continue
            if name := self._name(match["name"]):
                return text[match.start() : match.start("name") + len(name)]
        return None

    def _name(self, following: str) -> str:
        """The beginning of what follows a rank that is a name: words with capitals, a number, or the few words up to what ends a name."""
        table = self.table["commune"]
        typed = list(re.finditer(r"[^\W_]+", following))
        if not typed or typed[0].group() in {*table["not_first"], *table["ends"]}:
            return ""
        provinces = {mention.start for mention in self.gazetteer.typed(following) if not mention.by_locality}
        capital = typed[0].group()[0].isupper()
        name = [typed[0]]
        for index, word in enumerate(typed[1:], 1):
            said = word.group()
            if name[0].group().isdigit() or index in provinces or said in table["ends"] or (capital and not said[0].isupper()):
                break
            name.append(word)
        return following[: name[-1].end()] if len(name) <= table["most_words"] else ""

    # How

    def safe_contact(self, text: str, *, asked: bool = False) -> str | None:
        """How the person may be reached, in their words; `asked`: the message answers that question."""
        line = self.line(text)
        number = PHONE.search(text)
        given = number and self.fits("reach", text) and not self.fits("reach_not", text)
        if not (given or (asked and (number or re.search(self.table["ways"], line)))):
            return None
        if len(text) <= _MOST:
            return text
        about = (text[start:end] for start, end in sentences(text))
        kept = next((said for said in about if PHONE.search(said) or re.search(self.table["ways"], self.line(said))), "")
        return kept if 0 < len(kept) <= _MOST else (number.group() if number else None)

    # Whether

    def consent(self, text: str) -> bool | None:
        """The answer to the question of consent: yes, no, or None where it is neither, both, unsure or not only that."""
        table = self.table["consent"]
        line = self.line(text)
        if re.search(table["unsure"], line):
            return None
        plain = re.sub(table["harmless"], " ", line)
        beside = re.sub(table["yes"], " ", re.sub(table["no"], " ", plain)).split()
        if not set(beside) <= set(table["beside"]) and not re.search(table["clear"], plain):
            return None
        no, yes = (re.search(table[name], plain) for name in ("no", "yes"))
        if no and yes and yes.start() < no.start() and not set(plain[: no.start()].split()) <= set(table["polite"]):
            return None  # "được, đừng ghi số": yes to one, no to the other
        return False if no else True if yes else None
