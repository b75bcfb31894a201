"""The spill, as reception uses it: who has something lying there is put behind it until it is moved, so that no words change places."""

from __future__ import annotations

from collections.abc import Sequence

from bot.channels.spill import Spill
from bot.lanes import Lane
from knowledge.store import InboxRow, Store


class Aside:
    """Used on one event loop; the file is written and read by a thread, in the order it is asked to."""

    def __init__(self, spill: Spill, store: Store) -> None:
        self._spill = spill
        self._store = store
        self._thread = Lane("channel-spill")
        self._lying: set[str] = set()
        """Conversations of which something was put aside since the last move began."""
        self._moving: set[str] | None = None
        """Those of which something is moved at this moment, or was to be. None: nobody has looked what an earlier program has left."""

    async def split(self, rows: Sequence[InboxRow]) -> tuple[list[InboxRow], list[InboxRow]]:
        """Those that the database may take, and those that come behind something that lies here. Danger waits for nothing. StoreError."""
        if self._moving is None and not await self._thread.run(self._spill.waiting):
            self._moving = set()
        direct: list[InboxRow] = []
        behind: list[InboxRow] = []
        for row in rows:
            waits = self._moving is None or row.conversation_id in self._moving or row.conversation_id in self._lying
            (behind if waits and row.lane == "normal" else direct).append(row)
        return direct, behind

    async def put(self, rows: Sequence[InboxRow]) -> None:
        """Onto the disk. StoreError."""
        self._lying.update(row.conversation_id for row in rows)
        await self._thread.run(self._spill.append, rows)

    async def replay(self) -> int:
        """Into the database; how many it did not have yet. StoreError."""
        if self._moving is not None:
            self._moving |= self._lying
        self._lying, moved = set(), 0
        if await self._thread.run(self._spill.waiting):
            moved = await self._thread.run(self._spill.replay, self._store)
        self._moving = set()
        return moved
