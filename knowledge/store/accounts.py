"""Accounts of those who work here: roles, lock-out, second factor. Passwords and codes come hashed; how is bot/staff/'s affair.

Every change is in the audit log, written in the same transaction, except what only a log-in leaves behind (counters, used steps).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, case, delete, func, null, or_, select, update

from knowledge.errors import KnowledgeError
from knowledge.store.audit import Actor, Subject, add_entry
from knowledge.store.database import Database, insert
from knowledge.store.schema_accounts import AccountTable, RecoveryCodeTable, SessionTable

Role = Literal["collaborator", "editor", "approver", "duty_officer", "administrator"]
ROLES: tuple[Role, ...] = get_args(Role)

MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")
_NAME_LENGTH = 80
_ID_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"

Reason = (
    Literal["unknown", "username_unfit", "username_taken", "name_unfit", "phone_unfit", "role_unknown", "last_administrator"]
    | Literal["identity_unfit", "identity_taken"]
)
_ADVICE: dict[Reason, str] = {
    "unknown": "There is no such account: see `trogiup accounts list`.",
    "username_unfit": "A user name is 3 to 40 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit.",
    "username_taken": "There is an account of that user name already: take another name.",
    "name_unfit": f"A display name is 1 to {_NAME_LENGTH} characters on one line.",
    "phone_unfit": "A telephone number is 3 to 15 digits, with + in front, spaces and dots allowed.",
    "role_unknown": f"There is no such role: give one of {', '.join(ROLES)}.",
    "last_administrator": "This is the last administrator: make another one first.",
    "identity_unfit": "Give either an e-mail address or the subject at the provider, of 1 to 255 ASCII characters.",
    "identity_taken": "Another account is bound to it already: take it off there first.",
}


class AccountRefused(KnowledgeError):
    """An account that is not there, or a change that cannot be made; `reason` says which."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_ADVICE[reason], reason=reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Account:
    """A person who works here. `locked_until` may be over."""

    account_id: str
    username: str
    display_name: str
    roles: frozenset[str]
    phone: str | None
    created_at: datetime
    disabled_at: datetime | None
    must_change_password: bool
    totp_confirmed_at: datetime | None
    failed_logins: int
    locked_until: datetime | None

    def has(self, *roles: str) -> bool:
        """Whether it has one of these roles."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account with what proves that somebody is its person."""

    account: Account
    password_hash: str = field(repr=False)
    totp_secret: str | None = field(repr=False)


