"""Which clauses of a passage answer the question: the asked thing first, as short as it can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from index.analysis import has_quantity, terms
from index.model import Hit, Query
from index.search import Retriever
from knowledge.model import Span
from knowledge.text import folded_line, sentences

_LETTER = re.compile(r"^(?:[a-zđ]\)|\d{1,2}\.)\s+(?=\S)")
"""The number of a clause in its list."""
_SHORTEST = 12
"""Characters; a shorter clause ("…") hangs on its neighbour."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Part of a passage that is shown. `span` counts in the document's text; `words` is it without line breaks and Markdown."""

    span: Span
    words: str


def excerpt(query: Query, hit: Hit, retriever: Retriever, budget: int) -> Excerpt:
    """The best run of clauses of at most about `budget` characters; always at least one clause, cut at its end if it alone is longer.

    It begins with the best clause; only one that ends the passage takes what stands before it along, and never before an asked figure.
    """
    text = hit.document.text
    start = hit.passage.span.start
    # Inside a clause a line break is a page break; recipients and signature are lists of lines.
    words = hit.passage.text if hit.passage.role == "closing" else hit.passage.text.replace("\n", " ")
    spans = _clauses(words)
    best = max(range(len(spans)), key=lambda at: (_fit(query, hit.passage.text[slice(*spans[at])], retriever), -at))
    first = last = best
    while True:
        grown = False
        if last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= budget:
            last, grown = last + 1, True
        elif (
            query.asked != "how_many"
            and first > 0
            and spans[last][1] - spans[first - 1][0] <= budget
            and first == best
            and last == len(spans) - 1
        ):
            first, best, grown = first - 1, first - 1, True
        if not grown:
            break
    span = Span(start + spans[first][0], start + min(spans[last][1], spans[first][0] + max(budget, _SHORTEST)))
    limit = start + spans[last][1]
    span = _whole_words(text, span, limit)
    told = shown(span.of(text))
    return Excerpt(span, f"{told.rstrip(' .,;:')}…" if span.end < limit else told)


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


def _clauses(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for span in sentences(text):
        if spans and span[1] - span[0] < _SHORTEST:
            spans[-1] = (spans[-1][0], span[1])
        else:
            spans.append(span)
    return spans or [(0, len(text))]


def _fit(query: Query, clause: str, retriever: Retriever) -> float:
    held = frozenset(terms(clause))
    fit = retriever.coverage(query, held)
    if query.asked == "how_many":
        fit += 0.25 if has_quantity(clause) else -0.25
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
