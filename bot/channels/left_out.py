"""What came in and is not answered: the middle of a flood, and words that the person has changed before anybody read them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from bot.channels.coding import calls, read_incoming
from bot.channels.metrics import ChannelMetrics
from bot.channels.model import Channel, Incoming, Reply
from bot.lanes import Lane
from knowledge.store import InboxItem, Store

logger = logging.getLogger("trogiup.reception")

CROWD, CROWD_OF_CASE, CROWD_KEPT = 20, 500, 5
"""More events than that waiting in one conversation are a flood, of which the last few are kept. Where a case is live somebody may be
typing many short lines, and each is for the officer to read."""
NOTICE_EVERY_S = 600


class Telling(Protocol):
    """What is used of the concierge."""

    def flooded(self, incoming: Incoming, skipped: int) -> Reply:
        """That only the last of very many messages are read."""
        ...


class LeftOut:
    """Asked of each event in hand before it is worked. Danger is never left out. Raises StoreError."""

    def __init__(
        self,
        store: Store,
        working: Lane,
        concierge: Telling,
        clock: Callable[[], datetime],
        to_send: Callable[..., None],
        metrics: ChannelMetrics,
    ) -> None:
        """`working`: the thread that visits the database."""
        self._store = store
        self._working = working
        self._concierge = concierge
        self._clock = clock
        self._to_send = to_send
        self._metrics = metrics

    async def is_edited(self, item: InboxItem, incoming: Incoming) -> bool:
        """Whether the same message comes once more behind it, with other words. Where a case is live the officer reads both."""
        if item.waiting == 1 or item.lane == "danger" or incoming.kind not in {"text", "edit"} or incoming.message_id is None:
            return False
        behind = map(read_incoming, await self._run(self._store.inbox.behind, item.row_id, item.conversation_id, CROWD))
        edited = any(other.kind == "edit" and other.message_id == incoming.message_id for other in behind)
        return edited and not await self._has_case(item.conversation_id)

    async def thin_out(self, item: InboxItem, incoming: Incoming, channel: Channel) -> None:
        """Of a flood only the last are worked, and the sender is told so once; others do not wait behind it."""
        conversation_id = item.conversation_id
        if item.waiting <= CROWD or item.lane == "danger":
            return
        if item.waiting <= CROWD_OF_CASE and await self._has_case(conversation_id):
            return
        skipped = await self._run(self._store.inbox.skip, conversation_id, CROWD_KEPT)
        logger.warning("event=flood conversation=%s skipped=%d", conversation_id, skipped)
        self._metrics.skipped.labels(channel.name).inc(skipped)
        told, now = self._concierge.flooded(incoming, skipped), self._clock()
        span = int(now.timestamp()) // NOTICE_EVERY_S
        sends = [
            replace(send, key=f"flood:{conversation_id}:{span}:{number}")
            for number, send in enumerate(calls(channel, told, conversation_id, now))
        ]
        await self._run(self._store.sends.add, sends)
        self._to_send()

    async def _has_case(self, conversation_id: str) -> bool:
        return conversation_id in await self._run(self._store.cases.joined)

    async def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await self._working.run(call, *arguments)
