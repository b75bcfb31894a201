"""Who is signed in, and who may: sessions by cookie, roles, and forms that only our own pages can send.

One rule for sessions: 12 hours after log-in one signs in again (the longest shift; NIST SP 800-63B, 4.2.3), and 60 minutes without a
request end it, but not for who has the role duty_officer: that telephone lies locked in a pocket through a night shift and must be able
to take a case at once; a page that asks for a password then costs the minute that somebody in danger has not got.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Depends, Request, Response
from starlette.datastructures import ImmutableMultiDict

from bot.bodies import BodyTooLarge, read_up_to
from bot.web.pages import MAX_BODY, same_origin
from knowledge.errors import StoreError, TrogiupError
from knowledge.store import Account, Actor, Session, Store

SESSION_LENGTH = timedelta(hours=12)
IDLE_LENGTH = timedelta(minutes=60)
CODE_LENGTH = timedelta(minutes=10)
"""How long a password that was right waits for its code."""
NEED_SECOND_FACTOR = ("administrator", "duty_officer")
COOKIE = "trogiup_staff"
_SEEN_EVERY = timedelta(seconds=60)
_MAX_FIELDS = 100
_MAX_PATH = 500
_MAX_BROWSER = 200

Step = Literal["code", "password", "setup"]
Form = ImmutableMultiDict[str, str]
STEP_PATHS: dict[Step, str] = {"code": "/dang-nhap/ma", "password": "/dang-nhap/mat-khau-moi", "setup": "/dang-nhap/buoc-hai"}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody at a browser. `csrf` goes into every form as the hidden field "csrf", or into the header X-CSRF-Token."""

    account: Account
    session: Session
    address: str | None

    @property
    def csrf(self) -> str:
        """What proves that a form comes from our own page."""
        return self.session.csrf_secret

    @property
    def actor(self) -> Actor:
        """For the audit log."""
        return Actor(self.account.account_id, self.address)

    @property
    def step(self) -> Step | None:
        """What is still to be done before anything else; None once signed in altogether."""
        if self.account.totp_confirmed_at is not None and not self.session.second_factor:
            return "code"
        if self.account.must_change_password:
            return "password"
        return "setup" if self.account.totp_confirmed_at is None and self.account.has(*NEED_SECOND_FACTOR) else None

    def has(self, *roles: str) -> bool:
        """Whether the account has one of these roles."""
        return self.account.has(*roles)


class SignInNeeded(TrogiupError):
    """Nobody is signed in, or not altogether; `path` is where that is done."""

    def __init__(self, path: str) -> None:
        super().__init__("Sign in first.", path=path)
        self.path = path


class RoleLacking(TrogiupError):
    """Signed in, without a role that this asks for."""

    def __init__(self, signed_in: SignedIn) -> None:
        super().__init__("This account has no role that may do this.", account_id=signed_in.account.account_id)
        self.signed_in = signed_in


class FormRefused(TrogiupError):
    """A form that does not come from our own page of this session, or is too long."""

    def __init__(self) -> None:
        super().__init__("The form is out of date: open the page again.")


