"""Rasa over loopback: one message there, one answer back, within two seconds or not at all.

Who asks something else in the middle of the guided question is sent two: the answer, and the question again. They are told as one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from actions.answering import LIMIT
from actions.eligibility_outcome import shortened
from bot.loopback import Said, Unanswered
from knowledge.errors import TrogiupError

TIMEOUT_S = 2.0
REST_S = 10.0
"""After a time-out Rasa is not asked again for this long: nobody else waits two seconds for nothing."""


class RasaUnavailable(TrogiupError):
    """Rasa is down, too slow, or answered with something else than an answer."""


class Posting(Protocol):
    """What bot.loopback.Loopback does; a fake in tests."""

    async def post(self, path: str, body: object) -> Said:
        """The answer. Unanswered."""
        ...


class Rasa:
    """A client of Rasa's REST channel."""

    def __init__(self, server: Posting, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._resting_until = 0.0

    async def ask(self, conversation_id: str, text: str, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """The payload of the actions that answered (actions/rasa_actions.py). RasaUnavailable when there is none in time."""
        if self._clock() < self._resting_until:
            raise RasaUnavailable("Rasa is resting after a time-out.")
        body = {"sender": conversation_id, "message": _as_words(text), "metadata": dict(metadata)}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                sent = (await self._server.post("/webhooks/rest/webhook", body)).json()
        except TimeoutError as error:
            self._resting_until = self._clock() + REST_S
            raise RasaUnavailable("Rasa did not answer in time.") from error
        except (Unanswered, ValueError) as error:
            raise RasaUnavailable("Rasa does not answer.") from error
        customs = [message.get("custom") for message in sent if isinstance(message, dict)] if isinstance(sent, list) else []
        told = [custom for custom in customs if isinstance(custom, dict) and custom.keys() >= {"answer", "context"}]
        if not told:
            raise RasaUnavailable("Rasa sent no answer.")
        return told[0] if len(told) == 1 else _joined(told[0], told[-1])


def _joined(told: Mapping[str, Any], back: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer and the question that the form comes back to, within the contract's length."""
    answer, question = told["answer"], back["answer"]
    room = LIMIT - len(question["text"]) - 2
    closing = len(answer["notices"]) + (1 if answer["citations"] else 0)
    text = f"{shortened(answer['text'], closing, room)}\n\n{question['text']}"
    return {**told, "answer": {**answer, "text": text, "suggestions": question["suggestions"]}}


def _as_words(text: str) -> str:
    """Rasa takes a message that begins with "/" for an intent, and logs it when it is none. The actions take the sign off again."""
    return f"\u200b{text}" if text.lstrip().startswith("/") else text
