"""What the assistant does with a message once nobody is in danger: one method an action, for Rasa and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from actions.answering import Answerer, Found
from actions.choosing import Choice, Chooser, Option, focused, options, signals
from actions.followup import FollowUps, Leaning, Reading, Sense, Turn
from actions.holdings import Holdings
from actions.hotlines import HotlineDesk
from actions.missing import Missing
from actions.model import Answer, Context, Earlier, Message
from actions.procedures import ProcedureDesk
from actions.recall import Recall, cited
from actions.routing import Route, Router
from actions.talk import Talk, taken_for
from actions.texts import Texts
from actions.topics import Topics
from index.model import Query
from knowledge.model import Hotline

SMALLTALK = frozenset({"greet", "goodbye", "thanks", "affirm", "deny", "bot_about"})
"""Intents of the dialogue model that are small talk; each has a text of the same name."""
SOCIAL = frozenset({"greet", "goodbye", "affirm", "deny", "laugh", "sorry", "mood", "wellbeing"})
"""Small talk whose words may also go back to the last answer ("thật không?", "còn ai nữa không")."""
_BARE = 2
"""Content words that a message of pure small talk may hold."""
_ROWS = 4
"""Numbers shown at once."""
_SHORT_QUESTION = 5
"""Content words: a longer question says what it wants."""
_REMEMBERED = 3
"""Questions before the last one."""
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
    chooser: Chooser = field(default_factory=Chooser.load)
    talk: Talk = field(default_factory=Talk.load)

    @cached_property
    def recall(self) -> Recall:
        """Goes back to what was told."""
        return Recall(self.texts)

    @cached_property
    def topics(self) -> Topics:
        """Knows when the subject changes."""
        return Topics.load(self.followups.understanding)

    @cached_property
    def procedures(self) -> ProcedureDesk:
        """Tells the cards of the directory."""
        return ProcedureDesk.load(self.desk.directory)

    @cached_property
    def missing(self) -> Missing:
        """Says what is not held."""
        return Missing(self.texts)

    @cached_property
    def holdings(self) -> Holdings:
        """Says which documents are held."""
        return Holdings(self.texts)

    def reply(self, message: Message, context: Context, intent: str | None = None) -> Answer:
        """The answer to a message. `intent`: what Rasa made of it, None when Rasa was not there; rules have the last word on small talk."""
        answer = self._replied(message, context, intent)
        answer = replace(answer, context=replace(answer.context, earlier=_earlier(answer.context, context)))
        if answer.kind != "answer" or answer.context.cited:
            return answer
        kept = replace(answer.context, cited=cited(answer, context.shown), phones=self._of_lines(answer))
        return replace(answer, context=kept)

    def _of_lines(self, answer: Answer) -> tuple[str, ...]:
        """The numbers told that are lines of their own, which one can go back to; not where to ask about a procedure."""
        return tuple(hotline.phone for hotline in answer.hotlines if self.desk.directory.by_phone(hotline.phone))

    def _replied(self, message: Message, context: Context, intent: str | None) -> Answer:
        route = self._route(message, context)
        if route == "held":
            return self.holdings.told(self.answerer(), context, message.as_of)
        if route != "question":
            return self._routed(route, message.text, context)
        if self._bare(message, context) and (told := self._meant(intent, context)):
            return told
        answer = self.question(message, context)
        # Where the documents have nothing, what the dialogue model took the message for is the better guess.
        return (answer.kind in ("abstain", "clarify") and self._meant(intent, context)) or answer

    def _route(self, message: Message, context: Context) -> Route:
        """What the message is, as typed or with its teencode written out; one that goes back to what was told is none of it."""
        route = self.router.route(message.text)
        if route == "question":
            route = self.router.route(self.followups.understanding.written_out(message.text))
        route = self._heard(route, message, context)
        if route not in ("question", "attack") and self._names_a_line(message.text):
            return "question"
        if route in ("question", "handover", "attack", "held"):
            return route
        query = self.followups.understanding.read(message.text, message.as_of)
        if route == "outside":
            return "question" if self._is_part_of_the_talk(query, context) else route
        back = (context.question or route in ("deny", "affirm", "laugh")) and self.followups.goes_back(message.text, message.as_of)
        return "question" if query.provinces or query.numbers or (back and route in SOCIAL) else route

    def _heard(self, route: Route, message: Message, context: Context) -> Route:
        """What no rule knows, by what it sounds like, unless something in it is certainly asked or goes back to what was told."""
        text = self.followups.understanding.written_out(message.text)
        if route not in ("question", "handover"):
            return route
        asking = context.question is not None or self.router.names_subject(text)
        taken = taken_for(route, self.talk.hear(self.router.line(text)), asking=asking)
        if taken in (route, "question"):
            return taken
        query = self.followups.understanding.read(message.text, message.as_of)
        asks = query.provinces or query.numbers or query.years or query.fact or query.wants_phone or self._names_a_line(message.text)
        return route if asks or self.followups.goes_back(message.text, message.as_of) else taken

    def _is_part_of_the_talk(self, query: Query, context: Context) -> bool:
        """Whether words that elsewhere are about something else ("cái phần mềm đó") are about what was talked about."""
        return context.question is not None and (self.followups.shares(query, context) or self.followups.points(query))

    def _names_a_line(self, text: str) -> bool:
        """Whether a number of the directory stands there, or a line by its own name: then that is what the message is about."""
        return self.desk.directory.find_phone(text) is not None or self.desk.called(text, None) is not None

    def _meant(self, intent: str | None, context: Context) -> Answer | None:
        """Small talk or a wish for a human, as the dialogue model has it."""
        if intent in SMALLTALK:
            return self.smalltalk(intent, context)
        return self.handover(context) if intent == "handover" else None

    def _routed(self, route: Route, text: str, context: Context) -> Answer:
        if route == "handover":
            return self.handover(context)
        if route in ("outside", "attack"):
            return self.out_of_scope(context, (self.router.subject(text) or "other") if route == "outside" else route)
        return self.smalltalk(route, context)

    def smalltalk(self, kind: str, context: Context) -> Answer:
        """A greeting, thanks, a question about the assistant itself."""
        return Answer("smalltalk", self.texts(f"smalltalk.{kind}"), suggestions=self.texts.choices("suggestions.examples"), context=context)

    def handover(self, context: Context) -> Answer:
        """A human is asked for. The gateway opens the case and words the answer with its number."""
        return Answer("handover", self.texts("handover.lost"), context=context)

    def out_of_scope(self, context: Context, subject: str = "other") -> Answer:
        """Outside what the documents are about; `subject`: a name of data/routing.yml, whose text begins with it."""
        text = f"{self.texts(f'out_of_scope.{subject}')} {self.texts('out_of_scope.plain')}"
        return Answer("abstain", text, suggestions=self.texts.choices("suggestions.examples"), context=context)

    def ask_province(self, context: Context) -> Answer:
        """Which province is meant?"""
        provinces = self.answerer().retriever.snapshot.collection.provinces
        choices = tuple(self.texts("clarify.province_choice", province=p) for p in provinces)
        return Answer("clarify", self.texts("clarify.province", held=", ".join(provinces)), suggestions=choices, context=context)

    def question(self, message: Message, context: Context) -> Answer:
        """A question: a number to call, or an answer from the documents, in the light of the turn before."""
        reading, context = self.reading(message, context)
        if reading.turn == "lost" and self.answerer().retriever.scope(reading.query).missing_provinces:
            return self._told(reading.sense, context)
        if reading.turn == "lost":
            lost = replace(context, question=None, shown=())
            return Answer("clarify", self.texts("abstain.no_earlier"), suggestions=self.texts.choices("suggestions.examples"), context=lost)
        if reading.turn in ("source", "detail", "more"):
            return self._again(reading, message, context)
        if told := self._phone(message, reading, context) or self._procedure(reading, context):
            return told
        if not reading.leaning and not reading.query.terms and not reading.query.provinces and not reading.query.numbers:
            return Answer("clarify", self.texts("clarify.vague"), suggestions=self.texts.choices("suggestions.examples"), context=context)
        if not context.question and (asked_back := self._time_alone(reading.query, context)):
            return asked_back
        return self._documents(self._in_preferred(reading, context), context)

    def _time_alone(self, query: Query, context: Context) -> Answer | None:
        """Asks back about a time that nothing was asked of."""
        if query.moment is None or not query.moment.alone or query.provinces or query.numbers:
            return None
        if query.fact:
            return None if context.preferred else self.ask_province(context)
        return Answer("clarify", self.texts("clarify.vague"), suggestions=self.texts.choices("suggestions.examples"), context=context)

    def _in_preferred(self, reading: Reading, context: Context) -> Reading:
        """A question that names no place is asked for the province that the person has chosen."""
        query = reading.query
        if reading.turn != "standalone" or query.provinces or query.numbers or not context.preferred:
            return reading
        return replace(reading, sense=replace(reading.sense, query=replace(query, provinces=(context.preferred,))))

    def reading(self, message: Message, context: Context) -> tuple[Reading, Context]:
        """What a question asks, and the context that it is asked in: that of an earlier one where it goes back to that."""
        topic = self.topics.of(message.text, context, message.as_of)
        return self.followups.read(topic.text, topic.context, message.as_of), topic.context

    def leaning(self, message: Message, context: Context) -> tuple[Reading, Context] | None:
        """As `reading`, of a turn that may be meant in several ways; None: it may not, or it is nothing for the documents."""
        if self._route(message, context) != "question":
            return None
        reading, context = self.reading(message, context)
        if reading.leaning is None or reading.query.wants_phone or self._phone(message, reading, context):
            return None
        return reading, context

    def _again(self, reading: Reading, message: Message, context: Context) -> Answer:
        """Back to what was told: where it stands, the same at more length, or what comes after it."""
        answerer, query = self.answerer(), reading.query
        place = query.provinces[0] if len(query.provinces) == 1 else context.province
        here = context if place == context.province else replace(context, province=place, shown=(), cited=(), told=())
        if context.phones and place == context.province:
            return self._numbers_again(reading, message, context)
        if reading.turn == "source" and (told := self.recall.source(answerer, query, here)):
            return told
        if reading.turn == "source" and place == context.province:
            return Answer("abstain", self.texts("missing.source"), suggestions=self.texts.choices("suggestions.examples"), context=context)
        if reading.turn == "detail" and (told := self.recall.detail(answerer, query, here)):
            return told
        if reading.turn != "source" and query.fact and here.cited:
            return self._nothing_more(query, here)
        shown = () if reading.turn == "source" else here.shown
        told = answerer.answer(query, replace(here, cited=()), skip=shown)
        if told.kind == "abstain" and shown:
            return self._nothing_more(query, here)
        return self._with_missing(query, replace(told, context=replace(told.context, topic=context.topic, told=here.told)))

    def _nothing_more(self, query: Query, context: Context) -> Answer:
        """Everything was shown; the other provinces are offered."""
        collection = self.answerer().retriever.snapshot.collection
        others = tuple(self.texts("suggestions.province", province=p) for p in collection.provinces if p not in query.provinces)
        return Answer("abstain", self.texts("abstain.more"), suggestions=others, context=context)

    def _numbers_again(self, reading: Reading, message: Message, context: Context) -> Answer:
        """The source of the numbers told, or those that were not told yet."""
        rows = [row for phone in context.phones if (row := self.desk.directory.by_phone(phone))]
        if reading.turn != "more":
            return self.recall.directory(self.desk.shown(rows, message.received_at), context)
        found = self.desk.rows_for(reading.question, next(iter(reading.query.provinces), None), message.received_at)
        left = tuple(row for row in found if row.phone not in context.phones)
        if not left:
            return Answer("abstain", self.texts("missing.numbers"), suggestions=self.texts.choices("suggestions.examples"), context=context)
        answer = self._rows(left, reading.query, message, context)
        shown = (*context.phones, *(hotline.phone for hotline in answer.hotlines))
        return replace(answer, context=replace(answer.context, question=context.question, phones=shown))

    def _documents(self, reading: Reading, context: Context) -> Answer:
        if reading.leaning and not reading.query.wants_phone:
            return self._likeliest(reading, reading.leaning, context)
        told = self._told(reading.sense, context, reading.turn)
        if told.kind != "abstain" or reading.query.fact:
            return told
        return self._asked_back(reading, told.context) or told

    def _likeliest(self, reading: Reading, leaning: Leaning, context: Context) -> Answer:
        """The way in which a turn is most likely meant, and beside it the next where that is likely too."""
        answerer = self.answerer()
        choice = self.choice(leaning, context)
        best = choice.best
        if best is None:
            told = self._told(reading.sense, context, reading.turn)
            if told.kind == "abstain":
                return told
            query = reading.query
            return self._with_missing(query, answerer.not_found(answerer.look_up(query), self._kept(reading.sense, context, reading.turn)))
        # The next turn leans on the question as the rules write it out, unless an earlier one was taken up.
        if "back" not in best.kinds:
            best = replace(best, sense=replace(best.sense, question=reading.question, topic=reading.sense.topic))
        return self.told_as(best, leaning, context, reading.turn, choice.second.found if choice.second else None)

    def choice(self, leaning: Leaning, context: Context) -> Choice:
        """The ways in which a turn may be meant, compared."""
        parts = (context, self.answerer(), self.followups, self.recall)
        found = options(leaning, *parts)
        return self.chooser.choose(found, [signals(option, leaning, *parts) for option in found])

    def told_as(self, option: Option, leaning: Leaning, context: Context, turn: Turn, beside: Found | None = None) -> Answer:
        """What the documents say to one way of understanding the turn."""
        answerer, query, kept = self.answerer(), option.found.query, self._kept(option.sense, context, turn)
        if self.missing.before_the_merger(query, answerer):
            told = self.missing.not_held(query, answerer, Answer("abstain", "", context=kept))
        else:
            told = self._with_missing(query, answerer.tell(focused(option, leaning, answerer), kept, beside))
        return replace(told, context=replace(told.context, topic=option.sense.topic))

    def _told(self, sense: Sense, context: Context, turn: Turn = "standalone") -> Answer:
        """What the documents say to one way of understanding the turn."""
        answerer, query, kept = self.answerer(), sense.query, self._kept(sense, context, turn)
        if self.missing.before_the_merger(query, answerer):
            told = self.missing.not_held(query, answerer, Answer("abstain", "", context=kept))
        else:
            told = self._with_missing(query, answerer.answer(query, kept))
        return replace(told, context=replace(told.context, topic=sense.topic))

    def _kept(self, sense: Sense, context: Context, turn: Turn) -> Context:
        place = sense.query.provinces[0] if len(sense.query.provinces) == 1 else None
        return Context(sense.question, place, context.document_id if turn != "standalone" else None)

    def _with_missing(self, query: Query, told: Answer) -> Answer:
        """An answer that says whose words it gives, an abstention that says what is missing."""
        return self.missing.whose(query, self.missing.explained(query, told, self.answerer()), self.answerer())

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
        if not query.wants_phone or self.desk.names_office(message.text):
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

    def _procedure(self, reading: Reading, context: Context) -> Answer | None:
        """A card of the directory, where a procedure is asked for and there is one."""
        area = next(iter(reading.query.provinces), context.province)
        card = self.procedures.card(reading.question, area)
        if card is None:
            return None
        told = self.procedures.told(card, replace(context, question=reading.question, province=area))
        return self.answerer().finish(told, allowed=self.procedures.standing(card))

    def _bare(self, message: Message, context: Context) -> bool:
        """Nothing in the message that documents could answer: no place, no number, hardly a word with content."""
        query = self.followups.understanding.read(message.text, message.as_of)
        return not query.provinces and not query.numbers and query.fact is None and len(query.terms) <= _BARE


def _earlier(now: Context, before: Context) -> tuple[Earlier, ...]:
    """The questions before the one that is kept now, the last first."""
    if before.question is None or now.question in (None, before.question):
        return before.earlier
    return ((before.question, before.province), *before.earlier)[:_REMEMBERED]
