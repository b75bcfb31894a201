"""The client of our own servers, against a server of plain streams that says what each test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from bot.loopback import Loopback, Unanswered

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 8\r\n\r\n" + b'{"a": 1}'


class Server:
    """`says`: what is written for each request; None: the connection is closed without a word."""

    def __init__(self) -> None:
        self.says: Callable[[], bytes | None] = lambda: OK
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections: list[asyncio.StreamWriter] = []

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(length))
                self.heads.append(head)
                if (said := self.says()) is None:
                    return
                writer.write(said)
        except (EOFError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Loopback]:
    listening = await asyncio.start_server(server.connected, "127.0.0.1", 0)
    client = Loopback(listening.sockets[0].getsockname()[1])
    yield client
    await client.close()
    listening.close()


async def test_json_goes_there_and_comes_back_over_one_connection(client: Loopback, server: Server) -> None:
    for _ in range(3):
        assert (await client.post("/answer", {"chữ": "đ"})).json() == {"a": 1}
    assert server.heads[0].startswith(b"POST /answer HTTP/1.1\r\n")
    assert [json.loads(body) for body in server.bodies] == [{"chữ": "đ"}] * 3
    assert len(server.connections) == 1


async def test_requests_at_once_have_a_connection_each(client: Loopback, server: Server) -> None:
    said = await asyncio.gather(*(client.post("/", n) for n in range(5)))
    assert [one.status for one in said] == [200] * 5
    assert len(server.connections) == 5
    await client.post("/", 6)
    assert len(server.connections) == 5


async def test_a_connection_that_the_server_has_closed_is_not_used_again(client: Loopback, server: Server) -> None:
    await client.post("/", 1)
    server.connections[0].close()
    await server.connections[0].wait_closed()
    await asyncio.sleep(0.01)  # the end of the stream arrives
    assert (await client.post("/", 2)).status == 200
    assert len(server.connections) == 2


async def test_who_says_that_it_closes_is_not_asked_again_there(client: Loopback, server: Server) -> None:
    server.says = lambda: OK.replace(b"content-type: application/json", b"Connection: close")
    await client.post("/", 1)
    await client.post("/", 2)
    assert len(server.connections) == 2


async def test_an_answer_that_nobody_waits_for_any_more_is_not_the_next_ones(client: Loopback, server: Server) -> None:
    server.says = lambda: b""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await client.post("/", "slow")
    server.says = lambda: OK
    assert (await client.post("/", "next")).json() == {"a": 1}
    assert len(server.connections) == 2


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"what?\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"x" * 100_000,
    ],
    ids=["nothing", "nonsense", "no length", "chunks", "too long", "no end"],
)
async def test_anything_but_an_answer_is_none(client: Loopback, server: Server, said: bytes | None) -> None:
    server.says = lambda: said
    with pytest.raises(Unanswered):
        await client.post("/", 1)
    server.says = lambda: OK
    assert (await client.post("/", 2)).status == 200


async def test_nobody_there_is_no_answer() -> None:
    listening = await asyncio.start_server(Server().connected, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    with pytest.raises(Unanswered):
        await Loopback(port).post("/", 1)


@pytest.mark.parametrize("status", [201, 302, 404, 503])
async def test_only_200_has_something_to_say(client: Loopback, server: Server, status: int) -> None:
    server.says = lambda: OK.replace(b"200 OK", b"%d Other" % status)
    said = await client.post("/", 1)
    assert said.status == status
    with pytest.raises(ValueError, match=str(status)):
        said.json()
