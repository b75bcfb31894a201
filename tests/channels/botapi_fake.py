"""A small Bot API over real HTTP that can do what telegram-test-api cannot: ask for pauses, fail, hang, break off, answer nonsense."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "4242:" + "A" * 35
ME = {"id": 4242, "is_bot": True, "first_name": "Trợ Giúp", "username": "TroGiupBot"}


@dataclass(frozen=True)
class Answer:
    """What is answered: a status and a body; None as body: the connection is closed without one. `hang`: nothing, ever."""

    status: int = 200
    body: bytes | None = b""
    hang: bool = False

    @classmethod
    def failed(cls, status: int, description: str, **parameters: int) -> Answer:
        told = {"ok": False, "error_code": status, "description": description}
        return cls(status, json.dumps(told | ({"parameters": parameters} if parameters else {})).encode())

    @classmethod
    def of(cls, result: Any) -> Answer:
        return cls(200, json.dumps({"ok": True, "result": result}).encode())


@dataclass
class BotApi:
    """`script[method]`: what is answered next, first in first out; then as a working server does. `called`: what was asked."""

    called: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    script: defaultdict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    updates: list[Mapping[str, Any]] = field(default_factory=list)
    by_chat: dict[int, Answer] = field(default_factory=dict)
    """What every message to a chat is answered."""
    port: int = 0
    _server: asyncio.Server | None = None
    _connections: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/bot"

    def sent(self, method: str = "sendmessage") -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.called if name == method]

    async def __aenter__(self) -> BotApi:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for writer in self._connections:
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while await self._request(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next((int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:")), 0)
        body = (await reader.readexactly(length)).decode()
        token, _, method = head[0].split()[1].removeprefix("/bot").partition("/")
        arguments = {name: _parsed(value) for name, value in parse_qsl(body, keep_blank_values=True)}
        self.called.append((method.lower(), arguments))
        answer = self._answer(token, method.lower(), arguments)
        if answer.hang:
            await reader.read()
            return False
        if answer.body is None:
            return False
        writer.write(f"HTTP/1.1 {answer.status} Said\r\nContent-Length: {len(answer.body)}\r\n\r\n".encode() + answer.body)
        await writer.drain()
        return True

    def _answer(self, token: str, method: str, arguments: Mapping[str, Any]) -> Answer:
        if self.script[method]:
            return self.script[method].popleft()
        if token != TOKEN:
            return Answer.failed(401, "Unauthorized")
        match method:
            case "getme":
                return Answer.of(ME)
            case "getupdates":
                self.updates = [update for update in self.updates if update["update_id"] >= arguments.get("offset", 0)]
                return Answer.of(self.updates)
            case "getwebhookinfo":
                return Answer.of({"url": "", "has_custom_certificate": False, "pending_update_count": 0})
            case "sendmessage" if arguments["chat_id"] in self.by_chat:
                return self.by_chat[arguments["chat_id"]]
            case "sendmessage":
                message = {"message_id": len(self.sent()), "date": 1_777_870_800, "text": arguments["text"]}
                return Answer.of(message | {"chat": {"id": arguments["chat_id"], "type": "private"}})
            case "answercallbackquery" | "answerinlinequery" | "sendchataction" | "setmycommands" | "deletewebhook":
                return Answer.of(True)
        return Answer.failed(404, "Not Found")


def _parsed(value: str) -> Any:
    """Arguments come as a form; what is no text in it is JSON."""
    try:
        return json.loads(value)
    except ValueError:
        return value
