"""The second look at the best candidates: what a passage and a question have to do with each other, weighed by a trained linear model.

The signals are in FEATURES; the weights are data (data/reranker.json), trained by tools/train.py. Why a linear model and not trees:
docs/decisions/0014-reranker.md.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.analysis import has_quantity, terms, years_in
from index.coverage import Wanted
from index.model import Query
from index.snapshot import indexed_text
from knowledge.errors import IndexFault
from knowledge.model import Passage
from knowledge.text import folded_line, has_diacritics, marked_words, sentences, words

DATA = Path(__file__).parent / "data"
Matrix = npt.NDArray[np.float64]

_HEADINGS = {
    "whom": re.compile(r" doi tuong "),
    "when": re.compile(r" (thoi gian|giai doan|lo trinh|tien do|quy|nam 20\d\d|che do bao cao) "),
    "where": re.compile(r" (pham vi|dia ban) "),
}
_NO_PRESS = "nhieu|gio|ve|cao|tro|hiem|luc|dam|lau|hanh"
"""What makes another word of "báo", "bao": bao nhiêu, bảo vệ, báo cáo …"""
_PRESS = re.compile(rf" (?:bai bao|to bao|theo bao|tin bao|bao (?!{_NO_PRESS})(?:\w+ ){{0,2}}(?:noi|viet|dang|dua tin|ghi|neu)) ")
_PERCENT = re.compile(r" (phan tram|ty le|ti le) ")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_YEAR = re.compile(r"20\d\d")
_NUMBERED = re.compile(r"\s*(?:\d{1,2}\. *)?(?:(?:Dự án|Điều|Mục tiêu|Giải pháp|Nhiệm vụ) (\d{1,2})\b|(\d{1,2})\. )")
_ORDINAL = re.compile(r" (du an|giai phap|muc tieu|nhiem vu|noi dung|linh vuc) (?:so |thu )?(nhat|dau tien|mot|hai|ba|tu|bon|nam|[1-9]) ")
_PLACES = {"nhat": 1, "dau tien": 1, "mot": 1, "hai": 2, "ba": 3, "tu": 4, "bon": 4, "nam": 5}
_HEAD, _REACH, _WINDOW = 8, 3, 10
"""Words: the beginning of a passage, neighbours that still belong together, a neighbourhood."""


@dataclass(frozen=True, slots=True)
class Trait:
    """What a passage is, apart from its words."""

    figure: bool
    """A number stands there that counts or measures something."""
    kinds: frozenset[str]
    """Kinds of question that a heading says are answered below."""
    secondary: bool
    """Of a newspaper's account of a plan that is held itself."""
    front: bool
    title: bool
    years: frozenset[int]
    """Of the headings right above, else of the words."""

    @classmethod
    def of(cls, passage: Passage, *, secondary: bool) -> Trait:
        """Read off the passage."""
        headings = folded_line(" ".join(passage.path))
        return cls(
            figure=has_quantity(passage.text),
            kinds=frozenset(kind for kind, pattern in _HEADINGS.items() if pattern.search(headings)),
            secondary=secondary,
            front=passage.role in ("front", "closing"),
            title=passage.role == "heading",
            years=years_in(" ".join(passage.path[-2:])) or years_in(passage.text),
        )


