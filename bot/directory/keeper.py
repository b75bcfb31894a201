"""The directory in use: the shipped tables with what staff made of them, looked at again every few seconds.

Whoever answers holds `live`, reads memory only, and never waits for the database; without one the tables last read stay in use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from knowledge.directory import LiveDirectory
from knowledge.directory_entries import Entry, Merged, Rules, Shipped, overdue
from knowledge.places import Gazetteer
from knowledge.store import Store


@dataclass
class DirectoryKeeper:
    """One for a process. `merged`: as it was read last, at `version` (None: not yet)."""

    store: Store
    shipped: Shipped
    live: LiveDirectory
    merged: Merged
    version: int | None = field(default=None, init=False)

    @classmethod
    def load(cls, store: Store, gazetteer: Gazetteer) -> DirectoryKeeper:
        """With the shipped tables; `refresh` brings what staff have changed."""
        shipped = Shipped.load(Rules.load(gazetteer))
        merged = shipped.merged(())
        return cls(store, shipped, LiveDirectory(merged.directory), merged)

    @property
    def rules(self) -> Rules:
        """How rows are checked."""
        return self.shipped.rules

    def refresh(self) -> bool:
        """Takes up what has changed since; whether something had. Raises StoreError: what was in use stays so."""
        if self.store.directory.version() == self.version:
            return False
        version, changes = self.store.directory.read()
        self.merged = self.shipped.merged(changes)
        self.live.take_up(self.merged.directory)
        self.version = version
        return True

    def overdue(self, today: date) -> tuple[Entry, ...]:
        """The rows that nobody has made sure of for 90 days."""
        return tuple(entry for entry in self.merged.entries if overdue(entry, today))
