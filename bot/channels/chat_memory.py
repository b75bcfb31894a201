"""What is remembered of a chat: the chosen province, the buttons that were shown, whether the office itself is answering.

Reading never fails: somebody who asks is answered without a province rather than not at all. Writing raises StoreError, and what asked for
it is done again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, Protocol, TypeVar

from bot.channels.model import RETURNING, Button
from bot.lanes import Hanging, Lane
from knowledge.errors import StoreError

logger = logging.getLogger("trogiup.concierge")
P = ParamSpec("P")
R = TypeVar("R")
_STORE_S = 2.0
_NO_BUTTONS = "[]"
NUMBERED_FOR = timedelta(minutes=60)
"""How long a bare number means the menu that was shown last."""


class ChatRow(Protocol):
    """What is known of a chat."""

    @property
    def province(self) -> str | None:
        """The chosen one."""
        ...

    @property
    def silent_until(self) -> datetime | None:
        """Until when the office itself answers."""
        ...


class MenuRow(Protocol):
    """A menu that was shown."""

    @property
    def buttons_json(self) -> str:
        """Its buttons."""
        ...


class Chats(Protocol):
    """The chats of the store; every method raises StoreError."""

    def get(self, conversation_id: str) -> ChatRow:
        """What is known of a chat."""
        ...

    def set_province(self, conversation_id: str, province: str | None) -> None:
        """The chosen one."""
        ...

    def blocked(self, conversation_id: str, at: datetime) -> None:
        """The person is not to be written to."""
        ...

    def unblocked(self, conversation_id: str) -> None:
        """The person may be written to again."""
        ...

    def silence(self, conversation_id: str, until: datetime | None) -> None:
        """The assistant says nothing until then."""
        ...

    def keep_menu(self, conversation_id: str, menu: str, buttons_json: str) -> None:
        """What a message showed."""
        ...

    def menu(self, conversation_id: str, menu: str) -> str | None:
        """The buttons of a menu."""
        ...

    def last_menu(self, conversation_id: str, since: datetime) -> MenuRow | None:
        """The menu that was shown last."""
        ...

    def feedback(self, conversation_id: str, message_id: str, good: bool) -> None:
        """Whether an answer helped."""
        ...

    def forget(self, conversation_id: str) -> None:
        """All of it, and what stands in the inbox and the sends."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """A chat at one moment. `silent`: the office itself answers."""

    province: str | None = None
    silent: bool = False


class ChatMemory:
    """Asks the store in a lane of its own."""

    def __init__(self, chats: Chats, clock: Callable[[], datetime]) -> None:
        self._chats = chats
        self._clock = clock
        self._lane = Lane("chats")

    async def known(self, conversation_id: str) -> Known:
        """The chat; nothing of it where the store does not answer."""
        try:
            row = await self.write(self._chats.get, conversation_id)
        except StoreError:
            logger.error("event=chat_unread conversation=%s", conversation_id)
            return Known()
        return Known(row.province, row.silent_until is not None and row.silent_until > self._clock())

    async def pressed(self, conversation_id: str, menu: str, number: int) -> Button | None:
        """The button of a menu, counted from 1; None where the menu or the number is not known."""
        try:
            raw = await self.write(self._chats.menu, conversation_id, menu)
        except StoreError:
            return None
        return _at(raw, number)

    async def numbered(self, conversation_id: str, number: int) -> Button | None:
        """The button of the menu that was shown last."""
        try:
            row = await self.write(self._chats.last_menu, conversation_id, self._clock() - NUMBERED_FOR)
        except StoreError:
            return None
        return _at(row.buttons_json, number) if row else None

    async def showed_no_menu(self, conversation_id: str, name: str) -> None:
        """What was said last shows nothing to choose from: a number is not taken for a choice of an older menu."""
        try:
            last = await self.write(self._chats.last_menu, conversation_id, self._clock() - NUMBERED_FOR)
            if last and last.buttons_json != _NO_BUTTONS:
                await self.write(self._chats.keep_menu, conversation_id, name, _NO_BUTTONS)
        except StoreError:
            logger.error("event=menu_not_kept conversation=%s", conversation_id)

    async def write(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """A call of the store's. StoreError, also where it takes too long."""
        try:
            return await self._lane.run_within(_STORE_S, call, *args, **kwargs)
        except Hanging as error:
            raise StoreError("The database does not answer in time.") from error


def _at(raw: str | None, number: int) -> Button | None:
    """As `Reply.numbered` counts: calls and addresses have no number."""
    buttons = [button for row in json.loads(raw or "[]") if (button := Button(**row)).kind in RETURNING]
    return buttons[number - 1] if 0 < number <= len(buttons) else None
