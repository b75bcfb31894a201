"""The intake report as DOCX (python-docx), to be filled in further on a computer or by hand: A4, Times New Roman 13.

Texts go in as runs of plain text, which Word never reads as a field, a formula or markup. The same form makes the same bytes.
"""

from __future__ import annotations

import io
import zipfile

from docx import Document
from docx.document import Document as DocumentObject
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from bot.duty.intake_report import Cell, Form, Said

_FONT = "Times New Roman"
_SIZE, _SMALL = Pt(13), Pt(11)
_LEFT, _RIGHT, _EDGE = Mm(30), Mm(20), Mm(20)
_WIDTH = Mm(160)
_ABOVE = Pt(9)
"""Above a line that a pen is to write on; with the print's own height about 8.5 mm."""
_CHARACTER = Mm(2.3)
"""A character's width, generously."""
_CENTRE, _END = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT


def as_docx(form: Form) -> bytes:
    """The form as a DOCX file."""
    document = _blank(form)
    _header(document, form)
    for section in form.sections:
        heading = _text(document.add_paragraph(), section.heading, bold=True)
        heading.paragraph_format.space_before = Pt(6)
        heading.paragraph_format.keep_with_next = True
        for line in section.lines:
            _line(document, line)
    _signature(document, form)
    if form.appendix:
        _appendix(document, form)
    return _same_bytes(document, form)


def _blank(form: Form) -> DocumentObject:
    document = Document()
    page = document.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin, page.right_margin, page.top_margin, page.bottom_margin = _LEFT, _RIGHT, _EDGE, _EDGE
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = _FONT, _SIZE
    normal.paragraph_format.space_after = Pt(3)
    document.styles["Footer"].font.size = _SMALL
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "vi-VN")
    normal.element.get_or_add_rPr().append(language)
    properties = document.core_properties
    properties.title, properties.author, properties.last_modified_by, properties.comments = form.document_title, "", "", ""
    properties.created = properties.modified = form.made_at
    _footer(page.footer.paragraphs[0], form)
    return document


def _footer(paragraph: Paragraph, form: Form) -> None:
    paragraph.alignment = _CENTRE
    before, _, after = form.footer("\0").partition("\0")
    paragraph.add_run(before)
    number = OxmlElement("w:fldSimple")
    number.set(qn("w:instr"), "PAGE")
    paragraph._p.append(number)
    paragraph.add_run(after)


def _text(
    paragraph: Paragraph,
    text: str,
    *,
    bold: bool = False,
    italic: bool = False,
    align: WD_ALIGN_PARAGRAPH | None = None,
    size: Length = _SIZE,
) -> Paragraph:
    run = paragraph.add_run(text)
    run.bold, run.italic, run.font.size = bold, italic, size
    if align is not None:
        paragraph.alignment = align
    return paragraph


def _header(document: DocumentObject, form: Form) -> None:
    words = form.words["header"]
    for index, text in enumerate(form.number):
        number = _text(document.add_paragraph(), text, bold=not index, italic=bool(index), align=_END, size=_SMALL)
        number.paragraph_format.space_after = Pt(4 if index else 0)
    table = _table(document, [Mm(66), Mm(94)])
    left, right = table.rows[0].cells
    office = _text(left.paragraphs[0], form.agency or words["agency"], bold=not form.agency, align=_CENTRE, size=_SMALL)
    office.paragraph_format.space_after = Pt(0)
    if not form.agency:
        _text(left.add_paragraph(), words["blank"], align=_CENTRE, size=_SMALL)
    _text(left.add_paragraph(), form.case_line, align=_CENTRE, size=_SMALL)
    republic = _text(right.paragraphs[0], words["republic"], bold=True, align=_CENTRE, size=_SMALL)
    republic.paragraph_format.space_after = Pt(0)
    motto = _text(right.add_paragraph(), words["motto"], bold=True, align=_CENTRE, size=Pt(12))
    motto.runs[0].underline = True
    _text(right.add_paragraph(), form.dated, italic=True, align=_CENTRE, size=Pt(12))
    for index, text in enumerate(form.title):
        title = _text(document.add_paragraph(), text, bold=True, align=_CENTRE, size=Pt(14))
        title.paragraph_format.space_before = Pt(0 if index else 8)


