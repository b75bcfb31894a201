"""/can-bo/bao-cao: the report of a period as a page, a workbook and a PDF file. For editors, approvers and administrators."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response

from bot.reports.counting import Counting
from bot.reports.report import Report, report
from bot.reports.wording import number, summary
from bot.staff.guard import SignedIn, Staff
from bot.staff.render import StaffPages
from knowledge.directory import VIETNAM
from knowledge.store import Subject

HERE = "/can-bo/bao-cao"
_LONGEST = timedelta(days=731)
_FILES = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "pdf": "application/pdf"}


@dataclass(frozen=True)
class ReportPages:
    """What the pages are made of."""

    staff: Staff
    counting: Counting
    pages: StaffPages = field(default_factory=lambda: StaffPages(Path(__file__).with_name("texts.yml")))

    @property
    def words(self) -> dict[str, Any]:
        """The words of these pages."""
        words: dict[str, Any] = self.pages.texts["report"]
        return words

    def today(self) -> date:
        """The day in Vietnam."""
        return self.staff.clock().astimezone(VIETNAM).date()

    def of(self, first: date, last: date) -> Report:
        """The report of a period. Raises StoreError."""
        waits = self.staff.store.desk.waits(datetime.combine(first, time(), VIETNAM))
        labels = {name: topic.label for name, topic in self.counting.topics.items()}
        return report(first, last, self.counting.counts(first, last), waits, labels, self.words)

    def period(self, first: str, last: str) -> tuple[date, date] | None:
        """The days that were asked for, by default this year until today; None for what is no period."""
        today = self.today()
        try:
            begins = date.fromisoformat(first) if first else today.replace(month=1, day=1)
            ends = date.fromisoformat(last) if last else today
        except ValueError:
            return None
        return (begins, ends) if begins.year >= 2000 and ends.year < 3000 and timedelta(0) <= ends - begins <= _LONGEST else None


def build_reports(parts: ReportPages) -> APIRouter:
    """The routes under /can-bo/bao-cao."""
    router = APIRouter(include_in_schema=False)
    reader, words = parts.staff.require("editor", "approver", "administrator"), parts.words

    def refused(me: SignedIn) -> Response:
        today = parts.today()
        shown = {"first": today.replace(month=1, day=1), "last": today, "error": words["bad_period"], "report": None}
        return parts.pages.show("can-bo/report.html", me, 400, here=HERE, r=words, **shown)

    @router.get(HERE)
    def show(tu: str = "", den: str = "", me: SignedIn = reader) -> Response:
        if (period := parts.period(tu, den)) is None:
            return refused(me)
        made = parts.of(*period)
        shown = {"first": period[0], "last": period[1], "error": None, "report": made, "summary": summary(made, words)}
        return parts.pages.show("can-bo/report.html", me, here=HERE, r=words, number=number, **shown)

    @router.get(HERE + ".{form}")
    def download(form: str, tu: str = "", den: str = "", me: SignedIn = reader) -> Response:
        period = parts.period(tu, den)
        if period is None or form not in _FILES:
            return refused(me)
        from bot.reports.files import as_pdf, as_xlsx  # openpyxl and fpdf2 are loaded when somebody asks for a file

        first, last = (day.isoformat() for day in period)
        after = {"form": form, "since": first, "until": last}
        parts.staff.store.audit.record(me.actor, "report_exported", Subject("report"), after=after)
        body = (as_xlsx if form == "xlsx" else as_pdf)(parts.of(*period), words, parts.staff.clock())
        headers = {"Content-Disposition": f'attachment; filename="bao-cao-{first}-{last}.{form}"', "Cache-Control": "no-store"}
        return Response(body, media_type=_FILES[form], headers=headers)

    return router
