"""An Update (https://core.telegram.org/bots/api#update) as what the house knows: Incoming."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from telegram import CallbackQuery, ChatMemberUpdated, Message, MessageEntity, PhotoSize, Update, User

from bot.channels.model import Incoming, Malformed
from knowledge.store.schema import storable

NAME = "telegram"
ALLOWED = ("message", "edited_message", "callback_query", "my_chat_member", "inline_query")
"""The kinds of update that are asked for."""
_BELIEVED = timedelta(hours=24)
"""A message's moment further from ours than this is a clock gone wrong, or nonsense: Telegram keeps what was not fetched for 24 hours."""
_MEDIA = {
    "photo": "image",
    "voice": "voice",
    "audio": "voice",
    "video": "video",
    "video_note": "video",
    "animation": "video",
    "document": "file",
    "sticker": "sticker",
    "location": "location",
    "venue": "location",
    "contact": "contact",
}
_QUOTED = 200
"""Characters kept of a message of the bot that is answered: its first line says what it is about."""


@dataclass(frozen=True, slots=True)
class Me:
    """Who the bot is. `username` is None until Telegram has told it: then a group's "@name" is not understood yet."""

    bot_id: int
    username: str | None = None


def read_update(payload: Any, me: Me, commands: Collection[str], now: datetime) -> tuple[Incoming, ...]:
    """The event in an update; () where there is nothing to do. `commands`: those that mean this bot in a group without its name.

    Raises Malformed, and nothing else whatever the payload is.
    """
    update = parsed(payload)
    try:
        if update.callback_query:
            found = _choice(update.callback_query, now)
        elif update.my_chat_member:
            found = _membership(update.my_chat_member, now)
        elif update.message:
            found = _message(update.message, me, commands, now, edited=False)
        elif update.edited_message:
            found = _message(update.edited_message, me, commands, now, edited=True)
        else:
            found = None
        if found is None:
            return ()
        conversation_id, kind, at, text, message_id, data = found
        stored = {name: storable(value) for name, value in data.items() if isinstance(value, str)}  # JSON can hold null for a name
        return (Incoming(NAME, str(update.update_id), conversation_id, kind, at, storable(text), message_id, stored),)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise Malformed("The update cannot be read.") from error


def parsed(payload: Any) -> Update:
    """The library's object. Raises Malformed."""
    if not isinstance(payload, dict) or type(payload.get("update_id")) is not int:
        raise Malformed("An update has a number.")
    if isinstance(query := payload.get("callback_query"), dict):
        # Never read here, and not sent by every server that speaks the Bot API, but the library will not do without it.
        payload = {**payload, "callback_query": {"chat_instance": "", **query}}
    try:
        update = Update.de_json(payload, None)
    except Exception as error:  # the library does not say what it raises on what the world sends
        raise Malformed("The update is not in the form of the Bot API.") from error
    return update


def conversation_of(chat_id: int) -> str:
    """A chat as the store knows it. Raises ValueError for what is no chat's number, as only a program of somebody's own would send."""
    if type(chat_id) is not int:
        raise ValueError("A chat has a number.")
    return f"{NAME}:{chat_id}"


_Found = tuple[str, Any, datetime, str, str | None, dict[str, str]]


def _message(message: Message, me: Me, commands: Collection[str], now: datetime, *, edited: bool) -> _Found | None:
    sender = message.from_user
    if sender is None or sender.is_bot or message.chat.type == "channel" or message.is_automatic_forward:
        return None
    text = message.text if message.text is not None else message.caption or ""
    attachment = message.effective_attachment
    if not text and attachment is None:
        return None  # somebody joined, a title was changed …
    if message.chat.type != "private":
        addressed = _addressed(message, text, me, commands)
        if addressed is None:
            return None
        text = addressed
    elif me.username and text.startswith("/"):
        text = _without_name(text, me.username)
    data = _about(sender)
    if message.reply_to_message:
        data["reply_to"] = str(message.reply_to_message.message_id)
        if _is_me(message.reply_to_message.from_user, me):
            data["reply_to_text"] = (message.reply_to_message.text or "")[:_QUOTED]
    kind = "edit" if edited else "text"
    if message.text is None:
        kind = "media" if not edited or not text else "edit"
        data |= _attached(message)
    moment = message.edit_date if edited else message.date
    return conversation_of(message.chat.id), kind, _believed(moment, now), text, str(message.message_id), data


