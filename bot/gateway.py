"""The one way in for every message, whatever the channel: triage, then the case, then Rasa, and without Rasa the same actions directly.

Nothing that can fail stands before the number to call: triage runs in-process on the raw text; the case goes to the disk and then to the
database (intake.py); index, Rasa and database may all be down and the first answer still goes out. Everything else waits its turn in lanes
of one thread each (lanes.py), and is refused politely when too many wait; triage reads those messages, too.

While an officer has the conversation the assistant is silent: a message is kept for the officer, and answered with nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol

from actions.assistant import Assistant
from actions.duty.contact import Contact, Turn
from actions.eligibility_outcome import Eligibility
from actions.first_answer import first_answer, voice
from actions.model import Answer, Context, Message
from actions.rasa_actions import payload, read_context, write_context
from actions.texts import Texts
from actions.triage import Assessment, Risk, Triage
from bot.dialogue import RasaUnavailable
from bot.direct import WorkshopDown, directly
from bot.duty.talk import Talk, talk_about
from bot.intake import Intake
from bot.lanes import Hanging, Lane, RightOfWay
from bot.recollection import FORGET_AFTER, Ear, Recollection
from bot.throttle import Throttle
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import IndexFault, KnowledgeError, RequestRefused, StoreError
from knowledge.store import Accepted, CaseJournal, NewCase, Store
from knowledge.store.cases import Voice
from knowledge.store.schema import storable
from knowledge.text import clean_message

logger = logging.getLogger("trogiup.gateway")

MAX_TEXT = 4000
MAX_ID = 128
_DATABASE_S = 2.0
_OFFICER_S = 0.25
"""How long a message that adds no danger waits to know whether an officer has the conversation."""
_WAITING = 64
"""Messages that may wait for an answer at once: about two seconds' work. Danger, and what an officer waits for, does not count."""
_BUSY_RETRY_S = 3
_LONG = 1_500
"""Characters that triage reads within a millisecond or two; longer ones are read beside the event loop, so that nobody else waits."""
_BRIEF = 100
"""Characters: who tells where they are, or thanks, beside the danger told before it, writes no more."""
_VOICES: Mapping[str, Voice] = {"child": "child", "pupil": "child", "adult": "adult", "carer": "adult", "young": "young"}


class TooMany(RequestRefused):
    """One person sends, or all together send, more than can be answered. `retry_after`: whole seconds."""

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


class Elsewhere(Protocol):
    """What bot.direct.FarAnswers does; a fake in tests."""

    async def answer(self, message: Message, context: Context) -> Mapping[str, Any]:
        """The payload of the answer. WorkshopDown, IndexFault."""
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
    contact: Contact | None = None
    """The talk about a case that waits for an officer; without it, such messages are answered like any other."""


