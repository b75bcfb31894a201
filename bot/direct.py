"""Answers without Rasa: worked out here, or asked of the workshop (bot/workshop.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from http import HTTPStatus
from typing import Any

from actions.assistant import Assistant
from actions.eligibility_outcome import Eligibility
from actions.model import Answer, Context, Message
from bot.dialogue import Posting
from bot.loopback import Unanswered
from knowledge.errors import IndexFault, TrogiupError

TIMEOUT_S = 5.0


class WorkshopDown(TrogiupError):
    """The worker does not answer, or with nothing that is an answer."""


class FarAnswers:
    """A client of the worker's plain answers."""

    def __init__(self, server: Posting) -> None:
        self._server = server

    async def answer(self, message: Message, context: Context) -> Mapping[str, Any]:
        """The payload (actions/rasa_actions.py). WorkshopDown; IndexFault when the worker has no index either."""
        body = {"message": _as_json(message), "context": asdict(context)}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                said = await self._server.post("/answer", body)
            if said.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise IndexFault("The index cannot be read: run trogiup index build.")
            told = said.json()
        except (Unanswered, TimeoutError, ValueError) as error:
            raise WorkshopDown("The process that works out answers does not answer: it is started again.") from error
        if not (isinstance(told, dict) and told.keys() >= {"answer", "context"}):
            raise WorkshopDown("The process that works out answers sent something else.")
        return told


def directly(assistant: Assistant, eligibility: Eligibility | None, message: Message, context: Context) -> Answer:
    """Without Rasa there is no form: who asks "tôi có được hưởng không" is told what can be said at once."""
    return (eligibility.direct(message, context) if eligibility else None) or assistant.reply(message, context)


def _as_json(message: Message) -> dict[str, Any]:
    raw = asdict(message)
    return raw | {"received_at": message.received_at.isoformat(), "as_of": message.as_of.isoformat()}


def message_from_json(raw: dict[str, Any]) -> Message:
    """The message that FarAnswers sent."""
    return Message(**{**raw, "received_at": datetime.fromisoformat(raw["received_at"]), "as_of": date.fromisoformat(raw["as_of"])})
