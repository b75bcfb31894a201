"""/truc/ca/…: one case, and what its officer does with it. Every form works without JavaScript."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from bot.duty.desk import OFFICER, DeskParts, DeskRefused
from bot.duty.intake_report import from_case
from bot.duty.report_process import ReportFailed, ReportFile, laid_out
from bot.duty.view import conversation, given_numbers
from bot.staff.guard import Form, SignedIn
from knowledge.errors import CaseUnread, KnowledgeError, StoreError
from knowledge.store import Case, CaseFile

HERE = "/truc/ca"
MOST = 2000
"""Characters of a reply, a note or the words of an outcome: what the narrowest channel takes at once."""
_CONTACT = {"province": 80, "commune": 120, "safe_contact": 300}
_TALK = "#tro-chuyen"
"""Where the conversation fills a telephone's screen, its newest line in sight."""
_LOOK_AGAIN = timedelta(minutes=10)
"""A page that stays open is a new look after this long."""
_MEDIA: dict[ReportFile, str] = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
}


class _FormError(Exception):
    """What was typed does not fit: a key of case.error in texts.yml."""


def build_case_pages(parts: DeskParts) -> APIRouter:
    """The routes of a case."""
    router = APIRouter(include_in_schema=False)
    store, pages, clock = parts.store, parts.pages, parts.clock
    officer, form = parts.officer(), parts.staff.form()
    words = pages.texts["case"]

    def live(me: SignedIn, file: CaseFile, *, readable: bool) -> dict[str, Any]:
        """What changes while the page is open."""
        now, case = clock(), file.case
        return {
            "case": case,
            "readable": readable,
            "now": now,
            "names": parts.names(),
            "w": parts.words,
            "gave": [parts.notices.directory.by_phone(phone) or phone for phone in given_numbers(case.transcript)],
            "said": conversation(file, me.account.account_id, now) if readable else (),
            "mark": len(case.transcript),
        }

    def page(
        me: SignedIn, file: CaseFile, status: int = 200, *, error: str | None = None, draft: Form | None = None, **more: Any
    ) -> Response:
        case, now = file.case, clock()
        readable = parts.readable(me, case)
        canned = parts.words.canned(case, parts.notices, now, me.account.display_name)
        on_duty = parts.roster().on_duty(now, case.province)
        others = [account for account in store.accounts.with_role(OFFICER) if account.account_id != me.account.account_id]
        shown = {"canned": canned, "on_duty": on_duty, "others": others, "provinces": parts.provinces, "most": MOST, "error": error}
        shown |= {
            "notes": file.notes if readable else (),
            "events": file.events,
            "draft": draft,
            "done": None,
            "editing": None,
            "text": "",
            "failed": "",
            "key": secrets.token_urlsafe(16),
        }
        return pages.show("duty/case.html", me, status, here="/truc", **{**live(me, file, readable=readable), **shown, **more})

    def look(me: SignedIn, file: CaseFile, *, again_after: timedelta) -> None:
        """Write down that the words were read."""
        if not parts.readable(me, file.case):
            return
        looks = (e.at for e in file.events if e.kind == "looked" and e.account_id == me.account.account_id)
        last = max(looks, default=None)
        if last is None or clock() - last >= again_after:
            store.duty.looked(file.case.case_id, me.account.account_id)

    @router.get(HERE + "/{case_id}")
    def show(case_id: str, mau: str = "", sua: str = "", xong: str = "", me: SignedIn = officer) -> Response:
        file = parts.file(me, case_id)
        look(me, file, again_after=timedelta())
        more: dict[str, Any] = {"done": words["done"].get(xong)}
        if mau:
            canned = parts.words.canned(file.case, parts.notices, clock(), me.account.display_name)
            more["text"] = next((reply.text for reply in canned if reply.id == mau), "")
        if sua and (line := _editable(file, me, sua, clock())):
            more |= {"editing": int(sua), "text": line}
        return page(me, file, **more)

    @router.get(HERE + "/{case_id}/moi")
    def fresh(case_id: str, me: SignedIn = officer) -> Response:
        """The parts that change, for the script."""
        file = parts.file(me, case_id)
        look(me, file, again_after=_LOOK_AGAIN)
        return pages.show("duty/_case_live.html", me, **live(me, file, readable=parts.readable(me, file.case)))

    @router.get(HERE + "/{case_id}/phieu.{file}")
    def report(case_id: str, file: ReportFile, me: SignedIn = officer) -> Response:
        case = parts.readable_file(me, case_id).case
        try:
            content = laid_out(from_case(case), clock(), file)
        except ReportFailed as error:
            raise DeskRefused(me, "report", case, 503) from error
        store.desk.printed(case_id, me.account.account_id, file)
        kind = "inline" if file == "pdf" else "attachment"
        headers = {"Content-Disposition": f'{kind}; filename="phieu-{case_id}.{file}"', "Cache-Control": "no-store"}
        return Response(content, media_type=_MEDIA[file], headers=headers)

    # --- what an officer does: (case, me, fields) → the word of ?xong, or where to go

    def take(case: Case, me: SignedIn, fields: Form) -> str:
        parts.change(me, case.case_id, lambda: parts.duty.take(case.case_id, me.account.account_id))
        return f"?xong=nhan{_TALK}"

    def pass_on(case: Case, me: SignedIn, fields: Form) -> str:
        store.duty.pass_on(case.case_id, me.account.account_id)
        return "/truc"

    def give_back(case: Case, me: SignedIn, fields: Form) -> str:
        parts.change(me, case.case_id, lambda: parts.duty.give_back(case.case_id, me.account.account_id))
        return "/truc"

    def transfer(case: Case, me: SignedIn, fields: Form) -> str:
        to = fields.get("to", "")
        if to == me.account.account_id or to not in {account.account_id for account in store.accounts.with_role(OFFICER)}:
            raise _FormError("to")
        parts.change(me, case.case_id, lambda: parts.duty.transfer(case.case_id, me.account.account_id, to))
        return "/truc"

    def note(case: Case, me: SignedIn, fields: Form) -> str:
        text = _typed(fields, "text", MOST)
        parts.readable_file(me, case.case_id)
        if case.erased_at is not None:  # nothing about a person is written down again
            raise DeskRefused(me, "closed", case)
        parts.change(me, case.case_id, lambda: store.duty.note(case.case_id, me.account.account_id, text))
        return "?xong=ghi-chu#ghi-chu"

    def say(case: Case, me: SignedIn, fields: Form) -> str:
        text, replaces = _typed(fields, "text", MOST), None
        if wanted := fields.get("replaces", ""):
            if _editable(parts.file(me, case.case_id), me, wanted, clock()) is None:
                raise _FormError("edit_late")
            replaces = int(wanted)
        key = fields.get("key") or None
        parts.change(me, case.case_id, lambda: store.duty.say(case.case_id, me.account.account_id, text, replaces=replaces, client_key=key))
        return _TALK

    def contact(case: Case, me: SignedIn, fields: Form) -> str:
        changes: dict[str, str | bool | None] = {}
        for name, most in _CONTACT.items():
            value = " ".join(fields.get(name, "").split())[:most]
            if value != fields.get(f"{name}_was", ""):  # what the officer left alone may have been told to us meanwhile
                changes[name] = value or None
        if changes.get("province") not in (None, *parts.provinces):
            raise _FormError("province")
        if (consent := fields.get("consent", "")) != fields.get("consent_was", ""):
            changes["consent"] = {"yes": True, "no": False}.get(consent)
        parts.change(me, case.case_id, lambda: store.duty.describe(case.case_id, me.account.account_id, changes=changes))
        return "?xong=lien-he#lien-he"

    def close(case: Case, me: SignedIn, fields: Form) -> str:
        code = fields.get("outcome", "")
        if code not in parts.words.outcomes:
            raise _FormError("outcome")
        added = _typed(fields, "text", MOST, may_be_empty=True)
        outcome = ". ".join(part for part in (parts.words.outcomes[code], added) if part)
        seen = _number(fields.get("mark", ""))
        try:
            parts.change(me, case.case_id, lambda: parts.duty.close(case.case_id, me.account.account_id, code, outcome, seen))
        except CaseUnread as error:
            raise _FormError("new_words") from error
        return "/truc"

    def reopen(case: Case, me: SignedIn, fields: Form) -> str:
        parts.readable_file(me, case.case_id)
        try:
            parts.duty.reopen(case.case_id, me.account.account_id)
        except StoreError:
            raise
        except KnowledgeError as error:
            now = parts.file(me, case.case_id).case
            raise DeskRefused(me, "taken" if now.state == "taken" else "live_other", now) from error
        return f"?xong=mo-lai{_TALK}"

    actions: dict[str, Callable[[Case, SignedIn, Form], str]] = {
        "nhan": take,
        "moi-nguoi-khac": pass_on,
        "tra-lai": give_back,
        "chuyen": transfer,
        "ghi-chu": note,
        "tra-loi": say,
        "lien-he": contact,
        "dong": close,
        "mo-lai": reopen,
    }

    @router.post(HERE + "/{case_id}/{action}")
    def act(case_id: str, action: str, me: SignedIn = officer, fields: Form = form) -> Response:
        file = parts.file(me, case_id)
        if action not in actions:
            raise DeskRefused(me, "missing", http_status=404)
        try:
            target = actions[action](file.case, me, fields)
        except _FormError as error:
            file = parts.file(me, case_id)  # with what has come meanwhile
            look(me, file, again_after=timedelta())
            more = {"failed": action, "text": fields.get("text", "") if action == "tra-loi" else ""}
            return page(me, file, 409 if error.args[0] == "new_words" else 400, error=_told(words, error), draft=fields, **more)
        return RedirectResponse(target if target.startswith("/") else f"{HERE}/{case_id}{target}", 303)

    return router


def _told(words: Any, error: _FormError) -> str:
    return str(words["error"][error.args[0]]).format(most=MOST)


def _number(mark: str) -> int:
    """How many messages the page showed; -1, which no case has, for anything else."""
    return int(mark) if mark.isascii() and mark.isdigit() and len(mark) < 9 else -1


def _typed(fields: Form, name: str, most: int, *, may_be_empty: bool = False) -> str:
    text = fields.get(name, "").replace("\r\n", "\n").strip()
    if len(text) > most:
        raise _FormError("long")
    if not text and not may_be_empty:
        raise _FormError("empty")
    return text


def _editable(file: CaseFile, me: SignedIn, outgoing_id: str, now: datetime) -> str | None:
    """The words, as they are now, of a message that this officer may still correct."""
    said = conversation(file, me.account.account_id, now)
    return next((line.text for line in said if line.edit_id is not None and str(line.edit_id) == outgoing_id), None)
