"""Telegram as a channel: what arrives is read, what is said is rendered and sent, each failure is called by its name."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import httpx
import yaml
from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, Conflict, InvalidToken, TelegramError

from bot.channels.model import Incoming, Pace, Reply
from bot.channels.telegram import render
from bot.channels.telegram.reading import NAME, Me, parsed, read_update
from bot.channels.telegram.request import BotRequest, not_sent
from bot.settings import Settings

logger = logging.getLogger("trogiup.telegram")
CONNECT_S = 3.0
ANSWER_S = 8.0
"""How long the server may take: less than the ten seconds after which the postman would end the call."""
_CONNECTIONS = 64
_KEPT = 8
"""Unused connections that stay for the next call; httpx looks at each of them at every call."""
_MOST_ASIDES = 32
_REMEMBERED = 1_000
_MARKUP = "can't parse entities"
_TEXTS = Path(__file__).with_name("texts.yml")

Trouble = Literal["conflict", "token", "down", "webhook", "no_webhook"]


def load_texts() -> Mapping[str, Any]:
    """texts.yml."""
    texts: Mapping[str, Any] = yaml.safe_load(_TEXTS.read_text("utf-8"))
    return texts


class Inline(Protocol):
    """What answers while somebody types "@bot …"; inline.InlineSearch does."""

    async def answer(self, query: str) -> Mapping[str, Any]:
        """The arguments of answerInlineQuery, without the query's id."""
        ...


