"""What reaches the person outside of an answer, as server-sent events: the same rows as the long polling beside it.

https://html.spec.whatwg.org/multipage/server-sent-events.html. The id of an event is the id of what was sent, so that a browser that comes
back says by itself (Last-Event-ID) what it has. That something was written to a stream does not mean that it arrived: the page says so by
asking for what comes after it. A stream ends after a while and the browser opens the next, so that none outlives a network that is gone.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse

from knowledge.errors import StoreError

logger = logging.getLogger("trogiup.conversation")
KEEP_ALIVE_S = 15.0
"""Proxies close what is silent for long."""
STREAM_S = 300.0
AGAIN_MS = 2000
A_CONVERSATION = 3
"""Streams of one conversation: tabs, and a stream whose end nobody has noticed yet."""
IN_ALL = 1_000
_MAX_ID = 128
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy must not hold events back (nginx: X-Accel-Buffering)."""


class Updates(Protocol):
    """bot/duty/conversation.py, PersonsSide.updates."""

    async def __call__(self, conversation_id: str, after: int, wait: float, *, arrived: bool) -> Sequence[Mapping[str, Any]]:
        """Rows after an id, oldest first; none when there was none for `wait` seconds. `arrived`: that what came before has. StoreError."""
        ...


class EventStreams:
    """The open streams."""

    def __init__(self, updates: Updates, *, keep_alive_s: float = KEEP_ALIVE_S, stream_s: float = STREAM_S) -> None:
        self._updates = updates
        self._keep_alive_s = keep_alive_s
        self._stream_s = stream_s
        self._open: Counter[str] = Counter()

    def full(self, conversation_id: str) -> bool:
        """Whether one more would be too many, of this conversation or in all."""
        return self._open[conversation_id] >= A_CONVERSATION or self._open.total() >= IN_ALL

    async def stream(self, conversation_id: str, after: int) -> AsyncIterator[str]:
        """An event a row, a comment where there is none for a while; ends by itself."""
        self._open[conversation_id] += 1
        now = asyncio.get_running_loop().time
        ends = now() + self._stream_s
        arrived = True  # whoever asks after an id has it
        try:
            yield f"retry: {AGAIN_MS}\n\n"
            while (began := now()) < ends:
                rows = await self._updates(conversation_id, after, min(self._keep_alive_s, ends - began), arrived=arrived)
                arrived = False
                for row in rows:
                    after = int(row["id"])
                    yield f"id: {after}\ndata: {json.dumps(row, ensure_ascii=False)}\n\n"
                if not rows:
                    yield ": \n\n"
                    if now() - began < min(self._keep_alive_s, ends - began) / 2:
                        return  # so many wait that nobody more is made to: to be asked again
        except StoreError as error:
            logger.error("event=stream_ends why=%s", error.advice)
        finally:
            self._open[conversation_id] -= 1
            if not self._open[conversation_id]:
                del self._open[conversation_id]


def build_events(streams: EventStreams) -> APIRouter:
    """The route of the streams."""
    router = APIRouter()

    @router.get("/api/v1/conversations/{conversation_id}/events")
    async def events(
        conversation_id: Annotated[str, Path(min_length=1, max_length=_MAX_ID)],
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        last_event_id: Annotated[str | None, Header(max_length=20)] = None,
    ) -> Response:
        """What was sent outside of an answer after an id, as it comes (text/event-stream). `Last-Event-ID` counts for more than `after`."""
        if streams.full(conversation_id):
            return JSONResponse({"detail": "Too many streams."}, 429, headers={"Retry-After": "30"})
        known = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdecimal() else after
        return StreamingResponse(streams.stream(conversation_id, known), media_type="text/event-stream", headers=_HEADERS)

    return router
