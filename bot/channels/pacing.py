"""How fast a service is written to: a token bucket over all chats, a pause between two messages to one, a limit a minute for groups."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from bot.channels.model import Pace

_MINUTE = timedelta(seconds=60)
_SOONEST_S = 0.05


class Gate:
    """Of one channel. Danger passes it at any time, and is counted. In memory only: who starts anew has paused long enough."""

    def __init__(self, pace: Pace, now: datetime) -> None:
        self._pace = pace
        self._most = max(1.0, pace.total)
        self._tokens = self._most
        self._filled_at = now
        self._rests_until = now
        self._free_at: dict[str, datetime] = {}
        """When each chat that was just written to may be written to again."""
        self._groups: dict[str, deque[datetime]] = {}

    def free(self, now: datetime) -> int:
        """How many messages may go out now."""
        if now < self._rests_until:
            return 0
        self._fill(now)
        return int(self._tokens + 1e-9)

    def held(self, now: datetime) -> set[str]:
        """The conversations that may not be written to yet."""
        self._free_at = {conversation_id: at for conversation_id, at in self._free_at.items() if at > now}
        return set(self._free_at)

    def spend(self, conversation_id: str, now: datetime) -> None:
        """A message goes out."""
        self._fill(now)
        self._tokens -= 1
        at = now + timedelta(seconds=self._pace.chat_every)
        if self._pace.group_per_minute and _is_group(conversation_id):
            times = self._groups.setdefault(conversation_id, deque(maxlen=self._pace.group_per_minute))
            times.append(now)
            if len(times) == self._pace.group_per_minute:
                at = max(at, times[0] + _MINUTE)
            self._groups = {group: times for group, times in self._groups.items() if times[-1] > now - _MINUTE}
        if at > now:
            self._free_at[conversation_id] = at

    def rest(self, until: datetime) -> None:
        """Nothing of the normal lane goes out before a moment."""
        self._rests_until = max(self._rests_until, until)

    def opens_in(self, now: datetime) -> float:
        """Seconds until more may go out than now."""
        moments = [at for at in (self._rests_until, *self._free_at.values()) if at > now]
        waits = [(at - now).total_seconds() for at in moments]
        if self._tokens < 1:
            waits.append((1 - self._tokens) / self._pace.total)
        return max(_SOONEST_S, min(waits, default=60.0))

    def _fill(self, now: datetime) -> None:
        passed = max(0.0, (now - self._filled_at).total_seconds())
        self._tokens = min(self._most, self._tokens + passed * self._pace.total)
        self._filled_at = now


def _is_group(conversation_id: str) -> bool:
    """Groups have negative ids where services tell them from people by it (Telegram's Chat.id)."""
    return conversation_id.partition(":")[2].startswith("-")
