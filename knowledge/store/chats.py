"""What is known of a chat beside its conversation: province, menus, whether the person blocked us, the quota, feedback.

Every method raises StoreError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import aliased

from knowledge.store.database import Database, insert, insert_of
from knowledge.store.schema_channels import ChatTable, FeedbackTable, InboxTable, MenuTable, SendTable

MENUS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation in a channel. `wrote_at`: when the person wrote last; `spent`: messages sent since; until `silent_until` the
    assistant says nothing, because somebody else is answering.
    """

    conversation_id: str
    province: str | None = None
    blocked_at: datetime | None = None
    wrote_at: datetime | None = None
    spent: int = 0
    silent_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """When the person wrote last, as far as is known, and how many messages were sent since."""

    wrote_at: datetime | None
    spent: int


@dataclass(frozen=True, slots=True)
class Menu:
    """The buttons of a message, a JSON list."""

    menu: str
    buttons_json: str = field(repr=False)
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class NewMenu:
    """What a message is going to show, under a name of its own: a JSON list of buttons."""

    conversation_id: str
    menu: str
    buttons_json: str = field(repr=False)


_CHAT = [getattr(ChatTable, f.name) for f in fields(Chat)]
_MENU = [getattr(MenuTable, f.name) for f in fields(Menu)]

# What every message asks of the database, put together once: to build a statement takes longer than SQLite takes to do it.

_KNOWN = select(*_CHAT).where(ChatTable.conversation_id == bindparam("this_conversation"))
_SHOWN = (MenuTable.conversation_id == bindparam("this_conversation"), MenuTable.kept_at >= bindparam("since"))
_BEFORE = aliased(MenuTable)
_OLD = select(_BEFORE.menu_id).where(_BEFORE.conversation_id == bindparam("this_conversation")).order_by(_BEFORE.menu_id.desc())
_TOO_MANY = MenuTable.menu_id.in_(_OLD.offset(MENUS_KEPT - 1))
_MAKE_ROOM = delete(MenuTable).where(
    MenuTable.conversation_id == bindparam("this_conversation"), or_(MenuTable.menu == bindparam("this_menu"), _TOO_MANY)
)
_LAST_MENU = select(*_MENU).where(*_SHOWN).order_by(MenuTable.menu_id.desc()).limit(1)


class Chats:
    """The chats of a store."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def get(self, conversation_id: str) -> Chat:
        """What is known of a chat; of one that is not known, nothing."""
        with self._database.read() as connection:
            row = connection.execute(_KNOWN, {"this_conversation": conversation_id}).first()
            return Chat(*row) if row else Chat(conversation_id)

    def set_province(self, conversation_id: str, province: str | None) -> None:
        """The province that the person chose; None: none."""
        self._set(conversation_id, province=province)

    def blocked(self, conversation_id: str, at: datetime) -> None:
        """The person does not want to be written to, or is not there any more."""
        self._set(conversation_id, blocked_at=at)

    def unblocked(self, conversation_id: str) -> None:
        """The person may be written to again."""
        self._set(conversation_id, blocked_at=None)

    def blocked_counts(self) -> dict[str, int]:
        """How many have blocked us, by channel."""
        with self._database.read() as connection:
            ids = connection.execute(select(ChatTable.conversation_id).where(ChatTable.blocked_at.is_not(None))).scalars().all()
        counts: dict[str, int] = {}
        for conversation_id in ids:
            channel = conversation_id.partition(":")[0]
            counts[channel] = counts.get(channel, 0) + 1
        return counts

    def silence(self, conversation_id: str, until: datetime | None) -> None:
        """The assistant says nothing until then; None: it may."""
        self._set(conversation_id, silent_until=until)

    def silent_until(self, conversation_id: str) -> datetime | None:
        """Until when the assistant says nothing, if it does not."""
        return self.get(conversation_id).silent_until

    def wrote(self, conversation_id: str, at: datetime) -> None:
        """The person wrote: the quota begins anew, and whoever writes has not blocked us."""
        with self._database.write() as connection:
            note_written(connection, {conversation_id: at})

    def quota(self, conversation_id: str) -> Quota:
        """What a service's quota is counted by."""
        chat = self.get(conversation_id)
        return Quota(chat.wrote_at, chat.spent)

    def spent(self, conversation_id: str, messages: int = 1) -> None:
        """Messages were sent otherwise than by `Sends`, which counts its own."""
        with self._database.write() as connection:
            note_sent(connection, {conversation_id: messages})

    def keep_menu(self, conversation_id: str, menu: str, buttons_json: str) -> None:
        """Remember what a message showed; the last MENUS_KEPT of a chat. The same name again is the newest."""
        with self._database.write() as connection:
            keep_menus(connection, [NewMenu(conversation_id, menu, buttons_json)], self._clock())

    def menu(self, conversation_id: str, menu: str) -> str | None:
        """The buttons of a menu, a JSON list."""
        this = (MenuTable.conversation_id == conversation_id, MenuTable.menu == menu)
        with self._database.read() as connection:
            return connection.execute(select(MenuTable.buttons_json).where(*this)).scalar()

    def last_menu(self, conversation_id: str, since: datetime) -> Menu | None:
        """The last menu that was shown since a moment."""
        with self._database.read() as connection:
            row = connection.execute(_LAST_MENU, {"this_conversation": conversation_id, "since": since}).first()
            return Menu(*row) if row else None

    def feedback(self, conversation_id: str, message_id: str, good: bool) -> None:
        """Whether an answer helped; who says so twice means the last."""
        values = {"good": good, "at": self._clock()}
        row = {"conversation_id": conversation_id, "message_id": message_id, **values}
        with self._database.write() as connection:
            statement = insert(connection, FeedbackTable).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["conversation_id", "message_id"], set_=values))

    def feedback_counts(self, since: datetime) -> tuple[int, int]:
        """How many said that an answer helped since a moment, and how many that it did not."""
        good = func.count().filter(FeedbackTable.good)
        with self._database.read() as connection:
            row = connection.execute(select(good, func.count()).where(FeedbackTable.at >= since)).one()
        return row[0], row[1] - row[0]

    def purge(self, before: datetime) -> int:
        """Delete menus and feedback from before a moment, and chats that have been silent since, but that somebody blocked us; how many."""
        idle = (func.coalesce(ChatTable.wrote_at, before) <= before, ChatTable.blocked_at.is_(None))
        resting = func.coalesce(ChatTable.silent_until, before) <= before
        with self._database.write() as connection:
            connection.execute(delete(MenuTable).where(MenuTable.kept_at < before))
            connection.execute(delete(FeedbackTable).where(FeedbackTable.at < before))
            return connection.execute(delete(ChatTable).where(*idle, resting)).rowcount

    def forget(self, conversation_id: str) -> None:
        """As `Conversations.forget`, what stands here and in the inbox and the sends."""
        with self._database.write() as connection:
            forget_chat(connection, conversation_id, self._clock())

    def _set(self, conversation_id: str, **values: Any) -> None:
        with self._database.write() as connection:
            _upsert(connection, conversation_id, values)


