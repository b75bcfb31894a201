"""What reaches the person outside of an answer: an officer's words and the house's notices, by the web page or by a channel.

The page asks for what came after the last id it knows, and the answer waits until there is something. The conversation's id is the secret:
only ids long enough to be random are served, only of conversations on the web, and one that does not exist answers like one to which
nothing was sent. A channel is sent what it has to bring, the danger lane first, and again after growing pauses where it fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from knowledge.errors import StoreError, TrogiupError
from knowledge.store import Outgoing, Store, Thread

logger = logging.getLogger("trogiup.conversation")

MAX_WAIT_S = 25.0
SECRET_FROM = 16
"""Characters; the web page's own ids have 22, of 128 random bits."""
WEB = frozenset({"api", "web"})
SHOWN_AGAIN = timedelta(hours=1)
"""How much of a live case's conversation a page shows that is loaded anew."""
_LOOK_EVERY_S = 0.5
_MOST_WAITING = 2_000
_LEASE = timedelta(seconds=60)
_PAUSES_S: Mapping[str, tuple[int, ...]] = {"danger": (1, 2, 4, 8, 15, 30), "normal": (5, 15, 60, 300)}


class PersonsSide:
    """The updates of conversations on the web. Looks into the store for all who wait together, and only while somebody does."""

    def __init__(self, store: Store, clock: Callable[[], datetime], officer: str) -> None:
        """`officer`: how somebody on duty is called in front of the person."""
        self._store = store
        self._clock = clock
        self._officer = officer
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._watch: asyncio.Task[None] | None = None

    async def updates(self, conversation_id: str, after: int, wait: float, *, arrived: bool = True) -> list[dict[str, Any]]:
        """Rows after an id, oldest first; an empty list when there was none for `wait` seconds. What is asked after has arrived, unless
        it was only written to a stream (`arrived`).

        Raises StoreError.
        """
        told = asyncio.Event()
        waits = sum(map(len, self._waiting.values())) < _MOST_WAITING
        self._waiting[conversation_id].add(told)
        try:
            if arrived and after and len(conversation_id) >= SECRET_FROM:
                await asyncio.to_thread(self._store.updates.arrived, conversation_id, after)
            ends = time.monotonic() + (min(wait, MAX_WAIT_S) if waits else 0)
            while not (rows := await self._rows(conversation_id, after)) and (left := ends - time.monotonic()) > 0:
                if self._watch is None or self._watch.done():
                    self._watch = asyncio.create_task(self._look())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await told.wait()
                told.clear()
            return rows
        finally:
            self._waiting[conversation_id].discard(told)
            if not self._waiting[conversation_id]:
                del self._waiting[conversation_id]

    async def thread(self, conversation_id: str) -> Thread:
        """The last hour, where an officer has the case or is being asked. Raises StoreError."""
        if len(conversation_id) < SECRET_FROM:
            return Thread(0, False)
        return await asyncio.to_thread(self._store.updates.thread, conversation_id, self._clock() - SHOWN_AGAIN)

    async def _rows(self, conversation_id: str, after: int) -> list[dict[str, Any]]:
        if len(conversation_id) < SECRET_FROM:
            return []
        rows = await asyncio.to_thread(self._store.outbox.after, conversation_id, after)
        return [self.shown(row) for row in rows if row.channel in WEB]

    def shown(self, row: Outgoing) -> dict[str, Any]:
        """A row as the person sees it."""
        return {
            "id": row.outgoing_id,
            "kind": row.kind,
            "author": self._officer if row.kind == "officer" else None,
            "text": row.text,
            "created_at": row.created_at.isoformat(),
            "replaces": row.replaces,
        }

    async def _look(self) -> None:
        newest: int | None = None
        while self._waiting:
            try:
                if newest is None:  # what came between the first look of each and now is found by telling all
                    newest = await asyncio.to_thread(self._store.updates.newest)
                    told = frozenset(self._waiting)
                else:
                    newest, conversations = await asyncio.to_thread(self._store.updates.since, newest)
                    told = frozenset(conversations & self._waiting.keys())
                for conversation_id in told:
                    for waiting in self._waiting[conversation_id]:
                        waiting.set()
            except StoreError as error:
                logger.error("event=updates_wait why=%s", error.advice)
            await asyncio.sleep(_LOOK_EVERY_S)


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a thread for the page: `who` is mine, answer, officer or notice."""

    who: str
    at: datetime
    text: str
    outgoing_id: int | None = None
    edited: bool = False
    message_id: str | None = None
    answer: Mapping[str, Any] | None = None


def lines(thread: Thread) -> list[Said]:
    """A thread in the order it was said; a correction stands where the words it corrects stood."""
    found: list[Said] = []
    for message in thread.messages:
        if message.text is None:
            continue
        found.append(Said("mine", message.received_at, message.text, message_id=message.message_id))
        if message.answer_json and (answer := json.loads(message.answer_json))["text"]:
            found.append(Said("answer", message.received_at, answer["text"], message_id=message.message_id, answer=answer))
    sent: dict[int, Said] = {}
    place: dict[int, int] = {}
    for row in thread.sent:
        first = place.get(row.replaces or 0, row.outgoing_id)
        place[row.outgoing_id] = first
        at = sent[first].at if first in sent else row.created_at
        sent[first] = Said(row.kind, at, row.text, row.outgoing_id, edited=first != row.outgoing_id)
    return sorted([*found, *sent.values()], key=lambda said: said.at)


# Other channels


class NotDelivered(TrogiupError):
    """A channel did not take a message. It is tried again."""


class Deliver(Protocol):
    """A channel that can write to a person of its own accord."""

    async def deliver(self, row: Outgoing) -> None:
        """Brings a row to its conversation. Raises NotDelivered; the same row may come again when an answer of the channel was lost."""
        ...


class Deliveries:
    """Brings what is sent to the channels."""

    def __init__(self, store: Store, channels: Mapping[str, Deliver], clock: Callable[[], datetime]) -> None:
        self._store = store
        self._channels = channels
        self._clock = clock

    async def round(self) -> int:
        """Everything that is due now, danger first; how many rows arrived. Raises StoreError."""
        arrived = 0
        while rows := await asyncio.to_thread(self._store.outbox.claim, tuple(self._channels), _LEASE):
            arrived += await self._brought(rows)
        return arrived

    async def run(self, every: float = _LOOK_EVERY_S) -> None:
        """A round every so many seconds, until cancelled."""
        while True:
            try:
                await self.round()
            except StoreError as error:
                logger.error("event=deliveries_wait why=%s", error.advice)
            await asyncio.sleep(every)

    async def _brought(self, rows: Sequence[Outgoing]) -> int:
        later: dict[str, datetime] = {}
        arrived = 0
        for row in rows:
            if row.conversation_id not in later:  # what was said first arrives first
                try:
                    await self._channels[row.channel].deliver(row)
                    await asyncio.to_thread(self._store.outbox.delivered, row.outgoing_id)
                    arrived += 1
                    continue
                except NotDelivered:
                    pauses = _PAUSES_S[row.lane]
                    pause = pauses[min(row.attempts - 1, len(pauses) - 1)]
                    later[row.conversation_id] = self._clock() + timedelta(seconds=pause)
                    logger.warning("event=not_delivered channel=%s row=%d attempts=%d", row.channel, row.outgoing_id, row.attempts)
            await asyncio.to_thread(self._store.outbox.failed, row.outgoing_id, later[row.conversation_id])
        return arrived
