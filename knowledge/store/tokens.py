"""The access tokens of services whose refresh token works once: refreshed by one at a time, over all processes, and never lost.

Every method raises StoreError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update

from knowledge.store.database import Database, insert
from knowledge.store.schema_channels import TokenTable


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of a channel. `failed_at` and `why`: when the last refresh failed, None once one has succeeded."""

    channel: str
    access_token: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    refreshed_at: datetime | None
    failed_at: datetime | None
    why: str | None


_COLUMNS = [getattr(TokenTable, f.name) for f in fields(Tokens)]


class ChannelTokens:
    """The tokens of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def get(self, channel: str) -> Tokens | None:
        """What is known of a channel's tokens."""
        with self._database.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(TokenTable.channel == channel)).first()
            return Tokens(*row) if row else None

    def take_turn(self, channel: str, by: str, for_: timedelta) -> bool:
        """Whether the caller, `by`, may refresh now; nobody else may for that long, or until `keep` or `failed`."""
        now = self._clock()
        free = or_(TokenTable.lease_until.is_(None), TokenTable.lease_until < now, TokenTable.leased_by == by)
        with self._database.write() as connection:
            connection.execute(insert(connection, TokenTable).values(channel=channel).on_conflict_do_nothing(index_elements=["channel"]))
            mine = update(TokenTable).where(TokenTable.channel == channel, free)
            return connection.execute(mine.values(leased_by=by, lease_until=now + for_)).rowcount == 1

    def keep(self, channel: str, access_token: str, refresh_token: str, expires_at: datetime) -> None:
        """Both new tokens, and the end of the turn, in one transaction."""
        values = {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "expires_at": expires_at,
            "refreshed_at": self._clock(),
            "failed_at": None,
            "why": None,
        }
        self._set(channel, values)

    def failed(self, channel: str, why: str) -> None:
        """No new tokens came; the turn ends. `why` holds no token."""
        self._set(channel, {"failed_at": self._clock(), "why": why})

    def _set(self, channel: str, values: dict[str, Any]) -> None:
        over = {**values, "leased_by": None, "lease_until": None}
        with self._database.write() as connection:
            statement = insert(connection, TokenTable).values({"channel": channel, **over})
            connection.execute(statement.on_conflict_do_update(index_elements=["channel"], set_=over))
