"""JSON to a server of our own on this machine and back: HTTP/1.1 over connections that stay open, and nothing that the internet needs.

Every message is asked of Rasa or the workshop this way. A client for any server on earth (httpx) takes several times the processor time: it
looks at every connection of its pool at every request, and at redirects, cookies, proxies and encodings, none of which there are here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from knowledge.errors import TrogiupError

LONGEST = 8 * 1024 * 1024
"""Bytes of a body that are read; ours are some thousands."""
_KEPT = 64
"""Unused connections that stay for the next request."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Unanswered(TrogiupError):
    """No connection, or one that broke, or an answer that is not HTTP as our servers speak it."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: the status and the body."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body of a 200. ValueError for anything else."""
        if self.status != 200:
            raise ValueError(f"HTTP {self.status}")
        return json.loads(self.body)


class Loopback:
    """A client of one port. Used on one event loop."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, body: object) -> Said:
        """Sends `body` as JSON. Unanswered. Who is cancelled meanwhile, as by a time limit, leaves no connection behind."""
        sent = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        try:
            reader, writer = await self._connection()
            try:
                writer.write(head.encode() + sent)
                answered = await reader.readuntil(b"\r\n\r\n")
                status, length = _STATUS.match(answered), _LENGTH.search(answered)
                if not status or not length or int(length[1]) > LONGEST:
                    raise Unanswered("A server of ours answers with something else than HTTP.")
                said = Said(int(status[1]), await reader.readexactly(int(length[1])))
            except BaseException:
                writer.close()
                raise
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise Unanswered("A server of ours does not answer: it is started again.") from error
        if _CLOSES.search(answered) or len(self._idle) >= _KEPT:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return said

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that the server has not closed meanwhile."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)

    async def close(self) -> None:
        """Gives the connections back."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
