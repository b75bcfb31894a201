"""The gate: gold questions asked of what is published and of what would be, and what changes between the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from actions.answering import Answerer
from actions.assistant import Assistant
from actions.followup import FollowUps
from actions.hotlines import HotlineDesk
from actions.model import Answer, Context, Message
from actions.routing import Router
from bot.services import Services
from index.evaluation.gold import READ, plain
from index.search import Retriever
from index.snapshot import Snapshot
from knowledge.store import GoldQuestion
from knowledge.text import clean_message

Change = Literal["gained", "lost", "different", "same", "missing"]
"""gained, lost: good only after, only before; different: as good as before in other words; missing: good neither before nor after."""
Ask = Callable[[str], Answer | None]


@dataclass(frozen=True)
class Outcome:
    """One question, before and after."""

    question: GoldQuestion
    change: Change
    before: Answer | None
    after: Answer | None

    def as_json(self) -> dict[str, Any]:
        """What is kept of it: both texts where they differ, and the numbers of what they quote."""
        return {
            "id": self.question.gold_id,
            "question": self.question.question,
            "own": self.question.document_id is not None,
            "wanted": self.question.kind,
            "change": self.change,
            "before": _kept(self.before),
            "after": _kept(self.after),
        }


def compare(questions: Iterable[GoldQuestion], before: Ask, after: Ask, progress: Callable[[int, int], None]) -> list[Outcome]:
    """Every question put to both."""
    asked, found = tuple(questions), []
    for at, question in enumerate(asked, 1):
        old, new = before(question.question), after(question.question)
        found.append(Outcome(question, change_between(question, old, new), old, new))
        progress(at, len(asked))
    return found


def change_between(question: GoldQuestion, before: Answer | None, after: Answer | None) -> Change:
    """How the answer to a question changes."""
    was, is_ = is_good(question, before), is_good(question, after)
    if was != is_:
        return "gained" if is_ else "lost"
    if (before and before.text) != (after and after.text):
        return "different"
    return "same" if is_ else "missing"


def is_good(question: GoldQuestion, answer: Answer | None) -> bool:
    """Whether an answer is what its question wants: of that kind, one of the evidences in a quote that people read."""
    if answer is None or answer.kind != question.kind:
        return False
    if question.kind == "abstain" or not question.evidence:
        return True
    quotes = [plain(citation.quote) for citation in answer.citations[:READ]]
    return any(plain(words) in quote for words in question.evidence for quote in quotes)


def asker(services: Services, opened: Snapshot | None, now: datetime, as_of: date) -> Ask:
    """Puts questions to one snapshot, each in a conversation of its own. Nothing is answered from none."""
    if opened is None:
        return lambda question: None
    retriever = Retriever(opened, services.gazetteer)
    answerer = Answerer(retriever, services.texts, services.notices, services.directory, services.answerability, services.demands)
    desk = HotlineDesk.load(services.directory, services.texts)
    assistant = Assistant(lambda: answerer, FollowUps.load(services.understanding), Router.load(), desk, services.texts)
    return lambda question: assistant.reply(Message("gate", clean_message(question), "gate", now, as_of), Context())


def _kept(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    sources = dict.fromkeys(c.number or c.title or c.source_file for c in answer.citations)
    return {"kind": answer.kind, "text": answer.text, "sources": list(sources)}
