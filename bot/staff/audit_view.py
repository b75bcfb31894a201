"""/quan-tri/nhat-ky: the audit log, searched by who, what and when; as a page and as CSV. For administrators."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from bot.staff.guard import SignedIn, Staff
from bot.staff.render import StaffPages
from knowledge.directory import VIETNAM
from knowledge.store import AuditEntry, AuditFilter, Subject

HERE = "/quan-tri/nhat-ky"
_PAGE = 50
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def build_audit_view(staff: Staff, pages: StaffPages) -> APIRouter:
    """The routes of the audit log."""
    router = APIRouter(include_in_schema=False)
    administrator = staff.require("administrator")
    words, roles = pages.texts["audit"], pages.texts["roles"]

    def said(values_json: str | None) -> str:
        """Before or after in words: "vai trò: Cán bộ trực; điện thoại: –"."""
        values: dict[str, Any] = json.loads(values_json or "{}")
        return "; ".join(f"{words['fields'].get(name, name)}: {one(value)}" for name, value in values.items())

    def one(value: object) -> str:
        if isinstance(value, bool):
            return str(words["yes" if value else "no"])
        if isinstance(value, list):
            return ", ".join(roles.get(item, str(item)) for item in value) or "–"
        return "–" if value is None else str(value)

    @router.get(HERE)
    def search(request: Request, truoc: str = "", me: SignedIn = administrator) -> Response:
        before_id = int(truoc) if truoc.isascii() and truoc.isdigit() and len(truoc) < 19 else None
        found = staff.store.audit.search(_wanted(request), before_id=before_id, limit=_PAGE + 1)
        asked = {name: request.query_params.get(name, "") for name in ("nguoi", "viec", "doi_tuong", "tu", "den")}
        return pages.show(
            "staff/audit.html",
            me,
            here=HERE,
            entries=[(entry, said(entry.before_json), said(entry.after_json)) for entry in found[:_PAGE]],
            older=found[_PAGE - 1].entry_id if len(found) > _PAGE else None,
            later=before_id is not None,
            asked=asked,
            accounts={account.account_id: account for account in staff.store.accounts.list()},
            actions=staff.store.audit.actions(),
        )

    @router.get(HERE + ".csv")
    def export(request: Request, me: SignedIn = administrator) -> Response:
        wanted = _wanted(request)
        # What was typed is kept only where it is a name that the log knows: a row is for ever, and somebody may look for a citizen's name.
        known = bool(staff.store.audit.search(wanted, limit=1))
        asked = {name: str(value) for name, value in asdict(wanted).items() if known and value is not None}
        staff.store.audit.record(me.actor, "audit_exported", Subject("audit_log"), after=asked)
        names = {account.account_id: account.username for account in staff.store.accounts.list()}
        lines = _csv(staff.store.audit.all(wanted), names, words["columns"])
        headers = {"Content-Disposition": 'attachment; filename="nhat-ky.csv"', "Cache-Control": "no-store"}
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)

    return router


def _wanted(request: Request) -> AuditFilter:
    asked = request.query_params
    until = _day(asked.get("den", ""))
    return AuditFilter(
        account_id=asked.get("nguoi") or None,
        action=asked.get("viec") or None,
        subject_id=asked.get("doi_tuong", "").strip() or None,
        since=_day(asked.get("tu", "")),
        until=until and until + timedelta(days=1),
    )


def _day(text: str) -> datetime | None:
    """The beginning of a day in Vietnam; None for what is no day between 1900 and 2999."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day, time(), VIETNAM) if 1900 <= day.year < 3000 else None


def _csv(entries: Iterable[AuditEntry], names: dict[str, str], columns: dict[str, str]) -> Iterator[str]:
    """Lines with a byte order mark first, so that spreadsheets read it as UTF-8; no cell begins a formula."""
    yield "\ufeff" + _line(columns.values())
    for entry in entries:
        row = {name: getattr(entry, name) for name in columns if name != "username"}
        row |= {"at": entry.at.astimezone(VIETNAM).isoformat(timespec="seconds"), "username": names.get(entry.account_id or "")}
        yield _line("" if row[name] is None else str(row[name]) for name in columns)


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells)
    return buffer.getvalue()
