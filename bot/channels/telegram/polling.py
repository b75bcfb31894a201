"""Long polling: for offices without a public address. An update is confirmed to Telegram only once it stands on the disk."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from telegram.error import TelegramError

from bot.channels.model import Incoming, Malformed
from bot.channels.telegram.channel import TelegramChannel, Trouble, trouble_of
from bot.channels.telegram.reading import ALLOWED
from bot.channels.telegram.request import Throttled
from knowledge.errors import StoreError

logger = logging.getLogger("trogiup.telegram")
HOLD_S = 30
"""How long Telegram keeps a request that has nothing to answer."""
_AT_ONCE = 100
_NOT_HELD_S = 0.3
"""Between two requests of a server that answers at once with nothing, as emulators and proxies do."""
_STORE_PAUSE_S = 1.0
_PAUSES_S: dict[Trouble, tuple[float, ...]] = {"down": (1, 2, 4, 8, 15, 30), "conflict": (5, 15, 30), "token": (60,)}

Receive = Callable[[str, Sequence[Incoming]], Awaitable[None]]
"""Reception.receive: returns once the events stand on the disk, and raises StoreError where they cannot."""


class Poller:
    """Fetches one bot's updates. `trouble`: why nothing comes at the moment; None: all is well."""

    def __init__(
        self, channel: TelegramChannel, receive: Receive, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, hold_s: int = HOLD_S
    ) -> None:
        self._channel = channel
        self._receive = receive
        self._sleep = sleep
        self._hold_s = hold_s
        self._offset: int | None = None
        self._failures = 0
        self._ready = False
        self.trouble: Trouble | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.round()
            except Exception as error:  # whatever it is, the next round comes; what was not kept comes with it
                logger.critical("event=polling_failed why=%s", type(error).__name__)
                await self._sleep(_STORE_PAUSE_S)

    async def round(self) -> None:
        """Fetches once and hands on what came; pauses where something is wrong."""
        began = time.monotonic()
        try:
            if not self._ready:
                await self._prepare()
            updates = await self._fetched()
        except (TelegramError, LookupError, TypeError) as error:
            await self._rest(error)
            return
        self._well()
        if updates and not await self._taken(updates):
            await self._sleep(_STORE_PAUSE_S)
        elif not updates and time.monotonic() - began < min(_NOT_HELD_S, self._hold_s):
            await self._sleep(_NOT_HELD_S)

    async def _prepare(self) -> None:
        """Telegram gives no updates while a webhook is set. Raises TelegramError."""
        await self._channel.request("deleteWebhook", drop_pending_updates=False)
        if self._channel.me.username is None:
            await self._channel.introduce()
        self._ready = True

    async def _fetched(self) -> list[Any]:
        arguments: dict[str, Any] = {"timeout": self._hold_s, "limit": _AT_ONCE, "allowed_updates": list(ALLOWED)}
        if self._offset is not None:
            arguments["offset"] = self._offset
        updates = await self._channel.request("getUpdates", hold_s=self._hold_s, **arguments)
        if not isinstance(updates, list):
            raise TypeError("getUpdates answers with a list")
        return updates

    async def _taken(self, updates: Sequence[Any]) -> bool:
        """Whether they stand on the disk. Only then Telegram is told, by the next request, to forget them."""
        events: list[Incoming] = []
        for update in updates:
            try:
                events.extend(self._channel.read(update))
            except Malformed:  # it would come again for ever
                number = update.get("update_id") if isinstance(update, dict) else None
                logger.error("event=malformed_update update=%s", number if isinstance(number, int) else None)
        try:
            if events:
                await self._receive(self._channel.name, events)
        except StoreError as error:
            logger.error("event=updates_not_kept why=%s", error.advice)
            return False
        numbers = [update["update_id"] for update in updates if isinstance(update, dict) and isinstance(update.get("update_id"), int)]
        if numbers:
            self._offset = max(numbers) + 1
        return True

    def _well(self) -> None:
        if self.trouble:
            logger.warning("event=telegram_again after=%s", self.trouble)
        self.trouble, self._failures = None, 0

    async def _rest(self, error: Exception) -> None:
        """Says once what is wrong, and waits longer each time."""
        trouble = trouble_of(error)
        if trouble != self.trouble:
            logger.error("event=telegram_%s advice=%s", trouble, self._channel.advice(trouble))
            self.trouble, self._failures = trouble, 0
        pauses = _PAUSES_S[trouble]
        pause = pauses[min(self._failures, len(pauses) - 1)]
        self._failures += 1
        if trouble == "conflict":
            self._ready = False  # it may be a webhook that somebody has set
        if isinstance(error, Throttled):
            pause = max(pause, error.after)
        await self._sleep(pause)
