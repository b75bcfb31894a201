"""How Telegram's failures are told apart: what was surely not taken may be sent again, and what may have arrived may not be blindly.

python-telegram-bot calls nearly everything NetworkError or TimedOut. The transport's own error, which it keeps as the cause, and the HTTP
status, which it drops, say which it was.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import httpx
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, TelegramError
from telegram.request import HTTPXRequest

from bot.channels.model import Gone, Later, NotSent, Refused, Uncertain

TOKEN_PAUSE_S = 60.0
"""A token that is not taken is put right by a person."""
_PAUSE_S = 1.0
_DESCRIBED = 100
_NOT_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_GONE = (
    "chat not found",
    "user not found",
    "user is deactivated",
    "bot was blocked",
    "bot was kicked",
    "bot is not a member",
    "group chat was deactivated",
    "peer_id_invalid",
    "input_user_deactivated",
)
"""Descriptions of a 400 that mean nobody is there (https://github.com/tdlib/telegram-bot-api, Client.cpp)."""
_KNOWN = (400, 401, 403, 404, 409)
"""What the library tells apart. It calls every other status a NetworkError, as if it were not known whether the call was taken."""
_UNKNOWN_OUTCOME = HTTPStatus.GATEWAY_TIMEOUT
"""A gateway gave up waiting for the server behind it, which may have gone on."""


class ServerFault(NetworkError):
    """An answer of 500 to 599, or one that sends us elsewhere, as a network does that wants a log-in first."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class Throttled(NetworkError):
    """429; `after`: the seconds that Telegram asks for, or some where a proxy in between does not say."""

    def __init__(self, after: float) -> None:
        super().__init__("HTTP 429")
        self.after = after


class BotRequest(HTTPXRequest):
    """The library's transport; faults keep their status, and an answer that is no JSON is not written to the log: it may repeat a text."""

    async def do_request(self, *arguments: Any, **named: Any) -> tuple[int, bytes]:
        """The status and body of an answer. Raises ServerFault, Throttled, and what HTTPXRequest raises."""
        status, body = await super().do_request(*arguments, **named)
        if status >= 500 or 300 <= status < 400:
            raise ServerFault(status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Throttled(_asked_for(body))
        if status >= 400 and status not in _KNOWN:
            raise BadRequest(f"HTTP {status}")
        return status, body

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer's object. Raises TelegramError."""
        try:
            parsed = json.loads(payload)
        except ValueError as error:
            raise TelegramError("The answer is no JSON") from error
        if not isinstance(parsed, dict):
            raise TelegramError("The answer is no JSON object")
        return parsed


def not_sent(error: Exception) -> NotSent:
    """What a failure of a call means. What is not known to be one or the other is Uncertain."""
    match error:
        case Throttled():
            return Later("Telegram asks for a pause.", error.after)
        case ChatMigrated():
            return Later("The group has become a supergroup.")
        case Forbidden():
            return Gone("Telegram: the person has blocked the bot, or the bot was put out of the group.")
        case InvalidToken():
            return Later("Telegram does not take the bot's token.", TOKEN_PAUSE_S, everyone=True)
        case BadRequest():
            if any(words in error.message.lower() for words in _GONE):
                return Gone("Telegram: there is no such chat any more.")
            # What follows the second colon may be a piece of the text.
            return Refused(f"Telegram refuses it: {error.message.split(':')[0][:_DESCRIBED]}")
        case Conflict():
            return Later("Another program receives this bot's messages.")
        case ServerFault() if error.status != _UNKNOWN_OUTCOME:
            return Later("Telegram has a fault.", everyone=True)
        case NetworkError() if isinstance(error.__cause__, _NOT_WRITTEN):
            return Later("Telegram cannot be reached.", everyone=True)
    return Uncertain("Telegram did not say whether it took the message.")


def _asked_for(body: bytes) -> float:
    try:
        return float(json.loads(body)["parameters"]["retry_after"])
    except (ValueError, LookupError, TypeError):
        return _PAUSE_S
