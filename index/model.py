"""The values of search: Query in, Hit out. Frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from knowledge.model import Document, Passage

Asked = Literal["how_many", "whom", "who", "when", "where", "whether", "list", "what"]
"""The kind of question: bao nhiêu, ai được hưởng, ai / cơ quan nào lo, khi nào, ở đâu, có … không, gồm những gì, anything else."""


@dataclass(frozen=True, slots=True)
class Paraphrase:
    """People's words and the office's words for them."""

    words: tuple[str, ...]
    """Folded syllables of the colloquial phrase, as they stand in the question."""
    official: tuple[str, ...]
    """Phrases of the documents."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The time that a question asks about, in its own words: a day, a month, a year or several years, ends included."""

    first: date
    last: date
    holding: bool
    """What held then is asked for: the year names no figure, it says which document counts."""
    framed: bool = False
    """Said so that only this can be meant ("hồi 2019", "tính đến tháng 6/2019")."""
    alone: bool = False
    """Nothing is said beside it of what is asked about: the turn leans on the one before."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it was understood. Everything was read off by rules; nothing here is a guess about the answer."""

    text: str
    """As typed, NFC."""
    written_out: str
    """Teencode and abbreviations written out."""
    terms: tuple[str, ...]
    """Folded content syllables, in order, stop words and places taken out."""
    light: frozenset[str]
    """Those of `terms` that carry little as they were typed: people's ways of speaking."""
    paraphrases: tuple[Paraphrase, ...]
    asked: Asked
    fact: str | None
    """A field of the document itself that is asked for (number, issued_on, signer, issuer, based_on, period, title)."""
    provinces: tuple[str, ...]
    """Named in the question, as before the merger, in order."""
    numbers: tuple[str, ...]
    """Document numbers named (2735/KH-UBND; 2735 when only that is typed)."""
    years: tuple[int, ...]
    """Years that an answer has to be about: not one that only says which document counts (`moment`)."""
    counted: tuple[str, ...]
    """What "bao nhiêu", "mấy" counts: the one or two folded words after it."""
    duties: bool
    """A body's tasks are asked for, all of them."""
    wants_phone: bool
    as_of: date
    """The day on which it is asked."""
    moment: Moment | None = None
    """The time asked about, where the question names one."""
    also: tuple[str, ...] = ()
    """Further fields of the document that are asked for in the same breath ("ai ký, ký ngày nào")."""

    @property
    def day(self) -> date:
        """The day that says which of several documents counts: the last one asked about, else the one on which it is asked."""
        return self.moment.last if self.moment else self.as_of


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. `score` is comparable within one search only, highest first; `coverage` (0…1) is how much of what was asked,
    weighted by rarity, stands in the passage or its headings: comparable across searches."""

    passage: Passage
    document: Document
    score: float
    coverage: float
    lexical: float
    dense: float
    signals: tuple[float, ...] = ()
    """What the second look weighed, in the order of reranking.FEATURES."""
