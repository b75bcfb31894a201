"""Bots that are called at {base}<TOKEN>/<method> and answer {"ok": true, "result": …} or {"ok": false, "error_code", "description"}.

Telegram's Bot API began the form (https://core.telegram.org/bots/api#making-requests), the Zalo Bot Platform took it over
(https://bot.zaloplatforms.com/docs). The token stands in the path, so requests go straight to httpx's transport: its client writes every
address into the log and hangs the request on every exception; the transport does neither.
"""

from __future__ import annotations

import json
import math
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from bot.bodies import BodyTooLarge, read_up_to
from bot.channels.model import Gone, Later, Refused, Uncertain

LONGEST_ANSWER = 1024 * 1024
"""Bytes of a service's answer that are read; no honest one is longer."""
_CONNECT_S = 5.0
_KEPT = 64
"""Connections that stay for the next call."""
_NO_PERSON = ("blocked", "chat not found", "user not found", "recipient not found", "deactivated")
"""In a description, small letters: there is nobody to write to. Telegram's words; Zalo Bot lists none, so these are unconfirmed there."""


class TokenRefused(Later):
    """The service does not know the token. Everything waits until somebody puts a right one in."""

    def __init__(self, advice: str) -> None:
        super().__init__(advice, after=60.0, everyone=True)


class TimedOut(Uncertain):
    """No answer in time."""


class Unreachable(Later):
    """No connection; nothing was written."""


class Empty(Uncertain):
    """408, the service's own time ran out: in long polling nothing has come."""


class BotApi:
    """One bot of one service. `service` names it in errors."""

    def __init__(self, service: str, base_url: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`base_url` is everything before the token. A transport that is handed in is closed by its owner."""
        self._service, self._token = service, token
        self._prefix = f"{base_url}{token}/"
        self._given = transport
        self._context: ssl.SSLContext | None = None
        self._idle: list[httpx.AsyncHTTPTransport] = []

    def __repr__(self) -> str:
        return f"BotApi({self._service})"

    async def call(self, method: str, parameters: Mapping[str, Any] | None = None, *, timeout_s: float = 8.0) -> Any:
        """The `result` of one call.

        Raises what the caller can act on: TokenRefused, Unreachable, Later (429, 5xx), Uncertain (TimedOut among them), Refused, Gone;
        Empty for 408. No error holds the token, the address or what was to be said.
        """
        status, headers, body = await self._post(method, parameters or {}, timeout_s)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            if 200 <= status < 300:
                raise Uncertain(f"{self._service} took {method} but its answer cannot be read.")
            answer = {"error_code": status}
        if answer.get("ok") is True and status < 400:
            return answer.get("result")
        code = answer.get("error_code")
        raise self._error(method, code if isinstance(code, int) else status, answer, headers)

    async def _post(self, method: str, parameters: Mapping[str, Any], timeout_s: float) -> tuple[int, httpx.Headers, bytes]:
        timeout = httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s), pool=min(_CONNECT_S, timeout_s))
        try:
            request = httpx.Request("POST", self._prefix + method, json=dict(parameters), extensions={"timeout": timeout.as_dict()})
        except httpx.InvalidURL:
            raise self._no_address() from None
        try:
            async with self._connection() as transport:
                response = await transport.handle_async_request(request)
                try:
                    return response.status_code, response.headers, await read_up_to(LONGEST_ANSWER, response.aiter_bytes())
                finally:
                    await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise Unreachable(f"{self._service} cannot be reached: check the network and the service's address.") from error
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise self._no_address() from error
        except httpx.TimeoutException as error:
            raise TimedOut(f"{self._service} did not answer {method} in time.") from error
        except (httpx.HTTPError, BodyTooLarge) as error:
            raise Uncertain(f"The connection to {self._service} broke during {method}.") from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """One of its own for each call at once. httpx's pool looks at all its connections at every call, and closes what is over twenty."""
        if self._given:
            yield self._given
            return
        if not self._idle:
            self._context = self._context or httpx.create_ssl_context()
            self._idle.append(httpx.AsyncHTTPTransport(self._context))
        transport = self._idle.pop()
        try:
            yield transport
        finally:
            if len(self._idle) < _KEPT:
                self._idle.append(transport)
            else:
                await transport.aclose()

    def _no_address(self) -> Refused:
        return Refused(f"The address of {self._service}, or its token, is none: run trogiup channels setup again.")

    def _error(self, method: str, code: int, answer: Mapping[str, Any], headers: httpx.Headers) -> Exception:
        """What an error of the service means. Codes as in HTTP, which both services say they follow."""
        about = f"{self._service} answers {method} with {code}"
        said = str(answer.get("description", "")).lower()
        if any(words in said for words in _NO_PERSON):
            return Gone(f"{about}: the person has blocked the bot or is not there.")
        match code:
            case 401 | 403 | 404:  # Telegram says 404 to a token of the wrong form, Zalo 403 to one that was taken back
                return TokenRefused(f"{about}: the token is wrong or was changed; run trogiup channels setup.")
            case 408:
                return Empty(f"{about}: nothing came in time.")
            case 429:
                return Later(f"{about}: too many at once.", _retry_after(answer, headers), everyone=True)
            case _ if code >= 500:
                return Later(f"{about}: the service is out of order.", _retry_after(answer, headers))
        return Refused(f"{about}: it is not taken as it is.")

    async def close(self) -> None:
        """Gives the connections back."""
        while self._idle:
            await self._idle.pop().aclose()


def _retry_after(answer: Mapping[str, Any], headers: httpx.Headers) -> float:
    """Seconds: `parameters.retry_after` of the body (Telegram), else of the Retry-After header; 0 for none. At most an hour."""
    parameters = answer.get("parameters")
    said = parameters.get("retry_after") if isinstance(parameters, dict) else headers.get("retry-after")
    try:
        seconds = float(said) if said is not None else 0.0
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), 3600.0) if math.isfinite(seconds) else 0.0
