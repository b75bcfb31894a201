"""Log-in by an office's OpenID provider: who is who there, log-ins that have begun, and which sessions came that way."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and the column of the sessions."""
    op.create_table(
        "account_identities",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("bound_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_account_identities_account_id"),
        sa.UniqueConstraint("issuer", "subject", name="uq_account_identities_issuer_subject"),
        sa.UniqueConstraint("issuer", "email", name="uq_account_identities_issuer_email"),
    )
    op.create_table(
        "openid_logins",
        sa.Column("state_sha256", sa.Text, primary_key=True),
        sa.Column("browser_sha256", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("code_verifier", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_openid_logins_expires_at", "openid_logins", ["expires_at"])
    op.add_column("staff_sessions", sa.Column("by_provider", sa.Boolean, nullable=False, server_default=sa.false()))
