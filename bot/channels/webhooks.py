"""POST /channels/…: what the services bring. Checked, kept, acknowledged; worked afterwards (bot/channels/reception.py)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from bot.bodies import BodyTooLarge, read_up_to
from bot.channels.model import Channel, Malformed
from bot.channels.reception import Reception
from knowledge.errors import StoreError

logger = logging.getLogger("trogiup.webhooks")

PREFIX = "/channels/"
MAX_BODY = 1_000_000
"""Bytes. A service sends a few thousand."""
READ_S = 5.0
"""A body that takes longer comes from nobody who means well."""


class Verifier(Protocol):
    """Knows by what a service proves that it is the sender."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """In constant time. `headers`: names in lower case."""
        ...

    def is_probe(self, body: bytes) -> bool:
        """Whether it is what the service sends unsigned while the address is being set up: acknowledged, and nothing else."""
        ...


@dataclass(frozen=True, slots=True)
class Webhook:
    """One service's. `path`: the last part of the address, such as "zalo-oa"."""

    path: str
    channel: Channel
    verifier: Verifier


def webhook_router(reception: Reception, *webhooks: Webhook, read_s: float = READ_S) -> APIRouter:
    """The routes. 200 {"ok": true} once what came is on the disk; 401, 400, 408, 413; 503: to be sent again."""
    router = APIRouter(include_in_schema=False)
    for webhook in webhooks:
        _add(router, reception, webhook, read_s)
    return router


def _add(router: APIRouter, reception: Reception, webhook: Webhook, read_s: float) -> None:
    name, channel, verifier = webhook.path, webhook.channel, webhook.verifier

    async def take(request: Request) -> Response:
        try:
            async with asyncio.timeout(read_s):
                body = await read_up_to(MAX_BODY, request.stream())
        except TimeoutError:
            return _refused(name, 408, "The body did not come in time.")
        except ClientDisconnect:
            return _refused(name, 400, "The body did not come to its end.")
        except BodyTooLarge:
            return _refused(name, 413, f"The body is larger than {MAX_BODY} bytes.")
        if not verifier.verify({key.lower(): value for key, value in request.headers.items()}, body):
            if verifier.is_probe(body):
                return JSONResponse({"ok": True})
            return _refused(name, 401, "The signature or secret is missing or wrong.")
        if verifier.is_probe(body):
            return JSONResponse({"ok": True})
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):  # UnicodeDecodeError, too
            return _refused(name, 400, "The body is not JSON.")
        try:
            await reception.receive(channel.name, channel.read(payload))
        except Malformed:
            return _refused(name, 400, "The body is not in the service's format.")
        except StoreError:
            return _refused(name, 503, "Nothing was kept: send it again.")
        return JSONResponse({"ok": True})

    # Starlette's own route: there is nothing for FastAPI to work out, which would cost a sixth of the acknowledgement.
    router.add_route(PREFIX + name, take, methods=["POST"])


def _refused(name: str, status: int, detail: str) -> Response:
    """Logged without the body: whoever sends nonsense does not get to write into the log."""
    logger.warning("event=webhook_refused channel=%s status=%d", name, status)
    headers = {"Connection": "close"} if status in (408, 413) else None
    return JSONResponse({"detail": detail}, status, headers)
