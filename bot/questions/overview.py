"""The questions that were not helped, as staff see them: masked, in groups, with counts and trend.

Worked out anew for each look, never kept: a question is gone from here when its message is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from bot.questions.clustering import Grouping, Terms, group
from bot.questions.masking import Masker
from index.lexicon import Lexicon
from knowledge.places import Gazetteer
from knowledge.store import GoldQuestion, Need, Store, Unhelped
from knowledge.text import words

PERIODS = (7, 30)
"""Days that can be looked at. Messages are kept for about as long (TROGIUP_KEEP_CONVERSATIONS_DAYS)."""
MOST = 1000
"""Questions of one look, the newest: more would take seconds, and nobody reads them."""
_WEEK = timedelta(days=7)
_WORDINGS = 20
Row = TypeVar("Row", Need, GoldQuestion)


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked at. `days`: one of PERIODS; None: any province, channel, reason."""

    days: int = 30
    province: str | None = None
    channel: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """How somebody put it, masked; `number`: how often in just these words."""

    text: str
    number: int


@dataclass(frozen=True)
class Group:
    """Questions that ask alike. `group_id` names it as long as its commonest wording stays the same.

    `week` and `week_before`: how many came in the last seven days, and in the seven before; `new`: none that is looked at came before the
    last seven. `provinces`, `channels`, `why`: names with how many, the commonest first; a question that names no province is in none.
    """

    group_id: str
    wordings: tuple[Wording, ...]
    number: int
    week: int
    week_before: int
    new: bool
    last_at: datetime
    provinces: tuple[tuple[str, int], ...]
    channels: tuple[tuple[str, int], ...]
    why: tuple[tuple[str, int], ...]
    needs: tuple[Need, ...] = ()
    gold: tuple[GoldQuestion, ...] = ()

    @property
    def text(self) -> str:
        """What it is called: its commonest wording."""
        return self.wordings[0].text


@dataclass(frozen=True)
class Overview:
    """One look. `cut`: there were more than MOST, and only the newest are here."""

    groups: tuple[Group, ...]
    number: int
    cut: bool

    def find(self, group_id: str) -> Group | None:
        """None: its questions are gone, or are called otherwise by now."""
        return next((group for group in self.groups if group.group_id == group_id), None)


@dataclass(frozen=True)
class _Read:
    """A question without who asked it."""

    text: str = field(repr=False)
    province: str | None
    channel: str
    at: datetime
    why: tuple[str, ...]


@dataclass(frozen=True)
class Questions:
    """Looks at what is kept now."""

    store: Store
    masker: Masker
    terms: Terms
    gazetteer: Gazetteer
    clock: Callable[[], datetime]

    @classmethod
    def of(cls, store: Store, lexicon: Lexicon, gazetteer: Gazetteer, clock: Callable[[], datetime]) -> Questions:
        """As the service runs it."""
        return cls(store, Masker.load(gazetteer), Terms(lexicon, gazetteer), gazetteer, clock)

    def look(self, filters: Filters) -> Overview:
        """The groups of a period, the largest first. Raises StoreError."""
        now = self.clock()
        # The week before the last one is needed for the trend, also where only seven days are shown.
        kept = self.store.questions.unhelped(now - max(timedelta(days=filters.days), 2 * _WEEK), now + timedelta(minutes=1), MOST + 1)
        read = [question for question in map(self._read, kept[-MOST:]) if _fits(question, filters)]
        grouping = group([self.terms(self.masker.without_labels(question.text)) for question in read])
        needs, gold = self._near(grouping, self.store.questions.needs()), self._near(grouping, self.store.questions.gold())
        since = now - timedelta(days=filters.days)
        groups = []
        for at, members in enumerate(grouping.groups):
            mine = [read[member] for member in members]
            if any(question.at >= since for question in mine):
                groups.append(_group(mine, since, now, tuple(needs.get(at, ())), tuple(gold.get(at, ()))))
        groups.sort(key=lambda found: -found.number)  # stable: the order of the grouping among equals
        return Overview(tuple(groups), sum(found.number for found in groups), len(kept) > MOST)

    def _read(self, question: Unhelped) -> _Read:
        named = next((mention.province for mention in self.gazetteer.mentions(question.text)), None)
        return _Read(self.masker.mask(question.text), named, question.channel, question.received_at, question.why)

    def _near(self, grouping: Grouping, rows: Iterable[Row]) -> Mapping[int, list[Row]]:
        """What staff have written down, by the group that it asks alike."""
        found: dict[int, list[Row]] = {}
        for row in rows:
            if (at := grouping.nearest(self.terms(row.question))) is not None:
                found.setdefault(at, []).append(row)
        return found


def _fits(question: _Read, filters: Filters) -> bool:
    return (
        filters.province in (None, question.province)
        and filters.channel in (None, question.channel)
        and (filters.why is None or filters.why in question.why)
    )


def _group(questions: list[_Read], since: datetime, now: datetime, needs: tuple[Need, ...], gold: tuple[GoldQuestion, ...]) -> Group:
    shown = [question for question in questions if question.at >= since]
    wordings: Counter[str] = Counter()
    for question in shown:
        wordings[question.text] += 1
    common = tuple(Wording(text, number) for text, number in wordings.most_common(_WORDINGS))
    # By the folded words, so that marks and capitals do not make another group of it.
    group_id = hashlib.sha256(" ".join(words(common[0].text)).encode()).hexdigest()[:12]
    return Group(
        group_id,
        common,
        len(shown),
        sum(question.at >= now - _WEEK for question in questions),
        sum(now - 2 * _WEEK <= question.at < now - _WEEK for question in questions),
        all(question.at >= now - _WEEK for question in questions),
        max(question.at for question in shown),
        _counted(question.province for question in shown),
        _counted(question.channel for question in shown),
        _counted(reason for question in shown for reason in question.why),
        needs,
        gold,
    )


def _counted(names: Iterable[str | None]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(name for name in names if name).most_common())
