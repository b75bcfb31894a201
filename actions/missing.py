"""The honest no, said exactly: which province, year or figure the documents do not have, and what there is instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from actions.answering import LIMIT, Answerer
from actions.headings import is_bare, unnumbered
from actions.model import Answer
from actions.notices import MERGED_ON
from actions.texts import Texts
from index.model import Query
from knowledge.model import Document
from knowledge.validity import may_hold

_OFFERED = 2
_HEADING = 80
"""Characters: a longer heading is no name of a topic."""


@dataclass(frozen=True)
class Missing:
    """Words for what is not held. Tables only; safe to share."""

    texts: Texts

    def explained(self, query: Query, told: Answer, answerer: Answerer) -> Answer:
        """An abstention that names what is missing, where that can be known; else as it was told."""
        scope = answerer.retriever.scope(query)
        if told.kind != "abstain" or scope.missing_numbers:
            return told
        if then := self._then(query, answerer):
            return answerer.abstain("\n".join(then), told.context)
        if query.fact:
            return told
        lines = [*self._merged(query, answerer), *self._no_province(query, answerer), *self._years(query, answerer)]
        if not lines and query.numbers and scope.document_ids:
            names = dict.fromkeys(answerer.retriever.snapshot.collection.province(d) or "" for d in self._documents(query, answerer))
            lines = [self.texts("abstain.in_province", province=", ".join(names))]
        if not lines and query.provinces:
            lines = [told.text.split("\n")[0]]
        if not lines:
            return told
        lines += self._nearest(query, answerer)
        said = answerer.abstain("\n".join(lines), told.context)
        return replace(said, suggestions=self._offers(query, answerer)) if self._absent(query, answerer) else said

    def before_the_merger(self, query: Query, answerer: Answerer) -> bool:
        """Whether the day asked for lies before the merger, so that no other province's papers speak for one that is not held."""
        on = query.day if query.moment and query.moment.holding else query.as_of
        return on < MERGED_ON and bool(query.provinces) and not set(query.provinces) & set(self._held(answerer))

    def not_held(self, query: Query, answerer: Answerer, told: Answer) -> Answer:
        """No document of the provinces named."""
        names, held = ", ".join(query.provinces), ", ".join(self._held(answerer))
        said = answerer.abstain(self.texts("missing.province", province=names, held=held), told.context)
        return replace(said, suggestions=self._offers(query, answerer))

    def whose(self, query: Query, answer: Answer, answerer: Answerer) -> Answer:
        """An answer out of another province's papers says so first: that they are another's, since when the two are one."""
        if answer.kind != "answer" or not answer.citations:
            return answer
        held = [citation.province for citation in answer.citations]
        for asked in query.provinces:
            said = answerer.notices.merger([asked], held, query.as_of)
            if asked in self._held(answerer) or not said:
                continue
            first = self._whose_words(asked, held, answerer)
            kept = [line for line in answer.text.split("\n") if line not in said]
            text = "\n".join([first, *kept])
            first, text = (first, text) if len(text) <= LIMIT else (said[0], "\n".join([said[0], *kept]))
            answer = replace(answer, text=text, notices=(first, *(n for n in answer.notices if n not in said)))
        return answer

    def _whose_words(self, asked: str, held: Sequence[str | None], answerer: Answerer) -> str:
        now = answerer.notices.gazetteer.now(asked) or ""
        kin = next(name for name in held if name and answerer.notices.gazetteer.now(name) == now)
        return self.texts("missing.kin_now" if asked == now else "missing.kin", asked=asked, now=now, held=kin)

    def _held(self, answerer: Answerer) -> tuple[str, ...]:
        return answerer.retriever.snapshot.collection.provinces

    def _absent(self, query: Query, answerer: Answerer) -> list[str]:
        return [province for province in query.provinces if province not in self._held(answerer)]

    def _merged(self, query: Query, answerer: Answerer) -> list[str]:
        """For a province that has become part of one that is held."""
        gazetteer, held = answerer.notices.gazetteer, self._held(answerer)
        said = []
        for asked in self._absent(query, answerer):
            kin = next((name for name in gazetteer.kin(asked) if name in held), None)
            if kin and query.as_of >= MERGED_ON:
                said.append(self.texts("missing.merged", asked=asked, now=gazetteer.now(asked), held=kin))
        return said

    def _no_province(self, query: Query, answerer: Answerer) -> list[str]:
        missing = answerer.retriever.scope(query).missing_provinces
        held = ", ".join(self._held(answerer))
        return [self.texts("missing.province", province=", ".join(missing), held=held)] if missing else []

    def _then(self, query: Query, answerer: Answerer) -> list[str]:
        """For a time at which no document in scope was in force."""
        moment, documents = query.moment, self._documents(query, answerer)
        if moment is None or not moment.holding or not documents:
            return []
        if any(may_hold(d.metadata, moment.first, moment.last) for d in documents):
            return []
        names = dict.fromkeys(answerer.retriever.snapshot.collection.province(d) or "" for d in documents)
        return [self.texts("missing.then", when=answerer.notices.when(moment), province=", ".join(names))]

    def _years(self, query: Query, answerer: Answerer) -> list[str]:
        """For a year that lies outside of all plans in scope."""
        said = []
        for document in self._documents(query, answerer):
            metadata = document.metadata
            if not query.years or metadata.valid_from is None or metadata.valid_to is None:
                return []
            last = metadata.outlook_to or metadata.valid_to
            if min(query.years) <= last.year and max(query.years) >= metadata.valid_from.year:
                return []
            name = answerer.retriever.snapshot.collection.province(document) or ""
            years = {"first": metadata.valid_from.year, "last": metadata.valid_to.year}
            kind = metadata.kind or ""
            asked = ", ".join(map(str, query.years))
            if metadata.outlook_to:
                said.append(
                    self.texts("missing.year_outlook", kind=kind, province=name, asked=asked, outlook=metadata.outlook_to.year, **years)
                )
            else:
                said.append(self.texts("missing.year", kind=kind, province=name, asked=asked, **years))
        return said

    def _documents(self, query: Query, answerer: Answerer) -> list[Document]:
        """The originals that the question is about."""
        ids = answerer.retriever.scope(query).document_ids
        documents = answerer.retriever.snapshot.collection.documents
        return [d for d in documents if not d.metadata.reports_on and (ids is None or d.document_id in ids)]

    def _nearest(self, query: Query, answerer: Answerer) -> list[str]:
        """The heading nearest to what was asked, where it shares much of it; never one with a figure."""
        if not query.terms:
            return []
        hits = answerer.retriever.search(answerer.retriever.mended(query), 1)
        path = hits[0].passage.path if hits and hits[0].coverage >= answerer.thresholds.near else ()
        titles = [unnumbered(title) for title in reversed(path) if not is_bare(title) and not title.isupper()]
        said = next((title for title in titles if len(title) <= _HEADING and not re.search(r"\d", title)), None)
        return [self.texts("missing.nearest", heading=said)] if said else []

    def _offers(self, query: Query, answerer: Answerer) -> tuple[str, ...]:
        gazetteer, held = answerer.notices.gazetteer, self._held(answerer)
        kin = [name for asked in query.provinces for name in gazetteer.kin(asked) if name in held and query.as_of >= MERGED_ON]
        return tuple(self.texts("suggestions.province", province=name) for name in dict.fromkeys([*kin, *held]))[: _OFFERED + 1]
