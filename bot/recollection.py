"""What the gateway has in memory of conversations: bounded tables, and nothing that is lost for good when the program ends.

Triage may not wait for the database, so the last texts of a conversation are here. What the database does not tell in time is taken from
here, too. The oldest goes first when a table is full.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from actions.model import Context, Message
from actions.triage import Assessment, Triage

FORGET_AFTER = timedelta(minutes=60)
"""A conversation that rests this long begins anew."""
_EARLIER = 4
"""Messages before this one that triage reads with it: danger is often split over several."""
_EARLIER_WITHIN = timedelta(minutes=10)
_REMEMBERED = 5_000
"""Conversations."""
_ANSWERED = 1_000
"""First answers that are known, in case the same message comes again."""

_HEARD = 512
"""Messages that are on their way from the door to their answer."""

Answering = asyncio.Task[dict[str, Any]]


class Listening(Protocol):
    """What Ear does; a fake in tests."""

    def hear(self, conversation_id: str, text: str, earlier: Sequence[str] = ()) -> Assessment:
        """What triage reads in a message of a conversation. `earlier`: those before it, oldest first."""
        ...


class Ear:
    """Triage that need not read twice what it has just read: a channel asks at the door, for the lane, and again before the answer.

    Shared by threads.
    """

    def __init__(self, triage: Triage) -> None:
        self._heard = lru_cache(_HEARD)(lambda _, text, earlier: triage.assess(text, earlier))

    def hear(self, conversation_id: str, text: str, earlier: Sequence[str] = ()) -> Assessment:
        """See Listening."""
        return self._heard(conversation_id, text, tuple(earlier))

    def forget(self) -> None:
        """Nothing that was read stays."""
        self._heard.cache_clear()


class Recollection:
    """One for a gateway; used on its event loop only."""

    def __init__(self) -> None:
        self._locks: OrderedDict[str, asyncio.Lock] = OrderedDict()
        self._earlier: OrderedDict[str, deque[tuple[datetime, str]]] = OrderedDict()
        self._contexts: OrderedDict[str, tuple[datetime, Context]] = OrderedDict()
        self._answering: OrderedDict[tuple[str, str], Answering] = OrderedDict()

    def texts_before(self, message: Message) -> list[str]:
        """What was written shortly before it, oldest first."""
        since = message.received_at - _EARLIER_WITHIN
        return [text for at, text in self._earlier.get(message.conversation_id, ()) if at >= since]

    def note_text(self, message: Message) -> None:
        """It is one of the texts before the next."""
        texts = self._earlier.pop(message.conversation_id, deque(maxlen=_EARLIER))
        texts.append((message.received_at, message.text))
        self._earlier[message.conversation_id] = texts
        _trim(self._earlier)

    def context(self, message: Message) -> Context:
        """What the last answer left to remember; nothing after a rest."""
        at, context = self._contexts.get(message.conversation_id, (message.received_at, Context()))
        return context if message.received_at - at <= FORGET_AFTER else Context()

    def note_context(self, message: Message, context: Context) -> None:
        """What its answer leaves to remember."""
        self._contexts[message.conversation_id] = (message.received_at, context)
        _trim(self._contexts)

    def answering(self, message: Message) -> Answering | None:
        """The work on the first answer to it, done or not."""
        return self._answering.get((message.conversation_id, message.message_id))

    def note_answering(self, message: Message, answering: Answering) -> None:
        """For all copies of the message that may come."""
        self._answering[message.conversation_id, message.message_id] = answering
        _trim(self._answering, _ANSWERED)

    def turn(self, conversation_id: str) -> asyncio.Lock:
        """One message of a conversation at a time. A lock in use is never dropped."""
        lock = self._locks.pop(conversation_id, None) or asyncio.Lock()
        self._locks[conversation_id] = lock
        if len(self._locks) > _REMEMBERED:
            for key in [k for k, held in self._locks.items() if not held.locked()][: _REMEMBERED // 10]:
                if key != conversation_id:
                    del self._locks[key]
        return lock

    def forget(self, conversation_id: str) -> None:
        """Nothing of what was written or said stays."""
        self._earlier.pop(conversation_id, None)
        self._contexts.pop(conversation_id, None)


def _trim(table: OrderedDict[Any, Any], most: int = _REMEMBERED) -> None:
    while len(table) > most:
        table.popitem(last=False)
