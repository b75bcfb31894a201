"""The one way in for every message, whatever the channel: triage, then the case, then Rasa, and without Rasa the same actions directly.

Nothing that can fail stands before the number to call: triage runs in-process on the raw text; the case goes to the database or, when that
does not answer, to the journal beside it; index, Rasa and database may all be down and the first answer still goes out.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from actions.assistant import Assistant
from actions.eligibility_outcome import Eligibility
from actions.first_answer import first_answer
from actions.model import Answer, Context, Message
from actions.rasa_actions import payload, read_context, write_context
from actions.texts import Texts
from actions.triage import Assessment, Triage
from bot.dialogue import RasaUnavailable
from bot.throttle import Throttle
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import IndexFault, RequestRefused, StoreError
from knowledge.store import CaseJournal, JournalEntry, NewCase, Store
from knowledge.store.schema import storable
from knowledge.text import clean_message

logger = logging.getLogger("trogiup.gateway")

MAX_TEXT = 4000
MAX_ID = 128
FORGET_AFTER = timedelta(minutes=60)
"""A conversation that rests this long begins anew."""
_DATABASE_S = 2.0
_EARLIER = 4
"""Messages before this one that triage reads with it: danger is often split over several."""
_EARLIER_WITHIN = timedelta(minutes=10)
_REMEMBERED = 5_000
"""Conversations whose last messages are kept in memory for triage, which may not wait for the database."""


class TooMany(RequestRefused):
    """One person sends more than can be answered. `retry_after`: whole seconds."""

    def __init__(self, advice: str, retry_after: int) -> None:
        super().__init__(advice, field="conversation_id")
        self.retry_after = retry_after


class TooLong(RequestRefused):
    """More text than one message may hold."""


class Dialogue(Protocol):
    """What bot.dialogue.Rasa does; a fake in tests."""

    async def ask(self, conversation_id: str, text: str, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """The payload of the action that answered. RasaUnavailable."""
        ...


@dataclass(frozen=True)
class Parts:
    """What the gateway is put together from."""

    triage: Triage
    directory: Directory
    assistant: Assistant
    texts: Texts
    store: Store
    journal: CaseJournal
    clock: Callable[[], datetime]
    area: Callable[[str], str | None] = lambda _: None
    """The province that a text names: some numbers are for one province only."""
    eligibility: Eligibility | None = None
    """Answers "tôi có được hưởng không" when Rasa, which asks the questions, is down."""


class Gateway:
    """Answers messages. One for the process; conversations are answered in order, many side by side."""

    def __init__(self, parts: Parts, dialogue: Dialogue | None, throttle: Throttle | None = None) -> None:
        self._parts = parts
        self._dialogue = dialogue
        self._throttle = throttle or Throttle()
        self._locks: OrderedDict[str, asyncio.Lock] = OrderedDict()
        self._earlier: OrderedDict[str, deque[tuple[datetime, str]]] = OrderedDict()
        self._contexts: OrderedDict[str, tuple[datetime, Context]] = OrderedDict()
        self._journal_thread = ThreadPoolExecutor(1, "journal")
        """Its own: when the database hangs, all other threads may be waiting for it."""
        self.by_rasa = self.direct = 0

    async def reply(
        self, *, conversation_id: str, text: str, message_id: str | None = None, as_of: date | None = None, channel: str = "api"
    ) -> dict[str, Any]:
        """The answer object of the contract. RequestRefused (TooMany) when the message cannot be taken; nothing else is raised."""
        started = time.perf_counter()
        message = self._message(conversation_id, text, message_id, as_of, channel)
        assessment = self._parts.triage.assess(message.text, self._texts_before(message))
        if not assessment.urgent and (wait := self._throttle.wait_for(conversation_id)):
            raise TooMany(self._parts.texts("errors.too_many", phones="113, 115, 111"), wait)
        self._remember(message)
        if assessment.urgent:
            return await self._urgent(message, assessment, started)
        async with self._turn(conversation_id):
            return await self._answer(message, started)

    def _message(self, conversation_id: str, text: str, message_id: str | None, as_of: date | None, channel: str) -> Message:
        cleaned = storable(clean_message(text))  # half an emoji, as a program that cuts by UTF-16 units leaves it
        if not cleaned:
            raise RequestRefused(self._parts.texts("errors.empty"), field="text")
        if len(cleaned) > MAX_TEXT:
            raise TooLong(self._parts.texts("errors.too_long", limit=MAX_TEXT), field="text")
        now = self._parts.clock()
        return Message(
            conversation_id, cleaned, message_id or secrets.token_urlsafe(12), now, as_of or now.astimezone(VIETNAM).date(), channel
        )

    # Danger

    async def _urgent(self, message: Message, assessment: Assessment, started: float) -> dict[str, Any]:
        """The number first; the case in the same transaction as the message, or in the journal."""
        case = NewCase(assessment.kinds[0] if assessment.kinds else "other", int(assessment.risk), "danger")
        case_id, before, kept = await self._open(message, case)
        if before:
            return before
        said = first_answer(
            assessment, message.received_at, self._parts.directory, self._parts.area(message.text), case_noted=case_id is not None
        )
        answer = Answer("urgent", said.text, hotlines=said.hotlines, case_id=case_id)
        logger.warning("event=urgent risk=%d case=%s rules=%s", int(assessment.risk), case_id, ",".join(assessment.rules))
        told = answer.as_json(**self._ids(message, started))
        return await self._finished(message, told, None) if kept else told

    async def _open(self, message: Message, case: NewCase) -> tuple[str | None, dict[str, Any] | None, bool]:
        """The case's id, what the message was answered before, and whether the database has it."""
        try:
            async with asyncio.timeout(_DATABASE_S):
                accepted = await asyncio.to_thread(self._accept, message, case)
            return accepted.case_id, _parsed(accepted.answer_json), True
        except (StoreError, TimeoutError):
            entry = JournalEntry(message.conversation_id, message.message_id, message.text, message.received_at, message.channel, case)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._journal_thread, self._parts.journal.append, entry), None, False
        except StoreError:
            logger.critical("event=case_lost conversation=%s", message.conversation_id)
            return None, None, False

    def _accept(self, message: Message, case: NewCase | None) -> Any:
        return self._parts.store.conversations.accept(
            message.conversation_id, message.message_id, message.text, message.received_at, message.channel, case
        )

    # Everything else

    async def _answer(self, message: Message, started: float) -> dict[str, Any]:
        accepted = None
        try:
            async with asyncio.timeout(_DATABASE_S):
                accepted = await asyncio.to_thread(self._accept, message, None)
                if before := _parsed(accepted.answer_json):
                    return before
                context = await asyncio.to_thread(self._context, message)
        except (StoreError, TimeoutError):
            logger.error("event=database_down conversation=%s", message.conversation_id)
            context = self._context_in_memory(message)
        told = await self._told(message, context)
        answer = {**told["answer"], **self._ids(message, started)}
        if answer["kind"] == "handover":
            answer = await self._handed_over(message, answer)
        kept = read_context(told["context"])
        self._contexts[message.conversation_id] = (message.received_at, kept)
        _trim(self._contexts)
        return await self._finished(message, answer, kept) if accepted else answer

    async def _told(self, message: Message, context: Context) -> Mapping[str, Any]:
        if self._dialogue is not None:
            metadata = {
                "as_of": message.as_of.isoformat(),
                "received_at": message.received_at.isoformat(),
                "context": asdict(context),
            }
            try:
                told = await self._dialogue.ask(message.conversation_id, message.text, metadata)
                self.by_rasa += 1
                return told
            except RasaUnavailable as error:
                logger.info("event=answered_directly why=%s", error.advice)
        self.direct += 1
        try:
            return payload(await asyncio.to_thread(self._directly, message, context))
        except Exception as error:  # whatever it is, the person gets an answer; its words may be the person's, so only its kind is logged
            down = isinstance(error, IndexFault)
            logger.error("event=%s why=%s", "index_down" if down else "assistant_failed", type(error).__name__)
            return payload(Answer("abstain", self._parts.texts("errors.unavailable", phones="113, 115, 111"), context=context))

    def _directly(self, message: Message, context: Context) -> Answer:
        """Without Rasa there is no form: who asks "tôi có được hưởng không" is told what can be said at once."""
        eligibility = self._parts.eligibility
        return (eligibility.direct(message, context) if eligibility else None) or self._parts.assistant.reply(message, context)

    async def _handed_over(self, message: Message, answer: dict[str, Any]) -> dict[str, Any]:
        case_id, _, _ = await self._open(message, NewCase("handover", 0, "handover"))
        if case_id is None:
            return answer
        return {**answer, "case_id": case_id, "text": self._parts.texts("handover.noted", case_id=case_id)}

    async def _finished(self, message: Message, answer: dict[str, Any], context: Context | None) -> dict[str, Any]:
        """Keeps the answer; when another copy of the message was faster, its answer counts."""
        remembered = write_context(context) if context else None
        try:
            async with asyncio.timeout(_DATABASE_S):
                kept = await asyncio.to_thread(
                    self._parts.store.conversations.finish,
                    message.conversation_id,
                    message.message_id,
                    json.dumps(answer, ensure_ascii=False),
                    remembered,
                )
            return dict(json.loads(kept))
        except (StoreError, TimeoutError):
            return answer

    def _context(self, message: Message) -> Context:
        stored = self._parts.store.conversations.context(message.conversation_id, message.received_at, FORGET_AFTER)
        return read_context(json.loads(stored)) if stored else Context()

    def _context_in_memory(self, message: Message) -> Context:
        at, context = self._contexts.get(message.conversation_id, (message.received_at, Context()))
        return context if message.received_at - at <= FORGET_AFTER else Context()

    def _ids(self, message: Message, started: float) -> dict[str, Any]:
        return {
            "conversation_id": message.conversation_id,
            "message_id": message.message_id,
            "latency_ms": round((time.perf_counter() - started) * 1000, 1),
        }

    def _texts_before(self, message: Message) -> list[str]:
        since = message.received_at - _EARLIER_WITHIN
        return [text for at, text in self._earlier.get(message.conversation_id, ()) if at >= since]

    def _remember(self, message: Message) -> None:
        texts = self._earlier.pop(message.conversation_id, deque(maxlen=_EARLIER))
        texts.append((message.received_at, message.text))
        self._earlier[message.conversation_id] = texts
        _trim(self._earlier)

    def _turn(self, conversation_id: str) -> asyncio.Lock:
        """One message of a conversation at a time. A lock in use is never dropped."""
        lock = self._locks.pop(conversation_id, None) or asyncio.Lock()
        self._locks[conversation_id] = lock
        if len(self._locks) > _REMEMBERED:
            for key in [k for k, held in self._locks.items() if not held.locked()][: _REMEMBERED // 10]:
                if key != conversation_id:
                    del self._locks[key]
        return lock


def _parsed(answer_json: str | None) -> dict[str, Any] | None:
    return dict(json.loads(answer_json)) if answer_json else None


def _trim(table: OrderedDict[str, Any]) -> None:
    while len(table) > _REMEMBERED:
        table.popitem(last=False)
