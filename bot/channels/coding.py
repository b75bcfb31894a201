"""Events, buttons and replies as they stand in the store: JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime

from bot.channels.model import Button, Channel, Incoming, Reply
from knowledge.store import NewSend

_BUTTON = [field.name for field in fields(Button)]
"""asdict copies each value deeply, which takes ten times as long."""


def write_incoming(incoming: Incoming) -> str:
    """As JSON, for `InboxRow.body_json`."""
    body = {
        "channel": incoming.channel,
        "event_id": incoming.event_id,
        "conversation_id": incoming.conversation_id,
        "kind": incoming.kind,
        "at": incoming.at.astimezone(UTC).isoformat(),
        "text": incoming.text,
        "message_id": incoming.message_id,
        "data": dict(incoming.data),
    }
    return json.dumps(body, ensure_ascii=True)  # a lone surrogate, as a service may send one, stays what it was


def read_incoming(body_json: str) -> Incoming:
    """What `write_incoming` wrote."""
    values = json.loads(body_json)
    return Incoming(**{**values, "at": datetime.fromisoformat(values["at"])})


def write_buttons(buttons: Sequence[Button]) -> str:
    """A JSON list of objects with the fields of Button, in order: the button of number n stands at n - 1."""
    return json.dumps([{name: getattr(button, name) for name in _BUTTON} for button in buttons], ensure_ascii=False)


def read_buttons(buttons_json: str) -> tuple[Button, ...]:
    """What `write_buttons` wrote."""
    return tuple(Button(**values) for values in json.loads(buttons_json))


def calls(channel: Channel, reply: Reply, conversation_id: str, at: datetime) -> tuple[NewSend, ...]:
    """The calls that say a reply, to be kept in `Sends`: one key each, the same however often it is worked out."""
    rendered = channel.render(reply, conversation_id.partition(":")[2])
    return tuple(
        NewSend(channel.name, conversation_id, f"{reply.key}:{number}", reply.lane, json.dumps(call, ensure_ascii=True), at)
        for number, call in enumerate(rendered)
    )
