"""Which clauses of a passage answer the question: the asked thing first, as short as it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path

import yaml

from actions.guard import bodies
from index.analysis import has_quantity, terms, years_in
from index.coverage import Wanted
from index.model import Asked, Hit, Query
from index.search import Retriever
from knowledge.model import Passage, Span
from knowledge.text import document_line, fold, sentences

DATA = Path(__file__).parent / "data"
_LETTER = re.compile(r"^(?:[a-zđ]\)|\d{1,2}\.)\s+(?=\S)")
"""The number of a clause in its list."""
_KEPT = 4096
"""Passages and headings whose words are kept read."""
_SHORTEST = 12
"""Characters; a shorter clause ("…") hangs on its neighbour."""
CERTAIN = 1.15
"""Fit of a clause that holds the asked figure beside nearly all that is asked: no other figure is told with it."""
_FIGURE, _BODY, _YEAR = 0.25, 0.15, 0.25
"""What a clause gains in which stands what is asked for: the figure, the body or moment, the year (parts of the whole question, 0…1)."""


@dataclass(frozen=True, slots=True)
class Signs:
    """How a clause shows what stands in it; data/clauses.yml."""

    share_asked: re.Pattern[str]
    share: re.Pattern[str]
    share_words: frozenset[str]
    moment: re.Pattern[str]
    unbroken: re.Pattern[str]
    made_of: re.Pattern[str]


@cache
def _signs() -> Signs:
    table = yaml.safe_load((DATA / "clauses.yml").read_text(encoding="utf-8"))
    patterns = {name: re.compile(table[name]) for name in ("share_asked", "share", "moment", "unbroken", "made_of")}
    return Signs(share_words=frozenset(table["share_words"]), **patterns)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Part of a passage that is shown. `span` counts in the document's text; `words` is it without line breaks and Markdown."""

    span: Span
    words: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a passage, read once. `start`, `end`: in the passage's words."""

    start: int
    end: int
    terms: frozenset[str]
    figure: bool
    """A number stands there that counts or measures something."""
    share: bool
    body: bool
    moment: bool
    years: frozenset[int]
    made_of: bool
    """It says what the figures of the clause before it are made of."""

    @classmethod
    def of(cls, words: str, start: int, end: int) -> Clause:
        """Reads the words between two places."""
        text = words[start:end]
        body, moment = any(bodies(text)), bool(_signs().moment.search(text))
        share, made_of = (bool(pattern.search(text)) for pattern in (_signs().share, _signs().made_of))
        return cls(start, end, frozenset(terms(text)), has_quantity(text), share, body, moment, years_in(text), made_of)


def prepare(passages: Iterable[Passage]) -> None:
    """Reads the clauses of passages ahead of the first question, as many as are kept."""
    for passage in islice(passages, _KEPT):
        _of(passage)


def excerpt(query: Query, hit: Hit, retriever: Retriever, budget: int) -> Excerpt:
    """The best run of clauses of at most about `budget` characters; always at least one clause, cut at its end if it alone is longer.

    It begins with the best clause; only one that ends the passage takes what stands before it along. Asked for a figure, no clause with
    another figure comes along where the best one holds all that is asked.
    """
    query = _figure_asked(query)
    clauses, fit = _of(hit.passage), Fit.of(query, retriever)
    best = max(range(len(clauses)), key=lambda at: (fit.of_clause(clauses[at]), -at))
    counting = query.asked == "how_many"
    certain = counting and fit.of_clause(clauses[best], _above(hit)) >= CERTAIN
    first = last = best
    while True:
        grown = False
        following = clauses[last + 1] if last + 1 < len(clauses) else None
        at_end = first == best and last == len(clauses) - 1
        if following and following.end - clauses[first].start <= budget and not (certain and following.figure and not following.made_of):
            last, grown = last + 1, True
        elif not counting and first > 0 and clauses[last].end - clauses[first - 1].start <= budget and at_end:
            first, best, grown = first - 1, first - 1, True
        if not grown:
            break
    return _cut(hit, clauses[first].start, clauses[last].end, budget)


def opening(hit: Hit, budget: int) -> Excerpt:
    """A passage from its beginning: as many clauses as fit into `budget` characters, at least the first, cut if it alone is longer."""
    clauses = _of(hit.passage)
    start = clauses[0].start
    end = next((clause.end for clause in reversed(clauses) if clause.end - start <= budget), clauses[0].end)
    part = _cut(hit, start, end, budget)
    return part if end == clauses[-1].end or part.words.endswith("…") else Excerpt(part.span, f"{part.words.rstrip(' .,;:')}…")


