"""A small application with the duty desk, officers in it, and people who write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from people_house import QUICK, PeopleHouse

from actions.duty.notices import DutyNotices
from bot.duty.desk import DeskParts, desk_pages
from bot.duty.live import Live
from bot.duty.pages import install_desk
from bot.duty.view import Words
from bot.staff.install import install_staff
from bot.staff.passwords import Passwords
from bot.staff.render import StaffPages
from bot.web.pages import mount_static
from bot.web.security import security_headers
from knowledge.directory import Directory
from knowledge.store import Account, NewCase, Shift, Store
from knowledge.store.roster import WEEKDAYS

PROVINCES = ("Cà Mau", "Đồng Nai")
EVERY_HOUR = time(0, 0)


@dataclass
class DeskHouse(PeopleHouse):
    """The application with the desk."""

    messages: int = 0

    def add(self, username: str, *roles: str, on_duty: bool = False, name: str | None = None) -> Account:
        """Somebody with the second factor set up; `on_duty`: at every hour of the week."""
        account = super().add(username, *roles, name=name)
        if on_duty:
            self.store.roster.add_shift(Shift(account.account_id, EVERY_HOUR, EVERY_HOUR, weekdays=WEEKDAYS, on_holidays=True))
        return account

    def at_desk(self, account: Account) -> TestClient:
        """The browser of somebody who is signed in."""
        return self.browser_of(account)

    def writes(
        self,
        text: str,
        *,
        who: str = "web:1",
        risk: int = 4,
        kind: str = "domestic_violence",
        answer: str | None = None,
        province: str | None = None,
        voice: Any = None,
    ) -> str:
        """A person writes something of danger; the id of the case."""
        self.messages += 1
        case = NewCase(kind, risk, "danger" if risk else "handover", province, voice) if kind else None
        accepted = self.store.conversations.accept(who, f"m{self.messages}", text, self.clock(), "web", case)
        if answer:
            self.store.conversations.finish(who, f"m{self.messages}", answer, None)
        assert accepted.case_id
        return accepted.case_id


@cache
def _tables() -> tuple[DutyNotices, tuple[str, ...], StaffPages, Words]:
    """What every desk reads and none changes; templates are compiled once."""
    return DutyNotices.load(Directory.load()), PROVINCES, desk_pages(), Words.load()


def make_desk(store: Store, clock: Any, live: Live | None = None) -> DeskHouse:
    app = FastAPI()
    app.add_middleware(security_headers)
    staff = install_staff(app, store, clock, Passwords.load(QUICK), refusal_s=0)
    install_desk(app, DeskParts(staff, *_tables()), live)
    mount_static(app)
    return DeskHouse(app, store, clock)


def do(client: TestClient, case_id: str, action: str, **fields: str) -> Response:
    """Sends a form of the case's page, with the hidden fields that stand in it there."""
    page = client.get(f"/truc/ca/{case_id}").text
    form = next((part for part in page.split("<form")[1:] if f'action="/truc/ca/{case_id}/{action}"' in part), page)
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form.partition("</form>")[0]))
    return client.post(f"/truc/ca/{case_id}/{action}", data=hidden | fields)


def words(response: Response) -> str:
    """What a page says, without markup."""
    body = response.text.partition('<main id="noi-dung"')[2] or response.text
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())