@dataclass(frozen=True, slots=True)
class View:
    """What a passage holds, prepared for comparing. Terms are folded syllables and pairs."""

    passage: Passage
    trait: Trait
    terms: frozenset[str]
    """With headings and document."""
    own: frozenset[str]
    headings: frozenset[str]
    nearest: frozenset[str]
    """Of the heading or lead right above."""
    head: frozenset[str]
    """Of its first words, which say whom or what it is about."""
    everything: frozenset[str]
    """All of these terms together, those of the clauses included."""
    clauses: tuple[tuple[frozenset[str], bool], ...]
    """(terms of the clause and the headings, whether the clause itself counts or measures something)."""
    syllables: tuple[str, ...]
    distinct: frozenset[str]
    near_syllables: frozenset[str]
    marked: frozenset[str]
    numbers: frozenset[str]
    line: str
    ordinal: int | None
    """Its number in a list ("Dự án 3: …", "2. …")."""

    @classmethod
    def of(cls, kind: str | None, passage: Passage, province: str | None, trait: Trait) -> View:
        """Everything is read here, once; a view costs some tenths of a millisecond. `kind`, `province`: of its document."""
        text = passage.text.replace("\n", " ")
        headings = terms(" ".join(passage.path))
        syllables = words(text.replace("%", " phần trăm "))
        near = passage.lead or (passage.path[-1] if passage.path else "")
        clauses = [text[start:end] for start, end in sentences(text)] or [text]
        ordinal = _NUMBERED.match(text)
        indexed, own, nearest = (frozenset(terms(part)) for part in (indexed_text(kind, passage, province), text, near))
        head = frozenset(terms(" ".join(syllables[:_HEAD])))
        in_clauses = tuple((frozenset([*headings, *terms(clause)]), has_quantity(clause)) for clause in clauses)
        return cls(
            passage=passage,
            trait=trait,
            terms=indexed,
            own=own,
            headings=frozenset(headings),
            nearest=nearest,
            head=head,
            everything=indexed.union(own, nearest, head, *(held for held, _ in in_clauses)),
            clauses=in_clauses,
            syllables=tuple(syllables),
            distinct=frozenset(syllables),
            near_syllables=frozenset(words(near)),
            marked=frozenset(marked_words(" ".join((text, *passage.path, passage.lead or "")))),
            numbers=frozenset(_NUMBER.findall(passage.text)),
            line=folded_line(text),
            ordinal=int(ordinal[1] or ordinal[2]) if ordinal else None,
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that the first look found, with its scores there. `typed`, `official`, `pairs`: BM25 of the typed syllables, of the
    office's words, of the typed pairs; `fused` what they were ranked by."""

    view: View
    fused: float
    typed: float
    official: float
    pairs: float
    dense: float


FEATURES = (
    "fused", "fused_log", "official", "pairs",
    "coverage", "coverage_clause", "coverage_figure_clause", "coverage_headings", "coverage_nearest", "coverage_head", "duty_head",
    "nearest_said", "own_said", "order", "closeness", "accents", "numbers", "ordinal",
    "how_many_figure", "how_many_counted", "percent", "percent_missing", "heading_kind", "what_figure",
    "year_same", "year_other", "secondary", "secondary_asked", "front", "title", "title_own", "depth",
)  # fmt: skip


def features(query: Query, wanted: Wanted, candidates: Sequence[Candidate]) -> Matrix:
    """The signals, shape (candidates, len(FEATURES)). `candidates`: best first."""
    asked = _Asked.of(query)
    highest = {name: max((getattr(c, name) for c in candidates), default=0.0) or 1.0 for name in ("fused", "official", "pairs")}
    rows = []
    for candidate in candidates:
        view, trait = candidate.view, candidate.view.trait
        fused = candidate.fused / highest["fused"]
        places = asked.places(view)
        here = wanted.within(view.everything)
        clauses = [here.share(held) for held, _ in view.clauses]
        nearest, head = here.share(view.nearest), here.share(view.head)
        how_many = query.asked == "how_many"
        percent = "%" in view.passage.text
        rows.append(
            (
                fused,
                math.log(max(fused, 1e-3)),
                candidate.official / highest["official"],
                candidate.pairs / highest["pairs"],
                here.share(view.terms),
                max(clauses),
                max((share for share, (_, figure) in zip(clauses, view.clauses, strict=True) if figure), default=0.0) if how_many else 0.0,
                here.share(view.headings),
                nearest,
                head,
                query.duties * max(nearest, head),
                _said(view.near_syllables, asked.said),
                _said(view.distinct, asked.said),
                asked.order(places),
                asked.closeness(places),
                asked.accents(view),
                asked.numbers(view),
                asked.ordinals(view),
                float(how_many and trait.figure),
                float(bool(query.counted) and counts(query.counted, view.line)),
                float(asked.percent and percent),
                float(asked.percent and not percent),
                float(query.asked in trait.kinds),
                float(query.asked == "what" and trait.figure),
                float(bool(query.years) and trait.years.issuperset(query.years)),
                float(bool(query.years and trait.years) and not trait.years.issuperset(query.years)),
                float(trait.secondary),
                float(trait.secondary and asked.press),
                float(trait.front),
                float(trait.title),
                here.share(view.own) if trait.title else 0.0,
                float(len(view.passage.path)),
            )
        )
    return np.array(rows, dtype=np.float64).reshape(len(candidates), len(FEATURES))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, prepared for comparing with many passages."""

    syllables: tuple[str, ...]
    distinct: frozenset[str]
    said: frozenset[str]
    """Its syllables and those of its paraphrases."""
    marked: frozenset[str]
    """Accented syllables of the content words; empty when it was typed without marks."""
    figures: frozenset[str]
    percent: bool
    press: bool
    """What a newspaper says is asked for."""
    ordinal: tuple[str, int] | None
    """What is named by its place in a list, and the place: "giải pháp thứ hai"."""

    @classmethod
    def of(cls, query: Query) -> _Asked:
        kept = frozenset(query.terms)
        paraphrased = {word for p in query.paraphrases for phrase in p.official for word in words(phrase)}
        pairs = zip(words(query.written_out), marked_words(query.written_out), strict=True)
        marked = frozenset(accented for plain, accented in pairs if plain in kept and accented != plain)
        line = folded_line(query.written_out)
        ordinal = _ORDINAL.search(line)
        return cls(
            syllables=tuple(dict.fromkeys(query.terms)),
            distinct=kept,
            said=kept | paraphrased,
            marked=marked if has_diacritics(query.text) else frozenset(),
            figures=frozenset(n for n in _NUMBER.findall(query.text) if not _YEAR.fullmatch(n)),
            percent=bool(_PERCENT.search(line)) or "%" in query.text,
            press=asks_the_press(query),
            ordinal=(ordinal[1], _PLACES.get(ordinal[2]) or int(ordinal[2])) if ordinal else None,
        )

    def places(self, view: View) -> list[tuple[int, str]]:
        """Where the question's syllables stand in the passage."""
        if self.distinct.isdisjoint(view.distinct):
            return []
        return [(at, word) for at, word in enumerate(view.syllables) if word in self.distinct]

    def order(self, places: Sequence[tuple[int, str]]) -> float:
        """Share of neighbours in the question that stand in this order within three words."""
        if len(self.syllables) < 2:
            return 0.0
        where: dict[str, list[int]] = {}
        for at, word in places:
            where.setdefault(word, []).append(at)
        near = 0
        for word, other in pairwise(self.syllables):
            if (firsts := where.get(word)) and (seconds := where.get(other)):
                near += any(0 < second - first <= _REACH for first in firsts for second in seconds)
        return near / (len(self.syllables) - 1)

    def closeness(self, places: Sequence[tuple[int, str]]) -> float:
        """The most different words of the question within ten neighbouring words, as a share of them."""
        if not self.syllables:
            return 0.0
        best = 0
        for n, (at, _) in enumerate(places):
            best = max(best, len({word for later, word in places[n : n + _WINDOW] if later - at < _WINDOW}))
        return best / len(self.syllables)

    def accents(self, view: View) -> float:
        """Share of the accented words that stand in the passage or its headings with the same marks."""
        return len(self.marked & view.marked) / len(self.marked) if self.marked else 0.0

    def numbers(self, view: View) -> float:
        """Share of the question's numbers that stand in the passage."""
        return len(self.figures & view.numbers) / len(self.figures) if self.figures else 0.0

    def ordinals(self, view: View) -> float:
        """1 for the passage that has the place asked for in a list of what is asked for, else 0."""
        if not self.ordinal:
            return 0.0
        noun, place = self.ordinal
        named = view.own if view.trait.title else view.nearest
        return float(view.ordinal == place and "_".join(noun.split()) in named)


@dataclass(frozen=True)
class Reranker:
    """The trained model: a weighted sum of the scaled signals, as a ratio to the best. Without weights the order stays."""

    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    temperature: float = 1.0
    """What a difference is divided by, so that "nearly as good as the best" means what it meant of the fused score."""

    @classmethod
    def load(cls, path: Path = DATA / "reranker.json") -> Reranker:
        """From the data file. IndexFault when it was trained for other signals."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        if tuple(raw["features"]) != FEATURES:
            raise IndexFault("reranker.json was trained for other signals. Run: make train.")
        return cls(tuple(raw["mean"]), tuple(raw["scale"]), tuple(raw["weights"]), raw["temperature"])

    def scores(self, signals: Matrix, fused: Sequence[float]) -> Matrix:
        """Shape (candidates,), above 0; the best is 1. Comparable within one search only. `signals`: what `features` says of each."""
        if not self.weights or not len(signals):
            return np.array(fused, dtype=np.float64)
        values = self.values(signals)
        return np.asarray(np.exp((values - values.max()) / self.temperature))

    def values(self, signals: Matrix) -> Matrix:
        """The weighted sums, shape (candidates,)."""
        return np.asarray((signals - np.array(self.mean)) / np.array(self.scale) @ np.array(self.weights))


def asks_the_press(query: Query) -> bool:
    """Whether what a newspaper says is asked for ("báo Đồng Nai nói …")."""
    return bool(_PRESS.search(folded_line(query.written_out)))


def counts(counted: Sequence[str], line: str) -> bool:
    """Whether a number stands within two words before what is counted. `line`: folded."""
    return bool(_counting(" ".join(counted)).search(line))


@lru_cache(maxsize=256)
def _counting(counted: str) -> re.Pattern[str]:
    return re.compile(rf"\d%?(?: \w+){{0,2}} {re.escape(counted)} ")


def _said(held: frozenset[str], said: frozenset[str]) -> float:
    """How much of what is held the question says."""
    return len(held & said) / len(held) if held else 0.0
