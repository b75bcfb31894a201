"""telegram-test-api (npm), installed once under var/ and started: a Bot API to talk to without a token. For the demo and the tests."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bot.supervisor import free_port

ROOT = Path(__file__).parents[1]
FILES = ROOT / "tests" / "channels" / "telegram_emulator"
TOKEN = "4242:" + "A" * 35
_INSTALL_S = 180
_START_S = 20


class EmulatorMissing(Exception):
    """It cannot be installed or started here; the message says why in one line."""


def installed(cache: Path = ROOT / "var" / "npm") -> Path:
    """The folder with its node_modules, of exactly the locked packages; installed where it is not there yet. Raises EmulatorMissing."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise EmulatorMissing("Node.js with npm is missing: apt-get install nodejs npm")
    lock = hashlib.sha256((FILES / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = cache / f"telegram-emulator-{lock}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        made = Path(name) / "made"
        made.mkdir()
        for file in FILES.glob("package*.json"):
            shutil.copy(file, made)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False, timeout=_INSTALL_S)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise EmulatorMissing("npm ci took too long: is a package registry within reach?") from error
        if done.returncode != 0:
            raise EmulatorMissing("npm ci failed: is a package registry within reach?")
        with contextlib.suppress(OSError):  # somebody else was faster
            made.rename(folder)
    return folder


@dataclass
class Emulator:
    """A running one. `said`: what the bot has sent to a chat so far, as `wait_for` has fetched it."""

    url: str
    client: httpx.AsyncClient
    said: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    _numbers: int = 100_000

    @property
    def base_url(self) -> str:
        """TROGIUP_TELEGRAM_BASE_URL."""
        return f"{self.url}/bot"

    async def write(self, chat: int, text: str, **more: Any) -> None:
        """A person writes; what begins with / is marked as a command, as Telegram does."""
        message: dict[str, Any] = {"botToken": TOKEN, **_who(chat), "date": int(time.time()), "text": text, **more}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.partition(" ")[0])}]
        await self._post("sendCommand" if text.startswith("/") else "sendMessage", message)

    async def press(self, chat: int, data: str) -> None:
        """A person presses a button."""
        self._numbers += 1
        shown = {"message_id": self._numbers, "date": int(time.time()), "chat": _who(chat)["chat"]}
        await self._post("sendCallback", {"botToken": TOKEN, "from": _who(chat)["from"], "message": shown, "data": data})

    async def fetch(self, chat: int) -> list[dict[str, Any]]:
        """What the bot has said to a chat since the last time, as arguments of sendMessage."""
        rows = (await self._post("getUpdates", {"token": TOKEN, "chatId": chat}))["result"]
        new = [row["message"] for row in rows]
        self.said.setdefault(chat, []).extend(new)
        return new

    async def wait_for(self, chat: int, messages: int = 1, seconds: float = 30.0) -> list[dict[str, Any]]:
        """The next so many messages, or more. Raises TimeoutError."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(seconds):
            while True:
                found += await self.fetch(chat)
                if len(found) >= messages:
                    return found
                await asyncio.sleep(0.05)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self.client.post(f"{self.url}/{path}", json=body)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Emulator]:
    """Starts it on a free port of this machine, and ends it. Raises EmulatorMissing."""
    folder = await asyncio.to_thread(installed)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "node",
        str(FILES / "server.js"),
        str(port),
        env={"PATH": _path(), "NODE_PATH": str(folder / "node_modules")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin  # noqa: S101  (asked for above)
    assert process.stdout  # noqa: S101
    try:
        try:
            async with asyncio.timeout(_START_S):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise EmulatorMissing("telegram-test-api does not start.") from error
        if not line.startswith(b"ready "):
            raise EmulatorMissing("telegram-test-api does not start.")
        async with httpx.AsyncClient(trust_env=False) as client:
            yield Emulator(line.decode().split()[1], client)
    finally:
        process.stdin.close()
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _who(chat: int) -> dict[str, Any]:
    return {
        "from": {"id": chat, "first_name": "Lan", "is_bot": False},
        "chat": {"id": chat, "first_name": "Lan", "type": "private"},
    }


def _path() -> str:
    return str(Path(shutil.which("node") or "node").parent)
