"""Which clauses of a passage answer the question: the asked thing first, as short as it can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from actions.guard import bodies
from index.analysis import has_quantity, terms, years_in
from index.model import Hit, Query
from index.search import Retriever
from knowledge.model import Span
from knowledge.text import fold, folded_line, sentences

_LETTER = re.compile(r"^(?:[a-zđ]\)|\d{1,2}\.)\s+(?=\S)")
"""The number of a clause in its list."""
_PERCENT_ASKED = re.compile(r"phan tram|%|ty le|ti le")
_PERCENT = re.compile(r"\d\s*(?:%|phần trăm)")
_SHARE = frozenset(("ty", "ti", "le", "phan", "tram", "bao", "nhieu"))
"""Folded words that ask for a share: a clause that has the share need not call it one."""
_MOMENT = re.compile(r"\b20\d\d\b|\d/\d|[Qq]uý [IV1-4]|\b(?:tháng|ngày) \d|[Hh][àằ]ng năm|định kỳ")
_SHORTEST = 12
"""Characters; a shorter clause ("…") hangs on its neighbour."""
CERTAIN = 1.15
"""Fit of a clause that holds the asked figure beside nearly all that is asked: no other figure is told with it."""
_FIGURE, _BODY, _YEAR = 0.25, 0.15, 0.25
"""What a clause gains in which stands what is asked for: the figure, the body or moment, the year (parts of the whole question, 0…1)."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Part of a passage that is shown. `span` counts in the document's text; `words` is it without line breaks and Markdown."""

    span: Span
    words: str


def excerpt(query: Query, hit: Hit, retriever: Retriever, budget: int) -> Excerpt:
    """The best run of clauses of at most about `budget` characters; always at least one clause, cut at its end if it alone is longer.

    It begins with the best clause; only one that ends the passage takes what stands before it along. Asked for a figure, no clause with
    another figure comes along where the best one holds all that is asked.
    """
    query = _figure_asked(query)
    words, spans = _of(hit)
    best = max(range(len(spans)), key=lambda at: (_fit(query, words[slice(*spans[at])], retriever), -at))
    counting = query.asked == "how_many"
    certain = counting and _fit(query, words[slice(*spans[best])], retriever, _above(hit)) >= CERTAIN
    first = last = best
    while True:
        grown = False
        following = spans[last + 1] if last + 1 < len(spans) else None
        if following and following[1] - spans[first][0] <= budget and not (certain and has_quantity(words[slice(*following)])):
            last, grown = last + 1, True
        elif not counting and first > 0 and spans[last][1] - spans[first - 1][0] <= budget and first == best and last == len(spans) - 1:
            first, best, grown = first - 1, first - 1, True
        if not grown:
            break
    return _cut(hit, spans[first][0], spans[last][1], budget)


def opening(hit: Hit, budget: int) -> Excerpt:
    """A passage from its beginning: as many clauses as fit into `budget` characters, at least the first, cut if it alone is longer."""
    _, spans = _of(hit)
    start = spans[0][0]
    end = next((last for _, last in reversed(spans) if last - start <= budget), spans[0][1])
    part = _cut(hit, start, end, budget)
    return part if end == spans[-1][1] or part.words.endswith("…") else Excerpt(part.span, f"{part.words.rstrip(' .,;:')}…")


def best_fit(query: Query, hit: Hit, retriever: Retriever) -> float:
    """How well the best clause of a passage, its headings added, answers: coverage, and the figure, body and year asked for."""
    query = _figure_asked(query)
    words, spans = _of(hit)
    above = _above(hit)
    return max(_fit(query, words[slice(*span)], retriever, above) for span in spans)


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
    return folded_line(text) in folded_line(told)


def _figure_asked(query: Query) -> Query:
    """Asked for a share: the question by what it is a share of."""
    left = tuple(term for term in query.terms if term not in _SHARE)
    return replace(query, terms=left) if query.asked == "how_many" and left else query


def _above(hit: Hit) -> str:
    """The heading right above: those further up are about more than the passage."""
    return hit.passage.path[-1] if hit.passage.path else ""


def _of(hit: Hit) -> tuple[str, list[tuple[int, int]]]:
    """The words of a passage and the spans of its clauses in them, counted from the passage's beginning."""
    # Inside a clause a line break is a page break; recipients and signature are lists of lines.
    words = hit.passage.text if hit.passage.role == "closing" else hit.passage.text.replace("\n", " ")
    return words, _clauses(words)


def _cut(hit: Hit, first: int, last: int, budget: int) -> Excerpt:
    """The words between two places of a passage, cut between two words to `budget` characters."""
    text, start = hit.document.text, hit.passage.span.start
    limit = start + last
    span = _whole_words(text, Span(start + first, start + min(last, first + max(budget, _SHORTEST))), limit)
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


def _fit(query: Query, clause: str, retriever: Retriever, above: str = "") -> float:
    fit = retriever.coverage(query, frozenset([*terms(clause), *terms(above)]))
    if query.asked == "how_many":
        asked = bool(_PERCENT.search(clause)) if _PERCENT_ASKED.search(fold(query.written_out)) else has_quantity(clause)
        fit += _FIGURE if asked else -_FIGURE
    if query.asked == "who" and any(bodies(clause)):
        fit += _BODY
    if query.asked == "when" and _MOMENT.search(clause):
        fit += _BODY
    if query.years and (said := years_in(clause) or years_in(above)):
        fit += _YEAR if said.issuperset(query.years) else -_YEAR
    return fit


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
