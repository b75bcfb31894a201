"""An answer from what a document says of itself: number, date, signer, issuer, period, legal basis, title."""

from __future__ import annotations

from dataclasses import dataclass

from actions.citing import Citing
from actions.clauses import clipped, shown
from actions.headings import line_of, position_of
from actions.model import Answer, Context
from actions.notices import Notices
from actions.texts import Texts
from index.model import Query
from index.search import Retriever, Scope, names
from knowledge.model import Document, Fact, Passage, Span
from knowledge.text import fold
from knowledge.validity import may_hold

_BASIS = 300
"""Characters of a legal basis; of one of several paragraphs half of it."""
_CITED = 3
_MORE = 0.3
"""By so much more of the question stands in a clause of the text than in the legal basis, where it is not the basis that is asked for."""
_LOOKED_AT = 8
"""Hits among which both are looked for."""
_AS_VALUE = ("number", "based_on", "signer", "issuer", "period")
"""Facts told by their value; the others by the line they stand in."""


@dataclass(frozen=True)
class FactTeller:
    """Tells facts of one snapshot's documents. Read-only; safe to share."""

    retriever: Retriever
    citing: Citing
    notices: Notices
    texts: Texts

    def tell(self, query: Query, scope: Scope, context: Context) -> tuple[Answer, str] | None:
        """The answer and its source line; an `abstain` where the document does not say it; None where no fact of one document is asked."""
        documents = self._asked(scope, context)
        if (then := query.moment) and then.holding and query.fact != "period":  # whether it holds is told of every document
            documents = [d for d in documents if may_hold(d.metadata, then.first, then.last)]
        if len(documents) != 1 or query.fact is None:
            return None
        document = documents[0]
        if query.numbers and not any(names(number, document.metadata.number or "") for number in query.numbers):
            return None  # asked of a decree that the plan cites
        if query.fact == "based_on" and self._within(query, scope):
            return None
        facts = [fact for name, fact in document.metadata.facts if name == query.fact]
        province = self.citing.province(document) or ""
        kept = Context(context.question, province or None, document.document_id, ())
        if not facts:
            field = self.texts(f"facts.fields.{query.fact}")
            return Answer("abstain", self.texts("facts.missing", province=province, field=field), context=kept), ""
        hits = self.retriever.search(query, 2, scope)
        basis = self._basis(document) if query.fact == "based_on" else []
        citations = (
            *(self.citing.citation(document, p.span, query.as_of, p) for p in basis),
            *(self.citing.citation(document, self._span(query.fact, document, fact), query.as_of) for fact in facts[:2]),
            *(self.citing.cite(hit, query) for hit in hits if hit.document == document),
        )[:_CITED]
        collection = self.retriever.snapshot.collection
        merged = self.notices.merger(query.provinces, [province], query.as_of)
        notices = (*self.notices.validity(document, collection, query.as_of, query.moment), *merged)
        others = [p for p in collection.provinces if p != province][:2]
        suggestions = tuple(self.texts("suggestions.province", province=p) for p in others)
        said = [self._words(query.fact, document, facts), *self._beside(query, document)]
        answer = Answer("answer", "\n".join(said), citations, (), notices, suggestions, context=kept)
        return answer, self.citing.source_of(document)

    def _within(self, query: Query, scope: Scope) -> bool:
        """Whether something the document orders is asked about ("xét vốn theo luật nào"), and not what it rests on itself."""
        share = {"body": 0.0, "front": 0.0}
        for hit in self.retriever.search(query, _LOOKED_AT, scope):
            if hit.passage.role in share:
                share[hit.passage.role] = max(share[hit.passage.role], self.retriever.clause_coverage(query, hit))
        return share["body"] > share["front"] + _MORE

    def _beside(self, query: Query, document: Document) -> list[str]:
        """The further fields asked for, where the document says them."""
        held = [(name, [fact for its, fact in document.metadata.facts if its == name]) for name in query.also]
        return [self._words(name, document, facts) for name, facts in held if facts]

    def _words(self, name: str, document: Document, facts: list[Fact]) -> str:
        quote = shown(line_of(document, facts[0]).of(document.text))
        value = ", ".join(fact.value for fact in facts) if name in _AS_VALUE else quote
        said = self.texts(f"facts.{name}", value=value.rstrip("."), quote=quote.rstrip("."))
        if name == "based_on":
            quotes = [shown(p.text) for p in self._basis(document)] or [quote]
            said = "\n".join([said, *(clipped(words, _BASIS // min(len(quotes), 2)) for words in quotes[:_CITED])])
        if name == "signer" and (position := position_of(document, facts[0])):
            lines = Span(position.start, facts[0].span.start).of(document.text).replace("*", " ").split("\n")
            said += f"\n{self.texts('facts.position', position=', '.join(line.strip() for line in lines if line.strip()))}"
        return said

    def _basis(self, document: Document) -> list[Passage]:
        """The paragraphs of the legal basis."""
        front = (p for p in document.passages if p.role == "front")
        return [p for p in front if fold(p.text).startswith(("can cu ", "thuc hien quyet dinh so"))]

    def _span(self, name: str, document: Document, fact: Fact) -> Span:
        """What is quoted: the lines of the fact; of a signer also those that say the position."""
        return (position_of(document, fact) if name == "signer" else None) or line_of(document, fact)

    def _asked(self, scope: Scope, context: Context) -> list[Document]:
        """The originals in scope; without a scope, the document talked about."""
        ids = scope.document_ids or ({context.document_id} if context.document_id else set())
        return [d for d in self.retriever.snapshot.collection.documents if d.document_id in ids and not d.metadata.reports_on]