class Gateway:
    """Answers messages. One for the process; conversations are answered in order, many side by side."""

    def __init__(self, parts: Parts, dialogue: Dialogue | None, throttle: Throttle | None = None) -> None:
        self._parts = parts
        self.dialogue = dialogue
        self.elsewhere: Elsewhere | None = None
        """Where answers are worked out without Rasa; None for here."""
        self._throttle = throttle or Throttle()
        self._recollection = Recollection()
        self.ear = Ear(parts.triage)
        self._waiting = 0
        self.intake = Intake(parts.store, parts.journal)
        self.right_of_way = RightOfWay()
        """Of whoever is in danger, and of what a channel is just taking in."""
        self.answers = Lane("answers", self.right_of_way)
        """Whatever works out answers belongs here."""
        self._database = Lane("database", self.right_of_way)
        self._reading = Lane("triage")
        self.by_rasa = self.direct = 0

    def warm(self) -> None:
        """Reads what the first message of danger would otherwise wait for."""
        danger = Assessment(Risk.DANGER_NOW, ("domestic_violence",), "self", ())
        self._parts.triage.assess("")
        self._parts.area("")
        first_answer(danger, self._parts.clock(), self._parts.directory, case_noted=True)

    async def reply(
        self,
        *,
        conversation_id: str,
        text: str,
        message_id: str | None = None,
        as_of: date | None = None,
        channel: str = "api",
        province: str | None = None,
    ) -> dict[str, Any]:
        """The answer object of the contract. RequestRefused (TooMany) when the message cannot be taken; nothing else is raised.

        `province`: meant where neither the text nor the talk names one.
        """
        started = time.perf_counter()
        message = self._message(conversation_id, text, message_id, as_of, channel, province)
        assessment = await self._assessed(message)
        if assessment.urgent and not self._said_before(message, assessment):
            self._recollection.note_text(message)
            return await self._urgent_once(message, assessment, started)
        if wait := self._throttle.wait_for(conversation_id):
            raise TooMany(self._parts.texts("errors.too_many", phones="113, 115, 111"), wait)
        if self._waiting >= _WAITING and self.intake.joined(conversation_id) is None:
            raise TooMany(self._parts.texts("errors.busy", phones="113, 115, 111"), _BUSY_RETRY_S)
        self._recollection.note_text(message)
        self._waiting += 1
        try:
            async with self._recollection.turn(conversation_id):
                return await self._answer(message, started)
        finally:
            self._waiting -= 1

    async def reads_danger(self, conversation_id: str, text: str) -> bool:
        """Whether `reply` would answer with the number to call. Nothing is kept. RequestRefused as there."""
        message = self._message(conversation_id, text, None, None, "")
        assessment = await self._assessed(message)
        return assessment.urgent and not self._said_before(message, assessment)

    def forget(self, conversation_id: str) -> None:
        """What is in memory of a conversation; the store's `forget` is for the rest."""
        self._recollection.forget(conversation_id)
        self.ear.forget()

    async def _assessed(self, message: Message) -> Assessment:
        before = self._recollection.texts_before(message)
        if sum(map(len, [*before, message.text])) <= _LONG:
            return self.ear.hear(message.conversation_id, message.text, before)
        return await self._reading.run(self.ear.hear, message.conversation_id, message.text, before)

    def _said_before(self, message: Message, assessment: Assessment) -> bool:
        """Whether all the danger lies in the messages before, which were answered: "em ở Cà Mau" then belongs to the talk about the case.

        Where seconds may count, only what plainly tells something else; the numbers come again for anything that might be part of it.
        """
        contact, joined, before = self._parts.contact, self.intake.joined(message.conversation_id), self._recollection.texts_before(message)
        if joined is None or not before or len(message.text) + sum(map(len, before)) > _LONG:
            return False
        if self.ear.hear(message.conversation_id, message.text).urgent:
            return False
        if joined.taken:
            return True  # an officer reads it
        if contact is None:
            return False
        answered = self.ear.hear(message.conversation_id, before[-1], before[:-1])
        if answered.risk < assessment.risk:
            return False
        if assessment.risk < Risk.THREAT and set(assessment.kinds) <= set(answered.kinds):
            return True
        return len(message.text) <= _BRIEF and contact.tells(message.text)

    def _message(
        self, conversation_id: str, text: str, message_id: str | None, as_of: date | None, channel: str, province: str | None = None
    ) -> Message:
        cleaned = storable(clean_message(text))  # half an emoji, as a program that cuts by UTF-16 units leaves it
        if not cleaned:
            raise RequestRefused(self._parts.texts("errors.empty"), field="text")
        if len(cleaned) > MAX_TEXT:
            raise TooLong(self._parts.texts("errors.too_long", limit=MAX_TEXT), field="text")
        now = self._parts.clock()
        day = as_of or now.astimezone(VIETNAM).date()
        return Message(conversation_id, cleaned, message_id or secrets.token_urlsafe(12), now, day, channel, province)

    # Danger

    async def _urgent_once(self, message: Message, assessment: Assessment, started: float) -> dict[str, Any]:
        """One answer for all copies of a message. It is worked out to the end also when the one who asks goes away."""
        answering = self._recollection.answering(message)
        if answering is None:
            answering = asyncio.create_task(self._urgent(message, assessment, started))
            self._recollection.note_answering(message, answering)
        with self.right_of_way.taken():
            return dict(await asyncio.shield(answering))

    async def _urgent(self, message: Message, assessment: Assessment, started: float) -> dict[str, Any]:
        """The number, once the message is on the disk."""
        area = self._parts.area(message.text)

        def compose(case_id: str | None) -> dict[str, Any]:
            said = first_answer(assessment, message.received_at, self._parts.directory, area, case_noted=case_id is not None)
            return Answer("urgent", said.text, hotlines=said.hotlines, case_id=case_id).as_json(**self._ids(message, started))

        kind = assessment.kinds[0] if assessment.kinds else "other"
        case = NewCase(kind, int(assessment.risk), "danger", area, _VOICES.get(voice(assessment)))
        kept = await self.intake.keep(message, case, compose, within=_OFFICER_S if self._adds_nothing(message) else None)
        logger.warning("event=urgent risk=%d case=%s rules=%s", int(assessment.risk), kept.case_id, ",".join(assessment.rules))
        if kept.accepted and (before := _parsed(kept.accepted.answer_json)):
            return before
        if kept.accepted and kept.accepted.human:
            return self._silent(message, kept.case_id, started)
        return compose(kept.case_id)

    def _adds_nothing(self, message: Message) -> bool:
        """Whether the danger lies in the messages before, whose numbers were shown: there is time to ask whether an officer has them."""
        joined = self.intake.joined(message.conversation_id)
        return joined is not None and len(message.text) <= _LONG and not self.ear.hear(message.conversation_id, message.text).urgent

    def _silent(self, message: Message, case_id: str | None, started: float) -> dict[str, Any]:
        """What is answered while an officer has the conversation: nothing, but that the message is kept."""
        return Answer("handover", "", case_id=case_id).as_json(**self._ids(message, started))

    # Everything else

    async def _answer(self, message: Message, started: float) -> dict[str, Any]:
        accepted, case_id, with_officer = await self._accepted(message)
        if accepted and (before := _parsed(accepted.answer_json)):
            return before
        if with_officer:
            return self._silent(message, case_id, started)
        context = (_remembered(accepted, message) if accepted else self._recollection.context(message)).preferring(message.province)
        talk = await self._talk(message, accepted, case_id)
        if talk and talk.reply is None:
            return self._silent(message, case_id, started)
        own = payload(replace(talk.reply, context=context)) if talk and talk.reply else None
        told = own if own and talk and not talk.turn.counts else await self._told(message, context)
        said = talk.turn.told(own["answer"], told["answer"]) if own and talk and told is not own else told["answer"]
        answer = {**said, **self._ids(message, started)}
        if answer["kind"] == "handover" and not talk:
            answer = await self._handed_over(message, answer)
        kept = replace(read_context(told["context"]), preferred=message.province)
        self._recollection.note_context(message, kept)
        return await self._finished(message, answer, kept) if accepted else answer

    async def _accepted(self, message: Message) -> tuple[Accepted | None, str | None, bool]:
        """What the database said, if it did; the case, if there is one; and whether an officer has the conversation.

        What belongs to a case is on the disk afterwards, whatever the database does.
        """
        if joined := self.intake.joined(message.conversation_id):
            kept = await self.intake.keep(message, None, within=_DATABASE_S)
            return kept.accepted, kept.case_id, kept.accepted.human if kept.accepted else joined.taken
        arguments = (message.conversation_id, message.message_id, message.text, message.received_at, message.channel, None)
        try:
            accepted = await self._database.run_within(_DATABASE_S, self._parts.store.conversations.accept, *arguments)
        except (StoreError, Hanging):
            logger.error("event=database_down conversation=%s", message.conversation_id)
            return None, None, False
        if accepted.case_id:
            self.intake.learn(message.conversation_id, accepted.case_id, taken=accepted.human)
        return accepted, accepted.case_id, accepted.human

    async def _talk(self, message: Message, accepted: Accepted | None, case_id: str | None) -> Talk | None:
        """The talk about the case that the message belongs to; None where there is none, or where only the documents can be asked."""
        contact = self._parts.contact
        if contact is None or (case_id is None and self.intake.joined(message.conversation_id) is None):
            return None
        if accepted and case_id:
            with contextlib.suppress(StoreError, KnowledgeError, Hanging):
                return await self._database.run_within(_DATABASE_S, talk_about, self._parts.store, contact, case_id, message)
        return None if contact.is_asking(message.text) else Talk(Turn({}, "down"), contact.down(case_id, message.received_at))

    async def _told(self, message: Message, context: Context) -> Mapping[str, Any]:
        if self.dialogue is not None:
            metadata = {
                "as_of": message.as_of.isoformat(),
                "received_at": message.received_at.isoformat(),
                "context": asdict(context),
            }
            try:
                told = await self.dialogue.ask(message.conversation_id, message.text, metadata)
                self.by_rasa += 1
                return told
            except RasaUnavailable as error:
                logger.info("event=answered_directly why=%s", error.advice)
        self.direct += 1
        try:
            if self.elsewhere:
                with contextlib.suppress(WorkshopDown):
                    return await self.elsewhere.answer(message, context)
            return payload(await self.answers.run(directly, self._parts.assistant, self._parts.eligibility, message, context))
        except Exception as error:  # whatever it is, the person gets an answer; its words may be the person's, so only its kind is logged
            down = isinstance(error, IndexFault)
            logger.error("event=%s why=%s", "index_down" if down else "assistant_failed", type(error).__name__)
            return payload(Answer("abstain", self._parts.texts("errors.unavailable", phones="113, 115, 111"), context=context))

    async def _handed_over(self, message: Message, answer: dict[str, Any]) -> dict[str, Any]:
        kept = await self.intake.keep(message, NewCase("handover", 0, "handover", self._parts.area(message.text)), within=_DATABASE_S)
        if kept.case_id is None:
            return answer
        return {**answer, "case_id": kept.case_id, "text": self._parts.texts("handover.noted", case_id=kept.case_id)}

    async def _finished(self, message: Message, answer: dict[str, Any], context: Context) -> dict[str, Any]:
        """Keeps the answer; when another copy of the message was faster, its answer counts."""
        arguments = (message.conversation_id, message.message_id, json.dumps(answer, ensure_ascii=False), write_context(context))
        try:
            kept = await self._database.run_within(_DATABASE_S, self._parts.store.conversations.finish, *arguments)
            return dict(json.loads(kept))
        except (StoreError, Hanging):
            return answer

    def _ids(self, message: Message, started: float) -> dict[str, Any]:
        return {
            "conversation_id": message.conversation_id,
            "message_id": message.message_id,
            "latency_ms": round((time.perf_counter() - started) * 1000, 1),
        }


def _remembered(accepted: Accepted, message: Message) -> Context:
    """What the database had in mind when it took the message."""
    fresh = accepted.context_at is not None and accepted.context_at >= message.received_at - FORGET_AFTER
    return read_context(json.loads(accepted.context_json)) if accepted.context_json and fresh else Context()


def _parsed(answer_json: str | None) -> dict[str, Any] | None:
    return dict(json.loads(answer_json)) if answer_json else None
