"""getUpdates, for an office without a public address: one update at a time, without an offset.

The platform counts an update as delivered when it has answered with it. So it is put into the inbox before the next is asked for, and
tried again for as long as nothing takes it; what a program killed in between held is lost, which only the webhook avoids. The platform
means polling for development.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from bot.channels.bot_api import Empty, TokenRefused
from bot.channels.model import Incoming, Malformed, NotSent
from bot.channels.zalo_bot.channel import NAME, ZaloBot
from knowledge.errors import StoreError

logger = logging.getLogger("trogiup.channels.zalo_bot")

WAIT_S = 30
_MARGIN_S = 10.0
"""Beyond the platform's own time, before the connection counts as dead."""
_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)

Receive = Callable[[str, Sequence[Incoming]], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


class Polling:
    """Asks until it is cancelled. `receive` returns once the events stand on the disk."""

    def __init__(self, channel: ZaloBot, receive: Receive, sleep: Sleep = asyncio.sleep) -> None:
        self._api, self._channel, self._receive, self._sleep = channel.api, channel, receive, sleep
        self._failures = 0

    async def run(self) -> None:
        """Takes a webhook away first: while one is set, getUpdates gives nothing."""
        while not await self._try_once(self._take_webhook_away):
            pass
        while True:
            await self._try_once(self._ask)

    async def _take_webhook_away(self) -> None:
        await self._api.call("deleteWebhook")

    async def _ask(self) -> None:
        try:
            result = await self._api.call("getUpdates", {"timeout": str(WAIT_S)}, timeout_s=WAIT_S + _MARGIN_S)
        except Empty:
            return
        if not result:
            await self._sleep(_PAUSES[0])  # an empty answer at once: not in a circle
            return
        try:
            events = self._channel.read({"result": result})
        except Malformed as error:
            logger.warning("event=malformed channel=%s detail=%s", NAME, error.advice)
            return
        while events and not await self._taken(events):
            await self._sleep(_PAUSES[0])

    async def _taken(self, events: Sequence[Incoming]) -> bool:
        try:
            await self._receive(NAME, events)
        except StoreError as error:
            logger.critical("event=inbox_closed channel=%s detail=%s", NAME, error.advice)
            return False
        return True

    async def _try_once(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Whether it went well. After a failure it has paused, longer each time."""
        try:
            await step()
        except NotSent as error:
            pause = max(_PAUSES[min(self._failures, len(_PAUSES) - 1)], getattr(error, "after", 0.0))
            logger.log(logging.ERROR if isinstance(error, TokenRefused) else logging.WARNING, "event=poll_failed detail=%s", error.advice)
            self._failures += 1
            await self._sleep(pause)
            return False
        self._failures = 0
        return True