def best_fit(query: Query, hit: Hit, retriever: Retriever) -> float:
    """How well the best clause of a passage, its headings added, answers: coverage, and the figure, body and year asked for."""
    fit, above = Fit.of(_figure_asked(query), retriever), _above(hit)
    return max(fit.of_clause(clause, above) for clause in _of(hit.passage))


@lru_cache(maxsize=_KEPT)
def shown(words: str) -> str:
    """What a person reads of a quote: one line, without Markdown marks and the closing "./."."""
    line = re.sub(r"[\s]+", " ", words.replace("*", "").replace("#", "")).strip()
    line = re.sub(r"\s*\./\..*$", ".", line)
    line = _LETTER.sub("", line)
    line = re.sub(r"[;,:]$", ".", line)
    return line[:1].upper() + line[1:] if line else line


def clipped(words: str, most: int) -> str:
    """At most `most` characters and a "…", cut between two words."""
    return words if len(words) <= most else f"{words[: most + 1].rsplit(' ', 1)[0].rstrip(' ,;:')}…"


def repeats(text: str, told: str) -> bool:
    """Whether `text` says nothing that `told` does not say word for word."""
    return document_line(text) in document_line(told)


def _figure_asked(query: Query) -> Query:
    """Asked for a share: the question by what it is a share of."""
    left = tuple(term for term in query.terms if term not in _signs().share_words)
    return replace(query, terms=left) if query.asked == "how_many" and left else query


def _above(hit: Hit) -> str:
    """The heading right above: those further up are about more than the passage."""
    return hit.passage.path[-1] if hit.passage.path else ""


def _of(passage: Passage) -> tuple[Clause, ...]:
    return _read(passage.text, passage.role == "closing")


@lru_cache(maxsize=_KEPT)
def _read(text: str, closing: bool) -> tuple[Clause, ...]:
    # Inside a clause a line break is a page break; recipients and signature are lists of lines.
    words = text if closing else text.replace("\n", " ")
    return tuple(Clause.of(words, *span) for span in _clauses(words))


def _cut(hit: Hit, first: int, last: int, budget: int) -> Excerpt:
    """The words between two places of a passage, cut to about `budget` characters: between two words, and behind a date or number."""
    text, start = hit.document.text, hit.passage.span.start
    limit = start + last
    span = _whole_words(text, Span(start + first, start + min(last, first + max(budget, _SHORTEST))), limit)
    straddling = (match.end() for match in _signs().unbroken.finditer(text, start, limit) if match.start() < span.end < match.end())
    span = Span(span.start, next(straddling, span.end))
    told = shown(span.of(text))
    return Excerpt(span, f"{told.rstrip(' .,;:')}…" if span.end < limit else told)


def _clauses(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for span in sentences(text):
        runs_on = spans and text[: spans[-1][1]].endswith(("...", "…")) and text[span[0]].islower()
        if spans and (runs_on or span[1] - span[0] < _SHORTEST):
            spans[-1] = (spans[-1][0], span[1])
        else:
            spans.append(span)
    return spans or [(0, len(text))]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well clauses answer one question."""

    wanted: Wanted
    asked: Asked
    percent: bool
    years: frozenset[int]

    @classmethod
    def of(cls, query: Query, retriever: Retriever) -> Fit:
        """What of the question decides."""
        percent = query.asked == "how_many" and bool(_signs().share_asked.search(fold(query.written_out)))
        return cls(retriever.wanted(query), query.asked, percent, frozenset(query.years))

    def of_clause(self, clause: Clause, above: str = "") -> float:
        """Coverage with the heading `above`, and the figure, body, moment or year asked for."""
        fit = self.wanted.share(clause.terms | _terms(above) if above else clause.terms)
        if self.asked == "how_many":
            fit += _FIGURE if (clause.share if self.percent else clause.figure) else -_FIGURE
        if (self.asked == "who" and clause.body) or (self.asked == "when" and clause.moment):
            fit += _BODY
        if self.years and (said := clause.years or years_in(above)):
            fit += _YEAR if said.issuperset(self.years) else -_YEAR
        return fit


@lru_cache(maxsize=_KEPT)
def _terms(heading: str) -> frozenset[str]:
    return frozenset(terms(heading))


def _whole_words(text: str, span: Span, limit: int) -> Span:
    """Cut between two words, so that no figure or number of a document is cut in two."""
    end = span.end
    if end >= limit:
        return span
    while end > span.start and not text[end].isspace():
        end -= 1
    while end > span.start and text[end - 1].isspace():
        end -= 1
    return Span(span.start, end if end > span.start else span.end)
