"""The tables of accounts, sessions, recovery codes, identities at an OpenID provider, and the audit log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.store.schema import Base


class AccountTable(Base):
    """One row a person who works here. Never deleted, only disabled: the audit log names it.

    `username` is folded (lower case, NFC). `roles` are sorted. The last accepted TOTP step makes each code good for one use.
    """

    __tablename__ = "accounts"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    roles: Mapped[tuple[str, ...]]
    phone: Mapped[str | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    password_hash: Mapped[str]
    must_change_password: Mapped[bool]
    totp_secret: Mapped[str | None]
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None]
    failed_logins: Mapped[int]
    locked_until: Mapped[datetime | None]


class SessionTable(Base):
    """One row a signed-in browser. `session_id` is the SHA-256 of the token in its cookie: whoever reads the table cannot sign in."""

    __tablename__ = "staff_sessions"

    session_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    csrf_secret: Mapped[str]
    second_factor: Mapped[bool]
    by_provider: Mapped[bool] = mapped_column(server_default=false())
    address: Mapped[str | None]
    browser: Mapped[str | None]


class RecoveryCodeTable(Base):
    """Codes that stand in for a lost second factor, each once. They carry 80 random bits, so a plain SHA-256 keeps them."""

    __tablename__ = "recovery_codes"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    code_sha256: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]


class IdentityTable(Base):
    """Who an account's person is at the office's OpenID provider: `subject` there, or, until the first log-in, an e-mail address."""

    __tablename__ = "account_identities"
    __table_args__ = (
        UniqueConstraint("issuer", "subject", name="uq_account_identities_issuer_subject"),
        UniqueConstraint("issuer", "email", name="uq_account_identities_issuer_email"),
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    issuer: Mapped[str]
    subject: Mapped[str | None]
    email: Mapped[str | None]
    bound_at: Mapped[datetime]


class OpenidLoginTable(Base):
    """One row a log-in that was sent to the provider and has not come back. Taken out when it does, so that a state serves once."""

    __tablename__ = "openid_logins"

    state_sha256: Mapped[str] = mapped_column(primary_key=True)
    browser_sha256: Mapped[str]
    nonce: Mapped[str]
    code_verifier: Mapped[str]
    target: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AuditTable(Base):
    """Who did what to what. Triggers refuse every UPDATE and DELETE. No foreign keys: a row stands whatever becomes of the rest."""

    __tablename__ = "audit_log"

    entry_id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    account_id: Mapped[str | None] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(index=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[str | None] = mapped_column(index=True)
    before_json: Mapped[str | None]
    after_json: Mapped[str | None]
    address: Mapped[str | None]