def _choice(query: CallbackQuery, now: datetime) -> _Found | None:
    menu, _, number = (query.data or "").rpartition(":")
    if query.message is None or not menu or not (number.isascii() and number.isdigit()):
        return None
    data = _about(query.from_user)
    data |= {"menu": menu, "number": str(int(number)), "callback_id": query.id, "reply_to": str(query.message.message_id)}
    return conversation_of(query.message.chat.id), "choice", now, "", None, data


def _membership(change: ChatMemberUpdated, now: datetime) -> _Found | None:
    chat = conversation_of(change.chat.id)
    if change.new_chat_member.status in ("kicked", "left"):
        return chat, "left", now, "", None, _about(change.from_user)
    if change.chat.type == "private" and change.old_chat_member.status in ("kicked", "left"):
        return chat, "joined", now, "", None, _about(change.from_user)
    return None  # brought into a group, or given other rights there: it speaks when it is spoken to


def _about(sender: User) -> dict[str, str]:
    return {"name": sender.full_name, "author": str(sender.id)}


def _attached(message: Message) -> dict[str, str]:
    """What came with or instead of words; a place and a telephone number are told, a file is named."""
    attachment = message.effective_attachment
    kind = next((kind for name, kind in _MEDIA.items() if getattr(message, name)), "other")
    if kind == "location":
        place = message.location or (message.venue.location if message.venue else None)
        return {"type": kind, "lat": str(place.latitude), "lon": str(place.longitude)} if place else {"type": kind}
    if message.contact:
        return {"type": kind, "ref": message.contact.phone_number}
    if isinstance(attachment, (list, tuple)):
        largest: PhotoSize = max(attachment, key=lambda size: size.width * size.height)
        return {"type": kind, "ref": largest.file_id}
    return {"type": kind, "ref": str(getattr(attachment, "file_id", ""))}


def _addressed(message: Message, text: str, me: Me, commands: Collection[str]) -> str | None:
    """What is said to the bot in a group, without its name; None where somebody else is meant."""
    units = text.encode("utf-16-le", "surrogatepass")
    entities = message.entities if message.text is not None else message.caption_entities
    for entity in entities:
        words = units[entity.offset * 2 : (entity.offset + entity.length) * 2].decode("utf-16-le", "replace")
        if entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0:
            command, _, name = words[1:].partition("@")
            if name:
                return _without_name(text, name) if me.username and name.lower() == me.username.lower() else None
            if command.lower() in commands:
                return text
        if entity.type == MessageEntity.MENTION and me.username and words.lower() == f"@{me.username.lower()}":
            before, after = units[: entity.offset * 2], units[(entity.offset + entity.length) * 2 :]
            around = (part.decode("utf-16-le", "replace").strip(" ,:") for part in (before, after))
            return " ".join(part for part in around if part) or text
        if entity.type == MessageEntity.TEXT_MENTION and entity.user and entity.user.id == me.bot_id:
            return text
    return text if message.reply_to_message and _is_me(message.reply_to_message.from_user, me) else None


def _without_name(text: str, name: str) -> str:
    """A command without "@name" behind it."""
    command, space, rest = text.partition(" ")
    shorter = command[: -len(name) - 1] if command.lower().endswith(f"@{name.lower()}") else command
    return shorter + space + rest


def _is_me(user: User | None, me: Me) -> bool:
    return user is not None and user.id == me.bot_id


def _believed(moment: datetime | None, now: datetime) -> datetime:
    return moment if moment is not None and abs(moment - now) <= _BELIEVED else now
