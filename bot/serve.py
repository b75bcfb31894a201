"""`trogiup serve`: the gateway, the action endpoint and Rasa in one house. Watches Rasa, restarts it, answers without it.

The public port serves the gateway. Answers are worked out in a process of their own (bot/workshop.py), which Rasa calls for its actions;
without it, in this one: then the action endpoint listens on a loopback port of its own here. Rasa is a supervised child on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from actions.duty.notices import DutyNotices
from actions.rasa_actions import build_executor
from bot.api import build_app
from bot.channels.opening import open_channels
from bot.dialogue import Rasa
from bot.direct import FarAnswers
from bot.duty.chatwoot_desk import ChatwootDesk
from bot.duty.dispatcher import Dispatcher
from bot.duty.retention import RetentionSchedule
from bot.gateway import Gateway
from bot.lanes import switch_quickly
from bot.loopback import Loopback
from bot.reports.counting import Counting
from bot.services import ROOT, Services, remember_missing, trim_memory
from bot.supervisor import Child, check_port, ensure_rasa_model, free_port, http_probe, rasa_command
from bot.workshop import Workshop, action_endpoint
from knowledge.errors import IndexFault, StoreError, TrogiupError

logger = logging.getLogger("trogiup.serve")
_UPKEEP_EVERY_S = 2.0
_LEARN_EVERY_S = 20.0


@dataclass(frozen=True)
class Running:
    """A started house."""

    gateway: Gateway
    app: FastAPI
    rasa: Child | None


@asynccontextmanager
async def house(
    services: Services,
    say: Callable[[str], None],
    *,
    with_rasa: bool = True,
    wait_for_rasa: bool = False,
    workshop: Workshop | None = None,
) -> AsyncIterator[Running]:
    """Opens index, action endpoint and Rasa; closes what it opened. With `wait_for_rasa` it begins when Rasa answers, or after 60 s.

    `workshop`: answers are worked out there, and the index is open already.
    """
    async with contextlib.AsyncExitStack() as stack:
        switch_quickly()
        remember_missing()
        gateway = Gateway(services.gateway_parts(), None)
        if workshop:
            gateway.elsewhere = FarAnswers(_asked(workshop.port, stack))
        child = await _rasa(services, say, stack, gateway, workshop) if with_rasa else None
        if workshop is None:  # Rasa takes seconds to start; the encoder's libraries are loaded meanwhile.
            await asyncio.to_thread(open_index, services, say)
        if child and wait_for_rasa:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(60):
                    await child.ready()
        notices = DutyNotices.load(services.directory)
        gateway.warm()
        with contextlib.suppress(StoreError):
            await gateway.intake.refresh()
        stack.push_async_callback(_put_away, services, gateway)
        schedule = (services.settings.keep_cases_months, services.settings.keep_conversations_days)
        works = [
            _keep_up(services),
            _learn(gateway),
            services.publisher().run(),
            Dispatcher(services.store, notices, services.clock).run(),
            Counting.of(services).run(),
            RetentionSchedule(services.store, services.journal, services.clock, *schedule).run(),
        ]
        if workshop:
            works.append(workshop.watch())
        webhooks = []
        if services.settings.chatwoot_secret:
            far = await stack.enter_async_context(httpx.AsyncClient())
            chatwoot = ChatwootDesk.of(services.settings, services.store, notices, services.clock, far)
            webhooks = [chatwoot.router(services.settings.chatwoot_secret)]
            works.append(chatwoot.run())
        for work in works:
            stack.push_async_callback(_cancelled, asyncio.create_task(work))
        channels = await stack.enter_async_context(open_channels(services, gateway, notices))

        def health() -> dict[str, str]:
            answers = {"answers": "ready" if workshop.answers else "down"} if workshop else {}
            return {"rasa": child.state.state if child else "off", **answers}

        app = build_app(services, gateway, health, channels.router, *webhooks, counted=[channels.metrics])
        trim_memory()
        yield Running(gateway, app, child)


async def _rasa(
    services: Services,
    say: Callable[[str], None],
    stack: contextlib.AsyncExitStack,
    gateway: Gateway,
    workshop: Workshop | None,
) -> Child | None:
    """The action endpoint, and Rasa as a watched child that calls it and is asked by the gateway; None when there is no dialogue model."""
    model = await _model(services, say)
    if model is None:
        return None
    rasa_port = services.settings.rasa_port or free_port()
    actions = workshop.address if workshop else f"http://127.0.0.1:{services.settings.actions_port or free_port()}"
    if workshop is None:
        endpoint = action_endpoint(build_executor(services.assistant(), services.clock), gateway.answers)
        await stack.enter_async_context(_served(endpoint, "127.0.0.1", int(actions.rpartition(":")[2])))
    argv, env = rasa_command(services.settings, ROOT, rasa_port, model, f"{actions}/webhook")
    probe, log = http_probe("127.0.0.1", rasa_port), services.settings.home / "logs" / "rasa.log"
    child = Child("rasa", argv, env=env, cwd=ROOT, probe=probe, log=log, now=services.clock)
    await child.start()
    stack.push_async_callback(child.stop)
    gateway.dialogue = Rasa(_asked(rasa_port, stack))
    return child


def _asked(port: int, stack: contextlib.AsyncExitStack) -> Loopback:
    server = Loopback(port)
    stack.push_async_callback(server.close)
    return server


async def serve(services: Services, say: Callable[[str], None], *, with_rasa: bool = True, workshop: Workshop | None = None) -> None:
    """Until SIGINT or SIGTERM. SettingsError when the port is taken."""
    settings = services.settings
    check_port(settings.host, settings.port)
    async with house(services, say, with_rasa=with_rasa, workshop=workshop) as running:  # who is in danger does not wait for Rasa
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with _served(running.app, settings.host, settings.port):
            say(f"ready http://{settings.host}:{settings.port}")
            await stop.wait()


async def _model(services: Services, say: Callable[[str], None]) -> Path | None:
    """The dialogue model; None when it cannot be had, and why is said: the actions answer directly then."""
    try:
        return await asyncio.to_thread(ensure_rasa_model, ROOT, services.settings.home, say)
    except TrogiupError as error:
        say(f"rasa: {error.advice}")
        return None


def open_index(services: Services, say: Callable[[str], None]) -> None:
    """Says which snapshots are damaged. Without a whole one the house stands all the same: whoever is in danger is answered."""
    try:
        warnings = services.warm()
    except IndexFault as error:
        warnings = (error.advice,)
    for warning in warnings:
        say(f"index: {warning}")
        logger.error("event=index_fault detail=%s", warning)


async def _keep_up(services: Services) -> None:
    """Moves cases from the journal into the database as soon as that answers, and takes up a new snapshot."""
    while True:
        try:
            if moved := await asyncio.to_thread(services.journal.replay, services.store):
                logger.warning("event=journal_replayed messages=%d", moved)
        except StoreError:
            pass  # it is asked again
        except Exception as error:  # whatever it is, no case may wait for the next start
            logger.critical("event=journal_stuck why=%s", type(error).__name__)
        try:
            for warning in await asyncio.to_thread(services.refresh):
                logger.error("event=index_fault detail=%s", warning)
        except IndexFault as error:
            logger.error("event=index_fault detail=%s", error.advice)
        except Exception as error:
            logger.error("event=index_fault why=%s", type(error).__name__)
        try:
            if await asyncio.to_thread(services.directory_keeper.refresh):
                logger.info("event=directory version=%s", services.directory_keeper.version)
        except StoreError:
            pass  # what was read stays in use
        except Exception as error:
            logger.error("event=directory_fault why=%s", type(error).__name__)
        await asyncio.sleep(_UPKEEP_EVERY_S)


async def _learn(gateway: Gateway) -> None:
    """Which conversations have a case, as other programs have changed it."""
    while True:
        await asyncio.sleep(_LEARN_EVERY_S)
        try:
            await gateway.intake.refresh()
        except StoreError:
            pass  # what was known stays known
        except Exception as error:
            logger.error("event=learning_failed why=%s", type(error).__name__)


async def _put_away(services: Services, gateway: Gateway) -> None:
    """Nothing stays in memory, and nothing in the journal that the database takes."""
    await gateway.intake.close()
    with contextlib.suppress(StoreError):
        await asyncio.to_thread(services.journal.replay, services.store)


@asynccontextmanager
async def _served(app: FastAPI, host: str, port: int) -> AsyncIterator[None]:
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # signals are the house's
    task = asyncio.create_task(server.serve())
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