def _line(document: DocumentObject, cells: tuple[Cell, ...]) -> None:
    """The cells side by side, or one below the other where a value is too long for its place."""
    unit = _WIDTH / sum(cell.share for cell in cells)
    if len(cells) > 1 and any(len(cell.label + (cell.value or "")) * _CHARACTER > unit * cell.share for cell in cells):
        for cell in cells:
            _line(document, (cell,))
        return
    paragraph, end = document.add_paragraph(), 0.0
    for cell in cells:
        end += unit * cell.share
        _text(paragraph, cell.label + " ")
        if cell.value is not None:
            _text(paragraph, cell.value, bold=True)
        if cell is not cells[-1]:
            _to(paragraph, Length(int(end)), WD_TAB_ALIGNMENT.LEFT, dots=cell.value is None)
            _text(paragraph, " ")
        elif cell.value is None:
            _dots(paragraph)
    for _ in range(cells[-1].lines - 1 if cells[-1].value is None else 0):
        _dots(document.add_paragraph())


def _dots(paragraph: Paragraph) -> None:
    """Dots to the end of the line."""
    _to(paragraph, _WIDTH, WD_TAB_ALIGNMENT.RIGHT, dots=True)


def _to(paragraph: Paragraph, place: Length, alignment: WD_TAB_ALIGNMENT, *, dots: bool) -> None:
    """On to a place `place` from the margin, with dots to write on or with nothing in between."""
    layout = paragraph.paragraph_format
    layout.tab_stops.add_tab_stop(place, alignment, WD_TAB_LEADER.DOTS if dots else WD_TAB_LEADER.SPACES)
    if dots:
        layout.space_before, layout.space_after = _ABOVE, Pt(0)
    _text(paragraph, "\t")


def _table(document: DocumentObject, widths: list[Length]) -> Table:
    """A row without borders or inner margins, its columns of these widths."""
    table: Table = document.add_table(1, len(widths))
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.LEFT, False
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "0")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tblPr.append(margins)
    cells: tuple[_Cell, ...] = table.rows[0].cells
    for column, cell, width in zip(table.columns, cells, widths, strict=True):
        column.width = cell.width = width
    return table


def _signature(document: DocumentObject, form: Form) -> None:
    table = _table(document, [Mm(80), Mm(80)])
    place = table.rows[0].cells[1]
    for index, text in enumerate(form.words["signature"]):
        paragraph = place.add_paragraph() if index else place.paragraphs[0]
        _text(paragraph, text, bold=not index, italic=bool(index), align=_CENTRE)
    place.paragraphs[0].paragraph_format.space_before = Pt(12)


def _appendix(document: DocumentObject, form: Form) -> None:
    heading = _text(document.add_paragraph(), form.words["appendix"]["heading"], bold=True)
    heading.paragraph_format.page_break_before = True
    _text(document.add_paragraph(), form.words["appendix"]["explained"], italic=True)
    for said in form.appendix:
        _said(document, said)


def _said(document: DocumentObject, said: Said) -> None:
    if said.when is None:
        _text(document.add_paragraph(), said.words, italic=True, align=_CENTRE)
        return
    when = _text(document.add_paragraph(), said.when, bold=True, size=_SMALL)
    when.paragraph_format.space_before, when.paragraph_format.keep_with_next = Pt(6), True
    _text(document.add_paragraph(), said.words)


def _same_bytes(document: DocumentObject, form: Form) -> bytes:
    """The file, with the moment of the form instead of the clock's in the archive."""
    saved, out = io.BytesIO(), io.BytesIO()
    document.save(saved)
    moment = form.made_at.timetuple()
    with zipfile.ZipFile(saved) as made, zipfile.ZipFile(out, "w") as archive:
        for name in made.namelist():
            entry = zipfile.ZipInfo(name, moment[:6])
            archive.writestr(entry, made.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()
