"""Pages as one text: running lines, page numbers and seals left out and named, page breaks marked, sentences that run on kept whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from knowledge.blocks import is_marked
from knowledge.furniture import is_page_number, is_stamp
from knowledge.reading.layout import Margins, Sheet, paragraphs
from knowledge.reading.model import PAGE_BREAK
from knowledge.reading.placed import Page, Row
from knowledge.reading.wording import warning
from knowledge.text import fold, nfc

_EDGE = 2
"""Rows at the top and at the bottom of a page that may be running lines."""
_MOST_SAID = 60
"""Characters of a line that a warning quotes."""
_DIGITS = re.compile(r"\d+")
_OPEN_END = re.compile(r"[\w,)\]”%–-]$")


def text_of(pages: Sequence[Page]) -> tuple[str, tuple[str, ...]]:
    """The text of all pages with form feeds between them, and what is to be said of it."""
    sheets = [Sheet.of(page) for page in pages]
    warnings = _without_furniture(sheets)
    text = ""
    for at, (sheet, margins) in enumerate(zip(sheets, Margins.of_each(sheets), strict=True)):
        found = [nfc(words) for words in paragraphs(sheet, at == 0, margins)]
        if at:
            text += _break(text, found[0] if found else "")
        text += "\n\n".join(found)
    return text, warnings


def _break(before: str, after: str) -> str:
    """Between two pages: inside a sentence that runs on, or between paragraphs."""
    last = before.rpartition("\n")[2]
    table = " | " in last or " | " in after.partition("\n")[0]
    runs_on = _OPEN_END.search(last) and len(last) > 40 and after and not is_marked(after) and not after.isupper() and not table
    return PAGE_BREAK if runs_on and (after[0].islower() or not last.isupper()) else f"\n\n{PAGE_BREAK}\n"


def _without_furniture(sheets: Sequence[Sheet]) -> tuple[str, ...]:
    """Takes running lines, page numbers and seals out of the sheets; warnings that name them."""
    stamps: dict[str, None] = {}
    numbers = False
    for sheet in sheets:
        kept = []
        for row in sheet.rows:
            lines = tuple(line for line in row.lines if not is_stamp(nfc(line.text)))
            stamps |= dict.fromkeys(line.text for line in row.lines if line not in lines)
            if lines:
                kept.append(replace(row, lines=lines))
        edges = {*kept[:_EDGE], *kept[-_EDGE:]}
        sheet.rows = [row for row in kept if not (row in edges and is_page_number(row.text))]
        numbers |= len(sheet.rows) < len(kept)
    running = _running(sheets)
    said = [warning("stamp", words=_short(words)) for words in stamps]
    said += [warning("running", words=_short(words)) for words in running]
    return (*said, *([warning("page_numbers")] if numbers else ()))


def _running(sheets: Sequence[Sheet]) -> list[str]:
    """Takes lines out that stand outermost on most pages, numbers aside, and then those within; their words."""
    if len(sheets) < 2:
        return []
    found: dict[str, str] = {}
    for edge in (0, -1):
        for _ in range(_EDGE):
            outermost = [(sheet, sheet.rows[edge]) for sheet in sheets if len(sheet.rows) > 1]
            counts = Counter(_key(row) for _, row in outermost)
            often = {key for key, count in counts.items() if count >= max(2, 0.6 * len(sheets)) and len(key) > 3}
            for sheet, row in outermost:
                if _key(row) in often:
                    sheet.rows.remove(row)
                    found[_key(row)] = row.text
    return list(found.values())


def _key(row: Row) -> str:
    return " ".join(_DIGITS.sub("#", fold(nfc(row.text))).split())


def _short(words: str) -> str:
    return words if len(words) <= _MOST_SAID else words[:_MOST_SAID].rstrip() + "…"
