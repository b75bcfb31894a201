"""/tai-khoan: one's own password, second factor and sessions. Whatever weakens the account asks for the password again."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from bot.staff import second_factor as totp
from bot.staff.guard import Form, SignedIn
from bot.staff.login import LoginParts, go_on, recovery_page, refused_password, set_own_password

HERE = "/tai-khoan"


def build_own_account(parts: LoginParts) -> APIRouter:
    """The routes under /tai-khoan, for everybody who is signed in."""
    router = APIRouter(include_in_schema=False)
    staff, pages = parts.staff, parts.pages
    words = pages.texts["password"]
    anybody, form = staff.require(), staff.form()

    def page(me: SignedIn, status: int = 200, done: str = "", error: str | None = None) -> Response:
        account_id = me.account.account_id
        return pages.show(
            "staff/account.html",
            me,
            status,
            here=HERE,
            sessions=staff.store.sessions.of(account_id),
            codes_left=staff.store.accounts.recovery_codes_left(account_id),
            done=pages.texts["account"]["done"].get(done),
            error=error,
        )

    async def refused(me: SignedIn, fields: Form) -> str | None:
        """Why what is asked for may not be done: the present password is wrong, or was too often."""
        accounts, account_id = staff.store.accounts, me.account.account_id
        credentials = await run_in_threadpool(accounts.attempt_again, account_id)
        if credentials is None:
            return str(words["locked"])
        if not await parts.passwords.verify(credentials.password_hash, fields.get("password", "")):
            await run_in_threadpool(accounts.attempt_failed, account_id, me.actor)
            return str(words["wrong"])
        return None if await run_in_threadpool(accounts.attempt_held, credentials) else str(words["wrong"])

    @router.get(HERE)
    def show(xong: str = "", me: SignedIn = anybody) -> Response:
        return page(me, done=xong)

    @router.post(HERE + "/mat-khau")
    async def change_password(request: Request, me: SignedIn = anybody, fields: Form = form) -> Response:
        error = await refused(me, fields)
        if error is None and (name := await refused_password(parts, me, fields)):
            error = str(words[name])
        if error:
            return await run_in_threadpool(page, me, 400, "", error)
        await set_own_password(parts, me, fields.get("new", ""))
        return await run_in_threadpool(again, me, request, f"{HERE}?xong=password")

    def again(me: SignedIn, request: Request, target: str, second_factor: bool | None = None) -> Response:
        kept = me.session.second_factor if second_factor is None else second_factor
        by_provider = me.session.by_provider
        return go_on(parts, me.account.account_id, request, target, second_factor=kept, by_provider=by_provider)

    @router.post(HERE + "/ma-du-phong")
    async def new_codes(request: Request, me: SignedIn = anybody, fields: Form = form) -> Response:
        if error := await refused(me, fields):
            return await run_in_threadpool(page, me, 400, "", error)
        codes = totp.new_recovery_codes()

        def keep() -> Response:
            staff.store.accounts.replace_recovery_codes(me.account.account_id, [totp.recovery_hash(code) for code in codes], me.actor)
            return recovery_page(parts, codes, RedirectResponse(HERE, 303))

        return await run_in_threadpool(keep)

    @router.post(HERE + "/buoc-hai")
    async def new_second_factor(request: Request, me: SignedIn = anybody, fields: Form = form) -> Response:
        if error := await refused(me, fields):
            return await run_in_threadpool(page, me, 400, "", error)

        def take_off() -> Response:
            staff.store.accounts.reset_totp(me.account.account_id, me.actor)
            return again(me, request, "/dang-nhap/buoc-hai", second_factor=False)

        return await run_in_threadpool(take_off)

    @router.post(HERE + "/phien")
    def end_session(me: SignedIn = anybody, fields: Form = form) -> Response:
        own = {session.session_id for session in staff.store.sessions.of(me.account.account_id)}
        if (wanted := fields.get("session", "")) in own:
            staff.store.sessions.end(wanted)
        return RedirectResponse(f"{HERE}?xong=session", 303)

    return router
