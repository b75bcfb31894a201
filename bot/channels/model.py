"""What every channel has in common: the values that come in and go out, and what a channel must be able to do.

A channel knows its service's format, limits and errors, and nothing of the assistant; the concierge knows the assistant and no channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Literal, Protocol

from knowledge.errors import TrogiupError

Event = Literal["text", "edit", "choice", "media", "joined", "left", "unsupported", "staff", "ignored"]
"""text: words, commands too. edit: words in place of earlier ones. choice: a button or a menu's number was pressed. media: a picture, a
voice message, a file, a sticker, a place. joined: followed or opened for the first time. left: unfollowed or blocked. unsupported: a
message from a protected account that came without its words. staff: the office answered from the app's own tool. ignored: nothing to do.
"""

Lane = Literal["danger", "normal"]


@dataclass(frozen=True, slots=True)
class Incoming:
    """One thing that arrived. `event_id` is unique in its channel: the same one twice is one event."""

    channel: str
    event_id: str
    conversation_id: str
    """`channel:chat`, as the store, the gateway and the duty desk know the person."""
    kind: Event
    at: datetime
    """When the service says it happened; the moment of receipt where it does not say or says the impossible."""
    text: str = field(default="", repr=False)
    message_id: str | None = None
    """The service's id of the message; an edit names the message it edits."""
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    """choice: `menu` and `number` (from 1). media: `type` (image, voice, video, file, sticker, location …), `ref` (file id or address),
    where told `lat`, `lon`. staff: `author`. Every kind: `name` (how the person calls themselves) and `reply_to` where known.
    """

    @property
    def chat(self) -> str:
        """The person's address within the channel."""
        return self.conversation_id.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press. A channel without buttons shows those of kind `say`, `passage` and `vote` as a numbered menu.

    say: the same as writing `value`. call: a telephone number. open: an address. passage: the words of a document, `value` is
    `document_id:start:end`. province: `value` is chosen as the person's province, "" for none. vote: `value` is good or bad, `about` names
    the message that was answered.
    """

    label: str
    kind: Literal["say", "call", "open", "passage", "province", "vote"]
    value: str
    about: str | None = None


RETURNING = frozenset({"say", "passage", "province", "vote"})
"""Kinds of buttons that come back when they are pressed; a menu is their list, and its numbers count these alone."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph with its part in the whole, so that a channel with markup can set it off.

    lead: what must be seen first (the number to call). text: what is said. source: where it stands. notice: validity, successor, hours.
    quote: a document's own words, unchanged.
    """

    kind: Literal["lead", "text", "source", "notice", "quote"]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is to be said, before any channel's limits. `key` is the same however often it is worked out: it is sent once.

    `menu`: the name under which its buttons are remembered; a press comes back with it (`Incoming.data`). `reply_to`: the message it
    answers, for groups. `chatter`: may be left out where a quota is nearly spent (small talk, thanks); never danger, never an officer's.
    """

    key: str
    lane: Lane
    blocks: tuple[Block, ...]
    buttons: tuple[Button, ...] = ()
    menu: str | None = None
    reply_to: str | None = None
    chatter: bool = False

    @property
    def numbered(self) -> tuple[tuple[int, Button], ...]:
        """The buttons in order, each with the number that it comes back as: from 1 over those that come back; 0 for calls and addresses."""
        counted = count(1)
        return tuple((next(counted) if button.kind in RETURNING else 0, button) for button in self.buttons)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a service may be written to. `total`: messages a second over all chats; `chat_every`: seconds between two to one chat;
    `group_per_minute`: to one group.
    """

    total: float
    chat_every: float = 0.0
    group_per_minute: int | None = None


class NotSent(TrogiupError):
    """A message did not arrive. Which of its kinds says what to do about it; `advice` never holds what was to be said."""


class Later(NotSent):
    """The service took nothing and may later. `after`: seconds, as the service said or 0 for our own choice; `everyone`: not for this chat
    alone.
    """

    def __init__(self, advice: str, after: float = 0.0, *, everyone: bool = False) -> None:
        super().__init__(advice)
        self.after = after
        self.everyone = everyone


class Uncertain(NotSent):
    """Whether it arrived is not known: the connection broke, or time ran out, after it was written."""


class Refused(NotSent):
    """It will never be taken as it is: to be looked at by somebody."""


class Gone(NotSent):
    """The person has blocked the account, or is not there any more."""


class Malformed(TrogiupError):
    """What arrived is not in the service's format."""


class Channel(Protocol):
    """One service. Made once, with its settings; its methods are called on one event loop."""

    name: str
    pace: Pace

    def read(self, payload: Any) -> tuple[Incoming, ...]:
        """The events in a decoded JSON body; () where there is nothing to do. Malformed where it is none of the service's. Never anything
        else: it is called with whatever the world sends.
        """
        ...

    def render(self, reply: Reply, chat: str) -> tuple[Mapping[str, Any], ...]:
        """The calls that say it, each a JSON object for `send`, in order, within the service's limits; at least one. Pure."""
        ...

    async def send(self, call: Mapping[str, Any]) -> str | None:
        """Make one call; the service's id of what was sent, where it tells. Later, Uncertain, Refused, Gone."""
        ...

    async def typing(self, chat: str) -> None:
        """Shows that an answer is being worked out, where the service can. Never raises."""
        ...

    async def close(self) -> None:
        """Gives connections back."""
        ...