def keep_menus(connection: Connection, menus: Sequence[NewMenu], at: datetime) -> None:
    """`Chats.keep_menu` of several in a transaction."""
    if not menus:
        return
    connection.execute(_MAKE_ROOM, [{"this_conversation": menu.conversation_id, "this_menu": menu.menu} for menu in menus])
    connection.execute(_menu_insert(connection.dialect.name), [{**asdict(menu), "kept_at": at} for menu in menus])


def note_written(connection: Connection, moments: Mapping[str, datetime]) -> None:
    """`Chats.wrote` of several in a transaction."""
    if not moments:
        return
    rows = [{"conversation_id": conversation_id, "wrote_at": at, "spent": 0} for conversation_id, at in sorted(moments.items())]
    connection.execute(_wrote(connection.dialect.name), rows)


def note_sent(connection: Connection, counts: Mapping[str, int]) -> None:
    """So many messages were sent to conversations."""
    if not counts:
        return
    # Always in one order, so that two programs do not wait for each other.
    rows = [{"conversation_id": conversation_id, "spent": count} for conversation_id, count in sorted(counts.items())]
    connection.execute(_spent(connection.dialect.name), rows)


def forget_chat(connection: Connection, conversation_id: str, at: datetime) -> None:
    """Nothing of a conversation stays here that tells who it was or what was said, but what is on its way at this moment.

    A number to call that has not been sent yet is still sent, and then blanked. What came and is over is still known by its event, without
    the conversation, so that a late repetition is not worked again; what came after the wish to be forgotten is worked.
    """
    mine = InboxTable.conversation_id == conversation_id
    connection.execute(update(InboxTable).where(mine, InboxTable.state != "waiting").values(conversation_id="", body_json=None))
    sends = SendTable.conversation_id == conversation_id
    unsent = SendTable.state.in_(("waiting", "sending"))
    kept = (SendTable.state == "sending") | (unsent & (SendTable.lane == "danger"))
    dropped = {"state": "dropped", "call_json": None, "ended_at": at, "why": "forgotten"}
    connection.execute(update(SendTable).where(sends, SendTable.state.in_(("waiting", "dead", "uncertain")), ~kept).values(dropped))
    connection.execute(update(SendTable).where(sends, ~unsent).values(conversation_id="", remote_id=None))
    for table in (MenuTable, FeedbackTable):
        connection.execute(delete(table).where(table.conversation_id == conversation_id))
    # Who blocked us stays known, and how much was sent: neither is what somebody wrote, and both keep us from writing too much.
    chat = update(ChatTable).where(ChatTable.conversation_id == conversation_id)
    connection.execute(chat.values(province=None, silent_until=None))


def _upsert(connection: Connection, conversation_id: str, values: Mapping[str, Any]) -> None:
    statement = insert(connection, ChatTable).values({"conversation_id": conversation_id, "spent": 0, **values})
    connection.execute(statement.on_conflict_do_update(index_elements=["conversation_id"], set_=dict(values)))


@cache
def _menu_insert(dialect: str) -> Executable:
    statement = insert_of(dialect, MenuTable)
    same = {"buttons_json": statement.excluded.buttons_json, "kept_at": statement.excluded.kept_at}
    return statement.on_conflict_do_update(index_elements=["conversation_id", "menu"], set_=same)


@cache
def _wrote(dialect: str) -> Executable:
    statement = insert_of(dialect, ChatTable)
    anew = {"wrote_at": statement.excluded.wrote_at, "spent": 0, "blocked_at": None}
    return statement.on_conflict_do_update(index_elements=["conversation_id"], set_=anew)


@cache
def _spent(dialect: str) -> Executable:
    statement = insert_of(dialect, ChatTable)
    more = {"spent": ChatTable.spent + statement.excluded.spent}
    return statement.on_conflict_do_update(index_elements=["conversation_id"], set_=more)
