"""The values that walk back up the stair: Message in, Answer out. All frozen. The JSON form of Answer is the public contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from knowledge.model import Status

Kind = Literal["answer", "clarify", "abstain", "urgent", "handover", "smalltalk"]


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote, cleaned (NFC, no control characters), with the day it is asked for and the moment it came."""

    conversation_id: str
    text: str
    message_id: str
    received_at: datetime
    as_of: date
    channel: str = "api"
    province: str | None = None
    """The one that the person has chosen for all questions that name none."""


@dataclass(frozen=True, slots=True)
class Citation:
    """Words of a document, unchanged: `quote == document.text[start:end]` (code points of the NFC text)."""

    document_id: str
    source_file: str
    number: str | None
    title: str | None
    province: str | None
    issued_on: date | None
    valid_from: date | None
    valid_to: date | None
    status: Status
    heading_path: tuple[str, ...]
    quote: str
    start: int
    end: int
    page: int | None = None
    passage_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The citation of the contract. `passage_id` is an extra that links to the passage in its document."""
        return {
            "document_id": self.document_id,
            "source_file": self.source_file,
            "number": self.number,
            "title": self.title,
            "province": self.province,
            "issued_on": _iso(self.issued_on),
            "valid_from": _iso(self.valid_from),
            "valid_to": _iso(self.valid_to),
            "status": self.status,
            "heading_path": list(self.heading_path),
            "page": self.page,
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "passage_id": self.passage_id,
        }


@dataclass(frozen=True, slots=True)
class ShownHotline:
    """A number of the directory as it is shown at one moment; `open_now` is None where the hours are not known."""

    name: str
    phone: str
    hours: str
    open_now: bool | None
    source: str

    def as_json(self) -> dict[str, Any]:
        """The hotline of the contract."""
        return {"name": self.name, "phone": self.phone, "hours": self.hours, "open_now": self.open_now, "source": self.source}


Cited = tuple[str, int, int]
"""A place in a document: its id, and the half-open span in code points of its NFC text."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a conversation remembers between turns. Small, serialisable, and enough to read "Còn ở Cà Mau?"."""

    question: str | None = None
    """The last question as it was understood, in words that stand on their own but for the place."""
    province: str | None = None
    document_id: str | None = None
    shown: tuple[str, ...] = ()
    """Passage ids already shown for `question`, so that "còn gì nữa không" goes on after them."""
    topic: str | None = None
    """What it is about, where it only asked after something ("ai chủ trì?")."""
    cited: tuple[Cited, ...] = ()
    """Where the last answer stands, for "nguồn ở đâu"."""
    phones: tuple[str, ...] = ()
    """Numbers that the last answer gave out of the directory."""
    told: tuple[str, ...] = ()
    """Passage ids told in full, so that "nói rõ hơn" goes on after them."""
    preferred: str | None = None
    """The province that the person has chosen for all questions that name none."""

    def preferring(self, province: str | None) -> Context:
        """With the province chosen: it is the one talked about where none is, or where the choice is newer than the talk."""
        if province == self.preferred:
            return replace(self, province=self.province or province)
        return replace(self, preferred=province, province=province or self.province, shown=(), cited=(), told=())

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Context:
        """The inverse of `dataclasses.asdict` through JSON; what another version did not write is empty."""
        return cls(
            raw.get("question"),
            raw.get("province"),
            raw.get("document_id"),
            tuple(raw.get("shown") or ()),
            raw.get("topic"),
            tuple((str(document), int(start), int(end)) for document, start, end in raw.get("cited") or ()),
            tuple(raw.get("phones") or ()),
            tuple(raw.get("told") or ()),
            raw.get("preferred"),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person is shown, and everything it stands on."""

    kind: Kind
    text: str
    citations: tuple[Citation, ...] = ()
    hotlines: tuple[ShownHotline, ...] = ()
    notices: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    case_id: str | None = None
    context: Context = field(default_factory=Context)

    def as_json(self, *, conversation_id: str, message_id: str, latency_ms: float) -> dict[str, Any]:
        """The answer object of the contract."""
        return {
            "conversation_id": conversation_id,
            "message_id": message_id,
            "kind": self.kind,
            "text": self.text,
            "citations": [c.as_json() for c in self.citations],
            "hotlines": [h.as_json() for h in self.hotlines],
            "notices": list(self.notices),
            "case_id": self.case_id,
            "suggestions": list(self.suggestions),
            "latency_ms": round(latency_ms, 1),
        }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
