"""A small application with the duty desk, officers in it, and people who write."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from actions.duty.notices import DutyNotices
from bot.duty.desk import DeskParts, desk_pages
from bot.duty.live import Live
from bot.duty.pages import install_desk
from bot.duty.view import Words
from bot.staff.guard import COOKIE
from bot.staff.install import install_staff
from bot.staff.passwords import Passwords
from bot.staff.render import StaffPages
from bot.web.pages import mount_static
from bot.web.security import security_headers
from knowledge.directory import Directory
from knowledge.store import Account, Actor, NewCase, Shift, Store
from knowledge.store.roster import WEEKDAYS

PROVINCES = ("Cà Mau", "Đồng Nai")
EVERY_HOUR = time(0, 0)
BY = Actor()


class DeskClock:
    """Stands still until it is moved. 10:00 in Vietnam, a Monday."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class DeskHouse:
    """The application, its store and clock."""

    app: FastAPI
    store: Store
    clock: Any
    messages: int = 0

    def add(self, username: str, *roles: str, on_duty: bool = False, name: str | None = None) -> Account:
        """Somebody with the second factor set up; `on_duty`: at every hour of the week."""
        account = self.store.accounts.add(username, name or f"Nguyễn {username.title()}", roles, "-", by=BY)
        self.store.accounts.set_password(account.account_id, "-", must_change=False, by=BY)
        self.store.accounts.offer_totp(account.account_id, "JBSWY3DPEHPK3PXP")
        self.store.accounts.confirm_totp(account.account_id, 0, [], BY)
        if on_duty:
            self.store.roster.add_shift(Shift(account.account_id, EVERY_HOUR, EVERY_HOUR, weekdays=WEEKDAYS, on_holidays=True))
        return self.store.accounts.get(account.account_id)

    def cookie(self, account: Account) -> tuple[str, str]:
        """A session as the log-in makes it: the name and value of its cookie."""
        token, now = secrets.token_hex(8), self.clock()
        session_id = hashlib.sha256(token.encode()).hexdigest()
        about = {"csrf_secret": f"csrf-of-{account.account_id}", "second_factor": True, "address": None, "browser": None}
        self.store.sessions.open(session_id, account.account_id, expires_at=now + timedelta(hours=12), **about)
        return COOKIE, token

    def at_desk(self, account: Account) -> TestClient:
        """The browser of somebody who is signed in; does not follow redirects by itself."""
        client = TestClient(self.app, headers={"Accept": "text/html"}, follow_redirects=False)
        client.cookies.set(*self.cookie(account))
        return client

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
    staff = install_staff(app, store, clock, Passwords.load(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)), refusal_s=0)
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
