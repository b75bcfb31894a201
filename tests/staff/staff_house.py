"""A small application with the pages of accounts, people in it, and a browser without a network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyotp
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from people_house import BY, QUICK, Clock
from starlette.responses import PlainTextResponse

from bot.staff.guard import Form, SignedIn
from bot.staff.install import install_staff
from bot.staff.openid import OfficeLogin
from bot.staff.passwords import Passwords
from bot.web.pages import mount_static
from bot.web.security import security_headers
from knowledge.store import Account, Store

__all__ = ["BY", "QUICK", "Clock"]

PASSWORD = "mèo con ngủ trưa"


@dataclass
class House:
    """The application, its store and clock."""

    app: FastAPI
    store: Store
    clock: Any
    passwords: Passwords

    def add(self, username: str, *roles: str, first: bool = False, secret: str | None = None) -> Account:
        """Somebody whose password is PASSWORD. `first`: it must still be changed; `secret`: the second factor is set up."""
        account = self.store.accounts.add(username, f"Nguyễn {username.title()}", roles, self.passwords.hash_now(PASSWORD), by=BY)
        if not first:
            self.store.accounts.set_password(account.account_id, self.passwords.hash_now(PASSWORD), must_change=False, by=BY)
        if secret:
            self.store.accounts.offer_totp(account.account_id, secret)
            self.store.accounts.confirm_totp(account.account_id, 0, [], BY)
        return self.store.accounts.get(account.account_id)

    def code(self, secret: str, steps: int = 0) -> str:
        """What the telephone shows, `steps` times 30 s from now."""
        return pyotp.TOTP(secret).at(self.clock() + timedelta(seconds=30 * steps))

    def browser(self, scheme: str = "http") -> TestClient:
        """Somebody's browser: it keeps cookies and does not follow redirects by itself."""
        headers = {"Accept": "text/html", "User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/126.0"}
        return TestClient(self.app, base_url=f"{scheme}://testserver", headers=headers, follow_redirects=False)


def make_house(store: Store, clock: Any, office: OfficeLogin | None = None) -> House:
    app = FastAPI()
    app.add_middleware(security_headers)
    passwords = Passwords.load(QUICK)
    staff = install_staff(app, store, clock, passwords, refusal_s=0, office=office)
    mount_static(app)
    officer, form = staff.require("duty_officer"), staff.form()

    @app.get("/truc")
    def desk(me: SignedIn = officer) -> PlainTextResponse:
        return PlainTextResponse(f"{me.account.username} {me.csrf}")

    @app.post("/truc")
    def act(me: SignedIn = officer, fields: Form = form) -> PlainTextResponse:
        return PlainTextResponse(",".join(fields.getlist("word")))

    return House(app, store, clock, passwords)


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the first form outside the header."""
    body = page.partition("</header>")[2]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', body.partition("</form>")[0]))


def send(client: TestClient, path: str, page: str | None = None, headers: dict[str, str] | None = None, **fields: str) -> Response:
    """Fills in the form of a page (by default the one at `path`) and sends it."""
    form = hidden(client.get(page or path).text)
    return client.post(path, data=form | fields, headers=headers)


def sign_in(client: TestClient, username: str, password: str = PASSWORD, target: str = "") -> Response:
    """The first step."""
    return send(client, "/dang-nhap", f"/dang-nhap?tiep={target}" if target else None, username=username, password=password)


def shown_error(response: Response) -> str:
    found = re.search(r'role="alert">([^<]*)<', response.text)
    return found[1] if found else ""
