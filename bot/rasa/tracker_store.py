"""Where Rasa keeps conversations: in memory, for as long as they are alive. Rasa's own in-memory store never forgets anybody."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker


class ShortLivedTrackerStore(InMemoryTrackerStore):
    """Forgets a conversation that has been silent, the oldest ones when there are too many, and the oldest events of a long one.

    Set in endpoints.yml: `idle_minutes`, `most_conversations`, `most_events` (about seven a turn; a longer history only costs time).
    """

    def __init__(
        self,
        domain: Domain,
        event_broker: EventBroker | None = None,
        idle_minutes: float = 60,
        most_conversations: int = 2000,
        most_events: int = 100,
        clock: Callable[[], float] = time.monotonic,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain, event_broker, **kwargs)
        self.max_event_history = most_events
        self._idle_seconds = idle_minutes * 60
        self._most = most_conversations
        self._clock = clock
        self._last_seen: dict[str, float] = {}
        """When each conversation was last saved, the longest silent first."""

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep `tracker`, and let go of what is over."""
        await super().save(tracker)
        now = self._clock()
        self._last_seen.pop(tracker.sender_id, None)
        self._last_seen[tracker.sender_id] = now
        while self._last_seen:
            oldest, seen = next(iter(self._last_seen.items()))
            if now - seen <= self._idle_seconds and len(self._last_seen) <= self._most:
                break
            del self._last_seen[oldest]
            self.store.pop(oldest, None)
