"""Reading a question by rules: province, document number, years, the kind of thing asked, the office's words for the people's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast

import yaml

from index.lexicon import Lexicon
from index.model import Asked, Paraphrase, Query
from index.moments import Moments, Named
from index.slips import Slips
from index.spoken_numbers import written_as_figures
from knowledge.places import Gazetteer
from knowledge.text import fold, folded_line, marked_words, nfc, words

DATA = Path(__file__).parent / "data"
_SHORT = 9
"""Words: a question this short that asks for a date or a signer can only mean the document."""
_TELLING = 2
"""Content words that must be left when the designation of the document is taken out."""
_OF_A_LAW = re.compile(r"(?<![\d/])(?:1[3-9]|[2-9]\d|\d{3,})/(?:19|20)\d\d")
""" "94/2010" is a decree, "3/2018" a month."""
_ON_THE_FRONT = frozenset({"issued_on", "number", "signer", "issuer"})
"""Fields that are asked for in one breath; the others share their words with one another."""
_BARE = 5
"""Words: "căn cứ vào đâu vậy?"."""


@dataclass(frozen=True)
class QuestionRules:
    """The patterns of data/questions.yml, compiled."""

    asked: tuple[tuple[Asked, tuple[re.Pattern[str], ...]], ...]
    fact: tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]
    fact_within: Mapping[str, re.Pattern[str]]
    """Words by which it is asked of something within the document."""
    about_document: frozenset[str]
    document_words: re.Pattern[str]
    counted: re.Pattern[str]
    duties: re.Pattern[str]
    body: re.Pattern[str]
    designation: re.Pattern[str]
    phone: tuple[re.Pattern[str], ...]
    not_phone: re.Pattern[str]
    number: re.Pattern[str]
    bare_number: re.Pattern[str]
    year: re.Pattern[str]

    @classmethod
    def load(cls, path: Path = DATA / "questions.yml") -> QuestionRules:
        """From the data file."""
        table: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))

        def compiled(patterns: Sequence[str]) -> tuple[re.Pattern[str], ...]:
            return tuple(re.compile(pattern) for pattern in patterns)

        return cls(
            asked=tuple((cast(Asked, kind), compiled(patterns)) for kind, patterns in table["asked"].items()),
            fact=tuple((name, compiled(patterns)) for name, patterns in table["fact"].items()),
            fact_within={name: re.compile(pattern) for name, pattern in table["fact_within"].items()},
            about_document=frozenset(table["about_document"]),
            document_words=re.compile(table["document_words"]),
            counted=re.compile(table["counted"]),
            duties=re.compile(table["duties"]),
            body=re.compile(table["body"]),
            designation=re.compile(table["designation"]),
            phone=compiled(table["phone"]),
            not_phone=re.compile(table["not_phone"]),
            number=re.compile(table["number"]),
            bare_number=re.compile(table["bare_number"]),
            year=re.compile(table["year"]),
        )


@dataclass(frozen=True)
class Understanding:
    """Turns text into a Query. Holds tables only; safe to share between threads."""

    lexicon: Lexicon
    gazetteer: Gazetteer
    rules: QuestionRules
    slips: Slips
    moments: Moments

    @classmethod
    def load(cls, gazetteer: Gazetteer) -> Understanding:
        """With the tables of index/data."""
        return cls(Lexicon.load(), gazetteer, QuestionRules.load(), Slips.load(), Moments.load())

    def written_out(self, text: str) -> str:
        """What was typed, in NFC, with teencode and abbreviations written out and what can be no word as it was meant."""
        once = self.lexicon.normalise(text)
        mended = self.slips.mended(once)
        return once if mended == once else self.lexicon.normalise(mended)

    def forget(self) -> None:
        """Reads anew what it has read before, once staff have changed the lexicon or the provinces."""
        self.__dict__.pop("_remembered", None)

    def read(self, text: str, as_of: date, *, of_figures: bool = False) -> Query:
        """The Query of a question. Never fails; a text without words gives a Query without terms. `of_figures`: a year in it is that of
        a figure, whatever the words around it."""
        return self._remembered(text, as_of, of_figures)

    @cached_property
    def _remembered(self) -> Callable[[str, date, bool], Query]:
        return lru_cache(maxsize=64)(self._read)  # one message is read by several parts

    def _read(self, text: str, as_of: date, of_figures: bool) -> Query:
        typed = nfc(text)
        spoken = written_as_figures(typed)
        written_out = self.written_out(spoken)
        line = folded_line(written_out).strip()
        mentions = self.gazetteer.typed(written_out)
        spelled = words(written_out)
        marked = marked_words(written_out)
        places = {at for m in mentions if not m.by_locality for at in range(m.start, m.end)}
        numbers = self._numbers(spoken)
        content = [at for at in range(len(spelled)) if at not in places and not self.lexicon.is_stopword(marked[at])]
        naming = {word for number in numbers if "/" in number for word in words(number)}
        # "bao" of "bao nhiêu" would be sought as báo, bảo, bão.
        content = [at for at in content if spelled[at] not in naming and spelled[at : at + 2] != ["bao", "nhieu"]]
        named = self.moments.named(written_out, as_of)
        if named:
            named, content = self._asked_of(named, content, spelled, of_figures)
        designating = self._designating(spelled, places)
        telling = [at for at in content if at not in designating]
        kept = telling if len(telling) >= _TELLING else content
        heavy = {spelled[at] for at in kept if not self.lexicon.is_light(marked[at])}
        facts = self._facts(line, len(spelled) - (named.end - named.start if named else 0))
        return Query(
            text=typed,
            written_out=written_out,
            terms=tuple(spelled[at] for at in kept),
            light=frozenset(spelled[at] for at in kept) - heavy,
            paraphrases=tuple(
                Paraphrase(tuple(words(e.colloquial)), e.official)
                for e in self.lexicon.expand(written_out)
                if not naming.issuperset(words(e.colloquial))
            ),
            asked=self._asked(line),
            fact=facts[0] if facts else None,
            provinces=tuple(dict.fromkeys(m.province for m in mentions)),
            numbers=numbers,
            years=() if named and named.moment.holding else self._years(spoken),
            counted=self._counted(line),
            duties=bool(self.rules.duties.search(line)),
            wants_phone=not self.rules.not_phone.search(line) and any(pattern.search(line) for pattern in self.rules.phone),
            as_of=as_of,
            moment=named.moment if named else None,
            also=facts[1:],
        )

    def _asked_of(self, named: Named, content: list[int], spelled: Sequence[str], of_figures: bool) -> tuple[Named, list[int]]:
        """The time, and the positions of the words that say what is asked of it."""
        beside = [at for at in content if not named.start <= at < named.end]
        told = [at for at in beside if spelled[at] not in self.moments.generic]
        if told and named.moment.holding and not of_figures:
            return named, beside
        # A turn that says nothing but a time leans on the one before, which says what the time is of.
        kept = content if told else [at for at in content if at not in beside]
        return replace(named, moment=replace(named.moment, holding=False, alone=not told)), kept

    def _years(self, text: str) -> tuple[int, ...]:
        return tuple(int(y) for y in self.rules.year.findall(_OF_A_LAW.sub(" ", self.rules.number.sub(" ", fold(text)))))

    def _counted(self, line: str) -> tuple[str, ...]:
        found = self.rules.counted.search(line)
        if not found:
            return ()
        return tuple(word for word in found["noun"].split() if not self.lexicon.is_stopword(word))[:2]

    def _designating(self, spelled: Sequence[str], places: set[int]) -> set[int]:
        """Positions of the words that only say which document is meant, or that duties are asked for.

        Places are passed over, so that "kế hoạch Cà Mau này" is one phrase.
        """
        kept = [at for at in range(len(spelled)) if at not in places]
        line = " ".join(spelled[at] for at in kept)
        found: set[int] = set()
        left_out = [self.rules.designation]
        if self.rules.body.search(line):
            left_out.append(self.rules.duties)
        for pattern in left_out:
            for match in pattern.finditer(line):
                first = line.count(" ", 0, match.start())
                found.update(kept[first : first + match.group().count(" ") + 1])
        return found

    def _asked(self, line: str) -> Asked:
        return next((kind for kind, patterns in self.rules.asked if any(p.search(line) for p in patterns)), "what")

    def _facts(self, line: str, length: int) -> tuple[str, ...]:
        """The fields asked for, in the order of the table. Without a word for the document, only where nothing else can be meant."""
        within = self.rules.fact_within
        found = (name for name, patterns in self.rules.fact if any(p.search(line) for p in patterns))
        facts = tuple(name for name in found if not (name in within and within[name].search(line)))
        if self.rules.document_words.search(line):
            return tuple(name for at, name in enumerate(facts) if not at or {name, facts[0]} <= _ON_THE_FRONT)
        return tuple(name for name in facts if length <= (_BARE if name in self.rules.about_document else _SHORT))[:1]

    def _numbers(self, text: str) -> tuple[str, ...]:
        flat = fold(text)
        full = [f"{digits}/{kind}-{body}".upper().rstrip("-") for digits, kind, body in self.rules.number.findall(flat)]
        bare = [digits for digits in self.rules.bare_number.findall(flat) if not any(f.startswith(f"{digits}/") for f in full)]
        return tuple(dict.fromkeys([*full, *(d for d in bare if not self.rules.year.fullmatch(d))]))
