"""Words with places on a page, put into lines, columns, tables and paragraphs, as a person would read them.

What the head of an official letter needs is here: issuer on the left, motto on the right (Nghị định
30/2020/NĐ-CP, Phụ lục I), and the same at its foot, recipients beside the signature.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.blocks import is_marked
from knowledge.reading.placed import Box, Line, Page, Row, Word
from knowledge.reading.wording import pattern
from knowledge.syllables import load_syllables
from knowledge.text import fold, nfc

_COLUMN_GAP = 1.2
"""Blank between two words, in heights of a line, from which they stand in different columns. Justified lines stay below."""
_ENOUGH = 12
"""Wide lines on a page from which its margins are measured on it alone."""
_SET_IN_COLUMNS = 8
"""Rows with words on both sides from which wide columns are text, and no table."""
_TOP = 0.42
"""The head of a letter lies in this upper part of the page."""


@dataclass
class Sheet:
    """A page in reading order: rows, and tables between them where they stand."""

    page: Page
    rows: list[Row] = field(default_factory=list)
    tables: list[tuple[float, str]] = field(default_factory=list)
    """Height of its top, and its text: a row a line."""

    @classmethod
    def of(cls, page: Page) -> Sheet:
        """Rows of the words that stand in no ruled table; the tables as text."""
        sheet, free = cls(page), list(page.words)
        for table in page.tables:
            free, text = _table(table, free)
            if text:
                sheet.tables.append((table[0][0].y0, text))
        sheet.rows = list(_rows(free))
        return sheet


def _table(table: Sequence[Sequence[Box]], words: list[Word]) -> tuple[list[Word], str]:
    """The words that stand in no cell, and the table's text."""
    inside: dict[tuple[int, int], list[Word]] = {}
    free = []
    for word in words:
        x, y = word.box.middle
        at = next(((r, c) for r, row in enumerate(table) for c, b in enumerate(row) if b.x0 <= x < b.x1 and b.y0 <= y < b.y1), None)
        inside.setdefault(at, []).append(word) if at else free.append(word)
    lines = []
    for r, row in enumerate(table):
        cells = [" ".join(line.text for made in _rows(inside.get((r, c), [])) for line in made.lines) for c in range(len(row))]
        if any(cells):
            lines.append(" | ".join(cells))
    return free, "\n".join(lines)


def _rows(words: Sequence[Word]) -> Iterator[Row]:
    """Words by height, then from left to right."""
    together: list[Word] = []
    for word in sorted(words, key=lambda word: word.box.middle[1]):
        if together and not _level(together, word):
            yield _row(together)
            together = []
        together.append(word)
    if together:
        yield _row(together)


def _level(words: Sequence[Word], word: Word) -> bool:
    middle = statistics.fmean(w.box.middle[1] for w in words[-6:])
    height = statistics.median(w.box.y1 - w.box.y0 for w in words[-6:])
    return abs(word.box.middle[1] - middle) < 0.45 * max(height, word.box.y1 - word.box.y0)


def _row(words: Sequence[Word]) -> Row:
    height = statistics.median(word.box.y1 - word.box.y0 for word in words)
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.box.x0):
        if lines and word.box.x0 - max(w.box.x1 for w in lines[-1]) <= _COLUMN_GAP * height:
            lines[-1].append(word)
        else:
            lines.append([word])
    return Row(tuple(Line(tuple(part)) for line in lines for part in _at_motto(line)))


def _at_motto(words: list[Word]) -> Iterator[list[Word]]:
    """A line of a letter's head in which issuer and motto stand close together, parted where the motto begins."""
    folded = [fold(nfc(word.text)) for word in words]
    line = " ".join(folded)
    found = pattern("motto").search(line)
    at = line[: found.start()].count(" ") if found else 0
    if at:
        yield words[:at]
    yield words[at:]


def paragraphs(sheet: Sheet, first: bool, margins: Margins) -> list[str]:
    """The page's paragraphs in reading order. Lines of one paragraph are joined; centred lines that belong together keep their line ends.

    `first`: the page may begin with a letter's head. `margins`: those of the page, or of all pages where it has few lines.
    """
    found: list[tuple[float, str]] = list(sheet.tables)
    flow: list[Line] = []

    def flush() -> None:
        found.extend(_joined(flow, margins))
        flow.clear()

    at = 0
    while at < len(sheet.rows):
        run = _run(sheet.rows, at, margins)
        used = 0
        if run and _in_columns(sheet, run, first):
            flush()
            for column in (run.left, run.right):
                if column:
                    found.append((run.rows[0].y + (0.01 if column is run.right else 0.0), _column(column)))
            used = len(run.rows)
        elif run and (table := cells(run.rows, margins)):
            flush()
            found.append((run.rows[0].y, "\n".join(" | ".join(row) for row in table[0])))
            used = table[1]
        if not used:
            # A wide blank in a line of prose, or a lone row.
            flow.append(Line(tuple(word for line in sheet.rows[at].lines for word in line.words)))
            used = 1
        at += used
    flush()
    return [text for _, text in sorted(found, key=lambda item: item[0])]


