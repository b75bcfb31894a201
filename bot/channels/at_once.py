"""Danger while the database is down: said without being kept, and again should that fail. What is said twice saves nobody less."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.channels.model import Channel, Incoming, NotSent, Reply

logger = logging.getLogger("trogiup.reception")

_PAUSES_S = (1.0, 5.0)
_REMEMBERED = 5_000


class Answering(Protocol):
    """What is used of the concierge."""

    async def handle(self, incoming: Incoming) -> Sequence[Reply]:
        """What is to be said."""
        ...

    def failed(self, incoming: Incoming) -> Reply:
        """That something of ours went wrong, with the numbers to call."""
        ...


class AtOnce:
    """Makes the calls by itself and remembers them, so that they are not made once more from the spill."""

    def __init__(self, channels: Mapping[str, Channel], concierge: Answering) -> None:
        self._channels = channels
        self._concierge = concierge
        self._said: OrderedDict[tuple[str, str], None] = OrderedDict()

    def has_said(self, channel: str, key: str) -> bool:
        """Whether a call was made from here. `key`: as in the sends."""
        return (channel, key) in self._said

    async def answer(self, incoming: Incoming) -> None:
        """What cannot be sent stands in the spill, and is sent from there."""
        channel = self._channels.get(incoming.channel)
        if channel is None:
            return
        try:
            replies = await self._concierge.handle(incoming)
        except Exception as error:
            logger.error("event=at_once_failed channel=%s event_id=%s why=%s", incoming.channel, incoming.event_id, type(error).__name__)
            replies = [self._concierge.failed(incoming)]
        for reply in replies:
            for number, call in enumerate(channel.render(reply, incoming.chat)):
                for pause in (*_PAUSES_S, None):
                    try:
                        await channel.send(call)
                        self._remember(channel.name, f"{reply.key}:{number}")
                        break
                    except NotSent:
                        if pause is None:
                            return
                        await asyncio.sleep(pause)

    def _remember(self, channel: str, key: str) -> None:
        self._said[channel, key] = None
        while len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)
