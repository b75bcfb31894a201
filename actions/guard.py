"""Nothing is said that does not stand in a quote or the directory: the last check before an answer leaves the house.

Checked are figures (numbers, percentages, dates, telephone numbers) and names of bodies (data/guard.yml); fixed sentences are checked by
their author and a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import yaml

from actions.model import Answer
from knowledge.text import fold

DATA = Path(__file__).parent / "data"
_FIGURES = re.compile(r"\d+(?:[.,/]\d+)*")
_WORD = re.compile(r"\s+([\w-]+|–)")


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
    for body in bodies(text):
        if not any(_flat(body) in source for source in sources):
            yield body


def bodies(text: str) -> Iterator[str]:
    """Names of bodies. Of "Sở Tài chính" the second syllable has no capital, so the word after the first capital always counts."""
    heads, joints = _table()
    found = list(heads.finditer(text))
    for head, following in zip(found, [*(after.start() for after in found[1:]), len(text)], strict=False):
        end = last = head.end()
        taken = 0
        while (word := _WORD.match(text, last, following)) and (word[1][0].isupper() or taken == 1 or (taken > 1 and word[1] in joints)):
            last, taken = word.end(), taken + 1
            end = end if word[1] in joints else last
        if taken:
            yield text[head.start() : end]


def guarded(answer: Answer, allowed: Iterable[str]) -> Answer:
    """The answer without the lines that say what stands nowhere. An answer that has nothing left keeps no text: the caller abstains."""
    sources = standing(answer, allowed)
    kept = [line for line in answer.text.split("\n") if not any(violations(line, sources))]
    return answer if len(kept) == answer.text.count("\n") + 1 else replace(answer, text="\n".join(kept).strip())


@cache
def _table() -> tuple[re.Pattern[str], frozenset[str]]:
    table = yaml.safe_load((DATA / "guard.yml").read_text(encoding="utf-8"))
    heads = sorted(table["heads"], key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, heads))})(?!\w)"), frozenset(table["joints"])


@lru_cache(maxsize=4096)
def _flat(text: str) -> str:
    return re.sub(r"[\s*#]+", " ", fold(text)).strip()
