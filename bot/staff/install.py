"""Hangs the pages of accounts into the application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from bot.staff.admin import build_admin
from bot.staff.audit_view import build_audit_view
from bot.staff.dead_letters import build_dead_letters
from bot.staff.guard import FormRefused, RoleLacking, SignInNeeded, Staff
from bot.staff.login import LoginParts, build_login, login_throttle
from bot.staff.openid import OfficeLogin
from bot.staff.openid_login import build_office_login
from bot.staff.own_account import build_own_account
from bot.staff.passwords import Passwords
from bot.staff.render import StaffPages, wants_page
from knowledge.errors import StoreError
from knowledge.store import Store


def install_staff(
    app: FastAPI,
    store: Store,
    clock: Callable[[], datetime],
    passwords: Passwords | None = None,
    refusal_s: float = 0.3,
    office: OfficeLogin | None = None,
) -> Staff:
    """Adds the routes and what a browser is shown when it may not; returns what other pages for staff depend on. `office`: the office's
    own log-in beside the passwords.
    """
    pages, kept = StaffPages(), passwords or Passwords.load()
    staff = Staff(store, clock)
    parts = LoginParts(staff, pages, kept, login_throttle(), refusal_s, office)
    own = [build_login(parts), build_own_account(parts)]
    if office:
        own.append(build_office_login(parts, office))
    issuer = office.issuer if office else None
    for router in (*own, build_admin(staff, pages, kept, issuer), build_audit_view(staff, pages), build_dead_letters(staff, pages)):
        app.include_router(router)
    _refusals(app, pages)
    return staff


def _refusals(app: FastAPI, pages: StaffPages) -> None:
    """A browser is led on or told in Vietnamese; a script gets a status and one line."""

    @app.exception_handler(SignInNeeded)
    async def sign_in(request: Request, error: SignInNeeded) -> Response:
        return RedirectResponse(error.path, 303) if wants_page(request) else JSONResponse({"detail": error.advice}, 401)

    @app.exception_handler(RoleLacking)
    async def lacking(request: Request, error: RoleLacking) -> Response:
        return pages.message("lacking", error.signed_in, 403) if wants_page(request) else JSONResponse({"detail": error.advice}, 403)

    @app.exception_handler(FormRefused)
    async def refused(request: Request, error: FormRefused) -> Response:
        return pages.message("stale", None, 403) if wants_page(request) else JSONResponse({"detail": error.advice}, 403)

    @app.exception_handler(StoreError)
    async def failed(request: Request, error: StoreError) -> Response:
        return pages.message("store", None, 503) if wants_page(request) else JSONResponse({"detail": error.advice}, 503)
