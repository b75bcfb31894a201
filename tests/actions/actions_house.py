"""What the tests of the actions share: a person who asks, and what may stand in an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

from actions.assistant import Assistant
from actions.model import Answer, Context, Message
from knowledge.collection import Collection
from knowledge.model import Metadata
from knowledge.text import fold

TODAY = date(2026, 5, 4)
VIETNAM = timezone(timedelta(hours=7))
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=VIETNAM)
"""A Monday."""
FIGURE = re.compile(r"\d+(?:[.,/]\d+)*")


@dataclass
class Person:
    """Somebody who writes one message after the other; the conversation is kept as the gateway keeps it."""

    assistant: Assistant
    as_of: date = TODAY
    at: datetime = NOON
    context: Context = field(default_factory=Context)

    def says(self, text: str, intent: str | None = None) -> Answer:
        """The answer to the next message."""
        answer = self.assistant.reply(Message("c", text, "m", self.at, self.as_of), self.context, intent)
        self.context = answer.context
        return answer


def first_line(answer: Answer) -> str:
    """What is read first."""
    return answer.text.split("\n")[0]


def both(text: str) -> tuple[str, str]:
    """As typed with and without marks."""
    return text, fold(text)


def unsupported(answer: Answer, collection: Collection) -> list[str]:
    """Figures of the text that stand in no quote, notice, hotline or metadata of the documents cited."""
    sources = [*answer.notices, *(f"{h.name} {h.phone} {h.hours} {h.source}" for h in answer.hotlines)]
    for citation in answer.citations:
        sources += [citation.quote, *citation.heading_path, *_said_of(collection.document(citation.document_id).metadata)]
    standing = {figure for source in sources for figure in FIGURE.findall(source)}
    return [figure for figure in FIGURE.findall(answer.text) if figure not in standing]


def _said_of(metadata: Metadata) -> Iterator[str]:
    yield from filter(None, (metadata.number, metadata.reports_on, metadata.title))
    for day in (metadata.valid_from, metadata.valid_to, metadata.outlook_to):
        if day:
            yield str(day.year)
