"""HTTP to this house's own processes: a transport for httpx over kept connections on one loopback address.

httpx's own transport (httpcore) costs a third of the gateway's time at each message: it locks, counts and looks through its whole pool,
and at every lock tries to import what is not installed. Here a connection is taken from a stack and put back; the parser is httptools,
which the server uses too. No TLS, no proxy, no redirect: nothing but loopback is ever asked this way.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httptools
import httpx

_UNUSED_S = 2.0
"""A connection is not used again after this: the servers close theirs after 5 s, and must not do so under a message."""
_CHUNK = 65_536
_DROPPED = frozenset({"transfer-encoding", "content-length", "content-encoding", "connection"})


class Loopback(httpx.AsyncBaseTransport):
    """`httpx.AsyncClient(transport=Loopback(), trust_env=False)`. Whoever wants a time limit sets it around the request."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int], list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request and its whole response. httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError."""
        address = (request.url.host, request.url.port or 80)
        reader, writer = await self._connection(address)
        try:
            writer.write(_head(request) + await request.aread())
            response = await _read(reader)
        except OSError as error:
            writer.close()
            raise httpx.ReadError(str(error), request=request) from error
        except BaseException:  # also when nobody waits any more: what comes would be taken for the next answer
            writer.close()
            raise
        if response.keep:
            self._idle.setdefault(address, []).append((time.monotonic(), reader, writer))
        else:
            writer.close()
        return httpx.Response(response.status, headers=response.headers, content=bytes(response.body), request=request)

    async def aclose(self) -> None:
        """Closes what is kept."""
        for kept in self._idle.values():
            for _, _, writer in kept:
                writer.close()
        self._idle.clear()

    async def _connection(self, address: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        kept = self._idle.get(address, [])
        while kept:
            since, reader, writer = kept.pop()  # the one used last, so that the others grow old
            if time.monotonic() - since < _UNUSED_S and not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        try:
            return await asyncio.open_connection(*address)
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error


class _Response:
    """Filled by httptools.HttpResponseParser (its callbacks' names)."""

    def __init__(self) -> None:
        self.parser: Any = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.keep = False
        self.whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        title = name.decode("latin-1").lower()
        if title not in _DROPPED:
            self.headers.append((title, value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.status, self.keep, self.whole = self.parser.get_status_code(), self.parser.should_keep_alive(), True


async def _read(reader: asyncio.StreamReader) -> _Response:
    response = _Response()
    while not response.whole:
        chunk = await reader.read(_CHUNK)
        if not chunk:
            raise httpx.RemoteProtocolError("The connection was closed before the answer was whole.")
        try:
            response.parser.feed_data(chunk)
        except httptools.HttpParserError as error:
            raise httpx.RemoteProtocolError("What came is no HTTP.") from error
    return response


def _head(request: httpx.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%s: %s" % pair for pair in request.headers.raw if pair[0].lower() != b"accept-encoding"]
    return b"\r\n".join([*lines, b"", b""])
