"""Several provinces side by side: a line for each where they differ, one for all that say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from actions.clauses import excerpt
from actions.headings import heading
from actions.texts import Texts
from index.analysis import years_in
from index.model import Hit, Query
from index.search import Retriever
from knowledge.text import words

_ALIKE = 0.6
"""Share of runs of three syllables from which two clauses say the same."""
_WITHIN = 0.75
"""Share of the runs of a clause from which another text says it too."""
_FIGURE = re.compile(r"(?<![\w/.,])\d+(?:[.,]\d+)*(?:\s?%)?(?![\w/])")
_NEAR = 30
"""Characters: a figure that stands this near the beginning is read first anyway."""
_ROOMS = (240, 200, 150, 120, 90, 60)
"""Characters of a line, from the most down to what fits."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one province's plan says."""

    province: str
    hit: Hit
    words: str


def compared(rows: Sequence[Row], query: Query, texts: Texts) -> list[str]:
    """The lines: what introduces them, then one for each group of provinces that say the same."""
    groups: list[list[Row]] = []
    for row in rows:
        group = next((g for g in groups if alike(g[0].words, row.words)), None)
        if group is None:
            groups.append([row])
        else:
            group.append(row)
    told = [(_joined([row.province for row in group], texts), group[0].words) for group in groups]
    if len(told) == 1:
        return [texts("answer.same", provinces=told[0][0], clause=told[0][1])]
    head = texts("answer.several") if query.asked == "how_many" else texts("answer.each")
    return [head, *(texts("answer.several_line", province=province, clause=clause) for province, clause in told)]


def side_by_side(query: Query, several: Sequence[tuple[str, Hit]], retriever: Retriever, texts: Texts, room: int) -> list[str]:
    """The lines for (province, passage) pairs in at most `room` characters; the shortest there are when that is too little."""
    lines: list[str] = []
    for budget in _ROOMS:
        rows = [Row(province, hit, _cell(query, hit, retriever, budget)) for province, hit in several]
        lines = compared(rows, query, texts)
        if len("\n".join(lines)) <= room:
            break
    return lines


def alike(one: str, other: str) -> bool:
    """Whether two clauses say the same: the same figures, and for the most part the same words in the same order."""
    if sorted(_FIGURE.findall(one)) != sorted(_FIGURE.findall(other)):
        return False
    first, second = _runs(one), _runs(other)
    return bool(first | second) and len(first & second) / len(first | second) >= _ALIKE


def said_in(clause: str, told: str) -> bool:
    """Whether `told` says nearly all of a clause, in its words."""
    runs = _runs(clause)
    return len(runs & _runs(told)) >= _WITHIN * len(runs)


def figure_first(clause: str) -> str:
    """A clause with its only figure before it, where that stands far from the beginning: "90% – nâng cao … cho 90% cán bộ"."""
    figures = [found for found in _FIGURE.finditer(clause) if not years_in(found.group())]
    if len(figures) != 1 or figures[0].start() <= _NEAR:
        return clause
    return f"{figures[0].group()} – {clause}"


def _cell(query: Query, hit: Hit, retriever: Retriever, budget: int) -> str:
    told = excerpt(query, hit, retriever, budget).words
    if query.asked == "how_many":
        told = figure_first(told)
    above = heading(hit.passage)
    if years_in(above) and not years_in(told) and len(above) <= budget:
        return f"{told.rstrip('.')} ({above})."
    return told


def _runs(clause: str) -> set[tuple[str, ...]]:
    syllables = words(clause)
    return {tuple(syllables[at : at + 3]) for at in range(max(1, len(syllables) - 2))}


def _joined(provinces: Sequence[str], texts: Texts) -> str:
    if len(provinces) == 1:
        return provinces[0]
    return texts("answer.and", first=", ".join(provinces[:-1]), last=provinces[-1])
