"""Putting questions from the command line: to the running service if there is one, else to a house started for the purpose."""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import httpx

from bot.serve import house
from bot.services import Services
from bot.settings import Settings
from knowledge.errors import RequestRefused, TrogiupError

Ask = Callable[[str, str, date | None], Awaitable[dict[str, Any]]]
"""(conversation id, text, as of) → the answer object."""


@asynccontextmanager
async def asking(settings: Settings, *, with_rasa: bool, use_running: bool = True, ensure: bool = True) -> AsyncIterator[Ask]:
    """A way to ask. What is said on the way goes to standard error. `ensure`: see that documents and index are there and fresh."""
    if use_running:
        async with httpx.AsyncClient(base_url=f"http://{settings.host}:{settings.port}", timeout=30, trust_env=False) as client:
            if await _is_ours(client):
                yield _over_http(client)
                return
    services = Services.open(settings)
    try:
        if ensure:
            services.knowledge_base.ensure(_say)
        async with house(services, _say, with_rasa=with_rasa, wait_for_rasa=True) as running:

            async def ask(conversation_id: str, text: str, as_of: date | None) -> dict[str, Any]:
                return await running.gateway.reply(conversation_id=conversation_id, text=text, as_of=as_of, channel="cli")

            yield ask
    finally:
        services.close()


async def answer_line(ask: Ask, line: Mapping[str, Any], as_of: date | None) -> dict[str, Any]:
    """One line of a batch, in a conversation of its own, its history played first."""
    conversation_id = f"batch-{uuid.uuid4().hex}"
    try:
        for turn in line.get("history") or ():
            await ask(conversation_id, str(turn), as_of)
        return {"id": line["id"], **await ask(conversation_id, str(line["question"]), as_of)}
    except RequestRefused as error:
        return {"id": line["id"], "error": error.advice}


def _over_http(client: httpx.AsyncClient) -> Ask:
    async def ask(conversation_id: str, text: str, as_of: date | None) -> dict[str, Any]:
        body: dict[str, Any] = {"conversation_id": conversation_id, "text": text}
        if as_of:
            body["as_of"] = as_of.isoformat()
        try:
            response = await client.post("/api/v1/messages", json=body)
        except httpx.HTTPError as error:
            raise TrogiupError("The running service stopped answering: look at its log, or start it again.") from error
        if response.status_code in (400, 413, 429):
            raise RequestRefused(response.json().get("detail", "refused"))
        if response.status_code != 200:
            raise TrogiupError(f"The running service answered {response.status_code}: run trogiup doctor.")
        return dict(response.json())

    return ask


async def _is_ours(client: httpx.AsyncClient) -> bool:
    try:
        response = await client.get("/healthz", timeout=2)
        return response.status_code == 200 and response.json() == {"status": "alive"}
    except (httpx.HTTPError, ValueError):
        return False


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
