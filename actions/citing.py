"""Where something stands: citations, names of documents, the source line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from actions.clauses import clipped, excerpt
from actions.headings import is_bare, title_of
from actions.model import Citation
from actions.texts import Texts
from index.model import Hit, Query
from index.search import Retriever
from knowledge.model import Document, Passage, Span

_QUOTE = 700
"""Characters: a passage up to this long is quoted whole."""
_ABOVE = 160
"""Characters: a heading this near above a passage is quoted with it."""
_OUTER, _INNER = 60, 70
"""Characters of the outermost heading and of the others, in a source line."""


@dataclass(frozen=True)
class Citing:
    """Cites from one snapshot. Read-only; safe to share."""

    retriever: Retriever
    texts: Texts

    def cite(self, hit: Hit, query: Query, told: Span | None = None) -> Citation:
        """The passage as it stands, with its heading when that stands right above; of a long one the clauses that answer or were `told`."""
        passage = hit.passage
        span = self._with_content(hit) if passage.role == "heading" and told is None else passage.span
        if span.end - span.start > _QUOTE:
            span = excerpt(query, hit, self.retriever, _QUOTE).span
            if told and not (span.start <= told.start and told.end <= span.end):
                span = told
        elif passage.heading_spans and 0 <= span.start - passage.heading_spans[-1].start <= _ABOVE:
            span = Span(passage.heading_spans[-1].start, span.end)
        return self.citation(hit.document, span, query.as_of, passage)

    def _with_content(self, hit: Hit) -> Span:
        """A heading alone says little: it is quoted with the passages that follow it, as many as fit."""
        span, path = hit.passage.span, (*hit.passage.path, title_of(hit))
        under = (p.span for p in hit.document.passages if p.path[: len(path)] == path)
        ends = [inside.end for inside in under if span.start < inside.start and inside.end - span.start <= _QUOTE]
        return Span(span.start, max(ends, default=span.end))

    def citation(self, document: Document, span: Span, on: date, passage: Passage | None = None) -> Citation:
        """Words of a document, with what is known of it on that day."""
        m = document.metadata
        return Citation(
            document_id=document.document_id,
            source_file=document.source_file,
            number=m.number,
            title=m.title,
            province=self.province(document),
            issued_on=m.issued_on,
            valid_from=m.valid_from,
            valid_to=m.valid_to,
            status=self.retriever.snapshot.collection.status(document, on),
            heading_path=passage.path if passage else (),
            quote=span.of(document.text),
            start=span.start,
            end=span.end,
            page=document.page_at(span.start),
            passage_id=passage.passage_id if passage else None,
        )

    def source(self, told: Sequence[Hit]) -> str:
        """The source line: one document with the heading of what is told first, or the names of several."""
        documents = {hit.document.document_id: hit.document for hit in told}
        if len(documents) > 1:
            return self.texts("source_line", name="; ".join(map(self.name, documents.values())), heading="")
        document, path = told[0].document, told[0].passage.path
        heading = self.texts("source_heading", heading=_where(path)) if path else ""
        return self.texts("source_line", name=self.name(document), heading=heading)

    def source_of(self, document: Document) -> str:
        """The source line of a document as a whole."""
        return self.texts("source_line", name=self.name(document), heading="")

    def name(self, document: Document) -> str:
        """What a document is called where it is named as a source."""
        m = document.metadata
        province = self.province(document)
        if m.reports_on:
            return self.texts("document_name.secondary", number=m.reports_on)
        if m.number and province:
            return self.texts("document_name.numbered", kind=m.kind, number=m.number, province=province)
        if m.number:
            return self.texts("document_name.numbered_bare", kind=m.kind, number=m.number)
        if province:
            return self.texts("document_name.unnumbered", kind=m.kind, province=province)
        return self.texts("document_name.bare", title=m.title or document.source_file)

    def province(self, document: Document) -> str | None:
        """The province a document is about."""
        return self.retriever.snapshot.collection.province(document)


def _where(path: Sequence[str]) -> str:
    """The outermost and the innermost heading, and above a bare one ("a) Mục tiêu") the next that says something."""
    last = len(path) - 1
    telling = next((at for at in range(last, 0, -1) if not is_bare(path[at])), last)
    named = [clipped(path[0], _OUTER), *(clipped(path[at].rstrip(" .:"), _INNER) for at in sorted({telling, last}))]
    return " – ".join(dict.fromkeys(named))
