"""The Zalo Bot Platform as a channel: what arrives, what is sent, and the secret of its webhook.

Source: https://bot.zaloplatforms.com/docs (getUpdates, setWebhook, sendMessage, sendChatAction). Seen in the field and read too: a payload
without the {"ok", "result"} around it, one without `event_name`, events of voice messages and links.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bot.channels.bot_api import BotApi
from bot.channels.model import Event, Incoming, Malformed, NotSent, Pace, Refused, Reply
from bot.channels.zalo_bot.render import Texts, call, messages
from bot.settings import Settings
from knowledge.store.schema import storable

logger = logging.getLogger("trogiup.channels.zalo_bot")

NAME = "zalo-bot"
UNKNOWN = "unknown"
"""The chat of a message whose sender cannot be addressed: nobody is answered, the duty desk hears of it."""
SECRET_HEADER = "x-bot-api-secret-token"  # noqa: S105  # the header's name
_TYPING_S = 3.0
_TRUSTED_CLOCK = timedelta(hours=24)
_ID = re.compile(r"[\w.:@-]{1,100}", re.ASCII)
_KINDS: Mapping[str, tuple[Event, str]] = {
    "message.text.received": ("text", ""),
    "message.link.received": ("text", ""),
    "message.image.received": ("media", "image"),
    "message.voice.received": ("media", "voice"),
    "message.sticker.received": ("media", "sticker"),
    "message.unsupported.received": ("unsupported", ""),
}
"""Event → (kind, type of media)."""
_REFS = ("photo", "photo_url", "voice_url", "sticker", "url")


def api_of(settings: Settings, token: str, transport: httpx.AsyncBaseTransport | None = None) -> BotApi:
    """The calls of the bot with this token."""
    return BotApi("Zalo Bot", f"{settings.zalo_bot_base_url.rstrip('/')}/bot", token, transport)


class ZaloBot:
    """One bot. `api`: its calls; `clock`: aware."""

    name = NAME
    pace = Pace(total=20, chat_every=1.0)
    """Not documented; Telegram's own, less a margin."""

    def __init__(self, api: BotApi, texts: Texts, clock: Callable[[], datetime]) -> None:
        self.api, self._texts, self._clock = api, texts, clock

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], datetime]) -> ZaloBot:
        """As the office has set it; `settings.zalo_bot_token` is there."""
        return cls(api_of(settings, settings.zalo_bot_token or ""), Texts.load(), clock)

    def read(self, payload: Any) -> tuple[Incoming, ...]:
        """The events of a webhook's body or of getUpdates' answer, wrapped or bare. Malformed where it is neither."""
        return tuple(made for event in _events(payload) if (made := self._event(event)) is not None)

    def _event(self, event: Mapping[str, Any]) -> Incoming | None:
        message = event.get("message")
        message = message if isinstance(message, dict) else {}
        name = event.get("event_name") or _guessed(message)
        if not isinstance(name, str):
            raise Malformed("An event of Zalo Bot has a name that is none.")
        sender = _dict(message.get("from"))
        if name not in _KINDS:
            logger.info("event=ignored channel=%s name=%s", NAME, name if _ID.fullmatch(name) else "?")
            return None
        if sender.get("is_bot") is True:
            return None
        kind, media = _KINDS[name]
        text = _text(message.get("text")) or _text(message.get("caption"))
        chat = _id(_dict(message.get("chat")).get("id")) or _id(sender.get("id"))
        if kind == "text" and not text and chat:
            kind = "unsupported"  # somebody wrote, and the words did not come
        if chat is None and kind != "unsupported":
            raise Malformed("A message of Zalo Bot names no chat.")
        now = self._clock()
        data = {"name": _text(sender.get("display_name") or sender.get("first_name"))[:100]}
        if media:
            data |= {"type": media, "ref": next((ref for key in _REFS if (ref := _text(message.get(key)))), "")[:2000]}
        message_id = _id(message.get("message_id"))
        return Incoming(
            channel=NAME,
            event_id=message_id or _event_id(event, now),
            conversation_id=f"{NAME}:{chat or UNKNOWN}",
            kind=kind,
            at=_moment(message.get("date"), now),
            text="" if kind == "unsupported" else text,
            message_id=message_id,
            data={key: value for key, value in data.items() if value},
        )

    def render(self, reply: Reply, chat: str) -> tuple[Mapping[str, Any], ...]:
        """sendMessage for each part."""
        return tuple(call(chat, text) for text in messages(reply, self._texts))

    async def send(self, call: Mapping[str, Any]) -> str | None:
        """Makes the call; the message's id. As BotApi.call says; Refused without a call where nobody can be addressed."""
        if call["chat_id"] == UNKNOWN:
            raise Refused("The sender of this message cannot be addressed.")
        result = await self.api.call(call["method"], {"chat_id": call["chat_id"], "text": call["text"]})
        return _id(_dict(result).get("message_id"))

    async def typing(self, chat: str) -> None:
        """ "…đang soạn tin", best effort."""
        if chat == UNKNOWN:
            return
        try:
            await self.api.call("sendChatAction", {"chat_id": chat, "action": "typing"}, timeout_s=_TYPING_S)
        except NotSent as error:
            logger.debug("event=typing_failed channel=%s why=%s", NAME, type(error).__name__)

    async def close(self) -> None:
        """Gives the connections back."""
        await self.api.close()


class Webhook:
    """Whether a request to /channels/zalo-bot comes from Zalo: it carries the secret that setWebhook was given."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """In constant time. `body` is not signed on this platform."""
        given = next((value for name, value in headers.items() if name.lower() == SECRET_HEADER), "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._secret)

    def is_probe(self, body: bytes) -> bool:
        """The platform sends none when a webhook is set."""
        return False


def _events(payload: Any) -> Iterator[Mapping[str, Any]]:
    """The events without what stands around them; getUpdates gives one, a list of them is read too."""
    inner = payload.get("result", payload) if isinstance(payload, dict) else payload
    for event in inner if isinstance(inner, list) else [inner]:
        if not isinstance(event, dict) or not (event.get("event_name") or (event.get("message") and isinstance(event["message"], dict))):
            raise Malformed("This is no event of Zalo Bot.")
        yield event


def _guessed(message: Mapping[str, Any]) -> str:
    """The event's name, where getUpdates leaves it out."""
    for key, kind in (("text", "text"), ("photo", "image"), ("photo_url", "image"), ("sticker", "sticker"), ("voice_url", "voice")):
        if message.get(key):
            return f"message.{kind}.received"
    return "message.unsupported.received"


def _event_id(event: Mapping[str, Any], now: datetime) -> str:
    """For an event that has no id of its own: its content and the minute.

    The same again within the minute is one event. Without the minute, the second bare `message.unsupported.received` ever would count as a
    repeat of the first, and a child's cry would be dropped.
    """
    content = json.dumps(event, sort_keys=True, default=str) + now.strftime("%Y%m%d%H%M")
    return "h:" + hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:40]


def _moment(said: Any, now: datetime) -> datetime:
    """`message.date`, milliseconds; now where it is none or more than a day away."""
    try:
        at = datetime.fromtimestamp(float(said) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return now
    return at if abs(at - now) <= _TRUSTED_CLOCK else now


def _text(value: Any) -> str:
    """A text that every part can store: JSON can hold lone surrogates and NUL, UTF-8 and databases cannot."""
    return storable(value).strip() if isinstance(value, str) else ""


def _id(value: Any) -> str | None:
    """An id of the service; None for anything else."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) else None


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
