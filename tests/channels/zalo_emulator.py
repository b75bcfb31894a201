"""An emulator of Zalo's Official Account, after public documentation: OAuth, sending, a webhook that insists. The real one was not tried.

with serving(ZaloEmulator()) as zalo:   # a real server on 127.0.0.1
    zalo.url                            # for TROGIUP_ZALO_OA_BASE_URL and TROGIUP_ZALO_OAUTH_BASE_URL
    await zalo.deliver(zalo.text("1", "Xin chào"), webhook)
    zalo.shown("1")                     # what stands in that person's chat
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from knowledge.errors import TrogiupError

APP_ID, APP_SECRET, OA_SECRET, OA_ID = "4069", "secret-of-the-app", "secret-of-the-oa", "579745863508352884"
FIRST_REFRESH = "refresh-0"
ACCESS_LIFE, REFRESH_LIFE = timedelta(seconds=90_000), timedelta(days=90)
QUOTA, WINDOW = 8, timedelta(hours=48)
MAX_TEXT, MAX_BUTTONS, MAX_TITLE = 2000, 5, 100
ACKNOWLEDGE_S = 2.0
_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "oa.open.url": lambda payload: isinstance(payload, dict) and str(payload.get("url", "")).startswith("http"),
    "oa.open.phone": lambda payload: isinstance(payload, dict) and bool(payload.get("phone_code")),
    "oa.query.show": lambda payload: isinstance(payload, str) and 0 < len(payload) <= 1000,
    "oa.query.hide": lambda payload: isinstance(payload, str) and 0 < len(payload) <= 1000,
}


class NotAcknowledged(TrogiupError):
    """The webhook never answered 200 in time."""


@dataclass
class Person:
    """Somebody with Zalo. `spent`: free messages since they wrote last."""

    wrote_at: datetime | None = None
    spent: int = 0
    follows: bool = True
    chat: list[dict[str, Any]] = field(default_factory=list)


class ZaloEmulator:
    """The state behind the endpoints. `faults`: what happens to the next sends in place of an answer: an HTTP status, a code, "hang" or
    "garbage"; `token_faults`: the same for tokens, an HTTP status or "lost".
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), *, anybody: bool = False) -> None:
        """`anybody`: a person is known from the first message on, as in a demo; else only who was added to `people`."""
        self.clock, self.anybody = clock, anybody
        self.people: dict[str, Person] = {}
        self.faults: list[int | str] = []
        self.token_faults: list[int | str] = []
        self.access: dict[str, datetime] = {}
        self.refresh: dict[str, datetime] = {FIRST_REFRESH: clock() + REFRESH_LIFE}
        self.spent_tokens: set[str] = set()
        self.refreshes = 0
        self.sends = 0
        self.in_package = True
        self.url = ""
        self._challenges: dict[str, str] = {}
        self._numbers = count(1)
        self._release = asyncio.Event()
        self.app = FastAPI(openapi_url=None)
        self.app.get("/v4/oa/permission")(self._permission)
        self.app.post("/v4/oa/access_token")(self._access_token)
        self.app.post("/v3.0/oa/message/cs")(self._message)

    # What the account's owner and the people do

    def text(self, user: str, text: str, **more: Any) -> dict[str, Any]:
        """The event of somebody writing."""
        return self.event("user_send_text", user, {"text": text, "msg_id": f"u{next(self._numbers)}", **more})

    def media(self, user: str, what: str, text: str = "", **payload: Any) -> dict[str, Any]:
        """The event of somebody sending a picture, a voice message, a place …"""
        attachments = [{"type": what, "payload": payload}]
        return self.event(f"user_send_{what}", user, {"msg_id": f"u{next(self._numbers)}", "text": text, "attachments": attachments})

    def event(self, name: str, user: str, message: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """An event of a person; the quota begins anew with it."""
        person = self.people.setdefault(user, Person()) if self.anybody else self.people.get(user, Person())
        person.wrote_at, person.spent = self.clock(), 0
        told = {"app_id": APP_ID, "event_name": name, "timestamp": str(round(self.clock().timestamp() * 1000))}
        if name in {"follow", "unfollow"}:
            person.follows = name == "follow"
            return {"oa_id": OA_ID, "follower": {"id": user}, "source": "testing", **told, **more}
        if message:
            person.chat.append({"from": "person", **message})
        return {"user_id_by_app": f"app-{user}", "sender": {"id": user}, "recipient": {"id": OA_ID}, **told, "message": message, **more}

    def press(self, user: str, title: str) -> dict[str, Any]:
        """The event of pressing a button that stands in the chat."""
        for message in reversed(self.people[user].chat):
            for button in message.get("buttons", ()):
                if button["title"] == title and button["type"].startswith("oa.query."):
                    return self.text(user, button["payload"])
        raise AssertionError(f"no such button: {title}")

    def by_staff(self, user: str, text: str) -> dict[str, Any]:
        """The event of an officer answering from Zalo's own tool."""
        message = {"text": text, "msg_id": f"s{next(self._numbers)}"}
        told = {"app_id": APP_ID, "event_name": "oa_send_text", "timestamp": str(round(self.clock().timestamp() * 1000))}
        return {"sender": {"id": OA_ID, "admin_id": "77"}, "recipient": {"id": user}, "message": message, **told}

    def shown(self, user: str) -> list[dict[str, Any]]:
        """What the account has sent to somebody: text and buttons."""
        return [message for message in self.people.get(user, Person()).chat if message["from"] == "oa"]

    def signed(self, event: Mapping[str, Any], *, bare: bool = False) -> tuple[bytes, dict[str, str]]:
        """Body and headers as they are delivered."""
        body = json.dumps(event, ensure_ascii=False).encode()
        mac = hashlib.sha256(APP_ID.encode() + body + event["timestamp"].encode() + OA_SECRET.encode()).hexdigest()
        return body, {"Content-Type": "application/json", "X-ZEvent-Signature": mac if bare else f"mac={mac}"}

    async def deliver(self, event: Mapping[str, Any], webhook: str, *, attempts: int = 5, pause_s: float = 0.05) -> int:
        """Delivers until it is acknowledged by 200 within 2 s; how many attempts it took. NotAcknowledged."""
        body, headers = self.signed(event)
        async with httpx.AsyncClient(trust_env=False) as client:
            for attempt in range(1, attempts + 1):
                try:
                    async with asyncio.timeout(ACKNOWLEDGE_S):
                        if (await client.post(webhook, content=body, headers=headers)).status_code == 200:
                            return attempt
                except (TimeoutError, httpx.HTTPError):
                    pass
                await asyncio.sleep(pause_s)
        raise NotAcknowledged("The webhook did not answer 200.", attempts=attempts)

    # The endpoints

    async def _permission(self, app_id: str, redirect_uri: str, code_challenge: str, code_challenge_method: str = "S256") -> Response:
        if app_id != APP_ID or code_challenge_method != "S256":
            return JSONResponse({"error": -14002, "error_name": "Invalid app"})
        code = f"code-{next(self._numbers)}"
        self._challenges[code] = code_challenge
        return RedirectResponse(f"{redirect_uri}?oa_id={OA_ID}&code={code}")

    async def _access_token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if request.headers.get("secret_key") != APP_SECRET or form.get("app_id") != APP_ID:
            return JSONResponse({"error": -14004, "error_name": "Invalid app or secret"})
        self.refreshes += 1
        fault = self.token_faults.pop(0) if self.token_faults else None
        if fault == "lost":  # the token is spent, and the answer does not arrive
            self._spend(form.get("refresh_token", ""))
            return Response(status_code=502)
        if isinstance(fault, int):
            return Response(status_code=fault)
        if form.get("grant_type") == "authorization_code":
            challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
            if self._challenges.pop(form.get("code", ""), None) != challenge:
                return JSONResponse({"error": -14010, "error_name": "Invalid code"})
            return JSONResponse(self._pair())
        token = form.get("refresh_token", "")
        if token in self.spent_tokens:
            return JSONResponse({"error": -14020, "error_name": "Invalid refresh token", "error_description": "Refresh token was used."})
        if self.refresh.get(token, self.clock()) <= self.clock():
            return JSONResponse({"error": -14014, "error_name": "Invalid refresh token"})
        self._spend(token)
        return JSONResponse(self._pair())

    def _spend(self, token: str) -> None:
        if self.refresh.pop(token, None):
            self.spent_tokens.add(token)

    def _pair(self) -> dict[str, str]:
        number = next(self._numbers)
        access, refresh = f"access-{number}", f"refresh-{number}"
        self.access = {access: self.clock() + ACCESS_LIFE}  # the one before is worth nothing any more
        self.refresh[refresh] = self.clock() + REFRESH_LIFE
        return {"access_token": access, "refresh_token": refresh, "expires_in": str(round(ACCESS_LIFE.total_seconds()))}

    async def _message(self, request: Request) -> Response:
        self.sends += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault == "hang":
            await self._release.wait()
        if fault == "garbage":
            return Response("<html>", media_type="text/html")
        if isinstance(fault, int) and fault > 0:
            return Response(status_code=fault, headers={"Retry-After": "7"} if fault == 429 else None)
        if isinstance(fault, int):
            return JSONResponse({"error": fault, "message": "as the test wants it"})
        if self.access.get(request.headers.get("access_token", ""), self.clock()) <= self.clock():
            return JSONResponse({"error": -216, "message": "Access token is invalid"})
        code, said = self._taken(await request.json())
        if code:
            return JSONResponse({"error": code, "message": said})
        return JSONResponse({"error": 0, "message": "Success", "data": {"message_id": said, "user_id": "…"}})

    def _taken(self, call: Any) -> tuple[int, str]:
        """0 and the message's id, or a code and why."""
        message = call["message"]
        user, text = call["recipient"].get("user_id", ""), message.get("text", "")
        buttons = message.get("attachment", {}).get("payload", {}).get("buttons", [])
        if not self.in_package:
            return -224, "The OA needs to upgrade OA Tier Package to use this feature"
        person = self.people.get(user)
        if person is None:
            return -201, "user_id is invalid!"
        if not text or len(text) > MAX_TEXT or len(buttons) > MAX_BUTTONS:
            return -210, "Parameter exceeds allowable limit"
        if not all(0 < len(one["title"]) <= MAX_TITLE and _SHAPES[one["type"]](one["payload"]) for one in buttons):
            return -201, "buttons is invalid!"
        if not person.follows:
            return -213, "User has not followed OA"
        if person.wrote_at is None or self.clock() - person.wrote_at > WINDOW:
            return -230, "User has not interacted with the OA in the past 7 days"
        if person.spent >= QUOTA:
            return -211, "Out of quota"
        person.spent += 1
        message_id = f"o{next(self._numbers)}"
        person.chat.append({"from": "oa", "text": text, "buttons": buttons, "msg_id": message_id})
        return 0, message_id

    def release(self) -> None:
        """Ends what hangs."""
        self._release.set()


@contextmanager
def serving(emulator: ZaloEmulator) -> Iterator[ZaloEmulator]:
    """On a free port of 127.0.0.1, in a thread of its own."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # who connects before the server runs waits in the queue
    emulator.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(emulator.app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    )
    loop: list[asyncio.AbstractEventLoop] = []
    started = threading.Event()

    async def run() -> None:
        loop.append(asyncio.get_running_loop())
        loop[0].call_soon(started.set)
        await server.serve([listening])

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield emulator
    finally:
        loop[0].call_soon_threadsafe(emulator.release)
        server.should_exit = True
        thread.join(10)
        listening.close()
