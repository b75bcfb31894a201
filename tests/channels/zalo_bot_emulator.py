"""An emulator of the Zalo Bot Platform, after its documentation (https://bot.zaloplatforms.com/docs). The real one has not been tried.

Over real HTTP: `serving` runs it on a free port. Where the documentation is silent (what a blocked bot is told) the emulator's answer is
a guess and marked so.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

TOKEN = "1459232241454765289:kEnAbCdEfGhIjKlMnOpQrStUvWx"
BOT = {"id": "1459232241454765289", "account_name": "bot.TroGiup", "account_type": "BASIC", "can_join_groups": False}


def text_event(text: str, chat: str = "6ede9afa66b88fe6d6a9", message_id: str = "2d758cb5e222177a4e35", **more: Any) -> dict[str, Any]:
    """A message as the webhook brings it, without the wrapping."""
    sender = {"id": chat, "display_name": "Nguyễn Thị Hoa", "is_bot": False}
    message = {"message_id": message_id, "text": text, "chat": {"id": chat, "chat_type": "PRIVATE"}, "from": sender, "date": 1777896000000}
    return {"event_name": "message.text.received", "message": {**message, **more}}


class ZaloBotEmulator:
    """One bot: its messages, updates and webhook."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.sent: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.updates: deque[Any] = deque()
        """What getUpdates gives, oldest first."""
        self.webhook: dict[str, str] = {}
        self.blocked: set[str] = set()
        self.trouble: deque[tuple[str, int]] = deque()
        """For the next calls of any method: (kind, number); the kinds are in `_troubled`."""
        self.released = asyncio.Event()
        """Set: whoever hangs is let go."""
        self.app = FastAPI()
        self.app.post("/bot{token}/{method}")(self._call)

    async def _call(self, token: str, method: str, request: Request) -> Response:
        self.calls.append(method)
        if self.trouble:
            return await self._troubled(*self.trouble.popleft(), method, request)
        return await self._answer(token, method, request)

    async def _answer(self, token: str, method: str, request: Request) -> Response:
        if token != self.token:
            return _refused(401, "Unauthorized")
        body = await request.body()
        parameters = await request.json() if body else {}
        match method:
            case "getMe":
                return _ok(BOT)
            case "sendMessage":
                return self._send(parameters)
            case "sendChatAction":
                return _ok(None) if parameters.get("action") == "typing" else _refused(400, "Bad request: action")
            case "setWebhook":
                return self._set_webhook(parameters)
            case "deleteWebhook":
                self.webhook = {}
                return _ok({"url": "", "updated_at": 1749538250568})
            case "getWebhookInfo":
                return _ok({"url": self.webhook.get("url", ""), "updated_at": 1749633372026})
            case "getUpdates":
                return _ok(self.updates.popleft()) if self.updates and not self.webhook else _refused(408, "Request timeout")
        return _refused(404, "Not found")

    def _send(self, parameters: dict[str, str]) -> Response:
        text, chat = parameters.get("text"), parameters.get("chat_id")
        if not isinstance(text, str) or not 1 <= len(text) <= 2000 or not chat:
            return _refused(400, "Bad request: text must be between 1 and 2000 characters")
        if chat in self.blocked:
            return _refused(400, "Bad request: user has blocked this bot")  # a guess
        self.sent.append({"chat_id": chat, "text": text})
        return _ok({"message_id": f"sent-{len(self.sent)}", "date": 1749632637199})

    def _set_webhook(self, parameters: dict[str, str]) -> Response:
        url, secret = parameters.get("url", ""), parameters.get("secret_token", "")
        if not url.startswith("https://") or not 8 <= len(secret) <= 256:
            return _refused(400, "Bad request: url must be https, secret_token 8 to 256 characters")
        self.webhook = {"url": url, "secret_token": secret}
        return _ok({"url": url, "updated_at": 1749538250568})

    async def _troubled(self, kind: str, number: int, method: str, request: Request) -> Response:
        match kind:
            case "status":
                return _refused(number, "Quota exceeded" if number == 429 else "trouble")
            case "retry":  # not documented; other gateways send the header
                return JSONResponse({"ok": False, "error_code": 429, "description": "Quota exceeded"}, 200, {"Retry-After": str(number)})
            case "garbage":
                return PlainTextResponse("<html>502 Bad Gateway</html>", number)
            case "well":
                return await self._answer(self.token, method, request)
            case "lost":  # it is done, and the answer does not arrive in time
                await self._answer(self.token, method, request)
                await self.released.wait()
        return _refused(500, "late")

    async def deliver(self, address: str, event: Any, tries: int = 5) -> int:
        """Sends an event to the webhook until it answers 200; how often it had to."""
        headers = {"X-Bot-Api-Secret-Token": self.webhook["secret_token"]}
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            for attempt in range(1, tries + 1):
                with suppress(httpx.HTTPError):
                    if (await client.post(address, json={"ok": True, "result": event}, headers=headers)).status_code == 200:
                        return attempt
        raise AssertionError("the webhook never answered 200")


def _ok(result: Any) -> Response:
    return JSONResponse({"ok": True, "result": result})


def _refused(code: int, description: str) -> Response:
    """Errors come with HTTP 200 and their code in the body: what readers trip over most."""
    return JSONResponse({"ok": False, "error_code": code, "description": description})


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The address under which an app is served on this event loop."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server._serve([taken]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
