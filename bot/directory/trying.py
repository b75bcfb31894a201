"""Tries a change of who has a task now, which province is which, or what people's words mean, on real answers before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from actions.assistant import Assistant
from actions.followup import FollowUps
from actions.hotlines import HotlineDesk
from actions.model import Answer, Context, Message
from actions.notices import Notices
from actions.routing import Router
from bot.services import Services
from index.search import Retriever
from knowledge.directory import VIETNAM
from knowledge.directory_entries import Merged
from knowledge.places import LiveGazetteer
from knowledge.text import clean_message

SHOWN = 3
"""Questions whose answer changes that are shown; looking ends with them."""

Ask = Callable[[str], Answer]


@dataclass(frozen=True, slots=True)
class Tried:
    """A question whose answer changes, and what is said before and after: the answer, and its notices below."""

    question: str
    before: str
    after: str


@dataclass(frozen=True)
class Trying:
    """`asker`: what asks with the tables of a directory. Raises IndexFault. `questions`: the gold ones."""

    asker: Callable[[Merged], Ask]
    questions: Callable[[], Iterable[str]]

    @classmethod
    def of(cls, services: Services) -> Trying:
        """On the snapshot in use."""

        def asker(merged: Merged) -> Ask:
            gazetteer = LiveGazetteer(services.gazetteer)
            gazetteer.take_up(merged.places)
            answerer = replace(
                services.answerer(),
                retriever=Retriever(services.answerer().retriever.snapshot, gazetteer),
                notices=Notices(services.texts, gazetteer, merged.successions),
            )
            desk = HotlineDesk.load(services.directory, services.texts)
            lexicon = services.understanding.lexicon.with_rows(merged.words)
            understanding = replace(services.understanding, lexicon=lexicon, gazetteer=gazetteer)
            assistant = Assistant(lambda: answerer, FollowUps.load(understanding), Router.load(), desk, services.texts)
            now = services.clock()

            def ask(question: str) -> Answer:
                message = Message("trying", clean_message(question), "trying", now, now.astimezone(VIETNAM).date())
                return assistant.reply(message, Context())

            return ask

        return cls(asker, lambda: (row.question for row in services.store.questions.gold()))

    def compare(self, before: Merged, after: Merged, own: str = "") -> tuple[Tried, ...]:
        """`own`, where there is one, then the gold questions whose answer changes, SHOWN at most. Raises IndexFault and StoreError."""
        asked = dict.fromkeys([*([own] if own else []), *self.questions()])
        return tuple(islice(self._differing(asked, self.asker(before), self.asker(after), own), SHOWN + bool(own)))

    def _differing(self, questions: Iterable[str], before: Ask, after: Ask, own: str) -> Iterator[Tried]:
        for question in questions:
            was, becomes = said(before(question)), said(after(question))
            if was != becomes or question == own:
                yield Tried(question, was, becomes)


def said(answer: Answer) -> str:
    """What a person reads of an answer."""
    return "\n".join(dict.fromkeys([answer.text, *answer.notices]))
