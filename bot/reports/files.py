"""A report as a workbook (openpyxl) and as PDF (fpdf2, with the font that is embedded in the intake report)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from bot.duty.intake_report import DATA as FONTS
from bot.reports.report import Report
from bot.reports.wording import number, summary
from bot.staff.render import moment
from bot.web.render import day

_FAMILY = "TroGiup Serif"
_LABEL, _BAR, _ROW = 75.0, 75.0, 7.0
"""Millimetres: of a label, of the longest bar, of a line."""
_INK, _SHADE = (27, 35, 38), (11, 85, 99)


def as_xlsx(report: Report, words: Mapping[str, Any], made_at: datetime) -> bytes:
    """A sheet with the figures, and one a table with its chart. No cell is a formula."""
    book = Workbook()
    first = book.active
    assert isinstance(first, Worksheet)  # noqa: S101 - a new workbook has one
    first.title = words["title"]
    rows = [(words["file_title"], None), (_period(report, words), None), (words["made"].format(when=moment(made_at)), None)]
    _fill(first, [*rows, *summary(report, words)])
    for table in report.tables:
        sheet = book.create_sheet(table.title[:31])
        lines = [(line.label, words["hidden"] if line.number is None else line.number) for line in table.lines]
        _fill(sheet, [(table.title, words["number"]), *lines])
        if table.note:
            sheet.cell(len(lines) + 3, 1, table.note)
        if lines:
            chart = BarChart()
            chart.type, chart.title, chart.legend = "bar", table.title, None
            chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=len(lines) + 1), titles_from_data=True)
            chart.set_categories(Reference(sheet, min_col=1, min_row=2, max_row=len(lines) + 1))
            sheet.add_chart(chart, "D2")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: Worksheet, rows: Sequence[tuple[str, str | int | None]]) -> None:
    sheet.column_dimensions["A"].width = 44
    sheet.column_dimensions["B"].width = 16
    for at, values in enumerate(rows, 1):
        for column, value in enumerate(values, 1):
            cell = sheet.cell(at, column, value)
            if isinstance(value, str):
                cell.data_type = "s"  # also what begins with =
    for cell in sheet[1]:
        cell.font = Font(bold=True)


def as_pdf(report: Report, words: Mapping[str, Any], made_at: datetime) -> bytes:
    """A4: the figures, then a table a part with bars beside the numbers."""
    sheet = FPDF(format="A4")
    sheet.set_margins(20, 20)
    sheet.set_auto_page_break(True, 20)
    sheet.set_title(words["file_title"])
    sheet.set_lang("vi-VN")
    sheet.set_creation_date(made_at)
    for style, name in {"": "Regular", "B": "Bold", "I": "Italic"}.items():
        sheet.add_font(_FAMILY, style, FONTS / "fonts" / f"TroGiupSerif-{name}.ttf")
    sheet.add_page()
    _write(sheet, words["file_title"], "B", 16)
    _write(sheet, _period(report, words), "", 12)
    _write(sheet, words["made"].format(when=moment(made_at)), "I", 10)
    sheet.ln(3)
    for label, value in summary(report, words):
        _row(sheet, label, value, 0)
    for table in report.tables:
        if sheet.will_page_break(4 * _ROW):
            sheet.add_page()
        sheet.ln(4)
        _write(sheet, table.title, "B", 13)
        for line in table.lines:
            _row(sheet, line.label, number(line, words), line.share)
        if table.note:
            _write(sheet, table.note, "I", 10)
    return bytes(sheet.output())


def _write(sheet: FPDF, text: str, style: str, size: float) -> None:
    sheet.set_font(_FAMILY, style, size)
    sheet.multi_cell(0, size / 2, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _row(sheet: FPDF, label: str, value: str, share: float) -> None:
    if sheet.will_page_break(_ROW):
        sheet.add_page()
    sheet.set_font(_FAMILY, "", 11)
    sheet.set_text_color(*_INK)
    while sheet.get_string_width(label) > _LABEL - 2:
        label = label[:-2].rstrip() + "…"
    sheet.cell(_LABEL, _ROW, label)
    if share:
        sheet.set_fill_color(*_SHADE)
        sheet.rect(sheet.x, sheet.y + 1.5, _BAR * share / 100, _ROW - 3, style="F")
    sheet.set_x(sheet.x + (_BAR + 3 if share else 0))
    sheet.cell(0, _ROW, value, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _period(report: Report, words: Mapping[str, Any]) -> str:
    return str(words["period"].format(first=day(report.first), last=day(report.last)))
