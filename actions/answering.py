"""From a Query to an Answer in the documents' own words: the asked thing first, then the source, then its years and successor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from actions.clauses import Excerpt, clipped, excerpt, repeats, shown
from actions.guard import guarded
from actions.headings import heading, line_of, title_of, unnumbered
from actions.model import Answer, Citation, Context
from actions.notices import Notices
from actions.texts import Texts
from index.answerability import Answerability, Demands
from index.model import Hit, Query
from index.search import Retriever, Scope, names
from knowledge.directory import Directory
from knowledge.model import Document, Passage, Span
from knowledge.text import folded_line
from knowledge.validity import status_on

LIMIT = 900
"""Characters of text, as the contract has it."""
_MAIN, _ALSO, _SEVERAL, _BODY = 430, 210, 150, 700
"""Characters: the first excerpt, a second one, one province's line among several, and all of them together."""
_SHORTER = (120, 90, 60)
"""Characters of a province's line among several, where there is less room."""
_QUOTE = 700
"""Characters: a passage up to this long is quoted whole."""
_CITED = 3
_LEAD, _SHORTEST = 110, 120
"""Characters: a heading longer than this does not lead an excerpt; an excerpt is not cut shorter than this."""
_BASIS = 220
"""Characters of a legal basis."""
_LISTED = 8
"""Headings of one list, at most."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is shown beside the best passage. Chosen on tests/eval/train.jsonl, reported on other sets (docs/decisions/)."""

    also: float = 0.7
    """A second passage is shown from this share of the best score."""
    near: float = 0.5
    """Coverage from which asking for the province makes sense."""
    several: float = 0.72
    """Without a province, another document is shown from this share of the best score."""


