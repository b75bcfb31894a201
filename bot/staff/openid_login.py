"""/dang-nhap/co-quan: to the office's OpenID provider and back. It stands in for the password; the second factor stays ours."""

from __future__ import annotations

import hashlib
import logging
import secrets

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from bot.staff.guard import CODE_LENGTH, local_path, masked_address, network
from bot.staff.login import LoginParts, go_on, login_page
from bot.staff.openid import OfficeLogin, ProviderDown, TokenRefused
from knowledge.store import Actor, LoginBegun, Subject

logger = logging.getLogger("trogiup.staff")

HERE = "/dang-nhap/co-quan"
BACK = "/dang-nhap/co-quan/ve"
"""What the office registers at its provider as redirect URI, behind the address of the service."""
_COOKIE = "trogiup_office"
_LONGEST = 4000
"""Letters of a code or state that are looked at."""


def build_office_login(parts: LoginParts, office: OfficeLogin) -> APIRouter:
    """The two routes: off to the provider, and back."""
    router = APIRouter(include_in_schema=False)
    words, store = parts.pages.texts["login"], parts.staff.store

    def told(request: Request, name: str, status: int, target: str = "", **values: str) -> Response:
        return login_page(parts, request, status, words[name].format(**values), target=target)

    @router.get(HERE)
    async def leave(request: Request, tiep: str = "") -> Response:
        target = local_path(tiep) or ""
        if wait := parts.throttle.wait_for(network(request)):
            response = told(request, "too_many", 429, target)
            response.headers["Retry-After"] = str(wait)
            return response
        try:
            sent = await office.send_off(_back(request))
        except ProviderDown as error:
            logger.warning("event=office_login_down why=%s", error.context["why"])
            return told(request, "office_down", 502, target)
        token = secrets.token_urlsafe(32)
        expires_at = parts.staff.clock() + CODE_LENGTH
        begun = LoginBegun(_sha256(sent.state), _sha256(token), sent.nonce, sent.code_verifier, target, expires_at)
        await run_in_threadpool(store.identities.begin, begun)
        response = RedirectResponse(sent.url, 303)
        length, secure = int(CODE_LENGTH.total_seconds()), request.url.scheme == "https"
        response.set_cookie(_cookie(request), token, max_age=length, httponly=True, samesite="lax", secure=secure, path="/")
        return response

    @router.get(BACK)
    async def come_back(request: Request) -> Response:
        answer = {name: request.query_params.get(name, "")[:_LONGEST] for name in ("state", "code", "iss")}
        token = request.cookies.get(_cookie(request), "")
        begun = await run_in_threadpool(store.identities.take, _sha256(answer["state"]), _sha256(token))
        if begun is None:
            return told(request, "office_stale", 400)
        nobody = Actor(None, masked_address(request))

        def refused(name: str, status: int, why: str, account_id: str | None = None, **values: str) -> Response:
            store.audit.record(nobody, "sign_in_failed", Subject("account", account_id), after={"by_provider": True, "why": why})
            return told(request, name, status, begun.target, **values)

        if not answer["code"] or answer["iss"] not in ("", office.issuer):  # the second: RFC 9207
            return await run_in_threadpool(refused, "office_refused", 400, "no code")
        try:
            remembered = {"nonce": begun.nonce, "code_verifier": begun.code_verifier}
            person = await office.person(answer["code"], **remembered, redirect_uri=_back(request))
        except ProviderDown as error:
            logger.warning("event=office_login_down why=%s", error.context["why"])
            return told(request, "office_down", 502, begun.target)
        except TokenRefused as error:
            return await run_in_threadpool(refused, "office_refused", 400, error.why)

        def let_in() -> Response:
            account = store.identities.account_for(office.issuer, person.subject, person.email, nobody)
            if account is None:
                return refused("office_unknown", 403, "unknown", subject=person.subject)
            if account.disabled_at is not None:
                return refused("office_disabled", 403, "disabled", account.account_id)
            wait = account.totp_confirmed_at is not None
            onward = go_on(parts, account.account_id, request, begun.target, second_factor=False, wait=wait, by_provider=True)
            onward.delete_cookie(_cookie(request), path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https")
            return onward

        return await run_in_threadpool(let_in)

    return router


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{BACK}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _cookie(request: Request) -> str:
    return f"__Host-{_COOKIE}" if request.url.scheme == "https" else _COOKIE
