"""The custom actions of the domain (rasa-sdk). Thin: each hands the turn to the Assistant, or to the guided question, as JSON.

The gateway puts `{"as_of": "YYYY-MM-DD", "received_at": "…", "context": {…}}` into the message's metadata. Without it (`rasa shell`)
the context is read from the slots, so that "Còn ở Cà Mau?" works there too.

The guided question "Tôi có được hưởng không?" is the form `eligibility_form`. Rasa keeps its slots and which of them is asked for;
`validate_eligibility_form` reads a turn, `action_ask_<slot>` asks, `action_eligibility_result` tells what it comes to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import ActionExecutor, CollectingDispatcher

from actions.assistant import Assistant
from actions.eligibility import Facts, Guide, Turn
from actions.eligibility_outcome import Eligibility
from actions.model import Answer, Context, Message
from knowledge.text import clean_message

FORM = "eligibility_form"
REQUESTED, NOTE = "requested_slot", "eligibility_note"
"""Slots: Rasa's own, and how the last turn of the form was taken: a sentence of eligibility_texts.yml, or how the form ended."""
_RESULT = "action_eligibility_result"
_LEFT, _HANDOVER, _DONE = "left", "handover", "done"
_SURE = 0.5
"""Confidence, 0…1; chosen on tests/eval/train.jsonl."""
Clock = Callable[[], datetime]
Events = list[dict[str, Any]]


@dataclass(frozen=True)
class _Received:
    """A turn as it stands in the tracker."""

    message: Message
    context: Context
    intent: str | None
    """Where the dialogue model is sure enough of it."""
    confidence: float
    by_gateway: bool

    @classmethod
    def read(cls, tracker: Tracker, clock: Clock) -> _Received:
        metadata: dict[str, Any] = tracker.latest_message.get("metadata") or {}
        now = datetime.fromisoformat(metadata["received_at"]) if "received_at" in metadata else clock()
        as_of = date.fromisoformat(metadata["as_of"]) if "as_of" in metadata else now.date()
        message = Message(tracker.sender_id, clean_message(tracker.latest_message.get("text") or ""), "", now, as_of)
        context = read_context(metadata["context"]) if "context" in metadata else _from_slots(tracker)
        intent: dict[str, Any] = tracker.latest_message.get("intent") or {}
        confidence = intent.get("confidence") or 0.0
        return cls(message, context, intent.get("name") if confidence >= _SURE else None, confidence, "context" in metadata)

    def send(self, dispatcher: CollectingDispatcher, answer: Answer) -> Events:
        """One custom JSON message, and the slots that the next turn needs."""
        dispatcher.utter_message(text=None if self.by_gateway else answer.text, json_message=payload(answer))
        return [SlotSet("last_question", answer.context.question), SlotSet("province", answer.context.province)]


class AnswerAction(Action):  # type: ignore[misc]  # rasa_sdk ships no types
    """Every action that answers a message: rules in the Assistant have the last word, so the name only says what Rasa took it for."""

    def __init__(self, title: str, assistant: Assistant, guide: Guide, clock: Clock) -> None:
        self._title, self._assistant, self._guide, self._clock = title, assistant, guide, clock

    def name(self) -> str:
        """As the domain names it."""
        return self._title

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        """Answers, or begins the form where the message asks for it."""
        received = _Received.read(tracker, self._clock)
        if not _in_form(tracker) and _begins(self._guide, received, tracker):
            return [FollowupAction(FORM)]
        return received.send(dispatcher, self._answer(received))

    def _answer(self, received: _Received) -> Answer:
        if self._title == "action_ask_province":
            return self._assistant.ask_province(received.context)
        intent = "goodbye" if received.intent == "stop_form" else received.intent
        return self._assistant.reply(received.message, received.context, intent)


class ValidateForm(Action):  # type: ignore[misc]
    """Reads a turn of the form. Without an event Rasa answers the message by its intent and comes back to the form."""

    def __init__(self, eligibility: Eligibility, clock: Clock) -> None:
        self._eligibility, self._guide, self._clock = eligibility, eligibility.guide, clock

    def name(self) -> str:
        """As Rasa calls it for the form."""
        return f"validate_{FORM}"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        """The slots after the turn and the one to ask for next; None ends the form."""
        received = _Received.read(tracker, self._clock)
        asked = tracker.get_slot(REQUESTED)
        if asked is None:
            return self._begun(received, tracker)
        if _answered_meanwhile(tracker):
            return [SlotSet(NOTE, "return"), SlotSet(REQUESTED, asked)]
        facts = _facts(self._guide, tracker)
        turn = self._guide.turn(received.message.text, asked, facts, received.message.as_of, received.intent)
        if turn.move == "aside":
            return []
        if turn.move in ("left", "handover"):
            return self._events(turn, tracker, _LEFT if turn.move == "left" else _HANDOVER)
        return self._events(turn, tracker, {"lost": "again", "changed": "changed"}.get(turn.move))

    def _begun(self, received: _Received, tracker: Tracker) -> Events:
        """The form is entered: by a question for it, or after its end by a correction. Anything else is answered as a question."""
        text, as_of = received.message.text, received.message.as_of
        if self._guide.starts(text, received.intent, received.confidence):
            turn = self._guide.begin(text, as_of, received.context.province, received.context.question)
        elif _ended(tracker) and self._guide.resumes(text, as_of):
            turn = self._guide.corrected(text, _facts(self._guide, tracker), as_of)
        else:
            return [SlotSet(REQUESTED, None), FollowupAction("action_answer")]
        events = self._events(turn, tracker, "first")
        # The rule for the end of the form wants it to have been open before this message.
        return events if events[-1]["value"] else [*events, FollowupAction(_RESULT)]

    def _events(self, turn: Turn, tracker: Tracker, note: str | None) -> Events:
        asked = None if turn.ask and self._eligibility.is_over(turn.facts) else turn.ask
        ended = asked is None and note not in (_LEFT, _HANDOVER)
        slots = [
            SlotSet(name, turn.facts.get(name)) for name in self._guide.tables.fields if turn.facts.get(name) != tracker.get_slot(name)
        ]
        return [*slots, SlotSet(NOTE, _DONE if ended else note), SlotSet(REQUESTED, asked)]


