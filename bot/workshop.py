"""The workshop: a process of its own that works out answers, so that the gateway's event loop is left to whoever is in danger.

It is forked off a program that has opened the index and started no thread of its own yet: both read the same memory, so a second process
costs megabytes and not the index and the encoder once more. It serves rasa-sdk's action endpoint to Rasa and plain answers to the gateway,
on a loopback port that its keeper holds. The keeper, forked too, does nothing but wait for the worker and fork the next one when it dies;
what is asked meanwhile waits at the port. Without keeper and worker the gateway answers by itself, and /readyz says so: it has threads by
then and cannot fork another keeper, until the service is started again. Both die with the gateway (prctl(2)).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
from bot.lanes import Lane
from bot.services import Services, trim_memory
from knowledge.errors import IndexFault

logger = logging.getLogger("trogiup.workshop")
_REFRESH_EVERY_S = 2.0
_AGAIN_S = (0.0, 0.2, 1.0, 5.0)
"""Seconds before the next worker is forked, by how many died within `_SETTLED_S` of their start, one after the other."""
_SETTLED_S = 10.0
_BACKLOG = 256
_KEEP_ALIVE_S = 75
"""Longer than Rasa and the gateway keep an unused connection: the one that closes it must not be the one that is written to."""


@dataclass(frozen=True)
class Workshop:
    """A running one: where it listens, and who keeps it."""

    port: int
    keeper: int

    @property
    def address(self) -> str:
        """Of the loopback port."""
        return f"http://127.0.0.1:{self.port}"

    def alive(self) -> bool:
        """Whether the keeper is, and so the worker is or will be. It stays to be waited for."""
        return os.waitid(os.P_PID, self.keeper, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


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
    """What the worker serves: Rasa's actions, and answers without Rasa."""
    app, eligibility = action_endpoint(executor), Eligibility.of(assistant)

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

    Call it before anything starts a thread or an event loop: a fork takes only the thread that forks, and leaves the others' locks locked.
    """
    if sys.platform != "linux":
        yield None
        return
    app = worker_app(services.assistant(), build_executor(services.assistant(), services.clock))
    services.store.close()  # no connection may be shared over a fork (https://sqlite.org/howtocorrupt.html, 2.6); each opens its own later
    trim_memory()  # what is open stays: no collection looks through it again, and copies its pages in doing so
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listening:
        keeper = _forked(lambda: _keep(lambda: _work(app, services, listening)))
        yield Workshop(listening.getsockname()[1], keeper)
    os.kill(keeper, signal.SIGKILL)
    os.waitpid(keeper, 0)


def _forked(run: Callable[[], object]) -> int:
    """A child that runs this and nothing after it, and is killed when its parent dies. Its process id."""
    parent = os.getpid()
    if child := os.fork():
        return child
    status = 1
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the parent ends it when its own work is done
        if os.getppid() == parent:
            run()
            status = 0
    except Exception as error:
        logger.critical("event=workshop_failed why=%s", type(error).__name__)
    finally:
        os._exit(status)


def _keep(work: Callable[[], object], pause: Callable[[float], None] = time.sleep) -> NoReturn:
    """Forks a worker, and another when it has died."""
    died = 0
    while True:
        began = time.monotonic()
        os.waitpid(_forked(work), 0)
        died = died + 1 if time.monotonic() - began < _SETTLED_S else 0
        wait = _AGAIN_S[min(died, len(_AGAIN_S) - 1)]
        logger.error("event=worker_died again_in_s=%.1f", wait)
        pause(wait)


def _work(app: FastAPI, services: Services, listening: socket.socket) -> None:
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_keep_alive=_KEEP_ALIVE_S)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # it ends with the keeper

    async def serve() -> None:
        refreshing = asyncio.create_task(_refresh(services))
        await server.serve([listening])
        refreshing.cancel()

    uvloop.run(serve())


async def _refresh(services: Services) -> None:
    """Takes up new snapshots and what staff changed in the directory. What is wrong with them the gateway says, which does the same."""
    while True:
        for refresh in (services.refresh, services.directory_keeper.refresh):
            try:
                await asyncio.to_thread(refresh)
            except Exception as error:
                logger.info("event=not_refreshed why=%s", type(error).__name__)
        await asyncio.sleep(_REFRESH_EVERY_S)
