"""The duty side: who holds a case and to whom it is offered, its events and notes, the roster, and what is to be sent."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Extend the cases, make the tables; cases that are open wait to be offered."""
    for column in (
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("voice", sa.Text),
        sa.Column("commune", sa.Text),
        sa.Column("safe_contact", sa.Text),
        sa.Column("consent", sa.Boolean),
        sa.Column("holder", sa.Text),
        sa.Column("held_since", _MOMENT),
        sa.Column("holder_seen_at", _MOMENT),
        sa.Column("last_holder", sa.Text),
        sa.Column("offered_to", sa.Text),
        sa.Column("offered_at", _MOMENT),
        sa.Column("offer_until", _MOMENT),
        sa.Column("asked", sa.Text, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("due_at", _MOMENT),
        sa.Column("outcome_code", sa.Text),
        sa.Column("erased_at", _MOMENT),
    ):
        op.add_column("cases", column)
    op.execute("UPDATE cases SET due_at = opened_at WHERE state = 'open'")
    op.drop_index("uq_cases_open", "cases")
    live = sa.text("state <> 'closed'")
    op.create_index("uq_cases_live", "cases", ["conversation_id"], unique=True, sqlite_where=live, postgresql_where=live)
    op.create_index("ix_cases_state_due_at", "cases", ["state", "due_at"])
    op.create_index("ix_cases_state_holder_seen_at", "cases", ["state", "holder_seen_at"])
    op.create_index("ix_cases_holder", "cases", ["holder"])

    op.create_table(
        "case_events",
        sa.Column("event_id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text),
        sa.Column("detail_json", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_case_events_case_id"),
    )
    op.create_index("ix_case_events_case_id", "case_events", ["case_id"])
    _append_only("case_events")
    op.create_table(
        "case_notes",
        sa.Column("note_id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_case_notes_case_id"),
    )
    op.create_index("ix_case_notes_case_id", "case_notes", ["case_id"])
    op.create_table(
        "outgoing",
        sa.Column("outgoing_id", sa.Integer, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("author", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("attachment", sa.Text),
        sa.Column("replaces", sa.Integer),
        sa.Column("client_key", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("delivered_at", _MOMENT),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.conversation_id"], name="fk_outgoing_conversation_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_outgoing_case_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outgoing_waiting", "outgoing", ["delivered_at", "lane", "next_try_at"])
    op.create_index("ix_outgoing_conversation", "outgoing", ["conversation_id", "outgoing_id"])
    op.create_index("uq_outgoing_client_key", "outgoing", ["case_id", "client_key"], unique=True)
    op.create_index("ix_outgoing_case_id", "outgoing", ["case_id"])

    op.create_table(
        "duty_shifts",
        sa.Column("shift_id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("weekdays", sa.Text, nullable=False),
        sa.Column("day", sa.Date),
        sa.Column("starts", sa.Time, nullable=False),
        sa.Column("ends", sa.Time, nullable=False),
        sa.Column("provinces", sa.Text, nullable=False),
        sa.Column("on_holidays", sa.Boolean, nullable=False),
    )
    op.create_index("ix_duty_shifts_account_id", "duty_shifts", ["account_id"])
    op.create_table(
        "duty_absences",
        sa.Column("absence_id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("begins_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_duty_absences_account_id", "duty_absences", ["account_id"])
    op.create_table("duty_holidays", sa.Column("day", sa.Date, primary_key=True), sa.Column("name", sa.Text, nullable=False))
    op.create_table(
        "chatwoot_threads",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("source_id", sa.Text),
        sa.Column("number", sa.Integer),
        sa.Column("leased_until", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_chatwoot_threads_case_id"),
        sa.UniqueConstraint("number", name="uq_chatwoot_threads_number"),
    )
    op.create_table(
        "chatwoot_items",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("noted_at", _MOMENT, nullable=False),
        sa.Column("sent_at", _MOMENT),
        sa.ForeignKeyConstraint(["case_id"], ["chatwoot_threads.case_id"], name="fk_chatwoot_items_case_id"),
    )


def _append_only(table: str) -> None:
    """Refuse every UPDATE and DELETE. (The PostgreSQL function was made by revision 0002.)"""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION trogiup_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
