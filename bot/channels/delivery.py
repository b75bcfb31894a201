"""Officers' words and notices of the house, on their way to a channel: from the outbox of the cases into the sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import yaml

from bot.channels.coding import calls
from bot.channels.model import Block, Channel, Reply
from bot.duty.conversation import NotDelivered
from knowledge.errors import StoreError
from knowledge.store import Outgoing, Store

_TEXTS = Path(__file__).with_name("delivery.yml")


def delivery_texts() -> Mapping[str, str]:
    """How words are introduced: `officer`, `edited`, with {text}."""
    with _TEXTS.open(encoding="utf-8") as handle:
        texts: dict[str, str] = yaml.safe_load(handle)
    return texts


class ChannelDelivery:
    """Brings rows of the outbox to one channel; `Deliver` of bot/duty/conversation.py. The same row twice is sent once."""

    def __init__(
        self, channel: Channel, store: Store, clock: Callable[[], datetime], to_send: Callable[[], None], texts: Mapping[str, str]
    ) -> None:
        """`to_send`: called when there is something for the postman."""
        self._channel = channel
        self._store = store
        self._clock = clock
        self._to_send = to_send
        self._texts = texts

    async def deliver(self, row: Outgoing) -> None:
        """Returns when it stands in the sends; the postman does the rest. Raises NotDelivered."""
        sends = calls(self._channel, self._reply(row), row.conversation_id, self._clock())
        try:
            await asyncio.to_thread(self._store.sends.add, sends)
        except StoreError as error:
            raise NotDelivered(error.advice, outgoing_id=row.outgoing_id) from error
        self._to_send()

    def _reply(self, row: Outgoing) -> Reply:
        """A correction says that it is one: what was sent first stands on the person's screen already."""
        text = self._texts["edited"].format(text=row.text) if row.replaces is not None else row.text
        text = self._texts["officer"].format(text=text) if row.kind == "officer" else text
        return Reply(f"out:{row.outgoing_id}", row.lane, (Block("text", text),))
