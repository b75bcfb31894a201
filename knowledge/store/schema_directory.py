"""The tables of what staff keep beside the documents: changes of the directory, needs, and counts for reports."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.store.schema import Base


class DirectoryRowTable(Base):
    """What staff made of a row of the directory; `base` names the shipped row it stands for, null a row of their own.

    `values_json`: field names and texts (knowledge/data/directory.yml). `version` counts the changes of the row.
    """

    __tablename__ = "directory_rows"
    __table_args__ = (UniqueConstraint("kind", "base"), {"sqlite_autoincrement": True})

    row_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    base: Mapped[str | None]
    hidden: Mapped[bool]
    values_json: Mapped[str]
    version: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str | None]


class DirectoryStateTable(Base):
    """One row: how often the directory has changed, which every running program looks at."""

    __tablename__ = "directory_state"

    state_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


class QuestionNeedTable(Base):
    """What a question lacks to be answered, and whether somebody has seen to it."""

    __tablename__ = "question_needs"

    need_id: Mapped[int] = mapped_column(primary_key=True)
    question: Mapped[str]
    need: Mapped[str]
    note: Mapped[str]
    done: Mapped[bool]
    version: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str | None]


class ReportCountTable(Base):
    """How many questions of a day had something in common. Counts stay when the questions are gone; no row says who asked what."""

    __tablename__ = "report_counts"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
