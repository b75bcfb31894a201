from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.loopback import Loopback


class Server:
    """Answers each request by the next of `answers`, raw; then closes where that says so."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
                self.requests.append(head + await reader.readexactly(length))
                for piece in self.answers.pop(0).split(b"|"):
                    writer.write(piece)
                    await writer.drain()
                if b"close" in head or not self.answers:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=Loopback(), trust_env=False) as client:
        yield client


def whole(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s" % (status, more, len(body), body)


async def test_a_connection_is_used_again_and_the_body_arrives_as_it_was_sent(server: Server, client: httpx.AsyncClient) -> None:
    server.answers = [whole(b'{"a": 1}'), whole('{"b": "đ"}'.encode()), whole(b"{}")]
    url = f"http://127.0.0.1:{server.port}/x?y=1"
    assert (await client.post(url, json={"text": "ạ"})).json() == {"a": 1}
    assert (await client.post(url, json={})).json() == {"b": "đ"}
    assert server.connections == 1
    assert server.requests[0].startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert server.requests[0].endswith('{"text":"ạ"}'.encode())


async def test_pieces_and_chunks_are_put_together(server: Server, client: httpx.AsyncClient) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nTransfer-Enc|oding: chunked\r\n\r\n3\r\n[1,|\r\n2\r\n2]\r\n0\r\n\r\n"]
    assert (await client.post(f"http://127.0.0.1:{server.port}/", json=0)).json() == [1, 2]


async def test_a_status_is_the_callers_to_judge(server: Server, client: httpx.AsyncClient) -> None:
    server.answers = [whole(b"{}", b"503 Service Unavailable")]
    response = await client.post(f"http://127.0.0.1:{server.port}/", json=0)
    with pytest.raises(httpx.HTTPStatusError):
        response.raise_for_status()


async def test_a_connection_that_the_server_gives_up_is_not_used_again(server: Server, client: httpx.AsyncClient) -> None:
    server.answers = [whole(b"1", more=b"Connection: close\r\n"), whole(b"2")]
    url = f"http://127.0.0.1:{server.port}/"
    assert [(await client.post(url, json=0)).json() for _ in range(2)] == [1, 2]
    assert server.connections == 2


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"])
async def test_what_is_no_whole_answer_is_an_error_of_httpx(server: Server, client: httpx.AsyncClient, raw: bytes) -> None:
    server.answers = [raw]
    with pytest.raises(httpx.HTTPError):
        await client.post(f"http://127.0.0.1:{server.port}/", json=0)


async def test_nobody_listening_is_an_error_of_httpx(server: Server, client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ConnectError):
        await client.post("http://127.0.0.1:1/", json=0)


async def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(server: Server, client: httpx.AsyncClient) -> None:
    url = f"http://127.0.0.1:{server.port}/"
    server.answers = [b"HTTP/1.1 200 OK\r\n", whole(b"2")]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.post(url, json=0)
    assert (await client.post(url, json=0)).json() == 2
    assert server.connections == 2
