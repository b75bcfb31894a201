"""Accounts at an office's OpenID provider: which person there is which account here, and log-ins that are on their way.

An administrator binds an account to a subject (the provider's own name for a person, which never changes) or to an e-mail address. An
address counts once: the first log-in with it, where the provider has verified it, binds the subject, and from then on only that counts,
because addresses are handed on to other people (OpenID Connect Core 1.0, 5.7). Nobody's account is made by a log-in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from knowledge.store.accounts import Account, AccountRefused, account_of
from knowledge.store.audit import Actor, Subject, add_entry
from knowledge.store.database import Database, insert
from knowledge.store.schema_accounts import AccountTable, IdentityTable, OpenidLoginTable, SessionTable

_SUBJECT = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,185}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an account's person is at the provider `issuer`. `subject` is None until the first log-in of who was bound by `email`."""

    account_id: str
    issuer: str
    subject: str | None
    email: str | None
    bound_at: datetime


@dataclass(frozen=True, slots=True)
class LoginBegun:
    """A log-in that was sent to the provider; of the state and the browser's cookie only SHA-256 (hexadecimal) is kept."""

    state_sha256: str
    browser_sha256: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    target: str
    expires_at: datetime


_IDENTITY = [getattr(IdentityTable, f.name) for f in fields(Identity)]
_BEGUN = [getattr(OpenidLoginTable, f.name) for f in fields(LoginBegun)]


class Identities:
    """The identities of a store. Every method raises StoreError."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def of(self, account_id: str) -> Identity | None:
        """Who the account's person is at the provider; None where nothing is bound."""
        with self._database.read() as connection:
            return _identity(connection, account_id)

    def bind(self, account_id: str, issuer: str, *, subject: str, email: str, by: Actor) -> None:
        """Bind an account to exactly one of `subject` and `email`, in place of what it was bound to. Raises AccountRefused."""
        subject, email = subject.strip(), email.strip().lower()
        if bool(subject) == bool(email) or not (_SUBJECT.fullmatch(subject) if subject else _EMAIL.fullmatch(email)):
            raise AccountRefused("identity_unfit")
        new = {"issuer": issuer, "subject": subject or None, "email": email or None}
        same = IdentityTable.subject == subject if subject else IdentityTable.email == email
        with self._database.write() as connection:
            # The account's row is locked before anything else, so that two who bind it at once come one after the other.
            if (
                connection.execute(select(AccountTable.account_id).where(AccountTable.account_id == account_id).with_for_update()).first()
                is None
            ):
                raise AccountRefused("unknown")
            others = select(IdentityTable.account_id).where(IdentityTable.issuer == issuer, same, IdentityTable.account_id != account_id)
            if connection.execute(others).first():
                raise AccountRefused("identity_taken")
            before = self._take_off(connection, account_id)
            row = {"account_id": account_id, **new, "bound_at": self._clock()}
            statement = insert(connection, IdentityTable).values(row).on_conflict_do_nothing()
            if connection.execute(statement.returning(IdentityTable.account_id)).first() is None:
                raise AccountRefused("identity_taken")
            self._note(connection, by, "identity_bound", account_id, _told(before) if before else None, new)

    def unbind(self, account_id: str, by: Actor) -> None:
        """The provider no longer opens the account; sessions that it opened end."""
        with self._database.write() as connection:
            if before := self._take_off(connection, account_id):
                self._note(connection, by, "identity_unbound", account_id, _told(before))

    def account_for(self, issuer: str, subject: str, verified_email: str | None, by: Actor) -> Account | None:
        """Whose account it is; None: nobody's. An account bound by e-mail is bound to the subject from now on, and that is noted."""
        by_subject = IdentityTable.subject == subject
        by_email = (IdentityTable.subject.is_(None)) & (IdentityTable.email == (verified_email or "").strip().lower())
        wanted = select(*_IDENTITY).where(IdentityTable.issuer == issuer, or_(by_subject, by_email) if verified_email else by_subject)
        with self._database.write() as connection:
            # The one whose subject it is goes first: nobody takes a second account by having its address verified.
            row = connection.execute(wanted.order_by(IdentityTable.subject.is_(None)).with_for_update()).first()
            if row is None:
                return None
            identity = Identity(*row)
            if identity.subject is None:
                connection.execute(update(IdentityTable).where(IdentityTable.account_id == identity.account_id).values(subject=subject))
                self._note(connection, by, "identity_confirmed", identity.account_id, _told(identity), {"subject": subject})
            return account_of(
                connection.execute(select(AccountTable.__table__).where(AccountTable.account_id == identity.account_id)).one()
            )

    # --- log-ins on their way

    def begin(self, begun: LoginBegun) -> None:
        """Remember a log-in; those that never came back are cleared away."""
        row = {f.name: getattr(begun, f.name) for f in fields(LoginBegun)}
        with self._database.write() as connection:
            connection.execute(delete(OpenidLoginTable).where(OpenidLoginTable.expires_at <= self._clock()))
            connection.execute(insert(connection, OpenidLoginTable).values(row))

    def take(self, state_sha256: str, browser_sha256: str) -> LoginBegun | None:
        """The log-in of a state, this once; None: unknown, taken before, too old, or another browser's, which leaves it where it is."""
        mine = (OpenidLoginTable.state_sha256 == state_sha256, OpenidLoginTable.browser_sha256 == browser_sha256)
        statement = delete(OpenidLoginTable).where(*mine, OpenidLoginTable.expires_at > self._clock())
        with self._database.write() as connection:
            row = connection.execute(statement.returning(*_BEGUN)).first()
            return LoginBegun(*row) if row else None

    def _take_off(self, connection: Connection, account_id: str) -> Identity | None:
        before = _identity(connection, account_id)
        if before:
            connection.execute(delete(IdentityTable).where(IdentityTable.account_id == account_id))
            connection.execute(delete(SessionTable).where(SessionTable.account_id == account_id, SessionTable.by_provider))
        return before

    def _note(
        self,
        connection: Connection,
        by: Actor,
        action: str,
        account_id: str,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        add_entry(connection, self._clock(), by, action, Subject("account", account_id), before, after)


def _identity(connection: Connection, account_id: str) -> Identity | None:
    row = connection.execute(select(*_IDENTITY).where(IdentityTable.account_id == account_id)).first()
    return Identity(*row) if row else None


def _account(connection: Connection, account_id: str) -> Account:
    """Its row locked, so that two who bind it at once come one after the other. Raises AccountRefused."""
    row = connection.execute(select(AccountTable.__table__).where(AccountTable.account_id == account_id).with_for_update()).first()
    if row is None:
        raise AccountRefused("unknown")
    return account_of(row)


def _told(identity: Identity) -> dict[str, Any]:
    return {"issuer": identity.issuer, "subject": identity.subject, "email": identity.email}
