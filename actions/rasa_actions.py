"""The custom actions of the domain (rasa-sdk). Thin: each hands the turn to the Assistant and sends the Answer back as JSON.

The gateway puts `{"as_of": "YYYY-MM-DD", "received_at": "…", "context": {…}}` into the message's metadata. Without it (`rasa shell`)
the context is read from the slots, so that "Còn ở Cà Mau?" works there too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import ActionExecutor, CollectingDispatcher

from actions.assistant import Assistant
from actions.model import Answer, Context, Message
from knowledge.text import clean_message

_SURE = 0.5
"""Confidence, 0…1; chosen on tests/eval/train.jsonl."""
Clock = Callable[[], datetime]
Events = list[dict[str, Any]]


class _AssistantAction(Action):  # type: ignore[misc]  # rasa_sdk ships no types
    """What the actions share: message and context out of the tracker, the Answer back into it."""

    title: str

    def __init__(self, assistant: Assistant, clock: Clock) -> None:
        self._assistant = assistant
        self._clock = clock

    def name(self) -> str:
        """As the domain names it."""
        return self.title

    def answer(self, message: Message, context: Context, intent: str | None) -> Answer:
        """What this action does with the turn."""
        return self._assistant.reply(message, context, intent)

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        """rasa-sdk's entry: one custom JSON message, and the slots that the next turn needs."""
        metadata: dict[str, Any] = tracker.latest_message.get("metadata") or {}
        now = datetime.fromisoformat(metadata["received_at"]) if "received_at" in metadata else self._clock()
        as_of = date.fromisoformat(metadata["as_of"]) if "as_of" in metadata else now.date()
        message = Message(tracker.sender_id, clean_message(tracker.latest_message.get("text") or ""), "", now, as_of)
        context = read_context(metadata["context"]) if "context" in metadata else _from_slots(tracker)
        answer = self.answer(message, context, _intent(tracker))
        dispatcher.utter_message(text=answer.text if "context" not in metadata else None, json_message=payload(answer))
        return [
            SlotSet("last_question", answer.context.question),
            SlotSet("province", answer.context.province),
        ]


class AnswerAction(_AssistantAction):
    """A question for the documents, a follow-up, or anything the dialogue model is not sure of."""

    title = "action_answer"


class HotlineAction(_AssistantAction):
    """Which number to call."""

    title = "action_hotline"


class ResponsibleBodyAction(_AssistantAction):
    """Which body has the task."""

    title = "action_responsible_body"


class EligibilityAction(_AssistantAction):
    """Who is entitled."""

    title = "action_eligibility"


class ServicesAction(_AssistantAction):
    """Which services there are."""

    title = "action_services"


class SmalltalkAction(_AssistantAction):
    """A greeting, thanks, a question about the assistant."""

    title = "action_smalltalk"


class OutOfScopeAction(_AssistantAction):
    """Outside the documents: the rules and the documents have the last word, a model's guess alone turns nobody away."""

    title = "action_out_of_scope"


class HandoverAction(_AssistantAction):
    """A human is asked for."""

    title = "action_handover"


class AskProvinceAction(_AssistantAction):
    """Which province is meant?"""

    title = "action_ask_province"

    def answer(self, message: Message, context: Context, intent: str | None) -> Answer:
        """Asks back."""
        return self._assistant.ask_province(context)


ACTIONS = (
    AnswerAction,
    HotlineAction,
    ResponsibleBodyAction,
    EligibilityAction,
    ServicesAction,
    SmalltalkAction,
    OutOfScopeAction,
    HandoverAction,
    AskProvinceAction,
)


def build_executor(assistant: Assistant, clock: Clock) -> ActionExecutor:
    """rasa-sdk's executor with every action of the domain registered."""
    executor = ActionExecutor()
    for action in ACTIONS:
        executor.register_action(action(assistant, clock))
    return executor


def payload(answer: Answer) -> dict[str, Any]:
    """The Answer as it travels through Rasa."""
    return {"answer": answer.as_json(conversation_id="", message_id="", latency_ms=0), "context": asdict(answer.context)}


def read_context(raw: dict[str, Any]) -> Context:
    """A Context from its JSON form; unknown fields of a newer version are left out."""
    return Context(raw.get("question"), raw.get("province"), raw.get("document_id"), tuple(raw.get("shown") or ()))


def write_context(context: Context) -> str:
    """The JSON form of a Context."""
    return json.dumps(asdict(context), ensure_ascii=False)


def _intent(tracker: Tracker) -> str | None:
    """The intent, where the dialogue model is sure enough of it."""
    intent: dict[str, Any] = tracker.latest_message.get("intent") or {}
    return intent.get("name") if (intent.get("confidence") or 0.0) >= _SURE else None


def _from_slots(tracker: Tracker) -> Context:
    return Context(question=tracker.get_slot("last_question"), province=tracker.get_slot("province"))