class Accounts:
    """The accounts of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime], rng: Random) -> None:
        self._database = database
        self._clock = clock
        self._rng = rng

    # --- who there is

    def list(self) -> tuple[Account, ...]:
        """Every account, the disabled ones last, by user name."""
        statement = select(AccountTable.__table__).order_by(AccountTable.disabled_at.is_not(None), AccountTable.username)
        with self._database.read() as connection:
            return tuple(account_of(row) for row in connection.execute(statement))

    def with_role(self, role: str) -> tuple[Account, ...]:
        """The accounts that have a role and are not disabled, by user name."""
        return tuple(account for account in self.list() if account.has(role) and account.disabled_at is None)

    def get(self, account_id: str) -> Account:
        """Raises AccountRefused when there is none of that id."""
        return self.credentials(account_id).account

    def by_username(self, username: str) -> Account:
        """Raises AccountRefused when there is none of that name."""
        with self._database.read() as connection:
            row = connection.execute(select(AccountTable.__table__).where(AccountTable.username == fold_username(username))).first()
        if row is None:
            raise AccountRefused("unknown")
        return account_of(row)

    def credentials(self, account_id: str) -> Credentials:
        """Raises AccountRefused when there is none of that id."""
        with self._database.read() as connection:
            return _credentials(_row(connection, account_id))

    # --- changes, all audited

    def add(
        self, username: str, display_name: str, roles: Iterable[str], password_hash: str, *, phone: str | None = None, by: Actor
    ) -> Account:
        """Make an account whose password must be changed at the first log-in. Raises AccountRefused."""
        folded = fold_username(username)
        if not _USERNAME.fullmatch(folded):
            raise AccountRefused("username_unfit")
        person = {"display_name": _checked_name(display_name), "roles": _checked_roles(roles), "phone": _checked_phone(phone)}
        row = {
            **person,
            "username": folded,
            "account_id": "".join(self._rng.choices(_ID_LETTERS, k=10)),
            "created_at": self._clock(),
            "password_hash": password_hash,
            "must_change_password": True,
            "failed_logins": 0,
        }
        with self._database.write() as connection:
            statement = insert(connection, AccountTable).values(row).on_conflict_do_nothing(index_elements=["username"])
            if connection.execute(statement.returning(AccountTable.account_id)).scalar() is None:
                raise AccountRefused("username_taken")
            account = account_of(_row(connection, str(row["account_id"])))
            self._note(connection, by, "account_added", account.account_id, after={"username": folded, **person})
            return account

    def change(self, account_id: str, *, display_name: str, roles: Iterable[str], phone: str | None, by: Actor) -> None:
        """Set name, roles and telephone. Raises AccountRefused, also when it would leave no administrator."""
        kept = _checked_roles(roles)
        values = {"display_name": _checked_name(display_name), "roles": kept, "phone": _checked_phone(phone)}
        with self._database.write() as connection:
            if "administrator" not in kept:
                _keep_an_administrator(connection, account_id)
            before = _locked_row(connection, account_id)
            changed = {name: value for name, value in values.items() if getattr(before, name) != value}
            if changed:
                _set(connection, account_id, **changed)
                was = {name: getattr(before, name) for name in changed}
                self._note(connection, by, "account_changed", account_id, was, changed)

    def disable(self, account_id: str, by: Actor) -> None:
        """Nobody signs in with it any more, and who is signed in is out. Raises AccountRefused, also for the last administrator."""
        with self._database.write() as connection:
            _keep_an_administrator(connection, account_id)
            if _locked_row(connection, account_id).disabled_at is None:
                _set(connection, account_id, disabled_at=self._clock())
                connection.execute(delete(SessionTable).where(SessionTable.account_id == account_id))
                self._note(connection, by, "account_disabled", account_id)

    def enable(self, account_id: str, by: Actor) -> None:
        """Take back `disable`. Raises AccountRefused."""
        with self._database.write() as connection:
            if _locked_row(connection, account_id).disabled_at is not None:
                _set(connection, account_id, disabled_at=None)
                self._note(connection, by, "account_enabled", account_id)

    def unlock(self, account_id: str, by: Actor) -> None:
        """Forget the failed log-ins. Raises AccountRefused."""
        with self._database.write() as connection:
            _locked_row(connection, account_id)
            _set(connection, account_id, failed_logins=0, locked_until=None)
            self._note(connection, by, "account_unlocked", account_id)

    def set_password(self, account_id: str, password_hash: str, *, must_change: bool, by: Actor) -> None:
        """A new password; every session of the account ends. `must_change`: somebody else chose it. Raises AccountRefused."""
        with self._database.write() as connection:
            _locked_row(connection, account_id)
            _set(connection, account_id, password_hash=password_hash, must_change_password=must_change, failed_logins=0, locked_until=None)
            connection.execute(delete(SessionTable).where(SessionTable.account_id == account_id))
            self._note(connection, by, "password_reset" if must_change else "password_changed", account_id)

    def rehash(self, account_id: str, old_hash: str, new_hash: str) -> None:
        """Keep the same password under newer parameters, unless it was changed meanwhile."""
        same = update(AccountTable).where(AccountTable.account_id == account_id, AccountTable.password_hash == old_hash)
        with self._database.write() as connection:
            connection.execute(same.values(password_hash=new_hash))

    # --- the second factor

    def offer_totp(self, account_id: str, secret: str) -> str:
        """The secret to set up: the one offered since the password was last given, else `secret`. Raises AccountRefused when confirmed."""
        with self._database.write() as connection:
            row = _locked_row(connection, account_id)
            if row.totp_confirmed_at is not None:
                raise AccountRefused("unknown")
            if row.totp_secret is None:
                _set(connection, account_id, totp_secret=secret)
            return str(row.totp_secret or secret)

    def confirm_totp(self, account_id: str, step: int, code_hashes: Sequence[str], by: Actor) -> bool:
        """The person's telephone showed the code of `step`: from now on it is asked for. False when it was confirmed before."""
        with self._database.write() as connection:
            row = _locked_row(connection, account_id)
            if row.totp_confirmed_at is not None or row.totp_secret is None:
                return False
            _set(connection, account_id, totp_confirmed_at=self._clock(), totp_last_step=step)
            _replace_codes(connection, account_id, code_hashes)
            self._note(connection, by, "second_factor_set", account_id)
            return True

    def use_totp_step(self, account_id: str, step: int) -> bool:
        """Whether a step is newer than every one used before; it is used now (RFC 6238, 5.2: a code is accepted once)."""
        newer = or_(AccountTable.totp_last_step.is_(None), AccountTable.totp_last_step < step)
        statement = update(AccountTable).where(AccountTable.account_id == account_id, newer).values(totp_last_step=step)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def use_recovery_code(self, account_id: str, code_hash: str, by: Actor) -> bool:
        """Whether it is a code of this account not used before; it is used now."""
        unused = (
            RecoveryCodeTable.account_id == account_id,
            RecoveryCodeTable.code_sha256 == code_hash,
            RecoveryCodeTable.used_at.is_(None),
        )
        with self._database.write() as connection:
            used = connection.execute(update(RecoveryCodeTable).where(*unused).values(used_at=self._clock())).rowcount == 1
            if used:
                self._note(connection, by, "recovery_code_used", account_id)
            return used

    def replace_recovery_codes(self, account_id: str, code_hashes: Sequence[str], by: Actor) -> None:
        """New codes; the old ones are void. Raises AccountRefused."""
        with self._database.write() as connection:
            _locked_row(connection, account_id)
            _replace_codes(connection, account_id, code_hashes)
            self._note(connection, by, "recovery_codes_made", account_id)

    def recovery_codes_left(self, account_id: str) -> int:
        """How many were not used."""
        unused = (RecoveryCodeTable.account_id == account_id, RecoveryCodeTable.used_at.is_(None))
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(RecoveryCodeTable).where(*unused)).scalar_one()

    def reset_totp(self, account_id: str, by: Actor) -> None:
        """Take the second factor off, its codes with it; every session of the account ends. Raises AccountRefused."""
        with self._database.write() as connection:
            _locked_row(connection, account_id)
            _set(connection, account_id, totp_secret=None, totp_confirmed_at=None, totp_last_step=None)
            _replace_codes(connection, account_id, ())
            connection.execute(delete(SessionTable).where(SessionTable.account_id == account_id))
            self._note(connection, by, "second_factor_reset", account_id)

    # --- signing in

    def attempt(self, username: str) -> Credentials | None:
        """Begin to sign in: counted as failed until `attempt_held` or `attempts_done`. None: unknown, disabled or locked.

        Counting first is what holds when many guesses come at the same time: of those, only MAX_FAILURES are ever looked at.
        """
        with self._database.write() as connection:
            row = connection.execute(
                select(AccountTable.__table__).where(AccountTable.username == fold_username(username)).with_for_update()
            ).first()
            return self._count(connection, row)

    def attempt_again(self, account_id: str) -> Credentials | None:
        """`attempt` for somebody whose password was right: a code, or the password once more."""
        with self._database.write() as connection:
            return self._count(connection, _locked_row(connection, account_id))

    def attempt_held(self, held: Credentials) -> bool:
        """The attempt was right, but more is asked for: this one does not count, earlier ones do. A second factor that was offered
        before and never confirmed is void: who has seen its secret once must not know the codes of later.

        False, and it counts, when the password was changed or the account disabled while it was being looked at.
        """
        fewer = case((AccountTable.failed_logins > 0, AccountTable.failed_logins - 1), else_=0)
        secret = case((AccountTable.totp_confirmed_at.is_not(None), AccountTable.totp_secret), else_=null())
        same = (AccountTable.account_id == held.account.account_id, AccountTable.password_hash == held.password_hash)
        statement = update(AccountTable).where(*same, AccountTable.disabled_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(statement.values(failed_logins=fewer, locked_until=None, totp_secret=secret)).rowcount == 1

    def attempt_failed(self, account_id: str, by: Actor) -> None:
        """The attempt was wrong: noted, and whether it was the one that locked the account."""
        with self._database.write() as connection:
            locked = account_of(_row(connection, account_id)).locked_until is not None
            self._note(connection, by, "sign_in_failed", account_id, after={"locked": locked})

    def attempts_done(self, account_id: str) -> None:
        """Signed in altogether: earlier failures are forgotten."""
        with self._database.write() as connection:
            _set(connection, account_id, failed_logins=0, locked_until=None)

    def _count(self, connection: Connection, row: Row[Any] | None) -> Credentials | None:
        now = self._clock()
        if row is None or row.disabled_at is not None:
            return None
        account = account_of(row)
        if account.locked_until is not None and account.locked_until > now:
            return None
        failures = (0 if account.locked_until else account.failed_logins) + 1
        locked_until = now + LOCKED_FOR if failures >= MAX_FAILURES else None
        _set(connection, account.account_id, failed_logins=failures, locked_until=locked_until)
        return _credentials(row)

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


def fold_username(username: str) -> str:
    """How a user name is kept and compared: NFKC, lower case, no blanks around."""
    return unicodedata.normalize("NFKC", username).strip().lower()


def account_of(row: Row[Any]) -> Account:
    """The account in a row of the whole table."""
    names = ("account_id", "username", "display_name", "phone", "created_at", "disabled_at", "must_change_password")
    late = ("totp_confirmed_at", "failed_logins", "locked_until")
    return Account(**{name: getattr(row, name) for name in (*names, *late)}, roles=frozenset(row.roles))


def _credentials(row: Row[Any]) -> Credentials:
    return Credentials(account_of(row), row.password_hash, row.totp_secret)


def _row(connection: Connection, account_id: str, *, lock: bool = False) -> Row[Any]:
    statement = select(AccountTable.__table__).where(AccountTable.account_id == account_id)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise AccountRefused("unknown")
    return row


def _locked_row(connection: Connection, account_id: str) -> Row[Any]:
    return _row(connection, account_id, lock=True)


def _set(connection: Connection, account_id: str, **values: object) -> None:
    connection.execute(update(AccountTable).where(AccountTable.account_id == account_id).values(values))


def _replace_codes(connection: Connection, account_id: str, code_hashes: Sequence[str]) -> None:
    connection.execute(delete(RecoveryCodeTable).where(RecoveryCodeTable.account_id == account_id))
    for code_hash in code_hashes:
        connection.execute(insert(connection, RecoveryCodeTable).values(account_id=account_id, code_sha256=code_hash))


def _keep_an_administrator(connection: Connection, without: str) -> None:
    """Every row locked in one order, so that two administrators cannot put each other out at the same moment."""
    rows = connection.execute(select(AccountTable.__table__).order_by(AccountTable.account_id).with_for_update()).all()
    active = {account.account_id for account in map(account_of, rows) if account.has("administrator") and account.disabled_at is None}
    if active == {without}:
        raise AccountRefused("last_administrator")


def _checked_name(name: str) -> str:
    squeezed = " ".join(name.split())
    if not 1 <= len(squeezed) <= _NAME_LENGTH or not squeezed.isprintable():
        raise AccountRefused("name_unfit")
    return squeezed


def _checked_roles(roles: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(sorted(set(roles)))
    if not set(wanted) <= set(ROLES):
        raise AccountRefused("role_unknown")
    return wanted


def _checked_phone(phone: str | None) -> str | None:
    if not phone or not phone.strip():
        return None
    if not re.fullmatch(r"\+?[0-9](?:[ .-]?[0-9]){2,14}", phone.strip()):
        raise AccountRefused("phone_unfit")
    return phone.strip()
