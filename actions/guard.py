"""Nothing is said that does not stand in a quote or the directory: the last check before an answer leaves the house.

Checked are figures (numbers, percentages, dates, telephone numbers) and names of bodies; fixed sentences are checked by their author and a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from actions.model import Answer
from knowledge.text import fold

_FIGURES = re.compile(r"\d+(?:[.,/]\d+)*")
_BODIES = re.compile(
    r"\b(?:Sở|Bộ|Ban|Ủy ban|UBND|HĐND|Hội|Phòng|Trung tâm|Công an|Liên đoàn|Mặt trận|Văn phòng|Đài|Tổng đài|Quỹ)(?:\s+(?:[A-ZĐÀ-Ỹ][\wÀ-ỹ-]*|và|-|–))+"
)


def standing(answer: Answer, allowed: Iterable[str]) -> frozenset[str]:
    """Everything an answer may draw on: its quotes, headings, document names and hotlines, and the rows of the directory handed in."""
    parts: list[str] = [*allowed]
    for citation in answer.citations:
        parts += [citation.quote, *citation.heading_path, citation.number or "", citation.title or "", citation.province or ""]
        parts += [str(day.year) for day in (citation.valid_from, citation.valid_to) if day]
    for hotline in answer.hotlines:
        parts += [hotline.name, hotline.phone, hotline.hours, hotline.source]
    return frozenset(_flat(part) for part in parts if part)


def violations(text: str, sources: frozenset[str]) -> Iterator[str]:
    """Figures and bodies of `text` that stand nowhere."""
    figures = {figure for source in sources for figure in _FIGURES.findall(source)}
    for figure in _FIGURES.findall(text):
        if figure not in figures:
            yield figure
    for body in _BODIES.findall(text):
        name = _flat(body.removesuffix(" và").strip())
        if not any(name in source for source in sources):
            yield body


def guarded(answer: Answer, allowed: Iterable[str]) -> Answer:
    """The answer without the lines that say what stands nowhere. An answer that has nothing left keeps no text: the caller abstains."""
    sources = standing(answer, allowed)
    kept = [line for line in answer.text.split("\n") if not any(violations(line, sources))]
    return answer if len(kept) == answer.text.count("\n") + 1 else replace(answer, text="\n".join(kept).strip())


def _flat(text: str) -> str:
    return re.sub(r"[\s*#]+", " ", fold(text)).strip()
