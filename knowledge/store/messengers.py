"""Which officer writes as whom in a messenger, so that words there are taken for an officer's: linked by an administrator, written down.

Every method raises StoreError.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, or_, select

from knowledge.store.accounts import Account, account_of
from knowledge.store.audit import Actor, Subject, add_entry
from knowledge.store.database import Database, insert
from knowledge.store.schema_accounts import AccountTable
from knowledge.store.schema_messengers import MessengerTable


class Messengers:
    """The links of a store. `author`: the service's own number or name of a person."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def link(self, channel: str, author: str, account_id: str, by: Actor) -> None:
        """From now on `author` is that account and nobody else, and the account is nobody else there."""
        now = self._clock()
        row = {"channel": channel, "author": author, "account_id": account_id, "linked_at": now}
        same = or_(MessengerTable.author == author, MessengerTable.account_id == account_id)
        with self._database.write() as connection:
            connection.execute(delete(MessengerTable).where(MessengerTable.channel == channel, same))
            connection.execute(insert(connection, MessengerTable).values(row))
            add_entry(connection, now, by, "messenger_linked", Subject("account", account_id), None, {"channel": channel, "author": author})

    def unlink(self, channel: str, account_id: str, by: Actor) -> bool:
        """Nobody is that account there any more; whether somebody was."""
        with self._database.write() as connection:
            this = (MessengerTable.channel == channel, MessengerTable.account_id == account_id)
            linked = connection.execute(delete(MessengerTable).where(*this)).rowcount == 1
            if linked:
                add_entry(connection, self._clock(), by, "messenger_unlinked", Subject("account", account_id), {"channel": channel}, None)
            return linked

    def account_of(self, channel: str, author: str) -> Account | None:
        """Who writes as `author`; None: nobody who works here, or whose account is disabled."""
        statement = select(AccountTable.__table__).join(MessengerTable, MessengerTable.account_id == AccountTable.account_id)
        this = (MessengerTable.channel == channel, MessengerTable.author == author, AccountTable.disabled_at.is_(None))
        with self._database.read() as connection:
            row = connection.execute(statement.where(*this)).first()
            return account_of(row) if row else None

    def author_of(self, channel: str, account_id: str) -> str | None:
        """As whom an account writes; None where it is not linked."""
        this = (MessengerTable.channel == channel, MessengerTable.account_id == account_id)
        with self._database.read() as connection:
            return connection.execute(select(MessengerTable.author).where(*this)).scalar()
