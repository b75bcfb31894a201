"""Which documents are held: number, province and years of each, as the collection has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from actions.answering import LIMIT, Answerer
from actions.citing import Citing
from actions.headings import line_of
from actions.model import Answer, Citation, Context
from actions.texts import Texts
from knowledge.model import Document, Span

_NAMING = ("number", "title", "reports_on", "period")
"""Facts by whose lines a document is quoted, the most telling first."""


@dataclass(frozen=True)
class Holdings:
    """Words for what is held. Tables only; safe to share."""

    texts: Texts

    def told(self, answerer: Answerer, context: Context, on: date) -> Answer:
        """The published documents of the collection, as many as there is room for: talk about the assistant itself, with quotes."""
        collection = answerer.retriever.snapshot.collection
        if not collection.documents:
            return answerer.abstain(self.texts("held.none"), context)
        citing = Citing(answerer.retriever, answerer.texts)
        ordered = sorted(collection.documents, key=lambda d: (d.metadata.reports_on is not None, citing.province(d) or "", d.document_id))
        lines, closing = [self.texts("held.head")], self.texts("held.ask")
        citations: list[Citation] = []
        for document in ordered:
            line = self._line(citing, document)
            if len("\n".join([*lines, line, self.texts("held.more"), closing])) > LIMIT:
                closing = f"{self.texts('held.more')}\n{closing}"
                break
            lines.append(line)
            citations.append(citing.citation(document, _quoted(document), on))
        suggestions = tuple(self.texts("suggestions.province", province=province) for province in collection.provinces)
        years = [str(d.metadata.outlook_to.year) for d in ordered if d.metadata.outlook_to]
        told = Answer("smalltalk", "\n".join([*lines, closing]), tuple(citations), suggestions=suggestions, context=context)
        return answerer.finish(told, allowed=years)

    def _line(self, citing: Citing, document: Document) -> str:
        m, name = document.metadata, citing.name(document)
        if m.valid_from is None or m.valid_to is None:
            return self.texts("held.line", name=name)
        years = {"first": m.valid_from.year, "last": m.valid_to.year}
        if m.outlook_to:
            return self.texts("held.line_outlook", name=name, outlook=m.outlook_to.year, **years)
        return self.texts("held.line_years", name=name, **years)


def _quoted(document: Document) -> Span:
    """The line in which a document names itself; its first words where it does not."""
    facts = dict(reversed(document.metadata.facts))
    fact = next((facts[name] for name in _NAMING if name in facts), None)
    if fact is not None:
        return line_of(document, fact)
    return document.passages[0].span
