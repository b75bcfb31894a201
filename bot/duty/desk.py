"""What every page of the duty desk shares: the parts it is made of, who may come in, and what is shown when something is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from actions.duty.access import may_read
from actions.duty.desk import DutyDesk
from actions.duty.notices import DutyNotices
from actions.duty.roster import Roster
from bot.duty.view import Words, elapsed
from bot.staff.guard import SignedIn, Staff
from bot.staff.render import StaffPages, moment, wants_page
from knowledge.errors import CaseUnread, KnowledgeError, StoreError, TrogiupError
from knowledge.store import Case, CaseFile, Store

OFFICER = "duty_officer"


class DeskRefused(TrogiupError):
    """Something that cannot be done with a case; `reason` is one of refused.reasons in texts.yml."""

    def __init__(self, me: SignedIn, reason: str, case: Case | None = None, http_status: int = 409) -> None:
        super().__init__("This cannot be done with the case: look at it again.", case_id=case.case_id if case else None, reason=reason)
        self.me, self.reason, self.case, self.http_status = me, reason, case, http_status


def desk_pages() -> StaffPages:
    """The renderer with the words of the desk and the filter `elapsed`."""
    pages = StaffPages(Path(__file__).parent / "texts.yml")
    pages.add_filters(elapsed=elapsed)
    return pages


@dataclass(frozen=True)
class DeskParts:
    """What the pages are made of. `provinces`: the names that a case or a shift may have."""

    staff: Staff
    notices: DutyNotices
    provinces: Sequence[str]
    pages: StaffPages = field(default_factory=desk_pages)
    words: Words = field(default_factory=Words.load)

    @property
    def store(self) -> Store:
        """The store behind the pages."""
        return self.staff.store

    @property
    def clock(self) -> Callable[[], datetime]:
        """Aware moments."""
        return self.staff.clock

    @cached_property
    def duty(self) -> DutyDesk:
        """What an officer may do."""
        return DutyDesk(self.store, self.notices, self.clock)

    def officer(self) -> Any:
        """The default of a parameter `me: SignedIn`: a duty officer, whose request is a sign of life."""
        required = self.staff.require(OFFICER)

        def seen(me: SignedIn = required) -> SignedIn:
            with contextlib.suppress(StoreError):  # a busy database must not shut the desk
                self.store.duty.seen(me.account.account_id)
            return me

        return Depends(seen)

    def roster(self) -> Roster:
        """As it stands."""
        return Roster(self.store.roster.rows())

    def names(self) -> dict[str, str]:
        """What the accounts are called, by id."""
        return {account.account_id: account.display_name for account in self.store.accounts.list()}

    def file(self, me: SignedIn, case_id: str) -> CaseFile:
        """A case. Raises DeskRefused when there is none of that number."""
        try:
            return self.store.duty.file(case_id)
        except StoreError:
            raise
        except KnowledgeError as error:
            raise DeskRefused(me, "missing", http_status=404) from error

    def readable(self, me: SignedIn, case: Case) -> bool:
        """Whether this officer may read what was written."""
        return may_read(case, me.account.account_id, self.roster().on_duty(self.clock(), case.province))

    def readable_file(self, me: SignedIn, case_id: str) -> CaseFile:
        """A case whose words this officer may read. Raises DeskRefused."""
        file = self.file(me, case_id)
        if not self.readable(me, file.case):
            raise DeskRefused(me, "unreadable", file.case, 403)
        return file

    def change(self, me: SignedIn, case_id: str, change: Callable[[], object]) -> None:
        """Do something with a case; what stands in the way is read off the case as it is then.

        Raises DeskRefused, CaseUnread and StoreError.
        """
        try:
            change()
        except (CaseUnread, StoreError):
            raise
        except KnowledgeError as error:
            case = self.file(me, case_id).case
            if case.state == "open":
                reason = "not_yours"
            elif case.state == "closed":
                reason = "closed"
            else:
                reason = "taken"
            raise DeskRefused(me, reason, case) from error


def install_refusals(app: FastAPI, parts: DeskParts) -> None:
    """A page that says what has become of the case; a line for a script."""

    @app.exception_handler(DeskRefused)
    def refused(request: Request, error: DeskRefused) -> Response:
        if not wants_page(request):
            return JSONResponse({"detail": error.advice, "reason": error.reason}, error.http_status)
        words, case = parts.pages.texts["refused"]["reasons"][error.reason], error.case
        when = (case.closed_at if error.reason == "closed" else case.held_since) if case else None
        name = parts.names().get(case.holder or "", "") if case else ""
        text = words["text"].format(name=name, when=moment(when))
        shown = {"title": words["title"], "text": text, "case": case}
        return parts.pages.show("duty/refused.html", error.me, error.http_status, here="/truc", **shown)