class AskAction(Action):  # type: ignore[misc]
    """Asks for one slot of the form."""

    def __init__(self, slot: str, eligibility: Eligibility, clock: Clock) -> None:
        self._slot, self._eligibility, self._clock = slot, eligibility, clock

    def name(self) -> str:
        """As Rasa looks for it."""
        return f"action_ask_{self._slot}"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        """The question, with what has to be said before it."""
        received = _Received.read(tracker, self._clock)
        facts = _facts(self._eligibility.guide, tracker)
        return received.send(dispatcher, self._eligibility.question(self._slot, facts, tracker.get_slot(NOTE), received.context))


class ResultAction(Action):  # type: ignore[misc]
    """What the form comes to, once it has ended."""

    def __init__(self, eligibility: Eligibility, assistant: Assistant, clock: Clock) -> None:
        self._eligibility, self._assistant, self._clock = eligibility, assistant, clock

    def name(self) -> str:
        """As the domain names it."""
        return _RESULT

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        """The clauses; a word of farewell to who left; the hand-over to who asked for a human."""
        received = _Received.read(tracker, self._clock)
        note, facts = tracker.get_slot(NOTE), _facts(self._eligibility.guide, tracker)
        if note == _HANDOVER:
            answer = self._assistant.handover(received.context)
        elif note == _LEFT:
            answer = self._eligibility.stopped(received.context)
        else:
            answer = self._eligibility.outcome(facts, received.message, received.context)
        return received.send(dispatcher, answer)


ANSWERS = (
    "action_answer",
    "action_hotline",
    "action_responsible_body",
    "action_eligibility",
    "action_services",
    "action_smalltalk",
    "action_out_of_scope",
    "action_handover",
    "action_ask_province",
)


def build_executor(assistant: Assistant, clock: Clock) -> ActionExecutor:
    """rasa-sdk's executor with every action of the domain registered."""
    executor, eligibility = ActionExecutor(), Eligibility.of(assistant)
    for title in ANSWERS:
        executor.register_action(AnswerAction(title, assistant, eligibility.guide, clock))
    for slot in eligibility.guide.tables.fields:
        executor.register_action(AskAction(slot, eligibility, clock))
    executor.register_action(ValidateForm(eligibility, clock))
    executor.register_action(ResultAction(eligibility, assistant, clock))
    return executor


def payload(answer: Answer) -> dict[str, Any]:
    """The Answer as it travels through Rasa."""
    return {"answer": answer.as_json(conversation_id="", message_id="", latency_ms=0), "context": asdict(answer.context)}


def read_context(raw: dict[str, Any]) -> Context:
    """A Context from its JSON form; unknown fields of a newer version are left out."""
    return Context.from_json(raw)


def write_context(context: Context) -> str:
    """The JSON form of a Context."""
    return json.dumps(asdict(context), ensure_ascii=False)


def _facts(guide: Guide, tracker: Tracker) -> Facts:
    return {name: value for name in guide.tables.fields if (value := tracker.get_slot(name)) is not None}


def _in_form(tracker: Tracker) -> bool:
    return bool(tracker.active_loop_name == FORM)


def _ended(tracker: Tracker) -> bool:
    """Whether the last thing said before this message was what the form came to."""
    before = [event for event in tracker.events if event.get("event") == "user" or event.get("name") in (*ANSWERS, _RESULT)]
    while before and before[-1]["event"] != "user":
        before.pop()
    told = [event for event in before[:-1] if event["event"] == "action"]
    return bool(tracker.get_slot(NOTE) == _DONE and told and told[-1]["name"] == _RESULT)


def _begins(guide: Guide, received: _Received, tracker: Tracker) -> bool:
    text, as_of = received.message.text, received.message.as_of
    if guide.starts(text, received.intent, received.confidence):
        return not _answered_meanwhile(tracker)
    return _ended(tracker) and guide.resumes(text, as_of)


def _answered_meanwhile(tracker: Tracker) -> bool:
    """Whether another action than the form has answered since the last message."""
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            return False
        if event.get("event") == "action" and event.get("name") in ANSWERS:
            return True
    return False


def _from_slots(tracker: Tracker) -> Context:
    return Context(question=tracker.get_slot("last_question"), province=tracker.get_slot("province"))