@dataclass(frozen=True)
class Answerer:
    """Answers from one snapshot. Read-only; safe to share between threads."""

    retriever: Retriever
    texts: Texts
    notices: Notices
    directory: Directory
    answerability: Answerability
    demands: Demands
    thresholds: Thresholds = Thresholds()

    def answer(self, query: Query, context: Context, skip: Sequence[str] = ()) -> Answer:
        """An `answer`, or an `abstain` that says what is missing and who may know. `skip`: passages already shown."""
        query = self.retriever.mended(query)
        scope = self.retriever.scope(query)
        if scope.missing_numbers and (not scope.document_ids or len(scope.missing_numbers) == len(query.numbers)):
            return self.abstain(self.texts("abstain.number", number=scope.missing_numbers[0]), context)
        if scope.missing_provinces and not scope.document_ids:
            return self._no_province(scope, context)
        if query.fact and (told := self._fact(query, scope, context)):
            return told
        found = self.demands.met(query, self.retriever.search(query, 12, scope))
        if not self.answerability.answers(query, found, self.retriever):
            return self._not_found(query, scope, context)
        told_already = [p.text for p in map(self.retriever.snapshot.collection.passage, skip) if p]
        hits = [hit for hit in found if not any(repeats(hit.passage.text, text) for text in told_already)]
        if skip and not hits:
            return self.abstain(self.texts("abstain.more"), context, phone=False)
        return self._tell(query, hits, context, skip)

    def abstain(self, said: str, context: Context, *, phone: bool = True) -> Answer:
        """The honest no, and who may know."""
        child = self.directory.by_phone("111")
        who = f"\n{self.texts('abstain.who', phone=child.phone, name=child.name)}" if phone and child else ""
        return Answer("abstain", f"{said}{who}", suggestions=self.texts.choices("suggestions.examples"), context=context)

    def _no_province(self, scope: Scope, context: Context) -> Answer:
        held = ", ".join(self.retriever.snapshot.collection.provinces)
        return self.abstain(self.texts("abstain.province", province=", ".join(scope.missing_provinces), held=held), context)

    def _not_found(self, query: Query, scope: Scope, context: Context) -> Answer:
        if scope.document_ids and query.provinces:
            return self.abstain(self.texts("abstain.in_province", province=", ".join(query.provinces)), context)
        return self.abstain(self.texts("abstain.plain"), context)

    def is_near(self, query: Query) -> bool:
        """Whether the documents speak of much of what is asked, so that naming a province may be all that is missing."""
        query = self.retriever.mended(query)
        hits = self.retriever.search(query, 1)
        known = all(self.retriever.knows(term) for term in query.terms)
        return bool(hits) and known and hits[0].coverage >= self.thresholds.near

    # An answer from passages

    def _tell(self, query: Query, hits: Sequence[Hit], context: Context, skip: Sequence[str]) -> Answer:
        chosen, lines = self._lines(query, hits)
        notices = self._notices(query, chosen, "\n".join(lines))
        source = self._source_of(chosen)
        lines = self._fitting(query, chosen, lines, LIMIT - len("\n".join(filter(None, (source, *notices)))) - 2)
        rest = [hit for hit in hits if hit not in chosen and hit.document.document_id in {h.document.document_id for h in chosen}]
        citations = tuple(self.cite(hit.document, hit.passage, query) for hit in [*chosen, *rest][: max(_CITED, len(chosen))])
        ids = tuple(dict.fromkeys([*skip, *(h.passage.passage_id for h in chosen)]))
        kept = Context(context.question, self._only_province(query, chosen), chosen[0].document.document_id, ids)
        answer = Answer("answer", "\n".join(lines), citations, (), notices, self._suggestions(query, chosen), context=kept)
        return self.finish(answer, source)

    def _lines(self, query: Query, hits: Sequence[Hit]) -> tuple[list[Hit], list[str]]:
        """The passages that are told, and a line for each (after a line that introduces them)."""
        if len(query.provinces) != 1 and not query.numbers and (several := self._several(query, hits)):
            return several, self._provinces(query, several, _SEVERAL)
        tasks = self._tasks(query, hits) if query.duties else []
        if hits[0].passage.role == "heading" and not tasks:
            headings = self._headings(query, hits[0])
            if len(headings) > 1:
                return headings, [shown(hit.passage.text) for hit in headings]
            under = self._under(hits[0])
            lines = [self.texts("answer.item", clause=excerpt(query, hit, self.retriever, _ALSO).words) for hit in under]
            return [hits[0], *under], [f"{shown(hits[0].passage.text).rstrip('.')}:" if under else shown(hits[0].passage.text), *lines]
        if len(tasks) == 1:
            return tasks, [self._led(tasks[0], excerpt(query, tasks[0], self.retriever, _BODY))]
        if tasks:
            share = max(_SEVERAL, _BODY // len(tasks))
            lines = [self.texts("answer.item", clause=excerpt(query, hit, self.retriever, share).words) for hit in tasks]
            return tasks, [f"{heading(tasks[0].passage)}:", *lines]
        first = self._led(hits[0], excerpt(query, hits[0], self.retriever, _MAIN))
        chosen = [hits[0], *self._more(query, hits, len(first))]
        most = (_BODY - len(first)) // max(1, len(chosen) - 1)
        also = [self.texts("answer.also", clause=self._led(hit, self._part(query, hit, _ALSO, most))) for hit in chosen[1:]]
        return chosen, [first, *also]

    def _provinces(self, query: Query, several: Sequence[Hit], budget: int) -> list[str]:
        """A line for each province, after one that introduces them."""
        most = _BODY // (len(several) + 1) if budget == _SEVERAL else budget
        lines = [
            self.texts(
                "answer.several_line",
                province=self._province(hit.document) or self._name(hit.document),
                clause=self._led(hit, self._part(query, hit, budget, most)),
            )
            for hit in several
        ]
        return [self.texts("answer.several"), *lines]

    def _part(self, query: Query, hit: Hit, budget: int, most: int) -> Excerpt:
        """An excerpt of `budget` characters; of a clause that this would cut short, up to `most`."""
        part = excerpt(query, hit, self.retriever, budget)
        return excerpt(query, hit, self.retriever, max(budget, most)) if part.words.endswith("…") else part

    def _fitting(self, query: Query, chosen: Sequence[Hit], lines: list[str], room: int) -> list[str]:
        """As many lines as there is room for; source and notices are never the ones to go. A first line alone is told shorter."""
        if len({hit.document.document_id for hit in chosen}) > 1:
            shorter = (self._provinces(query, chosen, budget) for budget in _SHORTER)
            lines = next((told for told in (lines, *shorter) if len("\n".join(told)) <= room), lines)
        while len(lines) > 1 and len("\n".join(lines)) > room:
            lines = lines[:-1]
        if len(lines[0]) > room:
            lines = [self._led(chosen[0], excerpt(query, chosen[0], self.retriever, max(_SHORTEST, room - _LEAD)))]
        return lines

    def phone_passage(self, query: Query, phones: Sequence[str]) -> tuple[Citation, ...]:
        """The best passage that names one of the numbers itself, if there is one in the question's scope."""
        for hit in self.retriever.search(query, 20):
            if any(re.search(rf"(?<!\d){re.escape(phone)}(?!\d)(?!\s*%)", hit.passage.text) for phone in phones):
                return (self.cite(hit.document, hit.passage, query),)
        return ()

    def finish(self, answer: Answer, source: str = "", allowed: Sequence[str] = ()) -> Answer:
        """Source line and notices put under the text, within the limit, past the guard. What is left without words abstains."""
        checked = guarded(answer, [*self._allowed(answer), *allowed])
        if not checked.text:
            return self.abstain(self.texts("abstain.plain"), answer.context)
        parts = [part for part in (checked.text, source) if part]
        return replace(answer, text="\n".join([*parts, *answer.notices]))

    def _allowed(self, answer: Answer) -> list[str]:
        return [*answer.notices, *self.retriever.snapshot.collection.provinces]

    def _more(self, query: Query, hits: Sequence[Hit], used: int) -> list[Hit]:
        """A second passage of the same document, when it is nearly as good and there is room."""
        best = hits[0]
        near = [
            h
            for h in hits[1:5]
            if h.document == best.document
            and h.passage.role == "body"
            and h.score >= self.thresholds.also * best.score
            and not repeats(h.passage.text, best.passage.text)
        ]
        return near[: max(0, (_BODY - used) // _ALSO)][:2]

    def _headings(self, query: Query, hit: Hit) -> list[Hit]:
        """The heading asked about; asked for all ("gồm những gì", "có mấy"), also those beside it, in order."""
        if query.asked not in ("list", "how_many"):
            return [hit]
        passages = hit.document.passages
        return [_beside(hit, p) for p in passages if p.role == "heading" and p.path == hit.passage.path][:_LISTED]

    def _tasks(self, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        """All tasks of the body that the question names, in order; empty when the best passages are not those of one."""
        asked = folded_line(" / ".join([query.written_out, *(phrase for p in query.paraphrases for phrase in p.official)]))
        for hit in hits[:_CITED]:
            title = shown(hit.passage.text) if hit.passage.role == "heading" else heading(hit.passage)
            body = folded_line(unnumbered(title)).strip()
            if body and f" {body} " in asked:
                path = (*hit.passage.path, title_of(hit)) if hit.passage.role == "heading" else hit.passage.path
                return [_beside(hit, p) for p in hit.document.passages if p.role == "body" and p.path == path]
        return []

    def _under(self, hit: Hit) -> list[Hit]:
        """The first passages under a heading."""
        path = (*hit.passage.path, title_of(hit))
        under = (p for p in hit.document.passages if p.role == "body" and p.path[: len(path)] == path)
        return [_beside(hit, p) for p in islice(under, _CITED - 1)]

    def _several(self, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        """The best passage of each province, when more than one is named or speaks of it about equally."""
        best: dict[str, Hit] = {}
        for hit in hits:
            province = self._province(hit.document)
            enough = hit.score >= self.thresholds.several * hits[0].score and hit.coverage >= 0.9 * hits[0].coverage
            if province and (enough or province in query.provinces):
                best.setdefault(province, self._task(query, hit))
        return list(best.values())[:_CITED] if len(best) > 1 else []

    def _task(self, query: Query, hit: Hit) -> Hit:
        """For the bare name of a body whose tasks are asked for: the first of them."""
        tasks = self._tasks(query, [hit]) if query.duties and hit.passage.role == "heading" else []
        return tasks[0] if tasks else hit

    def _led(self, hit: Hit, part: Excerpt) -> str:
        """The excerpt with the heading it hangs on, where that says more than the excerpt itself: a body, a year, a group."""
        lead = heading(hit.passage)
        if not lead or lead.isupper() or len(lead) > _LEAD or folded_line(lead).strip() in folded_line(part.words):
            return part.words
        return f"{lead}: {part.words}"

    def _notices(self, query: Query, chosen: Sequence[Hit], body: str) -> tuple[str, ...]:
        collection = self.retriever.snapshot.collection
        said: list[str] = []
        for document in dict.fromkeys(h.document.document_id for h in chosen):
            said += self.notices.validity(collection.document(document), collection, query.as_of)
        if len(set(said)) > 1 and len({h.document.document_id for h in chosen}) > 1:
            said = [
                f"{self._province(h.document) or ''}: {line}"
                for h in chosen
                for line in self.notices.validity(h.document, collection, query.as_of)
            ]
        topic = " ".join([*chosen[0].passage.path, chosen[0].passage.text])
        said += self.notices.body(body, topic, query.as_of)
        said += self.notices.merger(query.provinces, [self._province(h.document) for h in chosen], query.as_of)
        said += [self.texts("notices.not_held", province=province) for province in self.retriever.scope(query).missing_provinces]
        return tuple(dict.fromkeys(said))

    def _suggestions(self, query: Query, chosen: Sequence[Hit]) -> tuple[str, ...]:
        here = {self._province(h.document) for h in chosen}
        others = [p for p in self.retriever.snapshot.collection.provinces if p not in here][:2]
        return (self.texts("suggestions.more"), *(self.texts("suggestions.province", province=p) for p in others))

    # An answer from what the document says of itself

    def _fact(self, query: Query, scope: Scope, context: Context) -> Answer | None:
        documents = self._asked_documents(query, scope, context)
        if len(documents) != 1 or query.fact is None:
            return None
        document = documents[0]
        if query.numbers and not any(names(number, document.metadata.number or "") for number in query.numbers):
            return None  # asked of a decree that the plan cites
        facts = [fact for name, fact in document.metadata.facts if name == query.fact]
        province = self._province(document) or ""
        kept = Context(context.question, province or None, document.document_id, ())
        if not facts:
            field = self.texts(f"facts.fields.{query.fact}")
            return self.abstain(self.texts("facts.missing", province=province, field=field), kept)
        quote = shown(line_of(document, facts[0]).of(document.text))
        value = ", ".join(fact.value for fact in facts) if query.fact in ("number", "based_on", "signer", "issuer", "period") else quote
        body = self.texts(f"facts.{query.fact}", value=value.rstrip("."), quote=quote.rstrip("."))
        if query.fact == "based_on":
            body += f"\n{clipped(quote, _BASIS)}"
        hits = self.retriever.search(query, 2, scope)
        citations = (
            *(self._citation(document, line_of(document, fact), query.as_of) for fact in facts[:2]),
            *(self.cite(hit.document, hit.passage, query) for hit in hits if hit.document == document),
        )[:_CITED]
        collection = self.retriever.snapshot.collection
        merged = self.notices.merger(query.provinces, [province], query.as_of)
        notices = (*self.notices.validity(document, collection, query.as_of), *merged)
        source = self.texts("source_line", name=self._name(document), heading="")
        return self.finish(Answer("answer", body, citations, (), notices, self._suggestions_for(document), context=kept), source)

    def _suggestions_for(self, document: Document) -> tuple[str, ...]:
        others = [p for p in self.retriever.snapshot.collection.provinces if p != self._province(document)][:2]
        return tuple(self.texts("suggestions.province", province=p) for p in others)

    def _asked_documents(self, query: Query, scope: Scope, context: Context) -> list[Document]:
        """The originals in scope; without a scope, the document talked about."""
        collection = self.retriever.snapshot.collection
        ids = scope.document_ids or ({context.document_id} if context.document_id else set())
        return [d for d in collection.documents if d.document_id in ids and not d.metadata.reports_on]

    # Citations

    def cite(self, document: Document, passage: Passage, query: Query) -> Citation:
        """The passage as it stands, with its heading when that stands right above; of a long one the clauses that answer."""
        span = passage.span
        if span.end - span.start > _QUOTE:
            hit = Hit(passage, document, 0, 0, 0, 0)
            span = excerpt(query, hit, self.retriever, _QUOTE).span
        elif passage.heading_spans and 0 <= span.start - passage.heading_spans[-1].start <= 160:
            span = Span(passage.heading_spans[-1].start, span.end)
        return self._citation(document, span, query.as_of, passage.path, passage.passage_id)

    def _citation(self, document: Document, span: Span, on: date, path: tuple[str, ...] = (), passage_id: str | None = None) -> Citation:
        m = document.metadata
        return Citation(
            document.document_id,
            document.source_file,
            m.number,
            m.title,
            self._province(document),
            m.issued_on,
            m.valid_from,
            m.valid_to,
            status_on(m, on),
            path,
            span.of(document.text),
            span.start,
            span.end,
            None,
            passage_id,
        )

    def source_line(self, document: Document, passage: Passage | None) -> str:
        """Number, province and heading of what is answered from."""
        near = passage.path[-1] if passage and passage.path else ""
        above = passage.path[0] if passage and passage.path else ""
        path = " – ".join(dict.fromkeys(filter(None, (above[:60], near[:70]))))
        return self.texts("source_line", name=self._name(document), heading=self.texts("source_heading", heading=path) if path else "")

    def _source_of(self, chosen: Sequence[Hit]) -> str:
        """The source line of one document with its heading, or the names of several."""
        documents = {hit.document.document_id: hit.document for hit in chosen}
        if len(documents) == 1:
            return self.source_line(chosen[0].document, chosen[0].passage)
        return self.texts("source_line", name="; ".join(map(self._name, documents.values())), heading="")

    def _name(self, document: Document) -> str:
        m = document.metadata
        province = self._province(document)
        if m.reports_on:
            return self.texts("document_name.secondary", number=m.reports_on)
        if m.number and province:
            return self.texts("document_name.numbered", kind=m.kind, number=m.number, province=province)
        if m.number:
            return self.texts("document_name.numbered_bare", kind=m.kind, number=m.number)
        if province:
            return self.texts("document_name.unnumbered", kind=m.kind, province=province)
        return self.texts("document_name.bare", title=m.title or document.source_file)

    def _province(self, document: Document) -> str | None:
        return self.retriever.snapshot.collection.province(document)

    def _only_province(self, query: Query, chosen: Sequence[Hit]) -> str | None:
        found = {self._province(h.document) for h in chosen}
        if len(query.provinces) == 1:
            return query.provinces[0]
        return next(iter(found)) if len(found) == 1 else None


def _beside(hit: Hit, passage: Passage) -> Hit:
    """Another passage of the same document, told because of `hit`."""
    return replace(hit, passage=passage)
