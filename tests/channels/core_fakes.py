"""A channel, a concierge and an ear that do as they are told, and a house of both ends on one database."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from sqlalchemy import event as event_

from bot.channels.model import Block, Incoming, Malformed, Pace, Reply
from bot.channels.postman import Postman
from bot.channels.reception import Reception
from bot.channels.spill import Spill
from knowledge.store import Store, sqlite_url
from knowledge.store.schema import Base

NOON = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
DANGER = "cứu em với"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> datetime:
        self.now += timedelta(**length)
        return self.now


class FakeEar:
    """DANGER is danger."""

    def hear(self, conversation_id: str, text: str, earlier: Sequence[str] = ()) -> Any:
        return SimpleNamespace(urgent=DANGER in text)


class FakeChannel:
    """Keeps what arrived. `fate`: what each attempt meets, by chat; an exception is raised, anything else passes."""

    def __init__(self, name: str = "fake", pace: Pace | None = None) -> None:
        self.name = name
        self.pace = pace or Pace(1000.0)
        self.arrived: list[tuple[str, str]] = []
        self.attempts: list[str] = []
        self.fate: Callable[[Mapping[str, Any]], None] = lambda call: None
        self.typed: list[str] = []
        self.step: Callable[[], None] = lambda: None

    def read(self, payload: Any) -> tuple[Incoming, ...]:
        if not isinstance(payload, dict) or "chat" not in payload:
            raise Malformed("no chat")
        return (event(str(payload["id"]), payload["chat"], payload.get("text", "")),)

    def render(self, reply: Reply, chat: str) -> tuple[Mapping[str, Any], ...]:
        return tuple({"chat": chat, "text": block.text, "lane": reply.lane} for block in reply.blocks)

    async def send(self, call: Mapping[str, Any]) -> str | None:
        self.step()
        self.attempts.append(call["text"])
        self.fate(call)
        await asyncio.sleep(0)
        self.arrived.append((call["chat"], call["text"]))
        self.step()
        return f"r{len(self.arrived)}"

    async def typing(self, chat: str) -> None:
        self.typed.append(chat)

    async def close(self) -> None:
        pass

    def texts(self, chat: str | None = None) -> list[str]:
        return [text for to, text in self.arrived if chat in (None, to)]


class FakeConcierge:
    """Answers "re: …". `fate`: what each event meets, by its id; an exception is raised."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.fate: Callable[[Incoming], None] = lambda incoming: None
        self.gate: dict[str, asyncio.Event] = defaultdict(_open)
        self.extra: dict[str, Any] = {}
        self.step: Callable[[], None] = lambda: None

    async def handle(self, incoming: Incoming) -> Sequence[Reply]:
        self.step()
        self.handled.append(incoming.event_id)
        await self.gate[incoming.event_id].wait()
        self.fate(incoming)
        self.step()
        lane = "danger" if DANGER in incoming.text else "normal"
        return (Reply(f"re:{incoming.event_id}", lane, (Block("text", f"re: {incoming.text}"),), **self.extra),)

    def flooded(self, incoming: Incoming, skipped: int) -> Reply:
        return Reply(f"flooded:{incoming.event_id}", "normal", (Block("text", f"skipped {skipped}"),))

    def failed(self, incoming: Incoming) -> Reply:
        return Reply(f"failed:{incoming.event_id}", "normal", (Block("lead", "113"),))


def _open() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


def event(event_id: str, chat: str = "1", text: str = "", channel: str = "fake", **more: Any) -> Incoming:
    """A text, if nothing else is said."""
    return Incoming(channel, event_id, f"{channel}:{chat}", more.pop("kind", "text"), NOON, text or event_id, **more)


@dataclass
class Office:
    """Both ends of the channels."""

    store: Store
    folder: Path
    clock: Clock
    channel: FakeChannel = field(default_factory=FakeChannel)
    concierge: FakeConcierge = field(default_factory=FakeConcierge)

    def __post_init__(self) -> None:
        self.spill = Spill(self.folder / "events.spill")
        self.restart()

    def restart(self, store: Any = None) -> None:
        """As another program, alone on the same database."""
        channels = {self.channel.name: self.channel}
        store = store or self.store
        self.postman = Postman(store, channels, self.clock, Random(7), alone=True, call_s=0.05)
        self.reception = Reception(
            store, channels, self.concierge, FakeEar(), self.clock, self.spill, to_send=self.postman.wake, alone=True
        )

    async def receive(self, *events: Incoming) -> None:
        await self.reception.receive(self.channel.name, events)

    async def settle(self) -> None:
        """Until nothing is due at this moment."""
        while await self.reception.round() + await self._idle() + await self.postman.round():
            await self.postman.idle()

    async def post(self) -> None:
        """Until nothing is to be sent at this moment."""
        while await self.postman.round():
            await self.postman.idle()

    async def _idle(self) -> int:
        await self.reception.idle()
        return 0


class OpenOffice(NamedTuple):
    """An open store and its clock, for the tests of a module."""

    store: Store
    clock: Clock


def open_office(folders: pytest.TempPathFactory) -> Iterator[OpenOffice]:
    """A store that does not wait for the disk: nobody cuts the power here."""
    clock = Clock()
    store = Store.open(sqlite_url(folders.mktemp("office") / "trogiup.db"), clock, timeout=20)
    event_.listen(store._database._engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    yield OpenOffice(store, clock)
    store.close()


def emptied(store: Store) -> Store:
    """With the tables of the channels empty."""
    with store._database.write() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name.startswith("channel_"):
                connection.execute(table.delete())
    return store
