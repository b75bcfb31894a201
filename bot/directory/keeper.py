"""The directory in use: the shipped tables with what staff made of them, looked at again every few seconds.

Whoever answers holds `live`, `gazetteer` and `successions`, reads memory only, and never waits for the database; without one the tables
last read stay in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from knowledge.directory import LiveDirectory
from knowledge.directory_entries import Change, Entry, Merged, Shipped, overdue
from knowledge.directory_rules import Rules
from knowledge.places import Gazetteer, LiveGazetteer
from knowledge.reorganisation import LiveSuccessions
from knowledge.store import RowChange, Store


def _nothing() -> None:
    pass


@dataclass
class DirectoryKeeper:
    """One for a process. `merged`: as it was read last, at `version` (None: not yet).

    `when_changed` is called once provinces, bodies or people's words have changed: whoever remembers answers forgets them.
    """

    store: Store
    shipped: Shipped
    live: LiveDirectory
    gazetteer: LiveGazetteer
    successions: LiveSuccessions
    merged: Merged
    when_changed: Callable[[], None] = _nothing
    version: int | None = field(default=None, init=False)

    @classmethod
    def load(cls, store: Store, gazetteer: Gazetteer) -> DirectoryKeeper:
        """With the shipped tables; `refresh` brings what staff have changed."""
        shipped = Shipped.load(Rules.load(gazetteer))
        merged = shipped.merged(())
        successions = LiveSuccessions(merged.successions)
        return cls(store, shipped, LiveDirectory(merged.directory), LiveGazetteer(gazetteer), successions, merged)

    @property
    def rules(self) -> Rules:
        """How rows are checked."""
        return self.shipped.rules

    def refresh(self) -> bool:
        """Takes up what has changed since; whether something had. Raises StoreError: what was in use stays so."""
        if self.store.directory.version() == self.version:
            return False
        version, changes = self.store.directory.read()
        before, self.merged = self.merged, self.shipped.merged(changes)
        self.live.take_up(self.merged.directory)
        self.gazetteer.take_up(self.merged.places)
        self.successions.take_up(self.merged.successions)
        self.version = version
        if _read_by(before) != _read_by(self.merged):
            self.when_changed()
        return True

    def with_change(self, change: RowChange) -> Merged:
        """The directory as it would stand. Raises EntryRefused and StoreError."""
        _, before = self.store.directory.read()
        after = _changed(before, change)
        self.shipped.refuse_unfit(before, after)
        return self.shipped.merged(after)

    def overdue(self, today: date) -> tuple[Entry, ...]:
        """The rows that nobody has made sure of for 90 days."""
        return tuple(entry for entry in self.merged.entries if overdue(entry, today))


def _read_by(merged: Merged) -> tuple[object, ...]:
    """What questions are read by, and answers written by."""
    return merged.places, merged.successions, merged.words


def _changed(before: Sequence[Change], change: RowChange) -> tuple[Change, ...]:
    """The changes of staff with one more, which has not been kept yet."""
    others = tuple(c for c in before if c.row_id != change.row_id)
    if change.values is None:
        return others
    return (*others, Change(change.row_id or 0, change.kind, change.base, change.hidden, change.values, change.version + 1))
