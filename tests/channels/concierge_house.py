"""What the tests of the concierge share: a chat that writes, and the chats of a store in memory."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.channels.concierge import Concierge
from bot.channels.model import Button, Event, Incoming, Reply
from bot.gateway import Gateway
from knowledge.errors import StoreError
from knowledge.store import Store
from knowledge.store.conversations import Conversations
from knowledge.store.updates import Updates

NOON = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
"""Noon in Việt Nam, a Monday."""
CHAT = "telegram:7001"
FACILITIES = "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?"
DANGER = "Chồng em đang cầm dao đòi giết em, cứu em với"


class ChatClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class Row:
    province: str | None = None
    silent_until: datetime | None = None
    blocked_at: datetime | None = None


@dataclass
class ShownMenu:
    buttons_json: str
    kept_at: datetime


@dataclass
class MemoryChats:
    """As the store keeps them. `failing`: every call raises StoreError. `calls`: the names of those made."""

    clock: ChatClock
    failing: bool = False
    calls: list[str] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    menus: dict[str, dict[str, ShownMenu]] = field(default_factory=lambda: defaultdict(dict))
    votes: dict[tuple[str, str], bool] = field(default_factory=dict)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.failing:
            raise StoreError("The database does not answer.")

    def get(self, conversation_id: str) -> Row:
        self._called("get")
        return self.rows[conversation_id]

    def set_province(self, conversation_id: str, province: str | None) -> None:
        self._called("set_province")
        self.rows[conversation_id].province = province

    def blocked(self, conversation_id: str, at: datetime) -> None:
        self._called("blocked")
        self.rows[conversation_id].blocked_at = at

    def unblocked(self, conversation_id: str) -> None:
        self._called("unblocked")
        self.rows[conversation_id].blocked_at = None

    def silence(self, conversation_id: str, until: datetime | None) -> None:
        self._called("silence")
        self.rows[conversation_id].silent_until = until

    def keep_menu(self, conversation_id: str, menu: str, buttons_json: str) -> None:
        self._called("keep_menu")
        self.menus[conversation_id].pop(menu, None)
        self.menus[conversation_id][menu] = ShownMenu(buttons_json, self.clock())

    def menu(self, conversation_id: str, menu: str) -> str | None:
        self._called("menu")
        found = self.menus[conversation_id].get(menu)
        return found.buttons_json if found else None

    def last_menu(self, conversation_id: str, since: datetime) -> ShownMenu | None:
        self._called("last_menu")
        shown = [menu for menu in self.menus[conversation_id].values() if menu.kept_at >= since]
        return shown[-1] if shown else None

    def feedback(self, conversation_id: str, message_id: str, good: bool) -> None:
        self._called("feedback")
        self.votes[conversation_id, message_id] = good

    def forget(self, conversation_id: str) -> None:
        self._called("forget")
        self.rows.pop(conversation_id, None)
        self.menus.pop(conversation_id, None)


@dataclass
class ChatStore:
    """A real store, with chats in memory."""

    chats: MemoryChats
    conversations: Conversations
    updates: Updates


@dataclass
class ChatHouse:
    """A concierge and somebody who writes to it."""

    concierge: Concierge
    gateway: Gateway
    store: Store
    chats: MemoryChats
    clock: ChatClock
    events: int = 0

    async def comes(self, kind: Event, text: str = "", *, chat: str = CHAT, **more: Any) -> tuple[Reply, ...]:
        """Something arrives; what is said to it."""
        replies = await self.concierge.handle(self.incoming(kind, text, chat=chat, **more))
        for reply in replies:
            if reply.menu:  # as whoever sends it does
                self.chats.menus[chat].pop(reply.menu, None)
                self.chats.menus[chat][reply.menu] = ShownMenu(json.dumps([asdict(button) for button in reply.buttons]), self.clock())
        return replies

    def incoming(self, kind: Event, text: str = "", *, chat: str = CHAT, message_id: str | None = None, **data: str) -> Incoming:
        """The next event of the channel."""
        self.events += 1
        own = f"m{self.events}" if kind in ("text", "media", "edit", "staff") else None
        return Incoming(chat.partition(":")[0], f"e{self.events}", chat, kind, self.clock(), text, message_id or own, data)

    async def says(self, text: str, **more: Any) -> Reply:
        """The one reply to a text."""
        (reply,) = await self.comes("text", text, **more)
        return reply

    async def presses(self, reply: Reply, label: str, **more: Any) -> Reply:
        """The one reply to a button."""
        number = next(at for at, button in reply.numbered if at and label in button.label)
        (answer,) = await self.comes("choice", menu=reply.menu or "", number=str(number), **more)
        return answer

    def texts_of(self, case_id: str) -> list[str | None]:
        """What stands in a case's transcript."""
        return [line.text for line in self.store.cases.get(case_id).transcript]


def said(reply: Reply) -> str:
    """All of it, as it would be read."""
    return "\n".join(block.text for block in reply.blocks)


def blocks(reply: Reply, kind: str) -> list[str]:
    return [block.text for block in reply.blocks if block.kind == kind]


def labels(reply: Reply, kind: str | None = None) -> list[str]:
    return [button.label for button in reply.buttons if kind in (None, button.kind)]


def button(reply: Reply, label: str) -> Button:
    return next(button for button in reply.buttons if label in button.label)