class Staff:
    """What routes for staff depend on; see the example in bot/staff/__init__.py."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    ) -> None:
        """`new_token` draws what cannot be guessed: at least 256 random bits."""
        self.store = store
        self.clock = clock
        self._new_token = new_token

    # --- dependencies of routes

    def found(self, request: Request) -> SignedIn | None:
        """Whose session the cookie names, also where a step of the log-in is missing."""
        token = request.cookies.get(_cookie_name(request))
        found = self.store.sessions.find(_session_id(token)) if token else None
        if found is None:
            return None
        account, session = found
        now = self.clock()
        if now - session.seen_at > IDLE_LENGTH and not account.has("duty_officer"):
            self.store.sessions.end(session.session_id)
            return None
        if now - session.seen_at > _SEEN_EVERY:
            with contextlib.suppress(StoreError):  # a busy database must not shut the duty desk
                self.store.sessions.seen(session.session_id)
        return SignedIn(account, session, masked_address(request))

    def require(self, *roles: str) -> Any:
        """The default of a parameter `me: SignedIn`: who is signed in and has one of `roles` (none given: anybody signed in).

        Raises SignInNeeded (a browser is sent to the log-in and comes back, everybody else gets 401) and RoleLacking (403).
        """
        whoever = self.whoever()

        def signed_in(request: Request, found: SignedIn | None = whoever) -> SignedIn:
            if found is None or found.step is not None:
                raise SignInNeeded(with_next(STEP_PATHS[found.step] if found and found.step else "/dang-nhap", here(request)))
            if roles and not found.has(*roles):
                raise RoleLacking(found)
            return found

        return Depends(signed_in)

    def at_step(self, *steps: Step | None) -> Any:
        """The default of a parameter `me: SignedIn`: whoever is at one of these steps of the log-in; others are sent to where they are."""
        whoever = self.whoever()

        def signed_in(request: Request, found: SignedIn | None = whoever) -> SignedIn:
            if found is None or found.step not in steps:
                target = request.query_params.get("tiep", "")
                raise SignInNeeded(with_next(STEP_PATHS[found.step] if found and found.step else "/dang-nhap", target))
            return found

        return Depends(signed_in)

    def whoever(self) -> Any:
        """The default of a parameter `found: SignedIn | None`; see `found`."""
        return Depends(self.found)

    def form(self, most: int = MAX_BODY) -> Any:
        """The default of a parameter `fields: Form`: a form from our own page, at most `most` bytes. Raises FormRefused."""
        whoever = self.whoever()

        async def form(request: Request, found: SignedIn | None = whoever) -> Form:
            fields = await read_form(request, most)
            if found is None or not same_secret(request.headers.get("x-csrf-token") or fields.get("csrf", ""), found.csrf):
                raise FormRefused
            return fields

        return Depends(form)

    # --- sessions

    def begin(
        self, request: Request, response: Response, account: Account, *, second_factor: bool, wait_for_code: bool = False
    ) -> SignedIn:
        """A new session under a new token, whatever cookie came along (session fixation); the one of that cookie ends."""
        name, token, address = _cookie_name(request), self._new_token(), masked_address(request)
        if before := request.cookies.get(name):
            self.store.sessions.end(_session_id(before))
        session = self.store.sessions.open(
            _session_id(token),
            account.account_id,
            expires_at=self.clock() + (CODE_LENGTH if wait_for_code else SESSION_LENGTH),
            csrf_secret=self._new_token(),
            second_factor=second_factor,
            address=address,
            browser=request.headers.get("user-agent", "")[:_MAX_BROWSER] or None,
        )
        secure, length = request.url.scheme == "https", int(SESSION_LENGTH.total_seconds())
        response.set_cookie(name, token, max_age=length, httponly=True, samesite="lax", secure=secure, path="/")
        return SignedIn(account, session, address)

    def end(self, request: Request, response: Response) -> None:
        """The session of this browser is over."""
        name = _cookie_name(request)
        if token := request.cookies.get(name):
            self.store.sessions.end(_session_id(token))
        response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https")


async def read_form(request: Request, most: int = MAX_BODY) -> Form:
    """The fields of a form that our own site sent, as far as the browser tells. Raises FormRefused."""
    if not same_origin(request):
        raise FormRefused
    try:
        body = await read_up_to(most, request.stream())
        return ImmutableMultiDict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except (BodyTooLarge, ValueError) as error:
        raise FormRefused from error


def same_secret(one: str, other: str) -> bool:
    """In constant time; two empty ones are not the same."""
    return bool(one) and secrets.compare_digest(one.encode(), other.encode())


def here(request: Request) -> str:
    """The address asked for, where it can be asked for again."""
    return f"{request.url.path}?{request.url.query}".rstrip("?") if request.method in {"GET", "HEAD"} else ""


def with_next(path: str, target: str) -> str:
    """`path` with the address to go on to."""
    return f"{path}?tiep={quote(target, safe='/')}" if local_path(target) else path


def local_path(target: str) -> str | None:
    """`target` where it is a path of this site; None for every other address, however it is disguised."""
    if len(target) > _MAX_PATH or not target.isprintable() or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target


def masked_address(request: Request) -> str | None:
    """The network address without its last octet (IPv6: the first 48 bits): enough to see a pattern, too little to name a person."""
    address = _address(request)
    if address is None:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return f"{str(address).rpartition('.')[0]}.x"
    return f"{ipaddress.ip_network((address, 48), strict=False).network_address}x"


def network(request: Request) -> str:
    """Whom a limit by address counts as one: an IPv4 address, or the first 64 bits of IPv6, which one line has all to itself (RFC 6177)."""
    address = _address(request)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _address(request: Request) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The network address; IPv4 also where a socket for both writes it as IPv6."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _session_id(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _cookie_name(request: Request) -> str:
    """Over https a name that no other host of the domain can set (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{COOKIE}" if request.url.scheme == "https" else COOKIE
