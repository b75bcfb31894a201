"""The workshop: a process of its own that works out answers, so that the gateway's event loop is left to whoever is in danger.

It is forked off a program that has opened the index and started no thread of its own yet: both read the same memory, so a second process
costs megabytes and not the index and the encoder once more. It serves rasa-sdk's action endpoint to Rasa and plain answers to the gateway,
on a loopback port that the keeper of both holds (bot/keeper.py): what is asked while it is dead waits at the port for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException

from actions.assistant import Assistant
from actions.eligibility_outcome import Eligibility
from actions.rasa_actions import build_executor, payload, read_context
from bot.direct import directly, message_from_json
from bot.keeper import keep
from bot.lanes import Lane
from bot.services import Services, trim_memory
from bot.supervisor import BESIDE_GATEWAY, http_probe
from knowledge.errors import IndexFault

logger = logging.getLogger("trogiup.workshop")
_REFRESH_EVERY_S = 2.0
_ASKED_EVERY_S, _MISSES = 5.0, 2
_BACKLOG = 256
_KEEP_ALIVE_S = 75
"""Longer than Rasa and the gateway keep an unused connection: the one that closes it must not be the one that is written to."""


class Workshop:
    """A running one, as the gateway knows it: where it listens, and whether it answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers = True
        """Whether it did when it was asked last."""

    @property
    def address(self) -> str:
        """Of the loopback port."""
        return f"http://127.0.0.1:{self.port}"

    async def watch(self, every_s: float = _ASKED_EVERY_S) -> None:
        """Asks it now and then, until cancelled. A worker that works out an answer keeps others waiting: one miss is none."""
        probe, misses = http_probe("127.0.0.1", self.port, "/healthz"), 0
        while True:
            misses = 0 if await probe() else misses + 1
            answers = misses < _MISSES
            if self.answers != answers:
                self.answers = answers
                logger.critical("event=workshop answers=%s", answers)
            await asyncio.sleep(every_s)


def action_endpoint(executor: ActionExecutor, lane: Lane | None = None) -> FastAPI:
    """rasa-sdk's webhook (https://rasa.com/docs/rasa/action-server).

    The executor calls an action where it stands. `lane`: where that is done in a process that also answers whoever is in danger: on the
    event loop it would hold them up.
    """
    app = FastAPI(openapi_url=None)

    @app.post("/webhook")
    async def run_action(request: Request) -> Response:
        try:
            # No action reads the domain, so Rasa is told not to send it (endpoints.yml); the executor wants one all the same.
            call = {"domain": {}, **await request.json()}
            result = await (lane.run(lambda: asyncio.run(executor.run(call))) if lane else executor.run(call))
        except ActionExecutionRejection as error:
            return JSONResponse({"error": str(error), "action_name": error.action_name}, 400)
        except ActionNotFoundException as error:
            return JSONResponse({"error": str(error), "action_name": error.action_name}, 404)
        return JSONResponse(result.model_dump() if result else {"events": [], "responses": []})

    return app


def worker_app(assistant: Assistant, executor: ActionExecutor) -> FastAPI:
    """What the worker serves: Rasa's actions, answers without Rasa, and that it is there."""
    app, eligibility = action_endpoint(executor), Eligibility.of(assistant)

    @app.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"alive": True})

    @app.post("/answer")
    async def answer(request: Request) -> Response:
        asked = await request.json()
        try:
            told = directly(assistant, eligibility, message_from_json(asked["message"]), read_context(asked["context"]))
        except IndexFault as error:
            return JSONResponse({"detail": error.advice}, 503)
        return JSONResponse(payload(told))

    return app


@contextmanager
def workshop(services: Services) -> Iterator[Workshop | None]:
    """A workshop on what `services` has open, as long as the block lasts; None where processes cannot be forked safely.

    The block, and what follows, is done in a forked process, too; the calling one keeps both and ends with it (`keep`). Call it before
    anything starts a thread or an event loop.
    """
    if sys.platform != "linux":
        yield None
        return
    app = worker_app(services.assistant(), build_executor(services.assistant(), services.clock))
    services.store.close()  # no connection may be shared over a fork (https://sqlite.org/howtocorrupt.html, 2.6); each opens its own later
    trim_memory()  # what is open stays: no collection looks through it again, and copies its pages in doing so
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listening:
        if keep("gateway", "answers") == "answers":
            _work(app, services, listening)
        yield Workshop(listening.getsockname()[1])


def _work(app: FastAPI, services: Services, listening: socket.socket) -> NoReturn:
    """Until it is killed, which its keeper does when the gateway has ended."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(BESIDE_GATEWAY)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_keep_alive=_KEEP_ALIVE_S)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # it ends with the keeper

    async def serve() -> None:
        refreshing = asyncio.create_task(_refresh(services))
        await server.serve([listening])
        refreshing.cancel()

    try:
        uvloop.run(serve())
    except Exception as error:
        logger.critical("event=workshop_failed why=%s", type(error).__name__)
    finally:
        os._exit(1)


async def _refresh(services: Services) -> None:
    """Takes up new snapshots and what staff changed in the directory. What is wrong with them the gateway says, which does the same."""
    while True:
        for refresh in (services.refresh, services.directory_keeper.refresh):
            try:
                await asyncio.to_thread(refresh)
            except Exception as error:
                logger.info("event=not_refreshed why=%s", type(error).__name__)
        await asyncio.sleep(_REFRESH_EVERY_S)
