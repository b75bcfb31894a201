"""Words around a passage: the heading it stands under, without its number; the line a fact stands in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml

from index.model import Hit
from knowledge.model import Document, Fact, Passage, Span
from knowledge.text import document_line

DATA = Path(__file__).parent / "data"
_NUMBERING = re.compile(r"^\s*(?:[IVXL]+|\d{1,2}(?:\.\d{1,2})*|[a-zđ])\s*[.)]\s*")


def unnumbered(title: str) -> str:
    """A heading without its number: "2. Sở Tư pháp" → "Sở Tư pháp"."""
    return _NUMBERING.sub("", title).strip(" .:")


def heading(passage: Passage) -> str:
    """The heading right above a passage without its number; empty when there is none."""
    return unnumbered(passage.path[-1]) if passage.path else ""


def is_bare(title: str) -> bool:
    """Whether a heading says nothing of its own ("Nội dung chủ yếu")."""
    return _is("bare", title)


def leads(title: str) -> bool:
    """Whether a heading may stand before an excerpt."""
    return not is_bare(title) or _is("leads", title)


def is_content(title: str) -> bool:
    """Whether what is done stands under this heading ("Nội dung thực hiện")."""
    return _is("content", title)


def sentence_case(title: str) -> str:
    """A heading in capitals as people write it: "CÁC DỰ ÁN THÀNH PHẦN" → "Các dự án thành phần"."""
    return title.capitalize() if title.isupper() else title


def project_named(line: str) -> str | None:
    """The number of a project that a question names ("dự án thứ tư" → "4"); `line`: folded, single spaces."""
    found = _table()["project"].search(line)
    return None if found is None else _ORDINALS.get(found["number"], found["number"])


def asks_beside(term: str) -> bool:
    """Whether a word of a question about a project asks for nothing but the project."""
    return bool(_table()["project_asking"].fullmatch(term))


_ORDINALS = {"mot": "1", "nhat": "1", "hai": "2", "nhi": "2", "ba": "3", "tu": "4", "bon": "4", "nam": "5", "sau": "6"}


def telling(terms: Sequence[str]) -> tuple[str, ...]:
    """The words of a question for a list that say what the list is of."""
    return tuple(term for term in terms if not _table()["asking"].fullmatch(term))


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


_POSITION = re.compile(r"^[\s*]*(?:T\s?M|K\s?T|T\s?L)\.\s|^[\s*]*(?:PHÓ )?(?:CHỦ TỊCH|GIÁM ĐỐC|BỘ TRƯỞNG)")


def position_of(document: Document, signer: Fact) -> Span | None:
    """The lines above a signature that say who signs in which position ("KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"), with the name; else None."""
    start, at = None, document.text.rfind("\n", 0, signer.span.start) + 1
    while at > 0:
        above = document.text.rfind("\n", 0, at - 1) + 1
        line = document.text[above : at - 1]
        if line.strip(" *\xa0\t") and not _POSITION.search(line):
            break
        start, at = (above if line.strip(" *\xa0\t") else start), above
    return None if start is None else Span(start, signer.span.end)


def _is(name: str, title: str) -> bool:
    return bool(_table()[name].fullmatch(document_line(unnumbered(title)).strip()))


@cache
def _table() -> dict[str, re.Pattern[str]]:
    table = yaml.safe_load((DATA / "headings.yml").read_text(encoding="utf-8"))
    return {name: re.compile(pattern) for name, pattern in table.items()}
