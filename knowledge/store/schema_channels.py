"""The tables of the channels: what came in, what is to go out, what is known of a chat, and the services' tokens.

None of them refers to another table by a foreign key: an event is kept before anything is known of its conversation, and words are blanked
or deleted here on a shorter schedule than there.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.store.schema import Base

_UNWORKED = text("state = 'waiting'")
_UNSENT = text("state IN ('waiting', 'sending')")


class InboxTable(Base):
    """An event that arrived. `state`: waiting, done, skipped or failed; `body_json` is blanked when it is done or skipped."""

    __tablename__ = "channel_inbox"
    __table_args__ = (
        UniqueConstraint("channel", "event_id"),
        Index("ix_channel_inbox_next", "lane", "row_id", sqlite_where=_UNWORKED, postgresql_where=_UNWORKED),
        Index("ix_channel_inbox_turn", "conversation_id", "lane", "row_id", sqlite_where=_UNWORKED, postgresql_where=_UNWORKED),
        Index("ix_channel_inbox_ended_at", "ended_at"),
        {"sqlite_autoincrement": True},
    )

    row_id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    event_id: Mapped[str]
    conversation_id: Mapped[str]
    lane: Mapped[str]
    body_json: Mapped[str | None]
    received_at: Mapped[datetime]
    state: Mapped[str]
    failures: Mapped[int]
    not_before: Mapped[datetime]
    """When it may be worked; while somebody does, when that claim lapses."""
    leased: Mapped[bool]
    ended_at: Mapped[datetime | None]


class SendTable(Base):
    """A call that is to be made once. `state`: waiting, sending, sent, uncertain, dead or dropped."""

    __tablename__ = "channel_sends"
    __table_args__ = (
        UniqueConstraint("channel", "key"),
        Index("ix_channel_sends_next", "channel", "lane", "send_id", sqlite_where=_UNSENT, postgresql_where=_UNSENT),
        Index("ix_channel_sends_turn", "conversation_id", "lane", "send_id", sqlite_where=_UNSENT, postgresql_where=_UNSENT),
        Index("ix_channel_sends_ended_at", "state", "ended_at"),
        {"sqlite_autoincrement": True},
    )

    send_id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    conversation_id: Mapped[str]
    key: Mapped[str]
    lane: Mapped[str]
    call_json: Mapped[str | None]
    call_sha256: Mapped[str]
    call_length: Mapped[int]
    state: Mapped[str]
    attempts: Mapped[int]
    doubts: Mapped[int]
    """How often it is not known whether it arrived."""
    next_try_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    why: Mapped[str | None]
    remote_id: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ChatTable(Base):
    """What is known of one conversation in a channel."""

    __tablename__ = "channel_chats"

    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    province: Mapped[str | None]
    blocked_at: Mapped[datetime | None]
    wrote_at: Mapped[datetime | None]
    spent: Mapped[int] = mapped_column(server_default=text("0"))
    silent_until: Mapped[datetime | None]


class MenuTable(Base):
    """The buttons that a message showed, by the name of its menu."""

    __tablename__ = "channel_menus"
    __table_args__ = (UniqueConstraint("conversation_id", "menu"),)

    menu_id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str]
    menu: Mapped[str]
    buttons_json: Mapped[str]
    kept_at: Mapped[datetime]


class FeedbackTable(Base):
    """Whether an answer helped, as the person said last."""

    __tablename__ = "channel_feedback"

    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    good: Mapped[bool]
    at: Mapped[datetime]


class TokenTable(Base):
    """The tokens of a service whose refresh token can be used once."""

    __tablename__ = "channel_tokens"

    channel: Mapped[str] = mapped_column(primary_key=True)
    access_token: Mapped[str | None]
    refresh_token: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    refreshed_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    why: Mapped[str | None]
    leased_by: Mapped[str | None]
    lease_until: Mapped[datetime | None]
