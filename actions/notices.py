"""What has to be said with an old plan: its years, whether they are over, who has the task now, which province it is part of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from actions.texts import Texts
from index.model import Moment
from knowledge.collection import Collection
from knowledge.model import Document, Metadata
from knowledge.places import Gazetteer
from knowledge.relations import Successor
from knowledge.reorganisation import Succession, succession_for
from knowledge.validity import outlook_runs, status_on, status_over


@dataclass(frozen=True)
class Notices:
    """Writes the notices of an answer. Tables only; safe to share."""

    texts: Texts
    gazetteer: Gazetteer
    successions: Sequence[Succession]

    def validity(self, document: Document, collection: Collection, on: date, then: Moment | None = None) -> list[str]:
        """The document's years and what became of them on that day; `then`: the time asked about, and what it was then."""
        metadata = document.metadata
        secondary = collection.original(document) is not None or metadata.reports_on is not None
        said = [self.texts("notices.secondary")] if secondary else []
        if after := collection.successor(document, on):
            was = [] if secondary or not (then and not after.holds(then.last)) else self._then(metadata, then, None)
            return [*said, *was, self._replaced(collection.original(document) or document, after)]
        amended = [self.texts("notices.amended", name=_named(row)) for row in collection.amended_by(document, on)]
        was = self._then(metadata, then, on) if then and not secondary else []
        return [*said, *amended, *(was or self._period(metadata, on, secondary=secondary))]

    def _then(self, metadata: Metadata, then: Moment, on: date | None) -> list[str]:
        """What a document was at the time asked about and, unless another one replaced it (`on` None), what it is now."""
        status = status_over(metadata, then.first, then.last)
        if status == "unknown":
            return []
        when = self.when(then)
        was = self.texts(f"notices.was.{'outlook' if outlook_runs(metadata, then.last) else status}", when=when)
        said = self.texts("notices.then", kind=metadata.kind or "", was=was, **_years(metadata))
        if on is None:
            return [f"{said}."]
        outlook = metadata.outlook_to if outlook_runs(metadata, on) else None
        now = self.texts(f"notices.is.{'outlook' if outlook else status_on(metadata, on)}", outlook=outlook and outlook.year)
        return [f"{said}; {now}."]

    def when(self, moment: Moment) -> str:
        """The time asked about, as it is written in an answer."""
        first, last = moment.first, moment.last
        if first == last:
            return self.texts("notices.when.day", day=first.day, month=first.month, year=first.year)
        if first.year < last.year:
            return self.texts("notices.when.years", first=first.year, last=last.year)
        if first.month == last.month:
            return self.texts("notices.when.month", month=first.month, year=first.year)
        return self.texts("notices.when.year", year=first.year)

    def _replaced(self, document: Document, after: Successor) -> str:
        old, new = document.metadata.number or document.metadata.kind or "", _named(after)
        if after.since is None:
            return self.texts("notices.replaced", old=old, new=new)
        return self.texts("notices.replaced_since", since=_day(after.since), old=old, new=new)

    def _period(self, metadata: Metadata, on: date, *, secondary: bool) -> list[str]:
        """The years of a document and what became of them."""
        status = status_on(metadata, on)
        if status == "unknown":
            return [self.texts("notices.unknown")]
        if status == "in_force":
            return []
        years = _years(metadata)
        kind = metadata.kind or ""
        if outlook_runs(metadata, on) and metadata.outlook_to:
            return [self.texts("notices.outlook", kind=kind, outlook=metadata.outlook_to.year, **years)]
        if secondary:
            return [self.texts("notices.ended_secondary", **years)] if status == "ended" else []
        return [self.texts(f"notices.{status}", kind=kind, **years)]

    def of_each(
        self, documents: Sequence[tuple[str | None, Document]], collection: Collection, on: date, then: Moment | None = None
    ) -> list[str]:
        """The years of several documents: once where they are the same, else a line for the provinces that share them."""
        provinces: dict[str, list[str]] = {}
        for province, document in documents:
            for line in self.validity(document, collection, on, then):
                provinces.setdefault(line, []).append(province or "")
        if len(provinces) <= 1 or len(documents) == 1:
            return list(provinces)
        return [self.texts("notices.each", province=", ".join(dict.fromkeys(of)), notice=line) for line, of in provinces.items()]

    def body(self, words: str, topic: str, on: date) -> list[str]:
        """Who has the task now, where `words` name a body that is no more."""
        row = succession_for(words, topic, on, self.successions)
        if row is None:
            return []
        return [self.texts("notices.body", since=_day(row.since), task=row.task, now=row.now, source=row.source.split(";")[0])]

    def merger(self, asked: Sequence[str], held: Sequence[str | None], on: date) -> list[str]:
        """What became of the provinces asked for, and whose papers (of the provinces `held`) answer."""
        if on < MERGED_ON:
            return []
        said = []
        for province in asked:
            now = self.gazetteer.now(province)
            if now is None:
                continue
            kin = next((name for name in held if name and self.gazetteer.now(name) == now), None)
            if province in held and now != province and now not in asked:
                said.append(self.texts("notices.merged", old=province, now=now))
            elif province not in held and kin and now == province:
                said.append(self.texts("notices.merged_into", now=now, held=kin))
            elif province not in held and kin:
                said.append(self.texts("notices.merged_held", asked=province, now=now, held=kin))
        return said


MERGED_ON = date(2025, 7, 1)
"""Nghị quyết 60-NQ/TW of 12 April 2025: 34 provinces from this day."""


def _named(after: Successor) -> str:
    kind = after.document.metadata.kind if after.document else None
    return f"{kind} {after.number}" if kind and after.document and after.document.metadata.number else after.number


def _years(metadata: Metadata) -> dict[str, int]:
    assert metadata.valid_from is not None  # noqa: S101 - a status other than unknown has at least one end
    return {"first": metadata.valid_from.year, "last": (metadata.valid_to or metadata.valid_from).year}


def _day(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"
