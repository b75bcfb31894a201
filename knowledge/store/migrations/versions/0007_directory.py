"""What staff keep beside the documents: changes of the directory, needs, and counts for reports."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "directory_rows",
        sa.Column("row_id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("base", sa.Text),
        sa.Column("hidden", sa.Boolean, nullable=False),
        sa.Column("values_json", sa.Text, nullable=False),
        *_changed(),
        sa.UniqueConstraint("kind", "base", name="uq_directory_rows_kind_base"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "directory_state",
        sa.Column("state_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "question_needs",
        sa.Column("need_id", sa.Integer, primary_key=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("need", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        *_changed(),
    )
    op.create_table(
        "report_counts",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )


def _changed() -> list[sa.Column[object]]:
    """Who changed a row last, when, and how often it was changed."""
    return [
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("changed_by", sa.Text),
    ]
