"""The Official Account as a channel: what arrives, what is said, and what Zalo's answers mean.

POST {base}/v3.0/oa/message/cs, header access_token. HTTP 200 with "error": 0 is a success; every other number in a 200 is a failure.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.channels.model import Gone, Incoming, Later, NotSent, Pace, Refused, Reply, Uncertain
from bot.channels.zalo_oa.events import NAME, Events
from bot.channels.zalo_oa.oauth import OAuth
from bot.channels.zalo_oa.render import merge, render
from bot.channels.zalo_oa.signature import Signature
from bot.channels.zalo_oa.tokens import TokenKeeper, pending_path
from bot.settings import Settings
from knowledge.errors import SettingsError
from knowledge.store import Store

logger = logging.getLogger("trogiup.zalo_oa")

# Codes of OpenAPI, "Bảng mã lỗi" as mirrored by several projects. What is not named here is Refused: it is looked at by somebody.
TOKEN_CODES = frozenset({-216, -220})
"""The access token is not valid (any more)."""
_BUSY = -32
"""Too many calls in this minute, of the app or the OA."""
_GONE = {-213: "has unfollowed the account", -227: "is blocked by Zalo or was away for over 45 days", -244: "has restricted the account"}
_OUTSIDE = frozenset({-211, -218, -230, -232, -305, -311})
"""The person wrote too long ago, or the messages free to send are spent."""
_BUSY_S, _RETRY_MOST_S = 60.0, 3600.0


@dataclass(eq=False, slots=True)
class ZaloOA:
    """See bot.channels.model.Channel. `quota` messages within `window` of what the person wrote last are free; danger may exceed it."""

    base: str
    signature: Signature
    tokens: TokenKeeper
    client: httpx.AsyncClient
    clock: Callable[[], datetime]
    name: str = NAME
    pace: Pace = field(default=Pace(total=10.0))
    """Zalo limits calls per minute by the account's package; 10 a second is what deployed helpdesks keep to."""
    quota: int = 8
    window: timedelta = timedelta(hours=48)
    timeout_s: float = 8.0
    """To connect, to write, and between two parts of an answer."""

    @classmethod
    def of(cls, settings: Settings, store: Store, clock: Callable[[], datetime]) -> ZaloOA:
        """The account of the settings. SettingsError names what is missing."""
        wanted = ("zalo_oa_app_id", "zalo_oa_secret", "zalo_app_secret")
        missing = [f"TROGIUP_{name.upper()}" for name in wanted if not getattr(settings, name)]
        if missing:
            raise SettingsError(f"For Zalo OA {' and '.join(missing)} must be set too.")
        app_id, secret, app_secret = (str(getattr(settings, name)) for name in wanted)
        client = httpx.AsyncClient()
        by = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        oauth = OAuth(settings.zalo_oauth_base_url, app_id, app_secret)
        first, pending = settings.zalo_oa_refresh_token, pending_path(settings.home)
        tokens = TokenKeeper(store.tokens, oauth, client, clock, first=first, pending=pending, by=by)
        return cls(settings.zalo_oa_base_url, Signature(app_id, secret), tokens, client, clock)

    async def run(self) -> None:
        """The upkeep of the tokens, until it is cancelled."""
        await self.tokens.run()

    def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a webhook call is signed. Never raises."""
        return self.signature.verify(headers, body)

    def is_probe(self, body: bytes) -> bool:
        """Whether it is the empty call of Zalo's console."""
        return self.signature.is_probe(body)

    def read(self, payload: Any) -> tuple[Incoming, ...]:
        """See events.py."""
        return Events(self.clock).read(payload)

    def render(self, reply: Reply, chat: str) -> tuple[Mapping[str, Any], ...]:
        """See render.py."""
        return render(reply, chat)

    def merge(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Several messages to one chat as few, which the quota wants."""
        return merge(calls)

    async def send(self, call: Mapping[str, Any]) -> str | None:
        """The id of the message. A token that is not valid any more is renewed, once. Later, Uncertain, Refused, Gone."""
        token = await self.tokens.access()
        answer = await self._post(call, token)
        if answer.get("error") in TOKEN_CODES:
            answer = await self._post(call, await self.tokens.renewed(token))
        if answer["error"]:
            raise _failure(answer["error"], answer.get("message"))
        told = answer.get("data")
        return str(told["message_id"]) if isinstance(told, dict) and told.get("message_id") else None

    async def typing(self, chat: str) -> None:
        """The OpenAPI has no such call."""

    async def close(self) -> None:
        """Gives the connections back, when no renewal of the tokens is under way any more."""
        await self.tokens.close()
        await self.client.aclose()

    async def _post(self, call: Mapping[str, Any], token: str) -> dict[str, Any]:
        """What Zalo answers, with `error` a number. Later, Uncertain, Refused."""
        url = f"{self.base.rstrip('/')}/v3.0/oa/message/cs"
        try:
            answer = await self.client.post(url, json=call, headers={"access_token": token}, timeout=self.timeout_s)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise Later("Zalo cannot be reached.", everyone=True) from None
        except httpx.HTTPError as error:  # it was written, in part at least
            raise Uncertain(f"Zalo did not answer in time ({type(error).__name__}).") from None
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Later("Zalo asks to write slower.", _retry_after(answer), everyone=True)
        if answer.status_code >= 500:
            raise Later(f"Zalo is out of order (HTTP {answer.status_code}).", _retry_after(answer, 0.0), everyone=True)
        if answer.status_code != httpx.codes.OK:
            raise Refused(f"Zalo refuses (HTTP {answer.status_code}).")
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict) or not isinstance(told.get("error"), int):
            raise Uncertain("Zalo answered in a way that is not documented.")
        return told


def _failure(code: int, message: object) -> NotSent:
    """What an error code means for the message. The service's own words go to the log and the list of what was not sent: codes change."""
    said = re.sub(r"[^\w .,:;_/()-]", "?", message)[:200] if isinstance(message, str) else ""
    logger.warning("event=zalo_oa_refused code=%d message=%s", code, said)
    if code in TOKEN_CODES:
        return Later("Zalo takes no access token, not even a new one.", _BUSY_S, everyone=True)
    if code == _BUSY:
        return Later("Zalo asks to write slower.", _BUSY_S, everyone=True)
    if code in _GONE:
        return Gone(f"The person {_GONE[code]} (Zalo, code {code}).")
    if code in _OUTSIDE:
        return Refused(f"The person wrote too long ago, or the free messages are spent (Zalo, code {code}: {said}).")
    return Refused(f"Zalo refuses with code {code}: {said}.")


def _retry_after(answer: httpx.Response, otherwise: float = _BUSY_S) -> float:
    seconds = answer.headers.get("retry-after", "")
    return min(float(seconds), _RETRY_MOST_S) if seconds.isascii() and seconds.isdigit() else otherwise
