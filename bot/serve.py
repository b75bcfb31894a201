"""`trogiup serve`: the gateway, the action endpoint and Rasa in one house. Watches Rasa, restarts it, answers without it.

The public port serves the gateway. The action endpoint that Rasa calls listens on a loopback port of its own, in the same process: the models
are loaded once. Rasa is a supervised child on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException

from actions.rasa_actions import build_executor
from bot.api import build_app
from bot.dialogue import Rasa
from bot.gateway import Gateway
from bot.services import ROOT, Services, trim_memory
from bot.supervisor import Child, check_port, ensure_rasa_model, free_port, http_probe, rasa_command
from knowledge.errors import StoreError, TrogiupError

logger = logging.getLogger("trogiup.serve")
_REPLAY_EVERY_S = 5.0


@dataclass(frozen=True)
class Running:
    """A started house."""

    gateway: Gateway
    app: FastAPI
    rasa: Child | None


def action_endpoint(executor: ActionExecutor) -> FastAPI:
    """rasa-sdk's webhook (https://rasa.com/docs/rasa/action-server), served inside the gateway's process."""
    app = FastAPI(openapi_url=None)

    @app.post("/webhook")
    async def run_action(request: Request) -> Response:
        try:
            # No action reads the domain, so Rasa is told not to send it (endpoints.yml); the executor wants one all the same.
            result = await executor.run({"domain": {}, **await request.json()})
        except ActionExecutionRejection as error:
            return JSONResponse({"error": str(error), "action_name": error.action_name}, 400)
        except ActionNotFoundException as error:
            return JSONResponse({"error": str(error), "action_name": error.action_name}, 404)
        return JSONResponse(result.model_dump() if result else {"events": [], "responses": []})

    return app


@asynccontextmanager
async def house(services: Services, say: Callable[[str], None], *, with_rasa: bool = True, wait_for_rasa: bool = False) -> AsyncIterator[Running]:
    """Opens index, action endpoint and Rasa; closes what it opened. With `wait_for_rasa` it begins when Rasa answers, or after 60 s."""
    for warning in services.warm():
        say(f"index: {warning}")
        logger.error("event=snapshot_damaged detail=%s", warning)
    executor = build_executor(services.assistant(), services.clock)
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=5, trust_env=False))
        child: Child | None = None
        dialogue: Rasa | None = None
        if with_rasa and (model := await _model(services, say)):
            actions_port = services.settings.actions_port or free_port()
            rasa_port = services.settings.rasa_port or free_port()
            await stack.enter_async_context(_served(action_endpoint(executor), "127.0.0.1", actions_port))
            argv, env = rasa_command(services.settings, ROOT, rasa_port, model, f"http://127.0.0.1:{actions_port}/webhook")
            child = Child(
                "rasa",
                argv,
                env=env,
                cwd=ROOT,
                probe=http_probe("127.0.0.1", rasa_port),
                log=services.settings.home / "logs" / "rasa.log",
                now=services.clock,
            )
            dialogue = Rasa(f"http://127.0.0.1:{rasa_port}", client)
            await child.start()
            stack.push_async_callback(child.stop)
            if wait_for_rasa:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(child.ready(), 60)
        replaying = asyncio.create_task(_replay(services))
        stack.push_async_callback(_cancelled, replaying)
        gateway = Gateway(services.gateway_parts(), dialogue)
        watched = child
        app = build_app(services, gateway, lambda: {"rasa": watched.state.state if watched else "off"})
        trim_memory()
        yield Running(gateway, app, child)


async def serve(services: Services, say: Callable[[str], None], *, with_rasa: bool = True) -> None:
    """Until SIGINT or SIGTERM. SettingsError when the port is taken."""
    settings = services.settings
    check_port(settings.host, settings.port)
    async with house(services, say, with_rasa=with_rasa, wait_for_rasa=True) as running:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with _served(running.app, settings.host, settings.port):
            say(f"ready http://{settings.host}:{settings.port}")
            await stop.wait()


async def _model(services: Services, say: Callable[[str], None]) -> Any:
    """The dialogue model; None when it cannot be had, and why is said: the actions answer directly then."""
    try:
        return await asyncio.to_thread(ensure_rasa_model, ROOT, services.settings.home, say)
    except TrogiupError as error:
        say(f"rasa: {error.advice}")
        return None


async def _replay(services: Services) -> None:
    """Moves cases from the journal into the database as soon as that answers."""
    while True:
        with contextlib.suppress(StoreError):
            if moved := await asyncio.to_thread(services.journal.replay, services.store):
                logger.warning("event=journal_replayed messages=%d", moved)
        await asyncio.sleep(_REPLAY_EVERY_S)


@asynccontextmanager
async def _served(app: FastAPI, host: str, port: int) -> AsyncIterator[None]:
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]  # signals are the house's
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
