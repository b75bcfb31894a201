"""The values of the ground floor. All frozen; spans are half-open, in code points of the document's NFC text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Status = Literal["ended", "in_force", "future", "replaced", "unknown"]
State = Literal["draft", "review", "published", "retired"]
RelationKind = Literal["replaces", "replaced_by", "amends"]


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]`, half-open."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The words that stand there."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Fact:
    """One field read off a document: the value in canonical form, and where the document says so."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Relation:
    """What a document is to another one: `number` is the other's, `source` the words that say so (of the document, or of staff)."""

    kind: RelationKind
    number: str
    since: date | None = None
    """None: since the newer one holds."""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the document says of itself. What cannot be read off is None and named in `warnings`: never guessed.

    `facts` maps a field's name (number, issued_on, signer, issuer, title, period, based_on …) to where it stands.
    """

    kind: str | None
    number: str | None
    title: str | None
    issuer: str | None
    province: str | None
    issued_on: date | None
    signer: str | None
    valid_from: date | None
    valid_to: date | None
    outlook_to: date | None
    based_on: tuple[str, ...]
    reports_on: str | None
    """The number of the document that a secondary source (a newspaper article) tells about."""
    facts: tuple[tuple[str, Fact], ...] = ()
    warnings: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()

    def fact(self, name: str) -> Fact | None:
        """The first fact of that name."""
        return next((f for n, f in self.facts if n == name), None)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it, down to the next heading of its level or above."""

    title: str
    level: int
    span: Span
    """Heading and body."""
    heading: Span
    path: tuple[str, ...]
    """Titles from the outermost heading down to this one."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One clause, item or paragraph: the smallest thing that is cited."""

    passage_id: str
    document_id: str
    text: str
    span: Span
    path: tuple[str, ...]
    heading_spans: tuple[Span, ...] = ()
    """Where the headings of `path` stand, outermost first."""
    lead: str | None = None
    """The line a list hangs on ("2. Mục tiêu cụ thể đến năm 2020:", "Về cai nghiện ma túy:"), where it is no heading."""
    role: Literal["body", "front", "closing", "heading"] = "body"
    """front: title and legal basis; closing: last paragraph, recipients, signature; heading: the title of a section, alone."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read: its NFC text, its outline, its passages and what it says of itself."""

    document_id: str
    source_file: str
    text: str
    metadata: Metadata
    sections: tuple[Section, ...] = ()
    passages: tuple[Passage, ...] = field(default=(), repr=False)
    pages: int | None = None
    ocr: bool = False

    def page_at(self, position: int) -> int | None:
        """The page, from 1, on which that code point stands; None for a document without pages. A form feed begins every further page."""
        return None if self.pages is None else self.text.count("\f", 0, position) + 1


@dataclass(frozen=True, slots=True)
class Hotline:
    """A row of the directory. `hours` is what people read; `opening` decides whether it is open (see directory.py)."""

    name: str
    phone: str
    hours: str
    opening: str
    cost: str
    purposes: tuple[str, ...]
    area: str
    source: str
    checked_on: date | None
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure card of the directory: what somebody needs to know before going there. `words`: what people call it.

    `province`: a province or "Toàn quốc"; `phone`: where one can ask about it.
    """

    name: str
    words: tuple[str, ...]
    province: str
    who: str
    papers: str
    where: str
    how_long: str
    fee: str
    legal_basis: str
    phone: str
    hours: str
    source: str
    checked_on: date | None

    @property
    def area(self) -> str:
        """For whom it is, as a hotline says it."""
        return self.province
