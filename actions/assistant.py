"""What the assistant does with a message once nobody is in danger: one method an action, for Rasa and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from actions.answering import Answerer
from actions.followup import FollowUps, Reading
from actions.hotlines import HotlineDesk
from actions.model import Answer, Context, Message
from actions.routing import Route, Router
from actions.texts import Texts
from index.model import Query
from knowledge.model import Hotline

SMALLTALK = frozenset({"greet", "goodbye", "thanks", "affirm", "deny", "bot_about"})
"""Intents of the dialogue model that are small talk; each has a text of the same name."""
_BARE = 2
"""Content words that a message of pure small talk may hold."""
_ROWS = 4
"""Numbers shown at once."""
_SHORT_QUESTION = 5
"""Content words: a longer question says what it wants."""
_SHORT_PHONE = 9
"""Content words: a longer question that only mentions a hotline is about the plan."""


@dataclass(frozen=True)
class Assistant:
    """Everything an action needs. `answerer` gives the one for the snapshot in use, whichever that is by then."""

    answerer: Callable[[], Answerer]
    followups: FollowUps
    router: Router
    desk: HotlineDesk
    texts: Texts

    def reply(self, message: Message, context: Context, intent: str | None = None) -> Answer:
        """The answer to a message. `intent`: what Rasa made of it, None when Rasa was not there; rules have the last word on small talk."""
        route = self.router.route(message.text)
        if route != "question":
            return self._routed(route, context)
        if self._bare(message, context) and (told := self._meant(intent, context)):
            return told
        answer = self.question(message, context)
        # Where the documents have nothing, what the dialogue model took the message for is the better guess.
        return (answer.kind in ("abstain", "clarify") and self._meant(intent, context)) or answer

    def _meant(self, intent: str | None, context: Context) -> Answer | None:
        """Small talk or a wish for a human, as the dialogue model has it."""
        if intent in SMALLTALK:
            return self.smalltalk(intent, context)
        return self.handover(context) if intent == "handover" else None

    def _routed(self, route: Route, context: Context) -> Answer:
        if route == "handover":
            return self.handover(context)
        if route in ("outside", "attack"):
            return self.out_of_scope(context)
        return self.smalltalk(route, context)

    def smalltalk(self, kind: str, context: Context) -> Answer:
        """A greeting, thanks, a question about the assistant itself."""
        return Answer("smalltalk", self.texts(f"smalltalk.{kind}"), suggestions=self.texts.choices("suggestions.examples"), context=context)

    def handover(self, context: Context) -> Answer:
        """A human is asked for. The gateway opens the case and words the answer with its number."""
        return Answer("handover", self.texts("handover.lost"), context=context)

    def out_of_scope(self, context: Context) -> Answer:
        """Outside what the documents are about."""
        return Answer("abstain", self.texts("out_of_scope"), suggestions=self.texts.choices("suggestions.examples"), context=context)

    def ask_province(self, context: Context) -> Answer:
        """Which province is meant?"""
        provinces = self.answerer().retriever.snapshot.collection.provinces
        choices = tuple(self.texts("clarify.province_choice", province=p) for p in provinces)
        return Answer("clarify", self.texts("clarify.province", held=", ".join(provinces)), suggestions=choices, context=context)

    def question(self, message: Message, context: Context) -> Answer:
        """A question: a number to call, or an answer from the documents, in the light of the turn before."""
        reading = self.followups.read(message.text, context, message.as_of)
        if reading.turn == "lost" and self.answerer().retriever.scope(reading.query).missing_provinces:
            return self.answerer().answer(reading.query, context)
        if reading.turn == "lost":
            lost = replace(context, question=None, shown=())
            return Answer("clarify", self.texts("abstain.no_earlier"), suggestions=self.texts.choices("suggestions.examples"), context=lost)
        if reading.turn in ("standalone", "narrowed", "moved") and (told := self._phone(message, reading, context)):
            return told
        if not reading.query.terms and not reading.query.provinces and not reading.query.numbers:
            return Answer("clarify", self.texts("clarify.vague"), suggestions=self.texts.choices("suggestions.examples"), context=context)
        return self._documents(reading, context)

    def _documents(self, reading: Reading, context: Context) -> Answer:
        answerer = self.answerer()
        named = reading.query.provinces
        place = named[0] if len(named) == 1 else None
        kept = Context(reading.question, place, context.document_id if reading.turn != "standalone" else None)
        if reading.turn == "more":
            return answerer.answer(reading.query, replace(kept, shown=context.shown), skip=context.shown)
        first = answerer.answer(reading.query, kept)
        if first.kind != "abstain" or reading.query.fact:
            return first
        others = (answerer.answer(query, kept) for query in reading.otherwise)
        if told := next((answer for answer in others if answer.kind == "answer"), None):
            return told
        return self._asked_back(reading, kept) or first

    def _asked_back(self, reading: Reading, context: Context) -> Answer | None:
        """A question too short to be answered, or one that only lacks its province, is asked back about, once."""
        query = reading.query
        if reading.turn != "standalone" or query.provinces or query.numbers or query.fact or len(query.terms) > _SHORT_QUESTION:
            return None
        if not self.answerer().is_near(query):
            return None
        if len(query.terms) <= _BARE:
            return Answer("clarify", self.texts("clarify.vague"), suggestions=self.texts.choices("suggestions.examples"), context=context)
        return self.ask_province(context)

    # Numbers to call

    def _phone(self, message: Message, reading: Reading, context: Context) -> Answer | None:
        query, asked = reading.query, reading.question
        area = next(iter(query.provinces), None)
        if by_name := self.desk.called(asked, area):
            return self._named(by_name, message, context)
        written = self.desk.directory.find_phone(asked)
        if written and (query.wants_phone or (len(query.terms) <= _SHORT_PHONE and not query.provinces)):
            return self._named(written, message, context)
        if not query.wants_phone:
            return None
        if self.desk.asks_for_body(asked):
            rows: tuple[Hotline, ...] = ()
        else:
            rows = self.desk.rows_for(asked, area or context.province, message.received_at)
        if rows:
            return self._rows(rows, query, message, context)
        if len(query.terms) > _SHORT_PHONE:
            return None
        child = self.desk.child_line()
        return Answer("abstain", self.texts("abstain.phone", phone=child.phone, name=child.name), context=context)

    def _named(self, row: Hotline, message: Message, context: Context) -> Answer:
        current = self.desk.directory.current(row)
        (shown,) = self.desk.shown([current], message.received_at)
        if current != row:
            text = self.texts("answer.phone_replaced", old=row.phone, phone=current.phone, name=current.name)
        else:
            state = self.desk.state(shown)
            text = self.texts("answer.phone_is", phone=row.phone, name=row.name, hours=row.hours, state=state, cost=row.cost)
        return self.answerer().finish(Answer("answer", text, (), (shown,), context=context), allowed=(row.phone, row.cost))

    def _rows(self, rows: tuple[Hotline, ...], query: Query, message: Message, context: Context) -> Answer:
        answerer = self.answerer()
        shown = self.desk.shown(rows[:_ROWS], message.received_at)
        text = f"{self.texts('answer.phone_head')}\n{self.desk.lines(shown)}"
        citation = answerer.phone_passage(query, [h.phone for h in shown])
        return answerer.finish(Answer("answer", text, citation, shown, context=replace(context, question=query.text)))

    def _bare(self, message: Message, context: Context) -> bool:
        """Nothing in the message that documents could answer: no place, no number, hardly a word with content."""
        query = self.followups.understanding.read(message.text, message.as_of)
        return not query.provinces and not query.numbers and query.fact is None and len(query.terms) <= _BARE
