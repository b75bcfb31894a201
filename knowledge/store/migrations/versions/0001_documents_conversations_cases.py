"""Documents with their versions and history, conversations with their messages, cases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table("documents", sa.Column("document_id", sa.Text, primary_key=True))
    op.create_table(
        "document_versions",
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("source_file", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("content_sha256", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("text_sha256", sa.Text, nullable=False),
        sa.Column("metadata_json", sa.Text, nullable=False),
        sa.Column("ocr", sa.Boolean, nullable=False),
        sa.Column("pages", sa.Integer),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("document_id", "version", name="pk_document_versions"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name="fk_document_versions_document_id"),
    )
    op.create_index("ix_document_versions_text_sha256", "document_versions", ["text_sha256"])
    published = sa.text("state = 'published'")
    op.create_index(
        "uq_document_versions_published",
        "document_versions",
        ["document_id"],
        unique=True,
        sqlite_where=published,
        postgresql_where=published,
    )
    op.create_table(
        "document_events",
        sa.Column("event_id", sa.Integer, primary_key=True),
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name="fk_document_events_document_id"),
    )
    op.create_index("ix_document_events_document_id", "document_events", ["document_id"])
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("context_json", sa.Text),
        sa.Column("context_at", _MOMENT),
    )
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("risk", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("province", sa.Text),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("first_danger_at", _MOMENT),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("closed_at", _MOMENT),
        sa.Column("outcome", sa.Text),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.conversation_id"], name="fk_cases_conversation_id"),
    )
    op.create_index("ix_cases_conversation_id", "cases", ["conversation_id"])
    is_open = sa.text("state = 'open'")
    op.create_index("uq_cases_open", "cases", ["conversation_id"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
    op.create_table(
        "messages",
        sa.Column("row_id", sa.Integer, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("answer_json", sa.Text),
        sa.Column("case_id", sa.Text),
        sa.UniqueConstraint("conversation_id", "message_id", name="uq_messages_conversation_id_message_id"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.conversation_id"], name="fk_messages_conversation_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_messages_case_id"),
    )
    op.create_index("ix_messages_received_at", "messages", ["received_at"])
    op.create_index("ix_messages_case_id", "messages", ["case_id"])
