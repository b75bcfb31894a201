"""The channels: inbox, sends, chats with their menus and feedback, tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "channel_inbox",
        sa.Column("row_id", sa.Integer, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("body_json", sa.Text),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("not_before", _MOMENT, nullable=False),
        sa.Column("leased", sa.Boolean, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.UniqueConstraint("channel", "event_id", name="uq_channel_inbox_channel_event_id"),
        sqlite_autoincrement=True,
    )
    unworked = sa.text("state = 'waiting'")
    op.create_index("ix_channel_inbox_next", "channel_inbox", ["lane", "row_id"], sqlite_where=unworked, postgresql_where=unworked)
    turn = ["conversation_id", "lane", "row_id"]
    op.create_index("ix_channel_inbox_turn", "channel_inbox", turn, sqlite_where=unworked, postgresql_where=unworked)
    op.create_index("ix_channel_inbox_ended_at", "channel_inbox", ["ended_at"])
    op.create_table(
        "channel_sends",
        sa.Column("send_id", sa.Integer, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("call_json", sa.Text),
        sa.Column("call_sha256", sa.Text, nullable=False),
        sa.Column("call_length", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("doubts", sa.Integer, nullable=False),
        sa.Column("next_try_at", _MOMENT, nullable=False),
        sa.Column("leased_until", _MOMENT),
        sa.Column("why", sa.Text),
        sa.Column("remote_id", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("sent_at", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.UniqueConstraint("channel", "key", name="uq_channel_sends_channel_key"),
        sqlite_autoincrement=True,
    )
    unsent = sa.text("state IN ('waiting', 'sending')")
    following = ["channel", "lane", "send_id"]
    op.create_index("ix_channel_sends_next", "channel_sends", following, sqlite_where=unsent, postgresql_where=unsent)
    turn = ["conversation_id", "lane", "send_id"]
    op.create_index("ix_channel_sends_turn", "channel_sends", turn, sqlite_where=unsent, postgresql_where=unsent)
    op.create_index("ix_channel_sends_ended_at", "channel_sends", ["state", "ended_at"])
    op.create_table(
        "channel_chats",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("province", sa.Text),
        sa.Column("blocked_at", _MOMENT),
        sa.Column("wrote_at", _MOMENT),
        sa.Column("spent", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("silent_until", _MOMENT),
    )
    op.create_table(
        "channel_menus",
        sa.Column("menu_id", sa.Integer, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("menu", sa.Text, nullable=False),
        sa.Column("buttons_json", sa.Text, nullable=False),
        sa.Column("kept_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("conversation_id", "menu", name="uq_channel_menus_conversation_id_menu"),
    )
    op.create_table(
        "channel_feedback",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column("good", sa.Boolean, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_table(
        "channel_tokens",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("access_token", sa.Text),
        sa.Column("refresh_token", sa.Text),
        sa.Column("expires_at", _MOMENT),
        sa.Column("refreshed_at", _MOMENT),
        sa.Column("failed_at", _MOMENT),
        sa.Column("why", sa.Text),
        sa.Column("leased_by", sa.Text),
        sa.Column("lease_until", _MOMENT),
    )
