"""The house of `tools.bench_channels`: what is open here is the service's own, from the webhook to the call that goes out.

    python -m tools.channels_house light|real|serve      (settings from the environment; prints a line of JSON when it is ready)

light: without Rasa, and with an assistant that says one sentence, so that what is measured is the way of a message. real: without Rasa,
with the assistant. In both each answer names the message that it answers, which is how the drill counts. serve: `trogiup serve` as it is.
In all of them the pace at which the service may be written to is set free.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import uvicorn
import uvloop

from actions.assistant import Assistant
from actions.duty.notices import DutyNotices
from actions.model import Answer, Context, Message
from bot.api import build_app
from bot.channels.model import Pace
from bot.channels.opening import open_channels
from bot.channels.zalo_bot import ZaloBot
from bot.cli import main as trogiup
from bot.gateway import Gateway
from bot.lanes import switch_quickly
from bot.services import ROOT, Services, remember_missing, trim_memory
from bot.settings import Settings

FREE = Pace(total=1_000_000.0)


class OneSentence(Assistant):
    """Says that it was read. Nothing is looked up."""

    def __init__(self) -> None:
        pass

    def reply(self, message: Message, context: Context, intent: str | None = None) -> Answer:
        """The same to everybody."""
        return Answer("answer", "Dạ, em đã đọc tin này.", context=context)


class Naming(Gateway):
    """Puts the message's id under each answer, as [id]. What the store keeps of the answer does not hold it."""

    async def reply(self, **message: Any) -> dict[str, Any]:
        """See Gateway."""
        answer = await super().reply(**message)
        return {**answer, "text": f"{answer['text']}\n[{answer['message_id']}]"} if answer["text"] else answer


@contextmanager
def _opened(settings: Settings) -> Iterator[Services]:
    services = Services.open(settings)
    try:
        yield services
    finally:
        services.close()


async def _run(settings: Settings, *, real: bool) -> None:
    switch_quickly()
    remember_missing()
    with _opened(settings) as services:
        if real:
            services.knowledge_base.ensure(lambda line: None)
            services.warm()
        parts = services.gateway_parts()
        gateway = Naming(parts if real else replace(parts, assistant=OneSentence(), eligibility=None), None)
        gateway.warm()
        await gateway.intake.refresh()
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with open_channels(services, gateway, DutyNotices.load(services.directory)) as channels:
            app = build_app(services, gateway, dict, channels.router, counted=[channels.metrics])
            trim_memory()
            config = uvicorn.Config(app, port=settings.port, log_level="critical", access_log=False, lifespan="off")
            server = uvicorn.Server(config)
            server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # signals are ours
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            print(json.dumps({"ready": True, "cpu_s": time.process_time()}), flush=True)
            await stop.wait()
            server.should_exit = True
            await serving
        await gateway.intake.close()


def main() -> int:
    """Runs until SIGTERM, or until it is killed."""
    ZaloBot.pace = FREE
    if sys.argv[1] == "serve":
        return trogiup(["serve"])
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    uvloop.run(_run(Settings.load(os.environ, ROOT), real=sys.argv[1] == "real"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