class TelegramChannel:
    """One bot. `Channel` of bot/channels/model.py."""

    name = NAME
    pace = Pace(total=25.0, chat_every=1.0, group_per_minute=20)
    """About 30 a second are allowed over all chats, one a second in a chat, 20 a minute in a group (https://core.telegram.org/bots/faq)."""

    def __init__(
        self, token: str, base_url: str, clock: Callable[[], datetime], inline: Inline | None = None, answer_s: float = ANSWER_S
    ) -> None:
        self._clock = clock
        self._inline = inline
        self._answer_s = answer_s
        self.texts = load_texts()
        number = token.partition(":")[0]
        self.me = Me(int(number) if number.isascii() and number.isdigit() else 0)
        request = BotRequest(
            _CONNECTIONS,
            read_timeout=answer_s,
            write_timeout=answer_s,
            connect_timeout=CONNECT_S,
            pool_timeout=CONNECT_S,
            httpx_kwargs={"limits": httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_KEPT)},
        )
        self._bot = Bot(token, base_url, request=request, get_updates_request=request)
        self._asides: set[asyncio.Task[None]] = set()
        self._moved: dict[str, str] = {}
        """Groups that have become supergroups: old → new. Telegram tells it again after a restart."""

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], datetime], inline: Inline | None = None) -> TelegramChannel:
        """As the office has set it; `settings.telegram_token` is there."""
        return cls(settings.telegram_token or "", settings.telegram_base_url, clock, inline)

    # In

    def read(self, payload: Any) -> tuple[Incoming, ...]:
        """The event in an Update; see Channel. What somebody waits for on the screen, and nobody has to remember, is answered beside it:
        a pressed button stops blinking, and what is typed behind "@bot" finds passages.
        """
        events = read_update(payload, self.me, self.texts["commands"], self._clock())
        self._aside(payload)
        return events

    def _aside(self, payload: Any) -> None:
        update = parsed(payload) if "callback_query" in payload or "inline_query" in payload else None
        if update is not None and update.callback_query:
            self._start(self._quietly("answerCallbackQuery", callback_query_id=update.callback_query.id))
        elif update is not None and update.inline_query and self._inline:
            self._start(self._find(self._inline, update.inline_query.id, update.inline_query.query))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            if len(self._asides) >= _MOST_ASIDES:
                raise RuntimeError("too many at once")
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:  # also where there is no loop: then it is read for its events alone
            work.close()
            return
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    async def _find(self, inline: Inline, query_id: str, query: str) -> None:
        try:
            arguments = await inline.answer(query)
        except Exception as error:  # whatever it is, its words may be the person's
            logger.warning("event=inline_failed why=%s", type(error).__name__)
            return
        await self._quietly("answerInlineQuery", inline_query_id=query_id, **arguments)

    # Out

    def render(self, reply: Reply, chat: str) -> tuple[Mapping[str, Any], ...]:
        """See Channel."""
        return render.calls(reply, chat, self.texts)

    async def send(self, call: Mapping[str, Any]) -> str | None:
        """See Channel. Where Telegram cannot read the markup the words go out without it: they must arrive."""
        arguments = {name: value for name, value in call.items() if name != "method"}
        chat = str(arguments.get("chat_id", ""))
        if chat in self._moved:
            arguments["chat_id"] = int(self._moved[chat])
        try:
            try:
                result = await self.request(call["method"], **arguments)
            except BadRequest as error:
                if _MARKUP not in error.message.lower() or arguments.pop("parse_mode", None) is None:
                    raise
                logger.error("event=markup_refused")
                result = await self.request(call["method"], **{**arguments, "text": render.plain(arguments["text"])})
        except Exception as error:
            if isinstance(error, ChatMigrated):
                self._moved[chat] = str(error.new_chat_id)
                while len(self._moved) > _REMEMBERED:
                    del self._moved[next(iter(self._moved))]
            raise not_sent(error) from error
        return str(result["message_id"]) if isinstance(result, dict) and "message_id" in result else None

    async def typing(self, chat: str) -> None:
        """See Channel."""
        await self._quietly("sendChatAction", chat_id=chat, action=ChatAction.TYPING.value)

    async def _quietly(self, method: str, **arguments: Any) -> None:
        with contextlib.suppress(TelegramError, LookupError):
            await self.request(method, **arguments)

    async def close(self) -> None:
        """See Channel."""
        for task in self._asides:
            task.cancel()
        await asyncio.gather(*self._asides, return_exceptions=True)
        await self._bot.request.shutdown()

    # The bot itself

    async def request(self, method: str, /, *, hold_s: float = 0.0, **arguments: Any) -> Any:
        """One call of the Bot API and its raw result; `hold_s`: how many seconds the server may keep it. Raises TelegramError.

        Not by the library's typed methods, which fail after the message was sent where they do not understand all of the answer; method
        names are written small, as the API allows, because the library warns about names that it has a typed method for.
        """
        return await self._bot.do_api_request(method.lower(), arguments, read_timeout=self._answer_s + hold_s)

    async def introduce(self) -> Trouble | None:
        """Learns the bot's own name, which groups need, and sets the menu of commands. What went wrong; None: nothing."""
        try:
            told = await self.request("getMe")
            self.me = Me(int(told["id"]), told.get("username"))
            menu = [{"command": name, "description": does} for name, does in self.texts["commands"].items()]
            await self._quietly("setMyCommands", commands=menu)
        except (TelegramError, LookupError, TypeError, ValueError) as error:
            return trouble_of(error)
        return None

    async def checked(self, webhook_wanted: bool) -> Trouble | None:
        """Whether the token is taken and the messages come the way that is set, for `trogiup doctor`. Changes nothing at Telegram."""
        try:
            await self.request("getMe")
            address = (await self.request("getWebhookInfo")).get("url")
        except (TelegramError, LookupError, AttributeError) as error:
            return trouble_of(error)
        if webhook_wanted:
            return None if address else "no_webhook"
        return "webhook" if address else None

    def advice(self, trouble: Trouble) -> str:
        """What somebody is to do about it, one Vietnamese line."""
        return str(self.texts["trouble"][trouble])


def trouble_of(error: Exception) -> Trouble:
    """What is wrong with the connection."""
    if isinstance(error, Conflict):
        return "conflict"
    return "token" if isinstance(error, InvalidToken) else "down"
