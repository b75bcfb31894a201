"""Reading the tables of the knowledge base (TSV with a header line), each row checked."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from knowledge.errors import KnowledgeError

DATA = Path(__file__).parent / "data"


def rows(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """The rows of a TSV file as mappings. KnowledgeError names the file and line of a row that has too few or too many cells."""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            reader = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
            header = next(reader, [])
            if header[: len(columns)] != list(columns):
                raise KnowledgeError(f"{path.name}: the header must be {', '.join(columns)}", file=path.name)
            for cells in reader:
                if len(cells) != len(header):
                    raise KnowledgeError(f"{path.name}, line {reader.line_num}: {len(cells)} cells, {len(header)} wanted", file=path.name)
                yield dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except OSError as error:
        raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error


def listed(cell: str) -> tuple[str, ...]:
    """The parts of a cell that holds a list, separated by |."""
    return tuple(part.strip() for part in cell.split("|") if part.strip())
