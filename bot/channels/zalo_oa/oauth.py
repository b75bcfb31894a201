"""Zalo's OAuth v4 for an Official Account: the calls that give tokens, and nothing about keeping them.

Source: Zalo for Developers, "Official Account API – Xác thực và ủy quyền"; POST {oauth}/v4/oa/access_token, header secret_key (the app's
secret), form app_id and grant_type. An access token lives about 25 hours, a refresh token 3 months and is spent by its first use.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from knowledge.errors import TrogiupError

USED = -14020
"""The refresh token has been used before."""
_TIMEOUT = httpx.Timeout(10)
_LIFE = timedelta(hours=1)
"""Of a token whose expires_in cannot be read: the shortest that any source tells of."""


class TokenRefused(TrogiupError):
    """Zalo gives no token for this. `code`: what it says, 0 when it says nothing."""

    def __init__(self, advice: str, code: int) -> None:
        super().__init__(advice, code=code)
        self.code = code


class TokenUnanswered(TrogiupError):
    """Zalo did not answer, so that nobody knows whether the token is spent."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token and the refresh token that was given with it."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OAuth:
    """One app at Zalo. `base`: https://oauth.zaloapp.com."""

    base: str
    app_id: str
    app_secret: str = field(repr=False)

    def permission_url(self, redirect_uri: str, verifier: str) -> str:
        """Where the OA's administrator allows the app (PKCE): Zalo then opens `redirect_uri` with ?code=…

        `verifier`: 43 random letters and digits, kept for `first`.
        """
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {"app_id": self.app_id, "redirect_uri": redirect_uri, "code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{self.base.rstrip('/')}/v4/oa/permission?{urlencode(asked)}"

    async def first(self, client: httpx.AsyncClient, code: str, verifier: str, now: datetime) -> Pair:
        """The first tokens, for the code that `redirect_uri` was called with. TokenRefused, TokenUnanswered."""
        return await self._ask(client, {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}, now)

    async def refresh(self, client: httpx.AsyncClient, refresh_token: str, now: datetime) -> Pair:
        """New tokens; the refresh token is spent by it, whatever comes back. TokenRefused, TokenUnanswered."""
        return await self._ask(client, {"grant_type": "refresh_token", "refresh_token": refresh_token}, now)

    async def _ask(self, client: httpx.AsyncClient, grant: dict[str, str], now: datetime) -> Pair:
        url, form = f"{self.base.rstrip('/')}/v4/oa/access_token", {"app_id": self.app_id, **grant}
        try:
            answer = await client.post(url, data=form, headers={"secret_key": self.app_secret}, timeout=_TIMEOUT)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise TokenUnanswered("Zalo does not answer when asked for a token; it is asked again.", why=type(error).__name__) from None
        if answer.status_code >= 500 or not isinstance(told, dict):
            raise TokenUnanswered("Zalo does not answer when asked for a token; it is asked again.", status=answer.status_code)
        return _pair(told, now)


def _pair(told: dict[str, Any], now: datetime) -> Pair:
    access, refresh = told.get("access_token"), told.get("refresh_token")
    if isinstance(access, str) and isinstance(refresh, str) and access and refresh:
        seconds = str(told.get("expires_in", ""))
        life = timedelta(seconds=int(seconds)) if seconds.isascii() and seconds.isdigit() and len(seconds) < 9 else _LIFE
        return Pair(access, refresh, now + life)
    code = told.get("error")
    code = code if isinstance(code, int) and not isinstance(code, bool) else 0
    if code == USED:
        raise TokenRefused("The refresh token of Zalo OA has been used before: get new ones with trogiup channels setup zalo-oa.", code)
    raise TokenRefused(f"Zalo OA gives no token (code {code}): run trogiup channels setup zalo-oa.", code)
