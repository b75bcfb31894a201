"""Text files whose lines were broken at a fixed width: their paragraphs put together again."""

from __future__ import annotations

import itertools

from knowledge.blocks import is_marked
from knowledge.reading.wording import warning

_WIDEST = 120
"""Characters: a longest line beyond this was not broken by a program."""
_NARROWEST = 50
_FULL = 0.8
"""Of the longest line: a line so long was broken because it was full."""
_SHARE = 0.5
"""Of the lines that another follows directly, that must be full."""
_LEAST = 10


def unwrapped(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with broken lines joined, and a warning that says so; the text itself when its lines are its paragraphs."""
    lines = text.split("\n")
    widest = max(map(len, lines))
    followed = [line for line, after in itertools.pairwise(lines) if line.strip() and after.strip()]
    full = [line for line in followed if len(line.rstrip()) >= _FULL * widest]
    if not _NARROWEST <= widest <= _WIDEST or len(full) < _LEAST or len(full) < _SHARE * len(followed):
        return text, ()
    made = lines[:1]
    for before, line in itertools.pairwise(lines):
        joins = (
            len(before.rstrip()) >= _FULL * widest
            and line.strip()
            and not is_marked(line)
            and not (line.isupper() and not before.isupper())
        )
        if joins:
            made[-1] = f"{made[-1].rstrip()} {line.strip()}"
        else:
            made.append(line)
    return "\n".join(made), (warning("unwrapped"),)
