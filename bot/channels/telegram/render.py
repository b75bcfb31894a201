"""A Reply as calls of sendMessage (https://core.telegram.org/bots/api#sendmessage), each whole in itself and within the limits.

HTML with everything escaped. Telegram counts 4,096 UTF-16 code units of what is shown, after the markup is taken out; where a text is
longer it is cut at the end of a sentence, and each part opens and closes its own markup.
"""

from __future__ import annotations

import html
import ipaddress
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import InlineKeyboardButtonLimit, MessageLimit, ParseMode

from bot.channels.model import Block, Button, Reply

logger = logging.getLogger("trogiup.telegram")
_LIMIT = int(MessageLimit.MAX_TEXT_LENGTH)
_MENU_BYTES = int(InlineKeyboardButtonLimit.MAX_CALLBACK_DATA)
_ROOM = 400
"""A block is begun in a part only where at least this much of it fits; it begins the next part otherwise."""
_WIDE = 20
"""Characters of a label; a longer one has a row of its own."""
_TAGS: Mapping[str, tuple[str, str]] = {
    "lead": ("<b>", "</b>"),
    "text": ("", ""),
    "source": ("<i>", "</i>"),
    "notice": ("", ""),
    "quote": ("<blockquote>", "</blockquote>"),
}
_SENTENCE_END = re.compile(r"[.!?…;:][\"”’»)\]]*\s+|\n+")
_TAG = re.compile(r"<[^>]*>")


def calls(reply: Reply, chat: str, texts: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The calls that say `reply` in a chat. `texts`: of texts.yml. At least one."""
    blocks = [Block(block.kind, block.text.strip()) for block in _with_numbers(reply, texts) if block.text.strip()]
    parts = list(_parts(blocks or [Block("text", "…")]))
    made: list[dict[str, Any]] = [
        {
            "method": "sendMessage",
            "chat_id": int(chat),
            "text": part,
            "parse_mode": ParseMode.HTML.value,
            "link_preview_options": {"is_disabled": True},
        }
        for part in parts
    ]
    if reply.reply_to and reply.reply_to.isdigit() and is_group(chat):
        made[0]["reply_parameters"] = {"message_id": int(reply.reply_to), "allow_sending_without_reply": True}
    if keyboard := _keyboard(reply):
        made[-1]["reply_markup"] = InlineKeyboardMarkup(keyboard).to_dict()
    return tuple(made)


def is_group(chat: str) -> bool:
    """Telegram numbers groups below zero."""
    return chat.startswith("-")


def units(text: str) -> int:
    """The length as Telegram counts it: UTF-16 code units."""
    return len(text) + sum(char > "\uffff" for char in text)


def plain(marked_up: str) -> str:
    """The words of a text without its markup."""
    return html.unescape(_TAG.sub("", marked_up))


def shortened(text: str, most: int) -> str:
    """The beginning of a text where it is longer than `most` units, cut as a part would be, with an ellipsis."""
    return text if units(text) <= most else _cut(text, most - 2)[0] + " …"


# Words


def _with_numbers(reply: Reply, texts: Mapping[str, Any]) -> Iterator[Block]:
    """The blocks; after what is seen first, the numbers and addresses that cannot stand on a button and that no block shows.

    Telegram takes no tel: address on a button, and makes a number in the text one that can be tapped.
    """
    shown = {re.sub(r"\D", "", number) for block in reply.blocks for number in re.findall(r"\d[\d .]*", block.text)}
    calls = [button for button in reply.buttons if button.kind == "call" and re.sub(r"\D", "", button.value) not in shown]
    lines = [texts["call"].format(label=button.label, phone=button.value) for button in calls]
    links = [button for button in reply.buttons if button.kind == "open" and not _public(button.value)]
    lead = bool(reply.blocks) and reply.blocks[0].kind == "lead"
    yield from reply.blocks[: int(lead)]
    if lines:
        yield Block("lead", "\n".join(lines))
    yield from reply.blocks[int(lead) :]
    for button in links:
        yield Block("text", texts["link"].format(label=button.label, address=button.value))


def _parts(blocks: Sequence[Block]) -> Iterator[str]:
    """HTML texts of at most `_LIMIT` units each."""
    part, length = "", 0
    before: Block | None = None
    for block in blocks:
        gap = "" if before is None else "\n" if block.kind == "source" or (before.kind, block.kind) == ("lead", "lead") else "\n\n"
        rest = block.text
        if length and length + units(gap) + min(units(rest), _ROOM) > _LIMIT:
            yield part
            part, length, gap = "", 0, ""
        while units(rest) > (room := _LIMIT - length - units(gap)):
            head, rest = _cut(rest, room)
            yield part + gap + _marked(block.kind, head)
            part, length, gap = "", 0, ""
        part += gap + _marked(block.kind, rest)
        length += units(gap) + units(rest)
        before = block
    yield part


def _marked(kind: str, text: str) -> str:
    begin, end = _TAGS[kind]
    return begin + html.escape(text, quote=False) + end


def _cut(text: str, room: int) -> tuple[str, str]:
    """As much of `text` as `room` units hold, up to the end of a sentence, else of a word, else as it comes; and the rest."""
    end = fits = 0
    for char in text:
        fits += 1 if char <= "\uffff" else 2
        if fits > room:
            break
        end += 1
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, end)]
    at = ends[-1] if ends and ends[-1] >= end // 2 else text.rfind(" ", end // 2, end) + 1 or end
    return text[:at].rstrip(), text[at:].lstrip()


# Buttons


def _keyboard(reply: Reply) -> list[list[InlineKeyboardButton]]:
    """Votes in the last row; long labels alone, short ones in pairs."""
    rows: list[list[InlineKeyboardButton]] = []
    votes: list[InlineKeyboardButton] = []
    pair_open = False
    for number, button in reply.numbered:
        key = _key(reply, number, button)
        if key is None:
            continue
        if button.kind == "vote":
            votes.append(key)
        elif len(button.label) <= _WIDE and pair_open:
            rows[-1].append(key)
            pair_open = False
        else:
            rows.append([key])
            pair_open = len(button.label) <= _WIDE
    return [*rows, votes] if votes else rows


def _key(reply: Reply, number: int, button: Button) -> InlineKeyboardButton | None:
    """None for what cannot stand on a button."""
    if button.kind == "call":
        return None
    if button.kind == "open":
        return InlineKeyboardButton(button.label, url=button.value) if _public(button.value) else None
    data = f"{reply.menu}:{number}"
    if reply.menu is None or len(data.encode()) > _MENU_BYTES:
        logger.error("event=button_without_menu kind=%s", button.kind)  # the words are worth more than the button
        return None
    return InlineKeyboardButton(button.label, callback_data=data)


def _public(address: str) -> bool:
    """Whether Telegram takes the address on a button: it refuses the whole message where it names no host of the internet."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or "." not in host:
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True
