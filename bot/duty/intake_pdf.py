"""The intake report as PDF (fpdf2): A4, 13 points, lines 8.5 mm apart where a pen is to write.

The font is embedded, cut down to what is used. Only what the font holds can be shown: a picture becomes its name in brackets, anything else
an empty box, and a line says so. The same form makes the same bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from bot.duty.intake_report import DATA, Cell, Form, Said

_FAMILY = "TroGiup Serif"
_STYLES = {"": "Regular", "B": "Bold", "I": "Italic"}
_SIZE, _SMALL = 13, 11
_LEFT, _RIGHT, _EDGE = 30, 20, 20
_PRINTED, _WRITTEN = 6.5, 8.5
"""Height of a line in mm: of print, and of dots to write on."""
_AFTER = 0.8
"""Millimetres between what is printed and the next line."""
_LEAST_DOTS = 30
"""Millimetres: less room than this after a label is no place to write."""
_BOX = "□"
_NAMED = 100
"""Pictures in one text that are named; of more, each is a box, or a flood of them would fill hundreds of pages."""
_HEAPED = re.compile("([\u0300-\u036f]{2})[\u0300-\u036f]+")
"""Marks heaped on one letter: more than two are play, and thousands without width would keep the line breaker busy."""


@dataclass
class Printable:
    """Text as a font can show it. `missed` is set once something could not be shown as it was."""

    glyphs: Container[int]
    pictures: Mapping[str, str]
    missed: bool = field(default=False, init=False)

    def __call__(self, text: str) -> str:
        """The text, its line ends kept."""
        names = self.pictures if sum(char in self.pictures for char in text) <= _NAMED else {}
        shown = "".join(char if char == "\n" or ord(char) in self.glyphs else self._instead(char, names) for char in text)
        return _HEAPED.sub(r"\1", shown)

    def _instead(self, char: str, names: Mapping[str, str]) -> str:
        plain = unicodedata.normalize("NFKC", char)  # ornamental letters, wide forms, ligatures
        if plain != char and all(ord(c) in self.glyphs for c in plain):
            return plain
        category = unicodedata.category(char)
        if category[0] == "M" or category in ("Cf", "Sk"):  # marks, joiners, selectors, skin colours
            return ""
        name = names.get(char)
        return self._miss(f"[{name}]" if name else _BOX)

    def _miss(self, shown: str) -> str:
        self.missed = True
        return shown


class _Sheet(FPDF):
    """A4 with our font, margins and foot."""

    def __init__(self, form: Form) -> None:
        super().__init__(format="A4")
        self._form = form
        self.set_margins(_LEFT, _EDGE, _RIGHT)
        self.set_auto_page_break(True, _EDGE)
        self.c_margin = 0
        self.set_title(form.document_title)
        self.set_lang("vi-VN")
        self.set_creation_date(form.made_at)
        for style, name in _STYLES.items():
            self.add_font(_FAMILY, style, DATA / "fonts" / f"TroGiupSerif-{name}.ttf")
        self.printable = Printable(self.fonts[_FAMILY.lower()].cmap, form.words["pictures"])  # type: ignore[union-attr]
        self.style("")
        self.add_page()

    def footer(self) -> None:
        """The number of the case and of the page: loose sheets find each other again."""
        self.set_y(-15)
        self.style("", _SMALL)
        self.cell(0, 5, self._form.footer(str(self.page_no())), align="C")

    def style(self, style: str, size: float = _SIZE) -> None:
        """The font from here on."""
        self.set_font(_FAMILY, style, size)

    def keep(self, height: float) -> None:
        """A new page unless `height` mm are left."""
        if self.will_page_break(height):
            self.add_page()

    def between(self, left: float, width: float) -> None:
        """Write from `left`, `width` mm wide, from here on."""
        self.set_left_margin(left)
        self.set_right_margin(self.w - left - width)
        self.set_x(left)

    def whole_width(self) -> None:
        """Write from margin to margin again."""
        self.between(_LEFT, self.w - _LEFT - _RIGHT)

    def paragraph(self, text: str, style: str = "", *, align: str = "J", size: float = _SIZE, height: float = _PRINTED) -> None:
        """Text from margin to margin, and on to the next line."""
        self.style(style, size)
        self.multi_cell(0, height, self.printable(text), align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def dots(self) -> None:
        """Dots from here to the right margin, and on to the next line."""
        self.style("")
        dot = self.get_string_width(".")
        count = int((self.w - self.r_margin - self.x) / dot)
        self.set_x(self.w - self.r_margin - count * dot)
        self.cell(count * dot, _WRITTEN, "." * count, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def as_pdf(form: Form) -> bytes:
    """The form as a PDF file."""
    sheet = _Sheet(form)
    _header(sheet, form)
    for section in form.sections:
        sheet.keep(25)
        sheet.ln(2)
        sheet.paragraph(section.heading, "B", align="L", height=_WRITTEN)
        for line in section.lines:
            _line(sheet, line)
    _signature(sheet, form)
    if form.appendix:
        _appendix(sheet, form)
    return bytes(sheet.output())


def _header(sheet: _Sheet, form: Form) -> None:
    words = form.words["header"]
    for index, text in enumerate(form.number):
        sheet.paragraph(text, "I" if index else "B", align="R", size=_SMALL, height=5)
    sheet.ln(2)
    top, half = sheet.y, 66.0
    sheet.between(_LEFT, half)
    sheet.paragraph(form.agency or words["agency"], "" if form.agency else "B", align="C", size=_SMALL, height=5.5)
    if not form.agency:
        sheet.paragraph(words["blank"], align="C", size=_SMALL, height=_WRITTEN)
    sheet.paragraph(form.case_line, align="C", size=_SMALL, height=5.5)
    bottom = sheet.y
    sheet.set_y(top)
    sheet.between(_LEFT + half, sheet.w - _LEFT - _RIGHT - half)
    sheet.paragraph(words["republic"], "B", align="C", size=_SMALL, height=5.5)
    sheet.paragraph(words["motto"], "B", align="C", size=12, height=5.5)
    middle, long = (sheet.l_margin + sheet.w - sheet.r_margin) / 2, sheet.get_string_width(words["motto"])
    sheet.line(middle - long / 2, sheet.y + 0.5, middle + long / 2, sheet.y + 0.5)
    sheet.ln(3)
    sheet.paragraph(form.dated, "I", align="C", size=12)
    sheet.set_y(max(bottom, sheet.y) + 4)
    sheet.whole_width()
    for text in form.title:
        sheet.paragraph(text, "B", align="C", size=14)
    sheet.ln(1)


def _line(sheet: _Sheet, cells: tuple[Cell, ...]) -> None:
    """The cells side by side, or one below the other where a value is too long for its place."""
    whole, gap = sheet.w - _LEFT - _RIGHT, 2.0
    unit = (whole - gap * (len(cells) - 1)) / sum(cell.share for cell in cells)
    if len(cells) > 1 and not all(_fits(sheet, cell, unit * cell.share) for cell in cells):
        for cell in cells:
            _line(sheet, (cell,))
        return
    sheet.keep(_WRITTEN * max(cell.lines if cell.value is None else 1 for cell in cells))
    top, left, below = sheet.y, float(_LEFT), 0.0
    for cell in cells:
        sheet.between(left, unit * cell.share)
        if len(cells) > 1:
            sheet.set_y(top)
        _cell(sheet, cell, _WRITTEN if len(cells) > 1 else _PRINTED)
        left += unit * cell.share + gap
        below = max(below, sheet.y)
    sheet.whole_width()
    sheet.set_y(below if len(cells) > 1 else sheet.y)


def _fits(sheet: _Sheet, cell: Cell, width: float) -> bool:
    sheet.style("")
    label = sheet.get_string_width(cell.label + " ")
    sheet.style("B")
    value = cell.value or ""
    return "\n" not in value and label + sheet.get_string_width(sheet.printable(value)) < width


def _cell(sheet: _Sheet, cell: Cell, height: float) -> None:
    sheet.style("")
    if cell.value is not None:
        sheet.write(height, cell.label)
        sheet.style("B")
        sheet.write(height, " " + sheet.printable(cell.value))  # with the blank, so that the line is broken there and not in the word
        sheet.ln(height + _AFTER)
        return
    sheet.write(_WRITTEN, cell.label + " ")
    if sheet.w - sheet.r_margin - sheet.x < _LEAST_DOTS and cell.lines > 1:
        sheet.ln(_WRITTEN)
    for _ in range(cell.lines):
        sheet.dots()


def _signature(sheet: _Sheet, form: Form) -> None:
    sheet.keep(45)
    sheet.ln(5)
    sheet.between(110, 80)
    for index, text in enumerate(form.words["signature"]):
        sheet.paragraph(text, "I" if index else "B", align="C")
    sheet.whole_width()


def _appendix(sheet: _Sheet, form: Form) -> None:
    words = form.words["appendix"]
    sheet.add_page()
    sheet.paragraph(words["heading"], "B", align="L", height=_WRITTEN)
    sheet.paragraph(words["explained"], "I", align="L")
    for said in form.appendix:
        _said(sheet, said)
    if sheet.printable.missed:
        sheet.ln(3)
        sheet.paragraph(words["unprintable"], "I", align="L", size=_SMALL, height=5.5)


def _said(sheet: _Sheet, said: Said) -> None:
    sheet.keep(3 * _PRINTED)
    sheet.ln(2)
    if said.when is None:
        sheet.paragraph(said.words, "I", align="C")
        return
    sheet.paragraph(said.when, "B", align="L", size=_SMALL)
    sheet.paragraph(said.words, align="L")
