"""Accounts, sessions, recovery codes, and an audit log that can only be added to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and the triggers."""
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("phone", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("disabled_at", _MOMENT),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("must_change_password", sa.Boolean, nullable=False),
        sa.Column("totp_secret", sa.Text),
        sa.Column("totp_confirmed_at", _MOMENT),
        sa.Column("totp_last_step", sa.Integer),
        sa.Column("failed_logins", sa.Integer, nullable=False),
        sa.Column("locked_until", _MOMENT),
        sa.UniqueConstraint("username", name="uq_accounts_username"),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("csrf_secret", sa.Text, nullable=False),
        sa.Column("second_factor", sa.Boolean, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("browser", sa.Text),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_staff_sessions_account_id"),
    )
    op.create_index("ix_staff_sessions_account_id", "staff_sessions", ["account_id"])
    op.create_index("ix_staff_sessions_expires_at", "staff_sessions", ["expires_at"])
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("code_sha256", sa.Text, nullable=False),
        sa.Column("used_at", _MOMENT),
        sa.PrimaryKeyConstraint("account_id", "code_sha256", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_recovery_codes_account_id"),
    )
    op.create_table(
        "audit_log",
        sa.Column("entry_id", sa.Integer, primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("account_id", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject_kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text),
        sa.Column("before_json", sa.Text),
        sa.Column("after_json", sa.Text),
        sa.Column("address", sa.Text),
    )
    for name in ("at", "account_id", "action", "subject_id"):
        op.create_index(f"ix_audit_log_{name}", "audit_log", [name])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION trogiup_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
            "FOR EACH STATEMENT EXECUTE FUNCTION trogiup_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_log_no_{verb.lower()} BEFORE {verb} ON audit_log "
            "BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END"
        )
