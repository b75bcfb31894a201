"""Counts what was asked on a day: by kind of answer, topic, province and channel. The counts outlive the questions, which are forgotten
after some days (TROGIUP_KEEP_CONVERSATIONS_DAYS), so that a year can be reported."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.lookup.finding import Topic, load_topics
from bot.services import Services
from knowledge.directory import VIETNAM
from knowledge.places import Gazetteer
from knowledge.store import Asked, DayCount, Store
from knowledge.text import folded_line

logger = logging.getLogger("trogiup.reports")

OTHER = "other"
"""Topic of a question that names none, and province of one that names none."""
_EVERY_S = 3600.0
_AFTER = timedelta(hours=1)
"""A day is counted when it has been over for so long: what the journal held back has arrived by then."""


@dataclass(frozen=True)
class Counting:
    """Counts the days that are over, and works out those that are not."""

    store: Store
    topics: Mapping[str, Topic]
    gazetteer: Gazetteer
    clock: Callable[[], datetime]

    @classmethod
    def of(cls, services: Services) -> Counting:
        """As the service runs it."""
        return cls(services.store, load_topics(), services.gazetteer, services.clock)

    def round(self) -> int:
        """Keeps the counts of every day that is over and was not counted; how many days. Raises StoreError."""
        questions = self.store.questions
        last = (self.clock() - _AFTER).astimezone(VIETNAM).date() - timedelta(days=1)
        counted, first_at = questions.counted_until(), questions.first_at()
        if counted is None and first_at is None:
            return 0
        day = counted + timedelta(days=1) if counted else first_at.astimezone(VIETNAM).date()  # type: ignore[union-attr]
        days = 0
        while day <= last:
            questions.count(day, self.of_day(day))
            day, days = day + timedelta(days=1), days + 1
        return days

    def of_day(self, day: date) -> Counter[tuple[str, str]]:
        """By what and name, of the messages of that day in Vietnam that are still kept."""
        begins = datetime.combine(day, time(), VIETNAM)
        return counted(self.store.questions.asked(begins, begins + timedelta(days=1)), self.topics, self.gazetteer)

    def counts(self, first: date, last: date) -> tuple[DayCount, ...]:
        """Of the days from `first` to `last`: as they were kept, and worked out for those that are too young for it."""
        kept = self.store.questions.counts(first, last)
        until, today = self.store.questions.counted_until(), self.clock().astimezone(VIETNAM).date()
        day = max(first, until + timedelta(days=1)) if until else max(first, self._begins() or today)
        fresh: list[DayCount] = []
        while day <= min(last, today):
            fresh += [DayCount(day, what, name, number) for (what, name), number in sorted(self.of_day(day).items())]
            day += timedelta(days=1)
        return (*kept, *fresh)

    def _begins(self) -> date | None:
        first_at = self.store.questions.first_at()
        return first_at.astimezone(VIETNAM).date() if first_at else None

    async def run(self, every: float = _EVERY_S) -> None:
        """A round every so many seconds, until cancelled; what has failed is tried again."""
        while True:
            try:
                await asyncio.to_thread(self.round)
            except Exception as error:  # whatever it is, the next round comes
                logger.error("event=counting_waits why=%s", type(error).__name__)
            await asyncio.sleep(every)


def counted(asked: Iterable[Asked], topics: Mapping[str, Topic], gazetteer: Gazetteer) -> Counter[tuple[str, str]]:
    """How many questions there were, by what and name. Small talk, and what an officer answered, is no question to the assistant."""
    numbers: Counter[tuple[str, str]] = Counter()
    for row in asked:
        answer: Mapping[str, Any] = json.loads(row.answer_json or "{}")
        kind = str(answer.get("kind", "unanswered"))
        if kind == "smalltalk" or (kind == "handover" and not answer.get("text")):
            continue
        numbers["kind", kind] += 1
        numbers["channel", row.channel] += 1
        numbers["province", province_of(row, answer, gazetteer) or OTHER] += 1
        for topic in set(topics_of(row, answer, topics)) or {OTHER}:
            numbers["topic", topic] += 1
    return numbers


def province_of(row: Asked, answer: Mapping[str, Any], gazetteer: Gazetteer) -> str | None:
    """The first province that the question names; else the one that all citations are from."""
    named = next((mention.province for mention in gazetteer.typed(row.text)), None)
    cited = {citation.get("province") for citation in answer.get("citations", ())}
    return named or (cited.pop() if len(cited) == 1 else None)


def topics_of(row: Asked, answer: Mapping[str, Any], topics: Mapping[str, Topic]) -> Iterator[str]:
    """The topics that the question names; where it names none ("còn ở Cà Mau?"), those of what was answered first."""
    found = _named(folded_line(row.text), topics)
    if not found and (citations := answer.get("citations")):
        found = _named(folded_line(" ".join([*citations[0].get("heading_path", ()), citations[0].get("quote", "")])), topics)
    yield from found


def _named(line: str, topics: Mapping[str, Topic]) -> list[str]:
    return [name for name, topic in topics.items() if any(phrase in line for phrase in topic.phrases)]
