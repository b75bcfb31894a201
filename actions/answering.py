"""From a Query to an Answer in the documents' own words: the asked thing first, then the source, then its years and successor."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from itertools import chain

from actions.citing import Citing
from actions.clauses import prepare, repeats
from actions.facts import FactTeller
from actions.guard import guarded
from actions.listing import listing
from actions.model import Answer, Citation, Context
from actions.notices import Notices
from actions.telling import Telling, Thresholds, Told
from actions.texts import Texts
from index.answerability import Answerability
from index.demands import Demands
from index.model import Hit, Query
from index.search import Retriever, Scope
from knowledge.collection import Collection
from knowledge.directory import Directory
from knowledge.model import Document, Passage
from knowledge.ocr import Repair, Repairs

LIMIT = 900
"""Characters of text, as the contract has it."""
_CITED = 3
_SEARCHED, _TRIES = 12, 4
_BESIDE = 450
"""Characters kept for the second way in which a turn may be meant."""
_KEPT = 16
"""Searches remembered: one turn may be read in several ways, one of which is told."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was searched for, with slips mended, where, and those found that hold what is demanded, best first."""

    query: Query
    scope: Scope
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Answerer:
    """Answers from one snapshot. Read-only; safe to share between threads."""

    retriever: Retriever
    texts: Texts
    notices: Notices
    directory: Directory
    answerability: Answerability
    demands: Demands
    thresholds: Thresholds = field(default_factory=Thresholds)
    repairs: Repairs = field(default_factory=Repairs.load)

    @cached_property
    def _citing(self) -> Citing:
        return Citing(self.retriever, self.texts)

    @cached_property
    def _telling(self) -> Telling:
        return Telling(self.retriever, self._citing, self.texts, self.thresholds)

    @cached_property
    def _facts(self) -> FactTeller:
        return FactTeller(self.retriever, self._citing, self.notices, self.texts)

    def warm(self, held: Collection | None = None) -> None:
        """Reads passages and their clauses ahead of the first question, as many as are kept; those of `held` have been read already."""
        known = {id(document) for document in held.documents} if held else set()
        new = [document for document in self.retriever.snapshot.collection.documents if id(document) not in known]
        self.retriever.warm(chain.from_iterable(document.passages for document in new))
        prepare(chain.from_iterable(document.passages for document in new))

    @cached_property
    def look_up(self) -> Callable[[Query], Found]:
        """What is found for a query. Remembered without this object: it has to go with its snapshot."""
        return lru_cache(maxsize=_KEPT)(partial(_looked_up, self.retriever, self.demands))

    def answer(self, query: Query, context: Context, skip: Sequence[str] = ()) -> Answer:
        """An `answer`, or an `abstain` that says what is missing and who may know. `skip`: passages already shown."""
        query = self.retriever.mended(query)
        scope = self.retriever.scope(query)
        if scope.missing_numbers and (not scope.document_ids or len(scope.missing_numbers) == len(query.numbers)):
            return self.abstain(self.texts("abstain.number", number=scope.missing_numbers[0]), context)
        if scope.missing_provinces and not scope.document_ids:
            return self._no_province(scope, context)
        if query.fact and (told := self._facts.tell(query, scope, context)):
            answer, source = told
            return self.finish(answer, source) if answer.kind == "answer" else self.abstain(answer.text, answer.context)
        found = self.look_up(query)
        if not self.is_answered(found):
            return self.not_found(found, context)
        told_already = [p.text for p in map(self.retriever.snapshot.collection.passage, skip) if p]
        hits = [hit for hit in found.hits if not any(repeats(hit.passage.text, text) for text in told_already)]
        if skip and not hits:
            return self.abstain(self.texts("abstain.more"), context, phone=False)
        return self._tell(query, found.hits, hits, context, skip, None)

    def tell(self, found: Found, context: Context, beside: Found | None = None) -> Answer:
        """The words of what was found, not empty, whether it answers or not. `beside`: what was found for another way in which the turn
        may be meant, whose first passage is told as well where it is of the same document."""
        return self._tell(found.query, found.hits, found.hits, context, (), beside)

    def abstain(self, said: str, context: Context, *, phone: bool = True) -> Answer:
        """The honest no, and who may know."""
        child = self.directory.by_phone("111")
        who = f"\n{self.texts('abstain.who', phone=child.phone, name=child.name)}" if phone and child else ""
        return Answer("abstain", f"{said}{who}", suggestions=self.texts.choices("suggestions.examples"), context=context)

    def is_near(self, query: Query) -> bool:
        """Whether the documents speak of much of what is asked, so that naming a province may be all that is missing."""
        query = self.retriever.mended(query)
        hits = self.retriever.search(query, 1)
        known = all(self.retriever.knows(term) for term in query.terms)
        return bool(hits) and known and hits[0].coverage >= self.thresholds.near

    def phone_passage(self, query: Query, phones: Sequence[str]) -> tuple[Citation, ...]:
        """The best passage that names one of the numbers itself, if there is one in the question's scope."""
        for hit in self.retriever.search(query, 20):
            if any(re.search(rf"(?<!\d){re.escape(phone)}(?!\d)(?!\s*%)", hit.passage.text) for phone in phones):
                return (self._citing.cite(hit, query),)
        return ()

    def cite(self, document: Document, passage: Passage, query: Query) -> Citation:
        """The passage as it stands; of a long one the clauses that answer."""
        return self._citing.cite(Hit(passage, document, 0, 0, 0, 0), query)

    def finish(self, answer: Answer, source: str = "", allowed: Sequence[str] = ()) -> Answer:
        """Source line and notices put under the text, within the limit, past the guard. What is left without words abstains."""
        checked = guarded(answer, [*answer.notices, *self.retriever.snapshot.collection.provinces, *allowed])
        if not checked.text:
            return self.abstain(self.texts("abstain.plain"), answer.context)
        parts = [part for part in (checked.text, source) if part]
        return replace(answer, text="\n".join([*parts, *answer.notices]))

    # What is missing

    def is_answered(self, found: Found) -> bool:
        """Whether what was found answers the question; a plan that is named answers with the list that is asked for."""
        if found.scope.document_ids and listing(found.query, found.hits, self.retriever):
            return True
        return self.answerability.answers(found.query, found.hits, self.retriever)

    def not_found(self, found: Found, context: Context) -> Answer:
        """The honest no to what does not stand in the documents in scope."""
        if found.scope.document_ids and found.query.provinces:
            return self.abstain(self.texts("abstain.in_province", province=", ".join(found.query.provinces)), context)
        return self.abstain(self.texts("abstain.plain"), context)

    def _no_province(self, scope: Scope, context: Context) -> Answer:
        held = ", ".join(self.retriever.snapshot.collection.provinces)
        return self.abstain(self.texts("abstain.province", province=", ".join(scope.missing_provinces), held=held), context)

    # An answer from passages

    def _tell(
        self, query: Query, found: Sequence[Hit], hits: Sequence[Hit], context: Context, skip: Sequence[str], beside: Found | None
    ) -> Answer:
        told, repaired, notices = self._fitting(query, found, hits, skip, beside)
        lines, made = repaired
        cited = self._cited(told, [*found[:1], *(beside.hits[:1] if beside else ()), *found[1:]])
        citations = tuple(self._citing.cite(hit, query, told.spans.get(hit.passage.passage_id)) for hit in cited)
        ids = tuple(dict.fromkeys([*skip, *(hit.passage.passage_id for hit in told.hits)]))
        kept = Context(context.question, self._only_province(query, told.hits), told.hits[0].document.document_id, ids)
        answer = Answer("answer", "\n".join(lines), citations, (), notices, self._suggestions(told.hits), context=kept)
        return self.finish(answer, self._citing.source(told.hits), [repair.meant for repair in made])

    def _cited(self, told: Told, found: Sequence[Hit]) -> list[Hit]:
        """What is told first, then what was found best, told or not (beside a list the very best only), then the rest of what is told."""
        rank = {hit.passage.passage_id: at for at, hit in enumerate(found)}
        ordered = sorted(told.hits, key=lambda hit: rank.get(hit.passage.passage_id, len(found)))
        heads = [hit for hit in told.hits if hit.passage.role == "heading"][:1]
        first = heads or ([told.hits[0]] if told.hits[0].passage.passage_id in rank else ordered[:1])
        found_best = found[: _CITED if len(told.hits) < _CITED else 1]
        best = sorted([*ordered, *found_best], key=lambda hit: rank.get(hit.passage.passage_id, len(found)))
        unique = {hit.passage.passage_id: hit for hit in [*first, *best]}
        needed = {hit.passage.passage_id for hit in told.hits}
        kept = list(unique)[:_CITED]
        return [unique[name] for name in unique if name in kept or name in needed]

    def _fitting(
        self, query: Query, found: Sequence[Hit], hits: Sequence[Hit], skip: Sequence[str], beside: Found | None
    ) -> tuple[Told, tuple[list[str], tuple[Repair, ...]], tuple[str, ...]]:
        """What is told within the limit, repaired, and its notices: those are never the ones to go."""
        room, teller = LIMIT, self._telling.teller(query, found, hits, skip)
        for _ in range(_TRIES):
            told = self._telling.with_beside(teller, beside.query, beside.hits[0], room, _BESIDE) if beside else teller(room)
            lines, made = self._repaired(told)
            notices = self._notices(query, told.hits, "\n".join(lines))
            over = len("\n".join([*lines, self._citing.source(told.hits), *notices])) - LIMIT
            if over <= 0:
                break
            room = min(room, len("\n".join(told.lines))) - over
        while over > 0 and len(lines) > 1:
            over -= len(lines.pop()) + 1
        return told, (lines, made), notices

    def _repaired(self, told: Told) -> tuple[list[str], tuple[Repair, ...]]:
        """The lines with what is certainly damaged put right, and a line that names the repairs."""
        files = sorted({hit.document.source_file for hit in told.hits})
        body = self.repairs.repaired("\n".join(told.lines), files)
        if not body.made:
            return list(told.lines), ()
        pairs = ", ".join(self.texts("answer.repair", written=r.written, meant=r.meant) for r in body.made)
        return [*body.words.split("\n"), self.texts("answer.repaired", repairs=pairs)], body.made

    def _notices(self, query: Query, told: Sequence[Hit], body: str) -> tuple[str, ...]:
        collection = self.retriever.snapshot.collection
        documents = {hit.document.document_id: hit.document for hit in told}
        said = self.notices.of_each([(self._citing.province(d), d) for d in documents.values()], collection, query.as_of, query.moment)
        topic = " ".join([*told[0].passage.path, told[0].passage.text])
        said += self.notices.body(body, topic, query.as_of)
        said += self.notices.merger(query.provinces, [self._citing.province(d) for d in documents.values()], query.as_of)
        said += [self.texts("notices.not_held", province=province) for province in self.retriever.scope(query).missing_provinces]
        return tuple(dict.fromkeys(said))

    def _suggestions(self, told: Sequence[Hit]) -> tuple[str, ...]:
        here = {self._citing.province(hit.document) for hit in told}
        others = [p for p in self.retriever.snapshot.collection.provinces if p not in here][:2]
        return (self.texts("suggestions.more"), *(self.texts("suggestions.province", province=p) for p in others))

    def _only_province(self, query: Query, told: Sequence[Hit]) -> str | None:
        found = {self._citing.province(hit.document) for hit in told}
        if len(query.provinces) == 1:
            return query.provinces[0]
        return next(iter(found)) if len(found) == 1 else None


def _looked_up(retriever: Retriever, demands: Demands, query: Query) -> Found:
    mended = retriever.mended(query)
    scope = retriever.scope(mended)
    hits = demands.met(mended, retriever.search(mended, _SEARCHED, scope))
    if not hits and mended.moment and not mended.moment.holding:
        # What a year was like may stand in a later plan ("từ 68% năm 2015 lên 80%").
        later = retriever.scope(replace(mended, moment=None))
        if later != scope:
            scope, hits = later, demands.met(mended, retriever.search(mended, _SEARCHED, later))
    return Found(mended, scope, tuple(hits))
