"""/can-bo/tin-chua-gui: what could not be sent by a channel, to be sent again or given up. For duty officers and administrators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from bot.staff.guard import Form, SignedIn, Staff
from bot.staff.render import StaffPages
from knowledge.store import Send, Subject

HERE = "/can-bo/tin-chua-gui"
_PAGE = 50
_SHOWN = 500
_NAMES = frozenset({"text", "caption", "title"})
"""Where the services' calls hold what people read."""


def build_dead_letters(staff: Staff, pages: StaffPages) -> APIRouter:
    """The routes of the dead letters. Words are shown one message at a time, and every look is written down."""
    router = APIRouter(include_in_schema=False)
    reader, form = staff.require("duty_officer", "administrator"), staff.form()
    words, sends = pages.texts["dead_letters"], staff.store.sends

    def page(me: SignedIn, before: int | None = None, status: int = 200, *, opened: Send | None = None, done: str = "") -> Response:
        found = sends.dead_letters(_PAGE + 1, before)
        shown = {
            "letters": found[:_PAGE],
            "older": found[_PAGE - 1].send_id if len(found) > _PAGE else None,
            "later": before is not None,
            "opened": opened,
            "text": "\n".join(_words(json.loads(opened.call_json)))[:_SHOWN] if opened and opened.call_json else "",
            "done": words["done"].get(done),
        }
        return pages.show("staff/dead_letters.html", me, status, here=HERE, **shown)

    @router.get(HERE)
    def show(truoc: str = "", xong: str = "", me: SignedIn = reader) -> Response:
        return page(me, _number(truoc), done=xong)

    @router.post(HERE + "/{send_id}/{action}")
    def decide(send_id: int, action: str, me: SignedIn = reader, fields: Form = form) -> Response:
        subject = Subject("send", str(send_id))
        if action == "xem":
            opened = sends.get(send_id)
            if opened is None or opened.state not in ("dead", "uncertain"):
                return RedirectResponse(f"{HERE}?xong=mat", 303)
            staff.store.audit.record(me.actor, "dead_letter_read", subject)
            return page(me, _number(fields.get("truoc", "")), opened=opened)
        actions = {"gui-lai": (sends.again, "dead_letter_again"), "bo": (sends.give_up, "dead_letter_dropped")}
        if action not in actions:
            return RedirectResponse(HERE, 303)
        change, name = actions[action]
        if not change(send_id):
            return RedirectResponse(f"{HERE}?xong=mat", 303)
        staff.store.audit.record(me.actor, name, subject)
        return RedirectResponse(f"{HERE}?xong={action}", 303)

    return router


def _words(value: Any, name: str = "") -> Iterator[str]:
    """What a person would read of a call, in order."""
    if isinstance(value, str) and name in _NAMES:
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _words(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
