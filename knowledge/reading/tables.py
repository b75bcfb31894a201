"""Tables as text: a row a line, cells parted by " | "; tables that only place a letter's head or foot become its columns."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.reading.wording import pattern
from knowledge.text import fold


def as_lines(rows: Sequence[Sequence[Sequence[str]]]) -> str:
    """The text of a table; rows of cells of paragraphs. Head and foot of a letter are given column by column."""
    if places_a_letter([" ".join(cell) for row in rows for cell in row]) or max((len(row) for row in rows), default=0) == 1:
        columns = max((len(row) for row in rows), default=0)
        made = ["\n".join(words for row in rows if at < len(row) for words in row[at]) for at in range(columns)]
        return "\n\n".join(column for column in made if column.strip())
    lines = [" | ".join(" ".join(" ".join(cell).split()) for cell in row) for row in rows]
    return "\n".join(line for line in lines if line.replace("|", "").strip())


def places_a_letter(cells: Sequence[str]) -> bool:
    """Whether a table holds a letter's motto, or its recipients."""
    return any(pattern("letter_part").search(fold(cell)) for cell in cells)
