"""What wakes whoever looks into the database for work: at once for danger, else not so often that each message is a visit of its own."""

from __future__ import annotations

import asyncio
import contextlib
import math


class Bell:
    """Used on one event loop, by one who waits."""

    def __init__(self, gathers_s: float) -> None:
        """`gathers_s`: who was woken less long ago waits until then for more to come."""
        self._gathers_s = gathers_s
        self._rung, self._urgent = asyncio.Event(), asyncio.Event()
        self._woke_at = -math.inf

    def ring(self, *, urgent: bool) -> None:
        """There may be something to do."""
        self._rung.set()
        if urgent:
            self._urgent.set()

    async def wait(self, seconds: float) -> None:
        """Until it is rung, or so long at most."""
        await _set_within(seconds, self._rung)
        now = asyncio.get_running_loop().time
        if (left := self._woke_at + self._gathers_s - now()) > 0:
            await _set_within(left, self._urgent)
        self._rung.clear()
        self._urgent.clear()
        self._woke_at = now()


async def _set_within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):  # not wait_for: in Python 3.11 it swallows a cancelling that meets a wake
        async with asyncio.timeout(seconds):
            await event.wait()
