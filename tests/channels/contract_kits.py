"""Each channel as the contract suite sees it: what arrives, what a call shows to the person, what comes back when a choice is taken.

The citizen's page is no Channel: it takes the body of POST /api/v1/messages and shows answer objects. `WebPage` puts both behind the same
face, with the page's own check of bodies and its own template.
"""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, cast

import httpx
from botapi_fake import Answer
from botapi_fake import BotApi as FakeTelegram
from pydantic import ValidationError
from zalo_bot_emulator import ZaloBotEmulator, serving

from bot.api import MessageIn
from bot.channels.bot_api import BotApi
from bot.channels.model import Channel, Incoming, Malformed, Pace, Reply
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.zalo_bot import ZaloBot
from bot.channels.zalo_bot.render import Texts
from bot.channels.zalo_oa.channel import ZaloOA
from bot.channels.zalo_oa.signature import Signature
from bot.channels.zalo_oa.tokens import Tokens
from bot.web.render import Renderer

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECONDS, MILLISECONDS = int(NOW.timestamp()), int(NOW.timestamp()) * 1000
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens."""


@dataclass(frozen=True)
class Kit:
    """`samples`: event → payload, only those the service has. `limit`: of a call's shown text, as the service counts it."""

    channel: Channel
    chat: str
    samples: Mapping[str, Any]
    shown: Callable[[Mapping[str, Any]], str]
    choices: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    """Of a call: label → the payload that comes when it is taken."""
    size: Callable[[str], int] = len
    limit: int | None = None
    phones: Callable[[Mapping[str, Any]], list[str]] = field(default=lambda call: [])
    """Numbers behind buttons."""


