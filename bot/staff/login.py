"""Signing in, in up to four steps: the password, the code, a password of one's own, the second factor set up. And signing out."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from bot.staff import second_factor as totp
from bot.staff.guard import (
    STEP_PATHS,
    Form,
    FormRefused,
    SignedIn,
    Staff,
    local_path,
    masked_address,
    network,
    read_form,
    same_secret,
    with_next,
)
from bot.staff.openid import OfficeLogin
from bot.staff.passwords import Passwords
from bot.staff.render import StaffPages, first_page
from bot.throttle import Throttle
from knowledge.store import Account, Actor, Credentials, Subject

_COOKIE = "trogiup_login"
_KEPT_IN_ADDRESS = "/%:?#[]@!$&'()*+,;="
"""What has a meaning in an address (RFC 3986, 2.2) or was quoted before; a header takes no other letters than ASCII."""


@dataclass(frozen=True)
class LoginParts:
    """What the pages of the log-in need. `refusal_s`: every refusal takes that long or a multiple, so that time tells nothing. `office`:
    the provider beside the passwords, where the office has one.
    """

    staff: Staff
    pages: StaffPages
    passwords: Passwords
    throttle: Throttle
    refusal_s: float = 0.3
    office: OfficeLogin | None = None


def login_throttle() -> Throttle:
    """For each network address: twenty attempts at once, then one in thirty seconds."""
    return Throttle(rate=1 / 30, burst=20)


def build_login(parts: LoginParts) -> APIRouter:
    """The routes under /dang-nhap, and /dang-xuat."""
    router = APIRouter(include_in_schema=False)
    _password_step(router, parts)
    _code_step(router, parts)
    _new_password_step(router, parts)
    _setup_step(router, parts)
    _sign_out(router, parts)
    return router


def go_on(
    parts: LoginParts,
    account_id: str,
    request: Request,
    target: str,
    *,
    second_factor: bool,
    wait: bool = False,
    by_provider: bool = False,
) -> Response:
    """A new session, and on to the next step or to `target`."""
    account = parts.staff.store.accounts.get(account_id)
    response = RedirectResponse("/", 303)
    me = parts.staff.begin(request, response, account, second_factor=second_factor, wait_for_code=wait, by_provider=by_provider)
    if me.step is None:
        parts.staff.store.accounts.attempts_done(account_id)
        after = {"by_provider": True} if by_provider else None
        parts.staff.store.audit.record(me.actor, "signed_in", Subject("account", account_id), after=after)
    response.headers["location"] = _next_path(parts, me, target)
    return response


def _next_path(parts: LoginParts, me: SignedIn, target: str) -> str:
    if me.step:
        return with_next(STEP_PATHS[me.step], target)
    return quote(local_path(target) or first_page(parts.pages.texts, me), safe=_KEPT_IN_ADDRESS)


def login_page(
    parts: LoginParts, request: Request, status: int = 200, error: str | None = None, username: str = "", target: str = ""
) -> Response:
    """The first page of the log-in, with the cookie that its form is held against."""
    known = request.cookies.get(_cookie(request), "")
    token = known if 20 <= len(known) <= 100 else secrets.token_urlsafe(24)
    response = parts.pages.show(
        "staff/login.html",
        None,
        status,
        error=error,
        username=username,
        target=target,
        token=token,
        office=parts.office is not None,
    )
    if token != known:
        secure = request.url.scheme == "https"
        response.set_cookie(_cookie(request), token, httponly=True, samesite="lax", secure=secure, path="/")
    return response


def _password_step(router: APIRouter, parts: LoginParts) -> None:
    staff, words = parts.staff, parts.pages.texts["login"]
    whoever = staff.whoever()

    def page(request: Request, status: int = 200, error: str | None = None, username: str = "", target: str = "") -> Response:
        return login_page(parts, request, status, error, username, target)

    @router.get("/dang-nhap")
    def show(request: Request, tiep: str = "", found: SignedIn | None = whoever) -> Response:
        if found:
            return RedirectResponse(_next_path(parts, found, tiep), 303)
        return page(request, target=local_path(tiep) or "")

    @router.post("/dang-nhap")
    async def sign_in(request: Request) -> Response:
        began = asyncio.get_running_loop().time()
        fields = await read_form(request)
        username, target = fields.get("username", "")[:200], local_path(fields.get("tiep", "")) or ""
        if not same_secret(fields.get("csrf", ""), request.cookies.get(_cookie(request), "")):
            return page(request, 403, words["stale"], username, target)
        if wait := parts.throttle.wait_for(network(request)):
            response = page(request, 429, words["too_many"], username, target)
            response.headers["Retry-After"] = str(wait)
            return response
        credentials = await run_in_threadpool(staff.store.accounts.attempt, username)
        right = await parts.passwords.verify(credentials.password_hash if credentials else None, fields.get("password", ""))
        if credentials and right and await run_in_threadpool(staff.store.accounts.attempt_held, credentials):
            await _renew_hash(parts, credentials, fields.get("password", ""))
            return await run_in_threadpool(_password_right, parts, credentials.account, request, target)
        if credentials and not right:
            nobody = Actor(None, masked_address(request))
            await run_in_threadpool(staff.store.accounts.attempt_failed, credentials.account.account_id, nobody)
        await asyncio.sleep(rest_of(parts.refusal_s, asyncio.get_running_loop().time() - began))
        return page(request, 400, words["wrong"], username, target)


def rest_of(unit: float, elapsed: float) -> float:
    """Seconds until the next whole `unit` since the beginning: also a refusal that took longer than one tells nothing by how much."""
    return unit - elapsed % unit if unit else 0.0


def _password_right(parts: LoginParts, account: Account, request: Request, target: str) -> Response:
    return go_on(parts, account.account_id, request, target, second_factor=False, wait=account.totp_confirmed_at is not None)


async def _renew_hash(parts: LoginParts, credentials: Credentials, password: str) -> None:
    if parts.passwords.is_outdated(credentials.password_hash):
        newer = await parts.passwords.hash(password)
        await run_in_threadpool(parts.staff.store.accounts.rehash, credentials.account.account_id, credentials.password_hash, newer)


def _code_step(router: APIRouter, parts: LoginParts) -> None:
    staff, pages, words = parts.staff, parts.pages, parts.pages.texts["login"]
    waiting, form = staff.at_step("code"), staff.form()

    @router.get("/dang-nhap/ma")
    def show(tiep: str = "", me: SignedIn = waiting) -> Response:
        return pages.show("staff/code.html", me, target=local_path(tiep) or "", error=None)

    @router.post("/dang-nhap/ma")
    def check(request: Request, me: SignedIn = waiting, fields: Form = form) -> Response:
        target, code, account_id = fields.get("tiep", ""), fields.get("code", "")[:100], me.account.account_id
        accounts = staff.store.accounts
        credentials = accounts.attempt_again(account_id)
        fits = credentials is not None and _code_fits(parts, credentials, code, me.actor)
        if credentials is None or not fits or not accounts.attempt_held(credentials):
            if credentials and not fits:
                accounts.attempt_failed(account_id, Actor(None, me.address))
            error = words["code_wrong" if credentials else "code_locked"]
            return pages.show("staff/code.html", me, 400, target=local_path(target) or "", error=error)
        return go_on(parts, account_id, request, target, second_factor=True, by_provider=me.session.by_provider)


def _code_fits(parts: LoginParts, credentials: Credentials, code: str, actor: Actor) -> bool:
    account_id, accounts = credentials.account.account_id, parts.staff.store.accounts
    step = totp.matching_step(credentials.totp_secret, code, parts.staff.clock())
    if step is not None:
        return accounts.use_totp_step(account_id, step)
    return accounts.use_recovery_code(account_id, totp.recovery_hash(code), actor)


def _new_password_step(router: APIRouter, parts: LoginParts) -> None:
    staff, pages, words = parts.staff, parts.pages, parts.pages.texts["password"]
    waiting, form = staff.at_step("password"), staff.form()

    @router.get("/dang-nhap/mat-khau-moi")
    def show(tiep: str = "", me: SignedIn = waiting) -> Response:
        return pages.show("staff/new_password.html", me, target=local_path(tiep) or "", error=None)

    @router.post("/dang-nhap/mat-khau-moi")
    async def change(request: Request, me: SignedIn = waiting, fields: Form = form) -> Response:
        error = await refused_password(parts, me, fields)
        target = fields.get("tiep", "")
        if error:
            return pages.show("staff/new_password.html", me, 400, target=local_path(target) or "", error=words[error])
        await set_own_password(parts, me, fields.get("new", ""))
        second_factor = me.session.second_factor
        return await run_in_threadpool(go_on, parts, me.account.account_id, request, target, second_factor=second_factor)


async def refused_password(parts: LoginParts, me: SignedIn, fields: Form) -> str | None:
    """The name of the text that says why the fields `new` and `again` cannot be the new password; None where they can."""
    new = fields.get("new", "")
    if new != fields.get("again", ""):
        return "differ"
    if weakness := parts.passwords.weakness(new, me.account.username):
        return weakness
    credentials = await run_in_threadpool(parts.staff.store.accounts.credentials, me.account.account_id)
    return "same" if await parts.passwords.verify(credentials.password_hash, new) else None


async def set_own_password(parts: LoginParts, me: SignedIn, new: str) -> None:
    """Keep it; every session of the account ends."""
    password_hash = await parts.passwords.hash(new)

    def keep() -> None:
        parts.staff.store.accounts.set_password(me.account.account_id, password_hash, must_change=False, by=me.actor)

    await run_in_threadpool(keep)


def _setup_step(router: APIRouter, parts: LoginParts) -> None:
    staff, pages, words = parts.staff, parts.pages, parts.pages.texts["second_factor"]
    waiting, form = staff.at_step("setup", None), staff.form()

    def page(me: SignedIn, target: str, status: int = 200, error: str | None = None) -> Response:
        if me.account.totp_confirmed_at is not None:
            return RedirectResponse("/tai-khoan", 303)
        secret = staff.store.accounts.offer_totp(me.account.account_id, totp.new_secret())
        qr = totp.qr(totp.provisioning_uri(secret, me.account.username, pages.texts["site"]["name"]))
        groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        return pages.show("staff/second_factor.html", me, status, target=local_path(target) or "", qr=qr, secret=groups, error=error)

    @router.get("/dang-nhap/buoc-hai")
    def show(tiep: str = "", me: SignedIn = waiting) -> Response:
        return page(me, tiep)

    @router.post("/dang-nhap/buoc-hai")
    def confirm(request: Request, me: SignedIn = waiting, fields: Form = form) -> Response:
        target = fields.get("tiep", "")
        credentials = staff.store.accounts.credentials(me.account.account_id)
        step = totp.matching_step(credentials.totp_secret, fields.get("code", "")[:100], staff.clock())
        if step is None:
            return page(me, target, 400, words["wrong"])
        codes = totp.new_recovery_codes()
        hashes = [totp.recovery_hash(code) for code in codes]
        if not staff.store.accounts.confirm_totp(me.account.account_id, step, hashes, me.actor):
            return RedirectResponse("/tai-khoan", 303)
        onward = go_on(parts, me.account.account_id, request, target, second_factor=True, by_provider=me.session.by_provider)
        return recovery_page(parts, codes, onward)


def recovery_page(parts: LoginParts, codes: list[str], onward: Response) -> Response:
    """The codes, shown this once, under the cookies of `onward`, with a link to where that leads."""
    target = onward.headers["location"]
    response = parts.pages.show("staff/recovery_codes.html", None, codes=codes, target=target)
    for cookie in onward.headers.getlist("set-cookie"):
        response.headers.append("set-cookie", cookie)
    return response


def _sign_out(router: APIRouter, parts: LoginParts) -> None:
    staff = parts.staff
    whoever, form = staff.whoever(), staff.form()

    @router.post("/dang-xuat")
    def sign_out(request: Request, fields: Form = form, me: SignedIn | None = whoever) -> Response:
        if me is None:
            raise FormRefused
        everywhere = "everywhere" in fields
        if everywhere:
            staff.store.sessions.end_all(me.account.account_id)
        response = RedirectResponse("/dang-nhap", 303)
        staff.end(request, response)
        staff.store.audit.record(me.actor, "signed_out", Subject("account", me.account.account_id), after={"everywhere": everywhere})
        return response


def _cookie(request: Request) -> str:
    return f"__Host-{_COOKIE}" if request.url.scheme == "https" else _COOKIE
