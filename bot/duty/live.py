"""The desk, live: one question a second to the store for all open tabs together, and a stream of server-sent events to each.

https://html.spec.whatwg.org/multipage/server-sent-events.html. A stream is short: the browser opens the next one by itself, and each
opening asks again who is signed in and counts as a sign of life. A telephone that has lost its network opens none, whatever a connection
that nobody has closed may look like from here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable

from knowledge.errors import StoreError
from knowledge.store import Pulse

logger = logging.getLogger("trogiup.duty")
EVERY_S = 1.0
STREAM_S = 40.0
"""Well under the three minutes after which a holder has vanished (actions/duty/escalation.py)."""
_AGAIN_MS = 500


class Live:
    """The pulse of the cases, shared by every tab. Asks only while somebody listens."""

    def __init__(self, read: Callable[[], Pulse], every: float = EVERY_S, stream_s: float = STREAM_S) -> None:
        self._read = read
        self._every = every
        self._stream_s = stream_s
        self._listeners = 0
        self._beat = 0
        self._pulse: Pulse | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def stream(self) -> AsyncIterator[str]:
        """Events `pulse`, each with the number of the pulse and the cases that ring: the present one at once, then every new one."""
        self._listeners += 1
        try:
            if self._task is None or self._task.done():
                self._pulse, self._changed = None, asyncio.Event()
                self._task = asyncio.create_task(self._watch())
            yield f"retry: {_AGAIN_MS}\n\n"
            ends = asyncio.get_running_loop().time() + self._stream_s
            seen = -1
            while (left := ends - asyncio.get_running_loop().time()) > 0:
                changed = self._changed
                if self._pulse is not None and self._beat != seen:
                    seen = self._beat
                    yield _event(self._pulse)
                try:
                    async with asyncio.timeout(left):
                        await changed.wait()
                except TimeoutError:
                    return
        finally:
            self._listeners -= 1

    async def _watch(self) -> None:
        answers, again = True, False
        while self._listeners:
            try:
                pulse = await asyncio.to_thread(self._read)
                new = pulse != self._pulse
                if new or again:
                    self._announce(pulse)
                again = new  # the assistant's answer follows its message a little later, and makes no event
                answers = True
            except StoreError as error:
                if answers:
                    logger.error("event=desk_waits why=%s", error.advice)
                answers = False
            await asyncio.sleep(self._every)

    def _announce(self, pulse: Pulse) -> None:
        self._pulse, self._beat = pulse, self._beat + 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _event(pulse: Pulse) -> str:
    return f"event: pulse\ndata: {json.dumps({'number': pulse.number, 'danger': pulse.danger})}\n\n"
