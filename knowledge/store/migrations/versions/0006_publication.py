"""The way to publication: work on versions, corrections, gold questions, publications, jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "version_work",
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("read_text", sa.Text, nullable=False),
        sa.Column("read_warnings", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("changed_by", sa.Text),
        sa.Column("changed_at", _MOMENT),
        sa.Column("checked_by", sa.Text),
        sa.Column("checked_at", _MOMENT),
        sa.Column("gate_json", sa.Text),
        sa.Column("gate_corpus", sa.Text),
        sa.Column("accepted_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("document_id", "version", name="pk_version_work"),
        sa.ForeignKeyConstraint(
            ["document_id", "version"],
            ["document_versions.document_id", "document_versions.version"],
            name="fk_version_work_document_id_version",
        ),
    )
    op.create_table(
        "document_edits",
        sa.Column("edit_id", sa.Integer, primary_key=True),
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("anchor", sa.Text, nullable=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("value_json", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("made_by", sa.Text),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name="fk_document_edits_document_id"),
        sa.UniqueConstraint("document_id", "field", "anchor", "nth", name="uq_document_edits_document_id_field_anchor_nth"),
    )
    op.create_index("ix_document_edits_document_id", "document_edits", ["document_id"])
    op.create_table(
        "gold_questions",
        sa.Column("gold_id", sa.Text, primary_key=True),
        sa.Column("document_id", sa.Text),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("removed_at", _MOMENT),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name="fk_gold_questions_document_id"),
    )
    op.create_index("ix_gold_questions_document_id", "gold_questions", ["document_id"])
    op.create_table(
        "publications",
        sa.Column("publication_id", sa.Integer, primary_key=True),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("before_json", sa.Text, nullable=False),
        sa.Column("after_json", sa.Text, nullable=False),
        sa.Column("corpus_before", sa.Text, nullable=False),
        sa.Column("corpus_after", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("undoes", sa.Integer),
        sa.UniqueConstraint("undoes", name="uq_publications_undoes"),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("payload_json", sa.Text, nullable=False),
        sa.Column("result_json", sa.Text),
        sa.Column("said", sa.Text),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("of", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("made_by", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
