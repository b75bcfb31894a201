"""Retention, by itself: cases some months after they were closed, conversations some days after they were written."""

from __future__ import annotations

import asyncio
import logging
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from knowledge.store import CaseJournal, Store

logger = logging.getLogger("trogiup.retention")
_EVERY_S = 3600.0
_KEEP_EVENTS = timedelta(days=7)
"""What the channels took in and sent: longer than a service repeats an event that it thinks was not taken."""
_KEEP_DEAD = timedelta(days=30)
"""What could not be sent waits that long for somebody to look at it."""


@dataclass(frozen=True)
class RetentionSchedule:
    """What the office has set: TROGIUP_KEEP_CASES_MONTHS and TROGIUP_KEEP_CONVERSATIONS_DAYS."""

    store: Store
    journal: CaseJournal
    clock: Callable[[], datetime]
    cases_months: int
    conversations_days: int

    def round(self) -> tuple[int, int]:
        """Erase what is due; how many cases and messages. Raises StoreError when the database does not answer."""
        now = self.clock()
        border = months_before(now, self.cases_months)
        cases = self.store.retention.purge(border)
        self.journal.purge(border)
        messages = self.store.conversations.purge(now - timedelta(days=self.conversations_days))
        events = self.store.inbox.purge(now - _KEEP_EVENTS) + self.store.sends.purge(now - _KEEP_EVENTS, now - _KEEP_DEAD)
        self.store.chats.purge(now - timedelta(days=self.conversations_days))
        if cases or messages or events:
            logger.warning("event=retention cases=%d messages=%d events=%d", cases, messages, events)
        return cases, messages

    async def run(self, every: float = _EVERY_S) -> None:
        """A round every so many seconds, until cancelled; what has failed is tried again."""
        while True:
            try:
                await asyncio.to_thread(self.round)
            except Exception as error:  # whatever it is, the next round comes
                logger.error("event=retention_waits why=%s", type(error).__name__)
            await asyncio.sleep(every)


def months_before(moment: datetime, months: int) -> datetime:
    """The same day and hour so many months earlier; the last day of the month where it is shorter."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
