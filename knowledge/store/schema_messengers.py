"""The table of officers' own addresses in a messenger."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.store.schema import Base


class MessengerTable(Base):
    """Who of those that work here writes as whom. One address a channel and account, one account an address."""

    __tablename__ = "account_messengers"
    __table_args__ = (UniqueConstraint("channel", "account_id"),)

    channel: Mapped[str] = mapped_column(primary_key=True)
    author: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"))
    linked_at: Mapped[datetime]
