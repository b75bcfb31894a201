"""Words around a passage: the heading it stands under, without its number; the line a fact stands in."""

from __future__ import annotations

import re

from index.model import Hit
from knowledge.model import Document, Fact, Passage, Span

_NUMBERING = re.compile(r"^\s*(?:[IVXL]+|\d{1,2}(?:\.\d{1,2})*|[a-zđ])\s*[.)]\s*")


def unnumbered(title: str) -> str:
    """A heading without its number: "2. Sở Tư pháp" → "Sở Tư pháp"."""
    return _NUMBERING.sub("", title).strip(" .:")


def heading(passage: Passage) -> str:
    """The heading right above a passage without its number; empty when there is none."""
    return unnumbered(passage.path[-1]) if passage.path else ""


def title_of(hit: Hit) -> str:
    """The title of a heading passage as the paths of what stands under it have it."""
    words = hit.passage.text
    return next((s.title for s in hit.document.sections if s.heading == hit.passage.span), words)


def line_of(document: Document, fact: Fact) -> Span:
    """The source lines a fact stands in, blanks trimmed."""
    start = document.text.rfind("\n", 0, fact.span.start) + 1
    end = document.text.find("\n", fact.span.end)
    end = len(document.text) if end < 0 else end
    while start < end and not (document.text[start].isalnum()):
        start += 1
    while end > start and (document.text[end - 1].isspace() or document.text[end - 1] == "*"):
        end -= 1
    return Span(start, end)