def units(text: str) -> int:
    """UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


# Telegram

LAN = {"id": 7, "is_bot": False, "first_name": "Lan"}


def _update(number: int = 1, **what: Any) -> dict[str, Any]:
    return {"update_id": number, **what}


def _telegram_message(**more: Any) -> dict[str, Any]:
    return {"message_id": 11, "date": SECONDS, "chat": {"id": 7, "type": "private"}, "from": LAN, **more}


def _telegram_choices(call: Mapping[str, Any]) -> Mapping[str, Any]:
    rows = call.get("reply_markup", {}).get("inline_keyboard", [])
    keys = [key for row in rows for key in row if "callback_data" in key]
    message = _telegram_message(text="?")
    return {key["text"]: _update(callback_query={"id": "q", "from": LAN, "message": message, "data": key["callback_data"]}) for key in keys}


class _Shown(HTMLParser):
    """The words of marked up text. Fails on a tag that is not allowed, or not closed."""

    def __init__(self, allowed: set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.allowed, self.open, self.words, self.links = allowed, list[str](), "", list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.allowed, tag
        self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def _parsed(text: str, allowed: set[str]) -> _Shown:
    parser = _Shown(allowed)
    parser.feed(text)
    parser.close()
    assert not parser.open
    return parser


_MEMBER = {"chat": {"id": 7, "type": "private"}, "from": LAN, "date": SECONDS}


def _member(status: str, before: str) -> dict[str, Any]:
    bot = {"id": 4242, "is_bot": True, "first_name": "Trợ Giúp"}
    as_ = {"kicked": {"until_date": 0}}
    sides = {side: {"user": bot, "status": what, **as_.get(what, {})} for side, what in (("old", before), ("new", status))}
    return _update(my_chat_member={**_MEMBER, **{f"{side}_chat_member": value for side, value in sides.items()}})


def telegram() -> Kit:
    """Long polling and webhook bring the same updates."""
    photo = {"file_id": "p", "file_unique_id": "u", "width": 9, "height": 9}
    return Kit(
        TelegramChannel("4242:" + "A" * 35, f"{NOWHERE}/bot", lambda: NOW),
        "7",
        {
            "text": _update(message=_telegram_message(text="Cháu hỏi trợ cấp")),
            "edit": _update(edited_message=_telegram_message(text="Cháu hỏi lại", edit_date=SECONDS)),
            "image": _update(message=_telegram_message(photo=[photo])),
            "voice": _update(message=_telegram_message(voice={"file_id": "v", "file_unique_id": "u", "duration": 2})),
            "left": _member("kicked", "member"),
            "unknown": _update(message_reaction_of_the_future={"emoji": "👍"}),
        },
        lambda call: _parsed(call["text"], {"b", "i", "blockquote"}).words,
        _telegram_choices,
        units,
        4096,
    )


# Zalo OA


def _oa_event(name: str, **more: Any) -> dict[str, Any]:
    return {"app_id": "1", "event_name": name, "timestamp": str(MILLISECONDS), "sender": {"id": "12"}, "recipient": {"id": "9"}, **more}


def _oa_media(name: str, type_: str) -> dict[str, Any]:
    return _oa_event(name, message={"msg_id": "m", "attachments": [{"type": type_, "payload": {"url": "https://z/1"}}]})


def _oa_buttons(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    buttons: list[dict[str, Any]] = call["message"].get("attachment", {}).get("payload", {}).get("buttons", [])
    return buttons


def _oa_choices(call: Mapping[str, Any]) -> Mapping[str, Any]:
    pressed = {button["title"]: button["payload"] for button in _oa_buttons(call) if button["type"] == "oa.query.hide"}
    typed = _numbered_lines(call["message"]["text"])
    return {label: _oa_event("user_send_text", message={"msg_id": "m", "text": text}) for label, text in (pressed | typed).items()}


def _numbered_lines(text: str) -> dict[str, str]:
    """Label → the number a person sends for it."""
    return {found[2]: found[1] for found in re.finditer(r"^(\d+)\. (.+)$", text, re.MULTILINE)}


def zalo_oa() -> Kit:
    """The Official Account."""
    return Kit(
        ZaloOA(NOWHERE, Signature("1", "s"), cast(Tokens, _NoTokens()), httpx.AsyncClient(trust_env=False), lambda: NOW),
        "12",
        {
            "text": _oa_event("user_send_text", message={"msg_id": "m", "text": "Cháu hỏi trợ cấp"}),
            "image": _oa_media("user_send_image", "image"),
            "voice": _oa_media("user_send_audio", "audio"),
            "left": {"app_id": "1", "event_name": "unfollow", "timestamp": str(MILLISECONDS), "follower": {"id": "12"}, "oa_id": "9"},
            "unknown": _oa_event("user_of_the_future"),
        },
        lambda call: call["message"]["text"],
        _oa_choices,
        len,
        2000,
        lambda call: [button["payload"]["phone_code"] for button in _oa_buttons(call) if button["type"] == "oa.open.phone"],
    )


class _NoTokens:
    async def access(self) -> str:
        return "token"

    async def renewed(self, stale: str) -> str:
        return "token"

    async def close(self) -> None:
        return None


# Zalo Bot


def _bot_event(name: str, **more: Any) -> dict[str, Any]:
    sender = {"id": "ab12", "display_name": "Lan", "is_bot": False}
    message = {"message_id": "m", "chat": {"id": "ab12", "chat_type": "PRIVATE"}, "from": sender, "date": MILLISECONDS, **more}
    return {"ok": True, "result": {"event_name": f"message.{name}.received", "message": message}}


def zalo_bot() -> Kit:
    """The Bot Platform, whose choices are numbers that are sent as words."""
    return Kit(
        ZaloBot(BotApi("Zalo Bot", f"{NOWHERE}/bot", "1:t"), Texts.load(), lambda: NOW),
        "ab12",
        {
            "text": _bot_event("text", text="Cháu hỏi trợ cấp"),
            "image": _bot_event("image", photo="https://z/1"),
            "voice": _bot_event("voice", voice_url="https://z/1"),
            "unknown": _bot_event("of_the_future"),
        },
        lambda call: call["text"],
        lambda call: {label: _bot_event("text", text=number) for label, number in _numbered_lines(call["text"]).items()},
        units,
        2000,
    )


# The citizen's page


class WebPage:
    """POST /api/v1/messages as it is checked, and the template that shows an answer."""

    name = "web"
    pace = Pace(total=1000)

    def __init__(self) -> None:
        self._turn = Renderer()._env.get_template("_answer.html").module.answer_turn  # type: ignore[attr-defined]

    def read(self, payload: Any) -> tuple[Incoming, ...]:
        try:
            body = MessageIn.model_validate(payload, strict=True)
        except ValidationError as error:
            raise Malformed("400") from error
        key = body.message_id or "made"
        return (Incoming("web", key, f"web:{body.conversation_id}", "text", NOW, body.text, body.message_id),)

    def render(self, reply: Reply, chat: str) -> tuple[Mapping[str, Any], ...]:
        """An answer object with the same words in it."""
        said = {
            kind: [block.text for block in reply.blocks if block.kind == kind] for kind in ("lead", "text", "notice", "source", "quote")
        }
        calls = [button for button in reply.buttons if button.kind == "call"]
        answer = {
            "kind": "urgent" if reply.lane == "danger" else "answer",
            "text": "\n\n".join([*said["lead"], *said["text"]]),
            "notices": said["notice"],
            "hotlines": [{"phone": call.value, "name": call.label, "hours": "", "open_now": True} for call in calls],
            "citations": [
                {"document_id": "d", "start": 0, "end": 1, "number": source, "title": None, "province": None, "status": "ended"}
                | {"valid_from": None, "valid_to": None, "heading_path": [], "quote": quote}
                for source, quote in zip(said["source"], said["quote"], strict=True)
            ],
            "case_id": None,
            "suggestions": [button.value for button in reply.buttons if button.kind == "say"],
        }
        return ({"html": str(self._turn(answer))},)

    async def send(self, call: Mapping[str, Any]) -> str | None:
        return None

    async def typing(self, chat: str) -> None:
        return None

    async def close(self) -> None:
        return None


_TAGS = {"article", "h2", "h3", "p", "ul", "li", "a", "b", "span", "section", "ol", "details", "summary", "blockquote", "button"}


def _page_choices(call: Mapping[str, Any]) -> Mapping[str, Any]:
    values = [html.unescape(value) for value in re.findall(r'name="choice" value="([^"]*)"', call["html"])]
    return {value: {"conversation_id": "c", "text": value} for value in values}


def web() -> Kit:
    """The page has no events of its own but what is written on it."""
    return Kit(
        WebPage(),
        "c",
        {"text": {"conversation_id": "c", "text": "Cháu hỏi trợ cấp", "message_id": "m"}},
        lambda call: _parsed(call["html"], _TAGS).words,
        _page_choices,
        phones=lambda call: [link.removeprefix("tel:") for link in _parsed(call["html"], _TAGS).links if link.startswith("tel:")],
    )


# Somebody who has blocked the account


@asynccontextmanager
async def telegram_blocked() -> AsyncIterator[Channel]:
    """Telegram answers 403 (https://core.telegram.org/bots/api#making-requests)."""
    async with FakeTelegram() as fake:
        fake.script["sendmessage"].append(Answer.failed(403, "Forbidden: bot was blocked by the user"))
        channel = TelegramChannel("4242:" + "A" * 35, fake.base_url, lambda: NOW)
        yield channel
        await channel.close()


@asynccontextmanager
async def zalo_oa_blocked() -> AsyncIterator[Channel]:
    """Zalo answers 200 with -213: the person does not follow the account any more."""
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"error": -213, "message": "User has not followed OA"}))
    channel = ZaloOA(NOWHERE, Signature("1", "s"), cast(Tokens, _NoTokens()), httpx.AsyncClient(transport=transport), lambda: NOW)
    yield channel
    await channel.close()


@asynccontextmanager
async def zalo_bot_blocked() -> AsyncIterator[Channel]:
    """Not documented; see the emulator."""
    emulator = ZaloBotEmulator()
    emulator.blocked.add("ab12")
    async with serving(emulator.app) as address:
        channel = ZaloBot(BotApi("Zalo Bot", f"{address}/bot", emulator.token), Texts.load(), lambda: NOW)
        yield channel
        await channel.close()


BLOCKED: Mapping[Callable[[], Kit], Callable[[], AbstractAsyncContextManager[Channel]]] = {
    telegram: telegram_blocked,
    zalo_oa: zalo_oa_blocked,
    zalo_bot: zalo_bot_blocked,
}
KITS: tuple[Callable[[], Kit], ...] = (telegram, zalo_oa, zalo_bot, web)
MESSENGERS = KITS[:3]
"""What is sent to a person, not fetched by a page."""
