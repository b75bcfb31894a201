"""Where Rasa keeps conversations: in memory, for as long as they are alive. Rasa's own in-memory store never forgets anybody.

Only a form that somebody is in the middle of is also written down, so that it goes on when Rasa is started again: its slots and the
question that is open, never what was said. It is taken off the disk when the form ends or the conversation is forgotten.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.conversation import Dialogue
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker

logger = logging.getLogger("trogiup.tracker_store")
_CLEAR_EVERY_S = 60.0


class ShortLivedTrackerStore(InMemoryTrackerStore):
    """Forgets a conversation that has been silent, the oldest ones when there are too many, and the oldest events of a long one.

    Set in endpoints.yml: `idle_minutes`, `most_conversations`, `most_events` (about seven a turn; a longer history only costs time),
    `forms`: the file that open forms are written to, empty for none.
    """

    def __init__(
        self,
        domain: Domain,
        event_broker: EventBroker | None = None,
        idle_minutes: float = 60,
        most_conversations: int = 2000,
        most_events: int = 100,
        forms: str = "",
        clock: Callable[[], float] = time.time,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain, event_broker, **kwargs)
        self.max_event_history = most_events
        self._idle_seconds = idle_minutes * 60
        self._most = most_conversations
        self._clock = clock
        self._forms = OpenForms(Path(forms)) if forms else None
        self._last_seen: dict[str, float] = {}
        """When each conversation was last saved, the longest silent first."""

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep `tracker`, and let go of what is over. As events: Rasa's own store writes and parses JSON for every message."""
        await self.stream_events(tracker)
        self.store[tracker.sender_id] = list(tracker.events)
        now = self._clock()
        self._last_seen.pop(tracker.sender_id, None)
        self._last_seen[tracker.sender_id] = now
        while self._last_seen:
            oldest, seen = next(iter(self._last_seen.items()))
            if now - seen <= self._idle_seconds and len(self._last_seen) <= self._most:
                break
            del self._last_seen[oldest]
            self.store.pop(oldest, None)
        if self._forms:
            self._forms.keep(tracker, now, now - self._idle_seconds)

    def deserialise_tracker(self, sender_id: str, serialised_tracker: list[Event]) -> DialogueStateTracker:
        """The conversation out of what `save` kept of it. Events do not change once they are in a tracker."""
        tracker: DialogueStateTracker = self.init_tracker(sender_id)
        tracker.recreate_from_dialogue(Dialogue(sender_id, serialised_tracker))
        return tracker

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The conversation; of one that another process of Rasa held, the open form."""
        tracker = await super().retrieve(sender_id)
        if tracker is not None or self._forms is None:
            return tracker
        events = self._forms.events(sender_id, self._clock() - self._idle_seconds)
        if not events:
            return None
        return DialogueStateTracker.from_events(sender_id, events, self.domain.slots, self.max_event_history, domain=self.domain)


class OpenForms:
    """Forms that somebody is in the middle of, in an SQLite file. A file that cannot be used costs the memory of them, never an answer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None
        self._written: set[str] = set()
        """Conversations that this process wrote or read a form of: all others need no look at the file when they are kept."""
        self._cleared = float("-inf")

    def keep(self, tracker: DialogueStateTracker, now: float, since: float) -> None:
        """Write the open form of a conversation down, or take it off; and, once a minute, all that were last touched before `since`."""
        clearing = now - self._cleared >= _CLEAR_EVERY_S
        if not (tracker.active_loop_name or tracker.sender_id in self._written or clearing):
            return
        slots = {name: slot.value for name, slot in tracker.slots.items() if slot.value is not None}
        state = json.dumps({"form": tracker.active_loop_name, "slots": slots}, ensure_ascii=False)
        try:
            with self._database() as database:
                database.execute("DELETE FROM forms WHERE conversation = ? OR touched < ?", (tracker.sender_id, since))
                if tracker.active_loop_name:
                    database.execute("INSERT INTO forms VALUES (?, ?, ?)", (tracker.sender_id, now, state))
        except (OSError, sqlite3.Error) as error:
            self._failed("forms_not_kept", error)
            return
        self._cleared = now if clearing else self._cleared
        self._written.discard(tracker.sender_id)
        if tracker.active_loop_name:
            self._written.add(tracker.sender_id)

    def events(self, sender_id: str, since: float) -> list[Event]:
        """What brings a tracker into the form again; empty where there was none."""
        query = "SELECT state FROM forms WHERE conversation = ? AND touched >= ?"
        try:
            row = self._database().execute(query, (sender_id, since)).fetchone()
        except (OSError, sqlite3.Error) as error:
            self._failed("forms_not_read", error)
            return []
        if row is None:
            return []
        self._written.add(sender_id)
        state = json.loads(row[0])
        slots = [SlotSet(name, value) for name, value in state["slots"].items()]
        started = [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted(), ActionExecuted(ACTION_LISTEN_NAME)]
        return [*started, ActionExecuted(state["form"]), ActiveLoop(state["form"]), *slots, ActionExecuted(ACTION_LISTEN_NAME)]

    def _database(self) -> sqlite3.Connection:
        """The file, opened once."""
        if self._opened is None:
            opened = sqlite3.connect(self._path, timeout=0.2)
            opened.execute("CREATE TABLE IF NOT EXISTS forms (conversation TEXT PRIMARY KEY, touched REAL NOT NULL, state TEXT NOT NULL)")
            self._opened = opened
        return self._opened

    def _failed(self, event: str, error: Exception) -> None:
        """The next use opens the file again: it may have been put back, or be free."""
        logger.warning("event=%s why=%s", event, type(error).__name__)
        if self._opened is not None:
            self._opened.close()
            self._opened = None