@dataclass(frozen=True, slots=True)
class Margins:
    """Of a page's prose: most lines begin at the left one and end at the right one."""

    left: float
    right: float
    height: float
    spacing: float

    @classmethod
    def of(cls, sheets: Sequence[Sheet], width: float) -> Margins:
        """Measured on lines that fill half of the width."""
        lines = [row.lines[0] for sheet in sheets for row in sheet.rows if len(row.lines) == 1]
        wide = [line for line in lines if line.x1 - line.x0 > 0.5 * width] or lines
        if not wide:
            return cls(0.0, width, 12.0, 18.0)
        height = statistics.median(line.height for line in wide)
        gaps = [b.y - a.y for a, b in itertools.pairwise(wide) if 0 < b.y - a.y < 3 * height]
        left = statistics.median_low(sorted(line.x0 for line in wide)[: max(1, len(wide) // 2)])
        right = statistics.median_high(sorted(line.x1 for line in wide)[len(wide) // 2 :])
        return cls(left, right, height, sorted(gaps)[len(gaps) // 5] if gaps else 1.4 * height)

    @classmethod
    def of_each(cls, sheets: Sequence[Sheet]) -> list[Margins]:
        """Each page's own, those of all pages where one has too few lines to tell."""
        widths = [sheet.page.width for sheet in sheets]
        common = cls.of(sheets, statistics.median(widths)) if sheets else cls(0.0, 595.0, 12.0, 18.0)
        full = [sum(1 for row in sheet.rows if row.lines[-1].x1 - row.lines[0].x0 > 0.5 * sheet.page.width) for sheet in sheets]
        return [cls.of([sheet], sheet.page.width) if count >= _ENOUGH else common for sheet, count in zip(sheets, full, strict=True)]

    @property
    def middle(self) -> float:
        """Halfway between them."""
        return (self.left + self.right) / 2

    def centred(self, line: Line) -> bool:
        """Whether a line stands in the middle, well away from the left margin."""
        aside = line.x0 - self.left
        return aside > 2.5 * self.height and abs((line.x0 + line.x1) / 2 - self.middle) < 1.2 * self.height


@dataclass
class _Run:
    """Rows with the same blank strip between left and right."""

    rows: list[Row]
    gutter: tuple[float, float]
    left: list[Line] = field(default_factory=list)
    right: list[Line] = field(default_factory=list)
    cells: bool = False
    """Three columns or more: a table without rules."""


def _run(rows: Sequence[Row], at: int, margins: Margins) -> _Run | None:
    first = rows[at]
    if len(first.lines) < 2:
        return None
    if len(first.lines) > 2:
        return _Run(list(rows[at:]), (0.0, 0.0), cells=True)
    run = _Run([], (first.lines[0].x1, first.lines[1].x0))
    for row in rows[at:]:
        gutter = _narrowed(run.gutter, row)
        if gutter[1] - gutter[0] < 0.6 * margins.height or len(row.lines) > 2 or (run.rows and row.y - run.rows[-1].y > 6 * margins.height):
            break
        left = [line for line in row.lines if line.x1 <= gutter[0] + 1]
        if not run.rows or len(left) < len(row.lines) or _near(row, run, margins):
            run.rows.append(row)
            run.gutter = gutter
        else:
            break
    for row in run.rows:
        for line in row.lines:
            (run.left if line.x1 <= run.gutter[0] + 1 else run.right).append(line)
    return run


def _narrowed(gutter: tuple[float, float], row: Row) -> tuple[float, float]:
    """What is left of the blank strip beside this row's lines."""
    a, b = gutter
    for line in row.lines:
        if (line.x0 + line.x1) / 2 < (a + b) / 2:
            a = max(a, line.x1)
        else:
            b = min(b, line.x0)
    return a, b


def _near(row: Row, run: _Run, margins: Margins) -> bool:
    """A row on the left alone goes on with the column when it follows closely."""
    return row.y - run.rows[-1].y < 1.7 * margins.spacing


def _in_columns(sheet: Sheet, run: _Run, first: bool) -> bool:
    """Whether left is read before right: the head of a letter, its foot (recipients, signature), or text set in two columns."""
    if run.cells:
        return False
    if first and run.rows[0].y < _TOP * sheet.page.height:
        return True
    if run.left and re.match(r"\W*n[oơ]i (?:nhan|nhau)", fold(run.left[0].text)):
        return True
    both = [row for row in run.rows if len(row.lines) == 2]
    return len(both) >= _SET_IN_COLUMNS and all(line.x1 - line.x0 > 0.3 * sheet.page.width for row in both[1:-2] for line in row.lines)


def cells(rows: Sequence[Row], margins: Margins) -> tuple[list[list[str]], int] | None:
    """A table without rules, from its first row on: its rows of cells, and how many rows of the page it takes; None when it is none.

    A line alone in one column that follows closely goes on with the cell above it; a column without words in a row stays empty.
    """
    taken: list[Row] = []
    for row in rows:
        alone = len(row.lines) == 1
        if taken and row.y - taken[-1].y > 3 * margins.spacing:
            break
        if alone and (is_marked(row.text) or row.y - taken[-1].y > 1.3 * margins.spacing):
            break
        taken.append(row)
    count = max(len(row.lines) for row in taken)
    full = [row.lines for row in taken if len(row.lines) == count]
    edges = [(max(row[at].x1 for row in full) + min(row[at + 1].x0 for row in full)) / 2 for at in range(count - 1)]
    while taken and len(taken[-1].lines) == 1 and any(taken[-1].lines[0].x0 < edge < taken[-1].lines[0].x1 for edge in edges):
        taken.pop()  # a line of prose under the table
    if sum(len(row.lines) > 1 for row in taken) < 2:
        return None
    table: list[list[str]] = []
    for row in taken:
        made = [""] * count
        for line in row.lines:
            column = sum((line.x0 + line.x1) / 2 > edge for edge in edges)
            made[column] = f"{made[column]} {line.text}".strip()
        if table and len(row.lines) == 1:
            table[-1] = [" ".join(filter(None, pair)) for pair in zip(table[-1], made, strict=True)]
        else:
            table.append(made)
    return table, len(taken)


def _column(lines: Sequence[Line]) -> str:
    """Lines of a head or a foot, each on its own; those of a recipient list that run on are joined."""
    made: list[str] = []
    for line in lines:
        text = line.text
        if made and text[:1].islower() and made[-1].startswith(("-", "–", "+")):
            made[-1] += " " + text
        else:
            made.append(text)
    return "\n".join(made)


def _joined(lines: Sequence[Line], margins: Margins) -> Iterator[tuple[float, str]]:
    """Paragraphs out of lines that stand below each other."""
    start, text = 0.0, ""
    before: Line | None = None
    for line in lines:
        how = _join(before, line, margins) if before else None
        if how is None:
            if text:
                yield start, text
            start, text = line.y, line.text
        else:
            text = _with(text, how, line.text)
        before = line
    if text:
        yield start, text


def _join(before: Line, line: Line, margins: Margins) -> str | None:
    """What stands between two lines of one paragraph; None when the second begins a new one."""
    close = line.y - before.y < 1.45 * max(margins.spacing, margins.height)
    if margins.centred(before) and margins.centred(line):
        return "\n" if close else None
    starts = is_marked(line.text) or line.x0 > margins.left + 0.9 * margins.height
    full = before.x1 > margins.right - _first_word(line) - 0.8 * margins.height
    return " " if close and full and not starts else None


def _first_word(line: Line) -> float:
    """Its width: a line that had room for it is the last of its paragraph."""
    return line.words[0].box.x1 - line.words[0].box.x0


def _with(text: str, between: str, more: str) -> str:
    """A syllable cut by a hyphen at the line's end is put together again; "Lao động -" and "Thương-" keep theirs."""
    head, tail = re.search(r"([^\W\d_]+)-$", text), re.match(r"[^\W\d_]+", more)
    if between == " " and head and tail and tail.group().islower():
        parts = fold(head[1].lower()), fold(tail.group())
        syllables = load_syllables()
        if syllables.fits("".join(parts)) and not (syllables.fits(parts[0]) and syllables.fits(parts[1])):
            return text[:-1] + more
    return text + between + more
