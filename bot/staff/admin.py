"""/quan-tri/tai-khoan: who works here and with which roles. For administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from bot.staff.guard import Form, SignedIn, Staff
from bot.staff.passwords import Passwords, one_time_password
from bot.staff.render import StaffPages
from knowledge.store import ROLES, Account, AccountRefused, Actor

HERE = "/quan-tri/tai-khoan"


def build_admin(staff: Staff, pages: StaffPages, passwords: Passwords, issuer: str | None = None) -> APIRouter:
    """The routes under /quan-tri/tai-khoan. `issuer`: the office's OpenID provider, to whose people accounts are bound."""
    router = APIRouter(include_in_schema=False)
    accounts, words = staff.store.accounts, pages.texts["admin"]
    administrator, form = staff.require("administrator"), staff.form()
    simple: dict[str, Callable[[str, Actor], None]] = {
        "khoa": accounts.disable,
        "mo": accounts.enable,
        "cho-dang-nhap": accounts.unlock,
        "bo-buoc-hai": accounts.reset_totp,
        "bo-co-quan": staff.store.identities.unbind,
    }

    def listing(me: SignedIn, status: int = 200, error: str | None = None, draft: Form | None = None, done: str = "") -> Response:
        return pages.show(
            "staff/accounts.html",
            me,
            status,
            here=HERE,
            accounts=accounts.list(),
            now=staff.clock(),
            roles=ROLES,
            error=error,
            done=words["done"].get(done),
            draft={"username": draft.get("username", "") if draft else "", **_person(draft or _EMPTY)},
        )

    def one(me: SignedIn, account: Account, status: int = 200, error: str | None = None, done: str = "") -> Response:
        shown: dict[str, Any] = {"account": account, "now": staff.clock(), "roles": ROLES, "error": error, "done": words["done"].get(done)}
        shown |= {"issuer": issuer, "identity": staff.store.identities.of(account.account_id)}
        return pages.show("staff/account_edit.html", me, status, here=HERE, **shown)

    def first_password(me: SignedIn, account: Account, password: str) -> Response:
        return pages.show("staff/first_password.html", me, here=HERE, account=account, password=password)

    @router.get(HERE)
    def show(xong: str = "", me: SignedIn = administrator) -> Response:
        return listing(me, done=xong)

    @router.post(HERE)
    async def add(me: SignedIn = administrator, fields: Form = form) -> Response:
        password = one_time_password()
        password_hash = await passwords.hash(password)

        def keep() -> Response:
            try:
                account = accounts.add(fields.get("username", ""), **_person(fields), password_hash=password_hash, by=me.actor)
            except AccountRefused as refused:
                return listing(me, 400, words["refused"][refused.reason], fields)
            return first_password(me, account, password)

        return await run_in_threadpool(keep)

    @router.get(HERE + "/{account_id}")
    def show_one(account_id: str, xong: str = "", me: SignedIn = administrator) -> Response:
        try:
            return one(me, accounts.get(account_id), done=xong)
        except AccountRefused as refused:
            return listing(me, 404, words["refused"][refused.reason])

    @router.post(HERE + "/{account_id}")
    def change(account_id: str, me: SignedIn = administrator, fields: Form = form) -> Response:
        return done_or_refused(me, account_id, lambda: accounts.change(account_id, **_person(fields), by=me.actor), "saved")

    @router.post(HERE + "/{account_id}/mat-khau")
    async def reset_password(account_id: str, me: SignedIn = administrator, fields: Form = form) -> Response:
        password = one_time_password()
        password_hash = await passwords.hash(password)

        def keep() -> Response:
            try:
                accounts.set_password(account_id, password_hash, must_change=True, by=me.actor)
            except AccountRefused as refused:
                return listing(me, 404, words["refused"][refused.reason])
            return first_password(me, accounts.get(account_id), password)

        return await run_in_threadpool(keep)

    @router.post(HERE + "/{account_id}/co-quan")
    def bind(account_id: str, me: SignedIn = administrator, fields: Form = form) -> Response:
        if issuer is None:
            return listing(me, 404, words["refused"]["unknown"])
        who = {"subject": fields.get("subject", ""), "email": fields.get("email", "")}
        return done_or_refused(me, account_id, lambda: staff.store.identities.bind(account_id, issuer, **who, by=me.actor), "co-quan")

    @router.post(HERE + "/{account_id}/{action}")
    def act(account_id: str, action: str, me: SignedIn = administrator, fields: Form = form) -> Response:
        if action not in simple:
            return listing(me, 404, words["refused"]["unknown"])
        return done_or_refused(me, account_id, lambda: simple[action](account_id, me.actor), action)

    def done_or_refused(me: SignedIn, account_id: str, change: Callable[[], None], done: str) -> Response:
        try:
            change()
        except AccountRefused as refused:
            error = words["refused"][refused.reason]
            return listing(me, 404, error) if refused.reason == "unknown" else one(me, accounts.get(account_id), 400, error)
        return RedirectResponse(f"{HERE}/{account_id}?xong={done}", 303)

    return router


_EMPTY: Form = Form([])


def _person(fields: Form) -> dict[str, Any]:
    """What a form says of a person."""
    return {"display_name": fields.get("display_name", ""), "phone": fields.get("phone", ""), "roles": fields.getlist("role")}
