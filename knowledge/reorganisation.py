"""Who has the task now: bodies after 1 March 2025, from data/bodies.tsv (each row with its source)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import overload

from knowledge.errors import KnowledgeError
from knowledge.tables import DATA, listed, rows
from knowledge.text import document_line

_COLUMNS = ("task", "topic_words", "was", "was_words", "now", "since", "source")


@dataclass(frozen=True, slots=True)
class Succession:
    """A task that moved. `topic_words` empty: the general row, used where no special one fits."""

    task: str
    topic_words: tuple[str, ...]
    was: str
    was_words: tuple[str, ...]
    now: str
    since: date
    source: str


class LiveSuccessions(Sequence[Succession]):
    """The table that every part holds on to while staff change its rows. Taking up another is a single assignment; nobody waits for it."""

    def __init__(self, current: Sequence[Succession]) -> None:
        self._current = tuple(current)

    def take_up(self, current: Sequence[Succession]) -> None:
        """From here on `current` is what is read."""
        self._current = tuple(current)

    @overload
    def __getitem__(self, at: int) -> Succession: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Succession, ...]: ...

    def __getitem__(self, at: int | slice) -> Succession | tuple[Succession, ...]:
        return self._current[at]

    def __len__(self) -> int:
        return len(self._current)

    def __iter__(self) -> Iterator[Succession]:
        return iter(self._current)  # one look, at one table


def load_successions(path: Path = DATA / "bodies.tsv") -> tuple[Succession, ...]:
    """The table of bodies. KnowledgeError names a row that does not fit."""
    return tuple(succession_of(row, path.name) for row in rows(path, _COLUMNS))


def succession_of(row: Mapping[str, str], file: str) -> Succession:
    """A row of the table as a value. KnowledgeError names it where it does not fit."""
    try:
        since = date.fromisoformat(row["since"])
    except ValueError as error:
        raise KnowledgeError(f"{file}: {row['task']}: since must be YYYY-MM-DD") from error
    return Succession(row["task"], listed(row["topic_words"]), row["was"], listed(row["was_words"]), row["now"], since, row["source"])


def succession_for(words: str, topic: str, on: date, table: Sequence[Succession]) -> Succession | None:
    """The row for a body named in `words`, chosen by the topic (headings and clause).

    None: no such body is named, or `on` is before the change.
    """
    line = document_line(words)
    named = [row for row in table if row.since <= on and any(f" {body} " in line for body in row.was_words)]
    if not named:
        return None
    about = document_line(topic)
    special = [row for row in named if any(f" {word} " in about for word in row.topic_words)]
    return next(iter(special), None) or next((row for row in named if not row.topic_words), None)
