"""Sessions: which browsers are signed in. A session is known by the SHA-256 of the token in its cookie (hexadecimal)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import delete, select, update

from knowledge.store.accounts import Account, account_of
from knowledge.store.database import Database, insert
from knowledge.store.schema_accounts import AccountTable, SessionTable


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. `second_factor`: a code was given, too. `browser`: how it calls itself. `by_provider`: the office's OpenID
    provider stood in for the password.
    """

    session_id: str
    account_id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    csrf_secret: str = field(repr=False)
    second_factor: bool
    address: str | None
    browser: str | None
    by_provider: bool = False


_SESSION = [getattr(SessionTable, f.name) for f in fields(Session)]


class Sessions:
    """The sessions of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def open(
        self,
        session_id: str,
        account_id: str,
        *,
        expires_at: datetime,
        csrf_secret: str,
        second_factor: bool,
        address: str | None,
        browser: str | None,
        by_provider: bool = False,
    ) -> Session:
        """Begin a session; those that are over are cleared away."""
        now = self._clock()
        session = Session(session_id, account_id, now, now, expires_at, csrf_secret, second_factor, address, browser, by_provider)
        row = {f.name: getattr(session, f.name) for f in fields(Session)}
        with self._database.write() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.expires_at <= now))
            connection.execute(insert(connection, SessionTable).values(row))
        return session

    def find(self, session_id: str) -> tuple[Account, Session] | None:
        """The session and its account; None when there is none, it has expired, or the account is disabled."""
        of_session = select(*_SESSION).where(SessionTable.session_id == session_id, SessionTable.expires_at > self._clock())
        with self._database.read() as connection:
            row = connection.execute(of_session).first()
            if row is None:
                return None
            session = Session(*row)
            of_account = select(AccountTable.__table__).where(
                AccountTable.account_id == session.account_id, AccountTable.disabled_at.is_(None)
            )
            account = connection.execute(of_account).first()
        return (account_of(account), session) if account else None

    def of(self, account_id: str) -> tuple[Session, ...]:
        """The sessions of an account that have not expired, the one seen last first."""
        live = select(*_SESSION).where(SessionTable.account_id == account_id, SessionTable.expires_at > self._clock())
        with self._database.read() as connection:
            return tuple(Session(*row) for row in connection.execute(live.order_by(SessionTable.seen_at.desc(), SessionTable.session_id)))

    def seen(self, session_id: str) -> None:
        """A sign of life."""
        with self._database.write() as connection:
            connection.execute(update(SessionTable).where(SessionTable.session_id == session_id).values(seen_at=self._clock()))

    def end(self, session_id: str) -> None:
        """Over, if it was not."""
        with self._database.write() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.session_id == session_id))

    def end_all(self, account_id: str) -> None:
        """Every session of an account is over."""
        with self._database.write() as connection:
            connection.execute(delete(SessionTable).where(SessionTable.account_id == account_id))
