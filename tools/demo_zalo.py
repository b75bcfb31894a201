"""`make demo-zalo`: a conversation in Zalo, both sides in the terminal, without an account: Zalo is the emulator of the tests.

Everything between is real: the house on a database of its own that is thrown away, signed events delivered to its webhook over HTTP until
they are acknowledged, tokens renewed, messages sent over HTTP with the limits of the service. The index is kept under var/demo.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import uvicorn
import yaml
from fastapi import FastAPI

from bot.channels.webhooks import PREFIX
from bot.serve import house
from bot.services import Services
from bot.settings import Settings
from knowledge.errors import TrogiupError
from tests.channels.zalo_bot_emulator import ZaloBotEmulator, text_event
from tests.channels.zalo_bot_emulator import serving as serving_bot
from tests.channels.zalo_emulator import APP_ID, APP_SECRET, FIRST_REFRESH, OA_SECRET, ZaloEmulator, serving

ROOT = Path(__file__).parents[1]
PERSON = "2468458835296117922"
WAIT_S, QUIET_S = 30.0, 1.0
_SCRIPT = Path(__file__).with_suffix(".yml")


class Service(Protocol):
    """One of Zalo's two services, played: what a person does in it, and what they see. Another is one more class and a line in `play`."""

    name: str

    async def act(self, step: Mapping[str, str], address: str) -> None:
        """Does a step of the script (`say`, `press`, `send`, `event`) and delivers it. LookupError: no such button."""
        ...

    def shown(self) -> Sequence[tuple[str, Sequence[str]]]:
        """What the person was sent: text and the titles of its buttons."""
        ...


class OfficialAccount:
    """Zalo OA."""

    name = "zalo-oa"

    def __init__(self, zalo: ZaloEmulator) -> None:
        self.zalo = zalo

    async def act(self, step: Mapping[str, str], address: str) -> None:
        """See Service."""
        if "event" in step:
            event = self.zalo.event(step["event"], PERSON)
        elif "send" in step:
            event = self.zalo.media(PERSON, step["send"], url=f"{self.zalo.url}/1")
        elif "say" in step:
            event = self.zalo.text(PERSON, step["say"])
        else:
            event = self.zalo.press(PERSON, step["press"])
        await self.zalo.deliver(event, address)

    def shown(self) -> Sequence[tuple[str, Sequence[str]]]:
        """See Service."""
        return [(message["text"], [button["title"] for button in message["buttons"]]) for message in self.zalo.shown(PERSON)]


class BotPlatform:
    """Zalo Bot: no buttons, so a choice is the number that the person writes back."""

    name = "zalo-bot"

    def __init__(self, bot: ZaloBotEmulator) -> None:
        self.bot = bot
        self._numbers = count(1)

    async def act(self, step: Mapping[str, str], address: str) -> None:
        """See Service."""
        event = text_event(step.get("say", ""), PERSON, f"m{next(self._numbers)}")
        await self.bot.deliver(address, {**event, "event_name": step.get("event", event["event_name"])})

    def shown(self) -> Sequence[tuple[str, Sequence[str]]]:
        """See Service."""
        return [(message["text"], ()) for message in self.bot.sent]


async def converse(service: Service, script: Mapping[str, Any], address: str, show: Callable[[str], None]) -> None:
    """Plays the steps of a service, each until nothing more is said. Raises TimeoutError."""
    names = script["names"]
    for step in script["services"][service.name]["steps"]:
        show(f"\n— {step['note']}" if "note" in step else "")
        if "say" in step or "press" in step:
            show(f"{names['person']}: {step['say'] if 'say' in step else '[' + step['press'] + ']'}")
        before = len(service.shown())
        await service.act(step, address)
        async with asyncio.timeout(WAIT_S):
            while len(service.shown()) == before:
                await asyncio.sleep(0.05)
        seen = before
        while len(service.shown()) > seen:
            seen = len(service.shown())
            await asyncio.sleep(QUIET_S)
        for text, buttons in service.shown()[before:]:
            show(f"{names['bot']}: {text}")
            if buttons:
                show("    " + "  ".join(f"[{title}]" for title in buttons))


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The address under which the webhooks of a running house are called."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # signals are the demo's
    serving_it = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{PREFIX}"
    finally:
        server.should_exit = True
        await serving_it
        listening.close()


async def play(home: Path, show: Callable[[str], None]) -> None:
    """The whole demo. Raises TimeoutError when the assistant does not answer."""
    script = yaml.safe_load(_SCRIPT.read_text("utf-8"))
    show(script["building"])
    bot = ZaloBotEmulator()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        zalo = stack.enter_context(serving(ZaloEmulator(anybody=True)))
        bot_url = await stack.enter_async_context(serving_bot(bot.app))
        environ = {
            "TROGIUP_HOME": str(home),
            "TROGIUP_DATABASE_URL": f"sqlite:///{folder}/trogiup.db",
            "TROGIUP_ZALO_OA_APP_ID": APP_ID,
            "TROGIUP_ZALO_OA_SECRET": OA_SECRET,
            "TROGIUP_ZALO_APP_SECRET": APP_SECRET,
            "TROGIUP_ZALO_OA_REFRESH_TOKEN": FIRST_REFRESH,
            "TROGIUP_ZALO_OA_BASE_URL": zalo.url,
            "TROGIUP_ZALO_OAUTH_BASE_URL": zalo.url,
            "TROGIUP_ZALO_BOT_TOKEN": bot.token,
            "TROGIUP_ZALO_BOT_SECRET": "demo" * 16,
            "TROGIUP_ZALO_BOT_BASE_URL": bot_url,
        }
        services = Services.open(Settings.load(environ, Path(folder)))
        try:
            services.knowledge_base.ensure(lambda line: None)
            played: list[Service] = [OfficialAccount(zalo), BotPlatform(bot)]
            bot.webhook = {"url": "https://trogiup.example", "secret_token": environ["TROGIUP_ZALO_BOT_SECRET"]}  # as set-up sets it
            async with house(services, lambda line: None, with_rasa=False) as running, served(running.app) as address:
                for service in played:
                    show(f"\n{script['services'][service.name]['title'].format(url=zalo.url)}")
                    await converse(service, script, f"{address}{service.name}", show)
        finally:
            services.close()
    show(f"\n{script['ended']}")


def main() -> int:
    """The command line."""
    logging.disable(logging.WARNING)
    try:
        asyncio.run(play(ROOT / "var" / "demo", lambda line: print(line, flush=True)))
    except TimeoutError:
        print(f"No answer within {WAIT_S:.0f} s.", file=sys.stderr)
        return 1
    except TrogiupError as error:
        print(error.advice, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
