"""A reply as calls of /v3.0/oa/message/cs: plain text, and at most five buttons under it.

    {"recipient": {"user_id": …},
     "message": {"text": …, "attachment": {"type": "template", "payload": {"buttons": [{"title": …, "type": …, "payload": …}]}}}}

This form, without `template_type`, is what the senders eSMS and Caresoft document for a consulting message with buttons; titles to 100
characters, payloads of oa.query.hide to 1,000, five buttons. The 2,000 characters of a text are unconfirmed.

An answer is free within 48 hours and (sources differ) eight messages, so one answer is one message wherever it fits: what finds no button
becomes a numbered line of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.channels.model import Button, Reply

MAX_TEXT, MAX_TITLE, MAX_PAYLOAD, MAX_BUTTONS = 2000, 100, 1000, 5
MENU = "#menu:"
"""How a press of ours comes back: `#menu:KEY:N`. Zalo wants the payload of a query to begin with #."""
ANONYMOUS = "anonymous."
"""A chat `anonymous.ID.CONVERSATION`: somebody who wrote from a web page, without a Zalo account."""
_ENDS = (re.compile(r"\n\n+"), re.compile(r"\n+"), re.compile(r"(?<=[.!?…;])\s+"), re.compile(r"\s+"))
"""Where a text may be cut, the best first."""


def render(reply: Reply, chat: str) -> tuple[Mapping[str, Any], ...]:
    """The calls, in order; at least one, none with an empty text. Buttons to call stand under the first, all others under the last."""
    buttons, lines = _buttons(reply)
    blocks = sorted((block for block in reply.blocks if block.text.strip()), key=lambda block: block.kind != "lead")
    paragraphs = [block.text.strip() for block in blocks]
    shown = "\n\n".join(paragraphs)
    text = "\n\n".join([*paragraphs, "\n".join(line for line in lines if line not in shown)]).strip()
    text = text or "\n".join(button.label for button in reply.buttons).strip() or "…"
    parts = list(split(unicodedata.normalize("NFC", text), MAX_TEXT))
    under: list[list[dict[str, Any]]] = [[] for _ in parts]
    for button in buttons:
        under[0 if button["type"] == "oa.open.phone" else -1].append(button)
    return tuple(_to(_recipient(chat), part, below) for part, below in zip(parts, under, strict=True))


def merge(calls: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The same words and buttons in the same order in fewer calls: neighbours to one person that fit into one message together."""
    merged: list[Mapping[str, Any]] = []
    for call in calls:
        joined = _joined(merged[-1], call) if merged else None
        merged[-1:] = [joined] if joined else [*merged[-1:], call]
    return tuple(merged)


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = f"{one['message']['text']}\n\n{other['message']['text']}"
    buttons = [*_under(one), *_under(other)]
    if one["recipient"] != other["recipient"] or len(text) > MAX_TEXT or len(buttons) > MAX_BUTTONS:
        return None
    return _to(one["recipient"], text, buttons)


def _under(call: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    buttons: Sequence[Mapping[str, Any]] = call["message"].get("attachment", {}).get("payload", {}).get("buttons", ())
    return buttons


def split(text: str, limit: int) -> Iterator[str]:
    """Pieces of at most `limit` characters, cut between paragraphs, else lines, sentences, words; a word longer than that is cut anywhere.

    Nothing but white space at the cuts is lost. A cut in the first half of a piece is passed over for a worse one: few, full messages.
    """
    rest = text.strip()
    while len(rest) > limit:
        at, after = _cut(rest, limit)
        yield rest[:at].rstrip()
        rest = rest[after:].lstrip()
    if rest:
        yield rest


def _cut(text: str, limit: int) -> tuple[int, int]:
    for ends in _ENDS:
        cuts = [found for found in ends.finditer(text, 0, limit + 1) if limit // 2 <= found.start() <= limit]
        if cuts:
            return cuts[-1].start(), cuts[-1].end()
    return limit, limit


def _buttons(reply: Reply) -> tuple[list[dict[str, Any]], list[str]]:
    """What stands as a button, and the lines of what found no place. Votes give way: they help us, not the person."""
    numbered = reply.numbered
    first = [row for row in numbered if row[1].kind in {"call", "open"}]
    choices = [row for row in numbered if row[1].kind not in {"call", "open", "vote"} and _payload(reply, *row)]
    votes = [row for row in numbered if row[1].kind == "vote" and _payload(reply, *row)]
    wanted = first + choices
    if len(wanted) + len(votes) <= MAX_BUTTONS:
        wanted += votes
    placed = sorted(wanted[:MAX_BUTTONS], key=lambda row: row[1].kind != "call")
    return [_button(reply, *row) for row in placed], [_line(*row) for row in wanted[MAX_BUTTONS:]]


def _button(reply: Reply, number: int, button: Button) -> dict[str, Any]:
    title = " ".join(button.label.split())[:MAX_TITLE] or "…"
    if button.kind == "call":
        return {"title": title, "type": "oa.open.phone", "payload": {"phone_code": button.value}}
    if button.kind == "open":
        return {"title": title, "type": "oa.open.url", "payload": {"url": button.value}}
    return {"title": title, "type": "oa.query.hide", "payload": _payload(reply, number, button)}


def _payload(reply: Reply, number: int, button: Button) -> str:
    """What a press sends us; "" when nobody could make sense of it."""
    payload = f"{MENU}{reply.menu}:{number}" if reply.menu else button.value if button.kind == "say" else ""
    return payload if len(payload) <= MAX_PAYLOAD else ""


def _line(number: int, button: Button) -> str:
    return f"{button.label}: {button.value}" if button.kind in {"call", "open"} else f"{number}. {button.label}"


def _to(recipient: Mapping[str, str], text: str, buttons: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    message: dict[str, Any] = {"text": text}
    if buttons:
        message["attachment"] = {"type": "template", "payload": {"buttons": list(buttons)}}
    return {"recipient": recipient, "message": message}


def _recipient(chat: str) -> dict[str, str]:
    """Who it goes to. The form for somebody anonymous stands in older documentation and is unconfirmed."""
    if chat.startswith(ANONYMOUS):
        anonymous_id, _, conversation_id = chat.removeprefix(ANONYMOUS).partition(".")
        return {"anonymous_id": anonymous_id, "conversation_id": conversation_id}
    return {"user_id": chat}
