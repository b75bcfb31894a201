"""Words that a scanner or a typist damaged, where what was meant is certain: a table made by hand from reading the documents.

A quote is always shown as the document has it. Only what is said around a quote may be repaired, and then every repair is named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.tables import DATA, rows

_COLUMNS = ("source_file", "written", "meant", "context", "why")


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair. Wherever `written` stands in the document (as whole words), `meant` was meant; `context` and `why` show it."""

    source_file: str
    written: str
    meant: str
    context: str
    """Words of the document, on one line, with `written` among them."""
    why: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """`written` as whole words, blanks and the case of its letters left open."""
        words = r"\s+".join(map(re.escape, self.written.split()))
        return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Repaired:
    """Words after repair, and the repairs that were made in them, each once, in the table's order."""

    words: str
    made: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Repairs:
    """The table. Read-only; safe to share."""

    table: tuple[Repair, ...]

    @classmethod
    def load(cls, path: Path = DATA / "ocr_repairs.tsv") -> Repairs:
        """From the data file. KnowledgeError names a row that does not fit."""
        return cls(tuple(Repair(**{name: row[name] for name in _COLUMNS}) for row in rows(path, _COLUMNS)))

    def of(self, source_files: Sequence[str]) -> tuple[Repair, ...]:
        """The repairs of these documents."""
        return tuple(repair for repair in self.table if repair.source_file in source_files)

    def repaired(self, words: str, source_files: Sequence[str]) -> Repaired:
        """`words`, taken from these documents, with what is certainly damaged put right; a capital at the beginning is kept."""
        made = []
        for repair in self.of(source_files):
            words, found = repair.pattern.subn(lambda match, meant=repair.meant: _as(match.group(), meant), words)  # type: ignore[misc]
            if found:
                made.append(repair)
        return Repaired(words, tuple(made))


def _as(found: str, meant: str) -> str:
    return meant[:1].upper() + meant[1:] if found[:1].isupper() else meant
