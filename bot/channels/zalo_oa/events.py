"""What Zalo's webhook tells, as Incoming. Pure but for the clock and one log line for what is passed over.

Names and fields of events: Zalo for Developers, "Webhook"; the OA is the recipient of user_send_* and the sender of oa_send_*.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.channels.model import Event, Incoming, Malformed
from bot.channels.zalo_oa.render import ANONYMOUS, MENU

logger = logging.getLogger("trogiup.zalo_oa")

NAME = "zalo-oa"
SKEW = timedelta(minutes=10)
"""A clock may be that far ahead of ours."""
OLDEST = timedelta(days=7)
"""What is older is a replay: the inbox no longer knows whether it had it."""
_MEDIA = {
    "image": "image",
    "gif": "image",
    "audio": "voice",
    "video": "video",
    "file": "file",
    "sticker": "sticker",
    "location": "location",
    "business_card": "contact",
    "link": "link",
}
_FOLLOW: Mapping[str, Event] = {"follow": "joined", "unfollow": "left"}
_PRESS = re.compile(re.escape(MENU) + r"(.+):([1-9]\d{0,2})")
_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""Zalo's ids are numbers of about 20 digits."""
_MAX_MESSAGE_ID = 100


class Events:
    """Reads events for one OA."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def read(self, payload: Any) -> tuple[Incoming, ...]:
        """The event, or () where there is nothing to do. Malformed when it is no event of Zalo's, or tells of a person and not of whom."""
        if not isinstance(payload, dict) or not isinstance(payload.get("event_name"), str):
            raise Malformed("This is no event of Zalo's webhook.")
        name: str = payload["event_name"]
        family, _, what = name.partition("_send_")
        if family in {"user", "anonymous"} and (what == "text" or what in _MEDIA):
            return self._checked(self._from_person(payload, name, what))
        if family == "oa" and what:
            # Without an admin this is the echo of what this program has sent itself.
            return self._checked(self._from_staff(payload, name, what)) if _text(_dict(payload, "sender"), "admin_id") else ()
        if name in _FOLLOW:
            return self._checked(self._incoming(payload, name, _FOLLOW[name], _id(payload, "follower")))
        if name == "user_submit_info":
            return self._checked(self._shared(payload, name))
        logger.info("event=zalo_oa_ignored event_name=%s", re.sub(r"\W", "?", name)[:64])
        return ()

    def _checked(self, incoming: Incoming) -> tuple[Incoming, ...]:
        if self._clock() - incoming.at > OLDEST:
            logger.warning("event=zalo_oa_too_old conversation=%s", incoming.conversation_id)
            return ()
        return (incoming,)

    def _from_person(self, payload: Mapping[str, Any], name: str, what: str) -> Incoming:
        message = _dict(payload, "message")
        chat, text, data = _id(payload, "sender"), _text(message, "text"), {"reply_to": _text(message, "quote_msg_id")}
        if name.startswith("anonymous_"):
            chat = _anonymous(chat, message)
        kind: Event = "text"
        if press := _PRESS.fullmatch(text.strip()):
            kind, text = "choice", ""
            data |= {"menu": press[1], "number": press[2]}
        elif what != "text" and not (what == "link" and text.strip()):  # an address within words is a text
            kind = "media"
            data |= _media(message, what)
        return self._incoming(payload, name, kind, chat, text, data)

    def _from_staff(self, payload: Mapping[str, Any], name: str, what: str) -> Incoming:
        message, chat = _dict(payload, "message"), _id(payload, "recipient")
        if what.startswith("anonymous_"):
            chat, what = _anonymous(chat, message), what.removeprefix("anonymous_")
        data = {"author": _text(_dict(payload, "sender"), "admin_id")} | (_media(message, what) if what in _MEDIA else {})
        return self._incoming(payload, name, "staff", chat, _text(message, "text"), data)

    def _shared(self, payload: Mapping[str, Any], name: str) -> Incoming:
        """The person gave their name and number when they were asked for them in Zalo."""
        info = _dict(payload, "info")
        data = {"type": "contact", "ref": _text(info, "phone"), "name": _text(info, "name")}
        return self._incoming(payload, name, "media", _id(payload, "sender"), data=data)

    def _incoming(
        self, payload: Mapping[str, Any], name: str, kind: Event, chat: str, text: str = "", data: Mapping[str, str] | None = None
    ) -> Incoming:
        message_id = _text(_dict(payload, "message"), "msg_id")[:_MAX_MESSAGE_ID] or None
        event_id = message_id or f"{name}:{chat}:{_text(payload, 'timestamp')[:20]}"
        told = {key: value for key, value in (data or {}).items() if value}
        return Incoming(NAME, event_id, f"{NAME}:{chat}", kind, self._moment(payload), text, message_id, told)

    def _moment(self, payload: Mapping[str, Any]) -> datetime:
        """`timestamp`: milliseconds since 1970, as a string. Our own moment where it says nothing or the impossible."""
        now, stamp = self._clock(), _text(payload, "timestamp")
        if not re.fullmatch(r"[0-9]{13}", stamp):
            return now
        at = datetime.fromtimestamp(int(stamp) / 1000, UTC)
        return at if at <= now + SKEW else now


def _media(message: Mapping[str, Any], what: str) -> dict[str, str]:
    """`type`, `ref` (all addresses, one a line) and for a place `lat` and `lon`."""
    attachments = message.get("attachments")
    payloads = [_dict(one, "payload") for one in attachments if isinstance(one, dict)] if isinstance(attachments, list) else []
    fields = ("description", "url") if what == "business_card" else ("url", "id", "description")  # a card's number is in its description
    refs = [next(filter(None, (_text(one, name) for name in fields)), "") for one in payloads]
    place = _dict(payloads[0], "coordinates") if payloads else {}
    where = {"lat": _text(place, "latitude"), "lon": _text(place, "longitude")}
    return {"type": _MEDIA[what], "ref": "\n".join(ref for ref in refs if ref)} | where


def _id(payload: Mapping[str, Any], who: str) -> str:
    """The id of `sender`, `recipient` or `follower`. Malformed when there is none."""
    found = _text(_dict(payload, who), "id")
    if not _ID.fullmatch(found):
        raise Malformed("The event does not say whose it is.", part=who)
    return found


def _anonymous(anonymous_id: str, message: Mapping[str, Any]) -> str:
    """The chat of somebody without an account: an answer has to name the conversation too."""
    conversation_id = _text(message, "conversation_id")
    return f"{ANONYMOUS}{anonymous_id}.{conversation_id if _ID.fullmatch(conversation_id) else ''}"


def _dict(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Mapping[str, Any], name: str) -> str:
    """A string that every database takes, or a number as one; "" for anything else."""
    found = value.get(name)
    if isinstance(found, str):
        return found.replace("\0", "").encode("utf-8", "replace").decode()
    return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else ""
