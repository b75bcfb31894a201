"""An emulated Zalo Bot Platform for load: takes calls, fails as it is told, brings messages to the webhook until they are acknowledged.

The rules of the platform are tested elsewhere (tests/channels/zalo_bot_emulator.py); this one is quick, because it runs beside what is
measured: plain streams, as a client library would take more time than the service itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

TOKEN, SECRET = "1459232241454765289:bench", "secret-of-the-bench"
ACKNOWLEDGE_S = 5.0
"""After which a delivery counts as failed and is repeated."""
_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Between two deliveries, growing: who is behind is not buried under repeats."""
_EPISODE_S = 1
_NAME = re.compile(r"\[(m\d+)\]")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call that was taken. `name`: the message that it says it answers; `at`: time.perf_counter()."""

    chat: str
    name: str | None
    at: float


@dataclass
class Service:
    """The platform's side. `throttled`, `faulty`: shares of calls that are told to wait or get a 5xx. 429 comes in episodes of a second in
    which nobody is taken from, as services do it.
    """

    rng: Random
    throttled: float = 0.0
    faulty: float = 0.0
    storm: Callable[[str], bool] = lambda chat: False
    """Chats that are told to wait, always."""
    on_arrival: Callable[[Arrival], None] = lambda arrival: None
    arrivals: list[Arrival] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    port: int = 0
    _episode_ends: float = 0.0
    _connections: set[asyncio.StreamWriter] = field(default_factory=set)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listens; the base address."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{self.port}"
        finally:
            server.close()
            for writer in self._connections:
                writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                method = head.split(b" ", 2)[1].rpartition(b"/")[2].decode()
                status, answer = self._answer(method, json.loads(body or b"{}"))
                said = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (status, len(said), said))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever called was killed
        finally:
            self._connections.discard(writer)
            writer.close()

    def _answer(self, method: str, parameters: dict[str, str]) -> tuple[int, object]:
        self.counts["calls"] += 1
        if method != "sendMessage":
            return 200, {"ok": True, "result": None}
        now, chat = time.perf_counter(), parameters["chat_id"]
        if self.counts["429"] < self.throttled * self.counts["calls"] and now > self._episode_ends + _EPISODE_S:
            self._episode_ends = now + _EPISODE_S
        if now < self._episode_ends or self.storm(chat):
            self.counts["429"] += 1
            return 200, _error(429, {"retry_after": _EPISODE_S})
        if self.rng.random() < self.faulty:
            self.counts["5xx"] += 1
            return self.rng.choice((500, 502, 503)), _error(500, {})
        found = _NAME.search(parameters["text"])
        arrival = Arrival(chat, found[1] if found else None, now)
        self.arrivals.append(arrival)
        self.on_arrival(arrival)
        return 200, {"ok": True, "result": {"message_id": f"sent-{len(self.arrivals)}", "date": 0}}


class Courier:
    """Brings messages to a webhook over one connection, which is opened again when it breaks."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def bring(self, chat: str, name: str, text: str) -> bool:
        """Once; whether it was acknowledged."""
        sender = {"id": chat, "display_name": "Hoa", "is_bot": False}
        message = {"message_id": name, "text": text, "chat": {"id": chat, "chat_type": "PRIVATE"}, "from": sender, "date": 0}
        body = json.dumps({"ok": True, "result": {"event_name": "message.text.received", "message": message}}).encode()
        head = f"POST /channels/zalo-bot HTTP/1.1\r\nHost: x\r\nX-Bot-Api-Secret-Token: {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            async with asyncio.timeout(ACKNOWLEDGE_S):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self.port)
                reader, writer = self._streams
                writer.write(head.encode() + body)
                answered = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(answered))
                return answered.split(b" ", 2)[1] == b"200"
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            self.close()
            return False

    async def insist(self, chat: str, name: str, text: str) -> int:
        """Until it is acknowledged; how often it was brought."""
        brought = 1
        while not await self.bring(chat, name, text):
            await asyncio.sleep(_PAUSES_S[min(brought, len(_PAUSES_S)) - 1])
            brought += 1
        return brought

    def close(self) -> None:
        """The next one is brought over a new connection."""
        if self._streams:
            with suppress(OSError):
                self._streams[1].close()
            self._streams = None


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)


def _error(code: int, parameters: dict[str, int]) -> object:
    return {"ok": False, "error_code": code, "description": "trouble", "parameters": parameters}
